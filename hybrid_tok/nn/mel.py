"""Triangular filters on the mel scale, for all mel spectra of the package."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mel_points(low: float, high: float, count: int) -> NDArray[np.float64]:
    """Frequencies (count,) in Hz from `low` to `high`, evenly spaced on the mel scale (O'Shaughnessy 1987)."""
    mel = 2595.0 * np.log10(1.0 + np.array([low, high]) / 700.0)
    return 700.0 * (10.0 ** (np.linspace(mel[0], mel[1], count) / 2595.0) - 1.0)


def triangles(
    points: NDArray[np.float64], frequencies: NDArray[np.floating], least: float = 0.0
) -> NDArray[np.float64]:
    """Filters (F, K - 2) at frequencies (F,) in Hz: each is 1 at a point, and 0 at the one before and the one after.

    Args:
        points: (K,), in Hz, increasing.
        least: minimum width of a side in Hz, so that a band narrower than a bin still includes the bins beside it.
    """
    sides = np.maximum(np.diff(points), least)
    rising = (frequencies[:, None] - points[:-2]) / sides[:-1]
    falling = (points[2:] - frequencies[:, None]) / sides[1:]
    return np.maximum(0.0, np.minimum(rising, falling))
