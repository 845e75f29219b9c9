"""Weights files: safetensors whose hash is checked before an array is read, and their description in JSON beside them.

Networks that run in numpy read their arrays with `load_arrays`, without torch; `load_weights` fills those of torch.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.errors import WeightsError
from hybrid_tok.nn.threads import compute_in_one_thread_after_forks

if TYPE_CHECKING:
    from torch import Tensor, nn

MAX_BYTES = 64 * 2**20
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The description of a network's weights.

    Attributes:
        name: for display.
        fingerprint: changes whenever the network's output could.
        sha256: of the weights file.
        architecture: the network's configuration.
    """

    name: str
    fingerprint: str
    sha256: str
    architecture: dict[str, Any]


def load_arrays(weights: Path) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]]:
    """The arrays of a weights file as float32, and its description: the JSON file of the same name beside it.

    Raises:
        WeightsError: one of the two is missing, damaged, larger than any such file, or they do not belong together.
    """
    about = _description(weights)
    return read_tensors(weights, str(about["sha256"])), about


def read_tensors(weights: Path, sha256: str) -> dict[str, NDArray[np.float32]]:
    """The arrays of a weights file as float32.

    Raises:
        WeightsError: it is missing, larger than any such file, has another hash, or is no safetensors file.
    """
    from safetensors.numpy import load

    try:
        size = weights.stat().st_size
        if size > MAX_BYTES:
            raise WeightsError(f"{weights} is {size} bytes: no weights file of hybrid-tok is over {MAX_BYTES}")
        data = weights.read_bytes()
    except OSError as error:
        raise WeightsError(f"{weights} cannot be read ({error.strerror}): reinstall hybrid-tok") from None
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise WeightsError(
            f"{weights} has SHA-256 {found[:16]}.., expected {sha256[:16]}..: truncated or changed, reinstall it"
        )
    try:
        return {name: np.ascontiguousarray(array, np.float32) for name, array in load(data).items()}
    except Exception as error:
        raise WeightsError(f"{weights} is not a safetensors file: {error}") from None


def fingerprint_of(weights: Path) -> str:
    """The first half of the hash that a weights file's description states, without reading the weights.

    Raises:
        WeightsError: the description is missing or damaged.
    """
    return str(_description(weights)["sha256"])[:16]


def read_identity(kind: type[_T], weights: Path) -> _T:
    """The description of a weights file as a dataclass with its entries.

    Raises:
        WeightsError: the description is missing, damaged, or of something else.
    """
    try:
        return kind(**_description(weights))
    except TypeError as error:
        raise _damaged(weights, error) from None


def config_of(kind: type[_T], architecture: dict[str, Any], path: Path) -> _T:
    """A network's configuration from its JSON form, in which tuples are lists.

    Raises:
        WeightsError: `architecture`, from a file at `path`, lacks entries of it, or has others.
    """
    wrong = {field.name for field in fields(cast(Any, kind))} ^ architecture.keys()
    if wrong:
        raise WeightsError(f"{path} describes no network of this version ({', '.join(sorted(wrong))}): reinstall it")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in architecture.items()})


def read_tables(path: Path, **shapes: tuple[int, ...]) -> dict[str, NDArray[np.float64]]:
    """Small tables from a JSON file, which has them by name.

    Raises:
        WeightsError: the file is missing or damaged, or a table is not of the shape given.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
        tables = {name: np.array(data[name], float) for name in shapes}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise WeightsError(f"{path} is missing or damaged ({error}): reinstall hybrid-tok") from None
    for name, shape in shapes.items():
        if tables[name].shape != shape:
            raise WeightsError(f"{path} has {name} of shape {tables[name].shape}, not {shape}: reinstall hybrid-tok")
    return tables


def save_arrays(weights: Path, arrays: dict[str, NDArray[np.float32]], about: dict[str, Any]) -> None:
    """Write arrays as 16-bit floats, and the description with their hash beside them; both atomically."""
    write_description(weights, about | {"sha256": write_tensors(weights, arrays)})


def write_tensors(weights: Path, arrays: dict[str, NDArray[np.floating]]) -> str:
    """Write arrays as 16-bit floats; returns the SHA-256 of the file."""
    from safetensors.numpy import save

    data = save({name: np.ascontiguousarray(array, np.float16) for name, array in arrays.items()})
    weights.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(weights) as file:
        file.write(data)
    return hashlib.sha256(data).hexdigest()


def write_description(weights: Path, about: dict[str, Any]) -> None:
    """Write the description of a weights file, with its `sha256`, beside it."""
    with atomic_write(weights.with_suffix(".json")) as file:
        file.write((json.dumps(about, indent=2) + "\n").encode())


def _description(weights: Path) -> dict[str, Any]:
    path = weights.with_suffix(".json")
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        about["sha256"]
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}): reinstall hybrid-tok") from None
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(weights, error) from None
    return about


def _damaged(weights: Path, error: Exception) -> WeightsError:
    path = weights.with_suffix(".json")
    return WeightsError(f"{path} is damaged ({type(error).__name__}: {error}): reinstall hybrid-tok")


def load_weights(path: Path, sha256: str, model: nn.Module) -> None:
    """Fill `model` from a file of 16-bit tensors, computed with as 32-bit ones.

    Raises:
        WeightsError: missing, larger than any weights file here, another hash, or other tensors than the model has.
    """
    import torch

    compute_in_one_thread_after_forks()
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
    return {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
