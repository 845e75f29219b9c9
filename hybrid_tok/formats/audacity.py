"""Audacity's labels, and other tables of times with tabs between the columns.

Audacity writes `start end label` in seconds, and below it `\\ low high` in Hz where a label has a frequency range.
Tables with a header are read by the names of their columns, as the sets of DCASE and AudioSet, Raven, and
openai-whisper's .tsv (in milliseconds) have them. A label may end in its confidence: `laugh 0.87`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from hybrid_tok.core.annotations import Annotations, Event
from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.lines import about_one, number, seconds, to_number
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
"""Names of columns, in lower case."""
_PLAIN = {"start": 0, "end": 1, "label": 2}
_CONFIDENCE = re.compile(r"(.*\S)\s+\(?([01]?\.\d+(?:[eE]-\d+)?|[01]|\d(?:\.\d+)?[eE]-\d+)\)?")


def recognizes(source: Source) -> bool:
    """Whether the first line that is not empty is a label or a header."""
    for _, line in source.lines():
        if line.strip():
            cells = line.split("\t")
            is_label = len(cells) >= 2 and all(to_number(cell) is not None for cell in cells[:2])
            return is_label or _header(cells) is not None
    return False


def read(source: Source, recording: str | None = None) -> Document:
    """The labels of a file, as words, segments or events.

    Raises:
        AnnotationError: a line is not a label, or the table is about several recordings and none is this one.
    """
    columns: dict[str, int] | None = None
    unit = 1.0
    lines: list[tuple[str, int, LabelRecord]] = []
    for index, line in source.lines():
        cells = line.split("\t")
        if not line.strip() or cells[0] == "\\":
            continue
        if columns is None:
            header = _header(cells)
            columns = header or _PLAIN
            unit = 1e-3 if [cell.strip().lower() for cell in cells] == ["start", "end", "text"] else 1.0
            if header is not None:
                continue
        lines.append(_label(source, index, cells, columns, unit))
    labels = tuple(about_one(source, lines, recording))
    segments = tuple(SegmentRecord(label.label, label.start, label.end, where=label.where) for label in labels)
    words = as_words(segments)
    if words is not None:
        words = tuple(replace(word, confidence=label.confidence) for word, label in zip(words, labels, strict=True))
    return Document("labels", words=words, segments=segments if words is None else None, labels=labels)


def write(annotations: Annotations, name: str) -> str:
    """The events as Audacity's labels, with their confidence unless it is 1."""
    times = [(seconds(event.span.start), seconds(event.span.end), event_text(event)) for event in annotations.events]
    return "".join("\t".join(line) + "\n" for line in times)


def event_text(event: Event) -> str:
    """An event as a label: "laugh", and its confidence unless that is 1."""
    return event.label if event.confidence == 1.0 else f"{event.label} {float(event.confidence)!r}"


def label_record(text: str, start: float, end: float, where: str) -> LabelRecord:
    """A label, split from the confidence it may end in."""
    match = _CONFIDENCE.fullmatch(text.strip())
    if match is None or float(match[2]) > 1.0:
        return LabelRecord(text.strip(), start, end, None, where)
    return LabelRecord(match[1], start, end, float(match[2]), where)


def _header(cells: Sequence[str]) -> dict[str, int] | None:
    """The columns that a header names; None if the line is not a header."""
    names = [cell.strip().lower() for cell in cells]
    found = {
        column: names.index(alias)
        for column, aliases in _COLUMNS.items()
        if (alias := next((alias for alias in aliases if alias in names), None)) is not None
    }
    return found if {"start", "end", "label"} <= found.keys() else None


def _label(
    source: Source, index: int, cells: Sequence[str], columns: dict[str, int], unit: float
) -> tuple[str, int, LabelRecord]:
    """A line of the table: the recording it is about, its number, and its content."""
    cell = {column: cells[place] for column, place in columns.items() if place < len(cells)}
    if not {"start", "end"} <= cell.keys():
        raise AnnotationError(
            f"{source.at(index)}: a label is 'start end label' with tabs between them, not {quoted(chr(9).join(cells))}"
        )
    start, end = (number(source, index, cell[time], f"the {time}") * unit for time in ("start", "end"))
    text = cell.get("label", "").strip()
    label = label_record(text, start, end, source.at(index))
    if "confidence" in cell:
        stated = number(source, index, cell["confidence"], "the confidence")
        label = replace(label, label=text, confidence=stated)
    return cell.get("recording", ""), index, label
