"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_SUFFIX = ".part"


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """A binary file to write to, which takes the place of `path` once the block has ended without an error.

    Until then what was at `path` stays as it is. On an error, or Ctrl-C, the new file is removed. It is made in
    the same folder, because a rename is atomic only within one file system. A link is followed: the file that it
    points to is replaced. What is no regular file (a pipe, a device) is written into, and so is standard output,
    which is "-".

    Raises:
        OSError: the file cannot be written; its `filename` is `path`.
    """
    try:
        if str(path) == "-":
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        elif is_special(path):
            with Path(path).open("wb") as file:
                yield file
        else:
            yield from _replace(Path(os.path.realpath(path)))
    except OSError as error:
        if error.filename is None or str(error.filename).endswith(_SUFFIX):  # else it is of what the block reads
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def is_special(path: str | Path) -> bool:
    """Whether there is something that is neither a file nor a folder: a pipe, a device."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _replace(path: Path) -> Iterator[BinaryIO]:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:64]}.", suffix=_SUFFIX, dir=path.parent)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(_mode(path))
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _mode(path: Path) -> int:
    """Permissions of the file to be replaced, or what `open` would have given a new one (mkstemp gives 0600)."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
