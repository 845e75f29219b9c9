"""The unit codec in the wheel as a `UnitCodec` backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.codec.identity import codec_identity

if TYPE_CHECKING:
    from hybrid_tok.codec.streaming import DecoderStream, EncoderStream


class BuiltinCodec:
    """hybrid-tok's own codec: 16 kHz, 50 frames per second. Loads its weights, and torch, at construction.

    Args:
        device: "cpu" or "cuda"; codes are the same whole or chunked on either, but may differ between the two.

    Raises:
        WeightsError: the weights in the package are missing or damaged.
    """

    def __init__(self, device: str = "cpu") -> None:
        from hybrid_tok.codec.unit_codec import PretrainedCodec

        self._codec = PretrainedCodec(device=device)
        self._identity = codec_identity()

    @property
    def name(self) -> str:
        return self._identity.name

    @property
    def fingerprint(self) -> str:
        return self._identity.fingerprint

    @property
    def sample_rate(self) -> int:
        return self._identity.sample_rate

    @property
    def frame_rate(self) -> int:
        return self._identity.sample_rate // self._identity.hop

    @property
    def num_codebooks(self) -> int:
        return self._identity.num_codebooks

    @property
    def codebook_size(self) -> int:
        return self._identity.codebook_size

    def encode(self, samples: NDArray[np.float32]) -> NDArray[np.int64]:
        """Samples (N,) at 16 kHz to codes (ceil(N / 320), num_codebooks)."""
        return self._codec.encode(samples)

    def decode(self, codes: NDArray[np.integer]) -> NDArray[np.float32]:
        """Codes (T, K), K any prefix of the codebooks, to samples (T * 320,)."""
        return self._codec.decode(codes)

    def encode_batch(self, batch: Sequence[NDArray[np.float32]]) -> list[NDArray[np.int64]]:
        """`encode` of each recording."""
        return self._codec.encode_batch(batch)

    def decode_batch(self, batch: Sequence[NDArray[np.integer]]) -> list[NDArray[np.float32]]:
        """`decode` of each sequence of codes."""
        return self._codec.decode_batch(batch)

    def encoder_stream(self) -> EncoderStream:
        """A stream with `push(samples) -> codes` and `finish() -> codes`; codes equal `encode`'s for any chunks."""
        return self._codec.encoder_stream()

    def decoder_stream(self) -> DecoderStream:
        """A stream with `push(codes) -> samples` and `finish() -> samples`."""
        return self._codec.decoder_stream()
