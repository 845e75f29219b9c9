"""Weights that are missing, damaged or another model's."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hybrid_tok.codec.backend import BuiltinCodec
from hybrid_tok.codec.identity import CODEC_WEIGHTS
from hybrid_tok.errors import WeightsError
from hybrid_tok.nn.arrays import load_weights, save_weights


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    for suffix in (".safetensors", ".json"):
        shutil.copy(CODEC_WEIGHTS.with_suffix(suffix), tmp_path / f"codec{suffix}")
    return tmp_path / "codec.safetensors"


def test_what_ships_is_small_and_whole() -> None:
    assert CODEC_WEIGHTS.stat().st_size <= 12_000_000
    identity = BuiltinCodec().identity
    bits = 50 * torch.tensor(float(identity.codebook_size)).log2()
    assert 500 <= bits <= 700
    assert bits * identity.default_codebooks <= 1400
    assert bits * identity.num_codebooks <= 3000


def test_the_identity_needs_no_torch() -> None:
    code = "import sys, hybrid_tok.codec.identity as m; m.codec_identity(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_missing_weights(weights: Path) -> None:
    weights.unlink()
    with pytest.raises(WeightsError, match=r"codec\.safetensors cannot be read"):
        BuiltinCodec(weights)


def test_missing_description(weights: Path) -> None:
    weights.with_suffix(".json").unlink()
    with pytest.raises(WeightsError, match=r"codec\.json cannot be read"):
        BuiltinCodec(weights)


def test_damaged_description(weights: Path) -> None:
    weights.with_suffix(".json").write_text("{")
    with pytest.raises(WeightsError, match=r"codec\.json is damaged"):
        BuiltinCodec(weights)


def test_truncated_weights(weights: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match=r"codec\.safetensors has SHA-256 .*truncated or changed"):
        BuiltinCodec(weights)


def test_one_changed_bit(weights: Path) -> None:
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(WeightsError, match="truncated or changed"):
        BuiltinCodec(weights)


def test_another_architecture(weights: Path) -> None:
    description = weights.with_suffix(".json")
    entries = json.loads(description.read_text())
    entries["architecture"]["encoder_width"] = 128
    description.write_text(json.dumps(entries))
    with pytest.raises(WeightsError, match=r"tensor encoder.* has shape .*expected"):
        BuiltinCodec(weights)


def test_tensors_of_another_model(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    sha256 = save_weights(path, torch.nn.Linear(2, 3, bias=False))
    with pytest.raises(WeightsError, match="lacks tensor bias"):
        load_weights(path, sha256, torch.nn.Linear(2, 3))
    sha256 = save_weights(path, torch.nn.Linear(2, 3))
    with pytest.raises(WeightsError, match="unknown tensor bias"):
        load_weights(path, sha256, torch.nn.Linear(2, 3, bias=False))


def test_sixteen_bit_weights_round_trip(tmp_path: Path) -> None:
    model, other = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    path = tmp_path / "weights.safetensors"
    load_weights(path, save_weights(path, model), other)
    assert torch.equal(other.weight, model.weight.half().float())
