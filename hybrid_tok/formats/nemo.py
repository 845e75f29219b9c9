"""NeMo's JSON: manifests (a line per recording), dumped timestamps, and its diarized transcripts.

`transcribe_speech.py` with timestamps writes `timestamps_word` (older: `timestamp`, `timestep`) into a line of the
manifest: `word`, `start`, `end` in seconds, beside offsets in encoder frames, and `word_confidence` beside it. Speech
recognition with diarization writes `words` of `word`, `start_time`, `end_time`, `speaker`; of several talkers at once,
SegLST: an array of `session_id`, `speaker`, `start_time`, `end_time` and a text, `words`. A line of a manifest may be
about a piece of a recording, from `offset` seconds on. NeMo's CTM is CTM.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePath
from typing import TypeVar

from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.json_text import Node
from hybrid_tok.formats.records import Document, SegmentRecord, WordRecord
from hybrid_tok.formats.whisper_json import read_segment, read_speaker, read_word

_FORMAT = "NeMo JSON"
_Record = TypeVar("_Record", WordRecord, SegmentRecord)
_STAMPS = ("timestamp", "timestamps", "timestep")
_MARKS = ("audio_filepath", "pred_text", "timestamps_word", "timestamps_segment", "session_id", *_STAMPS)


def recognizes(node: Node) -> bool:
    """Whether it is a line of a manifest, a dump of timestamps, or SegLST."""
    if not node.is_object:
        first = node.value[0] if node.is_array and node.value else None
        return isinstance(first, dict) and {"session_id", "words"} <= first.keys()
    if any(name in node.value for name in _MARKS):
        return True
    return any((part := node.get(name)) is not None and part.is_array for name in ("word", "segment"))


def read(nodes: list[Node], recording: str | None = None) -> Document:
    """The words of a recording in a manifest, or its segments.

    Raises:
        AnnotationError: the manifest is about several recordings and none is this one, or has no times.
    """
    if nodes[0].is_array:
        return _read_talkers(list(nodes[0].items()), recording)
    documents = [_read_line(node) for node in _lines(nodes, recording)]
    if len(documents) == 1:
        return documents[0]
    words = [word for document in documents for word in document.words or ()]
    segments = [segment for document in documents for segment in document.segments or ()]
    if words and segments:
        raise AnnotationError(f"{segments[0].where}: has segments only, where other lines have words")
    return Document(_FORMAT, tuple(words) or None, tuple(segments) or None)


def _read_line(node: Node) -> Document:
    """The words or segments of a line, at their places in the whole recording."""
    listed = node.get("words")
    if listed is not None and listed.is_array:
        return Document(_FORMAT, words=tuple(map(read_word, listed.items())))
    offset = node.get("offset")
    shift = 0.0 if offset is None else offset.number()
    stamps = node.first(*_STAMPS)
    stamps = stamps if stamps is not None and stamps.is_object else node
    words = node.get("timestamps_word") or stamps.get("word")
    if words is not None:
        return _with_confidences(node, [_shifted(word, read_word, shift) for word in words.items()])
    segments = node.get("timestamps_segment") or stamps.get("segment")
    if segments is not None:
        placed = tuple(_shifted(segment, read_segment, shift) for segment in segments.items())
        return Document(_FORMAT, segments=placed)
    kept = node.first("words_level_ctm_filepath", "word_level_ctm_filepath")
    if kept is not None:
        raise AnnotationError(f"{node.where}: its words are in {kept.text()}; give that file")
    raise AnnotationError(f"{node.where}: has no times of words or segments; transcribe with timestamps=True")


def _lines(nodes: list[Node], recording: str | None) -> list[Node]:
    """The lines about a recording: one, or one for each piece."""
    if len(nodes) == 1:
        return nodes
    paths = [path.text() for node in nodes if (path := node.get("audio_filepath")) is not None]
    if len(set(paths)) == 1 and len(paths) == len(nodes):
        chosen = nodes
    else:
        chosen = [
            node for node in nodes if (path := node.get("audio_filepath")) and PurePath(path.text()).stem == recording
        ]
    pieces = {(node.value.get("audio_filepath"), str(node.value.get("offset"))) for node in chosen}
    if not chosen or len(pieces) != len(chosen) or len({path for path, _ in pieces}) > 1:
        raise AnnotationError(
            f"{nodes[1].where}: a manifest of {len(nodes)} recordings, of which {len(chosen)} are called "
            f"{recording!r}; give the line of one"
        )
    return chosen


def _read_talkers(items: list[Node], recording: str | None) -> Document:
    """The segments of SegLST."""
    sessions = {item.need("session_id").text() for item in items}
    if len(sessions) > 1 and recording not in sessions:
        raise AnnotationError(
            f"{items[0].where}: about {len(sessions)} recordings, and none is called {recording!r}; give those of one"
        )
    segments = tuple(
        SegmentRecord(
            item.need("words").text(),
            item.need("start_time").number(),
            item.need("end_time").number(),
            read_speaker(item),
            item.where,
        )
        for item in items
        if len(sessions) == 1 or item.need("session_id").text() == recording
    )
    return Document(_FORMAT, segments=segments)


def _shifted(node: Node, read: Callable[[Node], _Record], shift: float) -> _Record:
    """A word or segment of a piece of a recording, with times in the whole."""
    if node.get("start") is None and node.get("start_offset") is not None:
        raise AnnotationError(
            f"{node.where}: has offsets in encoder frames but no times in seconds; transcribe with timestamps=True"
        )
    record = read(node)
    if record.start is None or record.end is None:
        return record
    return replace(record, start=record.start + shift, end=record.end + shift)


def _with_confidences(node: Node, words: list[WordRecord]) -> Document:
    """Words with the confidences from a separate list."""
    listed = node.get("word_confidence")
    if listed is not None:
        confidences = [item.number() for item in listed.items()]
        if len(confidences) != len(words):
            raise AnnotationError(f"{listed.where}: {len(confidences)} confidences for {len(words)} words")
        words = [replace(word, confidence=value) for word, value in zip(words, confidences, strict=True)]
    return Document(_FORMAT, words=tuple(words))
