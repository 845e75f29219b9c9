"""What a format of shards can do."""

from __future__ import annotations

import struct
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import BinaryIO, Protocol, TypeAlias

from hybrid_tok.corpus.rows import Row
from hybrid_tok.corpus.store import Store
from hybrid_tok.errors import CorpusError, first_line

OpenFile: TypeAlias = Callable[[str], AbstractContextManager[BinaryIO]]
"""Opens a file of a shard to write to. It can be written and told, not sought."""


class ShardFormat(Protocol):
    """A layout of the rows of a shard in files. The same rows give the same bytes, on any machine."""

    @property
    def name(self) -> str:
        """As `--format` has it."""
        ...

    def files(self, shard: str) -> tuple[str, ...]:
        """Names of the files of a shard.

        Args:
            shard: "shard-000012".
        """
        ...

    def write(self, shard: str, rows: Iterable[Row], open_file: OpenFile, vocab_size: int) -> None:
        """Write a shard, one row after the other.

        Args:
            vocab_size: all ids are below it.

        Raises:
            BackendError: a library of the format is not installed.
        """
        ...

    def read(self, store: Store, shard: str) -> Iterator[Row]:
        """The rows of a shard, in order, one after the other.

        Raises:
            CorpusError: a file is not there, or damaged.
            BackendError: a library of the format is not installed.
        """
        ...


@contextmanager
def reading(store: Store, name: str) -> Iterator[BinaryIO]:
    """A file of a shard to read from; what is wrong in it is told as an error of the corpus.

    Raises:
        CorpusError: it is not there, or damaged.
    """
    with store.open(name) as file:
        try:
            yield file
        except (OSError, EOFError, ValueError, LookupError, TypeError, struct.error, tarfile.TarError, zlib.error) as e:
            message = f"damaged ({first_line(e)}): take it from a copy, or encode the corpus again"
            raise CorpusError(f"{store.join(name)}: {message}") from e
