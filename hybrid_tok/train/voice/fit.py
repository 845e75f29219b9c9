"""Fits the regression of `voice.estimate`: ridge, least squares, no randomness.

What Kokoro speaks at known points gives how inputs follow a point; two recordings of each real speaker give the mean
of real inputs, and how much an estimate changes from one to the other. (Weighting inputs by how much they differ
within a real speaker, or taking pitch out first, was heard by the judges of `benchmarks/voice.py` as less alike.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.voice.estimate import VoiceEstimator, inputs
from hybrid_tok.voice.features import SpectralFeatures

_RIDGE = 100.0
"""In clips: inputs are correlated, and recordings are not like what the weights are fitted on."""

_FURTHER = 1.25
"""By which points lie further from the mean voice than least squares puts them: heard as more alike."""


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """What is measured on a clip; see `voice.estimate.inputs`."""

    features: SpectralFeatures
    pitch: float
    embedding: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Inputs of `voice.estimate` measured on several clips.

    Attributes:
        inputs: (clips, inputs); NaN where a clip has none of a kind.
        seconds: (clips,), of voiced speech.
    """

    inputs: NDArray[np.float64]
    seconds: NDArray[np.float64]

    @classmethod
    def of(cls, clips: Sequence[Measurement]) -> Measured:
        return cls(
            np.stack([inputs(clip.features, clip.pitch, clip.embedding) for clip in clips]),
            np.array([clip.features.seconds for clip in clips]),
        )


def fit_estimator(
    spoken: Measured, points: NDArray[np.float64], first: Measured, second: Measured, coordinates: int
) -> VoiceEstimator:
    """The estimator, from what Kokoro spoke at points (clips, components), and two recordings of each real speaker."""
    scale = np.nanstd(spoken.inputs, axis=0)
    usual = np.nanmean(np.concatenate([first.inputs, second.inputs]), axis=0)
    known = np.nan_to_num((spoken.inputs - np.nanmean(spoken.inputs, axis=0)) / scale)
    wanted = points[:, :coordinates] - points[:, :coordinates].mean(axis=0)
    weights = _FURTHER * np.linalg.solve(known.T @ known + _RIDGE * np.eye(len(scale)), known.T @ wanted)
    plain = VoiceEstimator(*(array.astype(np.float32) for array in (usual, scale, weights)), doubt=0.0)
    return replace(plain, doubt=_doubt(plain, first, second))


def _doubt(estimator: VoiceEstimator, first: Measured, second: Measured) -> float:
    """Seconds of voiced speech at which half of the variance of the estimated points is chance."""
    one, other = estimator.point(first.inputs), estimator.point(second.inputs)
    chance = np.square(one - other).mean() / 2.0
    both = (np.square(one).mean() + np.square(other).mean()) / 2.0
    return float(np.concatenate([first.seconds, second.seconds]).mean() * chance / (both - chance))
