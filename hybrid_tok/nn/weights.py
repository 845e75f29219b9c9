"""Weights files of torch's networks, read and written by `nn.arrays`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from hybrid_tok.errors import WeightsError
from hybrid_tok.nn.arrays import read_tensors, write_tensors


def load_weights(path: Path, sha256: str, model: nn.Module) -> None:
    """Fill `model` from a file of 16-bit tensors, computed with as 32-bit ones.

    Raises:
        WeightsError: missing, larger than any weights file here, another hash, or other tensors than the model has.
    """
    tensors = read_tensors(path, sha256)
    wanted = {name: tensor.shape for name, tensor in stored_tensors(model).items()}
    for name in sorted(wanted.keys() | tensors.keys()):
        if name not in tensors:
            raise WeightsError(f"{path} lacks tensor {name}: it belongs to another model")
        if name not in wanted:
            raise WeightsError(f"{path} has an unknown tensor {name}: it belongs to another model")
        if tensors[name].shape != wanted[name]:
            shapes = f"{tensors[name].shape}, expected {tuple(wanted[name])}"
            raise WeightsError(f"{path}: tensor {name} has shape {shapes}: it belongs to another model")
    model.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()}, strict=False)


def save_weights(path: Path, model: nn.Module) -> str:
    """Write the model's tensors as 16-bit floats; returns the SHA-256 of the file."""
    return write_tensors(path, {name: tensor.detach().cpu().numpy() for name, tensor in stored_tensors(model).items()})


def stored_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The floating-point part of a model's state; counters are of no use after training."""
    return {name: tensor for name, tensor in model.state_dict().items() if tensor.dtype != torch.int64}
