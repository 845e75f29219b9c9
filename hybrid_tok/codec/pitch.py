"""Fundamental frequency by autocorrelation, and its place in the codes."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hybrid_tok.nn.periods import PeriodSearch

SAMPLE_RATE = 16_000
_SHORTEST, _LONGEST = 32, 270
LOWEST = SAMPLE_RATE / _LONGEST
HIGHEST = SAMPLE_RATE / _SHORTEST
_VOICED = 0.55


class PitchTracker(nn.Module):
    """Samples to pitch in Hz, 59 to 500, and 0 where there is none.

    No tracking over time: a frame is a function of its window.
    """

    def __init__(self) -> None:
        super().__init__()
        self.search = PeriodSearch(_SHORTEST, _LONGEST, floor=1e-4, handicap=0.04)

    @torch.no_grad()
    def forward(self, samples: Tensor, hop: int) -> Tensor:
        """Samples (B, N) to pitch (B, J) of the J windows of 1,024 samples that fit, `hop` apart."""
        normalized, lag, found = self.search(samples, hop)
        left, middle, right = (normalized.gather(-1, lag + step) for step in (-1, 0, 1))
        offset = 0.5 * (left - right) / (left - 2 * middle + right).clamp(max=-1e-6)
        return torch.where((middle > _VOICED) & found, SAMPLE_RATE / (lag + offset), 0.0)[..., 0]


def pitch_to_place(pitch: Tensor, levels: int) -> Tensor:
    """Pitch in Hz to an integer below `levels`: 0 is unvoiced, the others are spaced evenly in octaves."""
    place = 1 + (levels - 2) * torch.log2(pitch.clamp(min=LOWEST) / LOWEST) / math.log2(HIGHEST / LOWEST)
    return torch.where(pitch > 0, place.round().clamp(1, levels - 1), 0.0)


def place_to_octaves(place: Tensor, levels: int) -> Tensor:
    """The inverse, as log2 of Hz; 0 where unvoiced."""
    octaves = math.log2(LOWEST) + (place - 1) / (levels - 2) * math.log2(HIGHEST / LOWEST)
    return torch.where(place > 0, octaves, 0.0)
