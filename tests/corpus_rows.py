"""Finished corpora without recordings, for tests of what comes after encoding."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_tok.corpus.formats import FORMATS, write_shard
from hybrid_tok.corpus.identity import VERSION
from hybrid_tok.corpus.layout import CORPUS, ERRORS, SHARDS, shard_name
from hybrid_tok.corpus.rows import Columns, Failure, Row, json_line
from hybrid_tok.corpus.store import Store

VOCAB = 70_000
PLAIN = Columns(0.5, 0.25, 0.25, 2, "hello there", ("en",), ("ann",), (), 0.9, None, 16_000, 32_000, 1, 48_000)


def make_row(name: str) -> Row:
    """A row whose ids depend on its name."""
    generator = np.random.default_rng(list(name.encode()))
    return Row(name, generator.integers(0, VOCAB, int(generator.integers(1, 9))).astype(np.int32), 1.5, PLAIN)


def same(row: Row, other: Row) -> bool:
    """Whether two rows are equal, and of the right type."""
    facts = (row.id, row.seconds, row.columns) == (other.id, other.seconds, other.columns)
    return facts and other.ids.dtype == np.int32 and bool(np.array_equal(row.ids, other.ids))


def write_corpus(
    folder: Path | str,
    shards: Sequence[Sequence[str]],
    format: str = "datatrove",
    failed: Sequence[Sequence[str]] = (),
    **facts: Any,
) -> str:
    """A finished corpus with a row of each name, and failures of the entries `failed` of each shard."""
    store = Store(folder)
    found = {"format": format, "fingerprint": "f", "vocab_size": VOCAB, "preset": "default", "options": {}}
    found |= {"version": VERSION, "vocabulary": {"text": "a", "units": "b"}, "manifest": f"{folder}.jsonl", **facts}
    store.write_bytes(CORPUS, json.dumps(found).encode())
    infos = []
    for number, names in enumerate(shards):
        failures = [Failure("m", "missing", "no", id) for id in (failed[number] if number < len(failed) else ())]
        rows = [make_row(name) for name in names]
        info = write_shard(
            store, FORMATS[format], shard_name(number), rows, found["fingerprint"], failures, found["vocab_size"]
        )
        infos.append(info)
    lines = [failure for info in infos for failure in info.failures]
    store.write_bytes(ERRORS, b"".join(json_line(failure.to_json()) for failure in lines))
    store.write_bytes(SHARDS, b"".join(json_line(info.to_json()) for info in infos))
    return store.address
