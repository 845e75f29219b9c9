"""The network of pyannote's segmentation-3.0: who of up to three talkers speaks, for 10 s at a time.

    samples -> band-pass filters, convolutions (SincNet) -> bidirectional LSTM -> one of seven classes per 17 ms

SincNet: Ravanelli and Bengio 2018, with pairs of filters a quarter of a period apart (Pariente et al. 2020). Classes of
nobody, one and two talkers: Plaquet and Bredin 2023, "Powerset multi-class cross entropy loss for neural speaker
diarization". The weights (MIT) were trained by their authors on AMI, AISHELL-4, VoxConverse and others.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hybrid_tok.errors import WeightsError, first_line
from hybrid_tok.nn.device import torch_device

SAMPLE_RATE = 16_000
CHUNK = 10
"""Seconds that the network hears at a time; chunks start a second apart."""

STEP, FIRST = 270, 495.5
"""Samples between the network's frames, and from a chunk's start to the middle of the first."""

PAIRS = 4
"""Of the seven classes, the first that is two talkers; class 0 is nobody."""

_FILTERS, _LENGTH, _STRIDE = 40, 251, 10
_LOWEST, _NARROWEST = 50.0, 50.0
"""Hz: no filter begins lower, or is narrower."""
_AT_ONCE = 8
"""Chunks that go through the network together; always as many, so that the last bits never differ."""


class SincFilters(nn.Module):
    """80 filters whose pass bands are the only weights: (B, 1, N) to (B, 80, (N - 251) // 10 + 1).

    The last 40 are the first shifted by a quarter of a period.
    """

    window_: Tensor
    n_: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.low_hz_ = nn.Parameter(torch.zeros(_FILTERS, 1))
        self.band_hz_ = nn.Parameter(torch.zeros(_FILTERS, 1))
        half = _LENGTH // 2
        self.register_buffer("window_", torch.zeros(half))
        self.register_buffer("n_", torch.zeros(1, half))

    def filters(self) -> Tensor:
        """(80, 1, 251), each symmetric or antisymmetric around its middle."""
        low = _LOWEST + self.low_hz_.abs()
        high = (low + _NARROWEST + self.band_hz_.abs()).clamp(_LOWEST, SAMPLE_RATE / 2)
        width = (high - low)[:, 0, None]
        even = (torch.sin(high @ self.n_) - torch.sin(low @ self.n_)) / (self.n_ / 2) * self.window_
        odd = (torch.cos(low @ self.n_) - torch.cos(high @ self.n_)) / (self.n_ / 2) * self.window_
        cosines = torch.cat([even, 2 * width, even.flip(1)], 1) / (2 * width)
        sines = torch.cat([odd, torch.zeros_like(width), -odd.flip(1)], 1) / (2 * width)
        return torch.cat([cosines, sines])[:, None]

    def forward(self, samples: Tensor) -> Tensor:
        return nn.functional.conv1d(samples, self.filters(), stride=_STRIDE)


class _Filterbank(nn.Module):
    """Holds the filters under the name that the published weights give them."""

    def __init__(self) -> None:
        super().__init__()
        self.filterbank = SincFilters()

    def forward(self, samples: Tensor) -> Tensor:
        return self.filterbank(samples).abs()


class SincNet(nn.Module):
    """Samples (B, 1, N) to features (B, 60, T), a frame per 270 samples."""

    def __init__(self) -> None:
        super().__init__()
        self.wav_norm1d = nn.InstanceNorm1d(1, affine=True)
        self.conv1d = nn.ModuleList([_Filterbank(), nn.Conv1d(2 * _FILTERS, 60, 5), nn.Conv1d(60, 60, 5)])
        self.norm1d = nn.ModuleList([nn.InstanceNorm1d(width, affine=True) for width in (2 * _FILTERS, 60, 60)])

    def forward(self, samples: Tensor) -> Tensor:
        found = self.wav_norm1d(samples)
        for convolve, normalize in zip(self.conv1d, self.norm1d, strict=True):
            found = nn.functional.leaky_relu(normalize(nn.functional.max_pool1d(convolve(found), 3)))
        return found


class SegmentationNetwork(nn.Module):
    """Samples (B, 1, N) to log-probabilities (B, T, 7) of nobody, talker 1, 2, 3, and 1 with 2, 1 with 3, 2 with 3."""

    def __init__(self) -> None:
        super().__init__()
        self.sincnet = SincNet()
        self.lstm = nn.LSTM(60, 128, num_layers=4, bidirectional=True, batch_first=True)
        self.linear = nn.ModuleList([nn.Linear(256, 128), nn.Linear(128, 128)])
        self.classifier = nn.Linear(128, 7)

    def forward(self, samples: Tensor) -> Tensor:
        found, _ = self.lstm(self.sincnet(samples).transpose(1, 2))
        for layer in self.linear:
            found = nn.functional.leaky_relu(layer(found))
        return self.classifier(found).log_softmax(-1)


class Segmentation:
    """The trained network.

    Args:
        weights: a checkpoint with the `state_dict`; it is read with `weights_only=True`.
        device: where it computes, as torch names it.

    Raises:
        WeightsError: the file is damaged, or of another network.
    """

    def __init__(self, weights: Path, device: str = "cpu") -> None:
        self.network = SegmentationNetwork()
        try:
            held = torch.load(weights, map_location="cpu", weights_only=True)
            self.network.load_state_dict(held["state_dict"])
        except Exception as error:  # of torch, pickle and zipfile, which have no common class
            raise WeightsError(f"{weights} holds no weights of segmentation-3.0 ({first_line(error)})") from None
        self._device = torch_device(device)
        self.network.eval().requires_grad_(False).to(self._device)

    def talkers(self, samples: NDArray[np.float32], frame_rate: int) -> NDArray[np.float64]:
        """Probabilities (T, 2) that anyone speaks, and that two do: means over the chunks that hold a frame.

        Args:
            samples: (N,) at 16 kHz.
            frame_rate: frames per second of the result, T = ceil(N * frame_rate / 16,000).
        """
        frames = -(-len(samples) * frame_rate // SAMPLE_RATE)
        sums, seen = np.zeros((frames, 2)), np.zeros(frames)
        starts = range(0, max(1, math.ceil(len(samples) / SAMPLE_RATE) - CHUNK + 1))
        for first in range(0, len(starts), _AT_ONCE):
            some = starts[first : first + _AT_ONCE]
            pieces = np.zeros((_AT_ONCE, 1, CHUNK * SAMPLE_RATE), np.float32)
            for piece, start in zip(pieces, some, strict=False):
                heard = samples[start * SAMPLE_RATE : (start + CHUNK) * SAMPLE_RATE]
                piece[0, : len(heard)] = heard
            with torch.inference_mode():
                classes = self.network(torch.from_numpy(pieces).to(self._device)).exp().double().cpu().numpy()
            found = np.stack([1 - classes[..., 0], classes[..., PAIRS:].sum(-1)], -1)
            middles = np.arange(found.shape[1]) * STEP + FIRST
            for start, chunk in zip(some, found, strict=False):
                at = start * frame_rate + (middles * frame_rate / SAMPLE_RATE).astype(np.int64)
                inside = at < frames
                np.add.at(sums, at[inside], chunk[inside])
                np.add.at(seen, at[inside], 1)
        return sums / np.maximum(seen, 1)[:, None]
