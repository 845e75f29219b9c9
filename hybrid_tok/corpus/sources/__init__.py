"""Manifests of recordings, read as a stream: what is to be encoded, and the lines that name nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from hybrid_tok.corpus.entries import BadLine, Entry
from hybrid_tok.corpus.sources import datasets_disk, folder, lhotse_cuts, nemo, shar, webdataset
from hybrid_tok.corpus.sources.detect import KINDS, SourceKind, find_kind
from hybrid_tok.errors import CorpusError

__all__ = ["KINDS", "SourceKind", "read_entries"]

_READERS: Mapping[SourceKind, Callable[[str], Iterator[Entry | BadLine]]] = MappingProxyType(
    {
        "nemo": nemo.read,
        "lhotse": lhotse_cuts.read,
        "shar": shar.read,
        "webdataset": webdataset.read,
        "datasets": datasets_disk.read,
        "folder": folder.read,
    }
)

PATIENCE = 1000
"""Lines at the start that may all name no recording; with more, it is another kind of file."""


def read_entries(address: str, kind: SourceKind | None = None, patience: int = PATIENCE) -> Iterator[Entry | BadLine]:
    """The entries of a manifest in its order. It is never in memory as a whole.

    Args:
        address: a local path, or any address of fsspec.
        kind: of the manifest; None finds it out.
        patience: lines at the start that may all be bad.

    Raises:
        CorpusError: it is not there, cannot be read, of no known kind, or nothing in it is a recording.
        BackendError: what its address or kind needs is not installed.
    """
    kind = find_kind(address) if kind is None else kind
    if kind not in KINDS:
        raise CorpusError(f"a manifest can be of the kinds {', '.join(KINDS)}, not {kind!r}")
    bad = 0
    good = False
    for one in _READERS[kind](address):
        good = good or isinstance(one, Entry)
        bad += not good
        if bad > patience and isinstance(one, BadLine):
            raise CorpusError(
                f"{address}: the first {bad:,} lines name no recording, the last of them ({one.where}): {one.message}; "
                f"is it of the kind {kind!r}?"
            )
        yield one
