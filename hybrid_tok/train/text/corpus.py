"""The text that the text model is trained on: lines by language, some of them held out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

HELD_OUT = 20
"""Every 20th line of a language in a file is kept out of training, to measure on."""

_SMALLEST_SHARE = 0.05
"""A file holds a language if so many of its lines are in it; fewer are taken for errors of `language_of`."""

_BALANCE = 0.5
"""Exponent between languages weighted as they occur (0) and equally (1).

Tokens at 32,768 pieces: 0.5 costs 6% more than 0 in English and 2 to 10% less in the other languages; 1 costs another
11% in English and 1 to 4% less in the others.
"""

_HAN = re.compile(r"[\u4e00-\u9fff]")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_PINYIN = re.compile(r"[āēīōūǎěǐǒǔǖǘǚǜ]")
_WORD = re.compile(r"\w+")
_MARKUP = str.maketrans("", "", "\ufeff_")
"""A byte order mark, and the underscores that novels as plain text have around italics."""

_MARKS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "en": ("the of and to a in that he was it i you his with for as had is not be at on by her", ""),
        "de": (
            "der die das und ist ein eine einen nicht ich du er sie es wir ihr mit von zu auf für den dem des im in am"
            " an auch sich wie war hat sind aber wenn nur noch man kann bei so nach aus über als werden wird was",
            "äöüß",
        ),
        "fr": (
            "le la les des un une et est il elle je tu nous vous ils que qui dans ce cette sur pour pas ne au aux du de"
            " en par se son sa ses avec plus mais a à ou où on rue avenue place chemin c l d j n qu s",
            "éèêàçùœîôâûë",
        ),
        "nl": (
            "de het een en is ik je jij hij zij ze we wij niet van te dat die op in met voor aan er om ook maar was heb"
            " heeft zijn naar bij als dit deze nog wat hoe door over geen kan mijn wordt worden u",
            "",
        ),
    }
)
"""Common short words of each language in Latin letters, and its letters with marks."""

_COMMON: Mapping[str, frozenset[str]] = MappingProxyType(
    {language: frozenset(words.split()) for language, (words, _) in _MARKS.items()}
)


def read_languages(file: Path) -> dict[str, list[str]]:
    """The lines of a file by language, single-spaced, without markup.

    Lines in pinyin, which no recognizer writes, are left out. Those of no known language, or of one that is rare in the
    file, count as the file's main language.
    """
    lines = [" ".join(line.translate(_MARKUP).split()) for line in file.read_text("utf-8").splitlines()]
    found = [(language_of(line), line) for line in lines if line and not _PINYIN.search(line)]
    counts = Counter(language for language, _ in found if language)
    main = counts.most_common(1)[0][0] if counts else "en"
    languages: dict[str, list[str]] = {}
    for language, line in found:
        common = language and counts[language] >= _SMALLEST_SHARE * len(found)
        languages.setdefault(language if common else main, []).append(line)
    return languages


def language_of(line: str) -> str:
    """`zh` or `ru` by script; `en`, `de`, `fr` or `nl` by words and letters, empty where these do not tell."""
    if _HAN.search(line):
        return "zh"
    if _CYRILLIC.search(line):
        return "ru"
    text = line.lower()
    words = _WORD.findall(text)
    scores = {
        language: sum(word in _COMMON[language] for word in words) + sum(map(text.count, letters))
        for language, (_, letters) in _MARKS.items()
    }
    first, second = sorted(scores, key=lambda language: -scores[language])[:2]
    return first if scores[first] > scores[second] else ""


def split_held_out(lines: list[str]) -> tuple[list[str], list[str]]:
    """Lines to train on, and those held out."""
    held_out = lines[HELD_OUT - 1 :: HELD_OUT]
    return [line for index, line in enumerate(lines, 1) if index % HELD_OUT], held_out


def balance(languages: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """How many times each language's lines count, so that languages with little text have pieces of their own."""
    sizes = {language: sum(map(len, lines)) for language, lines in languages.items()}
    largest = max(sizes.values())
    return {language: round((largest / size) ** _BALANCE) for language, size in sizes.items()}
