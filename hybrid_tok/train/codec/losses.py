"""Reconstruction losses of the unit codec: spectra, intelligibility and loudness, each differentiable.

All take the recording and its reconstruction, (B, N) at 16 kHz. Magnitudes are of sine amplitude: a full-scale sine
has 1 in its bin.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from hybrid_tok.nn.logmel import mel_points, triangles

SAMPLE_RATE = 16_000


def magnitude_spectrum(samples: Tensor, window: Tensor, hop: int) -> Tensor:
    """Samples (B, N) to STFT magnitudes (B, frames, window / 2 + 1), without padding at the edges."""
    spectrum = torch.fft.rfft(samples.unfold(1, len(window), hop) * window)
    return (spectrum.real.square() + spectrum.imag.square() + 1e-12).sqrt() * (2 / window.sum())


class SpectralLoss(nn.Module):
    """Log-mel, log-magnitude and compressed-magnitude distance of one STFT resolution.

    The log terms weigh all levels as hearing does; the compressed one (power 1/2) keeps the loud parts right.
    """

    window: Tensor
    bank: Tensor

    def __init__(self, num_fft: int, num_mels: int) -> None:
        super().__init__()
        self.hop = num_fft // 4
        self.register_buffer("window", torch.hann_window(num_fft), persistent=False)
        bank = triangles(mel_points(0.0, SAMPLE_RATE / 2, num_mels + 2), np.fft.rfftfreq(num_fft, 1 / SAMPLE_RATE))
        self.register_buffer("bank", torch.from_numpy(bank[:, bank.sum(0) > 0]).float(), persistent=False)

    def magnitudes(self, samples: Tensor) -> Tensor:
        return magnitude_spectrum(samples, self.window, self.hop)

    def forward(self, magnitudes: Tensor, target: Tensor) -> Tensor:
        log_mel = (torch.log(magnitudes @ self.bank + 1e-4) - torch.log(target @ self.bank + 1e-4)).abs().mean()
        log_linear = (torch.log(magnitudes + 2e-4) - torch.log(target + 2e-4)).abs().mean()
        compressed = (magnitudes.sqrt() - target.sqrt()).abs().mean()
        return log_mel + 0.3 * log_linear + 8 * compressed


class IntelligibilityLoss(nn.Module):
    """1 - correlation of third-octave envelopes over 384 ms, after STOI (Taal et al. 2011), on the 512-sample STFT.

    Differences to the metric: 16 kHz instead of 10, and pauses are given no weight instead of being cut out.
    """

    bank: Tensor

    def __init__(self, segment: int = 24) -> None:
        super().__init__()
        centres = 150 * 2 ** (torch.arange(15, dtype=torch.float64) / 3)
        frequencies = torch.linspace(0, SAMPLE_RATE / 2, 257, dtype=torch.float64)[:, None]
        bank = (frequencies >= centres * 2 ** (-1 / 6)) & (frequencies < centres * 2 ** (1 / 6))
        self.register_buffer("bank", bank.float(), persistent=False)
        self.segment = segment

    def forward(self, magnitudes: Tensor, target: Tensor) -> Tensor:
        """Magnitudes (B, frames, 257) at hop 256."""
        loudest = target.square().sum(-1)
        active = (loudest > 1e-4 * loudest.amax(1, keepdim=True)) & (loudest > 1e-8)
        x = (target.square() @ self.bank + 1e-10).sqrt().unfold(1, self.segment, self.segment // 4)
        y = (magnitudes.square() @ self.bank + 1e-10).sqrt().unfold(1, self.segment, self.segment // 4)
        weight = active.float().unfold(1, self.segment, self.segment // 4).mean(-1)[..., None]
        y = y * (x.norm(dim=-1, keepdim=True) / y.norm(dim=-1, keepdim=True))
        y = torch.minimum(y, x * (1 + 10 ** (15 / 20)))
        x = x - x.mean(-1, keepdim=True)
        y = y - y.mean(-1, keepdim=True)
        correlation = (x * y).sum(-1) / (x.norm(dim=-1) * y.norm(dim=-1) + 1e-6)
        # A constant band has no correlation.
        weight = weight * (x.norm(dim=-1) > 1e-3)
        return ((1 - correlation) * weight).sum() / (weight.sum() + 1e-6)


class LoudnessLoss(nn.Module):
    """Disturbance between Bark loudness spectra, in the spirit of PESQ (ITU-T P.862.2) and PMSQE (Martin-Donas 2018).

    Both signals are scaled by the gain that brings the recording to PESQ's standard level; loudness follows Zwicker's
    law; differences under a quarter of the smaller loudness are masked; additions cost more than omissions.
    """

    bank: Tensor
    threshold: Tensor
    width: Tensor
    speech_band: Tensor

    def __init__(self, num_bands: int = 49) -> None:
        super().__init__()
        frequencies = torch.linspace(0, SAMPLE_RATE / 2, 257, dtype=torch.float64)
        bark = 6 * torch.asinh(frequencies / 600)
        edges = torch.linspace(0, float(bark[-1]) + 1e-9, num_bands + 1, dtype=torch.float64)
        index = (torch.bucketize(bark, edges, right=True) - 1).clamp(max=num_bands - 1)
        bank = nn.functional.one_hot(index, num_bands).double()
        count = bank.sum(0)
        bank, centres = bank[:, count > 0], ((edges[1:] + edges[:-1]) / 2)[count > 0]
        hertz = 600 * torch.sinh(centres / 6)
        kilo = (hertz / 1000).clamp(min=0.05)
        # Threshold in quiet (Terhardt 1979) in dB, in power relative to the standard level at 1e7.
        quiet = 3.64 * kilo**-0.8 - 6.5 * torch.exp(-0.6 * (kilo - 3.3) ** 2) + 1e-3 * kilo**4
        self.register_buffer("bank", bank.float(), persistent=False)
        self.register_buffer("threshold", (10 ** (quiet.clamp(max=70) / 10) * 0.5).float(), persistent=False)
        self.register_buffer("width", torch.full((len(centres),), float(edges[1] - edges[0])), persistent=False)
        self.register_buffer("speech_band", ((frequencies > 325) & (frequencies < 3250)).float(), persistent=False)

    def loudness(self, power: Tensor) -> Tensor:
        return 0.1866 * (self.threshold / 0.5) ** 0.23 * ((0.5 + 0.5 * power / self.threshold) ** 0.23 - 1)

    def forward(self, magnitudes: Tensor, target: Tensor) -> Tensor:
        """Magnitudes (B, frames, 257) at hop 256."""
        power, reference = magnitudes.square(), target.square()
        level = (reference * self.speech_band).sum(-1)
        active = (level > 1e-3 * level.amax(1, keepdim=True)).float()
        mean = (level * active).sum(1) / (active.sum(1) + 1e-6)
        gain = (1e7 / (mean + 1e-7))[:, None, None]
        bark, reference_bark = (power @ self.bank) * gain, (reference @ self.bank) * gain
        loud, reference_loud = self.loudness(bark), self.loudness(reference_bark)
        difference = (loud - reference_loud).abs()
        disturbance = (difference - 0.25 * torch.minimum(loud, reference_loud)).clamp(min=0)
        asymmetry = ((bark + 50) / (reference_bark + 50)) ** 1.2
        asymmetry = torch.where(asymmetry < 3, torch.zeros_like(asymmetry), asymmetry.clamp(max=12))
        weight = ((reference_bark.sum(-1) + 1e5) / 1e7) ** 0.04
        symmetric = ((disturbance * self.width).square().sum(-1) * self.width.sum() + 1e-3).sqrt() / weight
        added = (disturbance * asymmetry.detach() * self.width).sum(-1) / weight
        # Without the clamp a first step from noise would be all loudness.
        disturbed = 0.1 * symmetric.clamp(max=45) + 0.0309 * added.clamp(max=45)
        # Over time PESQ takes the root mean square: bad moments weigh more than their share.
        return (disturbed.square().mean(1) + 1e-4).sqrt().mean()


class ReconstructionLoss(nn.Module):
    """The weighted sum; each step uses the 512-sample STFT and two of the other resolutions in turn."""

    MELS: ClassVar[dict[int, int]] = {128: 20, 256: 40, 512: 80, 1024: 100, 2048: 150}

    def __init__(self, intelligibility: float = 2.0, loudness: float = 0.5) -> None:
        super().__init__()
        self.spectral = nn.ModuleDict({str(n): SpectralLoss(n, m) for n, m in self.MELS.items()})
        self.intelligibility = IntelligibilityLoss()
        self.loudness = LoudnessLoss()
        self.weights = {"spectral": 1.0, "intelligibility": intelligibility, "loudness": loudness}

    def forward(self, output: Tensor, target: Tensor, step: int) -> dict[str, Tensor]:
        """Weighted terms by name; their sum is the loss."""
        others = (("1024", "128"), ("2048", "256"), ("1024", "256"), ("2048", "128"))[step % 4]
        spectra = {name: self._spectra(name, output, target) for name in ("512", *others)}
        terms = [self.spectral[name](*pair) for name, pair in spectra.items()]
        # The other two losses need a hop of 16 ms.
        magnitudes, goal = (spectrum[:, ::2] for spectrum in spectra["512"])
        losses = {
            "spectral": torch.stack(terms).mean(),
            "intelligibility": self.intelligibility(magnitudes, goal),
            "loudness": self.loudness(magnitudes, goal),
        }
        return {name: self.weights[name] * value for name, value in losses.items()}

    def _spectra(self, name: str, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        spectral = self.spectral[name]
        assert isinstance(spectral, SpectralLoss)
        with torch.no_grad():
            goal = spectral.magnitudes(target)
        return spectral.magnitudes(output), goal


def pitch_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean distance in octaves over voiced frames; both (B, J) in Hz, `target` 0 where there is no voice."""
    voiced = (target > 0).float()
    octaves = (predicted.log2() - target.clamp(min=1).log2()).abs()
    # A target far from what was coded, 50 times a second, is a wrong octave or a pitch that has just begun.
    return 10 * (octaves.clamp(max=0.08) * voiced).sum() / (voiced.sum() + 1)
