"""From the trained speaker network to the files that ship: 16-bit weights and their description."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from hybrid_tok.diarizer.network import SpeakerNetwork
from hybrid_tok.nn.weights import save_weights

NAME = "hybrid-tok-speaker-16k"


def export_speaker(network: SpeakerNetwork, weights: Path) -> Path:
    """Write `weights` (.safetensors) and its description (.json)."""
    weights.parent.mkdir(parents=True, exist_ok=True)
    sha256 = save_weights(weights, network)
    architecture = asdict(network.config)
    described = json.dumps(architecture, sort_keys=True)
    description = {
        "name": NAME,
        "fingerprint": hashlib.sha256(f"{sha256}:{described}".encode()).hexdigest()[:16],
        "sha256": sha256,
        "architecture": architecture,
    }
    weights.with_suffix(".json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    return weights
