"""From how a speaker sounds to a point in the voice space, where Kokoro sounds like that.

A linear regression, fitted by `train.voice`, from spectral features, pitch, and the embedding of the diarizer's speaker
network, which depends less on the microphone. Recordings differ from a synthesizer in ways that no point can follow, so
all of these count relative to the mean of real speech, as if that were Kokoro's mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.errors import WeightsError
from hybrid_tok.nn.arrays import load_arrays
from hybrid_tok.voice.code import COORDINATES
from hybrid_tok.voice.features import BANDS, SpectralFeatures
from hybrid_tok.voice.space import SPACE

EMBEDDING = 128
"""Numbers of a speaker embedding."""

INPUTS = 3 * BANDS + 1 + EMBEDDING
"""Numbers that an estimate is made from: spectral features, pitch and embedding."""


@dataclass(frozen=True, slots=True, eq=False)
class VoiceEstimator:
    """The regression.

    Attributes:
        usual: (inputs,), of real speech.
        scale: (inputs,), deviations in Kokoro's speech.
        weights: (inputs, coordinates), from inputs relative to these to a point.
        doubt: seconds of voiced speech at which half of an estimate's variance is chance.
    """

    usual: NDArray[np.float32]
    scale: NDArray[np.float32]
    weights: NDArray[np.float32]
    doubt: float

    def estimate(
        self, features: SpectralFeatures, pitch: float, embedding: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """The point, (coordinates,); nearer to the origin, the mean voice, the less speech there was.

        Args:
            pitch, embedding: see `inputs`.
        """
        return features.seconds / (features.seconds + self.doubt) * self.point(inputs(features, pitch, embedding))

    def point(self, measured: NDArray[np.float64]) -> NDArray[np.float64]:
        """The points (..., coordinates) of inputs (..., inputs) of much speech; what is NaN counts as usual."""
        return np.nan_to_num((measured - self.usual) / self.scale) @ self.weights.astype(np.float64)


def inputs(features: SpectralFeatures, pitch: float, embedding: NDArray[np.floating]) -> NDArray[np.float64]:
    """What an estimate is made from, (inputs,).

    Args:
        pitch: median, in Hz; an input in octaves.
        embedding: (128,), of unit length; zeros where there is none.
    """
    embedding = embedding if np.any(embedding) else np.full(EMBEDDING, np.nan)
    return np.concatenate([features.vector, [math.log2(pitch)], embedding])


@cache
def voice_estimator(path: Path = SPACE) -> VoiceEstimator:
    """The estimator that ships with the package, in the file of the voice space.

    Raises:
        WeightsError: its file is missing, damaged, or of other sizes.
    """
    arrays, about = load_arrays(path)
    for name, shape in (("usual", (INPUTS,)), ("scale", (INPUTS,)), ("weights", (INPUTS, COORDINATES))):
        if name not in arrays or arrays[name].shape != shape:
            raise WeightsError(f"{path} has no {name} of shape {shape}: reinstall hybrid-tok")
    return VoiceEstimator(arrays["usual"], arrays["scale"], arrays["weights"], float(about["doubt"]))
