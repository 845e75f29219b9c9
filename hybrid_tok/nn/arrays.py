"""Weights for networks that run in numpy: safetensors whose hash is checked before an array is read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.errors import WeightsError

MAX_BYTES = 16 * 2**20


def load_arrays(weights: Path) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]]:
    """The arrays of a weights file as float32, and its description: the JSON file of the same name beside it.

    Raises:
        WeightsError: one of the two is missing, damaged, larger than any such file, or they do not belong together.
    """
    from safetensors.numpy import load

    about = _description(weights)
    wanted = str(about["sha256"])
    try:
        size = weights.stat().st_size
        if size > MAX_BYTES:
            raise WeightsError(f"{weights} is {size} bytes: no such file of hybrid-tok is over {MAX_BYTES}")
        data = weights.read_bytes()
    except OSError as error:
        raise WeightsError(f"{weights} cannot be read ({error.strerror}): reinstall hybrid-tok") from None
    found = hashlib.sha256(data).hexdigest()
    if found != wanted:
        raise WeightsError(
            f"{weights} has SHA-256 {found[:16]}.., expected {wanted[:16]}..: truncated or changed, reinstall it"
        )
    try:
        arrays = load(data)
    except Exception as error:
        raise WeightsError(f"{weights} is not a safetensors file: {error}") from None
    return {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}, about


def fingerprint_of(weights: Path) -> str:
    """The first half of the hash that a weights file's description states, without reading the weights.

    Raises:
        WeightsError: the description is missing or damaged.
    """
    return str(_description(weights)["sha256"])[:16]


def save_arrays(weights: Path, arrays: dict[str, NDArray[np.float32]], about: dict[str, Any]) -> None:
    """Write arrays as 16-bit floats, and the description with their hash beside them; both appear whole or not."""
    from safetensors.numpy import save

    data = save({name: np.ascontiguousarray(array, np.float16) for name, array in arrays.items()})
    text = json.dumps(about | {"sha256": hashlib.sha256(data).hexdigest()}, indent=2) + "\n"
    weights.parent.mkdir(parents=True, exist_ok=True)
    for path, content in ((weights, data), (weights.with_suffix(".json"), text.encode())):
        partial = path.with_name(path.name + ".part")
        partial.write_bytes(content)
        partial.replace(path)


def _description(weights: Path) -> dict[str, Any]:
    description = weights.with_suffix(".json")
    try:
        about = json.loads(description.read_text(encoding="utf-8"))
        about["sha256"]
    except OSError as error:
        raise WeightsError(f"{description} cannot be read ({error.strerror}): reinstall hybrid-tok") from None
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{description} is damaged ({type(error).__name__}): reinstall hybrid-tok") from None
    return about
