"""Segments with words in them, as Whisper's relatives write them; with other names and other scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hybrid_tok.core.languages import find_language
from hybrid_tok.core.spacing import split_words
from hybrid_tok.formats.cues import without_notes
from hybrid_tok.formats.json_text import Node
from hybrid_tok.formats.labels import is_note
from hybrid_tok.formats.records import Document, Score, SegmentRecord, WordRecord
from hybrid_tok.formats.wording import begins_word

_CONFIDENCES = ("probability", "score", "confidence", "conf")
_TEXTS = ("word", "text")


def read_word(node: Node, speaker: str | None = None, inside: tuple[float, float] | None = None) -> WordRecord:
    """A word. WhisperX leaves the times of words out that its aligner has no letters for, such as numbers."""
    node = _named(node)
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


def read_language(node: Node, translated: bool = False) -> str | None:
    """The language of the words in a file: the one heard, or English where Whisper has translated what it heard."""
    stated = node.get("language")
    if translated:
        return "en"
    return find_language(stated.value) if stated is not None and isinstance(stated.value, str) else None


def read_segment(node: Node) -> SegmentRecord:
    """A segment as a whole."""
    node = _named(node)
    start, end = node.need("start", "start_time").number(), node.need("end", "end_time").number()
    return SegmentRecord(node.need("text", "segment").text(), start, end, read_speaker(node), node.where)


def read_segments(format: str, score: Score, segments: Iterable[Node], language: str | None) -> Document:
    """A document of words where any segment has them, else of segments."""
    read: list[tuple[SegmentRecord, list[WordRecord]]] = []
    for node in map(_named, segments):
        record = read_segment(node)
        inside = (record.start, record.end)
        listed = node.get("words")
        heard = [] if listed is None else [read_word(word, record.speaker, inside) for word in listed.items()]
        read.append((record, joined(heard)))
    if not read or any(heard for _, heard in read):
        words = (word for record, heard in read for word in heard or untimed(record, language))
        return Document(format, score, words=tuple(words), language=language)
    spoken, notes = without_notes([record for record, _ in read])
    return Document(format, "none", segments=tuple(spoken), notes=tuple(notes), language=language)


def untimed(segment: SegmentRecord, language: str | None) -> list[WordRecord]:
    """The words of a segment that could not be aligned, somewhere inside it."""
    inside = (segment.start, segment.end)
    texts = split_words(segment.text, language)
    return [WordRecord(text, None, None, None, segment.speaker, segment.where, inside) for text in texts]


def joined(pieces: Sequence[WordRecord]) -> list[WordRecord]:
    """Whole words. The server of whisper.cpp lists Whisper's tokens as words: " That", "'s"; what begins with a space
    begins a word, if anything in the list does."""
    if not any(piece.text.startswith(" ") for piece in pieces):
        return list(pieces)
    groups: list[list[WordRecord]] = []
    for piece in pieces:
        if not groups or begins_word(groups[-1][-1].text, piece.text):
            groups.append([])
        groups[-1].append(piece)
    return [group[0] if len(group) == 1 else _as_one(group) for group in groups]


def _as_one(group: Sequence[WordRecord]) -> WordRecord:
    """Pieces as a word, whose confidence is the mean over them, as in openai-whisper."""
    text = "".join(piece.text for piece in group)
    starts = [piece.start for piece in group if piece.start is not None]
    ends = [piece.end for piece in group if piece.end is not None]
    stated = [piece.confidence for piece in group if piece.confidence is not None]
    return replace(
        group[0],
        text=text,
        start=starts[0] if starts else None,
        end=max(ends) if ends else None,
        confidence=0.0 if is_note(text.strip()) else sum(stated) / len(stated) if stated else None,
    )


def _named(node: Node) -> Node:
    """A word or segment of faster-whisper before 1.1 with the names of its fields: it was a named tuple, of which JSON
    makes an array. Words are (start, end, word, probability); of segments, (id, seek, start, end, text, tokens, ...),
    the rest has changed, but the words are the only other array in it."""
    fields = node.value
    if not isinstance(fields, list):
        return node
    if len(fields) == 4 and isinstance(fields[2], str):
        return Node(dict(zip(("start", "end", "word", "probability"), fields, strict=True)), node.where)
    if len(fields) > 8 and isinstance(fields[4], str):
        words = next((field for field in fields[6:] if isinstance(field, list)), None)
        return Node({"start": fields[2], "end": fields[3], "text": fields[4], "words": words}, node.where)
    return node
