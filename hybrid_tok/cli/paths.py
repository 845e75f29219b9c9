"""Paths that commands write to: never over something else, never over their own input."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from hybrid_tok.core.atomic_write import is_special
from hybrid_tok.errors import OptionsError

Force: TypeAlias = Annotated[bool, typer.Option("--force", "-f", help="Replace files that exist.")]

STANDARD = Path("-")
"""Standard input or output."""


def check_target(path: Path, inputs: Collection[str | Path] = (), force: bool = False) -> Path:
    """A path that can be written to, so that an hour of work does not end in an error that a look would have found.

    Args:
        inputs: files the command reads, which it never replaces.
        force: replace a file that exists.

    Raises:
        OptionsError: it is a folder, its folder does not exist, it is one of the inputs, or it exists.
        OSError: it cannot be written to.
    """
    if path == STANDARD or is_special(path):
        return path
    if path.is_dir():
        raise OptionsError(f"{path} is a folder: -o takes the name of the file to write")
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise OptionsError(f"{target.parent} is no folder: make it first, or choose another -o")
    if any(_same_file(given, target) for given in inputs):
        raise OptionsError(f"{path} is what is read: choose another -o")
    if target.exists() and not force:
        raise OptionsError(f"{path} exists: give --force to replace it, or choose another -o")
    _check_writable(target.parent, path)
    return path


def check_targets(folder: Path, names: Iterable[str], inputs: Collection[str | Path], force: bool) -> None:
    """Several files of a folder, which is made if need be; arguments and errors as of `check_target`."""
    if folder.exists() and not folder.is_dir():
        raise OptionsError(f"{folder} is no folder: choose another -o")
    if not folder.exists():
        _check_writable(next(one for one in folder.absolute().parents if one.exists()), folder)
        return
    for name in names:
        check_target(folder / name, inputs, force)


def _same_file(given: str | Path, target: Path) -> bool:
    try:
        return target.samefile(given)
    except OSError:
        return False


def _check_writable(folder: Path, path: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, f"its folder {folder} cannot be written to", str(path))
