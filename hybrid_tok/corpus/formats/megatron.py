"""Megatron-LM's indexed dataset: all ids in `NAME.bin`, where each row is in `NAME.idx`, and a list of all else.

The index, little-endian: "MMIDIDX\\0\\0"; version, uint64, 1; type of the ids, uint8, 4 for int32 and 8 for uint16;
number of sequences, uint64; number of document indices, uint64; length of each sequence in ids, int32; its offset in
bytes, int64; document indices, int64. A row is a document of one sequence.

https://github.com/NVIDIA/Megatron-LM, `megatron.core.datasets.indexed_dataset`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

import numpy as np

from hybrid_tok.corpus.formats.flat import read_flat, write_flat
from hybrid_tok.corpus.formats.shard_format import OpenFile, reading
from hybrid_tok.corpus.rows import Row
from hybrid_tok.corpus.store import Store

_MAGIC = b"MMIDIDX\x00\x00"
_HEAD = struct.Struct("<9sQBQQ")
_DTYPES = {4: np.dtype("<i4"), 8: np.dtype("<u2")}
_SMALL = 65_500
"""Vocabularies below this size have ids of 16 bits, as in Megatron-LM."""


class Megatron:
    """See the module."""

    name = "megatron"

    def files(self, shard: str) -> tuple[str, ...]:
        return f"{shard}.bin", f"{shard}.idx", f"{shard}.jsonl"

    def write(self, shard: str, rows: Iterable[Row], open_file: OpenFile, vocab_size: int) -> None:
        ids_name, index_name, list_name = self.files(shard)
        code = 8 if vocab_size < _SMALL else 4
        dtype = _DTYPES[code]
        lengths = np.asarray(write_flat(rows, open_file, ids_name, list_name, dtype), "<i8")
        offsets = (np.cumsum(lengths) - lengths) * dtype.itemsize
        with open_file(index_name) as file:
            file.write(_HEAD.pack(_MAGIC, 1, code, len(lengths), len(lengths) + 1))
            file.write(lengths.astype("<i4").tobytes())
            file.write(offsets.astype("<i8").tobytes())
            file.write(np.arange(len(lengths) + 1, dtype="<i8").tobytes())

    def read(self, store: Store, shard: str) -> Iterator[Row]:
        ids_name, index_name, list_name = self.files(shard)
        with reading(store, index_name) as file:
            magic, version, code, count, documents = _HEAD.unpack(file.read(_HEAD.size))
            if magic != _MAGIC or version != 1 or code not in _DTYPES:
                raise ValueError("no index of Megatron-LM, or of another version")
            rest = file.read()
            if len(rest) != 12 * count + 8 * documents:
                raise ValueError(f"has not the size of an index of {count:,} sequences")
            lengths = np.frombuffer(rest, "<i4", count).tolist()
        yield from read_flat(store, ids_name, list_name, _DTYPES[code], lengths)
