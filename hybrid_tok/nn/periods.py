"""The period of a voice, frame by frame: the highest peak of the autocorrelation (Boersma 1993)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WINDOW = 1024
"""Samples a period is looked for in: 64 ms at 16 kHz."""


class PeriodSearch(nn.Module):
    """Windows to the best lag within bounds, by the autocorrelation under a Hann window, divided by the window's own.

    Multiples of a period correlate as well as the period itself: of nearly equal ones the shortest is preferred.

    Args:
        shortest, longest: lags in samples.
        floor: added to the energy, so that silence has no period.
        handicap: taken from a lag an octave longer.
    """

    window: Tensor
    correction: Tensor
    handicap: Tensor

    def __init__(self, shortest: int, longest: int, floor: float, handicap: float) -> None:
        super().__init__()
        self.shortest, self.longest, self.floor = shortest, longest, floor
        window, lags = torch.hann_window(WINDOW), torch.arange(shortest, longest + 1)
        own = torch.fft.irfft(torch.fft.rfft(window, 2 * WINDOW).abs().square())[: longest + 2]
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("correction", own[0] / own, persistent=False)
        self.register_buffer("handicap", handicap * torch.log2(lags / shortest), persistent=False)

    def forward(self, samples: Tensor, hop: int) -> tuple[Tensor, Tensor, Tensor]:
        """Samples (B, N) to the normalized autocorrelation (B, J, longest + 2) of the J windows that fit, `hop` apart;
        the lag of its best peak (B, J, 1); and whether there is any (B, J, 1)."""
        frames = samples.unfold(1, WINDOW, hop)
        spectrum = torch.fft.rfft((frames - frames.mean(-1, keepdim=True)) * self.window, 2 * WINDOW)
        real, imaginary = torch.view_as_real(spectrum).square().unbind(-1)
        correlation = torch.fft.irfft(real + imaginary)[..., : self.longest + 2]
        normalized = correlation / (correlation[..., :1] + self.floor) * self.correction
        left, middle, right = (normalized[..., self.shortest + k : self.longest + 1 + k] for k in (-1, 0, 1))
        peaks = (middle >= left) & (middle > right)
        merit, best = torch.where(peaks, middle - self.handicap, -1.0).max(-1, keepdim=True)
        return normalized, best + self.shortest, merit > 0
