"""Vowels made of harmonics, of which tests know pitch, resonances and noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
FORMANTS = (600.0, 1200.0, 2500.0, 3500.0)


def vowel(
    pitch: float | NDArray[np.floating], seconds: float, stretch: float = 1.0, noise: float = 0.0, level: float = 0.1
) -> NDArray[np.float32]:
    """A vowel (N,) at 16 kHz.

    Args:
        pitch: in Hz, constant or (N,).
        stretch: factor of its formants.
        noise: rms of white noise relative to the vowel's.
        level: rms.
    """
    count = round(seconds * RATE)
    phase = 2.0 * np.pi * np.cumsum(np.broadcast_to(pitch, count)) / RATE
    mean = float(np.mean(pitch))
    sound = np.zeros(count)
    for harmonic in range(1, int(7800.0 / np.max(pitch)) + 1):
        frequency = harmonic * mean / stretch
        shape = sum(1.0 / (1.0 + ((frequency - formant) / 90.0) ** 2) for formant in FORMANTS)
        sound += (shape + 0.01) / harmonic**0.5 * np.cos(harmonic * phase + 0.3 * harmonic**2)
    sound *= level / (np.sqrt(np.mean(sound**2)) + 1e-12)
    hiss = np.random.default_rng(1).normal(0.0, noise * level, count)
    return (sound + hiss).astype(np.float32)
