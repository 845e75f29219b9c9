"""Manifests of recordings to shards of tokens: resumable, on one machine or on a Ray cluster.

for row in hybrid_tok.corpus.read("shards/"):
    print(row.id, row.ids, row.columns.text)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hybrid_tok.corpus.reading import Corpus, CorpusReader, read
    from hybrid_tok.corpus.run import encode_corpus
    from hybrid_tok.corpus.torch_dataset import ShardDataset

_HOMES = {
    "Corpus": "reading",
    "CorpusReader": "reading",
    "ShardDataset": "torch_dataset",
    "encode_corpus": "run",
    "read": "reading",
}

__all__ = ["Corpus", "CorpusReader", "ShardDataset", "encode_corpus", "read"]


def __getattr__(name: str) -> Any:
    """Loaded when it is first used: torch and the tokenizer take their time."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
