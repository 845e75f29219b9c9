"""A look-ahead limiter: no sample exceeds the ceiling, and nothing else changes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1 << 20
"""Samples searched at a time."""


def limit(samples: NDArray[np.float32], ceiling: float, sample_rate: int) -> None:
    """Bring peaks of mono samples down to the ceiling, in place; nothing else changes.

    The gain falls smoothly over 5 ms before a peak and rises as smoothly after it. Only the samples around peaks
    are processed, so it needs little memory.
    """
    reach = max(1, round(0.005 * sample_rate))
    if samples.max(initial=0.0) <= ceiling and samples.min(initial=0.0) >= -ceiling:
        return
    peaks = np.concatenate(
        [
            start + np.flatnonzero(np.abs(samples[start : start + _BLOCK]) > ceiling)
            for start in range(0, len(samples), _BLOCK)
        ]
    )
    from scipy.ndimage import minimum_filter1d, uniform_filter1d  # slow to import, and peaks are rare

    # Peaks close to each other are processed together.
    apart = np.flatnonzero(np.diff(peaks) > 8 * reach)
    firsts = peaks[np.concatenate([[0], apart + 1])]
    lasts = peaks[np.concatenate([apart, [len(peaks) - 1]])]
    for first, last in zip(firsts, lasts, strict=True):
        low, high = max(0, first - 4 * reach), min(len(samples), last + 4 * reach + 1)
        piece = samples[low:high].astype(np.float64)
        needed = np.minimum(1.0, ceiling / np.maximum(np.abs(piece), 1e-9))
        # The minimum gain within reach, averaged over the same length: never above what any sample needs.
        held = minimum_filter1d(needed, 2 * reach + 1, mode="nearest")
        gain = uniform_filter1d(held, 2 * reach + 1, mode="nearest")
        samples[low:high] = np.clip(piece * gain, -ceiling, ceiling)
