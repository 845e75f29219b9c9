"""WebDataset: a tar with `KEY.npy` (int32 ids) and `KEY.json` (all else) per row, and a list of the same JSON.

    webdataset.WebDataset("shards/shard-{000000..000041}.tar").decode()

https://github.com/webdataset/webdataset. A key ends at the first dot of its last path component, so that ids are
written without dots (`tar_files.flat_key`); the id itself is in the JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from hybrid_tok.corpus.formats.arrays import load_npy, npy_bytes
from hybrid_tok.corpus.formats.shard_format import OpenFile, reading
from hybrid_tok.corpus.formats.sidecar import row_from
from hybrid_tok.corpus.formats.tar_files import add_member, flat_key, pairs, writing_tar
from hybrid_tok.corpus.rows import Row, ShardInfo, json_line
from hybrid_tok.corpus.store import Store


class WebDataset:
    """See the module."""

    name = "webdataset"

    def files(self, shard: str) -> tuple[str, ...]:
        return f"{shard}.tar", f"{shard}.jsonl"

    def write(self, shard: str, rows: Iterable[Row], open_file: OpenFile, vocab_size: int) -> None:
        tar_name, list_name = self.files(shard)
        with open_file(tar_name) as file, open_file(list_name) as listed, writing_tar(file) as tar:
            for row in rows:
                key, line = flat_key(row.id), json_line(row.to_json())
                add_member(tar, f"{key}.npy", npy_bytes(row.ids))
                add_member(tar, f"{key}.json", line)
                listed.write(line)

    def read(self, store: Store, shard: str) -> Iterator[Row]:
        with reading(store, self.files(shard)[0]) as file:
            for data, line in pairs(file):
                yield row_from(json.loads(line), load_npy(data))


def list_shards(infos: Iterable[ShardInfo]) -> bytes:
    """`data.lst`: tar, JSONL, rows and seconds of each shard, with tabs between."""
    lines = [
        "\t".join((*WebDataset().files(info.name), str(info.rows), f"{info.seconds:.3f}"))
        for info in infos
        if info.files
    ]
    return "".join(f"{line}\n" for line in lines).encode()
