"""What a process does with a batch: encodes it, keeps the results, and writes the shard once all of it is there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from hybrid_tok.corpus.batches import BatchOptions, Part, batches_of
from hybrid_tok.corpus.entries import Entry
from hybrid_tok.corpus.figures import Tally
from hybrid_tok.corpus.formats import FORMATS, write_shard
from hybrid_tok.corpus.journal import Journal, Result
from hybrid_tok.corpus.layout import done_name, shard_name, work_folder
from hybrid_tok.corpus.models import check_models
from hybrid_tok.corpus.pieces import Piece, encode_piece, join_pieces
from hybrid_tok.corpus.plan import load_entries
from hybrid_tok.corpus.rows import Failure, Outcome, Row, ShardInfo, json_line
from hybrid_tok.corpus.step import EncodeStep, TokenizerRecipe, failure_of
from hybrid_tok.corpus.store import Store
from hybrid_tok.errors import CorpusError

TRIES = 2
"""How often a recording may kill the process that encodes it."""


@dataclass(frozen=True, slots=True)
class Task:
    """A batch of a shard, by their numbers."""

    shard: int
    batch: int


@dataclass(frozen=True, slots=True)
class Job:
    """What all workers of a run are told.

    Attributes:
        address: of the corpus.
        recipe: how the tokenizer is made.
        format: of the shards.
        fingerprint: of what ids depend on.
        batches: how shards are divided.
        run: an id of this run of the command.
        every_run: see `Journal`.
    """

    address: str
    recipe: TokenizerRecipe
    format: str
    fingerprint: str
    batches: BatchOptions
    run: str
    every_run: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker says about a batch.

    Attributes:
        task: the batch.
        rows, failures: that came out of it; none where an earlier run had encoded it.
        seconds: of audio that were encoded.
        tokens: that were written.
        stage_seconds: that it took, per stage.
        wall_seconds: that it took in all.
        shard: the shard, where this batch was its last.
    """

    task: Task
    rows: int = 0
    failures: int = 0
    seconds: float = 0.0
    tokens: int = 0
    stage_seconds: dict[str, float] = field(default_factory=dict)
    wall_seconds: float = 0.0
    shard: ShardInfo | None = None


