"""The ids of all rows in one array, and everything else as lines of JSON."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from hybrid_tok.corpus.formats.shard_format import OpenFile, reading
from hybrid_tok.corpus.formats.sidecar import read_lines, row_from
from hybrid_tok.corpus.rows import Row, json_line
from hybrid_tok.corpus.store import Store


def write_flat(
    rows: Iterable[Row], open_file: OpenFile, ids_name: str, list_name: str, dtype: np.dtype
) -> Sequence[int]:
    """Write the ids and the list.

    Returns:
        How many ids each row has.
    """
    lengths = array("q")
    with open_file(ids_name) as file, open_file(list_name) as listed:
        for row in rows:
            file.write(row.ids.astype(dtype).tobytes())
            listed.write(json_line(row.to_json()))
            lengths.append(len(row.ids))
    return lengths


def read_flat(store: Store, ids_name: str, list_name: str, dtype: np.dtype, lengths: Sequence[int]) -> Iterator[Row]:
    """The rows, one after the other.

    Args:
        lengths: how many ids each row has.

    Raises:
        CorpusError: a file is not there, is damaged, or the two are not of the same rows.
    """
    lines = read_lines(store, list_name)
    with reading(store, ids_name) as file:
        for number, length in enumerate(lengths):
            written, data = next(lines, None), file.read(length * dtype.itemsize)
            if written is None:
                raise ValueError(f"{list_name} has {number:,} rows, and the index {len(lengths):,}")
            if len(data) != length * dtype.itemsize:
                raise ValueError(f"ends within row {number:,}")
            yield row_from(written, np.frombuffer(data, dtype).astype(np.int32))
        if file.read(1) or next(lines, None) is not None:
            raise ValueError(f"there is more than the {len(lengths):,} rows of the index")
