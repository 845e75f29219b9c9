"""whisper.cpp's JSON, `-oj` and `-ojf`: `transcription`, segments with `offsets` in milliseconds and `text`.

The full form (`-ojf`) has the `tokens` of each segment, with offsets and the probability `p`; a word is a token that
begins with a space and those after it that do not. A character may be cut between two tokens, so that neither is
UTF-8. With `-ml 1` every segment is a word or a piece of one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.cues import named_speaker, without_notes
from hybrid_tok.formats.json_text import Node
from hybrid_tok.formats.labels import is_note
from hybrid_tok.formats.records import Document, SegmentRecord, WordRecord
from hybrid_tok.formats.whisper_like import read_speaker
from hybrid_tok.formats.wording import as_words

_FORMAT = "whisper.cpp JSON"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A token: text with the space before it, bytes that are no UTF-8 as lone surrogates."""

    text: str
    start: float
    end: float
    probability: float | None
    where: str


def recognizes(node: Node) -> bool:
    """Whether it has a transcription in segments."""
    transcription = node.get("transcription")
    return transcription is not None and transcription.is_array


def read(node: Node) -> Document:
    """The words of the full form, the segments of the other."""
    words: list[WordRecord] = []
    whole: list[SegmentRecord] = []
    full = False
    for segment in node.need("transcription").items():
        record = _segment(segment)
        whole.append(record)
        tokens = segment.get("tokens")
        if tokens is not None:
            full = True
            pieces = [piece for piece in map(_piece, tokens.items()) if not _is_special(piece.text)]
            words += _joined(pieces, record.speaker)
    if full:
        return Document(_FORMAT, "token probability", words=tuple(words))
    if whole and sum(not segment.text.startswith(" ") for segment in whole[1:]) and _all_short(whole):
        pieces = [_Piece(one.text, one.start, one.end, None, one.where) for one in whole]
        return Document(_FORMAT, "none", words=tuple(_joined(pieces, None)))
    spoken, notes = without_notes(whole)
    single = as_words(spoken) if spoken else None
    return Document(_FORMAT, words=single, segments=tuple(spoken) if single is None else None, notes=tuple(notes))


def _segment(node: Node) -> SegmentRecord:
    start, end = _times(node)
    speaker, text = named_speaker(_mended(node.need("text").value, node.where))
    return SegmentRecord(text, start, end, read_speaker(node) or speaker, node.where)


def _piece(node: Node) -> _Piece:
    text = node.need("text").value
    if not isinstance(text, str):
        raise AnnotationError(f"{node.where}.text: must be a string")
    start, end = (0.0, 0.0) if _is_special(text) else _times(node)
    probability = node.get("p")
    return _Piece(text, start, end, None if probability is None else probability.number(), node.where)


def _times(node: Node) -> tuple[float, float]:
    offsets = node.need("offsets")
    return offsets.need("from").number() / 1000.0, offsets.need("to").number() / 1000.0


def _is_special(text: str) -> bool:
    """Tokens that are no text: "[_BEG_]", "[_TT_150]", "<|en|>"."""
    return text.startswith("[_") or (text.startswith("<|") and text.endswith("|>"))


def _joined(pieces: Iterable[_Piece], speaker: str | None) -> list[WordRecord]:
    """Pieces joined to words. The confidence of a word is the mean over its pieces, as in openai-whisper."""
    groups: list[list[_Piece]] = []
    for piece in pieces:
        if not groups or piece.text.startswith(" "):
            groups.append([])
        groups[-1].append(piece)
    words: list[WordRecord] = []
    for group in groups:
        stated = [piece.probability for piece in group if piece.probability is not None]
        text = _mended("".join(piece.text for piece in group), group[0].where)
        confidence = sum(stated) / len(stated) if stated else None
        if is_note(text.strip()):
            confidence = 0.0
        start, end = group[0].start, max(piece.end for piece in group)
        words.append(WordRecord(text, start, end, confidence, speaker, group[0].where))
    return words


def _mended(text: object, where: str) -> str:
    """Text whose cut characters have met again; what is still no UTF-8 becomes U+FFFD."""
    if not isinstance(text, str):
        raise AnnotationError(f"{where}.text: must be a string")
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _all_short(segments: list[SegmentRecord]) -> bool:
    return as_words([replace(segment, text=segment.text.strip()) for segment in segments]) is not None
