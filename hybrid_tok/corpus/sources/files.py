"""Files of a manifest: here or at any address of fsspec, read as a stream, with errors that name them."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from hybrid_tok.corpus.store import MissingFileError, Store, local_path
from hybrid_tok.errors import CorpusError, HybridTokError, first_line
from hybrid_tok.formats.json_text import MAX_CONTAINERS

MAX_LINE = 16 << 20
"""Bytes of a line: words of a day have fewer."""

_CHUNK = 1 << 20

_FILES = (".jsonl", ".json", ".gz", ".tar")
"""Endings of what is no folder at an address."""


def file_name(address: str) -> str:
    """The last part of an address, for messages."""
    return address.rstrip("/").rpartition("/")[2] or address


def folder_of(address: str) -> str:
    """The folder of a file, absolute where it is on this machine: workers may be in another one."""
    path = local_path(address)
    return address.rpartition("/")[0] if path is None else os.path.abspath(path.parent)  # noqa: PTH100


def absolute(address: str) -> str:
    """The same address whatever the current folder."""
    path = local_path(address)
    return address if path is None else os.path.abspath(path)  # noqa: PTH100 - it keeps symbolic links


def resolve(folder: str, written: str) -> str:
    """An address as a manifest in `folder` has it: relative ones begin there."""
    path = local_path(written)
    if path is None or path.is_absolute() or not folder:
        return written
    return f"{folder}/{PurePosixPath(written)}"


def is_folder(address: str) -> bool:
    """Whether an address is a folder.

    Raises:
        CorpusError: it cannot be asked for.
    """
    path = local_path(address)
    if path is not None:
        return path.is_dir()
    # A server of HTTP would send the file to be searched for links.
    return not ("{" in address or address.lower().endswith(_FILES)) and Store(address).is_folder()


@contextmanager
def opened(address: str) -> Iterator[BinaryIO]:
    """A file to read from, seekable.

    Raises:
        CorpusError: it is not there, or (whatever fails while it is open) cannot be read.
    """
    path = local_path(address)
    try:
        if path is None:
            folder, _, name = address.rpartition("/")
            with Store(folder).open(name) as file:
                yield file
        else:
            with path.open("rb") as file:
                yield file
    except HybridTokError:
        raise
    except FileNotFoundError:
        raise MissingFileError(f"{address}: is not there") from None
    except OSError as error:
        raise CorpusError(f"{address}: cannot be read ({error.strerror or error})") from None
    except Exception as error:  # of any library that fsspec uses
        if path is not None:
            raise
        raise CorpusError(f"{address}: cannot be read ({first_line(error)})") from error


def read_lines(address: str) -> Iterator[tuple[int, bytes | None]]:
    """Lines that are not empty, with their numbers from 1; None is one that is too long. Gzip is unpacked.

    Raises:
        CorpusError: the file is not there, cannot be read, or is damaged.
    """
    number = 0
    with opened(address) as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            for number, line in enumerate(_split(gzip.GzipFile(fileobj=file) if packed else file), 1):
                if number == 1 and line is not None:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line is None or line.strip():
                    yield number, line
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise CorpusError(f"{address}: damaged after line {number} ({first_line(error)}): copy it again") from None


def parse_line(line: bytes | None) -> Any:
    """The value of a line of JSON.

    Raises:
        ValueError: it is none, too long, or too deep.
    """
    if line is None:
        raise ValueError(f"longer than {MAX_LINE >> 20} MB")
    if line.count(b"{") + line.count(b"[") > MAX_CONTAINERS:
        raise ValueError(f"more than {MAX_CONTAINERS} objects")
    try:
        return json.loads(line)
    except RecursionError:
        raise ValueError("not JSON (nested too deeply)") from None
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg} at character {error.pos + 1})") from None
    except ValueError:
        raise ValueError("not JSON (a number of too many digits)") from None


def _split(file: Any) -> Iterator[bytes | None]:
    """Lines without their ends; only as much as a line is in memory."""
    rest, skipping = b"", False
    while chunk := file.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield None if skipping or len(line) > MAX_LINE else line
            skipping = False
        if len(rest) > MAX_LINE:
            rest, skipping = b"", True
    if rest or skipping:
        yield None if skipping else rest
