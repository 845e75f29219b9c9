"""Weights files: safetensors whose hash is checked before a single tensor is read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from hybrid_tok.errors import WeightsError

MAX_BYTES = 64 * 2**20


def load_weights(path: Path, sha256: str, model: nn.Module) -> None:
    """Fill `model` from a file of 16-bit tensors, computed with as 32-bit ones.

    Raises:
        WeightsError: missing, larger than any weights file here, another hash, or other tensors than the model has.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise WeightsError(
                f"{path} is {path.stat().st_size} bytes: no weights file of hybrid-tok is over {MAX_BYTES}"
            )
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}): reinstall hybrid-tok") from None
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise WeightsError(
            f"{path} has SHA-256 {found[:16]}.., expected {sha256[:16]}..: truncated or changed, reinstall it"
        )
    try:
        tensors = load(data)
    except Exception as error:
        raise WeightsError(f"{path} is not a safetensors file: {error}") from None
    wanted = {name: tensor.shape for name, tensor in stored_tensors(model).items()}
    for name in sorted(wanted.keys() | tensors.keys()):
        if name not in tensors:
            raise WeightsError(f"{path} lacks tensor {name}: it belongs to another model")
        if name not in wanted:
            raise WeightsError(f"{path} has an unknown tensor {name}: it belongs to another model")
        if tensors[name].shape != wanted[name]:
            shapes = f"{tuple(tensors[name].shape)}, expected {tuple(wanted[name])}"
            raise WeightsError(f"{path}: tensor {name} has shape {shapes}: it belongs to another model")
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=False)


def save_weights(path: Path, model: nn.Module) -> str:
    """Write the model's tensors as 16-bit floats; returns the SHA-256 of the file."""
    data = save({name: tensor.detach().cpu().half().contiguous() for name, tensor in stored_tensors(model).items()})
    partial = path.with_suffix(".part")
    partial.write_bytes(data)
    partial.replace(path)
    return hashlib.sha256(data).hexdigest()


def stored_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The floating-point part of a model's state; counters are of no use after training."""
    return {name: tensor for name, tensor in model.state_dict().items() if tensor.dtype != torch.int64}
