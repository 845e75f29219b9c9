"""The trained speaker network: numpy samples to the activity of each frame, and to embeddings.

Everything is computed in blocks on a fixed grid with the context they need, so that memory does not grow with the
network's inner width times the recording, and results are the same however a recording is cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hybrid_tok.diarizer.network import STRIDE, SpeakerConfig, SpeakerNetwork
from hybrid_tok.diarizer.voice_windows import VoiceFrames, joined
from hybrid_tok.nn.arrays import Identity, config_of, load_weights, read_identity
from hybrid_tok.nn.device import torch_device
from hybrid_tok.nn.logmel import HOP, log_mel_frames

SPEAKER_WEIGHTS = Path(__file__).parent / "speaker.safetensors"

FRAME = STRIDE * HOP
"""Samples per frame: 640, that is 40 ms."""

BLOCK = 256
"""Frames per block: 10.24 s."""


class SpeakerEncoder:
    """The trained network with its identity.

    Args:
        weights: a safetensors file with its description beside it; the one in the package unless given.
        device: where the network computes, as torch names it; embeddings are pooled on the CPU.

    Raises:
        WeightsError: the files are missing, damaged, or do not belong together.
    """

    def __init__(self, weights: Path = SPEAKER_WEIGHTS, device: str = "cpu") -> None:
        self.identity = read_identity(Identity, weights)
        config = config_of(SpeakerConfig, self.identity.architecture, weights.with_suffix(".json"))
        self._network = SpeakerNetwork(config)
        load_weights(weights, self.identity.sha256, self._network)
        self._network.eval().requires_grad_(False)
        scale = self._network.project_norm
        gain = scale.weight / torch.sqrt(scale.running_var + scale.eps)  # type: ignore[operator]
        self._projection = (self._network.project.weight * gain[:, None]).numpy()
        self._offset = (scale.bias - scale.running_mean * gain).numpy()  # type: ignore[operator]
        self._device = torch_device(device)
        self._network.to(self._device)

    @property
    def context(self) -> int:
        """Frames beyond a frame's end that it depends on."""
        return self._network.config.context

    def blocks(self, samples: NDArray[np.float32]) -> Iterator[VoiceFrames]:
        """Consecutive blocks of (at most) `BLOCK` frames; together ceil(N / 640) frames."""
        count = -(-len(samples) // FRAME)
        for start in range(0, count, BLOCK):
            yield self.block(samples, start, min(start + BLOCK, count))

    def block(self, samples: NDArray[np.float32], start: int, end: int, size: int = BLOCK) -> VoiceFrames:
        """Frames `start` to `end`, at most `size`; always computed as `size`, so that their last bits never differ."""
        context = self.context
        mel = log_mel_frames(samples, (start - context) * STRIDE, (start + size + context) * STRIDE)
        with torch.inference_mode():
            heard = self._network(torch.from_numpy(mel)[None].to(self._device))
            hidden, attention, activity = (output.cpu() for output in heard)
        kept = slice(context, context + end - start)
        # Scores are bounded so that weights can be summed over any stretch without a running maximum.
        weight = torch.exp(attention[0, kept].clamp(-20, 20))
        return VoiceFrames(hidden[0, kept].numpy(), weight.numpy(), torch.softmax(activity[0, kept], dim=1).numpy())

    def pool(self, frames: VoiceFrames, masks: NDArray[np.floating]) -> NDArray[np.float32]:
        """Embeddings (n, embedding) of unit length; `masks` (n, T) are the weights of the frames in each.

        A mask that is zero everywhere gives the zero vector.
        """
        heads = frames.weight.shape[1]
        hidden = frames.hidden.astype(np.float64).reshape(len(frames.hidden), heads, -1)
        weighted = frames.weight.astype(np.float64)[:, :, None]
        flat = (len(frames.hidden), -1)
        total = np.asarray(masks, np.float64) @ frames.weight.astype(np.float64)
        safe = np.maximum(total, 1e-30)[:, :, None]
        mean = (masks @ (weighted * hidden).reshape(flat)).reshape(len(masks), heads, -1) / safe
        square = (masks @ (weighted * hidden**2).reshape(flat)).reshape(len(masks), heads, -1) / safe
        deviation = np.sqrt(np.maximum(square - mean**2, 1e-5))
        statistics = np.concatenate([mean.reshape(len(masks), -1), deviation.reshape(len(masks), -1)], axis=1)
        voices = statistics @ self._projection.T + self._offset
        voices /= np.maximum(np.linalg.norm(voices, axis=1, keepdims=True), 1e-12)
        return np.where((total.sum(1) > 0)[:, None], voices, 0).astype(np.float32)

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The embedding (embedding,) of a recording of one speaker at 16 kHz, of unit length; zeros without speech."""
        blocks = list(self.blocks(samples))
        if not blocks:
            return np.zeros(len(self._offset), np.float32)
        heard = joined(blocks)
        talking = heard.activity[:, 2] * (heard.activity[:, 2:].sum(1) >= 0.5)
        return self.pool(heard, talking[np.newaxis])[0]
