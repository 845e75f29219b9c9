"""Segments with words in them, as Whisper's relatives write them; with other names and other scores."""

from __future__ import annotations

from collections.abc import Iterable

from hybrid_tok.formats.cues import without_notes
from hybrid_tok.formats.json_text import Node
from hybrid_tok.formats.labels import is_note
from hybrid_tok.formats.records import Document, Score, SegmentRecord, WordRecord

_CONFIDENCES = ("probability", "score", "confidence", "conf")
_TEXTS = ("word", "text")


def read_word(node: Node, speaker: str | None = None, inside: tuple[float, float] | None = None) -> WordRecord:
    """A word. WhisperX leaves the times of words out that its aligner has no letters for, such as numbers."""
    start, end = node.first("start", "start_time"), node.first("end", "end_time")
    placed = (None, None) if start is None or end is None else (start.number(), end.number())
    text, stated = node.need(*_TEXTS).text(), node.first(*_CONFIDENCES)
    confidence = None if stated is None else stated.number()
    return WordRecord(
        text,
        *placed,
        0.0 if is_note(text.strip()) else confidence,
        read_speaker(node) or speaker,
        node.where,
        inside,
    )


def read_speaker(node: Node) -> str | None:
    """A speaker's name, or a number as a name; "?" is nobody (whisper.cpp)."""
    speaker = node.first("speaker", "speaker_id")
    if speaker is None:
        return None
    name = f"{speaker.number():g}" if isinstance(speaker.value, int | float) else speaker.text()
    return name.strip() if name.strip() not in ("", "?") else None


def read_segment(node: Node) -> SegmentRecord:
    """A segment as a whole."""
    start, end = node.need("start", "start_time").number(), node.need("end", "end_time").number()
    return SegmentRecord(node.need("text", "segment").text(), start, end, read_speaker(node), node.where)


def read_segments(format: str, score: Score, segments: Iterable[Node]) -> Document:
    """A document of words where any segment has them, else of segments."""
    words: list[WordRecord] = []
    whole: list[SegmentRecord] = []
    any_words = False
    for node in segments:
        record = read_segment(node)
        whole.append(record)
        inside = (record.start, record.end)
        listed = node.get("words")
        heard = [] if listed is None else [read_word(word, record.speaker, inside) for word in listed.items()]
        any_words = any_words or bool(heard)
        # A segment that could not be aligned has a text but no words.
        words += heard or [
            WordRecord(text, None, None, None, record.speaker, record.where, inside) for text in record.text.split()
        ]
    if any_words or not whole:
        return Document(format, score, words=tuple(words))
    spoken, notes = without_notes(whole)
    return Document(format, "none", segments=tuple(spoken), notes=tuple(notes))
