"""Quality on development clips while training runs: PESQ-wb and STOI per source."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.train.data import SAMPLE_RATE


def load_dev_clips(data: Path, per_source: dict[str, int], seconds: float) -> dict[str, list[NDArray[np.float32]]]:
    """The first clips of each named source, cut to `seconds` and to whole frames."""
    import soundfile

    clips: dict[str, list[NDArray[np.float32]]] = {}
    entries = [json.loads(line) for line in (data / "manifest.jsonl").read_text().splitlines()]
    for source, count in per_source.items():
        listed = [e for e in entries if e["source"] == source]
        for entry in listed[:: max(1, len(listed) // count)][:count]:
            samples, rate = soundfile.read(data / entry["audio"], dtype="float32")
            if rate == SAMPLE_RATE:
                samples = np.asarray(samples[: int(seconds * SAMPLE_RATE)], np.float32)
                clips.setdefault(source, []).append(samples[: len(samples) // 320 * 320])
    return clips


def score(
    clips: dict[str, list[NDArray[np.float32]]], reconstruct: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> dict[str, dict[str, float]]:
    """Mean PESQ-wb and STOI per source; a clip in which PESQ finds no speech counts 1.0."""
    import pesq
    import pystoi

    out = {}
    for source, samples in clips.items():
        values = []
        for x in samples:
            y = reconstruct(x)
            quality = pesq.pesq(SAMPLE_RATE, x, y, "wb", on_error=pesq.PesqError.RETURN_VALUES)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                values.append((max(float(quality), 1.0), float(pystoi.stoi(x, y, SAMPLE_RATE))))
        mean = np.mean(values, axis=0)
        out[source] = {"pesq_wb": round(float(mean[0]), 4), "stoi": round(float(mean[1]), 4)}
    return out
