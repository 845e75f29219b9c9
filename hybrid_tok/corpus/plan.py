"""Which entry is in which shard: assigned before anything is encoded, by the order of the manifest alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hybrid_tok.core.timeline import Grid
from hybrid_tok.corpus.batches import BatchOptions, batches_of
from hybrid_tok.corpus.entries import BadLine, Entry, id_mark
from hybrid_tok.corpus.layout import PLAN, PLAN_ERRORS, entries_name
from hybrid_tok.corpus.rows import Failure, json_line
from hybrid_tok.corpus.store import Store
from hybrid_tok.errors import CorpusError, OptionsError, printable


@dataclass(frozen=True, slots=True)
class ShardOptions:
    """How large shards are. One ends with whichever comes first.

    Attributes:
        recordings: in a shard.
        hours: of audio in a shard, as far as the manifest has durations.

    Raises:
        OptionsError: a shard that holds nothing.
    """

    recordings: int = 1000
    hours: float = 10.0

    def __post_init__(self) -> None:
        if self.recordings < 1:
            raise OptionsError(f"a shard needs 1 recording or more, not {self.recordings} (--shard-recordings)")
        if not self.hours > 0.0:
            raise OptionsError(f"a shard needs more than 0 hours, not {self.hours} (--shard-hours)")


@dataclass(frozen=True, slots=True)
class PlannedShard:
    """What a shard will be made of.

    Attributes:
        entries: how many.
        batches: how many.
        seconds: as far as the manifest has durations.
    """

    entries: int
    batches: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """All shards of a corpus.

    Attributes:
        shards: in their order.
        failures: lines of the manifest that are no entries.
    """

    shards: tuple[PlannedShard, ...]
    failures: tuple[Failure, ...] = field(default=())

    @property
    def entries(self) -> int:
        return sum(shard.entries for shard in self.shards)

    @property
    def seconds(self) -> float:
        """As far as the manifest has durations."""
        return sum(shard.seconds for shard in self.shards)


def make_plan(
    store: Store, found: Iterable[Entry | BadLine], shards: ShardOptions, batches: BatchOptions, grid: Grid
) -> Plan:
    """Assign entries to shards, and write who is where. A plan is there whole or not at all: its head comes last.

    Ids are compared by 64-bit hashes, which take some 60 bytes of memory per entry.

    Raises:
        CorpusError: there is no entry, or the plan cannot be written.
    """
    planned: list[PlannedShard] = []
    failures: list[Failure] = []
    open_shard: list[Entry] = []
    seconds = 0.0

    def close() -> None:
        nonlocal seconds
        store.write_bytes(entries_name(len(planned)), b"".join(json_line(one.to_json()) for one in open_shard))
        parts = batches_of(open_shard, batches, grid)
        planned.append(PlannedShard(len(open_shard), len(parts), round(seconds, 3)))
        open_shard.clear()
        seconds = 0.0

    for entry in _unique(found, failures):
        length = entry.seconds or 0.0
        if open_shard and (len(open_shard) == shards.recordings or seconds + length > 3600.0 * shards.hours):
            close()
        open_shard.append(entry)
        seconds += length
    if open_shard:
        close()
    if not planned:
        first = f": {failures[0].where}: {failures[0].message}" if failures else ""
        raise CorpusError(f"the manifest names no recording that could be encoded{first}")
    store.write_bytes(PLAN_ERRORS, b"".join(json_line(failure.to_json()) for failure in failures))
    head = {"shards": [[one.entries, one.batches, one.seconds] for one in planned]}
    store.write_bytes(PLAN, json_line(head))
    return Plan(tuple(planned), tuple(failures))


def load_plan(store: Store) -> Plan | None:
    """The plan that an earlier run made; None if there is none yet."""
    if not store.exists(PLAN):
        return None
    shards = json.loads(store.read(PLAN))["shards"]
    failures = tuple(Failure(**json.loads(line)) for line in store.read(PLAN_ERRORS).splitlines())
    return Plan(tuple(PlannedShard(*one) for one in shards), failures)


def load_entries(store: Store, shard: int) -> list[Entry]:
    """The entries of a shard, in the order of the manifest."""
    return [Entry.from_json(json.loads(line)) for line in store.read(entries_name(shard)).splitlines()]


def _unique(found: Iterable[Entry | BadLine], failures: list[Failure]) -> Iterator[Entry]:
    """The entries with an id that is theirs alone; what is left out goes to `failures`."""
    seen: set[int] = set()
    for one in found:
        if isinstance(one, BadLine):
            failures.append(Failure(printable(one.where), "line", printable(one.message)))
            continue
        try:
            f"{one.id}{one.audio.address}{one.where}".encode()
        except UnicodeEncodeError:  # a file's name that is no UTF-8
            message = f"{printable(one.audio.address)[:300]}: its name is not Unicode: rename it"
            failures.append(Failure(printable(one.where), "line", message))
            continue
        mark = id_mark(one.id)
        if mark in seen:
            message = f"id {one.id!r:.200} was there before: the first one is kept"
            failures.append(Failure(one.where, "duplicate", message, one.id, one.audio.address))
            continue
        seen.add(mark)
        yield one
