"""What people dump of faster-whisper, and openai-whisper's own JSON, which is alike.

`{"segments": [...]}`, a bare array of segments, a bare array of words, or `{"words": [...]}` (OpenAI's API). Segments
have `start`, `end`, `text` and, with word timestamps, `words` of `word`, `start`, `end`, `probability`: the mean
probability of the word's text tokens.
"""

from __future__ import annotations

from hybrid_tok.formats.json_text import Node
from hybrid_tok.formats.records import Document
from hybrid_tok.formats.whisper_like import read_segments, read_word

_FORMAT = "Whisper JSON"


def recognizes(node: Node) -> bool:
    """Whether it has segments or words."""
    if node.is_array:
        first = node.value[0] if node.value else {}
        return isinstance(first, dict) and ({"start", "end"} <= first.keys() or not node.value)
    return any((part := node.get(name)) is not None and part.is_array for name in ("segments", "words"))


def read(node: Node) -> Document:
    """The words, or the segments where they have no words."""
    segments = node if node.is_array else node.get("segments")
    items = [] if segments is None else list(segments.items())
    words = node.get("words")
    if items and all(item.get("word") is not None for item in items):  # a bare array of words
        words, items = node, []
    if words is not None and not any(item.get("words") for item in items):
        records = tuple(map(read_word, words.items()))
        stated = any(record.confidence is not None for record in records)
        return Document(_FORMAT, "token probability" if stated else "none", words=records)
    return read_segments(_FORMAT, "token probability", items)
