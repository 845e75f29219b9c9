"""What a worker tells Ray's metrics, which Prometheus reads."""

from __future__ import annotations

from typing import Any

from hybrid_tok.corpus.worker import Report


class Metrics:
    """Counters of a worker: recordings, failures, audio, tokens, shards, and the time of each stage."""

    def __init__(self) -> None:
        from ray.util.metrics import Counter

        def counter(name: str, description: str, *tags: str) -> Any:
            return Counter(f"hybrid_tok_{name}", description=description, tag_keys=tags)

        self._counts = {
            "rows": counter("recordings", "Recordings encoded."),
            "failures": counter("failures", "Recordings that could not be encoded."),
            "seconds": counter("audio_seconds", "Seconds of audio encoded."),
            "tokens": counter("tokens", "Tokens written."),
        }
        self._shards = counter("shards", "Shards written.")
        self._stages = counter("stage_seconds", "Seconds of work per stage.", "stage")

    def add(self, report: Report) -> None:
        """Count a batch."""
        for name, count in self._counts.items():
            if amount := getattr(report, name):
                count.inc(amount)
        if report.shard is not None:
            self._shards.inc(1)
        for stage, seconds in report.stage_seconds.items():
            if seconds > 0.0:
                self._stages.inc(seconds, tags={"stage": stage})
