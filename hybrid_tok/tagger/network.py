"""The event tagger's network, and its inference: samples to posteriors per 20 ms frame, block by block."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hybrid_tok.core.event_spans import beside_speech
from hybrid_tok.core.events import EVENT_LABELS
from hybrid_tok.errors import WeightsError
from hybrid_tok.nn.arrays import Identity, config_of, load_weights, read_identity
from hybrid_tok.nn.device import torch_device
from hybrid_tok.tagger.features import AUXILIARY, HOP, MELS, EventFeatures

EVENT_WEIGHTS = Path(__file__).parent / "events.safetensors"
BACKGROUND = ("speech", "music", "noise", "silence")
"""Other classes beside the events; each has an independent probability, as they occur together."""
POSTERIORS: tuple[str, ...] = (*EVENT_LABELS, *BACKGROUND)
"""The columns of the posteriors."""

BLOCK = 1500
"""Frames (30 s) computed at a time: memory does not grow with the recording."""


@dataclass(frozen=True, slots=True)
class EventConfig:
    """Size of the network.

    Attributes:
        channels: of the two-dimensional stem, per convolution.
        width: of the trunk.
        expansion: of the pointwise layers within a block.
        dilations: one per block; each sees 3 frames times this on either side.
    """

    channels: tuple[int, int, int] = (12, 24, 24)
    width: int = 80
    expansion: int = 3
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1)

    @property
    def context(self) -> int:
        """Frames on either side that a frame's posteriors depend on, including those of the features and the stem."""
        return 3 * sum(self.dilations) + 4


class _Block(nn.Module):
    """ConvNeXt (Liu et al. 2022) in one dimension, dilated."""

    def __init__(self, width: int, expansion: int, dilation: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, 7, padding=3 * dilation, dilation=dilation, groups=width)
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width, expansion * width)
        self.outer = nn.Linear(expansion * width, width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x.transpose(1, 2)).transpose(1, 2))
        return x + self.outer(nn.functional.gelu(self.inner(y)))


class EventNetwork(nn.Module):
    """Features to logits.

    Two-dimensional convolutions over mel bands, which tolerate a shift in pitch or formants, then dilated blocks over
    time: 2 s on either side, enough for the rhythm of laughter and the length of a sigh. Nothing is normalized over
    time, so a frame depends on its context only.
    """

    def __init__(self, config: EventConfig) -> None:
        super().__init__()
        one, two, three = config.channels
        self.config = config
        self.stem = nn.Sequential(
            nn.Conv2d(1, one, 3, stride=2, padding=(1, 1)),
            nn.GELU(),
            nn.Conv2d(one, two, 3, stride=(2, 1), padding=1),
            nn.GELU(),
            nn.Conv2d(two, three, 3, stride=(2, 1), padding=1),
            nn.GELU(),
        )
        self.entry = nn.Linear(three * MELS // 8 + AUXILIARY, config.width)
        self.norm = nn.LayerNorm(config.width)
        self.blocks = nn.ModuleList(_Block(config.width, config.expansion, d) for d in config.dilations)
        self.final = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, 1 + len(POSTERIORS))

    def forward(self, log_mel: Tensor, auxiliary: Tensor) -> tuple[Tensor, Tensor]:
        """Log-mel (B, 1, 64, 2 T) and auxiliary (B, T, 6) to event logits (B, T, 16), the last for "no event", and
        background logits (B, T, 4)."""
        x = self.stem(log_mel).flatten(1, 2).transpose(1, 2)
        x = self.norm(self.entry(torch.cat([x, auxiliary], dim=-1)))
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.final(x))
        return logits[..., : len(EVENT_LABELS) + 1], logits[..., len(EVENT_LABELS) + 1 :]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventIdentity(Identity):
    """The description of the weights, with two numbers per network.

    Attributes:
        temperatures: what its event logits are divided by, so that confidences are calibrated.
        beside_speech: its weight beside speech (`core.event_spans.beside_speech`); elsewhere all weigh the same.
    """

    temperatures: list[float]
    beside_speech: list[float]


class EventModel:
    """The trained networks, whose probabilities are averaged (deep ensembles; Lakshminarayanan et al. 2017): trained on
    different scenes, they err differently where recordings are unlike simulations. Beside speech they have weights of
    their own: there one of them may be the best. Features, which cost most, are computed once.

    Args:
        weights: safetensors, with the description beside it.
        device: where it computes, as torch names it.

    Raises:
        WeightsError: missing or damaged.
    """

    def __init__(self, weights: Path = EVENT_WEIGHTS, device: str = "cpu") -> None:
        self.identity = read_identity(EventIdentity, weights)
        self.config = config_of(EventConfig, self.identity.architecture, weights.with_suffix(".json"))
        count = len(self.identity.temperatures)
        if not count or len(self.identity.beside_speech) != count:
            raise WeightsError(
                f"{weights.with_suffix('.json')} describes no network (temperatures of {count}, weights beside speech "
                f"of {len(self.identity.beside_speech)}): reinstall it"
            )
        self.networks = nn.ModuleList(EventNetwork(self.config) for _ in self.identity.temperatures).eval()
        load_weights(weights, self.identity.sha256, self.networks)
        self._features = EventFeatures()
        self._device = torch_device(device)
        self.networks.to(self._device)

    def posteriors(self, samples: NDArray[np.float32], block: int = BLOCK) -> NDArray[np.float32]:
        """Samples (N,) at 16 kHz to probabilities (ceil(N / 320), 19), columns as in `POSTERIORS`.

        The events' columns sum to at most 1; what is missing is the probability of no event. Each block is computed
        with all the context it depends on, so that its length changes nothing but the last bits.
        """
        frames = -(-len(samples) // HOP)
        context = self.config.context
        each = np.empty((len(self.networks), frames, len(POSTERIORS)), np.float32)
        for start in range(0, frames, block):
            end = min(start + block, frames)
            piece = np.zeros((end - start + 2 * context) * HOP, np.float32)
            first = (start - context) * HOP
            heard = samples[max(0, first) : first + len(piece)]
            offset = max(0, -first)
            piece[offset : offset + len(heard)] = heard
            with torch.inference_mode():
                each[:, start:end] = self._each(torch.from_numpy(piece)[None])[:, context:-context].cpu().numpy()
        alone = each.mean(0)
        weights = np.array(self.identity.beside_speech, np.float32)[:, None, None]
        talk = beside_speech(alone[:, POSTERIORS.index("speech")])
        return np.where(talk[:, None], (weights * each).sum(0), alone)

    def _each(self, samples: Tensor) -> Tensor:
        """Samples (1, T * 320) to the probabilities of each network (networks, T, 19)."""
        heard = [feature.to(self._device) for feature in self._features(samples)]
        found = []
        for network, temperature in zip(self.networks, self.identity.temperatures, strict=True):
            events, background = network(*heard)
            labels = torch.softmax(events[0] / temperature, dim=-1)[:, :-1]
            found.append(torch.cat([labels, torch.sigmoid(background[0])], -1))
        return torch.stack(found)
