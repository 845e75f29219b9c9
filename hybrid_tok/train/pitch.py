"""Fundamental frequency of training segments, which teaches the decoder its pitch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

SAMPLE_RATE = 16_000
_WINDOW = 1024
_FFT = 2048
_SHORTEST, _LONGEST = 32, 270


def pitch_track(samples: NDArray[np.float32], hop: int) -> NDArray[np.float32]:
    """Pitch (B, N / hop) in Hz of samples (B, N), 0 where there is none, 59 to 500 Hz.

    Autocorrelation of Hann-windowed 64 ms, divided by the window's own (Boersma 1993); a frame is voiced where it exceeds
    0.6. Shorter lags are preferred a little, against octave errors downwards.
    """
    batch, length = samples.shape
    window = np.hanning(_WINDOW).astype(np.float32)
    own = fft.irfft(np.abs(fft.rfft(window, _FFT)) ** 2)[: _LONGEST + 2]
    margin = _WINDOW // 2
    padded = np.pad(samples, ((0, 0), (margin, margin)))
    starts = np.arange(length // hop) * hop + hop // 2
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW, axis=1)[:, starts]
    frames = (frames - frames.mean(-1, keepdims=True)) * window
    spectrum = fft.rfft(frames, _FFT)
    correlation = fft.irfft(spectrum.real**2 + spectrum.imag**2)[..., : _LONGEST + 2]
    energy = correlation[..., :1] + 1e-4
    normalized = correlation / energy * (own[0] / own)
    lags = np.arange(_SHORTEST, _LONGEST + 1)
    candidates = normalized[..., _SHORTEST : _LONGEST + 1]
    peaks = (candidates >= normalized[..., _SHORTEST - 1 : _LONGEST]) & (
        candidates > normalized[..., _SHORTEST + 1 : _LONGEST + 2]
    )
    merit = np.where(peaks, candidates - 0.04 * np.log2(lags / _SHORTEST), -1)
    best = merit.argmax(-1)
    lag = lags[best]
    rows = np.ogrid[:batch, : len(starts)]
    left, middle, right = (normalized[rows[0], rows[1], lag + d] for d in (-1, 0, 1))
    offset = 0.5 * (left - right) / np.minimum(left - 2 * middle + right, -1e-6)
    voiced = (middle > 0.6) & (merit.max(-1) > 0)
    return np.where(voiced, SAMPLE_RATE / (lag + offset), 0).astype(np.float32)
