"""Models that are the user's choice: a file or folder, or what is in the local cache of the Hugging Face hub.

Nothing is downloaded, and no account is needed. What tells two models apart is the hash of their files, not their name.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from hybrid_tok.core.hub_cache import hub_cache, hub_snapshot
from hybrid_tok.core.model_cache import file_sha256
from hybrid_tok.errors import ModelError

_REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_HELD = frozenset(
    (".bin", ".ckpt", ".json", ".model", ".nemo", ".npz", ".onnx", ".pt", ".safetensors", ".txt", ".yaml", ".yml")
)
"""Kinds of files that can change what a model gives; a README cannot."""


def is_name(model: str) -> bool:
    """Whether a model is told by a name that holds on every machine, and not by a path of this one."""
    return not Path(model).expanduser().exists() and not model.startswith((".", "/", "~"))


def find_local(model: str, what: str) -> Path:
    """Where a model is: a file or a folder.

    In this order: a path, `$HYBRID_TOK_MODELS/NAME`, and ORG/NAME in the local cache of the Hugging Face hub.

    Args:
        what: what the model is to be, for the message ("a diarizer of pyannote.audio").

    Raises:
        ModelError: there is none; the message says where it was looked for, and what gets it.
    """
    if not model:
        raise ModelError(f"{what} needs a model: give a file, a folder, or a name in the Hugging Face cache")
    path = Path(model).expanduser()
    if path.exists():
        return path
    folder = os.environ.get("HYBRID_TOK_MODELS")
    if folder and is_name(model) and (own := Path(folder).expanduser() / model).exists():
        return own
    if _REPOSITORY.fullmatch(model) and is_name(model):
        if (snapshot := hub_snapshot(model)) is not None:
            return snapshot
        raise ModelError(
            f"{what}: {model} is not in the Hugging Face cache {hub_cache()}; get it by `hf download {model}`, or give "
            "a folder"
        )
    raise ModelError(f"{what}: there is no file or folder {model}; give one, or a name in the Hugging Face cache")


def model_hash(path: Path) -> str:
    """What tells a model from others: 64 hex digits, the same wherever its files are.

    Of a folder, all files in it that can change what the model gives are counted with their names; of a single file its
    bytes alone.

    Raises:
        ModelError: a file cannot be read, or there is none.
    """
    if path.is_file():
        return file_sha256(path)
    files = sorted(
        (file.relative_to(path).as_posix(), file)
        for file in path.rglob("*")
        if file.suffix in _HELD and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    if not files:
        raise ModelError(f"{path} holds no model: there are no weights and no configuration in it")
    return hashlib.sha256("".join(f"{name} {file_sha256(file)}\n" for name, file in files).encode()).hexdigest()
