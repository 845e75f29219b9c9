"""What a recognizer hears: Whisper tiny.en's encoder in torch, and the distance between what it makes of two sounds.

Spectral losses weigh all parts of a sound by their level. A recognizer's inner representation weighs them by what tells
words apart, so that its distance (a feature loss in the sense of Johnson et al. 2016, arXiv 1603.08155) is a loss of
intelligibility. CTranslate2 computes no gradients: the weights are read from its file. tiny.en never judges: the
benchmarks listen with base.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hybrid_tok.errors import WeightsError

WINDOW, HOP = 400, 160
_VERSION = 6
_TYPES = {0: np.dtype("<f4"), 4: np.dtype("<f2")}
"""Of a CTranslate2 file: the two that hold weights as numbers."""


def read_encoder(path: Path) -> dict[str, Tensor]:
    """The encoder's arrays of a CTranslate2 Whisper model (`model.bin`), in 32 bits, by their names there.

    Raises:
        WeightsError: it is not such a file, or its weights are quantized.
    """
    try:
        with path.open("rb") as file:
            return dict(_arrays(file))
    except (OSError, struct.error, UnicodeDecodeError, ValueError) as error:
        raise WeightsError(f"{path} is not a CTranslate2 model in 16 or 32 bits: {error}") from None


def _arrays(file: BinaryIO) -> Iterator[tuple[str, Tensor]]:
    def numbers(form: str) -> tuple[int, ...]:
        return struct.unpack(f"<{form}", file.read(struct.calcsize(f"<{form}")))

    def name() -> str:
        return file.read(*numbers("H")).rstrip(b"\0").decode()

    (version,) = numbers("I")
    if version != _VERSION:
        raise ValueError(f"version {version}, expected {_VERSION}")
    name()  # of the model
    numbers("I")  # its revision
    for _ in range(*numbers("I")):
        variable = name()
        shape = numbers(f"{numbers('B')[0]}I")
        kind, size = numbers("BI")
        data = file.read(size)
        if variable.startswith("encoder/") and shape:
            if kind not in _TYPES:
                raise ValueError(f"{variable} is quantized")
            array = np.frombuffer(data, _TYPES[kind]).reshape(shape).astype(np.float32)
            yield variable.removeprefix("encoder/"), torch.from_numpy(array)


class _Layer(nn.Module):
    """A transformer layer with the norms before its parts, as Whisper has them."""

    def __init__(self, weights: dict[str, Tensor], prefix: str, heads: int) -> None:
        super().__init__()
        self.heads = heads
        for part in ("self_attention", "ffn"):
            for layer, kinds in (
                ("layer_norm", ("gamma", "beta")),
                ("linear_0", ("weight", "bias")),
                ("linear_1", ("weight", "bias")),
            ):
                for kind in kinds:
                    self.register_buffer(f"{part}_{layer}_{kind}", weights[f"{prefix}/{part}/{layer}/{kind}"])

    def forward(self, x: Tensor) -> Tensor:
        b = dict(self.named_buffers())
        width = x.shape[-1]
        y = F.layer_norm(x, (width,), b["self_attention_layer_norm_gamma"], b["self_attention_layer_norm_beta"])
        y = F.linear(y, b["self_attention_linear_0_weight"], b["self_attention_linear_0_bias"])
        q, k, v = y.view(*y.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
        x = x + F.linear(y, b["self_attention_linear_1_weight"], b["self_attention_linear_1_bias"])
        y = F.layer_norm(x, (width,), b["ffn_layer_norm_gamma"], b["ffn_layer_norm_beta"])
        y = F.gelu(F.linear(y, b["ffn_linear_0_weight"], b["ffn_linear_0_bias"]))
        return x + F.linear(y, b["ffn_linear_1_weight"], b["ffn_linear_1_bias"])


class Listener(nn.Module):
    """Samples (B, N) at 16 kHz to hidden states (B, N / 320, 384) after each of the first `depth` layers.

    Args:
        model: `model.bin` of a faster-whisper tiny model.
        depth: layers to run, 1 to 4.
    """

    window: Tensor
    mels: Tensor
    HEADS = 6

    def __init__(self, model: Path, depth: int) -> None:
        from faster_whisper.feature_extractor import FeatureExtractor

        super().__init__()
        weights = read_encoder(model)
        for name in ("conv1/weight", "conv1/bias", "conv2/weight", "conv2/bias", "position_encodings/encodings"):
            self.register_buffer(name.replace("/", "_"), weights[name])
        self.layers = nn.ModuleList(_Layer(weights, f"layer_{k}", self.HEADS) for k in range(depth))
        self.register_buffer("window", torch.hann_window(WINDOW))
        filters = FeatureExtractor.get_mel_filters(16_000, WINDOW, n_mels=80)
        self.register_buffer("mels", torch.from_numpy(np.asarray(filters, np.float32)))
        self.requires_grad_(False)

    def forward(self, samples: Tensor) -> list[Tensor]:
        buffers = dict(self.named_buffers(recurse=False))
        padded = F.pad(samples[:, None], (WINDOW // 2, WINDOW // 2), mode="reflect")[:, 0]
        spectra = torch.fft.rfft(padded.unfold(1, WINDOW, HOP)[:, :-1] * self.window)
        power = spectra.real.square() + spectra.imag.square()
        logs = (self.mels @ power.transpose(1, 2)).clamp(min=1e-10).log10()
        logs = torch.maximum(logs, logs.amax((1, 2), keepdim=True) - 8)
        x = F.gelu(F.conv1d((logs + 4) / 4, buffers["conv1_weight"], buffers["conv1_bias"], padding=1))
        x = F.gelu(F.conv1d(x, buffers["conv2_weight"], buffers["conv2_bias"], stride=2, padding=1)).transpose(1, 2)
        x = x + buffers["position_encodings_encodings"][: x.shape[1]]
        states = []
        for layer in self.layers:
            x = layer(x)
            states.append(x)
        return states


class HearingLoss(nn.Module):
    """Mean distance of a recording and its reconstruction in a recognizer's layers: 1 - cosine per frame and layer."""

    def __init__(self, model: Path, depth: int = 3) -> None:
        super().__init__()
        self.listener = Listener(model, depth)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """Two sounds (B, N) at 16 kHz."""
        with torch.no_grad():
            goals = [F.layer_norm(state, state.shape[-1:]) for state in self.listener(target)]
        heard = [F.layer_norm(state, state.shape[-1:]) for state in self.listener(output)]
        return torch.stack(
            [1 - F.cosine_similarity(a, b, dim=-1).mean() for a, b in zip(heard, goals, strict=True)]
        ).mean()
