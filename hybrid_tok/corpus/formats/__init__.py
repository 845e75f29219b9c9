"""How the rows of a shard are laid out in files. Every format keeps ids and figures exactly."""

from __future__ import annotations

from collections.abc import Mapping

from hybrid_tok.corpus.formats.datatrove import Datatrove
from hybrid_tok.corpus.formats.megatron import Megatron
from hybrid_tok.corpus.formats.parquet import Parquet
from hybrid_tok.corpus.formats.shar import Shar
from hybrid_tok.corpus.formats.shard_format import OpenFile, ShardFormat
from hybrid_tok.corpus.formats.webdataset import WebDataset
from hybrid_tok.corpus.formats.writing import write_shard

__all__ = ["FLAT", "FORMATS", "OpenFile", "ShardFormat", "write_shard"]

FORMATS: Mapping[str, ShardFormat] = {
    format.name: format for format in (WebDataset(), Shar(), Parquet(), Datatrove(), Megatron())
}
"""Formats by name."""

FLAT = frozenset({"datatrove", "megatron"})
"""Formats whose ids are one array, so that a shard may have any size."""
