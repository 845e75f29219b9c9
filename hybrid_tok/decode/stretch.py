"""Time-scale modification: changes the length of speech without changing its pitch.

WSOLA (Verhelst and Roelands 1993, "An overlap-add technique based on waveform similarity (WSOLA) for high quality
time-scale modification of speech"): windows are added at a fixed step, each taken from where the time map says, moved
a little to continue the window before as well as possible.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_STEP = 0.012
"""Seconds between windows; a window is two steps long and must hold a period of the lowest voice (60 Hz)."""

_TOLERANCE = 0.008
"""Seconds a window may move in either direction: half a period of the lowest voice, so that a best fit is always in
reach."""


def stretch(samples: NDArray[np.float32], length: int, sample_rate: int) -> NDArray[np.float32]:
    """Speech (N,) at another pace, exactly `length` samples long."""
    return warp(samples, (0, len(samples)), (0, length), sample_rate)


def warp(
    samples: NDArray[np.float32], source: Sequence[int], target: Sequence[int], sample_rate: int
) -> NDArray[np.float32]:
    """Speech with a varying pace: sample `source[i]` moves to `target[i]`, linearly in between.

    Args:
        samples: mono, (N,).
        source: places in the input, never decreasing; beyond the input's ends there is silence.
        target: places in the output, as many, never decreasing, the first 0.
        sample_rate: of both, in Hz.

    Returns:
        (target[-1],) samples; those of the input unchanged where the map only shifts them.
    """
    if len(source) != len(target) or len(source) < 2 or target[0] != 0:
        raise ValueError(f"a time map needs as many places in source and target, the first target 0: {target}")
    if np.any(np.diff(source) < 0) or np.any(np.diff(target) < 0):
        raise ValueError(f"a time map must not go back: {source} to {target}")
    length = int(target[-1])
    step = max(1, round(_STEP * sample_rate))
    reach = round(_TOLERANCE * sample_rate)
    # Pad with silence, so that windows and their search never leave the array.
    before = max(0, -int(source[0])) + step + reach
    after = max(0, int(source[-1]) - len(samples)) + 2 * step + reach
    padded: NDArray[np.float32] = np.pad(samples.astype(np.float32, copy=False), (before, after))
    if all(s - t == source[0] for s, t in zip(source, target, strict=True)):
        return padded[before + source[0] : before + source[0] + length].copy()
    wanted = np.interp(np.arange(0, length + step, step), target, source)
    centres = _follow(padded, np.floor(wanted + 0.5).astype(np.int64) + before, step, reach)
    phase = np.arange(2 * step, dtype=np.float32) + np.float32(0.5)
    window = np.float32(0.5) - np.float32(0.5) * np.cos(np.float32(np.pi / step) * phase)
    frames = padded[centres[:, None] + np.arange(-step, step)] * window
    # Each half step is the second half of one window and the first half of the next.
    return (frames[:-1, step:] + frames[1:, :step]).reshape(-1)[:length]


def _follow(padded: NDArray[np.float32], wanted: NDArray[np.int64], step: int, reach: int) -> NDArray[np.int64]:
    """Centre each window near its target, where it continues the window before best."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(padded, dtype=np.float64))])
    centres = wanted.copy()
    last = len(padded) - step
    for index in range(1, len(wanted)):
        natural = int(centres[index - 1]) + step
        if abs(natural - int(wanted[index])) <= reach and natural <= last:
            # What follows the window before is in reach, and nothing continues it better.
            centres[index] = natural
            continue
        if natural > last:
            continue  # silence: nothing to go on from
        low = max(step, int(wanted[index]) - reach)
        high = min(last, int(wanted[index]) + reach)
        template = padded[natural - step : natural + step]
        likeness = np.correlate(padded[low - step : high + step], template, "valid")
        places = np.arange(low, high + 1)
        power = energy[places + step] - energy[places - step]
        likeness = likeness / np.sqrt(power + 1e-8)
        best = int(np.argmax(likeness))
        if likeness[best] > 0.0:
            centres[index] = low + best
    return centres
