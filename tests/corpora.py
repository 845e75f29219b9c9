"""Small corpora for tests: recordings made of noise, their manifests, and a tokenizer that is quick."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from fakes import FakeCodec
from hybrid_tok.corpus.step import EncodeStep, TokenizerRecipe
from hybrid_tok.presets import find_preset
from hybrid_tok.tokenizer import HybridTokenizer, TokenizerOptions

RATE = 16_000
UNITS = TokenizerRecipe(options={"layout": "units", "num_codebooks": 1})
"""Nothing but the codec, so that processes start soon."""


def write_recordings(folder: Path, seconds: Sequence[float], seed: int = 0) -> list[Path]:
    """WAV files "r000.wav", .. of hiss."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    paths: list[Path] = []
    for number, length in enumerate(seconds):
        path = folder / f"r{number:03d}.wav"
        soundfile.write(path, generator.normal(0, 0.05, round(length * RATE)), RATE)
        paths.append(path)
    return paths


def write_manifest(path: Path, lines: Sequence[dict[str, Any] | str]) -> Path:
    """A NeMo manifest; strings are lines as they are."""
    written = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{line}\n" for line in written))
    return path


def make_corpus(folder: Path, seconds: Sequence[float], seed: int = 0) -> Path:
    """Recordings and the manifest about them."""
    paths = write_recordings(folder / "audio", seconds, seed)
    lines = [
        {"audio_filepath": f"audio/{path.name}", "duration": length}
        for path, length in zip(paths, seconds, strict=True)
    ]
    return write_manifest(folder / "manifest.jsonl", lines)


def fake_tokenizer(**options: Any) -> HybridTokenizer:
    """Units of a fake codec."""
    chosen = TokenizerOptions(**{"layout": "units", "num_codebooks": 1, **options})
    return HybridTokenizer(find_preset("default"), chosen, backends={"codec": FakeCodec()})


def fake_step(**options: Any) -> EncodeStep:
    """A step that takes no time."""
    return EncodeStep(fake_tokenizer(**options))


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the shards of a finished corpus, and of what lists them; what depends on time is left out."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name not in ("report.json", "report.html")
    }
