"""The spectral envelope of a voice, freed from its harmonics.

CheapTrick (Morise 2015, "CheapTrick, a spectral envelope estimator for high-quality speech synthesis"): a window of
three periods, smoothing over two thirds of the fundamental in the power spectrum, and a lifter that takes the rest of
the harmonics out of the cepstrum and makes good for the smoothing. The envelope hardly depends on where in a period the
window lies, nor on the pitch, so that voices of different pitch compare.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.voice.pitch import gather

UNVOICED = 400.0
"""Hz taken for the fundamental where there is none: a window of 7.5 ms follows a plosive's burst."""

_COMPENSATION = -0.15
_FLOOR = 1e-12
_BLOCK = 256


def fft_size(sample_rate: int, floor: float = 60.0) -> int:
    """The least power of two that holds three periods of the lowest pitch."""
    return 1 << int(np.ceil(np.log2(3.0 * sample_rate / floor + 1.0)))


def envelopes(
    samples: NDArray[np.float32],
    sample_rate: int,
    centres: NDArray[np.int64],
    frequency: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Power spectra (T, size / 2 + 1) of the voice at given places, size = `fft_size(sample_rate)`.

    A frame of noise of variance v has the mean power v in every bin.

    Args:
        samples: mono, (N,).
        centres: (T,), in samples.
        frequency: (T,), pitch in Hz, 0 where unvoiced.
    """
    size = fft_size(sample_rate)
    result = np.empty((len(centres), size // 2 + 1), np.float32)
    pitch = np.where(frequency > 0.0, np.maximum(frequency, 3.0 * sample_rate / size + 1.0), UNVOICED)
    for first in range(0, len(centres), _BLOCK):
        part = slice(first, first + _BLOCK)
        result[part] = _envelopes(samples, sample_rate, centres[part], pitch[part], size)
    return result


def _envelopes(
    samples: NDArray[np.float32],
    sample_rate: int,
    centres: NDArray[np.int64],
    pitch: NDArray[np.float64],
    size: int,
) -> NDArray[np.float32]:
    half = size // 2
    frames = gather(samples, centres, half)
    reach = (1.5 * sample_rate / pitch)[:, None].astype(np.float32)
    offset = np.arange(-half, half, dtype=np.float32)
    window = np.where(np.abs(offset) < reach, 0.5 + 0.5 * np.cos(np.pi * offset / reach), 0.0).astype(np.float32)
    window /= np.sqrt(np.square(window).sum(axis=1, keepdims=True))
    windowed = frames * window
    windowed -= window * (windowed.sum(axis=1, keepdims=True) / window.sum(axis=1, keepdims=True))
    spectrum = np.fft.rfft(windowed)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float64)
    power = _fill_bottom(power, pitch, sample_rate, size)
    smooth = _smooth(power, 2.0 / 3.0 * pitch * size / sample_rate) + _FLOOR
    cepstrum = np.fft.irfft(np.log(smooth), size)
    quefrency = np.minimum(np.arange(size), size - np.arange(size)) / sample_rate * pitch[:, None]
    lifter = np.sinc(quefrency) * (1.0 - 2.0 * _COMPENSATION + 2.0 * _COMPENSATION * np.cos(2.0 * np.pi * quefrency))
    logarithm = np.fft.rfft(cepstrum * lifter).real
    return np.exp(np.clip(logarithm, np.log(_FLOOR), 20.0)).astype(np.float32)


def _fill_bottom(
    power: NDArray[np.float64], pitch: NDArray[np.float64], sample_rate: int, size: int
) -> NDArray[np.float64]:
    """Below the fundamental there is nothing but the flank of its peak: mirror it, as the envelope goes on to 0 Hz."""
    bins = np.arange(power.shape[1])[None]
    fundamental = (pitch * size / sample_rate)[:, None]
    mirrored = np.clip(np.rint(fundamental - bins), 0, power.shape[1] - 1).astype(np.int64)
    return power + np.where(bins < fundamental, np.take_along_axis(power, mirrored, 1), 0.0)


def _smooth(power: NDArray[np.float64], width: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over a band `width` bins wide (T,), around every bin; the spectrum is mirrored at both its ends."""
    bins = power.shape[1]
    margin = int(np.ceil(width.max(initial=1.0) / 2.0)) + 2
    extended = np.pad(power, ((0, 0), (margin, margin)), mode="reflect")
    total = np.concatenate([np.zeros((len(power), 1)), np.cumsum(extended, axis=1)], axis=1)
    middle = np.arange(bins)[None] + margin + 0.5

    def upto(place: NDArray[np.float64]) -> NDArray[np.float64]:
        low = np.floor(place).astype(np.int64)
        share = place - low
        return np.take_along_axis(total, low, 1) * (1.0 - share) + np.take_along_axis(total, low + 1, 1) * share

    reach = np.maximum(width, 1.0)[:, None] / 2.0
    return (upto(middle + reach) - upto(middle - reach)) / (2.0 * reach)
