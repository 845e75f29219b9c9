"""The phone network as it is trained: `models.phones.PhoneNetwork` with batch normalization, in torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from hybrid_tok.models.logmel import BANDS
from hybrid_tok.models.phones import PHONES


@dataclass(frozen=True, slots=True)
class PhoneNetworkConfig:
    """Channels, channels inside a block, taps and dilations (in pairs of frames) of its depthwise convolution."""

    width: int = 128
    wide: int = 256
    taps: int = 7
    dilations: tuple[int, ...] = (1, 2, 1, 2, 1, 2, 1, 1)


class TrainablePhoneNetwork(nn.Module):
    """Log-mel frames (B, 2 J, bands) to log posteriors (B, 2 J, phones); zeros are padded inside, at the ends."""

    def __init__(self, config: PhoneNetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.normalize = nn.BatchNorm1d(BANDS, affine=False)
        self.input = nn.Conv1d(BANDS, config.width, 6, stride=2, padding=2)
        self.blocks = nn.ModuleList(_Block(config, dilation) for dilation in config.dilations)
        self.output = nn.Conv1d(config.width, 2 * len(PHONES), 1)

    def forward(self, mel: Tensor) -> Tensor:
        x = F.relu(self.input(self.normalize(mel.transpose(1, 2))))
        for block in self.blocks:
            x = block(x)
        logits = self.output(x).transpose(1, 2)
        return logits.reshape(len(mel), -1, len(PHONES)).log_softmax(-1)

    @torch.no_grad()
    def folded(self) -> dict[str, NDArray[np.float32]]:
        """The arrays of `models.phones.PhoneNetwork`, with the statistics of every normalization multiplied in."""
        scale = (torch.as_tensor(self.normalize.running_var) + self.normalize.eps).rsqrt()
        mean = torch.as_tensor(self.normalize.running_mean)
        weight = self.input.weight * scale[None, :, None]
        arrays: dict[str, Tensor] = {
            "input.weight": weight.permute(2, 1, 0).reshape(-1, self.config.width),
            "input.bias": torch.as_tensor(self.input.bias)
            - (weight * torch.as_tensor(mean)[None, :, None]).sum((1, 2)),
            "output.weight": self.output.weight[:, :, 0].T,
            "output.bias": self.output.bias,  # pyright: ignore[reportAssignmentType]
        }
        for k, block in enumerate(self.blocks):
            for name, tensor in block.folded().items():  # pyright: ignore[reportCallIssue]
                arrays[f"blocks.{k}.{name}"] = tensor
        return {name: tensor.detach().numpy().astype(np.float32) for name, tensor in arrays.items()}


class _Block(nn.Module):
    def __init__(self, config: PhoneNetworkConfig, dilation: int) -> None:
        super().__init__()
        width, wide, taps = config.width, config.wide, config.taps
        self.depth = nn.Conv1d(
            width, width, taps, padding=taps // 2 * dilation, dilation=dilation, groups=width, bias=False
        )
        self.normalize = nn.BatchNorm1d(width)
        self.wide = nn.Conv1d(width, wide, 1)
        self.narrow = nn.Conv1d(wide, width, 1)
        nn.init.zeros_(self.narrow.bias)  # pyright: ignore[reportArgumentType]
        nn.init.trunc_normal_(self.narrow.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.narrow(F.relu(self.wide(self.normalize(self.depth(x)))))

    def folded(self) -> dict[str, Tensor]:
        norm = self.normalize
        scale = norm.weight * (torch.as_tensor(norm.running_var) + norm.eps).rsqrt()
        return {
            "depth.weight": (self.depth.weight[:, 0] * scale[:, None]).T,
            "depth.bias": norm.bias - torch.as_tensor(norm.running_mean) * scale,
            "wide.weight": self.wide.weight[:, :, 0].T,
            "wide.bias": torch.as_tensor(self.wide.bias),
            "narrow.weight": self.narrow.weight[:, :, 0].T,
            "narrow.bias": torch.as_tensor(self.narrow.bias),
        }
