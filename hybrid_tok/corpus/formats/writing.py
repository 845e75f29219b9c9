"""A shard's files written, counted and hashed at once."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, BinaryIO, cast

from hybrid_tok.corpus.formats.shard_format import ShardFormat
from hybrid_tok.corpus.rows import Failure, Row, ShardInfo
from hybrid_tok.corpus.store import Store
from hybrid_tok.errors import CorpusError


def write_shard(
    store: Store,
    format: ShardFormat,
    shard: str,
    rows: Iterable[Row],
    fingerprint: str,
    failures: Sequence[Failure],
    vocab_size: int,
) -> ShardInfo:
    """Write the files of a shard. Rows are taken one after the other, so that there may be any number of them.

    A shard without rows has no files.

    Args:
        shard: "shard-000012".
        failures: of its entries.
        vocab_size: ids are below it.

    Raises:
        CorpusError: a file cannot be written, or an id is not in the vocabulary.
        BackendError: a library of the format is not installed.
    """
    files: dict[str, tuple[int, str]] = {}
    count = tokens = 0
    seconds = 0.0

    def counted(rows: Iterable[Row]) -> Iterator[Row]:
        nonlocal count, tokens, seconds
        for row in rows:
            if len(row.ids) and not 0 <= int(row.ids.min()) <= int(row.ids.max()) < vocab_size:
                raise CorpusError(f"{shard}, {row.id}: ids {row.ids.min()} to {row.ids.max()}, not below {vocab_size}")
            count, tokens, seconds = count + 1, tokens + len(row.ids), seconds + row.seconds
            yield row

    @contextmanager
    def open_file(name: str) -> Iterator[BinaryIO]:
        with store.write(name) as file:
            noted = _Noted(file)
            yield cast(BinaryIO, noted)
        files[name] = (noted.tell(), noted.digest)

    iterator = iter(rows)
    first = next(iterator, None)
    if first is not None:
        format.write(shard, counted(chain((first,), iterator)), open_file, vocab_size)
    return ShardInfo(
        name=shard,
        files={name: files[name] for name in format.files(shard) if name in files},
        rows=count,
        seconds=seconds,
        tokens=tokens,
        fingerprint=fingerprint,
        failures=tuple(failures),
    )


class _Noted(io.RawIOBase):
    """Counts and hashes what goes to a file."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._size = 0
        self._sha256 = hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._sha256.hexdigest()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._sha256.update(data)
        size = memoryview(data).nbytes
        self._size += size
        view = memoryview(data).cast("B")
        while view:
            view = view[self._file.write(view) :]
        return size

    def tell(self) -> int:
        return self._size
