"""From how a speaker's spectrum is to a point in the voice space, where Kokoro sounds like that.

A linear regression from spectral features and pitch, fitted by `train.voice`. Recordings differ from a synthesizer in
ways that no point can follow, so features count relative to the mean of real speech, as if that were Kokoro's mean.
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

INPUTS = 3 * BANDS + 1
"""Numbers that an estimate is made from: spectral features and pitch."""


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

    def estimate(self, features: SpectralFeatures, pitch: float) -> NDArray[np.float64]:
        """The point, (coordinates,); nearer to the origin, the mean voice, the less speech there was.

        Args:
            pitch: median, in Hz.
        """
        return features.seconds / (features.seconds + self.doubt) * self.point(inputs(features, pitch))

    def point(self, measured: NDArray[np.float64]) -> NDArray[np.float64]:
        """The points (..., coordinates) of inputs (..., inputs) of much speech; what is NaN counts as usual."""
        return np.nan_to_num((measured - self.usual) / self.scale) @ self.weights.astype(np.float64)


def inputs(features: SpectralFeatures, pitch: float) -> NDArray[np.float64]:
    """What an estimate is made from, (inputs,): the features and the pitch in octaves."""
    return np.append(features.vector, math.log2(pitch))


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
