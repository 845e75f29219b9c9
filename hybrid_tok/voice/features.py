"""What a voice's spectrum is like, in numbers that hardly depend on what is said: what its timbre is estimated from.

Of voiced speech, the mean and the spread over time of the shape of the spectral envelope; of unvoiced speech, the mean
envelope, which tells how bright its fricatives are. All in mel bands and dB, without the level of the recording.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.nn.logmel import mel_points, triangles
from hybrid_tok.voice.envelope import fft_size, log_envelopes
from hybrid_tok.voice.pitch import HOP_SECONDS, PitchTrack

BANDS = 40
_POINTS = mel_points(60.0, 7_800.0, BANDS + 2)
"""Hz: centres of the bands, and outer edges of the first and last."""

_RANGE_DB = 20.0
"""Below loud speech, within which frames are used: noise matters least there."""

_UNVOICED_RANGE_DB = 30.0
"""The same for unvoiced frames, which are softer."""

_MOST_FRAMES = 400
"""Frames of either kind (4 s) whose spectra are used, evenly over all there are: more hardly change the mean."""

_FEWEST_UNVOICED = 6


@dataclass(frozen=True, slots=True, eq=False)
class SpectralFeatures:
    """The features.

    Attributes:
        shape: (40,), mean over voiced frames of the level in each band, relative to the frame's mean over the bands.
        spread: (40,), standard deviation of the same over the frames.
        noise: (40,), mean level in each band of unvoiced frames, relative to that of voiced frames over all bands; NaN
            where there are too few.
        seconds: of the voiced speech it was measured on.
    """

    shape: NDArray[np.float64]
    spread: NDArray[np.float64]
    noise: NDArray[np.float64]
    seconds: float

    @property
    def vector(self) -> NDArray[np.float64]:
        """All of it, (120,)."""
        return np.concatenate([self.shape, self.spread, self.noise])


def spectral_features(samples: NDArray[np.float32], sample_rate: int, track: PitchTrack) -> SpectralFeatures:
    """The features of the frames of a track; there must be voiced ones."""
    voiced = loud_frames(track, track.voiced, _RANGE_DB)
    levels = _band_levels(samples, sample_rate, track, voiced)
    middle = levels.mean(axis=1, keepdims=True)
    shape = levels - middle
    loud = np.percentile(track.power[track.voiced], 90.0) * 10.0 ** (-_UNVOICED_RANGE_DB / 10.0)
    unvoiced = np.flatnonzero(~track.voiced & (track.power >= loud))
    noise = np.full(BANDS, np.nan)
    if len(unvoiced) >= _FEWEST_UNVOICED:
        noise = _band_levels(samples, sample_rate, track, unvoiced).mean(axis=0) - middle.mean()
    return SpectralFeatures(shape.mean(axis=0), shape.std(axis=0), noise, len(voiced) * HOP_SECONDS)


def loud_frames(track: PitchTrack, of: NDArray[np.bool_], range_db: float) -> NDArray[np.int64]:
    """Indices of the frames within a range below the loud ones of a kind."""
    chosen = np.flatnonzero(of)
    if not len(chosen):
        return chosen
    power = track.power[chosen]
    return chosen[power >= np.percentile(power, 90.0) * 10.0 ** (-range_db / 10.0)]


def _band_levels(
    samples: NDArray[np.float32], sample_rate: int, track: PitchTrack, frames: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Level of each band in dB, (frames, 40), of at most `_MOST_FRAMES`."""
    frames = frames[np.linspace(0, len(frames) - 1, min(len(frames), _MOST_FRAMES)).round().astype(np.int64)]
    logarithms = log_envelopes(samples, sample_rate, track.centres[frames], track.frequency[frames])
    size = fft_size(sample_rate)
    filters = triangles(_POINTS, np.arange(size // 2 + 1) * sample_rate / size, sample_rate / size)
    return 10.0 / math.log(10.0) * (logarithms @ (filters / filters.sum(axis=0)))
