"""Resumable checkpoints in safetensors: parameters, their moving average, Adam's moments; no pickle."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from hybrid_tok.errors import WeightsError


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.AdamW, prefix: str) -> dict[str, Tensor]:
    """Adam's moments by parameter name."""
    out = {}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            out[f"{prefix}.{key}.{name}"] = value
    return out


def restore_optimizer(model: nn.Module, optimizer: torch.optim.AdamW, tensors: dict[str, Tensor], prefix: str) -> None:
    """Put back what `optimizer_tensors` gave."""
    for name, parameter in model.named_parameters():
        state = {key: tensors.get(f"{prefix}.{key}.{name}") for key in ("step", "exp_avg", "exp_avg_sq")}
        if all(value is not None for value in state.values()):
            optimizer.state[parameter] = state


def save_checkpoint(path: Path, tensors: dict[str, Tensor], progress: dict[str, float | int | str]) -> None:
    """Write atomically: a crash leaves the checkpoint before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, partial, metadata={"progress": json.dumps(progress)})
    partial.replace(path)


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, float | int | str]]:
    """Tensors and progress.

    Raises:
        WeightsError: not a checkpoint of this recipe, or damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            progress = json.loads((file.metadata() or {})["progress"])
            return {name: file.get_tensor(name) for name in file.keys()}, progress  # noqa: SIM118 (not a dict)
    except Exception as error:
        raise WeightsError(f"{path} is not a checkpoint of this recipe: {error}; remove it to start anew") from None


def prefixed(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries under `prefix.`, without it."""
    return {name[len(prefix) + 1 :]: value for name, value in tensors.items() if name.startswith(prefix + ".")}
