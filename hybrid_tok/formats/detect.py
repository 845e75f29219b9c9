"""Detects the format of a file: by its content, and by its name only if that leaves it open."""

from __future__ import annotations

from hybrid_tok.core.annotations import Annotations
from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats import audacity, ctm, native, nemo, rttm, srt, textgrid, webvtt, whisper_cpp, whisper_json
from hybrid_tok.formats.json_text import parse
from hybrid_tok.formats.records import Document
from hybrid_tok.formats.source import Source

_JSON = "of hybrid-tok, WhisperX, faster-whisper, openai-whisper, whisper.cpp or NeMo"
KNOWN = f"CTM, RTTM, Praat TextGrid, SRT, WebVTT, Audacity labels or a table with tabs, and JSON {_JSON}"

_TEXT_FORMATS = {
    ".textgrid": ("a TextGrid", textgrid),
    ".vtt": ("WebVTT", webvtt),
    ".srt": ("SRT", srt),
    ".rttm": ("RTTM", rttm),
    ".ctm": ("CTM", ctm),
    ".tsv": ("a table with times", audacity),
}
"""By suffix, in this order: formats with a signature first, those recognized by numbers in the right columns last."""


def read_document(source: Source, recording: str | None = None) -> Document | Annotations:
    """The content of a file; of a file written here, the annotations themselves.

    Args:
        recording: name of the audio file without folder and suffix, for files about several recordings.

    Raises:
        AnnotationError: it is of no known format, or damaged.
    """
    first = f"{source.path}, line 1"
    if source.is_json:
        return _read_json(source, recording)
    if source.suffix == ".json":
        raise AnnotationError(f"{first}: not JSON; a JSON file begins with {{ or [")
    for _, module in _TEXT_FORMATS.values():
        if module.recognizes(source):
            return module.read(source, recording)
    if source.suffix == ".txt":
        plain = "give the plain text of what is said as a transcript (--transcript)"
        raise AnnotationError(f"{first}: no line with times; {plain}")
    if source.suffix in _TEXT_FORMATS:
        return _TEXT_FORMATS[source.suffix][1].read(source, recording)
    raise AnnotationError(f"{first}: of no format known here ({KNOWN})")


def with_times(source: Source) -> str | None:
    """The name of the format of a file with times in it; None if it seems to be plain text."""
    if source.is_json:
        try:
            parse(source)
        except AnnotationError:  # a text may begin with a bracket
            return None
        return "JSON"
    return next((name for name, module in _TEXT_FORMATS.values() if module.recognizes(source)), None)


def _read_json(source: Source, recording: str | None) -> Document | Annotations:
    nodes = parse(source)
    first = nodes[0]
    if len(nodes) == 1 and native.recognizes(first):
        return native.read(first)
    if len(nodes) == 1 and whisper_cpp.recognizes(first):
        return whisper_cpp.read(first)
    if nemo.recognizes(first):
        return nemo.read(nodes, recording)
    if whisper_json.recognizes(first):
        return whisper_json.read(nodes)
    raise AnnotationError(f"{first.where}: JSON of an unknown shape ({_JSON})")
