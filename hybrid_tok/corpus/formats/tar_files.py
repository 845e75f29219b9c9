"""Tar files of small members, the same bytes for the same members: no times, no users."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import PurePosixPath
from typing import BinaryIO
from urllib.parse import quote

_LONGEST = 200
"""Characters of a key; with its suffix it must be a file name (255 bytes)."""

_END = bytes(2 * tarfile.BLOCKSIZE)
"""The last bytes of a tar."""


@contextmanager
def writing_tar(file: BinaryIO) -> Iterator[tarfile.TarFile]:
    """A tar to add members to."""
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT, encoding="utf-8") as tar:
        yield tar


def add_member(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add a file; that it is of no time and of no user is the default."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def pairs(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Contents of the members, two by two.

    Raises:
        ValueError: the tar is cut off, which `tarfile` takes for its end, or members are no pair.
        tarfile.TarError: the tar is damaged.
    """
    file.seek(-min(len(_END), file.seek(0, os.SEEK_END)), os.SEEK_END)
    if file.read() != _END:
        raise ValueError("cut off")
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r|", encoding="utf-8") as tar:
        first: tuple[str, bytes] | None = None
        for member in tar:
            content = tar.extractfile(member)
            if content is None:
                raise ValueError(f"{member.name!r:.80} is no file")
            data, key = content.read(), member.name.rpartition(".")[0]
            if first is None:
                first = key, data
                continue
            if first[0] != key:
                raise ValueError(f"{first[0]!r:.80} has no partner")
            yield first[1], data
            first = None
    if first is not None:
        raise ValueError(f"{first[0]!r:.80} has no partner")


def flat_key(id: str) -> str:
    """An id as a file name without a dot: what is not an ASCII letter, a digit, "_", "-" or "~" is %XX as in a URL.

    Different ids have different keys. A very long one ends in a hash.
    """
    key = quote(id, safe="").replace(".", "%2E") or "%"
    if len(key) > _LONGEST:
        key = f"{key[: _LONGEST - 40]}%-{blake2b(id.encode(), digest_size=16).hexdigest()}"
    return key


def path_key(id: str) -> str:
    """An id itself where it can be a relative path, else its `flat_key`; the former has no "%"."""
    path = PurePosixPath(f"{id}.npy")
    plain = str(path.parent / path.stem) == id and not path.is_absolute() and ".." not in path.parts
    return id if plain and id.isprintable() and "%" not in id and len(id.encode()) <= _LONGEST else flat_key(id)
