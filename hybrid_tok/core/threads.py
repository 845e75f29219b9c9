"""How many threads are used: those of `HYBRID_TOK_THREADS`, else as many as this process may run at once; a map."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from hybrid_tok.errors import OptionsError

_T = TypeVar("_T")
_R = TypeVar("_R")

VARIABLE = "HYBRID_TOK_THREADS"

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Of a container: microseconds of processor time per period, and the period."""


def thread_count() -> int:
    """Threads that a backend uses.

    Raises:
        OptionsError: the variable is no number from 1.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if given:
        if not (given.isascii() and given.isdigit() and 1 <= int(given) <= 4096):
            raise OptionsError(f"{VARIABLE}={given[:40]!r} is no number of threads: give 1 or more")
        return int(given)
    return max(1, min(_cores(), _quota()))


def map_threads(function: Callable[[_T], _R], items: Iterable[_T]) -> list[_R]:
    """The function's result for each item, in their order, `thread_count()` of them at a time.

    The first item that fails ends it: what has not begun by then never does.
    """
    todo = list(items)
    workers = min(thread_count(), len(todo))
    if workers < 2:
        return [function(item) for item in todo]
    pool = ThreadPoolExecutor(workers)
    try:
        return list(pool.map(function, todo))
    finally:
        pool.shutdown(cancel_futures=True)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota() -> int:
    try:
        quota, period = _QUOTA.read_text("ascii").split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return _cores()
