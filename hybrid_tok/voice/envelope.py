"""The spectral envelope of a voice, without its harmonics.

CheapTrick (Morise 2015, "CheapTrick, a spectral envelope estimator for high-quality speech synthesis"): a window of
three periods, smoothing over two thirds of the fundamental in the power spectrum, and a lifter that removes the rest of
the harmonics from the cepstrum and compensates for the smoothing. The envelope hardly depends on the position of the
window within a period, nor on the pitch, so that voices of different pitch can be compared.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from hybrid_tok.voice.fourier import even_fft, rfft
from hybrid_tok.voice.pitch import gather

UNVOICED = 400.0
"""Hz used as the fundamental of unvoiced frames: a window of 7.5 ms follows a plosive's burst."""

_COMPENSATION = -0.15
_FLOOR = 1e-12
_BLOCK = 256


def fft_size(sample_rate: int, floor: float = 60.0) -> int:
    """The smallest power of two that holds three periods of the lowest pitch."""
    return 1 << int(np.ceil(np.log2(3.0 * sample_rate / floor + 1.0)))


def log_envelopes(
    samples: NDArray[np.float32], sample_rate: int, centres: NDArray[np.int64], frequency: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Log power spectra (T, size / 2 + 1), natural, of the voice at given places; size = `fft_size(sample_rate)`.

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
        result[part] = _log_envelopes(samples, sample_rate, centres[part], pitch[part], size)
    return result


def _log_envelopes(
    samples: NDArray[np.float32], sample_rate: int, centres: NDArray[np.int64], pitch: NDArray[np.float64], size: int
) -> NDArray[np.float32]:
    reach = (1.5 * sample_rate / pitch)[:, None].astype(np.float32)
    half = min(size // 2, int(reach.max()) + 1)
    offset = np.arange(-half, half, dtype=np.float32)
    window = np.float32(0.5) + np.float32(0.5) * np.cos(np.float32(np.pi) * np.minimum(np.abs(offset) / reach, 1.0))
    window /= np.sqrt(np.square(window).sum(axis=1, keepdims=True))
    windowed = gather(samples, centres, half) * window
    windowed -= window * (windowed.sum(axis=1, keepdims=True) / window.sum(axis=1, keepdims=True))
    spectrum = rfft(windowed, size)
    power = _fill_bottom(spectrum.real**2 + spectrum.imag**2, pitch * size / sample_rate)
    smooth = _smooth(power, 2.0 / 3.0 * pitch * size / sample_rate) + _FLOOR
    cepstrum = even_fft(np.log(smooth.astype(np.float32)))
    cepstrum *= _lifter(pitch, sample_rate, size)
    return np.clip(even_fft(cepstrum), np.float32(np.log(_FLOOR)), np.float32(20.0))


def _lifter(pitch: NDArray[np.float64], sample_rate: int, size: int) -> NDArray[np.float32]:
    """Factors (T, size / 2 + 1) of the cepstrum, including those of the transform and its inverse."""
    turn = np.arange(size // 2 + 1, dtype=np.float32) * (2.0 * np.pi / sample_rate * pitch).astype(np.float32)[:, None]
    turn[:, 0] = 1.0  # the first factor of the two is 0 / 0 there, and the product 1
    lifter = np.sin(np.float32(0.5) * turn) / turn
    lifter *= np.float32(1.0 - 2.0 * _COMPENSATION) + np.float32(2.0 * _COMPENSATION) * np.cos(turn)
    lifter *= np.float32(2.0 / size)
    lifter[:, 0] = 1.0 / size
    return lifter


def _fill_bottom(power: NDArray[np.float32], fundamental: NDArray[np.float64]) -> NDArray[np.float32]:
    """Below the fundamental (T,), in bins, there is only the flank of its peak: mirror it, so that the envelope
    continues to 0 Hz."""
    count = min(power.shape[1], int(fundamental.max()) + 1)
    distance = fundamental[:, None] - np.arange(count)
    mirrored = np.clip(np.rint(distance), 0, power.shape[1] - 1).astype(np.int64)
    power[:, :count] += np.where(distance > 0.0, np.take_along_axis(power, mirrored, 1), np.float32(0.0))
    return power


def _smooth(power: NDArray[np.float32], width: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over a band `width` bins wide (T,), around every bin; the spectrum is mirrored at both ends."""
    count, bins = power.shape
    margin = int(np.ceil(width.max(initial=1.0) / 2.0)) + 2
    total = np.zeros((count, bins + 2 * margin + 1))
    np.cumsum(np.pad(power, ((0, 0), (margin, margin)), mode="reflect"), axis=1, dtype=np.float64, out=total[:, 1:])
    windows, rows = sliding_window_view(total, bins, axis=1), np.arange(count)

    def sums_below(reach: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums up to `reach` bins beyond the middle of each bin, (T, bins)."""
        place = margin + 0.5 + reach
        low = np.floor(place).astype(np.int64)
        share = (place - low)[:, None]
        return windows[rows, low] * (1.0 - share) + windows[rows, low + 1] * share

    reach = np.maximum(width, 1.0) / 2.0
    return (sums_below(reach) - sums_below(-reach)) / (2.0 * reach[:, None])
