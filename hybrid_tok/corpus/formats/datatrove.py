"""datatrove, which nanotron reads: all ids in one array, the ends of the rows, and a list of all else.

`NAME.ds` has the ids, as uint16 where the vocabulary allows it, else as uint32; `NAME.ds.index` the end of each row
in ids, uint64; `NAME.ds.metadata` how many bytes an id has, and how many ids there are. All little-endian.

https://github.com/huggingface/datatrove, `datatrove.pipeline.tokens.tokenizer.TokenizedFile`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from hybrid_tok.corpus.formats.flat import read_flat, write_flat
from hybrid_tok.corpus.formats.shard_format import OpenFile, reading
from hybrid_tok.corpus.rows import Row
from hybrid_tok.corpus.store import Store

_DTYPES = {2: np.dtype("<u2"), 4: np.dtype("<u4")}
_PREFIXES = ("", "k", "M", "G", "T", "P")


class Datatrove:
    """See the module."""

    name = "datatrove"

    def files(self, shard: str) -> tuple[str, ...]:
        return f"{shard}.ds", f"{shard}.ds.index", f"{shard}.ds.metadata", f"{shard}.jsonl"

    def write(self, shard: str, rows: Iterable[Row], open_file: OpenFile, vocab_size: int) -> None:
        ids_name, index_name, metadata_name, list_name = self.files(shard)
        size = 2 if vocab_size <= 1 << 16 else 4
        ends = np.cumsum(write_flat(rows, open_file, ids_name, list_name, _DTYPES[size]), dtype="<u8")
        total = int(ends[-1]) if len(ends) else 0
        with open_file(index_name) as file:
            file.write(ends.tobytes())
        with open_file(metadata_name) as file:
            file.write(f"hybrid-tok|{size}\n{total}\n{_rounded(total)}".encode())

    def read(self, store: Store, shard: str) -> Iterator[Row]:
        ids_name, index_name, metadata_name, list_name = self.files(shard)
        with reading(store, metadata_name) as file:
            dtype = _DTYPES[int(file.read().split(b"\n")[0].rpartition(b"|")[2])]
        with reading(store, index_name) as file:
            lengths = np.diff(np.frombuffer(file.read(), "<u8").astype(np.int64), prepend=0)
            if (lengths < 0).any():
                raise ValueError("a row ends before it begins")
        yield from read_flat(store, ids_name, list_name, dtype, lengths.tolist())


def _rounded(count: int) -> str:
    """A count for people, with three digits: "12.3 MT"."""
    mantissa, exponent = f"{count:.2e}".split("e")
    power = min(int(exponent) // 3, len(_PREFIXES) - 1)
    shift = int(exponent) - 3 * power
    return f"{float(mantissa) * 10**shift:.{max(0, 2 - shift)}f} {_PREFIXES[power]}T"
