"""The decoder's excitation: a pulse train that keeps its phase from frame to frame, and noise.

A network with a context of a few frames cannot know the phase of a steady voice: it would have to count periods since
the voice began. So the codes carry the fundamental frequency, and this module integrates it (as in source-filter
vocoders; compare NSF, Wang et al. 2019, and DDSP, Engel et al. 2020).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

_NOISE_FRAMES = 400
_PITCH_STEPS_PER_HERTZ = 16


class Excitation(nn.Module):
    """Spectra of a pulse train and of noise, both of about unit magnitude.

    Args:
        sample_rate: in Hz.
        window: (W,) analysis window.
        hop: samples between frames.
    """

    window: Tensor
    time: Tensor
    noise: Tensor

    def __init__(self, sample_rate: int, window: Tensor, hop: int) -> None:
        super().__init__()
        self.sample_rate, self.hop, self.size = sample_rate, hop, len(window)
        self.scale = float(window.square().sum().rsqrt())
        time = (torch.arange(self.size) - (self.size - 1) / 2) / sample_rate
        # A fixed noise, the same on every machine; its period of 4 s is too long to be audible.
        noise = np.random.RandomState(20240229).standard_normal(_NOISE_FRAMES * hop).astype(np.float32)
        pieces = torch.from_numpy(np.concatenate([noise, noise])).unfold(0, self.size, hop)[:_NOISE_FRAMES]
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("time", time, persistent=False)
        self.register_buffer("noise", torch.fft.rfft(pieces * window) * self.scale, persistent=False)

    def forward(
        self, pitch: Tensor, state: Tensor, wanted: slice = slice(None), keep: int | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Spectra of J consecutive frames.

        Args:
            pitch: (B, J) in Hz.
            state: (B, 3) float64: phase and pitch of the frame before, and the number of frames so far.
            wanted: which of the J frames to make.
            keep: the returned state is that after so many of them; all unless given.

        Returns:
            Pulse spectra (B, wanted, W / 2 + 1), noise spectra (wanted, W / 2 + 1), and the state after.
        """
        # Rounded, so that the last bits of a matrix product do not add up to another phase. In numpy, whose small steps
        # cost less than those of torch.
        hertz = pitch.detach().cpu().numpy().astype(np.float64)
        hertz = np.rint(hertz * _PITCH_STEPS_PER_HERTZ) / _PITCH_STEPS_PER_HERTZ
        past = state.cpu().numpy()
        before = np.concatenate([np.where(past[:, 1:2] > 0, past[:, 1:2], hertz[:, :1]), hertz[:, :-1]], 1)
        turns = past[:, :1] + np.cumsum((before + hertz) * (0.5 * self.hop / self.sample_rate), 1)
        turns -= np.floor(turns)
        first = int(past[0, 2])
        keep = hertz.shape[1] if keep is None else keep
        after = np.stack([turns[:, keep - 1], hertz[:, keep - 1], past[:, 2] + keep], 1) if keep else past
        made = np.stack([turns[:, wanted], hertz[:, wanted]]).astype(np.float32)
        waves = self._pulses(*torch.from_numpy(made).to(pitch.device))
        pulses = torch.fft.rfft(waves * self.window) * self.scale
        return pulses, self._noise(first, pitch.shape[1])[wanted], torch.from_numpy(after).to(pitch.device)

    def _noise(self, first: int, count: int) -> Tensor:
        """Noise spectra of so many frames; most often no frames of a stream's step wrap around."""
        start = first % _NOISE_FRAMES
        if start + count <= _NOISE_FRAMES:
            return self.noise[start : start + count]
        return self.noise[torch.arange(start, start + count, device=self.noise.device) % _NOISE_FRAMES]

    def _pulses(self, turns: Tensor, pitch: Tensor) -> Tensor:
        """All harmonics below Nyquist as equal cosines, by the closed form of their sum; unit variance."""
        cycles = turns[..., None] + pitch[..., None] * self.time
        angle = cycles.sub_(torch.round(cycles)).mul_(2 * math.pi)
        harmonics = torch.floor(0.49 * self.sample_rate / pitch)[..., None]
        half = torch.sin(angle / 2)
        near = half.abs() < 1e-4
        kernel = angle.mul_(harmonics + 0.5).sin_().div_(half.masked_fill_(near, 1.0).mul_(2)).sub_(0.5)
        return torch.where(near, harmonics, kernel).mul_((2 / harmonics).sqrt())

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 3, dtype=torch.float64, device=self.window.device)
