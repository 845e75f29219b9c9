"""The expected mean spectrum of a voice code.

Four of the eight traits describe the spectrum, the others correlate with it (a high voice has other resonances than a
low one). A linear regression over speakers predicts a whole spectrum in mel bands from them. `train.voice` fits it;
`voice.md` has its data and its error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.nn.arrays import read_tables
from hybrid_tok.nn.logmel import mel_points, triangles
from hybrid_tok.tokens.stream import VOICE_CODES
from hybrid_tok.voice.code import LEVELS, VoiceTraits, quantize

BANDS = 40
_POINTS = mel_points(60.0, 7800.0, BANDS + 2)
"""Hz: centres of the bands, and outer edges of the first and last."""

WEIGHTS = Path(__file__).parent / "timbre.json"


@dataclass(frozen=True, slots=True, eq=False)
class TimbreModel:
    """The regression: mean (40,) in dB, and weights (40, 8) in dB per half of a token's values."""

    mean: NDArray[np.float64]
    weights: NDArray[np.float64]

    def levels(self, code: Sequence[int]) -> NDArray[np.float64]:
        """Level of each band, (40,) in dB relative to the mean over them."""
        return self.mean + self.weights @ centred(code)


def centred(code: Sequence[int]) -> NDArray[np.float64]:
    """The tokens of a voice code from -1 to 1."""
    return np.asarray(code, np.float64) * (2.0 / (LEVELS - 1)) - 1.0


def likely_levels(traits: VoiceTraits) -> NDArray[np.float64]:
    """Expected level of each band (40,) in dB, relative to the mean over them, of a speaker with these traits."""
    return timbre_model().levels(quantize(traits))


def band_levels(spectrum: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    """Level of each band (40,) in dB, relative to the mean over them, of a log spectrum (bins,) in dB."""
    frequency = np.arange(len(spectrum)) * sample_rate / (2.0 * (len(spectrum) - 1))
    filters = triangles(_POINTS, frequency)
    levels = spectrum @ filters / filters.sum(0)
    return levels - levels.mean()


def centres() -> NDArray[np.float64]:
    """Centre of each band in Hz, (40,)."""
    return _POINTS[1:-1]


@cache
def timbre_model(path: Path = WEIGHTS) -> TimbreModel:
    """The regression that ships with the package.

    Raises:
        WeightsError: its file is missing or damaged.
    """
    return TimbreModel(**read_tables(path, mean=(BANDS,), weights=(BANDS, VOICE_CODES)))
