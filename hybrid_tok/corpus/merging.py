"""Several corpora of the same tokenizer as one, and a corpus in another format."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice
from typing import Any

from hybrid_tok.corpus.entries import id_mark
from hybrid_tok.corpus.formats import FLAT, FORMATS, write_shard
from hybrid_tok.corpus.formats.webdataset import list_shards
from hybrid_tok.corpus.layout import CORPUS, DATA_LIST, ERRORS, MODELS, SHARDS, shard_name
from hybrid_tok.corpus.models import read_models, write_models
from hybrid_tok.corpus.reading import Corpus
from hybrid_tok.corpus.rows import Failure, Row, ShardInfo, json_line
from hybrid_tok.corpus.store import Store
from hybrid_tok.errors import CorpusError, OptionsError


def merge(
    sources: Sequence[str],
    target: str,
    *,
    format: str | None = None,
    shard_rows: int | None = None,
    single_file: bool = False,
) -> tuple[ShardInfo, ...]:
    """Write several finished corpora as one, in their order. Rows stream through; of each a hash of its id is kept.

    Args:
        sources: addresses of corpora with the same fingerprint.
        target: address of the new one: a folder that is empty, or is not there yet.
        format: of the new one; None is that of the first.
        shard_rows: rows in a shard; None leaves shards as they are.
        single_file: one shard for everything, of a flat format: its array of ids may have any size.

    Returns:
        The new shards. Where shards are cut anew, failures are listed with the one in which their own shard ends.

    Raises:
        CorpusError: a source is not finished or damaged, two differ in their tokenizer or share an id, or the target
            is not empty or cannot be written. Nothing is left in the target.
        OptionsError: there is no such format, or options contradict each other.
    """
    corpora = [Corpus.open(address) for address in sources]
    if not corpora:
        raise OptionsError("there is nothing to merge: name one corpus or more")
    format = corpora[0].format if format is None else format
    _check_options(format, shard_rows, single_file)
    models = _check_same(corpora)
    store = Store(target)
    present = store.names()
    if present:
        raise CorpusError(f"{store.address}: is not empty ({present[0]}): choose another folder")
    try:
        return _write(store, corpora, format, shard_rows, single_file, models)
    except BaseException:
        with suppress(CorpusError):
            for name in (CORPUS, SHARDS, ERRORS, DATA_LIST, MODELS.partition("/")[0]):
                store.remove(name)
            for name in store.names():
                if name.startswith(_stems(format)):
                    store.remove(name)
        raise


def _stems(format: str) -> tuple[str, ...]:
    """How names of shards' files begin."""
    return tuple(name.partition("0")[0] for name in FORMATS[format].files(shard_name(0)))


def _write(
    store: Store,
    corpora: Sequence[Corpus],
    format: str,
    shard_rows: int | None,
    single_file: bool,
    models: str | None,
) -> tuple[ShardInfo, ...]:
    """Shards first, and what makes the folder a corpus last."""
    first = corpora[0]
    infos: list[ShardInfo] = []

    def add(rows: Iterator[Row], failures: Sequence[Failure] = ()) -> None:
        name = shard_name(len(infos))
        infos.append(write_shard(store, FORMATS[format], name, rows, first.fingerprint, failures, first.vocab_size))

    sources = _unique(corpora)
    if shard_rows is None and not single_file:
        for shard, rows in sources:
            add(rows, shard.failures)
    else:
        passed: list[Failure] = []
        stream = _chained(sources, passed)
        for rows in _cut(stream, shard_rows):
            add(rows)
            infos[-1] = replace(infos[-1], failures=tuple(passed))
            passed.clear()
        if passed and infos:
            infos[-1] = replace(infos[-1], failures=infos[-1].failures + tuple(passed))
        elif passed:
            add(iter(()), passed)
    if models is not None:
        write_models(store, models)
    with store.write(ERRORS) as file:
        for corpus in corpora:
            for line in _errors(corpus):
                file.write(line)
    if format == "webdataset":
        store.write_bytes(DATA_LIST, list_shards(infos))
    with store.write(SHARDS) as file:
        for info in infos:
            file.write(json_line(info.to_json()))
    facts = _facts(corpora, format)
    store.write_bytes(CORPUS, json.dumps(facts, indent=2, sort_keys=True).encode() + b"\n")
    return tuple(infos)


