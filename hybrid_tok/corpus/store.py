"""Where a corpus is written: a local folder, or any address of fsspec. A file is there whole or not at all."""

from __future__ import annotations

import hashlib
import importlib
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.errors import BackendError, CorpusError, first_line

_T = TypeVar("_T")

_ATOMIC = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "r2", "oci", "memory"})
"""Protocols whose objects appear when they are complete; elsewhere a file is written aside and renamed."""

_TRIES = 4
_WAIT = 0.5
"""Seconds before the second try; twice as long before each further one."""


class MissingFileError(CorpusError):
    """There is no such file, or no right to it."""


class Store:
    """A folder at an address.

    Args:
        address: a local path, or an address such as "s3://bucket/corpus".

    Raises:
        BackendError: fsspec, or what it needs for this protocol, is not installed.
    """

    def __init__(self, address: str | Path) -> None:
        self.address = str(address).rstrip("/") or "/"
        self._local = local_path(self.address)
        self._files: Any = None
        self._root = ""
        if self._local is None:
            self._files, self._root = open_remote(self.address)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.address,)

    def join(self, name: str) -> str:
        """The full address of a file."""
        return f"{self.address}/{name}"

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        if self._local is not None:
            return (self._local / name).is_file()
        return self._try(name, lambda: bool(self._files.exists(f"{self._root}/{name}")))

    def names(self, folder: str = "") -> list[str]:
        """Names of the files in a folder, sorted; none if there is no such folder."""
        if self._local is not None:
            try:
                return sorted(one.name for one in (self._local / folder).iterdir() if not one.name.startswith("."))
            except (FileNotFoundError, NotADirectoryError):
                return []
            except OSError as error:
                raise CorpusError(f"{self.join(folder)}: cannot be read ({error.strerror or error})") from None

        def listed() -> list[str]:
            self._files.invalidate_cache()
            path = f"{self._root}/{folder}".rstrip("/")
            try:
                return [str(one).rstrip("/").rpartition("/")[2] for one in self._files.ls(path, detail=False)]
            except FileNotFoundError:
                return []

        return sorted(name for name in self._try(folder, listed) if not name.startswith("."))

    def is_folder(self) -> bool:
        """Whether the address is a folder that is there."""
        if self._local is not None:
            return self._local.is_dir()
        return self._try("", lambda: bool(self._files.isdir(self._root)))

    def below(self) -> list[str]:
        """Paths of all files in the folder and in those inside it, from it on, sorted."""
        if self._local is not None:
            files = (one for one in self._local.rglob("*") if one.is_file())
            return sorted(one.relative_to(self._local).as_posix() for one in files)
        root = f"{self._root.rstrip('/')}/"
        return sorted(str(one).removeprefix(root) for one in self._try("", self._files.find, self._root))

    def read(self, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            CorpusError: it is not there, or cannot be read.
        """
        if self._local is not None:
            return self._try(name, (self._local / name).read_bytes)
        return self._try(name, lambda: bytes(self._files.cat_file(f"{self._root}/{name}")))

    def read_range(self, name: str, start: int, size: int) -> bytes:
        """Bytes of a file from `start` on; fewer than `size` where it ends before.

        Raises:
            CorpusError: it is not there, or cannot be read.
        """
        if self._local is None:
            return self._try(name, lambda: bytes(self._files.cat_file(f"{self._root}/{name}", start, start + size)))
        with self.open(name) as file:
            file.seek(start)
            return self._try(name, file.read, size)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A file to read from, seekable.

        Raises:
            CorpusError: it is not there, or cannot be read.
        """
        if self._local is not None:
            file: Any = self._try(name, (self._local / name).open, "rb")
        else:
            file = self._try(name, self._files.open, f"{self._root}/{name}", "rb")
        with file:
            yield file

    @contextmanager
    def write(self, name: str) -> Iterator[BinaryIO]:
        """A file to write to, which takes the place of `name` once the block has ended without an error.

        Raises:
            CorpusError: it cannot be written: no room, no right.
        """
        if self._local is not None:
            path = self._local / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with atomic_write(path) as file:
                    yield file
            except OSError as error:
                raise CorpusError(f"{path}: cannot be written ({error.strerror or error})") from None
            return
        with tempfile.TemporaryFile() as file:
            yield file  # pyright: ignore[reportReturnType]
            file.seek(0)
            self._try(name, self._upload, name, file)

    def write_bytes(self, name: str, data: bytes) -> None:
        """As `write`, all at once."""
        with self.write(name) as file:
            file.write(data)

    def remove(self, name: str) -> None:
        """Remove a file, or a folder with all that is in it, if it is there.

        Raises:
            CorpusError: it cannot be removed.
        """
        if self._local is not None:
            path = self._local / name
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                self._try(name, path.unlink, missing_ok=True)
            return
        with suppress(FileNotFoundError):
            self._try(name, self._remove_remote, f"{self._root}/{name}")

    def _remove_remote(self, path: str) -> None:
        if self._files.exists(path):
            self._files.rm(path, recursive=True)

    def _upload(self, name: str, file: Any) -> None:
        file.seek(0)
        path = f"{self._root}/{name}"
        protocols = (self._files.protocol,) if isinstance(self._files.protocol, str) else self._files.protocol
        atomic = not _ATOMIC.isdisjoint(protocols)
        aside = path if atomic else f"{path.rpartition('/')[0]}/.{uuid.uuid4().hex}.part"
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        try:
            written = self._files.open(aside, "wb")
            try:
                shutil.copyfileobj(file, written, 1 << 20)
            except BaseException:
                if hasattr(written, "discard"):
                    written.discard()
                raise
            written.close()
            if not atomic:
                self._files.mv(aside, path)
        except BaseException:
            if not atomic:
                with suppress(Exception):
                    self._files.rm(aside)
            raise

    def _try(self, name: str, act: Callable[..., _T], *arguments: Any, **named: Any) -> _T:
        """What an action gives; at a remote address, a failure that may pass is tried again.

        Raises:
            CorpusError: it failed.
        """
        tries = 1 if self._local is not None else _TRIES
        for attempt in range(tries):
            try:
                return act(*arguments, **named)
            except (FileNotFoundError, PermissionError) as error:
                what = "is not there" if isinstance(error, FileNotFoundError) else "there is no right to it"
                raise MissingFileError(f"{self.join(name)}: {what}") from None
            except Exception as error:  # of any library that fsspec uses
                if attempt == tries - 1:
                    raise CorpusError(f"{self.join(name)}: {first_line(error)}") from error
                time.sleep(_WAIT * 2**attempt)
        raise AssertionError("unreachable")


def measure(file: BinaryIO) -> tuple[int, str]:
    """Bytes and SHA-256 of a file, from where it is read on."""
    digest, size = hashlib.sha256(), 0
    while block := file.read(1 << 20):
        digest.update(block)
        size += len(block)
    return size, digest.hexdigest()


def local_path(address: str) -> Path | None:
    """The path of an address on this machine; None for one that fsspec must open."""
    if address.startswith("file://"):
        return Path(address.removeprefix("file://"))
    return None if "://" in address else Path(address)


def open_remote(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it.

    Raises:
        BackendError: fsspec, or what it needs for this protocol, is not installed.
    """
    try:
        fsspec = importlib.import_module("fsspec.core")
        return fsspec.url_to_fs(address)
    except ImportError as error:
        if error.name == "fsspec":
            raise BackendError(f"{address}: needs fsspec: pip install 'hybrid-tok[corpus]'") from None
        raise BackendError(f"{address}: {first_line(error)}") from None
    except ValueError as error:  # an unknown protocol
        raise CorpusError(f"{address}: {first_line(error)}") from None
