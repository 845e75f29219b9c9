"""Everything about rows but their ids, as lines of JSON."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.corpus.formats.shard_format import reading
from hybrid_tok.corpus.rows import Row
from hybrid_tok.corpus.store import Store


def read_lines(store: Store, name: str) -> Iterator[dict[str, Any]]:
    """What the lines of a file hold; one that ends in ".gz" is packed.

    Raises:
        CorpusError: it is not there, or damaged.
    """
    with reading(store, name) as file:
        lines: Any = gzip.GzipFile("", "rb", fileobj=file) if name.endswith(".gz") else file
        for line in lines:
            yield json.loads(line)


def row_from(written: dict[str, Any], ids: NDArray[np.int32]) -> Row:
    """A row from its line.

    Raises:
        ValueError: the line is of other ids.
    """
    if written["tokens"] != len(ids):
        raise ValueError(f"{written['id']!r:.80} has {len(ids):,} ids, not {written['tokens']:,}")
    return Row.from_json(written, ids)
