"""The journal of a shard: which batches were begun, by which run, and what came out of them.

A file per fact, because object stores cannot append. Whoever begins something leaves a mark; what a killed process has
left behind is a mark without a result. A batch that was begun before is encoded one recording at a time, each with a
mark of its own, so that a recording that kills its process is found; after two tries it is set aside.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid_tok.corpus.layout import work_folder
from hybrid_tok.corpus.pieces import Piece
from hybrid_tok.corpus.rows import Failure, Row, json_line
from hybrid_tok.corpus.store import Store


@dataclass(frozen=True, slots=True)
class Result:
    """What came out of a part of a batch.

    Attributes:
        entry, piece: which part it is of.
        outcome: a row, a failure, or a piece of a long recording.
    """

    entry: int
    piece: int
    outcome: Row | Failure | Piece

    def to_line(self) -> bytes:
        """As a line of the journal."""
        written: dict[str, Any] = {"entry": self.entry, "piece": self.piece}
        if isinstance(self.outcome, Row):
            written |= {"row": self.outcome.to_json(), "ids": self.outcome.ids.tolist()}
        elif isinstance(self.outcome, Failure):
            written["failure"] = self.outcome.to_json()
        else:
            written["part"] = self.outcome.to_json()
        return json_line(written)

    @classmethod
    def from_line(cls, line: bytes) -> Result:
        """What `to_line` wrote."""
        written = json.loads(line)
        outcome: Row | Failure | Piece
        if "row" in written:
            outcome = Row.from_json(written["row"], np.asarray(written["ids"], np.int32))
        elif "failure" in written:
            outcome = Failure(**written["failure"])
        else:
            outcome = Piece.from_json(written["part"])
        return cls(written["entry"], written["piece"], outcome)


class Journal:
    """The journal of one shard.

    Args:
        shard: its number.
        run: an id of this run of the command.
        every_run: whether the marks of earlier runs are tries too. In one process they are: a recording that kills it
            ends its run. With many processes the run outlives them, and what an earlier run has left behind only
            tells that it was stopped.
    """

    def __init__(self, store: Store, shard: int, run: str, every_run: bool) -> None:
        self._store, self._run, self._every_run = store, run, every_run
        self._folder = work_folder(shard)
        self._names = set(store.names(self._folder))

    def is_done(self, batch: int) -> bool:
        """Whether a batch has its results."""
        return _results(batch) in self._names

    def count_done(self) -> int:
        """How many batches have their results now, whoever made them."""
        self._names = set(self._store.names(self._folder))
        return sum(name.startswith("results-") for name in self._names)

    def was_begun(self, batch: int) -> bool:
        """Whether any run has begun a batch that has no results."""
        return any(name.startswith(f"begun-{batch:05d}.") for name in self._names)

    def begin(self, batch: int) -> None:
        """Mark that a batch is begun."""
        self._mark(f"begun-{batch:05d}")

    def tries(self, batch: int, place: int) -> int:
        """How often a part of a batch was begun by itself, and did not end."""
        counts = Counter(
            name.rpartition(".")[0].rpartition(".")[0]
            for name in self._names
            if self._every_run or name.rpartition(".")[0].endswith(f".{self._run}")
        )
        return counts[_alone(batch, place)]

    def begin_alone(self, batch: int, place: int) -> None:
        """Mark that a part of a batch is begun by itself."""
        self._mark(_alone(batch, place))

    def withdraw_alone(self, batch: int, place: int) -> None:
        """Remove this run's marks of a part, whose end was asked for."""
        for name in [one for one in self._names if one.startswith(f"{_alone(batch, place)}.{self._run}.")]:
            self._store.remove(f"{self._folder}/{name}")
            self._names.remove(name)

    def result_alone(self, batch: int, place: int) -> Result | None:
        """What came out of a part by itself; None if nothing has yet."""
        name = f"{_alone(batch, place)}.json"
        if name not in self._names:
            return None
        return Result.from_line(self._store.read(f"{self._folder}/{name}"))

    def write_alone(self, batch: int, place: int, result: Result) -> None:
        """Keep what came out of a part by itself."""
        self._write(f"{_alone(batch, place)}.json", result.to_line())

    def write(self, batch: int, results: Sequence[Result]) -> None:
        """Keep what came out of a batch."""
        self._write(_results(batch), b"".join(result.to_line() for result in results))

    def read(self, batches: int) -> list[Result]:
        """What came out of all batches, in the order of entries and pieces."""
        lines = [
            line
            for batch in range(batches)
            for line in self._store.read(f"{self._folder}/{_results(batch)}").splitlines()
        ]
        return sorted(map(Result.from_line, lines), key=lambda result: (result.entry, result.piece))

    def remove(self) -> None:
        """The shard is finished."""
        self._store.remove(self._folder)

    def _mark(self, stem: str) -> None:
        number = sum(name.startswith(f"{stem}.") for name in self._names)
        self._write(f"{stem}.{self._run}.{number}-{os.getpid()}", b"")

    def _write(self, name: str, data: bytes) -> None:
        self._store.write_bytes(f"{self._folder}/{name}", data)
        self._names.add(name)


def _results(batch: int) -> str:
    return f"results-{batch:05d}.jsonl"


def _alone(batch: int, place: int) -> str:
    return f"alone-{batch:05d}-{place:05d}"
