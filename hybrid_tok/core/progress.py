"""Stages of long work: their times, and reports of their progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

Progress: TypeAlias = Callable[[float, float], None]
"""Called with (done, total), in a unit that the stage chooses."""


class StageTimer:
    """Adds up wall-clock seconds per stage, and reports progress.

    Args:
        on_progress: called with (stage, done, total) while stages run; done == 0 announces a stage.
    """

    def __init__(self, on_progress: Callable[[str, float, float], None] | None = None) -> None:
        self._on_progress = on_progress
        self._seconds: dict[str, float] = {}

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds per stage, in the order in which they first ran."""
        return dict(self._seconds)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage; entering the same stage again adds to it."""
        if self._on_progress is not None:
            self._on_progress(name, 0.0, 1.0)
        start = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - start
        if self._on_progress is not None:
            self._on_progress(name, 1.0, 1.0)

    def progress(self, name: str) -> Progress | None:
        """A callback for the inside of a stage; None without a listener."""
        on_progress = self._on_progress
        if on_progress is None:
            return None
        return lambda done, total: on_progress(name, done, total)
