"""Where the members of a tar are, so that one can be read without the others."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from hybrid_tok.errors import CorpusError, first_line

_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a tar.

    Attributes:
        start, size: its bytes.
    """

    name: str
    start: int
    size: int

    @property
    def byte_range(self) -> tuple[int, int]:
        return self.start, self.size


def members(file: BinaryIO, name: str) -> Iterator[Member]:
    """The files in a tar, in order. Only headers are read.

    Args:
        file: seekable; it may be read elsewhere between two members.
        name: of the tar, for messages.

    Raises:
        CorpusError: it is compressed, no tar, damaged, or cut off.
    """
    head = file.read(8)
    file.seek(0)
    for mark, packing in _PACKED.items():
        if head.startswith(mark):
            raise CorpusError(f"{name}: compressed with {packing}, so that no member can be found: unpack it first")
    found = 0
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # they would all be kept  # pyright: ignore[reportAttributeAccessIssue]
                if member.isreg() and member.sparse is None:
                    found += 1
                    yield Member(member.name, member.offset_data, member.size)
            file.seek(tar.offset)
            if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):  # tarfile takes this for an end
                raise CorpusError(f"{name}: cut off after {found} files: copy it again")
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise CorpusError(f"{name}: damaged after {found} files ({first_line(error)}): copy it again") from None


def member_bytes(file: BinaryIO, member: Member) -> bytes:
    """The content of a small member."""
    file.seek(member.start)
    return file.read(member.size)
