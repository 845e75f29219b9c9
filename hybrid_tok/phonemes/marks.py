"""A written word apart: what is read, and the punctuation after it."""

from __future__ import annotations

import re
import unicodedata

from hybrid_tok.core.spacing import IDEOGRAPHIC
from hybrid_tok.phonemes.symbols import PUNCTUATION

LONGEST_WORD = 60
"""Characters of a word that are read; spelled letter by letter they still fit into one input of Kokoro."""

_OPENING = "([{<\"'“‘„‚«‹¿¡*_~`「『【《〈（"
_CLOSING = ")]}>\"'”’»›*_~`」』】》〉）"
_ENDING = _OPENING + _CLOSING + PUNCTUATION + "-"  # Chinese "说：“" opens a quotation for the next word
_SAME_AS = str.maketrans(
    {"’": "'", "‘": "'", "ʼ": "'", "，": ",", "、": ",", "。": ".", "．": ".", "！": "!"}
) | str.maketrans({"？": "?", "：": ":", "；": ";", "।": ".", "–": "—"})
_MARKUP = re.compile(r"</?[A-Za-z][^<>]*>")
_FOREIGN_LETTERS = ("LATIN", "GREEK", "CYRILLIC", "DEVANAGARI", "FULLWIDTH")


def plain(word: str) -> str:
    """The beginning of a word, with apostrophes and sentence marks in their simplest form, and without markup."""
    return _MARKUP.sub("", unicodedata.normalize("NFC", word[:LONGEST_WORD]).translate(_SAME_AS))


def core_of(word: str) -> str:
    """A plain word without the quotes, brackets and punctuation around it."""
    return word.lstrip(_OPENING).rstrip(_ENDING)


def punctuation_after(word: str) -> str:
    """The punctuation that ends a plain word, in Kokoro's symbols; each mark once in a row."""
    ending = word[len(word.rstrip(_ENDING)) :]
    ending = re.sub(r"\.{2,}", "…", re.sub("-{2,}", "—", ending))
    return re.sub(r"(.)\1+", r"\1", "".join(mark for mark in ending if mark in PUNCTUATION))


def sayable(word: str) -> str:
    """A word without what a reader of IPA would name or spell instead of reading: emoji, letters of other scripts."""
    return "".join(char for char in word if _is_sayable(char)).strip()


def _is_sayable(char: str) -> bool:
    if char.isascii():
        return char.isprintable()
    category = unicodedata.category(char)
    if category.startswith(("L", "M")):
        return unicodedata.name(char, "").startswith((*_FOREIGN_LETTERS, "COMBINING")) and not re.match(
            f"[{IDEOGRAPHIC}]", char
        )
    return category.startswith("N") or category in ("Sc", "Sm") or char in "°©®™№—…"
