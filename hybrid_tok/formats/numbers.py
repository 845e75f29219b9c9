"""Numbers as annotation files have them."""

from __future__ import annotations

import math
import re

from hybrid_tok.core.timeline import frame_to_seconds
from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.source import Source, quoted

_NUMBER = re.compile(r"[+-]?(\d{1,12}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d{1,12},\d{1,30}")


def to_number(text: str) -> float | None:
    """A decimal number, with a point or (as some programs write in some countries) a comma; None where it is none."""
    text = text.strip()
    if _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    return float(text) if _NUMBER.fullmatch(text) else None


def number(source: Source, line: int, text: str, what: str) -> float:
    """A finite number.

    Raises:
        AnnotationError: it is none.
    """
    value = to_number(text)
    if value is None or not math.isfinite(value):
        raise AnnotationError(f"{source.at(line)}: {what} must be a number, not {quoted(text)}")
    return value


def seconds(frame: int) -> str:
    """The time of a frame boundary, exactly: the grid has 50 to the second, so two decimals hold it."""
    return f"{frame_to_seconds(frame):.2f}"


def confidence(value: float) -> str:
    """A confidence in as many digits as bring it back exactly."""
    return repr(float(value))
