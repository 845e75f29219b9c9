"""A manifest to shards, from the first line to the report; what an earlier run has done is not done again.

manifest -> entries (sources) -> shards and batches (plan) -> batches encoded by workers (engines, worker, step)
         -> shards (formats) -> shards.jsonl, errors.jsonl, report
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version

from hybrid_tok.corpus.batches import BatchOptions
from hybrid_tok.corpus.engines import Engine
from hybrid_tok.corpus.figures import Figures, RunFacts, Tally
from hybrid_tok.corpus.formats import FORMATS
from hybrid_tok.corpus.formats.webdataset import list_shards
from hybrid_tok.corpus.identity import Identity, claim, need_identity
from hybrid_tok.corpus.layout import DATA_LIST, DONE, ERRORS, PAGE, REPORT, RUNS, SHARDS, WORK, done_name
from hybrid_tok.corpus.plan import Plan, ShardOptions, load_plan, make_plan
from hybrid_tok.corpus.reading import Corpus, read
from hybrid_tok.corpus.rows import ShardInfo, json_line
from hybrid_tok.corpus.sources import SourceKind, read_entries
from hybrid_tok.corpus.step import TokenizerRecipe
from hybrid_tok.corpus.store import Store
from hybrid_tok.corpus.worker import Job, Report, Task
from hybrid_tok.errors import CorpusError, OptionsError
from hybrid_tok.report import render
from hybrid_tok.report.corpus import corpus_page

_KEPT_EVERY = 30.0
"""Seconds between two writes of what a run has taken so far."""

_SHOWN_ERRORS = 20
"""Failures that the report's page shows."""


