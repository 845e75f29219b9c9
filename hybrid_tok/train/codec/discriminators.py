"""Multi-resolution STFT discriminators with hinge and feature-matching losses.

Small ones: on a CPU each costs as much as the codec itself. They look at complex spectra (as in EnCodec, Défossez et
al. 2022, arXiv 2210.13438) at three resolutions; training uses one in turn per step.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

RESOLUTIONS = (1024, 512, 256)


class SpectrumDiscriminator(nn.Module):
    """Samples (B, N) to a map of scores and the features of every layer."""

    window: Tensor

    def __init__(self, num_fft: int, channels: int = 16) -> None:
        super().__init__()
        self.hop = num_fft // 4
        self.register_buffer("window", torch.hann_window(num_fft), persistent=False)
        shapes = [(2, (3, 9), (1, 2), 1), (channels, (3, 9), (1, 2), 1), (channels, (3, 9), (1, 2), 2)]
        self.layers = nn.ModuleList(
            weight_norm(
                nn.Conv2d(inputs, channels, kernel, stride, dilation=(dilation, 1), padding=(dilation, kernel[1] // 2))
            )
            for inputs, kernel, stride, dilation in shapes
        )
        self.score = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, samples: Tensor) -> tuple[Tensor, list[Tensor]]:
        spectrum = torch.fft.rfft(samples.unfold(1, len(self.window), self.hop) * self.window)
        # Square-root compression keeps the phase and lets quiet bins count.
        magnitude = (spectrum.real.square() + spectrum.imag.square() + 1e-8).pow(0.25)
        x = torch.stack([spectrum.real / magnitude, spectrum.imag / magnitude], 1)
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            features.append(x)
        return self.score(x), features


class Discriminators(nn.Module):
    """One `SpectrumDiscriminator` per resolution, one in turn per step."""

    def __init__(self) -> None:
        super().__init__()
        self.members = nn.ModuleList(SpectrumDiscriminator(n) for n in RESOLUTIONS)

    def discriminate(self, output: Tensor, target: Tensor, step: int) -> Tensor:
        """Hinge loss of the discriminator whose turn it is; `output` gets no gradient."""
        member = self.members[step % len(self.members)]
        fake, _ = member(output.detach())
        real, _ = member(target)
        return F.relu(1 + fake).mean() + F.relu(1 - real).mean()

    def persuade(self, output: Tensor, target: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Adversarial and feature-matching loss of the codec; features are compared relative to their size."""
        member = self.members[step % len(self.members)]
        score, features = member(output)
        with torch.no_grad():
            _, goals = member(target)
        distances = [(f - g).abs().mean() / (g.abs().mean() + 1e-6) for f, g in zip(features, goals, strict=True)]
        return -score.mean(), torch.stack(distances).mean()
