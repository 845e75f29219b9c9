"""The unit codec's interface: numpy samples to numpy codes and back, whole or as streams."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hybrid_tok.codec.identity import CODEC_WEIGHTS, codec_identity
from hybrid_tok.codec.network import Codec, CodecConfig
from hybrid_tok.codec.streaming import DecoderStream, EncoderStream, find_grid
from hybrid_tok.nn.arrays import config_of, load_weights
from hybrid_tok.nn.device import torch_device


class BuiltinCodec:
    """hybrid-tok's own codec, a `UnitCodec`: 16 kHz, 50 frames per second. Loads its weights at construction.

    Memory does not grow with the recording beyond the recording itself: everything goes through the streaming state.
    The number of threads is up to the caller (`torch.set_num_threads`).

    Args:
        weights: a safetensors file with its description beside it; the one in the package unless given.
        device: "cpu" or "cuda"; codes are the same whole or chunked on either, but may differ between the two.

    Raises:
        WeightsError: the files are missing, damaged, or do not belong together.
    """

    def __init__(self, weights: Path = CODEC_WEIGHTS, device: str = "cpu") -> None:
        self.identity = codec_identity(weights)
        self.name, self.fingerprint = self.identity.name, self.identity.fingerprint
        self.sample_rate, self.hop = self.identity.sample_rate, self.identity.hop
        self.num_codebooks, self.codebook_size = self.identity.num_codebooks, self.identity.codebook_size
        self.network = Codec(config_of(CodecConfig, self.identity.architecture, weights.with_suffix(".json")))
        load_weights(weights, self.identity.sha256, self.network)
        self.network.eval().requires_grad_(False).to(torch_device(device))
        self.network.arrange()
        self.network.learn_silence()
        self._grid = find_grid(self.network)

    def encode(self, samples: NDArray[np.float32]) -> NDArray[np.int64]:
        """Samples (N,) at 16 kHz to codes (ceil(N / 320), num_codebooks)."""
        stream = self.encoder_stream()
        return np.concatenate([stream.push(samples), stream.finish()])

    def decode(self, codes: NDArray[np.integer]) -> NDArray[np.float32]:
        """Codes (T, K), K any prefix of the codebooks, to samples (T * 320,) within [-1, 1]."""
        stream = self.decoder_stream()
        return np.concatenate([stream.push(codes), stream.finish()])

    def codebook_vectors(self, codebook: int) -> NDArray[np.float32]:
        """What the codes of a codebook stand for: points (codebook_size, dimensions) in the quantizer's space."""
        quantizer = self.network.quantizer
        codes = torch.zeros(self.codebook_size, codebook + 1, dtype=torch.int64)
        codes[:, codebook] = torch.arange(self.codebook_size)
        first = codebook * quantizer.group_dim
        return quantizer.decode(codes.to(quantizer.levels.device))[:, first : first + quantizer.group_dim].cpu().numpy()

    def encoder_stream(self, state: bytes | None = None) -> EncoderStream:
        """A stream with `push(samples) -> codes` and `finish() -> codes`; codes equal `encode`'s for any chunks.

        Args:
            state: of another such stream, from its `state()`, to go on where it was; from the start unless given.

        Raises:
            StateError: the state is damaged, of another version, or of another codec.
        """
        stream = EncoderStream(self.network, self._grid, self.fingerprint)
        if state is not None:
            stream.restore(state)
        return stream

    def decoder_stream(self, state: bytes | None = None) -> DecoderStream:
        """A stream with `push(codes) -> samples` and `finish() -> samples`; `state` as of `encoder_stream`."""
        stream = DecoderStream(self.network, self._grid, self.fingerprint)
        if state is not None:
            stream.restore(state)
        return stream
