"""WhisperX's JSON: `segments` with `words` in them (`word`, `start`, `end`, `score`, `speaker`), and `word_segments`
with all words again. The score is the acoustic one of its phoneme aligner, not a probability of Whisper's."""

from __future__ import annotations

from hybrid_tok.formats.json_text import Node
from hybrid_tok.formats.records import Document
from hybrid_tok.formats.whisper_like import read_language, read_segments, read_word


def recognizes(node: Node) -> bool:
    """Whether it has all words again, or a word with a score."""
    if node.get("word_segments") is not None:
        return True
    return any(
        isinstance(word, dict) and "score" in word
        for segment in _list(node.value, "segments")
        for word in _list(segment, "words")
    )


def read(node: Node) -> Document:
    """The words of a WhisperX result, with speakers where they were assigned."""
    segments, language = node.get("segments"), read_language(node)
    if segments is None:
        words = tuple(read_word(word) for word in node.need("word_segments").items())
        return Document("WhisperX JSON", "alignment", words=words, language=language)
    return read_segments("WhisperX JSON", "alignment", segments.items(), language)


def _list(value: object, name: str) -> list[object]:
    member = value.get(name) if isinstance(value, dict) else None
    return member if isinstance(member, list) else []
