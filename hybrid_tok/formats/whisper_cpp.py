"""whisper.cpp's JSON, `-oj` and `-ojf`: `transcription`, segments with `offsets` in milliseconds and `text`.

The full form (`-ojf`) has the `tokens` of each segment, with the probability `p` and offsets, which may be left out. A
word is a token that begins with a space and those after it that do not; in languages without spaces, a token that is
whole. A character may be cut between two tokens, so that neither is UTF-8. With `-ml 1` every segment is a word or a
piece of one. `result` has the language, `params` says whether the text is a translation.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import replace

from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.json_text import Node
from hybrid_tok.formats.records import Document, SegmentRecord, WordRecord
from hybrid_tok.formats.source import quoted
from hybrid_tok.formats.whisper_json import read_language, read_speaker, untimed
from hybrid_tok.formats.wording import as_words, join_pieces, named_speaker, without_notes

_FORMAT = "whisper.cpp JSON"


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
        return Document(_FORMAT, words=tuple(words), language=language)
    whole = [segment for segment, _ in segments]
    short = as_words([replace(segment, text=segment.text.strip()) for segment in whole]) is not None
    if short and any(not segment.text.startswith(" ") for segment in whole[1:]):
        pieces = [WordRecord(one.text, one.start, one.end, where=one.where) for one in whole]
        return Document(_FORMAT, words=tuple(join_pieces(_whole(pieces))), language=language)
    spoken, notes = without_notes(whole)
    single = as_words(spoken) if spoken else None
    return Document(_FORMAT, words=single, segments=spoken if single is None else None, notes=notes, language=language)


def _language(node: Node) -> str | None:
    result, options = node.get("result"), node.get("params")
    translate = None if options is None else options.get("translate")
    return read_language(result or node, translate is not None and translate.value is True)


def _segment(node: Node) -> SegmentRecord:
    start, end = _times(node)
    text = node.need("text")
    speaker, said = named_speaker(_bytes(text.value, text.where).decode("utf-8", "replace"))
    return SegmentRecord(said, start, end, read_speaker(node) or speaker, node.where)


def _words(segment: SegmentRecord, tokens: Node | None, language: str | None) -> list[WordRecord]:
    """The words of a segment, from its tokens; where these are missing or damaged, from its text."""
    pieces = [] if tokens is None else [_piece(token, segment) for token in tokens.items()]
    words = join_pieces(_whole(piece for piece in pieces if not _is_special(piece.text)))
    damaged = any("\ufffd" in word.text for word in words) and "\ufffd" not in segment.text
    return untimed(segment, language) if damaged or not words else words


def _piece(node: Node, segment: SegmentRecord) -> WordRecord:
    """A token, its text with the space before it, bytes that are not UTF-8 as lone surrogates."""
    text, probability = node.need("text").value, node.get("p")
    if not isinstance(text, str):
        raise AnnotationError(f"{node.where}.text: must be a string")
    times = (None, None) if _is_special(text) or node.get("offsets") is None else _times(node)
    stated = None if probability is None else probability.number()
    return WordRecord(text, *times, stated, segment.speaker, node.where, (segment.start, segment.end))


def _times(node: Node) -> tuple[float, float]:
    offsets = node.need("offsets")
    return offsets.need("from").number() / 1000.0, offsets.need("to").number() / 1000.0


def _is_special(text: str) -> bool:
    """Tokens that are not text: "[_BEG_]", "[_TT_150]", "<|en|>"."""
    return text.startswith("[_") or (text.startswith("<|") and text.endswith("|>"))


def _whole(pieces: Iterable[WordRecord]) -> list[WordRecord]:
    """Pieces of whole characters: the first of those that share one gets it. Remaining invalid UTF-8 becomes U+FFFD."""
    pieces, whole = list(pieces), []
    cut: list[WordRecord] = []
    for number, piece in enumerate(pieces, 1):
        cut.append(piece)
        data = b"".join(_bytes(one.text, f"{one.where}.text") for one in cut)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        decoder.decode(data)
        if not decoder.getstate()[0] or len(cut) == 4 or number == len(pieces):  # nothing is waited for, or can come
            whole += [replace(one, text=data.decode("utf-8", "replace") if one is cut[0] else "") for one in cut]
            cut = []
    return whole


def _bytes(text: object, where: str) -> bytes:
    if not isinstance(text, str):
        raise AnnotationError(f"{where}: must be a string")
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise AnnotationError(f"{where}: {quoted(text)} is not Unicode") from None
