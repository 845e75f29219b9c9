"""Fits the regression of `voice.estimate`, without randomness.

What Kokoro speaks at known points gives how features follow a point, and how much they vary with what is said. Two
recordings of each real speaker give how they vary with what is said, the microphone and the room: features that differ
between these are worth little, however well they tell the points of a synthesizer apart. A ridge regression that knew
only the former puts its weight on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.voice.estimate import VoiceEstimator, inputs
from hybrid_tok.voice.features import SpectralFeatures

_OF_SPOKEN, _OF_REAL, _RIDGE = 0.3, 3.0, 2.0
"""Weights of the covariance of Kokoro's features, of that within a real speaker, and of the identity."""

SPREAD = 1.3
"""Deviation of the coordinates of real speakers; that of the published voices is 1. An estimate of least squared error
would be nearer to the mean: less like anyone."""


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
    def of(cls, clips: Sequence[tuple[SpectralFeatures, float]]) -> Measured:
        """Of features and median pitch in Hz."""
        return cls(
            np.stack([inputs(features, pitch) for features, pitch in clips]),
            np.array([features.seconds for features, _ in clips]),
        )


def fit_estimator(
    spoken: Measured, points: NDArray[np.float64], first: Measured, second: Measured, coordinates: int
) -> VoiceEstimator:
    """The estimator, from what Kokoro spoke at points (clips, components), and two recordings of each real speaker."""
    scale = np.nanstd(spoken.inputs, axis=0)
    usual = np.nanmean(np.concatenate([first.inputs, second.inputs]), axis=0)
    known = np.nan_to_num((spoken.inputs - np.nanmean(spoken.inputs, axis=0)) / scale)
    within = np.nan_to_num((first.inputs - second.inputs) / scale) / np.sqrt(2.0)
    wanted = points[:, :coordinates] - points[:, :coordinates].mean(axis=0)
    covariance = (
        _OF_SPOKEN * known.T @ known / len(known)
        + _OF_REAL * within.T @ within / len(within)
        + _RIDGE * np.eye(len(scale))
    )
    weights = np.linalg.solve(covariance, known.T @ wanted / len(known))
    arrays = (array.astype(np.float32) for array in (usual, scale, weights))
    plain = VoiceEstimator(*arrays, doubt=0.0)
    one, other = plain.point(first.inputs), plain.point(second.inputs)
    chance = np.square(one - other).mean() / 2.0
    both = (np.square(one).mean() + np.square(other).mean()) / 2.0
    doubt = np.concatenate([first.seconds, second.seconds]).mean() * chance / (both - chance)
    weights = plain.weights * np.float32(SPREAD / np.sqrt(both - chance))
    return replace(plain, weights=weights, doubt=float(doubt))
