"""Which models a corpus is encoded with: a file whose name is their fingerprint, so that none is overwritten."""

from __future__ import annotations

from hybrid_tok.corpus.layout import MODELS
from hybrid_tok.corpus.store import Store
from hybrid_tok.errors import CorpusError


def check_models(store: Store, fingerprint: str) -> None:
    """Have all workers of all runs use the same models: the first one writes which.

    Raises:
        CorpusError: this machine has others.
    """
    found = store.names(MODELS)
    if not found:
        write_models(store, fingerprint)
        found = store.names(MODELS)
        if found != [fingerprint]:  # another machine began at the same moment
            store.remove(f"{MODELS}/{fingerprint}")
    if found != [fingerprint]:
        raise CorpusError(
            f"{store.address}: was begun with other models than those of this machine: give all machines the same, or "
            "write to another folder"
        )


def write_models(store: Store, fingerprint: str) -> None:
    """Note the fingerprint of the models."""
    store.write_bytes(f"{MODELS}/{fingerprint}", b"")


def read_models(store: Store) -> str | None:
    """The fingerprint of the models; None where it was not noted."""
    return next(iter(store.names(MODELS)), None)
