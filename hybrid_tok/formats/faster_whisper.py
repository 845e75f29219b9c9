"""What people dump of faster-whisper, and openai-whisper's own JSON, which is alike.

`{"segments": [...]}`, a bare array of segments, a bare array of words, a line for each, or `{"words": [...]}` (OpenAI's
API). Segments have `start`, `end`, `text` and, with word timestamps, `words` of `word`, `start`, `end`, `probability`:
the mean probability of the word's text tokens. `language` is a code, or a name (OpenAI's API), `task` "translate" where
the words are a translation.
"""

from __future__ import annotations

from hybrid_tok.formats.json_text import Node
from hybrid_tok.formats.records import Document
from hybrid_tok.formats.whisper_like import joined, read_language, read_segments, read_word

_FORMAT = "Whisper JSON"


def recognizes(node: Node) -> bool:
    """Whether it has segments or words, or is one, where each is a line."""
    if node.is_array:
        first = node.value[0] if node.value else None
        return first is None or isinstance(first, list) or _is_timed(first)
    return _is_timed(node.value) or any(
        (part := node.get(name)) is not None and part.is_array for name in ("segments", "words")
    )


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
    listed = node.get("words") if len(nodes) == 1 else None
    words = list(listed.items()) if listed is not None and listed.is_array else None
    if items and all(_is_word(item) for item in items):
        words, items = items, []
    if words is not None and not any(item.get("words") for item in items):
        records = tuple(joined([read_word(word) for word in words]))
        stated = any(record.confidence is not None for record in records)
        return Document(_FORMAT, "token probability" if stated else "none", words=records, language=language)
    return read_segments(_FORMAT, "token probability", items, language)


def _is_timed(value: object) -> bool:
    """Whether it is a word or segment with times."""
    return isinstance(value, dict) and ({"start", "end"} <= value.keys())


def _is_word(item: Node) -> bool:
    """Whether it is a word, an object or a named tuple."""
    return item.get("word") is not None or (item.is_array and len(item.value) == 4)
