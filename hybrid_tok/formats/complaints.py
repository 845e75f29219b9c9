"""Doubts about a file, gathered, so that each kind is one warning however many lines have it."""

from __future__ import annotations

import warnings

from hybrid_tok.errors import AnnotationWarning
from hybrid_tok.formats.json_text import with_line
from hybrid_tok.formats.source import Source


class Complaints:
    """What was doubtful in a file, and was taken with low confidence or mended."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._first: dict[str, str] = {}
        self._count: dict[str, int] = {}

    def add(self, kind: str, where: str, message: str) -> None:
        """Note a doubt; of each kind, only the first message is shown."""
        self._first.setdefault(kind, f"{where}: {message}")
        self._count[kind] = self._count.get(kind, 0) + 1

    def warn(self, stacklevel: int = 3) -> None:
        """Say them, one `AnnotationWarning` per kind."""
        for kind, message in self._first.items():
            more = self._count[kind] - 1
            warnings.warn(
                f"{with_line(self._source, message)}{f' (and {more} more like this)' if more else ''}",
                AnnotationWarning,
                stacklevel + 1,
            )
