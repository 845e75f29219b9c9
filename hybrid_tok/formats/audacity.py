"""Audacity's labels, and other tables of times with tabs between the columns.

Audacity writes `start end label` in seconds, and below it `\\ low high` in Hz where a label has a frequency range.
Tables with a header are read by the names of their columns, as the sets of DCASE and AudioSet, Raven, and
openai-whisper's .tsv (in milliseconds) have them. A label may end in its confidence: `laugh 0.87`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hybrid_tok.core.annotations import Annotations, Event
from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats import numbers
from hybrid_tok.formats.one_recording import about_one
from hybrid_tok.formats.records import Document, LabelRecord, SegmentRecord
from hybrid_tok.formats.source import Source, quoted
from hybrid_tok.formats.wording import as_words

_COLUMNS = {
    "start": ("start", "onset", "begin", "tmin", "start_time", "start_time_seconds", "begin time (s)", "start (s)"),
    "end": ("end", "offset", "stop", "tmax", "end_time", "end_time_seconds", "end time (s)", "end (s)"),
    "label": ("label", "event_label", "event", "text", "name", "word", "annotation", "sound type"),
    "recording": ("filename", "file", "segment_id", "audio", "begin file"),
    "confidence": ("confidence", "score", "probability"),
}
"""Names of columns, in small letters."""
_CONFIDENCE = re.compile(r"(.*\S)\s+\(?([01]?\.\d+(?:[eE]-\d+)?|[01]|\d(?:\.\d+)?[eE]-\d+)\)?")
_WHISPER = ("start", "end", "text")


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the columns are."""

    start: int
    end: int
    label: int
    recording: int | None = None
    confidence: int | None = None
    unit: float = 1.0  # seconds


_PLAIN = _Columns(0, 1, 2)


def recognizes(source: Source) -> bool:
    """Whether the first line with anything in it is a label or a header."""
    for _, line in source.lines():
        if line.strip():
            cells = line.split("\t")
            return _is_label(cells) or _header(cells) is not None
    return False


def read(source: Source, recording: str | None = None) -> Document:
    """The labels of a file; they are words, segments or events, as the reader likes.

    Raises:
        AnnotationError: a line is no label, or the table is about several recordings and none is this one.
    """
    columns: _Columns | None = None
    lines: list[tuple[str, int, LabelRecord]] = []
    for number, line in source.lines():
        cells = line.split("\t")
        if not line.strip() or cells[0] == "\\":
            continue
        if columns is None:
            columns = _header(cells)
            if columns is not None:
                continue
            columns = _PLAIN
        name, label = _label(source, number, cells, columns)
        lines.append((name, number, label))
    labels = tuple(about_one(source, lines, recording))
    segments = tuple(SegmentRecord(label.label, label.start, label.end, where=label.where) for label in labels)
    words = as_words(segments)
    if words is not None:
        words = tuple(replace(word, confidence=label.confidence) for word, label in zip(words, labels, strict=True))
    return Document(
        "labels",
        "stated" if any(label.confidence is not None for label in labels) else "none",
        words=words,
        segments=segments if words is None else None,
        labels=labels,
    )


def write(annotations: Annotations, name: str) -> str:
    """The events as Audacity's labels, with their confidence unless it is 1."""
    return "".join(
        f"{numbers.seconds(event.span.start)}\t{numbers.seconds(event.span.end)}\t{event_text(event)}\n"
        for event in annotations.events
    )


def event_text(event: Event) -> str:
    """An event as a label: "laugh", and its confidence unless that is 1."""
    return event.label if event.confidence == 1.0 else f"{event.label} {numbers.confidence(event.confidence)}"


def label_record(text: str, start: float, end: float, where: str) -> LabelRecord:
    """A label, with the confidence it may end in taken off."""
    match = _CONFIDENCE.fullmatch(text.strip())
    if match is None or float(match[2]) > 1.0:
        return LabelRecord(text.strip(), start, end, None, where)
    return LabelRecord(match[1], start, end, float(match[2]), where)


def _is_label(cells: Sequence[str]) -> bool:
    return len(cells) >= 2 and all(numbers.to_number(cell) is not None for cell in cells[:2])


def _header(cells: Sequence[str]) -> _Columns | None:
    """The columns a header names; None where it is none."""
    names = [cell.strip().lower() for cell in cells]
    found = {
        column: next((names.index(alias) for alias in aliases if alias in names), None)
        for column, aliases in _COLUMNS.items()
    }
    start, end, label = found["start"], found["end"], found["label"]
    if start is None or end is None or label is None:
        return None
    unit = 1e-3 if tuple(names) == _WHISPER else 1.0
    return _Columns(start, end, label, found["recording"], found["confidence"], unit)


def _label(source: Source, number: int, cells: Sequence[str], columns: _Columns) -> tuple[str, LabelRecord]:
    if len(cells) <= max(columns.start, columns.end):
        found = quoted("\t".join(cells))
        raise AnnotationError(f"{source.at(number)}: a label is 'start end label' with tabs between them, not {found}")
    start = numbers.number(source, number, cells[columns.start], "the start") * columns.unit
    end = numbers.number(source, number, cells[columns.end], "the end") * columns.unit
    text = cells[columns.label].strip() if len(cells) > columns.label else ""
    label = label_record(text, start, end, source.at(number))
    if columns.confidence is not None and len(cells) > columns.confidence:
        stated = numbers.number(source, number, cells[columns.confidence], "the confidence")
        label = replace(label, label=text, confidence=stated)
    name = cells[columns.recording] if columns.recording is not None and len(cells) > columns.recording else ""
    return name, label
