"""From a checkpoint to the files that ship: 16-bit weights and their description."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from hybrid_tok.codec.identity import BuiltinCodecIdentity
from hybrid_tok.codec.network import HOP, SAMPLE_RATE, Codec, CodecConfig
from hybrid_tok.errors import WeightsError
from hybrid_tok.nn.arrays import config_of, save_weights, write_description
from hybrid_tok.train.codec.trainer import load_checkpoint, prefixed

VERSION = 2
"""Of the codec; incremented with each release of other weights, and part of the fingerprint, so that a message can say
which release a stream needs."""

NAME = "hybrid-tok-codec-16k"
DEFAULT_CODEBOOKS = 2


def export_codec(trained: Path, weights: Path, part: str = "average") -> BuiltinCodecIdentity:
    """Write `weights` (.safetensors) and its description (.json) from the "average" or "model" of a checkpoint."""
    tensors, progress = load_checkpoint(trained)
    try:
        architecture = json.loads(str(progress["model"]))
        config = config_of(CodecConfig, architecture, trained)
        model = Codec(config)
        model.load_state_dict(prefixed(tensors, part))
    except (KeyError, TypeError, RuntimeError) as error:
        raise WeightsError(f"{trained} is not a checkpoint of this codec: {error}") from None
    sha256 = save_weights(weights, model)
    identity = BuiltinCodecIdentity(
        name=NAME,
        fingerprint=f"v{VERSION}-"
        + hashlib.sha256(f"{sha256}:{json.dumps(architecture, sort_keys=True)}".encode()).hexdigest()[:16],
        sample_rate=SAMPLE_RATE,
        hop=HOP,
        num_codebooks=config.num_codebooks,
        default_codebooks=min(DEFAULT_CODEBOOKS, config.num_codebooks),
        codebook_size=config.codebook_size,
        sha256=sha256,
        architecture=asdict(config),
    )
    write_description(weights, asdict(identity))
    return identity
