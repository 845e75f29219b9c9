"""Classifies text in a file: words or longer, speech or notes about other sounds, names of events and of speakers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from hybrid_tok.core.events import EVENT_LABELS, PUBLISHED_NAMES, EventLabel
from hybrid_tok.core.spacing import UNSPACED
from hybrid_tok.formats.records import LabelRecord, SegmentRecord, WordRecord

_LONGEST = 3.0
"""Maximum duration of a word in seconds; a longer single word is a subtitle."""
_UNSPACED = re.compile(f"[{UNSPACED}]")
_PHRASE = re.compile(f"{_UNSPACED.pattern}{{5,}}")
"""Five letters of scripts without spaces are more than a word."""
_NOTE = re.compile(r"\[([^\[\]]{0,80})\]|\(([^()]{0,80})\)|[♪♫]+")
_MARKUP = re.compile(r"[<>\[\]()|*_-]")
_SPEAKER = re.compile(r"\s*(?:\[([^\[\]]{1,60})\]:|\((speaker [^()]{1,20})\)|(SPEAKER_\d{1,4}):)\s*")
"""How speakers are written before a subtitle: "[NAME]: " (WhisperX), "(speaker 0)" (whisper.cpp), "SPEAKER_00:"."""


def as_words(segments: Sequence[SegmentRecord]) -> tuple[WordRecord, ...] | None:
    """Segments of one word each, as words; None if some are longer."""
    words: list[WordRecord] = []
    for segment in segments:
        if len(segment.text.split()) > 1 or segment.end - segment.start > _LONGEST or _PHRASE.search(segment.text):
            return None
        words.append(WordRecord(segment.text, segment.start, segment.end, None, segment.speaker, segment.where))
    return tuple(words)


def join_pieces(pieces: Sequence[WordRecord]) -> list[WordRecord]:
    """A recognizer's tokens, with the space before them, joined to words. The confidence of a word is the mean over its
    tokens, as in openai-whisper; that of a note is 0."""
    groups: list[tuple[str, list[WordRecord]]] = []
    for piece in pieces:
        if not groups or _begins_word(groups[-1][0], piece.text):
            groups.append(("", []))
        text, group = groups[-1]
        groups[-1] = (text + piece.text, [*group, piece])
    words: list[WordRecord] = []
    for text, group in groups:
        starts = [piece.start for piece in group if piece.start is not None]
        ends = [piece.end for piece in group if piece.end is not None]
        stated = [piece.confidence for piece in group if piece.confidence is not None]
        mean = 0.0 if is_note(text.strip()) else sum(stated) / len(stated) if stated else None
        start, end = starts[0] if starts else None, max(ends, default=None)
        words.append(replace(group[0], text=text, start=start, end=end, confidence=mean))
    return words


def _begins_word(before: str, piece: str) -> bool:
    """Whether a token starts a word, rather than continuing the one before."""
    if piece[:1].isspace():
        return True
    if not piece or unicodedata.category(piece[0]).startswith("M"):  # a mark belongs to the letter before it
        return False
    if _UNSPACED.match(piece):
        return True
    return piece[0].isalnum() and unicodedata.east_asian_width(before[-1:] or " ") in ("W", "F")


def event_label(name: str) -> EventLabel | None:
    """The label of an event by its name here or in any published system, with or without brackets; None: unknown."""
    return _event_names().get(_plain(name))


@cache
def _event_names() -> dict[str, EventLabel]:
    names: dict[str, EventLabel] = {}
    for system in PUBLISHED_NAMES.values():
        for name, label in system.items():
            names.setdefault(_plain(name), label)
    names.update((_plain(label), label) for label in EVENT_LABELS)
    return names


def _plain(name: str) -> str:
    return " ".join(_MARKUP.sub(" ", name).lower().split())


def is_note(word: str) -> bool:
    """Whether a word from Whisper is (part of) a note such as "[Music]", which it learned from subtitles."""
    bracketed = word.startswith("[") or word.endswith("]") or "♪" in word
    return bracketed or (word.startswith("(") and event_label(word) is not None)


def without_notes(segments: Sequence[SegmentRecord]) -> tuple[tuple[SegmentRecord, ...], tuple[LabelRecord, ...]]:
    """Segments with only their speech, and the notes about other sounds in them.

    Text in square brackets is a note, and so are musical symbols; text in round brackets only if it names an event,
    since speech can be in parentheses too.
    """
    kept: list[SegmentRecord] = []
    notes: list[LabelRecord] = []
    for segment in segments:

        def taken(match: re.Match[str], segment: SegmentRecord = segment) -> str:
            if match[2] is not None and event_label(match[2]) is None:
                return match[0]
            notes.append(LabelRecord(match[0], segment.start, segment.end, None, segment.where))
            return " "

        text = _NOTE.sub(taken, segment.text)
        if text.strip():
            kept.append(replace(segment, text=text))
    return tuple(kept), tuple(notes)


def named_speaker(text: str) -> tuple[str | None, str]:
    """The speaker written before a subtitle's text, and the text without it."""
    match = _SPEAKER.match(text)
    return (None, text) if match is None else (match[match.lastindex or 0], text[match.end() :])