class Worker:
    """Encodes batches, one after the other.

    Loads the models at construction.

    Raises:
        BackendError: a backend or its model is missing.
        CorpusError: its models are not those that the corpus was begun with.
    """

    def __init__(self, job: Job, step: EncodeStep | None = None) -> None:
        self._job, self._store = job, Store(job.address)
        self.step = step or EncodeStep(job.recipe)
        self.step.setup()
        self._grid = self.step.tokenizer.codec_identity.grid
        check_models(self._store, self.step.tokenizer.fingerprint)
        self._shard = -1
        self._entries: list[Entry] = []
        self._batches: list[tuple[Part, ...]] = []

    def __call__(self, task: Task) -> Report:
        """Encode a batch.

        Raises:
            CorpusError: the corpus' folder cannot be read or written.
        """
        begun, stages = time.perf_counter(), dict(self.step.stage_seconds)
        if self._store.exists(done_name(task.shard)):
            return Report(task)
        self._open(task.shard)
        job = self._job
        journal = Journal(self._store, task.shard, job.run, job.every_run)
        results: list[Result] = []
        if not journal.is_done(task.batch):
            parts = self._batches[task.batch]
            careful = journal.was_begun(task.batch)
            results = self._one_by_one(journal, task.batch, parts) if careful else self._at_once(journal, task, parts)
            journal.write(task.batch, results)
        shard = self._finish(journal, task.shard) if journal.count_done() == len(self._batches) else None
        spent = {stage: total - stages.get(stage, 0.0) for stage, total in self.step.stage_seconds.items()}
        wall = time.perf_counter() - begun
        return replace(_report(task, results), stage_seconds=spent, wall_seconds=wall, shard=shard)

    def _open(self, shard: int) -> None:
        if shard != self._shard:
            self._entries = load_entries(self._store, shard)
            self._batches = batches_of(self._entries, self._job.batches, self._grid)
            self._shard = shard

    def _at_once(self, journal: Journal, task: Task, parts: Sequence[Part]) -> list[Result]:
        journal.begin(task.batch)
        whole = [part for part in parts if part.pieces == 1]
        outcomes = self.step.encode([self._entries[part.entry] for part in whole])
        results = [Result(part.entry, 0, outcome) for part, outcome in zip(whole, outcomes, strict=True)]
        return results + [self._encode(part) for part in parts if part.pieces > 1]

    def _one_by_one(self, journal: Journal, batch: int, parts: Sequence[Part]) -> list[Result]:
        """A batch that was begun before, and whose process ended: each part by itself, with its own mark."""
        results: list[Result] = []
        for place, part in enumerate(parts):
            result = journal.result_alone(batch, place)
            if result is None:
                entry = self._entries[part.entry]
                if journal.tries(batch, place) >= TRIES:
                    message = f"ended the process that encoded it, {TRIES} times"
                    result = Result(
                        part.entry, part.piece, Failure(entry.where, "killed", message, entry.id, entry.audio.address)
                    )
                else:
                    journal.begin_alone(batch, place)
                    try:
                        result = self._encode(part)
                    except BaseException:  # Ctrl-C: the recording is not to blame
                        journal.withdraw_alone(batch, place)
                        raise
                journal.write_alone(batch, place, result)
            results.append(result)
        return results

    def _encode(self, part: Part) -> Result:
        entry = self._entries[part.entry]
        if part.pieces == 1:
            return Result(part.entry, 0, self.step.encode_one(entry))
        outcome = encode_piece(self.step, entry, part.piece, part.pieces, self._job.batches)
        return Result(part.entry, part.piece, outcome)

    def _finish(self, journal: Journal, shard: int) -> ShardInfo | None:
        """Write a shard whose batches are all there. Two workers may do so at once: they write the same.

        Returns:
            None where the other one has done it.
        """
        try:
            results = journal.read(len(self._batches))
        except CorpusError:
            if self._store.exists(done_name(shard)):  # the other worker has just removed it
                return None
            raise
        expected = sorted((part.entry, part.piece) for batch in self._batches for part in batch)
        if [(result.entry, result.piece) for result in results] != expected:
            raise CorpusError(
                f"{self._store.address}: the journal of {shard_name(shard)} is of another release: remove "
                f"{work_folder(shard)} and run again"
            )
        by_entry = groupby(results, key=lambda result: result.entry)
        outcomes = [self._outcome(place, list(parts)) for place, parts in by_entry]
        rows = [outcome for outcome in outcomes if isinstance(outcome, Row)]
        failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
        vocab_size = self.step.tokenizer.vocabulary.size
        name, job = shard_name(shard), self._job
        info = write_shard(self._store, FORMATS[job.format], name, rows, job.fingerprint, failures, vocab_size)
        tally = Tally()
        for outcome in outcomes:
            tally.add(outcome)
        done = {"shard": info.to_json(), "tally": tally.to_json()}
        self._store.write_bytes(done_name(shard), json_line(done))
        journal.remove()
        return info

    def _outcome(self, place: int, results: Sequence[Result]) -> Outcome:
        """The outcome of an entry, whose pieces are joined."""
        entry = self._entries[place]
        pieces = [result.outcome for result in results]
        if len(pieces) == 1 and not isinstance(pieces[0], Piece):
            return pieces[0]
        failed = next((piece for piece in pieces if isinstance(piece, Failure)), None)
        if failed is not None:
            return failed
        try:
            whole = [piece for piece in pieces if isinstance(piece, Piece)]
            tokenizer = self.step.tokenizer
            return join_pieces(entry, whole, tokenizer.vocabulary, self._grid, tokenizer.options.speakers)
        except Exception as error:
            return failure_of(entry, error)


def _report(task: Task, results: Sequence[Result]) -> Report:
    outcomes = [result.outcome for result in results]
    done = [outcome for outcome in outcomes if not isinstance(outcome, Failure)]
    return Report(
        task,
        rows=len(done),
        failures=len(outcomes) - len(done),
        seconds=sum(outcome.seconds for outcome in done),
        tokens=sum(len(outcome.ids) for outcome in done),
    )
