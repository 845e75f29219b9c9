"""Is everything there, and right? Reads all shards of a corpus again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hybrid_tok.corpus.formats import FORMATS
from hybrid_tok.corpus.layout import CORPUS, SHARDS
from hybrid_tok.corpus.plan import load_entries, load_plan
from hybrid_tok.corpus.reading import Corpus
from hybrid_tok.corpus.rows import Row, ShardInfo
from hybrid_tok.corpus.store import Store, measure
from hybrid_tok.errors import GrammarError, HybridTokError, first_line
from hybrid_tok.tokenizer import HybridTokenizer
from hybrid_tok.tokens.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a corpus.

    Attributes:
        where: a file, or a shard and a row's id.
        message: what is wrong.
    """

    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found.

    Attributes:
        shards, rows, tokens: that were read.
        seconds: of audio.
        failures: entries without a row.
        faults: none if all is well.
    """

    shards: int
    rows: int
    tokens: int
    seconds: float
    failures: int
    faults: tuple[Fault, ...]


def verify(address: str, options: Mapping[str, Any] | None = None) -> Checked:
    """Read a finished corpus again: sizes and checksums of the files, counts, ids by the grammar, lengths.

    Each entry of the manifest must be a row or a failure, once.

    Args:
        options: of the tokenizer, that `corpus.json` cannot hold: paths of this machine.

    Raises:
        CorpusError: there is no finished corpus.
        OptionsError: its tokenizer cannot be made.
    """
    corpus = Corpus.open(address)
    store, identity, infos = corpus.store, corpus.facts, corpus.shards
    faults: list[Fault] = []
    rows = tokens = 0
    seconds = 0.0
    seen: set[str] = set()
    with HybridTokenizer.from_preset(identity["preset"], **{**identity["options"], **(options or {})}) as tokenizer:
        vocabulary = tokenizer.vocabulary
        if dict(vocabulary.fingerprint) != identity["vocabulary"]:
            faults.append(Fault(CORPUS, "its vocabulary is another one than this tokenizer's: ids cannot be checked"))
            vocabulary = None
        plan = load_plan(store)
        if plan is not None and len(infos) != len(plan.shards):
            faults.append(Fault(SHARDS, f"lists {len(infos)} shards, not the {len(plan.shards)} of the plan"))
        for number, info in enumerate(infos):
            damaged = list(_check_files(store, info))
            faults += damaged
            if damaged:
                continue
            try:
                read = list(FORMATS[corpus.format].read(store, info.name)) if info.files else []
            except (HybridTokError, ValueError, LookupError, OSError) as error:
                faults.append(Fault(info.name, f"cannot be read ({first_line(error)})"))
                continue
            faults += _check_counts(info, read)
            if plan is not None and number < len(plan.shards):  # a merged corpus has none
                faults += _check_plan(store, number, info, read)
            for row in read:
                if row.id in seen:
                    faults.append(Fault(f"{info.name}, {row.id}", "is there twice"))
                seen.add(row.id)
                if vocabulary is not None:
                    faults += _check_row(info.name, row, vocabulary, tokenizer)
                rows, tokens, seconds = rows + 1, tokens + len(row.ids), seconds + row.seconds
    failures = sum(len(info.failures) for info in infos)
    return Checked(len(infos), rows, tokens, seconds, failures, tuple(faults))


def _check_files(store: Store, info: ShardInfo) -> Iterator[Fault]:
    for name, (size, digest) in info.files.items():
        if not store.exists(name):
            yield Fault(name, "is not there")
            continue
        with store.open(name) as file:
            read, found = measure(file)
        if read != size:
            yield Fault(name, f"has {read:,} bytes, not {size:,}")
        elif found != digest:
            yield Fault(name, "has another checksum than when it was written")


def _check_counts(info: ShardInfo, rows: Sequence[Row]) -> Iterator[Fault]:
    seconds, tokens = sum(row.seconds for row in rows), sum(len(row.ids) for row in rows)
    for what, found, listed in (("rows", len(rows), info.rows), ("tokens", tokens, info.tokens)):
        if found != listed:
            yield Fault(info.name, f"has {found:,} {what}, not {listed:,}")
    if abs(seconds - info.seconds) > 1e-3 * max(1, len(rows)):
        yield Fault(info.name, f"has {seconds:.3f} s, not {info.seconds:.3f}")


def _check_plan(store: Store, number: int, info: ShardInfo, rows: Sequence[Row]) -> Iterator[Fault]:
    """Each entry is a row or a failure, in the order of the manifest."""
    failed = {failure.id for failure in info.failures}
    planned = [entry.id for entry in load_entries(store, number)]
    expected = [one for one in planned if one not in failed]
    found = [row.id for row in rows]
    if found == expected:
        return
    missing = set(expected) - set(found)
    extra = set(found) - set(expected)
    which = f"{min(missing)!r} is missing" if missing else f"{min(extra)!r} is extra" if extra else "in another order"
    yield Fault(info.name, f"its rows are not the entries of the manifest: {which}")


def _check_row(shard: str, row: Row, vocabulary: Vocabulary, tokenizer: HybridTokenizer) -> Iterator[Fault]:
    """The ids by the grammar and, in locked timing, the length."""
    try:
        stream = vocabulary.decode(row.ids.tolist())
    except GrammarError as error:
        yield Fault(f"{shard}, {row.id}", f"ids out of place: {first_line(error)}")
        return
    if stream.timing == "locked":
        length = tokenizer.codec_identity.grid.length(stream.frames, stream.remainder or 0)
        if length != row.columns.codec_samples:
            yield Fault(f"{shard}, {row.id}", f"lasts {length:,} samples, not {row.columns.codec_samples:,}")