@dataclass(frozen=True, slots=True)
class CorpusOptions:
    """What can be chosen about a corpus besides its tokenizer.

    Attributes:
        format: of the shards, a name in `FORMATS`.
        kind: of the manifest; None is found out.
        shards, batches: how large they are.
        price: of a machine per hour, for the report.

    Raises:
        OptionsError: there is no such format, or a price below 0.
    """

    format: str = "webdataset"
    kind: SourceKind | None = None
    shards: ShardOptions = field(default_factory=ShardOptions)
    batches: BatchOptions = field(default_factory=BatchOptions)
    price: float | None = None

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise OptionsError(f"--format must be {', '.join(FORMATS)}, not {self.format!r}")
        if self.price is not None and not self.price >= 0.0:
            raise OptionsError(f"--price must be 0 or more, not {self.price}")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        shards_done, shards: written, by any run, and of all.
        batches_done, batches: of this run.
        rows, failures, seconds, tokens: that this run has encoded.
        left: seconds of audio that this run still has to encode, as far as the manifest has durations.
        wall_seconds: of this run.
        stage_seconds: of work, per stage.
        workers: at work.
        shard: that has just been written.
    """

    shards_done: int
    shards: int
    batches_done: int = 0
    batches: int = 0
    rows: int = 0
    failures: int = 0
    seconds: float = 0.0
    tokens: int = 0
    left: float = 0.0
    wall_seconds: float = 0.0
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    workers: int = 0
    shard: ShardInfo | None = None

    @property
    def hours_per_hour(self) -> float:
        """Hours of audio in an hour."""
        return self.seconds / self.wall_seconds if self.wall_seconds else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds until the end at this rate; None while nothing is known."""
        if not self.batches_done or not self.batches:
            return None
        return self.wall_seconds / self.batches_done * (self.batches - self.batches_done)


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished corpus.

    Attributes:
        address: of its folder.
        figures: of all of it.
        failures: how many entries have no row.
        encoded: whether this run has encoded anything.
    """

    address: str
    figures: Figures
    failures: int
    encoded: bool


Observe = Callable[[Progress], None]


def encode_corpus(
    manifest: str,
    output: str,
    recipe: TokenizerRecipe,
    engine: Engine,
    options: CorpusOptions | None = None,
    observe: Observe | None = None,
) -> Finished:
    """Encode what a manifest names into shards, or go on where an earlier run has stopped.

    Args:
        manifest: its address (`sources`).
        output: address of the folder.
        observe: called after each batch.

    Raises:
        CorpusError: the manifest cannot be read, the folder is another corpus', or it cannot be written.
        BackendError: a backend or its model is missing.
        OptionsError: an option has a value that it cannot have.
    """
    options = options or CorpusOptions()
    begun = time.monotonic()
    store = Store(output)
    tokenizer = recipe.make()
    grid = tokenizer.codec_identity.grid
    identity = Identity.of(tokenizer, recipe.threads, options.format, manifest, options.shards, options.batches)
    claim(store, identity)
    plan = load_plan(store)
    if plan is None and store.exists(SHARDS):  # finished, and its `_run` was removed
        failed = len(store.read(ERRORS).splitlines())
        return Finished(store.address, read_figures(output, options.price), failed, False)
    if plan is None:
        plan = make_plan(store, read_entries(manifest, options.kind), options.shards, options.batches, grid)
    done = _done(store)
    tasks = [Task(shard, batch) for shard in _missing(plan, done) for batch in range(plan.shards[shard].batches)]
    if tasks:
        run = secrets.token_hex(4)
        job = Job(output, recipe, options.format, identity.fingerprint, options.batches, run, engine.every_run)
        kept = _Kept(store, run, engine, begun)
        for progress in _watched(engine.run(job, tasks), plan, len(done), tasks, engine, begun):
            kept.note(progress)
            if observe is not None:
                observe(progress)
        kept.write()
    return _finish(store, plan, options, identity, bool(tasks))


def load_done(store: Store, shard: int) -> tuple[ShardInfo, Tally]:
    """A finished shard, and its figures."""
    written = json.loads(store.read(done_name(shard)))
    return ShardInfo.from_json(written["shard"]), Tally.from_json(written["tally"])


def read_figures(address: str, price: float | None = None) -> Figures:
    """The figures of a corpus, as far as it is written.

    Args:
        price: of a machine per hour.

    Raises:
        CorpusError: there is no corpus.
    """
    store = Store(address)
    need_identity(store)
    total = Tally()
    plan = load_plan(store)
    if plan is None and store.exists(SHARDS):  # merged from others
        corpus = Corpus.open(address)
        for row in read(address):
            total.add(row)
        for info in corpus.shards:
            for failure in info.failures:
                total.add(failure)
        return total.figures(RunFacts(price=price))
    for failure in plan.failures if plan is not None else ():
        total.add(failure)
    for shard in sorted(_done(store)):
        total += load_done(store, shard)[1]
    return total.figures(_facts(store, price))


def _done(store: Store) -> set[int]:
    """Numbers of the finished shards."""
    return {int(name.removesuffix(".json")) for name in store.names(DONE)}


def _missing(plan: Plan, done: set[int]) -> list[int]:
    return [shard for shard in range(len(plan.shards)) if shard not in done]


def _watched(
    reports: Iterator[Report], plan: Plan, done: int, tasks: Sequence[Task], engine: Engine, begun: float
) -> Iterator[Progress]:
    """How far the run is after each batch."""
    left = sum(plan.shards[shard].seconds for shard in {task.shard for task in tasks})
    rows = failures = tokens = 0
    seconds = 0.0
    stages: dict[str, float] = {}
    written: set[str] = set()
    for count, report in enumerate(reports, 1):
        rows, failures = rows + report.rows, failures + report.failures
        tokens, seconds = tokens + report.tokens, seconds + report.seconds
        for stage, spent in report.stage_seconds.items():
            stages[stage] = stages.get(stage, 0.0) + spent
        if report.shard is not None and report.shard.name in written:  # two workers wrote it at once
            report = replace(report, shard=None)
        elif report.shard is not None:
            written.add(report.shard.name)
        yield Progress(
            shards_done=done + len(written),
            shards=len(plan.shards),
            batches_done=count,
            batches=len(tasks),
            rows=rows,
            failures=failures,
            seconds=seconds,
            tokens=tokens,
            left=max(0.0, left - seconds),
            wall_seconds=time.monotonic() - begun,
            stage_seconds=dict(stages),
            workers=engine.workers,
            shard=report.shard,
        )


class _Kept:
    """What a run has taken, kept now and then, so that the report knows of runs that were killed."""

    def __init__(self, store: Store, run: str, engine: Engine, begun: float) -> None:
        self._store, self._run, self._engine, self._begun = store, run, engine, begun
        self._latest: Progress | None = None
        self._written = begun

    def note(self, progress: Progress) -> None:
        self._latest = progress
        if time.monotonic() - self._written > _KEPT_EVERY:
            self.write()

    def write(self) -> None:
        self._written = time.monotonic()
        stages = {} if self._latest is None else dict(self._latest.stage_seconds)
        facts = {
            "wall_seconds": round(time.monotonic() - self._begun, 3),
            "stage_seconds": {stage: round(seconds, 3) for stage, seconds in stages.items()},
            "workers": self._engine.workers,
            "machines": self._engine.machines,
        }
        self._store.write_bytes(f"{RUNS}/{self._run}.json", json_line(facts))


def _finish(store: Store, plan: Plan, options: CorpusOptions, identity: Identity, encoded: bool) -> Finished:
    """Write what is about the whole corpus.

    Raises:
        CorpusError: a shard is missing.
    """
    missing = _missing(plan, _done(store))
    if missing:
        raise CorpusError(
            f"{store.address}: {len(missing)} of {len(plan.shards)} shards are not finished, the first is "
            f"{missing[0]}: run the same command again"
        )
    infos: list[ShardInfo] = []
    total = Tally()
    for failure in plan.failures:
        total.add(failure)
    for shard in range(len(plan.shards)):
        info, tally = load_done(store, shard)
        infos.append(info)
        total += tally
    failures = [*plan.failures, *(failure for info in infos for failure in info.failures)]
    store.write_bytes(ERRORS, b"".join(json_line(failure.to_json()) for failure in failures))
    if options.format == "webdataset":
        store.write_bytes(DATA_LIST, list_shards(infos))
    figures = total.figures(_facts(store, options.price))
    report = figures.to_json() | {
        "errors": [failure.to_json() for failure in failures[:_SHOWN_ERRORS]],
        "fingerprint": identity.fingerprint,
        "preset": identity.preset,
    }
    store.write_bytes(REPORT, json.dumps(report, indent=2, sort_keys=True).encode() + b"\n")
    store.write_bytes(PAGE, render(corpus_page(report, store.address.rpartition("/")[2])).encode())
    store.remove(WORK)  # what a kill between the last two steps of a shard has left
    store.write_bytes(SHARDS, b"".join(json_line(info.to_json()) for info in infos))
    return Finished(store.address, figures, len(failures), encoded)


def _facts(store: Store, price: float | None) -> RunFacts:
    """What all runs together have taken."""
    wall = machine = 0.0
    workers = 0
    stages: dict[str, float] = {}
    for name in store.names(RUNS):
        kept = json.loads(store.read(f"{RUNS}/{name}"))
        wall += kept["wall_seconds"]
        machine += kept["wall_seconds"] * max(1, kept["machines"])
        workers = max(workers, kept["workers"])
        for stage, seconds in kept["stage_seconds"].items():
            stages[stage] = stages.get(stage, 0.0) + seconds
    return RunFacts(
        wall_seconds=wall,
        machine_seconds=machine,
        stage_seconds=stages,
        workers=workers,
        price=price,
        machine={"processors": str(os.cpu_count()), "system": platform.system(), "architecture": platform.machine()},
        versions={"hybrid-tok": version("hybrid-tok"), "python": platform.python_version()},
    )
