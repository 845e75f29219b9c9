"""Fundamental frequency by autocorrelation, and its place in the codes."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

SAMPLE_RATE = 16_000
WINDOW = 1024
_FFT = 2048
_SHORTEST, _LONGEST = 32, 270
LOWEST = SAMPLE_RATE / _LONGEST
HIGHEST = SAMPLE_RATE / _SHORTEST
_VOICED = 0.55


class PitchTracker(nn.Module):
    """Samples to pitch in Hz, 59 to 500, and 0 where there is none.

    The highest peak of the autocorrelation of 64 ms under a Hann window, divided by the window's own (Boersma 1993);
    short lags are slightly preferred, against octave errors downwards. No tracking over time: a frame is a function of
    its window.
    """

    window: Tensor
    correction: Tensor
    handicap: Tensor

    def __init__(self) -> None:
        super().__init__()
        window = torch.hann_window(WINDOW)
        own = torch.fft.irfft(torch.fft.rfft(window, _FFT).abs().square())[: _LONGEST + 2]
        lags = torch.arange(_SHORTEST, _LONGEST + 1)
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("correction", own[0] / own, persistent=False)
        self.register_buffer("handicap", 0.04 * torch.log2(lags / _SHORTEST), persistent=False)

    @torch.no_grad()
    def forward(self, samples: Tensor, hop: int) -> Tensor:
        """Samples (B, N) to pitch (B, J) of the J windows of 1,024 samples that fit, `hop` apart."""
        frames = samples.unfold(1, WINDOW, hop)
        spectrum = torch.fft.rfft((frames - frames.mean(-1, keepdim=True)) * self.window, _FFT)
        power = spectrum.real.square() + spectrum.imag.square()
        correlation = torch.fft.irfft(power)[..., : _LONGEST + 2]
        normalized = correlation / (correlation[..., :1] + 1e-4) * self.correction
        middle = normalized[..., _SHORTEST : _LONGEST + 1]
        left, right = normalized[..., _SHORTEST - 1 : _LONGEST], normalized[..., _SHORTEST + 1 : _LONGEST + 2]
        peaks = (middle >= left) & (middle > right)
        merit, best = torch.where(peaks, middle - self.handicap, -1.0).max(-1, keepdim=True)
        left, middle, right = (x.gather(-1, best) for x in (left, middle, right))
        offset = 0.5 * (left - right) / (left - 2 * middle + right).clamp(max=-1e-6)
        pitch = SAMPLE_RATE / (best + _SHORTEST + offset)
        return torch.where((middle > _VOICED) & (merit > 0), pitch, 0.0)[..., 0]


def pitch_to_place(pitch: Tensor, levels: int) -> Tensor:
    """Pitch in Hz to an integer below `levels`: 0 is unvoiced, the others are spaced evenly in octaves."""
    place = 1 + (levels - 2) * torch.log2(pitch.clamp(min=LOWEST) / LOWEST) / math.log2(HIGHEST / LOWEST)
    return torch.where(pitch > 0, place.round().clamp(1, levels - 1), 0.0)


def place_to_octaves(place: Tensor, levels: int) -> Tensor:
    """The inverse, as log2 of Hz; 0 where unvoiced."""
    octaves = math.log2(LOWEST) + (place - 1) / (levels - 2) * math.log2(HIGHEST / LOWEST)
    return torch.where(place > 0, octaves, 0.0)
