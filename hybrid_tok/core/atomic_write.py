"""Files and folders that appear whole or not at all.

They are made under a hidden name beside their own, `.NAME.xxxxxxxx.part`, and renamed. Whoever makes one holds its lock
while it lives: what a killed process has left behind is not locked, and the next one that writes the same removes it.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows: what is left behind stays there
    fcntl = None

_SUFFIX = ".part"
_NAME_LENGTH = 48
"""Characters of a file's name in its hidden one, which must not be longer than file systems allow (255 bytes)."""


@contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """A binary file to write to, which takes the place of `path` once the block has ended without an error.

    Until then what was at `path` stays as it is. On an error, or Ctrl-C, the new file is removed. A link is followed:
    the file that it points to is replaced. What is no regular file (a pipe, a device) is written into, and so is
    standard output, which is "-".

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


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A folder to write to, which gets the name `path` once the block has ended without an error.

    If there is a folder of that name by then, such as that of another process, it stays, and the new one is removed.

    Raises:
        OSError: the folder cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(path, folder=True) as temporary:
        yield temporary
        temporary.chmod(_mode(path, 0o777))
        try:
            temporary.rename(path)
        except OSError:
            if not path.is_dir():
                raise


def is_special(path: str | Path) -> bool:
    """Whether there is something that is neither a file nor a folder: a pipe, a device."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _replace(path: Path) -> Iterator[BinaryIO]:
    with _temporary(path) as temporary:
        with temporary.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode(path, 0o666))
        temporary.replace(path)


@contextmanager
def _temporary(path: Path, folder: bool = False) -> Iterator[Path]:
    """A new file or folder beside `path`, because a rename is atomic only within one file system; it is removed
    afterwards unless it was renamed."""
    _remove_abandoned(path)
    temporary, lock = _make_locked(path, folder)
    try:
        yield temporary
    finally:
        _remove(temporary)
        if lock is not None:
            os.close(lock)


def _make_locked(path: Path, folder: bool) -> tuple[Path, int | None]:
    """A new file or folder, and the descriptor that holds its lock, if there are locks here."""
    prefix = f".{path.name[:_NAME_LENGTH]}."
    while True:
        if folder:
            name = tempfile.mkdtemp(_SUFFIX, prefix, path.parent)
        else:
            descriptor, name = tempfile.mkstemp(_SUFFIX, prefix, path.parent)
            os.close(descriptor)
        try:
            return Path(name), _lock(Path(name))
        except (BlockingIOError, FileNotFoundError):
            continue  # before it was locked, another process took it for abandoned
        except OSError:
            return Path(name), None


def _lock(path: Path) -> int:
    """The descriptor that holds the lock of a file or folder, until it is closed or the process ends.

    Raises:
        BlockingIOError: another process holds it.
        FileNotFoundError: it has gone.
        OSError: there are no locks on this system.
    """
    if fcntl is None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.stat()
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _remove_abandoned(path: Path) -> None:
    """Remove what processes that were killed have left of `path`. Where that fails, it does no harm."""
    hidden = re.compile(re.escape(f".{path.name[:_NAME_LENGTH]}.") + r"\w{8}" + re.escape(_SUFFIX))
    with suppress(OSError):
        for name in os.listdir(path.parent):  # noqa: PTH208 - strings: a folder may have very many files
            if hidden.fullmatch(name):
                with suppress(OSError):
                    lock = _lock(path.with_name(name))
                    _remove(path.with_name(name))
                    os.close(lock)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _mode(path: Path, default: int) -> int:
    """Permissions of the file to be replaced, or what a new one has by default (a temporary one is private)."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return default & ~mask
