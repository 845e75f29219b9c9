"""lhotse Shar: `cuts.000000.jsonl.gz` with the cuts of a shard, `recording.000000.tar` with their audio.

https://github.com/lhotse-speech/lhotse, `lhotse.shar`. The audio of a cut is the member with its id; a cut begins where
its audio does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hybrid_tok.corpus.entries import BadLine, Entry
from hybrid_tok.corpus.sources.files import absolute, opened
from hybrid_tok.corpus.sources.lhotse_cuts import read_cuts
from hybrid_tok.corpus.sources.tars import members
from hybrid_tok.corpus.store import Store
from hybrid_tok.errors import AnnotationError, CorpusError

CUTS = re.compile(r"cuts\.(\d+)\.jsonl(\.gz)?")

_NO_AUDIO = frozenset({"json", "nodata", "nometa"})


def read(address: str) -> Iterator[Entry | BadLine]:
    """The entries of a folder of shards.

    Raises:
        CorpusError: it has no shards, or their tars are compressed.
    """
    folder = absolute(address.rstrip("/"))
    names = Store(folder).names()
    shards = sorted((int(match[1]), match[1], name) for name in names if (match := CUTS.fullmatch(name)))
    if not shards:
        raise CorpusError(f"{address}: has no cuts.000000.jsonl.gz")
    for _, number, cuts in shards:
        tar = f"recording.{number}.tar"
        if tar not in names and (packed := next((one for one in names if one.startswith(f"{tar}.")), None)):
            raise CorpusError(f"{folder}/{packed}: compressed, so that no recording can be found: unpack it first")
        shard = _Shard(f"{folder}/{tar}", tar, tar in names)
        yield from read_cuts(f"{folder}/{cuts}", folder, shard.find)


class _Shard:
    """The recordings of a shard; listed when the first one is asked for."""

    def __init__(self, address: str, name: str, there: bool) -> None:
        self._address, self._name, self._there = address, name, there
        self._places: dict[str, tuple[int, int]] | None = None
        self._fault = ""

    def find(self, id: str) -> tuple[str, tuple[int, int]]:
        """See `lhotse_cuts.InShard`."""
        if not self._there:
            raise AnnotationError(f"its audio is in {self._name}, which is not there")
        if self._places is None:
            self._places = self._listed()
        if id not in self._places:
            raise AnnotationError(f"{self._name} has no audio of the cut {id!r:.200}{self._fault}")
        return self._address, self._places[id]

    def _listed(self) -> dict[str, tuple[int, int]]:
        places: dict[str, tuple[int, int]] = {}
        try:
            with opened(self._address) as file:
                for member in members(file, self._name):
                    stem, _, ending = member.name.rpartition(".")
                    if ending not in _NO_AUDIO:
                        places.setdefault(stem, member.byte_range)
        except CorpusError as error:  # what was listed before is whole
            self._fault = f" ({error})"
        return places
