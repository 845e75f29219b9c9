"""Features of the event network: log-mel bands, periodicity and roughness, per 20 ms frame.

All features depend only on the samples around a frame, and are exactly zero for digital silence, so that beyond a
recording's edges there is silence wherever a block is cut.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hybrid_tok.nn.logmel import mel_points, triangles
from hybrid_tok.nn.periods import WINDOW, PeriodSearch

SAMPLE_RATE = 16_000
HOP = 320
"""Samples per frame: 20 ms."""
MELS = 64
AUXILIARY = 6
"""Periodicity, its octave, and the depth of modulation in four bands."""

_FFT, _WINDOW = 512, 400
_FLOOR_DB = -90.0
_SHORTEST, _LONGEST = 20, 319
"""Lags in samples: 800 to 50 Hz. Higher voices are resolved by the mel bands themselves."""
_POWER_STEP = 32
"""Samples per value of the power envelope: 500 Hz."""
_POWER_WINDOW = 64
"""Values (128 ms) of the power envelope whose spectrum measures roughness."""
_BANDS = ((2, 5), (5, 10), (10, 20), (20, 33))
"""Bins of 7.8 Hz: flutter at 16-31 Hz, creak at 39-70 Hz, roughness at 78-148 Hz, and low voices above."""


class EventFeatures(nn.Module):
    """Samples (B, T * 320) to log-mel (B, 1, 64, 2 T), two windows of 25 ms per frame, and auxiliary (B, T, 6).

    Log-mel is (decibels full scale + 90) / 30. Periodicity is the highest peak of the normalized autocorrelation
    (Boersma 1993), its octave relative to 200 Hz follows. Modulation depths are those of the power envelope relative
    to its mean: they separate creak, snoring and rough screams from clear voices.
    """

    window: Tensor
    mel: Tensor
    power_window: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.search = PeriodSearch(_SHORTEST, _LONGEST, floor=1e-5, handicap=0.03)
        window = torch.zeros(_FFT)
        window[(_FFT - _WINDOW) // 2 : (_FFT + _WINDOW) // 2] = torch.hann_window(_WINDOW)
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("mel", torch.from_numpy(mel_filters()), persistent=False)
        self.register_buffer("power_window", torch.hann_window(_POWER_WINDOW), persistent=False)

    @torch.no_grad()
    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        periodicity, octave = self._period(samples)
        auxiliary = torch.cat([periodicity[..., None], octave[..., None], self._roughness(samples)], dim=-1)
        return self._log_mel(samples)[:, None], auxiliary

    def _log_mel(self, samples: Tensor) -> Tensor:
        half = HOP // 2
        margin = (_FFT - half) // 2
        frames = nn.functional.pad(samples, (margin, margin)).unfold(1, _FFT, half)
        spectrum = torch.fft.rfft(frames * self.window)
        power = (spectrum.real.square() + spectrum.imag.square()) * (2.0 / self.window.sum()).square()
        decibels = 10.0 * torch.log10(power @ self.mel + 1e-12)
        return ((decibels - _FLOOR_DB) / 30.0).clamp(min=0.0).transpose(1, 2)

    def _period(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        margin = (WINDOW - HOP) // 2
        normalized, lag, found = self.search(nn.functional.pad(samples, (margin, margin)), HOP)
        periodicity = torch.where(found, normalized.gather(-1, lag).clamp(0.0, 1.0), 0.0)
        octave = torch.where(periodicity > 0.45, -torch.log2(lag * 200.0 / SAMPLE_RATE), 0.0)
        return periodicity[..., 0], octave[..., 0]

    def _roughness(self, samples: Tensor) -> Tensor:
        step = HOP // _POWER_STEP
        power = samples.square().unflatten(1, (-1, _POWER_STEP)).mean(-1)
        margin = (_POWER_WINDOW - step) // 2
        windows = nn.functional.pad(power, (margin, margin)).unfold(1, _POWER_WINDOW, step)
        spectrum = torch.fft.rfft(windows * self.power_window).abs()
        mean = spectrum[..., 0] + 1e-6
        bands = [spectrum[..., low:high].square().sum(-1).sqrt() / mean for low, high in _BANDS]
        return torch.stack(bands, dim=-1)


def mel_filters() -> NDArray[np.float32]:
    """Triangular filters of unit sum, (257, 64), from 50 Hz to 7.6 kHz."""
    width = SAMPLE_RATE / _FFT
    filters = triangles(mel_points(50.0, 7600.0, MELS + 2), np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE), width)
    return (filters / filters.sum(0)).astype(np.float32)
