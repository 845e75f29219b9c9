"""The length of the vocal tract, as the factor by which it moves the formants.

A shorter tract stretches the whole spectral envelope along the frequency axis: on a logarithmic axis it shifts it.
No recordings are labelled with the length of the speaker's tract, but any recording can be stretched by a known factor.
The estimator is the linear function of a voice's mean spectrum and spread that changes one to one with the stretch and
otherwise has the minimum variance over speakers and recordings: a matched filter against the other differences between
speakers. `train.voice` fits it; `voice.md` has its data and its error.

Maximum likelihood under a Gaussian mixture (Lee and Rose 1998) was tried first: over two halves of the same speech it
agreed far less (correlation 0.5, here 0.78).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.nn.arrays import read_tables

LOWEST, HIGHEST = 250.0, 4400.0
"""Hz: the range of the spectrum that is used; an adult's first to fourth formant."""

BANDS = 24
"""Bands of equal width on a logarithmic axis, from `LOWEST` to `HIGHEST`."""

WEIGHTS = Path(__file__).parent / "tract.json"


@dataclass(frozen=True, slots=True, eq=False)
class TractModel:
    """The linear estimator: mean (48,) and weights (48,) of `spectral_statistics`.

    Attributes:
        reliability: share of the estimate's variance that two halves of the same speech agree on; the estimate is
            shrunk towards the mean speaker by this factor.
    """

    mean: NDArray[np.float64]
    weights: NDArray[np.float64]
    reliability: float

    def factor(self, statistics: NDArray[np.float64]) -> float:
        """Formants relative to the mean speaker's, from statistics (48,)."""
        return float(np.exp(np.clip((statistics - self.mean) @ self.weights * self.reliability, -0.5, 0.5)))


def measure_formants(logarithms: NDArray[np.floating], sample_rate: int) -> float:
    """Formant factor relative to the mean speaker, from log spectra (T, bins) of voiced frames in dB."""
    return tract_model().factor(spectral_statistics(logarithms, sample_rate))


def spectral_statistics(
    logarithms: NDArray[np.floating], sample_rate: int, stretch: float = 1.0
) -> NDArray[np.float64]:
    """Mean and deviation over time of the level in each band relative to its frame's level: (48,) in dB.

    Args:
        stretch: factor by which the spectrum is stretched first.
    """
    running = np.concatenate([np.zeros((len(logarithms), 1)), np.cumsum(logarithms, axis=1, dtype=np.float64)], axis=1)
    bins = logarithms.shape[1]
    edges = LOWEST * (HIGHEST / LOWEST) ** (np.arange(BANDS + 1) / BANDS) / stretch
    places = np.minimum(edges * 2.0 * (bins - 1) / sample_rate + 0.5, bins)  # bin k covers k to k + 1 of the sums
    low = np.floor(places).astype(np.int64)
    share = places - low
    upto = running[:, low] * (1.0 - share) + running[:, np.minimum(low + 1, bins)] * share
    levels = np.diff(upto, axis=1) / np.diff(places)
    levels -= levels.mean(axis=1, keepdims=True)
    return np.concatenate([levels.mean(axis=0), levels.std(axis=0)])


def spectral_spread(logarithms: NDArray[np.floating], sample_rate: int) -> float:
    """How much the shape of a voice's spectrum changes over time: mean deviation over the bands, in dB."""
    return float(spectral_statistics(logarithms, sample_rate)[BANDS:].mean())


MEAN_SPREAD = 7.3
"""`spectral_spread` of the mean speaker of the training set. A formant synthesizer's is larger: no room, no noise, and
narrower resonances than a human vocal tract."""


@cache
def tract_model(path: Path = WEIGHTS) -> TractModel:
    """The estimator that ships with the package.

    Raises:
        WeightsError: its file is missing or damaged.
    """
    tables = read_tables(path, mean=(2 * BANDS,), weights=(2 * BANDS,), reliability=())
    return TractModel(tables["mean"], tables["weights"], float(tables["reliability"]))
