"""The English dictionary, and words that follow from its words by rule.

An entry is the usual pronunciation, and others by part of speech (the tags of the Penn Treebank, or NOUN, VERB and
ADJ); "None" is that at the end of a phrase. `english.md` says where the entries come from.
"""

from __future__ import annotations

import gzip
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TypeAlias

Entry: TypeAlias = Mapping[str, str]
"""Tag to phonemes; the usual ones are "DEFAULT"."""

VOWELS = frozenset("AIOQWYaiuæɑɐɒɔəɛɜɪʊʌᵻ")
_VOICELESS = frozenset("fhkpsʃtʧθ")
_SIBILANTS = frozenset("szʃʒʧʤ")
_FLAPPED_AFTER = VOWELS | {"ɹ"}
_CLITICS = {"'ll": "ᵊl", "'ve": "əv", "'re": "əɹ", "'m": "əm"}


class Lexicon:
    """Pronunciations by spelling.

    Args:
        lines: spelling to what `parse_entry` reads.
    """

    def __init__(self, lines: Mapping[str, str]) -> None:
        self._lines = lines

    def find(self, word: str) -> Entry | None:
        """The entry of a word, of its lower-case or capitalized form, or one derived from its stem; else None."""
        lower = word.lower()
        for form in dict.fromkeys((word, lower, lower.capitalize())):
            if form in self._lines:
                return parse_entry(self._lines[form])
        return self._derived(lower)

    def exactly(self, word: str) -> Entry | None:
        """The entry of precisely this spelling."""
        return parse_entry(self._lines[word]) if word in self._lines else None

    def _derived(self, word: str) -> Entry | None:
        """The entry of a form of a word that has one. Source of the endings' sounds: any English grammar."""
        for clitic, sound in _CLITICS.items():
            if word.endswith(clitic) and (stem := self.find(word[: -len(clitic)])):
                return {tag: phonemes + sound for tag, phonemes in stem.items()}
        if word.endswith("'d") and (stem := self.find(word[:-2])):
            return _each(stem, _past)
        if word.endswith("in'") and (stem := self.find(f"{word[:-1]}g")):
            return _each(stem, lambda phonemes: phonemes[:-1] + "n" if phonemes.endswith("ŋ") else phonemes)
        if word.endswith("'"):
            return self.find(word[:-1])
        for ending, stems, change in (
            ("s", _stems_before_s, plural),
            ("ed", _stems_before_ed, _past),
            ("ing", _stems_before_ing, _progressive),
        ):
            for form in stems(word) if word.endswith(ending) else ():
                if form in self._lines:
                    return _each(parse_entry(self._lines[form]), change)
        if word.endswith("'s") and (stem := self.find(word[:-2])):
            return _each(stem, plural)
        return None

    def spell(self, letters: str) -> str:
        """Letters by their names, without accents, said as one: only the last is fully stressed."""
        entries = (self.find(unicodedata.normalize("NFD", letter)[0].upper()) for letter in letters)
        names = [entry["DEFAULT"] for entry in entries if entry]
        return "".join([*(name.replace("ˈ", "ˌ") for name in names[:-1]), *names[-1:]])


@cache
def english_lexicon() -> Lexicon:
    """The dictionary that ships with hybrid-tok."""
    packed = files("hybrid_tok.phonemes").joinpath("english.tsv.gz").read_bytes()
    rows = (line.partition("\t") for line in gzip.decompress(packed).decode().splitlines())
    return Lexicon(MappingProxyType({word: entry for word, _, entry in rows}))


def parse_entry(line: str) -> Entry:
    """ "jˈuz\\tNOUN=jˈus" as {"DEFAULT": "jˈuz", "NOUN": "jˈus"}."""
    default, *others = line.split("\t")
    entry = {"DEFAULT": default}
    for other in others:
        tag, _, phonemes = other.partition("=")
        entry[tag] = phonemes
    return entry


def plural(phonemes: str) -> str:
    """With the ending of plurals, possessives and third persons: [s], [z], or a syllable after a sibilant."""
    if not phonemes:
        return ""
    last = phonemes[-1]
    return phonemes + ("ᵻz" if last in _SIBILANTS else "s" if last in _VOICELESS else "z")


def _past(phonemes: str) -> str:
    if phonemes[-1:] not in ("t", "d"):
        return phonemes + ("t" if phonemes[-1:] in _VOICELESS else "d")
    return f"{_flapped(phonemes)}ᵻd"


def _progressive(phonemes: str) -> str:
    return f"{_flapped(phonemes)}ɪŋ"


def _flapped(phonemes: str) -> str:
    """American [t] between a vowel and an ending that begins with one."""
    return f"{phonemes[:-1]}ɾ" if phonemes[-1:] == "t" and phonemes[-2:-1] in _FLAPPED_AFTER else phonemes


def _stems_before_s(word: str) -> list[str]:
    stems = [] if word.endswith(("ss", "'s")) or len(word) < 3 else [word[:-1]]
    if word.endswith("ies") and len(word) > 4:
        stems.append(f"{word[:-3]}y")
    elif word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")) and len(word) > 4:
        stems.append(word[:-2])
    return stems


def _stems_before_ed(word: str) -> list[str]:
    """What "-ed" may have been put to: "bake", "walk", "plan", "try"."""
    stem = word[:-2]
    stems = [f"{stem}e", stem, *_undoubled(stem)]
    if stem.endswith("i"):
        stems.append(f"{stem[:-1]}y")
    return [form for form in stems if len(form) > 2]


def _stems_before_ing(word: str) -> list[str]:
    """What "-ing" may have been put to: "walk", "plan", "bake"."""
    stem = word[:-3]
    return [form for form in (stem, *_undoubled(stem), f"{stem}e") if len(form) > 2]


def _undoubled(stem: str) -> list[str]:
    return [stem[:-1]] if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] in "bcdgklmnprstvz" else []


def _each(entry: Entry, change: Callable[[str], str]) -> Entry:
    return {tag: change(phonemes) for tag, phonemes in entry.items()}
