"""The power of a recording in each frame of 20 ms, from which levels, activity and loudness are measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.timeline import FRAME_RATE

_AT_ONCE = 60 * FRAME_RATE
"""Frames whose squares are in memory at a time: a minute."""


def frame_powers(samples: NDArray[np.floating], sample_rate: int, centred: bool = False) -> NDArray[np.float64]:
    """Mean square of each frame of mono samples (N,), (ceil(N / hop),); what the last one lacks counts as silence.

    Args:
        sample_rate: at least 50 Hz; a frame has `sample_rate` // 50 = hop samples.
        centred: give the variance, which a constant offset does not change.
    """
    hop = sample_rate // FRAME_RATE
    powers = np.empty(-(-len(samples) // hop))
    for first in range(0, len(powers), _AT_ONCE):
        piece = samples[first * hop : (first + _AT_ONCE) * hop].astype(np.float64)
        starts = np.arange(0, len(piece), hop)
        counts = np.diff(starts, append=len(piece)) if centred else hop
        power = np.add.reduceat(np.square(piece), starts) / counts
        if centred:
            power -= np.square(np.add.reduceat(piece, starts) / counts)
        powers[first : first + len(power)] = power
    return powers
