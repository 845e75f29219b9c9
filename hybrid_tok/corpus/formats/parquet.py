"""Parquet: a row per recording, ids as a list of int32, every figure a column.

datasets.load_dataset("parquet", data_files="shards/*.parquet")
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from hybrid_tok.corpus.formats.shard_format import OpenFile, reading
from hybrid_tok.corpus.rows import Columns, Row
from hybrid_tok.corpus.store import Store
from hybrid_tok.errors import BackendError

_GROUP_ROWS = 1000
_GROUP_TOKENS = 4_000_000
"""A group of rows, which readers take whole, ends with whichever comes first: 16 MB of ids."""


class Parquet:
    """See the module."""

    name = "parquet"

    def files(self, shard: str) -> tuple[str, ...]:
        return (f"{shard}.parquet",)

    def write(self, shard: str, rows: Iterable[Row], open_file: OpenFile, vocab_size: int) -> None:
        arrow, parquet = _pyarrow()
        schema = _schema(arrow)
        with (
            open_file(self.files(shard)[0]) as file,
            parquet.ParquetWriter(file, schema, compression="zstd", version="2.6") as writer,
        ):
            for group in _groups(rows):
                table = arrow.Table.from_arrays(_arrays(arrow, schema, group), schema=schema)
                writer.write_table(table, row_group_size=len(group))

    def read(self, store: Store, shard: str) -> Iterator[Row]:
        _, parquet = _pyarrow()
        with reading(store, self.files(shard)[0]) as file:
            table = parquet.ParquetFile(file)
            for group in range(table.num_row_groups):
                yield from _rows(table.read_row_group(group))


def _pyarrow() -> tuple[Any, Any]:
    """The modules `pyarrow` and `pyarrow.parquet`.

    Raises:
        BackendError: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise BackendError("the parquet format needs pyarrow: pip install 'hybrid-tok[corpus]'") from None
    return pyarrow, pyarrow.parquet


def _schema(arrow: Any) -> Any:
    """Columns and their types, in the order of `Columns`."""
    kinds = {
        "float": arrow.float64(),
        "float | None": arrow.float64(),
        "int": arrow.int64(),
        "str": arrow.string(),
        "tuple[str, ...]": arrow.list_(arrow.string()),
    }
    columns = [arrow.field(one.name, kinds[str(one.type)], nullable=_is_optional(one)) for one in fields(Columns)]
    head = [
        arrow.field("id", arrow.string(), nullable=False),
        arrow.field("ids", arrow.list_(arrow.field("element", arrow.int32(), nullable=False)), nullable=False),
        arrow.field("seconds", arrow.float64(), nullable=False),
        arrow.field("tokens", arrow.int64(), nullable=False),
    ]
    return arrow.schema(head + columns)


def _is_optional(column: Any) -> bool:
    return str(column.type).endswith("| None")


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    group: list[Row] = []
    tokens = 0
    for row in rows:
        group.append(row)
        tokens += len(row.ids)
        if len(group) == _GROUP_ROWS or tokens >= _GROUP_TOKENS:
            yield group
            group, tokens = [], 0
    if group:
        yield group


def _arrays(arrow: Any, schema: Any, rows: Sequence[Row]) -> list[Any]:
    """The columns of some rows."""
    ends = np.cumsum([0, *(len(row.ids) for row in rows)])
    values = arrow.array(np.concatenate([row.ids for row in rows]).astype(np.int32), arrow.int32())
    ids = arrow.ListArray.from_arrays(arrow.array(ends, arrow.int32()), values, type=schema.field("ids").type)
    written = [row.to_json() for row in rows]
    return [
        ids if field.name == "ids" else arrow.array([one[field.name] for one in written], field.type)
        for field in schema
    ]


def _rows(table: Any) -> Iterator[Row]:
    """The rows of a group."""
    ids = [np.array(one.values, np.int32) for one in table.column("ids")]
    for written, row_ids in zip(table.drop_columns(["ids"]).to_pylist(), ids, strict=True):
        yield Row.from_json(written, row_ids)
