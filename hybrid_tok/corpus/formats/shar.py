"""lhotse Shar: cuts without audio, and a tar with their ids as the field `tokens`.

    CutSet.from_shar(fields={"cuts": ["cuts.000000.jsonl.gz"], "tokens": ["tokens.000000.tar"]})
    cut.load_tokens()

https://github.com/lhotse-speech/lhotse, `lhotse.shar`. Written by hand, since lhotse's writers take paths, and its
gzip files have a time in them; the tar is byte for byte that of `ArrayTarWriter`.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from hybrid_tok.corpus.formats.arrays import load_npy, npy_bytes
from hybrid_tok.corpus.formats.shard_format import OpenFile, reading
from hybrid_tok.corpus.formats.sidecar import read_lines
from hybrid_tok.corpus.formats.tar_files import add_member, pairs, path_key, writing_tar
from hybrid_tok.corpus.rows import Row, json_line
from hybrid_tok.corpus.store import Store

_ID = "hybrid_tok_id"
"""Field of a cut whose id lhotse could not find in a tar: the id itself."""


class Shar:
    """See the module."""

    name = "shar"

    def files(self, shard: str) -> tuple[str, ...]:
        number = shard.removeprefix("shard-")
        return f"cuts.{number}.jsonl.gz", f"tokens.{number}.tar"

    def write(self, shard: str, rows: Iterable[Row], open_file: OpenFile, vocab_size: int) -> None:
        cuts_name, tar_name = self.files(shard)
        with (
            open_file(cuts_name) as packed,
            gzip.GzipFile("", "wb", 6, packed, mtime=0) as cuts,
            open_file(tar_name) as file,
            writing_tar(file) as tar,
        ):
            for row in rows:
                key = path_key(row.id)
                cuts.write(json_line(_cut(row, key)))
                manifest = {"storage_type": "shar", "storage_path": "", "storage_key": "", "shape": [len(row.ids)]}
                add_member(tar, f"{key}.npy", npy_bytes(row.ids))
                add_member(tar, f"{key}.json", f"{json.dumps(manifest)}\n".encode())

    def read(self, store: Store, shard: str) -> Iterator[Row]:
        cuts_name, tar_name = self.files(shard)
        cuts = read_lines(store, cuts_name)
        with reading(store, tar_name) as file:
            for data, _ in pairs(file):
                cut = next(cuts, None)
                if cut is None:
                    raise ValueError("has more arrays than there are cuts")
                columns: dict[str, Any] = cut["custom"]
                id = str(columns.get(_ID, cut["id"]))
                yield Row.from_json({**columns, "id": id, "seconds": cut["duration"]}, load_npy(data))
            if next(cuts, None) is not None:
                raise ValueError("has fewer arrays than there are cuts")


def _cut(row: Row, key: str) -> dict[str, Any]:
    """A row as a lhotse cut, with what was said as its supervision."""
    columns = {**asdict(row.columns), "sampling_rate": row.columns.sample_rate}  # lhotse asks each cut for it
    cut: dict[str, Any] = {"type": "MonoCut", "id": key, "start": 0, "duration": row.seconds, "channel": 0}
    if row.columns.text:
        said: dict[str, Any] = {"id": key, "recording_id": key, "start": 0, "duration": row.seconds, "channel": 0}
        said["text"] = row.columns.text
        if len(row.columns.languages) == 1:
            said["language"] = row.columns.languages[0]
        if len(row.columns.speakers) == 1:
            said["speaker"] = row.columns.speakers[0]
        cut["supervisions"] = [said]
    return {**cut, "custom": columns if key == row.id else {**columns, _ID: row.id}}
