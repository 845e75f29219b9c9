"""Stages of long work: how long each took, and whom to tell how far it has got."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

Progress: TypeAlias = Callable[[float, float], None]
"""Called with (done, total), in a unit that the stage chooses."""


class StageTimer:
    """Adds up wall-timer seconds per stage, and passes progress on to whoever listens.

    Args:
        listen: called with (stage, done, total) while stages run; done == 0 announces a stage.
    """

    def __init__(self, listen: Callable[[str, float, float], None] | None = None) -> None:
        self._listen = listen
        self._seconds: dict[str, float] = {}

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds per stage, in the order in which they first ran."""
        return dict(self._seconds)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage; entering the same stage again adds to it."""
        if self._listen is not None:
            self._listen(name, 0.0, 1.0)
        start = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - start
        if self._listen is not None:
            self._listen(name, 1.0, 1.0)

    def progress(self, name: str) -> Progress | None:
        """A callback for the inside of a stage; None when nobody listens."""
        listen = self._listen
        if listen is None:
            return None
        return lambda done, total: listen(name, done, total)
