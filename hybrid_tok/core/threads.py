"""How many threads are used: those of `HYBRID_TOK_THREADS`, else as many as this process may run at once."""

from __future__ import annotations

import math
import os
from pathlib import Path

from hybrid_tok.errors import OptionsError

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
