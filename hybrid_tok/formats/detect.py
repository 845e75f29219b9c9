"""Which format a file is in: by what it says first, by its name only where that leaves it open."""

from __future__ import annotations

from hybrid_tok.core.annotations import Annotations
from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats import (
    audacity,
    ctm,
    faster_whisper,
    native,
    nemo,
    rttm,
    srt,
    textgrid,
    webvtt,
    whisper_cpp,
    whisperx,
)
from hybrid_tok.formats.json_text import parse
from hybrid_tok.formats.records import Document
from hybrid_tok.formats.source import Source

KNOWN = (
    "CTM, RTTM, Praat TextGrid, SRT, WebVTT, Audacity labels or a table with tabs, and JSON of hybrid-tok, WhisperX, "
    "faster-whisper, openai-whisper, whisper.cpp or NeMo"
)

_TEXT_FORMATS = {
    "a TextGrid": textgrid,
    "WebVTT": webvtt,
    "SRT": srt,
    "RTTM": rttm,
    "CTM": ctm,
    "a table with times": audacity,
}
"""In this order: those that say what they are first, those that are known by numbers in the right places last."""
_SUFFIXES = {
    ".ctm": ctm,
    ".rttm": rttm,
    ".textgrid": textgrid,
    ".srt": srt,
    ".vtt": webvtt,
    ".tsv": audacity,
}


def read_document(source: Source, recording: str | None = None) -> Document | Annotations:
    """What a file says; a file of our own says it exactly.

    Args:
        recording: name of the audio file without folder and suffix, for files about several recordings.

    Raises:
        AnnotationError: it is of no known format, or damaged.
    """
    if source.is_json:
        return _read_json(source, recording)
    if source.suffix == ".json":
        raise AnnotationError(f"{source.path}, line 1: not JSON; a JSON file begins with {{ or [")
    for module in _TEXT_FORMATS.values():
        if module.recognizes(source):
            return module.read(source, recording)
    if source.suffix == ".txt":
        raise AnnotationError(
            f"{source.path}, line 1: no line with times; give the plain text of what is said as a transcript "
            "(--transcript)"
        )
    if source.suffix in _SUFFIXES:
        return _SUFFIXES[source.suffix].read(source, recording)
    raise AnnotationError(f"{source.path}, line 1: of no format known here ({KNOWN})")


def with_times(source: Source) -> str | None:
    """The name of the format of a file with times in it; None where it is plain text, as far as can be seen."""
    if source.is_json:
        try:
            parse(source)
        except AnnotationError:  # a text may begin with a bracket
            return None
        return "JSON"
    return next((name for name, module in _TEXT_FORMATS.items() if module.recognizes(source)), None)


def _read_json(source: Source, recording: str | None) -> Document | Annotations:
    nodes = parse(source)
    first = nodes[0]
    if len(nodes) == 1:
        if native.recognizes(first):
            return native.read(first)
        for module in (whisper_cpp, whisperx):
            if module.recognizes(first):
                return module.read(first)
    if nemo.recognizes(first):
        return nemo.read(nodes, recording)
    if faster_whisper.recognizes(first):
        return faster_whisper.read(nodes)
    raise AnnotationError(
        f"{first.where}: JSON of a shape not known here (of hybrid-tok, WhisperX, faster-whisper, openai-whisper, "
        "whisper.cpp or NeMo)"
    )
