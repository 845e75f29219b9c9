"""The phone network as it is trained: `align.phones.PhoneNetwork` with batch normalization, in torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from hybrid_tok.align.phones import PHONES
from hybrid_tok.nn.logmel import BANDS


@dataclass(frozen=True, slots=True)
class PhoneNetworkConfig:
    """Channels, dilations (in pairs of frames) of the blocks, and the share of inner channels dropped in training."""

    width: int = 160
    dilations: tuple[int, ...] = (1, 2, 3, 1, 2, 3, 1, 2, 3, 1)
    dropout: float = 0.1


class TrainablePhoneNetwork(nn.Module):
    """Centred log-mel (B, 2 J, bands) to log posteriors (B, 2 J, phones); zeros are padded inside, at the ends."""

    def __init__(self, config: PhoneNetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.input = nn.Conv1d(BANDS, config.width, 6, stride=2, padding=2, bias=False)
        self.normalize = nn.BatchNorm1d(config.width)
        self.blocks = nn.ModuleList(_Block(config, dilation) for dilation in config.dilations)
        self.output = nn.Conv1d(config.width, 2 * len(PHONES), 1)

    def forward(self, mel: Tensor) -> Tensor:
        x = F.relu(self.normalize(self.input(mel.transpose(1, 2))))
        for block in self.blocks:
            x = block(x)
        logits = self.output(x).transpose(1, 2)
        return logits.reshape(len(mel), -1, len(PHONES)).log_softmax(-1)

    @torch.no_grad()
    def folded(self) -> dict[str, NDArray[np.float32]]:
        """The arrays of `align.phones.PhoneNetwork`, with the statistics of every normalization multiplied in."""
        weight, bias = _folded(self.input, self.normalize)  # (C, bands, 6)
        arrays: dict[str, Tensor] = {
            "input.weight": weight.permute(2, 1, 0).reshape(-1, self.config.width),
            "input.bias": bias,
            "output.weight": self.output.weight[:, :, 0].T,
            "output.bias": torch.as_tensor(self.output.bias),
        }
        for k, block in enumerate(self.blocks):
            assert isinstance(block, _Block)
            weight, bias = _folded(block.spread, block.normalize)
            arrays[f"blocks.{k}.spread.weight"] = weight.permute(2, 1, 0)
            arrays[f"blocks.{k}.spread.bias"] = bias
            weight, bias = _folded(block.mix, block.renormalize)
            arrays[f"blocks.{k}.mix.weight"] = weight[:, :, 0].T
            arrays[f"blocks.{k}.mix.bias"] = bias
        return {name: tensor.detach().numpy().astype(np.float32) for name, tensor in arrays.items()}


class _Block(nn.Module):
    def __init__(self, config: PhoneNetworkConfig, dilation: int) -> None:
        super().__init__()
        width = config.width
        self.spread = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.normalize = nn.BatchNorm1d(width)
        self.drop = nn.Dropout(config.dropout)
        self.mix = nn.Conv1d(width, width, 1, bias=False)
        self.renormalize = nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.drop(F.relu(self.normalize(self.spread(x))))
        return x + self.renormalize(self.mix(inner))


def _folded(convolution: nn.Conv1d, normalization: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution that does what both do."""
    mean, variance = normalization.running_mean, normalization.running_var
    assert mean is not None and variance is not None
    scale = normalization.weight * (variance + normalization.eps).rsqrt()
    return convolution.weight * scale[:, None, None], normalization.bias - mean * scale
