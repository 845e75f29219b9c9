"""whisper.cpp's JSON, `-oj` and `-ojf`: `transcription`, segments with `offsets` in milliseconds and `text`.

The full form (`-ojf`) has the `tokens` of each segment, with the probability `p` and offsets, which may be left out. A
word is a token that begins with a space and those after it that do not; in languages without spaces, a token that is
whole. A character may be cut between two tokens, so that neither is UTF-8. With `-ml 1` every segment is a word or a
piece of one. `result` has the language, `params` says whether the text is a translation.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.cues import named_speaker, without_notes
from hybrid_tok.formats.json_text import Node
from hybrid_tok.formats.labels import is_note
from hybrid_tok.formats.records import Document, SegmentRecord, WordRecord
from hybrid_tok.formats.source import quoted
from hybrid_tok.formats.whisper_like import read_language, read_speaker, untimed
from hybrid_tok.formats.wording import as_words, begins_word

_FORMAT = "whisper.cpp JSON"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A token, or several with a character between them: text with the space before it, bytes that are no UTF-8 as lone
    surrogates."""

    text: str
    start: float | None
    end: float | None
    probabilities: tuple[float, ...]
    where: str


def recognizes(node: Node) -> bool:
    """Whether it has a transcription in segments."""
    transcription = node.get("transcription")
    return transcription is not None and transcription.is_array


def read(node: Node) -> Document:
    """The words of the full form, the segments of the other."""
    segments = [(_segment(item), item.get("tokens")) for item in node.need("transcription").items()]
    language = _language(node)
    if any(tokens is not None for _, tokens in segments):
        words = (word for segment, tokens in segments for word in _words(segment, tokens, language))
        return Document(_FORMAT, "token probability", words=tuple(words), language=language)
    whole = [segment for segment, _ in segments]
    if whole and sum(not segment.text.startswith(" ") for segment in whole[1:]) and _all_short(whole):
        pieces = [_Piece(one.text, one.start, one.end, (), one.where) for one in whole]
        return Document(_FORMAT, "none", words=tuple(_joined(pieces, None, None)), language=language)
    spoken, notes = without_notes(whole)
    single = as_words(spoken) if spoken else None
    longer = tuple(spoken) if single is None else None
    return Document(_FORMAT, words=single, segments=longer, notes=tuple(notes), language=language)


def _language(node: Node) -> str | None:
    result, options = node.get("result"), node.get("params")
    translate = None if options is None else options.get("translate")
    return read_language(result or node, translate is not None and translate.value is True)


def _segment(node: Node) -> SegmentRecord:
    start, end = _times(node)
    speaker, text = named_speaker(_mended(node.need("text").value, node.where))
    return SegmentRecord(text, start, end, read_speaker(node) or speaker, node.where)


def _words(segment: SegmentRecord, tokens: Node | None, language: str | None) -> list[WordRecord]:
    """The words of a segment, from its tokens; where these are missing or damaged, from its text."""
    items = [] if tokens is None else [_piece(token) for token in tokens.items()]
    pieces = [piece for piece in items if not _is_special(piece.text)]
    words = _joined(pieces, segment.speaker, (segment.start, segment.end))
    damaged = any("\ufffd" in word.text for word in words) and "\ufffd" not in segment.text
    return untimed(segment, language) if damaged or not words else words


def _piece(node: Node) -> _Piece:
    text = node.need("text").value
    if not isinstance(text, str):
        raise AnnotationError(f"{node.where}.text: must be a string")
    start, end = (None, None) if _is_special(text) or node.get("offsets") is None else _times(node)
    probability = node.get("p")
    return _Piece(text, start, end, () if probability is None else (probability.number(),), node.where)


def _times(node: Node) -> tuple[float, float]:
    offsets = node.need("offsets")
    return offsets.need("from").number() / 1000.0, offsets.need("to").number() / 1000.0


def _is_special(text: str) -> bool:
    """Tokens that are no text: "[_BEG_]", "[_TT_150]", "<|en|>"."""
    return text.startswith("[_") or (text.startswith("<|") and text.endswith("|>"))


def _joined(pieces: Iterable[_Piece], speaker: str | None, inside: tuple[float, float] | None) -> list[WordRecord]:
    """Pieces joined to words. The confidence of a word is the mean over its pieces, as in openai-whisper."""
    groups: list[list[_Piece]] = []
    for piece in _whole(pieces):
        if not groups or begins_word(groups[-1][-1].text, piece.text):
            groups.append([])
        groups[-1].append(piece)
    words: list[WordRecord] = []
    for group in groups:
        one = _together(group)
        confidence = sum(one.probabilities) / len(one.probabilities) if one.probabilities else None
        if is_note(one.text.strip()):
            confidence = 0.0
        words.append(WordRecord(one.text, one.start, one.end, confidence, speaker, one.where, inside))
    return words


def _whole(pieces: Iterable[_Piece]) -> Iterator[_Piece]:
    """Pieces of whole characters."""
    cut: list[_Piece] = []
    for piece in pieces:
        cut.append(piece)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        decoder.decode(_bytes("".join(one.text for one in cut), piece.where))
        if not decoder.getstate()[0] or len(cut) == 4:  # nothing is waited for, or nothing more can come
            yield replace(whole := _together(cut), text=_mended(whole.text, whole.where))
            cut = []
    if cut:
        yield replace(whole := _together(cut), text=_mended(whole.text, whole.where))


def _together(pieces: list[_Piece]) -> _Piece:
    """Pieces as one."""
    starts = [piece.start for piece in pieces if piece.start is not None]
    ends = [piece.end for piece in pieces if piece.end is not None]
    return _Piece(
        "".join(piece.text for piece in pieces),
        starts[0] if starts else None,
        max(ends) if ends else None,
        tuple(one for piece in pieces for one in piece.probabilities),
        pieces[0].where,
    )


def _bytes(text: str, where: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise AnnotationError(f"{where}.text: {quoted(text)} is not Unicode") from None


def _mended(text: object, where: str) -> str:
    """Text whose cut characters have met again; what is still no UTF-8 becomes U+FFFD."""
    if not isinstance(text, str):
        raise AnnotationError(f"{where}.text: must be a string")
    return _bytes(text, where).decode("utf-8", "replace")


def _all_short(segments: list[SegmentRecord]) -> bool:
    return as_words([replace(segment, text=segment.text.strip()) for segment in segments]) is not None
