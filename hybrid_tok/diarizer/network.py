"""The speaker network: one pass over a recording, from which the embedding of any stretch of it can be pooled.

A residual time-delay network (Waibel et al., 1989; the x-vector of Snyder et al., 2018) reads log-mel spectra at 25
frames per second. Per frame it gives a hidden vector, an attention score, and the activity: nothing, a vocal sound
that is not speech, one talker, or several. The embedding of a stretch is attentive statistics pooling (Okabe et al.,
2018) over its frames alone, so that windows of any length and place cost only the pooling.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hybrid_tok.nn.logmel import BANDS, FLOOR

STRIDE = 4
"""Log-mel frames (10 ms) per frame of the network (40 ms)."""

ACTIVITIES = ("nothing", "vocal", "one", "several")
"""What a frame can hold: no voice, a vocal sound that is not speech, one talker, several talkers."""


@dataclass(frozen=True, slots=True)
class SpeakerConfig:
    """Architecture of the network.

    Attributes:
        width: channels of the trunk.
        voice_dilations: of the blocks the hidden vectors come from; few, so that other talkers nearby have no effect.
        scene_dilations: of the further blocks, with more context, for activity and attention.
        hidden: size of the hidden vectors that are pooled.
        heads: attention scores per frame, each over its share of the hidden vector.
        embedding: size of an embedding.
        gain: log-mel frames on either side over which a frame's level is measured, and subtracted; 0 leaves it.
    """

    width: int = 192
    voice_dilations: tuple[int, ...] = (1, 1, 2, 2)
    scene_dilations: tuple[int, ...] = (4, 8)
    hidden: int = 256
    heads: int = 4
    embedding: int = 128
    gain: int = 64

    @property
    def context(self) -> int:
        """Frames of the network that a frame's result depends on, on either side."""
        return 1 + sum(self.voice_dilations) + sum(self.scene_dilations) + -(-self.gain // STRIDE)


class Block(nn.Module):
    """Dilated convolution over three frames, then a mix of channels, added to the input."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.convolve = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.normalize = nn.BatchNorm1d(width)
        self.mix = nn.Conv1d(width, width, 1, bias=False)
        self.renormalize = nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.relu(self.normalize(self.convolve(x)))
        return functional.relu(x + self.renormalize(self.mix(inner)))


class SpeakerNetwork(nn.Module):
    """Log-mel spectra to hidden vectors, from which `pool` makes embeddings, and to activity."""

    def __init__(self, config: SpeakerConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = nn.Conv1d(BANDS, config.width, 2 * STRIDE, stride=STRIDE, padding=STRIDE // 2, bias=False)
        self.stem_norm = nn.BatchNorm1d(config.width)
        self.voice = nn.Sequential(*(Block(config.width, d) for d in config.voice_dilations))
        self.scene = nn.Sequential(*(Block(config.width, d) for d in config.scene_dilations))
        self.hidden = nn.Conv1d(config.width, config.hidden, 1)
        self.attention = nn.Conv1d(config.width, config.heads, 1)
        self.activity = nn.Conv1d(config.width, len(ACTIVITIES), 1)
        self.project = nn.Linear(2 * config.hidden, config.embedding, bias=False)
        self.project_norm = nn.BatchNorm1d(config.embedding)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(batch, 4 T, 64) to hidden (batch, T, hidden), attention (batch, T, heads), activity logits (batch, T, 4)."""
        voice = self.voice(functional.relu(self.stem_norm(self.stem(self._levelled(mel)))))
        scene = self.scene(voice)
        hidden = functional.relu(self.hidden(voice))
        return hidden.transpose(1, 2), self.attention(scene).transpose(1, 2), self.activity(scene).transpose(1, 2)

    def _levelled(self, mel: Tensor) -> Tensor:
        """(batch, T, 64) to (batch, 64, T) of roughly zero mean and unit variance for speech, however loud it is."""
        x = mel.transpose(1, 2)
        if self.config.gain == 0:
            return (x + 5.0) / 4.0
        width = 2 * self.config.gain + 1
        power = torch.exp(x).mean(1, keepdim=True)
        level = functional.avg_pool1d(power, width, stride=1, padding=self.config.gain, count_include_pad=False)
        return (x - torch.log(level + FLOOR) + 3.0) / 2.5

    def pool(self, hidden: Tensor, attention: Tensor, mask: Tensor) -> Tensor:
        """Embeddings (batch, embedding), not yet of unit length, of the frames where `mask` (batch, T) is positive."""
        scores = attention + torch.log(mask.clamp_min(1e-9))[..., None]
        weights = torch.softmax(scores, dim=1).repeat_interleave(self.config.hidden // self.config.heads, dim=2)
        mean = (weights * hidden).sum(1)
        variance = (weights * hidden.square()).sum(1) - mean.square()
        statistics = torch.cat([mean, variance.clamp_min(1e-5).sqrt()], dim=1)
        return self.project_norm(self.project(statistics))
