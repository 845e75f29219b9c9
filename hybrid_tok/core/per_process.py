"""Objects that are made when they are first needed, and belong to the process and its threads that need them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable, Mapping
from typing import Any


class PerProcess:
    """Objects by key.

    Threads share them, and wait while one is made. A forked process makes its own: pipes, locks and pools of threads do
    not survive a fork. The parent's are never touched there, not even to delete them, which would wait for threads that
    are gone.

    Args:
        given: objects that are there from the start, and are kept after a fork.
    """

    def __init__(self, given: Mapping[Any, Any]) -> None:
        self._given = given
        self._objects: dict[Hashable, Any] = dict(given)
        self._inherited: list[dict[Hashable, Any]] = []
        self._owner, self._lock = os.getpid(), threading.RLock()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The object of a key, made if it is not there."""
        self._enter()
        with self._lock:
            if key not in self._objects:
                self._objects[key] = make()
            return self._objects[key]

    def close(self) -> None:
        """Call the `close` of each object that has one."""
        self._enter()
        for one in list(self._objects.values()):
            if (close := getattr(one, "close", None)) is not None:
                close()

    def _enter(self) -> None:
        if self._owner != os.getpid():
            self._owner, self._lock = os.getpid(), threading.RLock()
            self._inherited.append(self._objects)
            self._objects = dict(self._given)