def _chained(sources: Iterator[tuple[ShardInfo, Iterator[Row]]], passed: list[Failure]) -> Iterator[Row]:
    """All rows; failures of the shards that have been read go to `passed`."""
    for shard, rows in sources:
        yield from rows
        passed += shard.failures


def _cut(rows: Iterator[Row], size: int | None) -> Iterator[Iterator[Row]]:
    """Rows in stretches of a size, each of which must be read to its end before the next one; None is all."""
    for first in rows:
        yield chain((first,), islice(rows, None if size is None else size - 1))


def _unique(corpora: Sequence[Corpus]) -> Iterator[tuple[ShardInfo, Iterator[Row]]]:
    """All shards with their rows.

    Raises:
        CorpusError: an id is there twice.
    """
    seen: dict[int, int] = {}

    def checked(source: int, rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            mark = id_mark(row.id)
            if mark in seen:
                where = " and ".join(corpora[number].store.address for number in (seen[mark], source))
                raise CorpusError(f"id {row.id!r:.200} is in {where}: leave one out, or encode it under another id")
            seen[mark] = source
            yield row

    for source, corpus in enumerate(corpora):
        for number, shard in enumerate(corpus.shards):
            yield shard, checked(source, corpus.read_shard(number))


def _check_options(format: str, shard_rows: int | None, single_file: bool) -> None:
    if format not in FORMATS:
        raise OptionsError(f"format must be {', '.join(FORMATS)}, not {format!r:.40}")
    if shard_rows is not None and shard_rows < 1:
        raise OptionsError(f"a shard needs 1 row or more, not {shard_rows}")
    if single_file and shard_rows is not None:
        raise OptionsError("a single file has all rows: leave out their number in a shard")
    if single_file and format not in FLAT:
        raise OptionsError(f"a single file must be of a flat format: {', '.join(sorted(FLAT))}, not {format}")


def _check_same(corpora: Sequence[Corpus]) -> str | None:
    """The fingerprint of the models of their workers; None if no corpus has noted it.

    Raises:
        CorpusError: two have other tokenizers, or other models.
    """
    first = corpora[0]
    models: tuple[str, str] | None = None
    for corpus in corpora:
        address = corpus.store.address
        for name in ("vocab_size", "preset", "options", "vocabulary", "threads", "fingerprint"):
            here, there = first.facts.get(name), corpus.facts.get(name)
            if here != there:
                what = _difference(name, here, there)
                raise CorpusError(f"{address}: {what}, as in {first.store.address}: ids would not mean the same")
        found = read_models(corpus.store)
        if found is not None:
            if models is not None and found != models[1]:
                raise CorpusError(f"{address}: was encoded with other models than {models[0]}")
            models = address, found
    return models and models[1]


def _difference(name: str, here: Any, there: Any) -> str:
    """Which value differs, of values that may have parts."""
    if isinstance(here, dict) and isinstance(there, dict):
        part = next(key for key in sorted({*here, *there}) if here.get(key) != there.get(key))
        return _difference(f"{name}.{part}", here.get(part), there.get(part))
    return f"{name} is {there!r:.60}, not {here!r:.60}"


def _errors(corpus: Corpus) -> Iterator[bytes]:
    """All failures of a corpus, also of lines of its manifest that are in no shard."""
    if corpus.store.exists(ERRORS):
        with corpus.store.open(ERRORS) as file:
            yield from file
    else:
        for shard in corpus.shards:
            yield from (json_line(failure.to_json()) for failure in shard.failures)


def _facts(corpora: Sequence[Corpus], format: str) -> dict[str, Any]:
    """`corpus.json` of the new one: what the sources have in common, and where they came from."""
    first = corpora[0].facts
    common = {name: value for name, value in first.items() if all(one.facts.get(name) == value for one in corpora)}
    origin = ("manifest", "manifest_sha256", "shards", "batches", "merged")
    kept = {name: value for name, value in common.items() if name not in origin}
    merged: list[Any] = []
    for corpus in corpora:
        own = {name: corpus.facts[name] for name in ("manifest", "manifest_sha256") if name in corpus.facts}
        merged += corpus.facts.get("merged") or [{**own, "rows": len(corpus)}]
    return {**kept, "hybrid_tok": first.get("hybrid_tok"), "format": format, "merged": merged}
