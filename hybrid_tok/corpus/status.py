"""How far a corpus is, told by its folder alone: from any machine, also while it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from hybrid_tok.corpus.identity import need_identity
from hybrid_tok.corpus.layout import DONE, SHARDS, WORK
from hybrid_tok.corpus.plan import load_plan
from hybrid_tok.corpus.reading import Corpus
from hybrid_tok.corpus.run import load_done
from hybrid_tok.corpus.store import Store


@dataclass(frozen=True, slots=True)
class Status:
    """How far a corpus is.

    Attributes:
        finished: whether nothing is left to do.
        format, preset, fingerprint: of the corpus.
        shards_done, shards: written, and of all; `shards` is None while there is no plan yet.
        entries, planned_seconds: in the manifest, as far as it has durations; None where there is no plan any more.
        rows, seconds, tokens: in the shards that are written.
        failures: entries without a row, by reason.
        batches_kept: of shards that are not written yet.
    """

    finished: bool
    format: str
    preset: str
    fingerprint: str
    shards_done: int
    shards: int | None
    entries: int | None
    planned_seconds: float | None
    rows: int
    seconds: float
    tokens: int
    failures: Mapping[str, int]
    batches_kept: int


def read_status(address: str) -> Status:
    """How far the corpus at an address is.

    Raises:
        CorpusError: there is no corpus.
    """
    store = Store(address)
    identity = need_identity(store)
    plan = load_plan(store)
    finished = store.exists(SHARDS)
    if finished:
        done = list(Corpus.open(address).shards)
    else:
        done = [load_done(store, int(name.removesuffix(".json")))[0] for name in store.names(DONE)]
    failures = Counter(failure.reason for info in done for failure in info.failures)
    failures.update(failure.reason for failure in (plan.failures if plan is not None else ()))
    kept = sum(name.startswith("results-") for folder in store.names(WORK) for name in store.names(f"{WORK}/{folder}"))
    return Status(
        finished=finished,
        format=identity["format"],
        preset=identity["preset"],
        fingerprint=identity["fingerprint"],
        shards_done=len(done),
        shards=len(done) if finished else None if plan is None else len(plan.shards),
        entries=None if plan is None else plan.entries,
        planned_seconds=None if plan is None else plan.seconds,
        rows=sum(info.rows for info in done),
        seconds=sum(info.seconds for info in done),
        tokens=sum(info.tokens for info in done),
        failures=dict(sorted(failures.items())),
        batches_kept=kept,
    )
