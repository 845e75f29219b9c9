"""The user's cache of models: files written whole or not at all, and hashes that are computed once per file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from hybrid_tok.core.atomic_write import atomic_folder, atomic_write
from hybrid_tok.core.model_files import KnownModel, ModelFile
from hybrid_tok.errors import ModelError

BLOCK_BYTES = 1 << 20


def cache_folder() -> Path:
    """`$HYBRID_TOK_CACHE`, or hybrid-tok's folder in the platform's cache of the user. It need not exist."""
    if given := os.environ.get("HYBRID_TOK_CACHE"):
        return Path(given).expanduser().absolute()
    variable, default = (
        ("LOCALAPPDATA", "~/AppData/Local") if sys.platform == "win32" else ("XDG_CACHE_HOME", "~/.cache")
    )
    return Path(os.environ.get(variable) or default).expanduser().absolute() / "hybrid-tok"


def cached_model(model: KnownModel) -> Path:
    """Where a model lies in the cache, if it does; a model of other bytes has another folder."""
    return cache_folder() / "models" / f"{model.name}-{model.files[0].sha256[:8]}"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hex.

    It is remembered in the cache and holds until the file's size or time of change differs: hashing 145 MB takes
    0.15 s. Without a cache that can be written to it is computed each time.

    Raises:
        ModelError: the file cannot be read.
    """
    try:
        state = _state(path)
        mark = _mark(path)
        with suppress(OSError, ValueError):
            known = json.loads(mark.read_bytes())
            if isinstance(known, dict) and known.get("state") == state:
                return str(known["sha256"])
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from None
    _remember(path, state, digest.hexdigest())
    return digest.hexdigest()


def check_files(model: KnownModel, folder: Path, remedy: str) -> None:
    """Compare a folder with what is known of a model.

    Raises:
        ModelError: a file is missing, or differs in size or hash; the message names it and ends with `remedy`.
    """
    for file in model.files:
        path = folder / file.name
        try:
            size = path.stat().st_size
        except OSError:  # also one that was deleted just now
            raise ModelError(f"{folder} lacks {file.name} of model {model.name!r}: {remedy}") from None
        if not path.is_file() or size != file.size or file_sha256(path) != file.sha256:
            raise ModelError(f"{path} has another size or SHA-256 than that of model {model.name!r}: {remedy}")


def install_model(model: KnownModel, read: Callable[[ModelFile], Iterable[bytes]], origin: str, remedy: str) -> Path:
    """Write a model's files into the cache; the folder appears when all of them are there and checked.

    Several processes may do so at once: the first one's folder stays. A folder that lacks files, such as one that was
    deleted in part, is replaced.

    Args:
        read: gives a file's bytes in blocks.
        origin: where they come from, for the message.
        remedy: what to do when they are not the model's.

    Raises:
        ModelError: other bytes than the model's, or the cache cannot be written to.
    """
    target = cached_model(model)
    try:
        if target.is_dir() and not _is_whole(model, target):
            shutil.rmtree(target, ignore_errors=True)
        with atomic_folder(target) as folder:
            for file in model.files:
                if not _write(folder / file.name, file, read(file)):
                    raise ModelError(
                        f"{file.name} from {origin} has another size or SHA-256 than that of model {model.name!r}: "
                        f"{remedy}"
                    )
                _remember(target / file.name, _state(folder / file.name), file.sha256)
    except OSError as error:
        raise ModelError(
            f"model cache {cache_folder()} cannot be written to ({error.strerror}): make {_megabytes(model.size)} of "
            "space there, or set HYBRID_TOK_CACHE to another folder"
        ) from None
    check_files(model, target, remedy)  # another process may have been first
    return target


def _is_whole(model: KnownModel, folder: Path) -> bool:
    try:
        check_files(model, folder, "")
    except ModelError:
        return False
    return True


def _write(path: Path, file: ModelFile, blocks: Iterable[bytes]) -> bool:
    """Write a file to disk; whether it has the size and hash it should have."""
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as out:
        for block in blocks:
            size += len(block)
            if size > file.size:
                return False
            digest.update(block)
            out.write(block)
        out.flush()
        os.fsync(out.fileno())
    return size == file.size and digest.hexdigest() == file.sha256


def _state(path: Path) -> list[int]:
    state = path.stat()
    return [state.st_size, state.st_mtime_ns]


def _mark(path: Path) -> Path:
    """The file that remembers the hash of another."""
    return cache_folder() / "checked" / f"{hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]}.json"


def _remember(path: Path, state: list[int], sha256: str) -> None:
    mark = _mark(path)
    with suppress(OSError):  # it only saves time
        mark.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(mark) as file:
            file.write(json.dumps({"path": str(path.absolute()), "state": state, "sha256": sha256}).encode())


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
