"""What lies between a mouth and a recording: smooth channels and missing bands, as gains of mel-band powers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from hybrid_tok.nn.logmel import BANDS


def equalizer(rng: np.random.Generator, nepers: float) -> NDArray[np.float32]:
    """A smooth channel, about `nepers` of power up and down."""
    curve = gaussian_filter1d(rng.standard_normal(BANDS), rng.uniform(3, 12), mode="nearest")
    tilt = np.linspace(-1, 1, BANDS) * rng.normal(0, 0.5)
    return np.exp(nepers * (curve / max(curve.std(), 0.1) * rng.uniform(0, 0.7) + tilt)).astype(np.float32)


def band_limit(rng: np.random.Generator) -> NDArray[np.float32]:
    """Low-pass anywhere from 2 kHz up, or the telephone's band."""
    gain = np.ones(BANDS, np.float32)
    top = 46 if rng.random() < 0.4 else int(rng.integers(38, BANDS))  # band 46 of 64 is 3.4 kHz
    gain[top:] = 10 ** rng.uniform(-8, -3)
    if top == 46:
        gain[:7] = 10 ** rng.uniform(-3, -1)  # 300 Hz
    return gain
