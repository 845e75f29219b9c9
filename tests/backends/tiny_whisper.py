"""A Whisper model of a few hundred kilobytes with random weights: it hears nonsense, but it loads and runs for real."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDTH = 16
SPECIAL = ("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>")
SPECIAL += ("<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>")
TIMESTAMPS = tuple(f"<|{0.02 * i:.2f}|>" for i in range(1501))
LIKELY = " abcdefg"
"""The only characters that it ever hears."""


def write_tiny_whisper(folder: Path, seed: int = 0) -> Path:
    """Write model.bin, config.json, vocabulary.json and tokenizer.json; English only."""
    from ctranslate2.specs import whisper_spec

    folder.mkdir(parents=True, exist_ok=True)
    characters = _write_tokenizer(folder / "tokenizer.json")
    vocabulary = [*characters, *SPECIAL, *TIMESTAMPS]
    rng = np.random.default_rng(seed)

    def random(*shape: int, scale: float = 0.3) -> NDArray[np.float32]:
        return (scale * rng.standard_normal(shape)).astype(np.float32)

    def linear(spec: Any, outputs: int, inputs: int) -> None:
        spec.weight, spec.bias = random(outputs, inputs), random(outputs)

    def norm(spec: Any) -> None:
        spec.gamma, spec.beta = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)

    def block(layer: Any, decoder: bool) -> None:
        norm(layer.self_attention.layer_norm)
        linear(layer.self_attention.linear[0], 3 * WIDTH, WIDTH)
        linear(layer.self_attention.linear[1], WIDTH, WIDTH)
        if decoder:
            norm(layer.attention.layer_norm)
            for spec, outputs in zip(layer.attention.linear, (WIDTH, 2 * WIDTH, WIDTH), strict=True):
                linear(spec, outputs, WIDTH)
        norm(layer.ffn.layer_norm)
        linear(layer.ffn.linear_0, 2 * WIDTH, WIDTH)
        linear(layer.ffn.linear_1, WIDTH, 2 * WIDTH)

    spec = whisper_spec.WhisperSpec(1, 2, 1, 2)
    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = random(WIDTH, 80, 3), random(WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = random(WIDTH, WIDTH, 3), random(WIDTH)
    encoder.position_encodings.encodings = random(1500, WIDTH)
    norm(encoder.layer_norm)
    block(encoder.layer[0], decoder=False)
    decoder.embeddings.weight = random(len(vocabulary), WIDTH, scale=1.0)
    decoder.position_encodings.encodings = random(448, WIDTH, scale=1.0)
    norm(decoder.layer_norm)
    block(decoder.layer[0], decoder=True)
    decoder.projection.weight = random(len(vocabulary), WIDTH, scale=1.0)
    bias = np.full(len(vocabulary), -30.0, np.float32)
    bias[[characters.index("Ġ" if char == " " else char) for char in LIKELY]] = 0.0
    bias[len(characters)] = 0.5  # the end, now and then
    bias[len(characters) + len(SPECIAL) :] = -12.0
    decoder.projection.bias = bias

    spec.register_vocabulary(vocabulary)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = [vocabulary.index("<|en|>")]
    spec.config.alignment_heads = [(0, 0), (0, 1)]
    spec.validate()
    spec.optimize()
    spec.save(str(folder))
    return folder


def _write_tokenizer(path: Path) -> list[str]:
    """A tokenizer of single bytes; returns its characters in the order of their ids."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    characters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={char: i for i, char in enumerate(characters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([*SPECIAL, *TIMESTAMPS])
    assert json.loads(tokenizer.to_str())["model"]["vocab"][characters[5]] == 5
    path.write_text(tokenizer.to_str())
    return characters
