"""Files about several recordings (CTM, RTTM, manifests): the lines about one of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.source import Source, quoted

_T = TypeVar("_T")


def about_one(source: Source, lines: Sequence[tuple[str, int, _T]], recording: str | None) -> list[_T]:
    """What the lines about a recording say. A file about a single recording is about it whatever it calls it.

    Args:
        lines: (recording, line number, what the line says).
        recording: name of the audio file without folder and suffix; None where it has none.

    Raises:
        AnnotationError: the file is about several recordings, and none of them is this one.
    """
    names: dict[str, int] = {}
    for name, number, _ in lines:
        names.setdefault(name, number)
    if len(names) > 1:
        if recording not in names:
            second, number = list(names.items())[1]
            raise AnnotationError(
                f"{source.at(number)}: the file is about {len(names)} recordings ({quoted(next(iter(names)))}, "
                f"{quoted(second)}, ...), "
                + ("and this one has no name" if recording is None else f"and none is called {quoted(recording)}")
                + "; give the lines of one"
            )
        return [said for name, _, said in lines if name == recording]
    return [said for _, _, said in lines]


def field_name(name: str) -> str:
    """A recording's name as a field of a line: without blanks, and without what starts a comment."""
    return re.sub(r"[\s;]+", "_", name) or "recording"
