"""Log-mel spectra in numpy, the input of the speaker encoder, at 100 frames per second, and filters on the mel scale.

Torch-free, so that the recipe can compute and mix spectra without it. Frame k depends only on samples 160 k - 120 to
160 k + 280: any way of cutting a recording on the grid gives the same frames.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
HOP = 160
"""Samples per frame: 10 ms."""

WINDOW = 400
LEAD = 120
"""Samples a frame's window starts before the frame itself, so that the window is centred on it."""

BANDS = 64
FLOOR = 1e-8
"""Added to every band's power: about 80 dB below full scale, so that digital silence has a finite logarithm."""

_FFT = 512
_LOWEST, _HIGHEST = 40.0, 7_600.0
_BLOCK = 6_000
"""Frames computed at a time (a minute): memory does not grow with the recording."""


def log_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Natural logarithm of mel-band powers: (N,) at 16 kHz to (ceil(N / 160), 64)."""
    count = -(-len(samples) // HOP)
    return log_mel_frames(samples, 0, count)


def log_mel_frames(samples: NDArray[np.float32], start: int, end: int) -> NDArray[np.float32]:
    """Frames `start` to `end` of a recording; outside it there is silence, and `start` may be negative."""
    out = np.empty((end - start, BANDS), np.float32)
    window, bank = _window(), _filter_bank()
    for first in range(start, end, _BLOCK):
        last = min(first + _BLOCK, end)
        low, high = first * HOP - LEAD, (last - 1) * HOP - LEAD + WINDOW
        padded = np.zeros(high - low, np.float32)
        a, b = max(low, 0), min(high, len(samples))
        if a < b:
            padded[a - low : b - low] = samples[a:b]
        frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * window
        power = np.square(np.abs(np.fft.rfft(frames, _FFT))).astype(np.float32)
        out[first - start : last - start] = np.log(power @ bank + np.float32(FLOOR))
    return out


@cache
def _window() -> NDArray[np.float32]:
    return np.hanning(WINDOW + 2)[1:-1].astype(np.float32)


@cache
def _filter_bank() -> NDArray[np.float32]:
    """Triangular filters on the mel scale, each of unit sum: (257, 64)."""
    filters = triangles(mel_points(_LOWEST, _HIGHEST, BANDS + 2), np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE))
    return (filters / np.maximum(filters.sum(0), 1e-9)).astype(np.float32)


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
