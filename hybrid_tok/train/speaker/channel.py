"""Acoustic channels on mel-band powers: rooms, smooth frequency responses and band limits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from hybrid_tok.nn.logmel import BANDS


def equalizer(rng: np.random.Generator, nepers: float) -> NDArray[np.float32]:
    """A smooth frequency response, about `nepers` of power up and down."""
    curve = gaussian_filter1d(rng.standard_normal(BANDS), rng.uniform(3, 12), mode="nearest")
    tilt = np.linspace(-1, 1, BANDS) * rng.normal(0, 0.5)
    return np.exp(nepers * (curve / max(curve.std(), 0.1) * rng.uniform(0, 0.7) + tilt)).astype(np.float32)


def band_limit(rng: np.random.Generator) -> NDArray[np.float32]:
    """Low-pass from 2 kHz up, or the telephone band."""
    gain = np.ones(BANDS, np.float32)
    top = 46 if rng.random() < 0.4 else int(rng.integers(38, BANDS))  # band 46 of 64 is 3.4 kHz
    gain[top:] = 10 ** rng.uniform(-8, -3)
    if top == 46:
        gain[:7] = 10 ** rng.uniform(-3, -1)  # 300 Hz
    return gain


def late_reverberation(rng: np.random.Generator, power: NDArray[np.float32], least: float) -> NDArray[np.float32]:
    """A room's late reverberation of powers (.., T, 64): an exponential tail (Polack's model), shorter for high bands,
    `least` to 12 dB below the direct sound."""
    time = rng.uniform(0.1, 0.9)  # seconds in which it decays by 60 dB
    ratio = np.float32(10 ** (-rng.uniform(least, 12) / 10))
    pole = 10 ** (-6 * 0.01 / (time * 0.8))
    damping = ratio * np.exp(-np.linspace(0, rng.uniform(0, 1.5), BANDS)).astype(np.float32)
    return np.asarray(lfilter([1 - pole], [1, -pole], power, axis=-2), np.float32) * damping
