"""English text to Kokoro's phonemes: the dictionary, what numbers and abbreviations stand for, and context.

The unstressed forms of "the", "a", "an", "to", "am" and "in" are those of misaki 0.9.4, on which Kokoro was trained.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from types import MappingProxyType

from hybrid_tok.normalize import read_words
from hybrid_tok.normalize.numbers import Spoken, integer, roman
from hybrid_tok.normalize.spoken import ways_of
from hybrid_tok.normalize.tables import ABBREVIATIONS, MAGNITUDES, UNITS
from hybrid_tok.phonemes.ipa import english_symbols
from hybrid_tok.phonemes.lexicon import VOWELS, Entry, english_lexicon, plural
from hybrid_tok.phonemes.marks import core_of, plain, punctuation_after, sayable
from hybrid_tok.phonemes.reader import IpaReader

_SAID: Mapping[str, Spoken] = MappingProxyType(
    {
        "24/7": ("twenty", "four", "seven"),
        "9/11": ("nine", "eleven"),
        "w/o": ("without",),
        "w/": ("with",),
        "50/50": ("fifty", "fifty"),
        "'n'": ("and",),
        "at&t": ("a.", "t.", "and", "t."),
    }
)
"""What no rule would say right."""

_WORDS_TOO = frozenset(
    (
        *("al", "ave", "co", "col", "ed", "est", "ext", "fig", "gen", "mar", "min", "mo", "mon", "no", "nos", "pres"),
        *("rep", "rev", "sat", "sec", "sen", "sun", "vol", "wed", "ch", "in", "pp", "sep"),
    )
)
"""Abbreviations that are words or parts of names at the end of a sentence; they stand for more before a number only."""

_INITIALS = frozenset(
    ("AD", "COO", "ER", "ETA", "GI", "ID", "IT", "LA", "LED", "MA", "OD", "OS", "PA", "POW", "TA", "US")
)
"""Words that, in capitals among small letters, are names spelled by their letters."""

_NO_UNITS = frozenset(("in",))
"""Units that are more often words, even after a number."""

_DETERMINERS = frozenset(("a", "an", "the", "this", "that", "my", "your", "his", "its", "our", "their", "any", "every"))
_BEFORE_VERBS = frozenset(
    (
        *("to", "will", "would", "can", "could", "should", "must", "may", "might", "shall", "let's", "i", "you", "we"),
        *("they", "he", "she", "it", "who", "can't", "won't", "don't", "didn't", "doesn't", "couldn't", "wouldn't"),
        *("shouldn't", "i'll", "you'll", "we'll", "they'll", "he'll", "she'll", "it'll", "cannot"),
    )
)
_BE = frozenset(("is", "are", "was", "were", "be", "been", "being", "isn't", "aren't", "wasn't", "weren't"))
_HAVE = frozenset(("have", "has", "had", "i've", "you've", "we've", "they've", "haven't", "hasn't", "hadn't"))
_NOUN_OR_ADJECTIVE = frozenset(("close", "closer", "upset"))
"""Words that after "the" may be an adjective that sounds otherwise than the noun."""

_PAUSES = frozenset(",.;:!?—…")


@dataclass(frozen=True, slots=True)
class _Said:
    """A spoken word.

    Attributes:
        owner: index of the written word it belongs to.
        text: lower-case spelling.
        entry: its pronunciations; None where an `IpaReader` must read it.
        stress: mark that it gets if it has none: capitals are stressed.
        after: punctuation after it.
    """

    owner: int
    text: str
    entry: Entry | None
    stress: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class _Written:
    """A piece of text between spaces or dashes, and its likeliest readings."""

    owner: int
    text: str
    readings: tuple[Spoken, ...]

    @property
    def core(self) -> str:
        return core_of(self.text)


def phonemize_english(words: Sequence[str], ipa: IpaReader) -> tuple[str, ...]:
    """The phonemes of each word."""
    written = _written(words)
    shouted = len(written) > 3 and not any(map(str.islower, "".join(words)))
    said: list[_Said] = []
    for index, piece in enumerate(written):
        before = written[index - 1] if index else None
        after = written[index + 1] if index + 1 < len(written) else None
        spoken = _spoken(piece, before, after, shouted)
        if spoken:
            spoken[-1] = replace(spoken[-1], after=_marks(piece, after))
        said += spoken
    said = _read_unknown(said, ipa)
    phonemes: list[list[str]] = [[] for _ in words]
    begins_with_vowel: bool | None = None
    for index in range(len(said) - 1, -1, -1):
        word = said[index]
        if not _PAUSES.isdisjoint(word.after):
            begins_with_vowel = None
        sounds = _in_context(said, index, begins_with_vowel)
        begins_with_vowel = next((char in VOWELS for char in sounds if char not in "ˈˌ"), begins_with_vowel)
        if sounds:
            phonemes[word.owner].insert(0, sounds.replace("ɾ", "T").replace("ʔ", "t") + word.after)
    return tuple(" ".join(parts) for parts in phonemes)


def _written(words: Sequence[str]) -> list[_Written]:
    """The words, divided at dashes between letters, with their readings in context."""
    pieces: list[tuple[int, str]] = []
    for owner, word in enumerate(words):
        divided = re.sub(r"(?<=[^\W\d_])(—|-{2,}|…|\.{3,})(?=[^\W\d_])", r"\1 ", sayable(plain(word)))
        pieces += ((owner, part) for part in divided.split())
    readings: list[tuple[Spoken, ...]] = []
    for word in read_words(" ".join(part for _, part in pieces)):
        texts = word.text.split()
        # a word without sound belongs to the one before it, and at the beginning to the one after it
        place = next((i for i, text in enumerate(texts) if ways_of(text)), 0)
        readings += (word.spoken if i == place else () for i in range(len(texts)))
    return [_Written(owner, part, found) for (owner, part), found in zip(pieces, readings, strict=True)]


def _marks(piece: _Written, after: _Written | None) -> str:
    """The punctuation after a piece; the full stop of an abbreviation ends a sentence at the end of the text only."""
    marks = punctuation_after(piece.text)
    short = _is_abbreviated(piece, after) or re.fullmatch(r"([^\W\d_]\.)+[^\W\d_]|[A-HJ-Z]", piece.core)
    return marks.replace(".", "") if short and after is not None else marks


def _is_abbreviated(piece: _Written, after: _Written | None) -> bool:
    """Whether a piece stands for other words: "Dr.", and "no." before a number."""
    lower = piece.core.lower()
    if lower not in ABBREVIATIONS or piece.readings[:1] in ((), ((lower,),)):
        return False
    return lower not in _WORDS_TOO or (after is not None and any(map(str.isdigit, after.core)))


def _spoken(piece: _Written, before: _Written | None, after: _Written | None, shouted: bool) -> list[_Said]:
    """What is said for a piece."""
    core = piece.core
    lower = core.lower()
    if (said := _SAID.get(lower) or _SAID.get(piece.text)) is not None:
        return _words_of(said, piece.owner)
    if (
        before is not None
        and before.core[-1:].isdigit()
        and lower in UNITS
        and lower not in _NO_UNITS
        and len(lower) > 1
    ):
        return _words_of(UNITS[lower][0], piece.owner)
    if not piece.readings:
        return []
    if _is_abbreviated(piece, after):
        # "Baker St. is", "St. Mary"
        named = before is not None and before.core[:1].isupper() and not (after and after.core[:1].isupper())
        if named and lower in ("st", "dr"):
            return _words_of(piece.readings[1], piece.owner)
        return _words_of(_first_known(piece.readings), piece.owner)
    if lower in MAGNITUDES:
        return _words_of(piece.readings[0], piece.owner)  # with the coin of "$2 million"
    if len(core) > 1 and not shouted and set(core) <= set("IVX") and roman(core):
        return _words_of(piece.readings[0], piece.owner)
    if house := re.fullmatch(r"(\d{1,4})([A-LN-Z])", core):
        return _words_of((*integer(house[1])[0], f"{house[2].lower()}."), piece.owner)
    if re.fullmatch(r"[\d.,]+m", core):
        return _words_of(next((way for way in piece.readings if "meters" in way), piece.readings[0]), piece.owner)
    parts = core.split("-") if "-" in core else core.split("/")
    if all(re.fullmatch(r"[^\W\d_]+('[^\W\d_]+)*'?", part) for part in parts):
        if len(parts) > 1 and (entry := english_lexicon().find(core)):
            return [_Said(piece.owner, lower, entry)]
        humps = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", core)
        unknown = not core[:-1].isupper() and not english_lexicon().find(core)  # "CEOs" is one
        if unknown and "".join(humps) == core and all(map(_is_name, humps)):
            parts = humps  # "OpenAI"
        starts = before is None or before.text.rstrip("\"')”’").endswith((".", "!", "?"))
        return [_word(part, piece.owner, shouted, starts) for part in parts]
    names = core.split(".")
    if len(names) > 1 and all(names) and piece.readings[0] == (lower.replace(".", ""),):  # "talk.wav", "1.2.1"
        dot = "point" if core.replace(".", "").isdigit() else "dot"
        first, *others = (ways_of(name)[:1] or ((),) for name in names)
        return _words_of((*first[0], *(word for (way,) in others for word in (dot, *way))), piece.owner)
    return _words_of(_first_known(piece.readings), piece.owner)


def _is_name(part: str) -> bool:
    return len(part) > 1 and (part.isupper() or english_lexicon().find(part) is not None)


def _first_known(readings: tuple[Spoken, ...]) -> Spoken:
    """The first reading of which all words are in the dictionary, else the first."""
    lexicon = english_lexicon()
    known = (way for way in readings if all(re.fullmatch(r"\w\.('s)?", w) or lexicon.find(w) for w in way))
    return next(known, readings[0])


def _words_of(way: Spoken, owner: int) -> list[_Said]:
    """The words of a reading; letters ("f." "b." "i.") in a row are said as one."""
    if way[-1] == "s" and len(way[-2:][0]) > 2:  # "MP3s"
        return _words_of((*way[:-2], f"{way[-2]}s"), owner)
    said = []
    letters = [len(word.split(".")[0]) == 1 and (word.endswith((".", ".'s")) or word not in "ai") for word in way]
    if len(way) > 1 and way[0] == "a" and letters[1]:
        letters[0] = True  # "a m", not "a hundred"
    for spelled, group in groupby(zip(letters, way, strict=True), key=lambda pair: pair[0]):
        words = [word for _, word in group]
        if spelled:
            said.append(_initials("".join(word[0] for word in words), owner, words[-1].endswith("'s")))
        else:
            said += (_Said(owner, word, english_lexicon().find(word)) for word in words)
    return said


def _initials(letters: str, owner: int, possessive: bool = False) -> _Said:
    sounds = english_lexicon().spell(letters)
    return _Said(owner, "", {"DEFAULT": plural(sounds) if possessive else sounds})


def _word(word: str, owner: int, shouted: bool, starts: bool) -> _Said:
    """A word of letters and apostrophes.

    Args:
        starts: it begins a sentence, so that its capital says nothing.
    """
    lexicon = english_lexicon()
    lower = word.lower()
    stem, ending = (
        (word[:-2], word[-2:]) if word.endswith("'s") else (word[:-1], "s") if word[-1:] == "s" else (word, "")
    )
    if stem.isupper() and len(stem) > 1 and not shouted:
        if stem in _INITIALS:
            return _initials(stem, owner, bool(ending))
        entry = lexicon.exactly(stem) or lexicon.find(word)
        if entry is None and (len(stem) < 6 or not re.search("[AEIOUY]", stem)):
            return _initials(stem, owner, bool(ending))
        if entry is not None and lexicon.exactly(stem) and ending:
            entry = {tag: plural(sounds) for tag, sounds in entry.items()}
        return _Said(owner, lower, entry, "ˈ")
    entry = lexicon.find(lower if shouted or (starts and lexicon.exactly(lower)) else word)
    if len(word) == 1 and word.isascii() and (lower not in "ai" or (word == "A" and not (starts or shouted))):
        return _initials(word, owner)
    if entry is None and len(word) < 6 and not re.search("[aeiouyà-ÿ]", lower) and word.isascii():
        return _initials(word.replace("'", ""), owner)
    return _Said(owner, lower, entry, "ˌ" if word[:1].isupper() and not shouted else "")


def _read_unknown(said: Sequence[_Said], ipa: IpaReader) -> list[_Said]:
    """The words with what the reader gives for those that have no entry."""
    unknown = tuple(dict.fromkeys(word.text for word in said if word.entry is None))
    if not unknown:
        return list(said)
    # each a phrase of its own, so that a word is always read alike
    read = dict(zip(unknown, ipa.read([f"{word}," for word in unknown], "en"), strict=True))
    return [
        replace(word, entry={"DEFAULT": english_symbols(read[word.text])}) if word.entry is None else word
        for word in said
    ]


def _in_context(said: Sequence[_Said], index: int, vowel: bool | None) -> str:
    """The phonemes of a word between its neighbours.

    Args:
        vowel: whether the next word of the phrase begins with one; None at the end of a phrase.
    """
    word = said[index]
    assert word.entry is not None
    before = said[index - 1].text if index and _PAUSES.isdisjoint(said[index - 1].after) else ""
    after = said[index + 1].text if index + 1 < len(said) else ""
    if (weak := _weak_form(word.text, vowel)) is not None:
        return weak
    sounds = word.entry[_tag(word, before, after, vowel)]
    if word.stress and "ˈ" not in sounds and "ˌ" not in sounds:
        sounds = re.sub(f"[{''.join(sorted(VOWELS))}]", lambda match: word.stress + match[0], sounds, count=1)
    return sounds


def _weak_form(text: str, vowel: bool | None) -> str | None:
    if text == "the":
        return "ði" if vowel else "ðə"
    if text == "i":
        return "ˌI"
    if text == "an":
        return "ɐn"
    if text == "in":
        return "ˈɪn" if vowel is None else "ɪn"
    if text == "a":
        return "ˈA" if vowel is None else "ɐ"
    if vowel is None:
        return None
    return {"to": "tʊ" if vowel else "tə", "am": "ɐm"}.get(text)


def _tag(word: _Said, before: str, after: str, vowel: bool | None) -> str:
    """The part of speech where the words beside it tell it surely, as one of the tags of the word's entry."""
    tags = word.entry or {}
    choice = "DEFAULT"
    if vowel is None and "None" in tags:
        choice = "None"
    elif word.text == "used":
        choice = "VBD" if after == "to" and before not in _BE else choice
    elif word.text == "live":
        # the dictionary's usual form is the adjective
        choice = "DEFAULT" if before in _DETERMINERS | _BE else "VERB"
    elif before in _BEFORE_VERBS:
        choice = "VERB"
    elif before in _HAVE | _BE:
        choice = "VBN"
    elif before in _DETERMINERS and word.text not in _NOUN_OR_ADJECTIVE:
        choice = "NOUN"
    return choice if choice in tags else "DEFAULT"
