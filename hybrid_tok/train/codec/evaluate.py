"""Quality on development clips while training runs: PESQ-wb and STOI per source."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio import read_mono
from hybrid_tok.codec.network import HOP, SAMPLE_RATE
from hybrid_tok.core.manifest import read_manifest


def load_dev_clips(data: Path, per_source: dict[str, int], seconds: float) -> dict[str, list[NDArray[np.float32]]]:
    """The first clips of each named source, cut to `seconds` and to whole frames."""
    clips: dict[str, list[NDArray[np.float32]]] = {}
    listed = read_manifest(data)
    for source, count in per_source.items():
        paths = [clip.path for clip in listed if clip.source == source]
        for path in paths[:: max(1, len(paths) // count)][:count]:
            samples = read_mono(path, SAMPLE_RATE)[0].samples[: int(seconds * SAMPLE_RATE)]
            clips.setdefault(source, []).append(samples[: len(samples) // HOP * HOP])
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
