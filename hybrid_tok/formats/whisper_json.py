"""JSON of programs around Whisper: openai-whisper and its API, dumps of faster-whisper, and WhisperX.

`{"segments": [...]}`, a bare array of segments, a bare array of words, a line for each, or `{"words": [...]}` (OpenAI's
API). Segments have `start`, `end`, `text` and, with word timestamps, `words` of `word`, `start`, `end`, `probability`:
the mean probability of the word's text tokens. WhisperX has `score` in its place, the acoustic one of its phoneme
aligner, `speaker`, and all words again in `word_segments`. `language` is a code, or a name (OpenAI's API), `task`
"translate" where the words are a translation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hybrid_tok.core.languages import find_language
from hybrid_tok.core.spacing import split_words
from hybrid_tok.formats.json_text import Node
from hybrid_tok.formats.records import Document, SegmentRecord, WordRecord
from hybrid_tok.formats.wording import is_note, join_pieces, without_notes


def recognizes(node: Node) -> bool:
    """Whether it has segments or words, or is one (with one per line)."""
    if node.is_array:
        first = node.value[0] if node.value else None
        return first is None or isinstance(first, list) or _is_timed(first)
    listed = (node.get(name) for name in ("segments", "words", "word_segments"))
    return _is_timed(node.value) or any(part is not None and part.is_array for part in listed)


def read(nodes: list[Node]) -> Document:
    """The words, or the segments where they have no words."""
    node = nodes[0]
    task = node.get("task")
    language = read_language(node, task is not None and task.value == "translate")
    if len(nodes) > 1 or _is_timed(node.value):
        items = nodes
    else:
        segments = node if node.is_array else node.get("segments")
        items = [] if segments is None else list(segments.items())
    listed = node.first("words", "word_segments") if len(nodes) == 1 else None
    words = list(listed.items()) if listed is not None and listed.is_array else None
    if items and all(item.get("word") is not None or (item.is_array and len(item.value) == 4) for item in items):
        words, items = items, []
    if words is not None and (words or not items) and not any(item.get("words") for item in items):
        return Document("Whisper JSON", words=tuple(_joined([read_word(word) for word in words])), language=language)
    return _read_segments(items, language)


def _read_segments(segments: Iterable[Node], language: str | None) -> Document:
    """A document of words where any segment has them, else of segments."""
    read: list[tuple[SegmentRecord, Sequence[WordRecord]]] = []
    for node in map(_named, segments):
        record = read_segment(node)
        listed, inside = node.get("words"), (record.start, record.end)
        heard = [] if listed is None else [read_word(word, record.speaker, inside) for word in listed.items()]
        read.append((record, _joined(heard)))
    if not read or any(heard for _, heard in read):
        words = tuple(word for record, heard in read for word in heard or untimed(record, language))
        return Document("Whisper JSON", words=words, language=language)
    spoken, notes = without_notes([record for record, _ in read])
    return Document("Whisper JSON", segments=spoken, notes=notes, language=language)


def read_word(node: Node, speaker: str | None = None, inside: tuple[float, float] | None = None) -> WordRecord:
    """A word. WhisperX leaves out the times of words that its aligner has no letters for, such as numbers."""
    node = _named(node)
    start, end = node.first("start", "start_time"), node.first("end", "end_time")
    placed = (None, None) if start is None or end is None else (start.number(), end.number())
    text, stated = node.need("word", "text").text(), node.first("probability", "score", "confidence", "conf")
    confidence = None if stated is None else stated.number()
    confidence = 0.0 if is_note(text.strip()) else confidence
    return WordRecord(text, *placed, confidence, read_speaker(node) or speaker, node.where, inside)


def read_segment(node: Node) -> SegmentRecord:
    """A segment as a whole."""
    node = _named(node)
    start, end = node.need("start", "start_time").number(), node.need("end", "end_time").number()
    return SegmentRecord(node.need("text", "segment").text(), start, end, read_speaker(node), node.where)


def read_speaker(node: Node) -> str | None:
    """A speaker's name, or a number as a name; None for "?" (whisper.cpp)."""
    speaker = node.first("speaker", "speaker_id")
    if speaker is None:
        return None
    name = f"{speaker.number():g}" if isinstance(speaker.value, int | float) else speaker.text()
    return name.strip() if name.strip() not in ("", "?") else None


def read_language(node: Node, translated: bool = False) -> str | None:
    """The language of the words in a file: the one spoken, or English if Whisper has translated."""
    stated = node.get("language")
    if translated:
        return "en"
    return find_language(stated.value) if stated is not None and isinstance(stated.value, str) else None


def untimed(segment: SegmentRecord, language: str | None) -> list[WordRecord]:
    """The words of a segment that could not be aligned, without times."""
    inside = (segment.start, segment.end)
    texts = split_words(segment.text, language)
    return [WordRecord(text, None, None, None, segment.speaker, segment.where, inside) for text in texts]


def _joined(pieces: Sequence[WordRecord]) -> Sequence[WordRecord]:
    """Whole words. The server of whisper.cpp lists Whisper's tokens as words: " That", "'s"; a token with a leading
    space begins a word, if any token in the list has one."""
    return join_pieces(pieces) if any(piece.text.startswith(" ") for piece in pieces) else pieces


def _is_timed(value: object) -> bool:
    """Whether it is a word or segment with times."""
    return isinstance(value, dict) and {"start", "end"} <= value.keys()


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
