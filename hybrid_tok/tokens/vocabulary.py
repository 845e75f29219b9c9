"""The vocabulary: an id space with its grammar, and the map between streams and ids."""

from __future__ import annotations

import hashlib
import json
import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np

from hybrid_tok.errors import GrammarError, OptionsError
from hybrid_tok.tokens.grammar import Grammar
from hybrid_tok.tokens.idspace import LANGUAGE_CODES, IdRange, IdSpace
from hybrid_tok.tokens.idspace import Durations as Durations
from hybrid_tok.tokens.idspace import Layout as Layout
from hybrid_tok.tokens.idspace import VocabularyOptions as VocabularyOptions
from hybrid_tok.tokens.parse import parse
from hybrid_tok.tokens.repair import RepairAction as RepairAction
from hybrid_tok.tokens.repair import Repaired as Repaired
from hybrid_tok.tokens.repair import repair
from hybrid_tok.tokens.serialize import serialize
from hybrid_tok.tokens.stream import VOICE_CODES, HybridStream
from hybrid_tok.tokens.text import TextTokenizer

Errors: TypeAlias = Literal["strict", "repair"]


class Vocabulary:
    """An id space with its grammar.

    `decode` accepts exactly what `grammar` accepts, and then `encode(decode(ids)) == ids`. Every stream that `encode`
    can write is decoded to an equal one.

    Args:
        options: what is written.
        text: the text tokenizer.

    Attributes:
        space: the meaning of ids.
        grammar: which ids may follow; drive a sampler with `grammar.start`, `allowed`, `advance` and `accepts_end`.
    """

    def __init__(self, options: VocabularyOptions, text: TextTokenizer) -> None:
        self.options = options
        self.space = IdSpace(options, text)
        self.grammar = Grammar(self.space)

    @property
    def size(self) -> int:
        """How many ids there are."""
        return self.space.size

    @property
    def ranges(self) -> tuple[IdRange, ...]:
        """What the ids stand for, in order; the ranges tile [0, size)."""
        return self.space.ranges

    @property
    def pad_id(self) -> int:
        """For padding batches; no stream contains it."""
        return self.space.pad.start

    def token_name(self, token: int) -> str:
        """The name of an id: `<|speaker:0|>`, `<|u1:902|>`, or its piece of text."""
        return self.space.token_name(token)

    def token_id(self, name: str) -> int:
        """The id with a name."""
        return self.space.token_id(name)

    @cached_property
    def fingerprint(self) -> Mapping[str, str]:
        """A hash per part; two vocabularies are compatible exactly if all parts agree."""
        options = asdict(self.options)
        del options["codec"], options["unit_merges"], options["event_codebooks"]
        if self.options.event_width != self.options.num_codebooks:
            options["event_codebooks"] = self.options.event_width
        if self.options.unit_merges is not None:
            options["unit_merges"] = self.options.unit_merges.fingerprint
        options["ranges"] = [(part.name, part.start, part.stop) for part in self.ranges]
        options["languages"] = LANGUAGE_CODES
        options["voice_length"] = VOICE_CODES
        return MappingProxyType(
            {"text": self.space.text.fingerprint, "codec": self.options.codec, "vocabulary": _digest(options)}
        )

    @property
    def bits_per_token(self) -> float:
        """log2 of the whole id space."""
        return math.log2(self.size)

    def range_bits(self, ids: Sequence[int]) -> float:
        """Bits of a sequence, each id counted within its own range only.

        Raises:
            GrammarError: an id is outside the space.
        """
        checked = self._checked(ids)
        ranges = np.searchsorted([part.stop for part in self.ranges], checked, side="right")
        counts = np.bincount(ranges, minlength=len(self.ranges))
        return float(sum(count * math.log2(part.size) for count, part in zip(counts, self.ranges, strict=True)))

    def encode(self, stream: HybridStream) -> list[int]:
        """A stream to ids.

        Raises:
            StreamError: the stream has something this vocabulary has no ids for; the message says where.
        """
        return serialize(self.space, stream)

    def decode(self, ids: Iterable[int], *, errors: Errors = "strict") -> HybridStream:
        """Ids to the one stream they spell.

        Args:
            errors: `strict` raises at the first id out of place; `repair` repairs the sequence (the method `repair`
                lists the changes).

        Raises:
            GrammarError: an id is outside the space or out of place, or the sequence stops too soon.
        """
        if errors not in ("strict", "repair"):
            raise OptionsError(f"errors must be strict or repair, not {errors!r}")
        given = _integers(ids)
        if errors == "repair":
            return parse(self.space, repair(self.grammar, given).ids)
        self._check(given)
        return parse(self.space, given)

    def check(self, ids: Iterable[int]) -> None:
        """Refuse a sequence that the grammar does not accept.

        Raises:
            GrammarError: with the position, what was found there and what was allowed.
        """
        self._check(_integers(ids))

    def repair(self, ids: Iterable[int]) -> Repaired:
        """Repair a sequence, and list the repairs; one that the grammar accepts is returned unchanged."""
        return repair(self.grammar, _integers(ids))

    def _check(self, ids: list[int]) -> None:
        grammar = self.grammar
        state = grammar.read(grammar.start, ids)
        if not grammar.accepts_end(state):
            raise GrammarError(len(ids), "the end of the sequence", grammar.names(state))

    def _checked(self, ids: Sequence[int]) -> np.ndarray:
        """Ids as an array, all inside the space."""
        array = np.asarray(_integers(ids), np.int64)
        outside = np.flatnonzero((array < 0) | (array >= self.size))
        if outside.size:
            position = int(outside[0])
            raise GrammarError(position, self.space.describe(int(array[position])), (f"ids 0..{self.size - 1}",))
        return array


def _integers(ids: Iterable[int]) -> list[int]:
    """Ids as Python integers, whatever kind of integers they came as."""
    listed = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
    if set(map(type, listed)) == {int}:
        return listed
    for position, token in enumerate(listed):
        if type(token) is not int:
            try:
                listed[position] = operator.index(token)
            except TypeError:
                raise GrammarError(position, f"{token!r}, which is no id", ("an integer",)) from None
    return listed


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
