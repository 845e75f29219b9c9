"""Which codec ships with the package, read without importing torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hybrid_tok.errors import WeightsError

CODEC_WEIGHTS = Path(__file__).parent / "codec.safetensors"


@dataclass(frozen=True, slots=True)
class CodecIdentity:
    """What one must know of a codec to read its codes.

    Attributes:
        name: for people.
        fingerprint: changes whenever the same audio could get other codes, or the same codes another sound.
        sample_rate: in Hz.
        hop: samples per frame.
        num_codebooks: codebooks per frame in the full set.
        default_codebooks: how many of them are used unless told otherwise.
        codebook_size: codes per codebook.
        sha256: of the weights file.
        architecture: the network's configuration, as `models.codec.CodecConfig` takes it.
    """

    name: str
    fingerprint: str
    sample_rate: int
    hop: int
    num_codebooks: int
    default_codebooks: int
    codebook_size: int
    sha256: str
    architecture: dict[str, Any]


@cache
def codec_identity(weights: Path = CODEC_WEIGHTS) -> CodecIdentity:
    """Read the description beside a weights file (same name, ending .json).

    Raises:
        WeightsError: it is missing or damaged.
    """
    path = weights.with_suffix(".json")
    try:
        return CodecIdentity(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise WeightsError(f"{path} is missing: reinstall hybrid-tok, or export the codec again") from None
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(f"{path} is damaged ({error}): reinstall hybrid-tok, or export the codec again") from None
