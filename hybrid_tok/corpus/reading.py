"""Finished corpora, read row by row, from any row on.

for row in read("shards/"):
    train(row.ids)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import islice
from typing import Any

from hybrid_tok.corpus.formats import FORMATS
from hybrid_tok.corpus.identity import need_identity
from hybrid_tok.corpus.layout import CORPUS, SHARDS
from hybrid_tok.corpus.rows import Row, ShardInfo
from hybrid_tok.corpus.store import Store
from hybrid_tok.errors import CorpusError, OptionsError, StateError


@dataclass(frozen=True, slots=True)
class Corpus:
    """A finished corpus.

    Attributes:
        store: where it is.
        format: of its shards.
        fingerprint: of what its ids depend on.
        vocab_size: ids are below it.
        shards: in their order.
        facts: all that `corpus.json` holds.
    """

    store: Store
    format: str
    fingerprint: str
    vocab_size: int
    shards: tuple[ShardInfo, ...]
    facts: Mapping[str, Any]

    @classmethod
    def open(cls, address: str) -> Corpus:
        """The corpus at an address.

        Args:
            address: of its folder: a local path, or any address of fsspec.

        Raises:
            CorpusError: there is none, it is not finished, damaged, or of another version.
        """
        store = Store(address)
        facts = need_identity(store)
        if not store.exists(SHARDS):
            raise CorpusError(f"{store.address}: is not finished: finish it with `hybrid-tok corpus encode`")
        try:
            shards = tuple(ShardInfo.from_json(json.loads(line)) for line in store.read(SHARDS).splitlines())
            opened = cls(store, facts["format"], facts["fingerprint"], facts["vocab_size"], shards, facts)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise CorpusError(f"{store.address}: {CORPUS} or {SHARDS} is damaged: take it from a copy") from None
        if opened.format not in FORMATS:
            raise CorpusError(f"{store.join(CORPUS)}: format {opened.format!r:.40} is none of {', '.join(FORMATS)}")
        return opened

    def __len__(self) -> int:
        """How many rows there are."""
        return sum(shard.rows for shard in self.shards)

    @property
    def seconds(self) -> float:
        return sum(shard.seconds for shard in self.shards)

    @property
    def tokens(self) -> int:
        return sum(shard.tokens for shard in self.shards)

    def read_shard(self, number: int) -> Iterator[Row]:
        """The rows of a shard, in order.

        Args:
            number: its place in `shards`.

        Raises:
            CorpusError: a file is missing or damaged.
        """
        shard = self.shards[number]
        count = 0
        if shard.files:
            for row in FORMATS[self.format].read(self.store, shard.name):
                count += 1
                yield row
        if count != shard.rows:
            raise CorpusError(f"{self.store.join(shard.name)}: has {count:,} rows, and {SHARDS} says {shard.rows:,}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader is, and what that depends on.

    Attributes:
        epoch: how often everything has been read.
        shard: how many shards of this epoch are behind it.
        row: how many rows of the next one.
        seed, rank, world: of the reader.
        rows: of the whole corpus.
        fingerprint: of the corpus.
    """

    epoch: int
    shard: int
    row: int
    seed: int | None
    rank: int
    world: int
    rows: int
    fingerprint: str


