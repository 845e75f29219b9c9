"""Whether a file's pieces of text are words or longer: many formats have no way to say so."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from hybrid_tok.core.spacing import UNSPACED
from hybrid_tok.formats.records import SegmentRecord, WordRecord

_LONGEST = 3.0
"""Seconds a word may last; a single word on screen for longer is a subtitle."""
_UNSPACED = re.compile(f"[{UNSPACED}]")
_PHRASE = re.compile(f"{_UNSPACED.pattern}{{5,}}")
"""Five letters of scripts without spaces are no word."""


def as_words(segments: Sequence[SegmentRecord]) -> tuple[WordRecord, ...] | None:
    """Segments that are one word each, as words; None where some are longer."""
    words: list[WordRecord] = []
    for segment in segments:
        if len(segment.text.split()) > 1 or segment.end - segment.start > _LONGEST or _PHRASE.search(segment.text):
            return None
        words.append(WordRecord(segment.text, segment.start, segment.end, None, segment.speaker, segment.where))
    return tuple(words)


def begins_word(before: str, piece: str) -> bool:
    """Whether a piece of text, a recognizer's token, starts a word rather than going on with the one before it.

    Args:
        before: what the word before consists of so far.
        piece: a token with the space before it, if there is one.
    """
    if piece[:1].isspace():
        return True
    if not piece or unicodedata.category(piece[0]).startswith("M"):  # a mark belongs to the letter before it
        return False
    if _UNSPACED.match(piece):
        return True
    return piece[0].isalnum() and unicodedata.east_asian_width(before[-1:] or " ") in ("W", "F")
