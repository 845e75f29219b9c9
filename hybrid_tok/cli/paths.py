"""Paths that commands write to."""

from __future__ import annotations

from pathlib import Path

from hybrid_tok.errors import OptionsError


def check_target(path: Path) -> Path:
    """A path that can be written to, so that an hour of work does not end in an error that a look would have found.

    Raises:
        OptionsError: it is a folder, or its folder does not exist.
    """
    if path.is_dir():
        raise OptionsError(f"{path} is a folder: -o takes the name of the file to write")
    if not path.parent.is_dir():
        raise OptionsError(f"{path.parent} is no folder: make it first, or choose another -o")
    return path
