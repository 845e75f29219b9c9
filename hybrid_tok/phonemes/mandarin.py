"""Mandarin to Kokoro's phonemes: characters to words (jieba), to pinyin (pypinyin), to symbols (misaki).

Kokoro's Mandarin was trained on pinyin with the tones of a dictionary; the change of tones between words it has learned
from the sound, so that none is written here. Spaces stand between words of several characters.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

from hybrid_tok.core.spacing import IDEOGRAPHIC
from hybrid_tok.errors import BackendError
from hybrid_tok.phonemes.english import phonemize_english
from hybrid_tok.phonemes.marks import core_of, plain, punctuation_after
from hybrid_tok.phonemes.reader import IpaReader
from hybrid_tok.phonemes.symbols import known_symbols

_LIBRARIES = ("cn2an", "jieba", "misaki", "ordered_set", "pypinyin")
_CHARACTER = re.compile(f"[{IDEOGRAPHIC}]")
_KANA = re.compile("[\u3040-\u30ff]")
_COUNTED = "个位次年种本只条点倍张块"
"""Measure words before which 2 is 两 and not 二."""


def can_read_mandarin() -> bool:
    """Whether the libraries of the extra `zh` are installed."""
    return all(find_spec(library) for library in _LIBRARIES)


def phonemize_mandarin(words: Sequence[str], ipa: IpaReader) -> tuple[str, ...]:
    """The phonemes of each character or foreign word, with a space at its end where a word ends.

    Raises:
        BackendError: the extra `zh` is not installed.
    """
    _require()
    plains = [plain(word) for word in words]
    cores = [_KANA.sub("", core_of(word)) for word in plains]
    sounds = [""] * len(words)
    foreign = [i for i, core in enumerate(cores) if re.search(r"[^\W\d_]", core) and not _CHARACTER.search(core)]
    for i, said in zip(foreign, phonemize_english([plains[i] for i in foreign], ipa), strict=True):
        sounds[i] = f"{said} " if said else ""
    # characters between marks and foreign words, with the word each belongs to
    runs: list[list[tuple[int, str]]] = [[]]
    for i, core in enumerate(cores):
        if sounds[i]:
            runs.append([])
            continue
        following = _CHARACTER.match(cores[i + 1]) if i + 1 < len(cores) else None
        runs[-1] += ((i, char) for char in _characters(core, following[0] if following else ""))
        if punctuation_after(plains[i]):
            runs.append([])
    for run in runs:
        for (i, _), syllable in zip(run, _syllables("".join(char for _, char in run)), strict=True):
            sounds[i] += syllable
    for i in set(range(len(words))).difference(foreign):
        if sounds[i] and (marks := punctuation_after(plains[i])):
            sounds[i] = f"{sounds[i].rstrip()}{marks} "
    if said := [i for i, sound in enumerate(sounds) if sound]:
        sounds[said[-1]] = sounds[said[-1]].rstrip()
    return tuple(sounds)


def _characters(core: str, following: str) -> list[str]:
    """The Chinese characters that are read for a word.

    Args:
        following: the next character, which tells a year, a date or a count from other numbers.
    """
    if any(map(str.isdigit, core)) and not _CHARACTER.search(core):
        core = _spoken_number(core, following)
    return _CHARACTER.findall(core)


def _spoken_number(number: str, following: str) -> str:
    """A number as it is read: 2024 before 年 digit by digit."""
    import cn2an

    if number == "2" and following in _COUNTED:
        return "两"
    number = re.sub(r"(?<=\d):(?=\d)", "点", number.replace(",", ""))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="cn2an")  # of a number too long, which it leaves as it is
        spoken = cn2an.transform(number + following, "an2cn").removesuffix(following)
    return re.sub(r"\d", lambda digit: "零一二三四五六七八九"[int(digit[0])], spoken)


def _syllables(text: str) -> list[str]:
    """The phonemes of each character, after the last of a word with a space."""
    from pypinyin import Style, lazy_pinyin

    syllables: list[str] = []
    for word in _segmenter().lcut(text) if text else ():
        # one string for each character, whatever it is; the library's type hints lack the list
        silent: Any = lambda unknown: [""] * len(unknown)  # noqa: E731
        pinyin = lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True, errors=silent)
        syllables += map(_symbols, pinyin)
        if syllables[-1]:
            syllables[-1] += " "
    return syllables


@cache
def _segmenter() -> Any:
    """jieba's tokenizer, without its cache file in the system's temporary folder and its messages about it."""
    import jieba

    segmenter = jieba.Tokenizer()
    segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(segmenter.get_dict_file())
    segmenter.initialized = True
    return segmenter


@cache
def _symbols(pinyin: str) -> str:
    from misaki.zh import ZHG2P

    try:
        return known_symbols(ZHG2P.py2ipa(pinyin)) if pinyin else ""
    except (ValueError, AssertionError):  # interjections that have no usual syllable
        return ""


@cache
def _require() -> None:
    """Import the libraries once.

    Raises:
        BackendError: one of them is missing.
    """
    try:
        with warnings.catch_warnings():
            # of jieba's own source, and of its use of pkg_resources
            warnings.simplefilter("ignore")
            import cn2an  # noqa: F401
            import jieba  # noqa: F401
            import misaki.zh  # noqa: F401
            import pypinyin  # noqa: F401
    except ImportError as error:
        raise BackendError(
            f'reading Chinese needs {error.name}: pip install "hybrid-tok[zh]" (Python below 3.13)'
        ) from None
