"""Lines of fields: numbers in them, and files about several recordings (CTM, RTTM, tables)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TypeVar

from hybrid_tok.core.timeline import frame_to_seconds
from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.source import Source, quoted

_NUMBER = re.compile(r"[+-]?(\d{1,12}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?|[+-]?\d{1,12},\d{1,30}")
_T = TypeVar("_T")


def to_number(text: str) -> float | None:
    """A decimal number, with a point or (as some programs write in some countries) a comma; None for other text."""
    text = text.strip()
    return float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None


def number(source: Source, line: int, text: str, what: str) -> float:
    """A finite number.

    Raises:
        AnnotationError: it is not one.
    """
    value = to_number(text)
    if value is None or not math.isfinite(value):
        raise AnnotationError(f"{source.at(line)}: {what} must be a number, not {quoted(text)}")
    return value


def start_and_end(source: Source, line: int, start: str, duration: str) -> tuple[float, float]:
    """Start and end of a stretch given by its start and its duration."""
    first, length = number(source, line, start, "the start"), number(source, line, duration, "the duration")
    if length < 0:
        raise AnnotationError(f"{source.at(line)}: a duration must not be negative, as {duration} is")
    return first, first + length


def seconds(frame: int) -> str:
    """The time of a frame boundary, exactly: the grid has 50 to the second, so two decimals hold it."""
    return f"{frame_to_seconds(frame):.2f}"


def split_fields(line: str) -> list[str]:
    """Fields between blanks. Other Unicode spaces may be part of a word."""
    return [field for field in line.replace("\t", " ").split(" ") if field]


def field_name(name: str) -> str:
    """A recording's name as a field of a line: without blanks, and without comment marks."""
    return re.sub(r"[\s;]+", "_", name) or "recording"


def about_one(source: Source, lines: Sequence[tuple[str, int, _T]], recording: str | None) -> list[_T]:
    """The content of the lines about a recording. If a file is about a single recording, its name does not matter.

    Args:
        lines: (recording, line number, content).
        recording: name of the audio file without folder and suffix; None if it has none.

    Raises:
        AnnotationError: the file is about several recordings, and none of them is this one.
    """
    first = {name: number for name, number, _ in reversed(lines)}
    names = sorted(first, key=first.__getitem__)
    if len(names) > 1 and recording not in first:
        none = "this one has no name" if recording is None else f"none is called {quoted(recording)}"
        raise AnnotationError(
            f"{source.at(first[names[1]])}: the file is about {len(names)} recordings ({quoted(names[0])}, "
            f"{quoted(names[1])}, ...), and {none}; give the lines of one"
        )
    return [said for name, _, said in lines if len(names) == 1 or name == recording]
