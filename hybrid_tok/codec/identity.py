"""The identity of the codec in the package, read without importing torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid_tok.core.interfaces import CodecIdentity
from hybrid_tok.nn.arrays import read_identity

CODEC_WEIGHTS = Path(__file__).parent / "codec.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltinCodecIdentity(CodecIdentity):
    """Our codec's identity, and what is needed to load it.

    Attributes:
        sha256: of the weights file.
        architecture: the network's configuration, as `codec.network.CodecConfig` takes it.
    """

    sha256: str
    architecture: dict[str, Any]


def codec_identity(weights: Path = CODEC_WEIGHTS) -> BuiltinCodecIdentity:
    """Read the description beside a weights file (same name, ending .json).

    Raises:
        WeightsError: it is missing or damaged.
    """
    return read_identity(BuiltinCodecIdentity, weights)
