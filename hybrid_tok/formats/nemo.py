"""NeMo's JSON: manifests (a line per recording), dumped timestamps, and its diarized transcripts.

`transcribe_speech.py` with timestamps writes `timestamps_word` (older: `timestamp`, `timestep`) into a line of the
manifest: `word`, `start`, `end` in seconds, beside offsets in encoder frames, and `word_confidence` beside it. Speech
recognition with diarization writes `words` of `word`, `start_time`, `end_time`, `speaker`. NeMo's CTM is CTM.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath

from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.json_text import Node
from hybrid_tok.formats.records import Document, SegmentRecord, WordRecord
from hybrid_tok.formats.whisper_like import read_segment, read_word

_FORMAT = "NeMo JSON"
_STAMPS = ("timestamp", "timestamps", "timestep")
_MARKS = ("audio_filepath", "pred_text", "timestamps_word", "timestamps_segment", "session_id", *_STAMPS)


def recognizes(node: Node) -> bool:
    """Whether it has what a line of a manifest has, or is a dump of timestamps."""
    if not node.is_object:
        return False
    if any(name in node.value for name in _MARKS):
        return True
    return any((part := node.get(name)) is not None and part.is_array for name in ("word", "segment"))


def read(nodes: list[Node], recording: str | None = None) -> Document:
    """The words of a recording in a manifest, or its segments.

    Raises:
        AnnotationError: the manifest is about several recordings and none is this one, or has no times.
    """
    node = _line(nodes, recording)
    listed = node.get("words")
    if listed is not None and listed.is_array:
        return Document(_FORMAT, "stated", words=tuple(map(read_word, listed.items())))
    stamps = node.first(*_STAMPS)
    stamps = stamps if stamps is not None and stamps.is_object else node
    words = node.get("timestamps_word") or stamps.get("word")
    if words is not None:
        return _with_confidences(node, [_word(word) for word in words.items()])
    segments = node.get("timestamps_segment") or stamps.get("segment")
    if segments is not None:
        return Document(_FORMAT, segments=tuple(_segment(segment) for segment in segments.items()))
    kept = node.first("words_level_ctm_filepath", "word_level_ctm_filepath")
    if kept is not None:
        raise AnnotationError(f"{node.where}: its words are in {kept.text()}; give that file")
    raise AnnotationError(f"{node.where}: has no times of words or segments; transcribe with timestamps=True")


def _line(nodes: list[Node], recording: str | None) -> Node:
    """The line about a recording."""
    if len(nodes) == 1:
        return nodes[0]
    named = [(PurePath(path.text()).stem, node) for node in nodes if (path := node.get("audio_filepath")) is not None]
    chosen = [node for name, node in named if name == recording]
    if len(chosen) != 1:
        raise AnnotationError(
            f"{nodes[1].where}: a manifest of {len(nodes)} recordings, of which {len(chosen)} are called "
            f"{recording!r}; give the line of one"
        )
    return chosen[0]


def _word(node: Node) -> WordRecord:
    _check_seconds(node)
    return read_word(node)


def _segment(node: Node) -> SegmentRecord:
    _check_seconds(node)
    return read_segment(node)


def _check_seconds(node: Node) -> None:
    if node.get("start") is None and node.get("start_offset") is not None:
        raise AnnotationError(
            f"{node.where}: has offsets in encoder frames but no times in seconds; transcribe with timestamps=True"
        )


def _with_confidences(node: Node, words: list[WordRecord]) -> Document:
    """Words with the confidences that stand in a list of their own."""
    listed = node.get("word_confidence")
    if listed is None:
        stated = any(word.confidence is not None for word in words)
        return Document(_FORMAT, "stated" if stated else "none", words=tuple(words))
    confidences = [item.number() for item in listed.items()]
    if len(confidences) != len(words):
        raise AnnotationError(f"{listed.where}: {len(confidences)} confidences for {len(words)} words")
    together = zip(words, confidences, strict=True)
    return Document(_FORMAT, "stated", words=tuple(replace(word, confidence=value) for word, value in together))
