"""What a corpus is: everything that its shards depend on. A run goes on only with a corpus of its own identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from hybrid_tok.corpus.batches import BatchOptions
from hybrid_tok.corpus.layout import CORPUS, PLAN, SHARDS
from hybrid_tok.corpus.plan import ShardOptions
from hybrid_tok.corpus.sources.files import opened
from hybrid_tok.corpus.store import Store, local_path, measure, open_remote
from hybrid_tok.errors import CorpusError
from hybrid_tok.options import written_options
from hybrid_tok.tokenizer import HybridTokenizer

VERSION = 1
"""Of the folder's layout."""

_FREE = frozenset({"hybrid_tok"})
"""What may differ between runs: ids that a release changes have another fingerprint."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the shards of a corpus depend on.

    Attributes:
        format: of the shards.
        fingerprint: of vocabulary, preset, options and threads; the models of the workers are compared apart.
        vocab_size: ids are below it.
        codec_rate: in Hz.
        preset, options, vocabulary: of the tokenizer.
        threads: of each worker.
        manifest: its address.
        manifest_sha256: of a manifest that is one file.
        shards, batches: how large they are.
    """

    format: str
    fingerprint: str
    vocab_size: int
    codec_rate: int
    preset: str
    options: Mapping[str, Any]
    vocabulary: Mapping[str, Any]
    threads: int
    manifest: str
    manifest_sha256: str | None
    shards: ShardOptions
    batches: BatchOptions

    @classmethod
    def of(
        cls,
        tokenizer: HybridTokenizer,
        threads: int,
        format: str,
        manifest: str,
        shards: ShardOptions,
        batches: BatchOptions,
    ) -> Identity:
        """The identity of what will be encoded."""
        vocabulary = dict(tokenizer.vocabulary.fingerprint)
        options = written_options(tokenizer.options)
        parts = [tokenizer.preset.name, sorted(options.items()), sorted(vocabulary.items()), threads]
        return cls(
            format=format,
            fingerprint=hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:32],
            vocab_size=tokenizer.vocabulary.size,
            codec_rate=tokenizer.codec_identity.sample_rate,
            preset=tokenizer.preset.name,
            options=options,
            vocabulary=vocabulary,
            threads=threads,
            manifest=manifest,
            manifest_sha256=_sha256(manifest),
            shards=shards,
            batches=batches,
        )

    def to_json(self) -> dict[str, Any]:
        """For `corpus.json`."""
        written = {**asdict(self), "version": VERSION, "hybrid_tok": version("hybrid-tok")}
        return json.loads(json.dumps(written, default=str))


def claim(store: Store, identity: Identity) -> bool:
    """Begin a corpus in a folder, or go on with the one that is there.

    Returns:
        Whether there was one.

    Raises:
        CorpusError: it is another one, or the folder has other files.
    """
    ours = identity.to_json()
    found = read_identity(store)
    others = store.names()
    if found is None and others:
        raise CorpusError(f"{store.address}: is not empty and no corpus ({others[0]}): choose another folder")
    if found is None or not (store.exists(PLAN) or store.exists(SHARDS)):  # nothing depends on it yet
        store.write_bytes(CORPUS, json.dumps(ours, indent=2, sort_keys=True).encode() + b"\n")
        return False
    differs = [name for name, here, there in _compared(ours, found) if here != there]
    if differs:
        name, here, there = next(one for one in _compared(ours, found) if one[1] != one[2])
        more = f" (and {', '.join(differs[1:4])})" if len(differs) > 1 else ""
        raise CorpusError(
            f"{store.address}: was begun with {name}={_short(there)}, not {_short(here)}{more}: give what it was begun "
            "with, or write to another folder"
        )
    return True


def read_identity(store: Store) -> dict[str, Any] | None:
    """What `corpus.json` holds; None if there is none.

    Raises:
        CorpusError: it is damaged, or of another version.
    """
    if not store.exists(CORPUS):
        return None
    try:
        found = json.loads(store.read(CORPUS))
        known = found["version"]
    except (ValueError, LookupError, TypeError):
        raise CorpusError(f"{store.join(CORPUS)}: damaged; a corpus cannot go on without it") from None
    if known != VERSION:
        raise CorpusError(f"{store.join(CORPUS)}: version {known!r:.20}, but this release reads {VERSION}")
    return found


def need_identity(store: Store) -> dict[str, Any]:
    """As `read_identity`, of a folder that must be a corpus.

    Raises:
        CorpusError: there is no corpus, or as of `read_identity`.
    """
    found = read_identity(store)
    if found is None:
        raise CorpusError(f"{store.join(CORPUS)}: is not there: this is no corpus")
    return found


def _compared(ours: Mapping[str, Any], theirs: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(name, ours, theirs) of all values; the fingerprint, which says least, comes last."""
    names = sorted({*ours, *theirs} - _FREE, key=lambda name: (name == "fingerprint", name))
    for name in names:
        here, there = ours.get(name), theirs.get(name)
        if isinstance(here, dict) and isinstance(there, dict):
            yield from _compared(here, there, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", here, there


def _short(value: Any) -> str:
    return f"{value!r:.60}"


def _sha256(manifest: str) -> str | None:
    """Of a manifest that is a file; a folder or a pattern of files has none."""
    path = local_path(manifest)
    if path is None:
        files, at = open_remote(manifest)
        if not files.isfile(at):
            return None
    elif not path.is_file():
        return None
    with opened(manifest) as file:
        return measure(file)[1]
