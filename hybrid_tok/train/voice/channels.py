"""Other microphones and rooms for what Kokoro speaks, so that the estimator learns what does not depend on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.train.events.scenes import equalized, reverberant

_SNR_DB = (18.0, 45.0)
"""Least and most."""

_EQUALIZED, _REVERBERANT, _DARK = 0.9, 0.4, 0.7
"""Shares of recordings with another frequency response, with a room, and whose noise is low-passed."""


def recorded(samples: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Clean speech as some microphone would have it: 16 kHz, as long as before."""
    if rng.random() < _EQUALIZED:
        samples = equalized(samples, rng)
    if rng.random() < _REVERBERANT:
        samples = reverberant(samples, rng)
    level = np.sqrt(np.mean(np.square(samples, dtype=np.float64)))
    noise = rng.standard_normal(len(samples))
    if rng.random() < _DARK:
        noise = np.convolve(noise, np.full(4, 0.5), "same")
    return (samples + noise * level * 10.0 ** (-rng.uniform(*_SNR_DB) / 20.0)).astype(np.float32)