class CorpusReader:
    """Reads a corpus, or the part of one of several readers, and can go on anywhere.

    A reader is like an open file: a second loop goes on where the first one was left. After the last row a loop ends,
    and the next one reads the corpus again, in another order if there is a seed.

    Shards are divided between readers; where there are fewer shards than readers, the rows of each shard are. With a
    seed, shards come in a random order, and so do the rows in each, which is then held in memory. The orders depend on
    seed and epoch alone, not on versions of libraries.

    Args:
        corpus: what to read.
        shuffle_seed: of the order; None is the order of the corpus.
        rank: which of the readers this is, from 0.
        world: how many readers share the corpus.
        epoch: to begin with.

    Raises:
        OptionsError: `rank` is not below `world`, or a number is negative.
    """

    def __init__(
        self, corpus: Corpus, *, shuffle_seed: int | None = None, rank: int = 0, world: int = 1, epoch: int = 0
    ) -> None:
        if not 0 <= rank < world:
            raise OptionsError(f"rank must be from 0 to world - 1, not {rank} of {world}")
        if epoch < 0:
            raise OptionsError(f"epoch must be 0 or more, not {epoch}")
        self.corpus = corpus
        self._seed, self._rank, self._world = shuffle_seed, rank, world
        self._epoch = epoch
        self._shard = self._row = 0

    @property
    def epoch(self) -> int:
        """How often everything has been read."""
        return self._epoch

    def __iter__(self) -> Iterator[Row]:
        """The rows that are left of this epoch; after them the reader is at the start of the next one.

        Raises:
            CorpusError: a file is missing or damaged.
        """
        yield from self.rest()
        self._epoch, self._shard, self._row = self._epoch + 1, 0, 0

    def rest(self) -> Iterator[Row]:
        """The rows that are left of this epoch; after them the reader is at its end, where nothing is left.

        Raises:
            CorpusError: a file is missing or damaged.
        """
        shards, first, step = self._share()
        while self._shard < len(shards):
            for row in islice(self._rows(shards[self._shard]), first + self._row * step, None, step):
                self._row += 1
                yield row
            self._shard, self._row = self._shard + 1, 0

    def state_dict(self) -> dict[str, Any]:
        """Where the reader is: after the row that it gave last. JSON can hold it."""
        return asdict(self._place())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a reader was.

        Raises:
            StateError: that one had another corpus, seed or share, or the state is damaged.
        """
        try:
            place = Place(**state)
            numbers = [place.epoch, place.shard, place.row]
            damaged = not all(type(number) is int and number >= 0 for number in numbers)
        except TypeError:
            raise StateError("the state of a corpus reader is damaged: start from the beginning") from None
        if damaged:
            raise StateError("the state of a corpus reader is damaged: start from the beginning")
        ours = asdict(self._place())
        for name, there in asdict(place).items():
            if name not in ("epoch", "shard", "row") and there != ours[name]:
                raise StateError(f"the state is of a reader with {name} {there!r:.60}, not {ours[name]!r:.60}")
        self._epoch, self._shard, self._row = numbers

    def _place(self) -> Place:
        corpus = self.corpus
        position = (self._epoch, self._shard, self._row)
        return Place(*position, self._seed, self._rank, self._world, len(corpus), corpus.fingerprint)

    def _share(self) -> tuple[list[int], int, int]:
        """This reader's shards in this epoch, and (first, step) of its rows in each of them."""
        shards = [number for number, shard in enumerate(self.corpus.shards) if shard.rows]
        if self._seed is not None:
            shards.sort(key=lambda number: self._chance(number))
        if len(shards) >= self._world:
            return shards[self._rank :: self._world], 0, 1
        return shards, self._rank, self._world

    def _rows(self, shard: int) -> Iterator[Row]:
        rows = self.corpus.read_shard(shard)
        if self._seed is None:
            return rows
        held = list(rows)
        order = sorted(range(len(held)), key=lambda number: self._chance(shard, number))
        return iter([held[number] for number in order])

    def _chance(self, *numbers: int) -> bytes:
        """A random key for a shard, or a row of a shard, in this epoch."""
        text = "/".join(str(number) for number in (self._seed, self._epoch, *numbers))
        return blake2b(text.encode(), digest_size=16).digest()


def read(address: str, *, shuffle_seed: int | None = None, rank: int = 0, world: int = 1) -> Iterator[Row]:
    """The rows of a finished corpus, once.

    Args:
        address: of its folder.
        shuffle_seed, rank, world: as of `CorpusReader`.

    Raises:
        CorpusError: there is none, it is not finished, or it is damaged.
        OptionsError: `rank` is not below `world`.
    """
    return iter(CorpusReader(Corpus.open(address), shuffle_seed=shuffle_seed, rank=rank, world=world))
