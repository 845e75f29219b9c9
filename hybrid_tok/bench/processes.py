"""Time and memory of a process."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable

RUNS = 5


class PeakMemory(threading.Thread):
    """Samples the resident memory of this process and its children, and keeps the highest sum."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._stopped = threading.Event()

    def run(self) -> None:
        import psutil

        process = psutil.Process()
        while not self._stopped.wait(0.2):
            total = 0
            for member in (process, *process.children(recursive=True)):
                try:
                    total += member.memory_info().rss
                except psutil.NoSuchProcess:  # a worker that has just ended
                    continue
            self.peak = max(self.peak, total)

    def stop(self) -> int:
        """The highest sum so far, in bytes."""
        self._stopped.set()
        self.join()
        return self.peak


def spent(function: Callable[[], object], runs: int = RUNS) -> dict[str, float]:
    """Median, least and most seconds of several calls."""
    times: list[float] = []
    for _ in range(runs):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return {"median": statistics.median(times), "least": min(times), "most": max(times)}
