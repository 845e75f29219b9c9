"""Merged units: byte-pair encoding of whole frames (Gage 1994; Sennrich et al. 2016, arXiv 1508.07909).

A merged unit stands for a sequence of at least two frames, so it always knows how long it lasts. Frames are encoded
as byte-pair encoding always does: of all pairs that have a merge, the one of the first merge, leftmost first, until
there is none. So a run of frames has one spelling. A sequence of tokens is such a spelling exactly if each pair of
neighbours is the spelling of their frames together, which lets a grammar check it token by token.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush
from itertools import pairwise
from types import MappingProxyType
from typing import TypeAlias

from hybrid_tok.errors import OptionsError
from hybrid_tok.tokens.stream import Frame

Unit: TypeAlias = "Frame | int"
"""A frame by itself, or the number of a merged unit."""

MAX_FRAMES = 64
"""Frames of a merged unit: 1.28 s. Without a limit, n merges reach 2^n frames."""

_UNKNOWN, _GONE = -1, -2


@dataclass(frozen=True)
class UnitMerges:
    """Merges over the frames of a codec.

    Attributes:
        codec: fingerprint of the codec whose units these are.
        frames: the frames that merges are made of, each of as many units as there are codebooks; numbered from 0.
        merges: in order of priority, what is joined: numbers of frames, or `len(frames)` + the number of an earlier
            merge.

    Raises:
        OptionsError: merges that are not made of what is there, are too long, or never come about.
    """

    codec: str
    frames: tuple[Frame, ...]
    merges: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if not self.frames or not self.merges:
            raise OptionsError("unit merges without any merge; leave them out")
        if len(set(self.frames)) != len(self.frames) or len({len(frame) for frame in self.frames} - {0}) != 1:
            raise OptionsError("the frames of unit merges must differ, and have the same number of codebooks")
        for number, pair in enumerate(self.merges):
            if not all(0 <= part < len(self.frames) + number for part in pair):
                raise OptionsError(f"unit merge {number} joins {pair}, of which not both come before it")
            if self.lengths[number] > MAX_FRAMES:
                raise OptionsError(f"unit merge {number} has {self.lengths[number]} frames, more than {MAX_FRAMES}")
        if len(self._ranks) != len(self.merges):
            raise OptionsError("unit merges that join the same pair twice")
        for number, frames in enumerate(self.expansions):
            if self.encode(frames) != [number]:
                raise OptionsError(f"unit merge {number} never comes about: its frames are merged in another way")

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @property
    def num_codebooks(self) -> int:
        """Units of each frame."""
        return len(self.frames[0])

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """Frames of each merged unit."""
        lengths = [1] * len(self.frames)
        for left, right in self.merges:
            lengths.append(lengths[left] + lengths[right])
        return tuple(lengths[len(self.frames) :])

    @cached_property
    def expansions(self) -> tuple[tuple[Frame, ...], ...]:
        """The frames of each merged unit."""
        return tuple(
            tuple(self.frames[symbol] for symbol in self._symbols_of(len(self.frames) + number))
            for number in range(len(self.merges))
        )

    @cached_property
    def fingerprint(self) -> str:
        """Changes whenever a run of frames could be spelled in another way."""
        return hashlib.sha256(json.dumps([self.codec, self.frames, self.merges]).encode()).hexdigest()[:16]

    def encode(self, frames: Sequence[Frame]) -> list[Unit]:
        """The spelling of a run of frames."""
        numbers = self._numbers
        symbols = [numbers.get(frame, _UNKNOWN) for frame in frames]
        spelled: list[Unit] = []
        at = 0
        for symbol in self._merge(symbols):
            spelled.append(frames[at] if symbol < len(self.frames) else symbol - len(self.frames))
            at += 1 if symbol < len(self.frames) else self.lengths[symbol - len(self.frames)]
        return spelled

    def decode(self, units: Sequence[Unit]) -> list[Frame]:
        """The frames that units spell."""
        frames: list[Frame] = []
        for unit in units:
            if isinstance(unit, int):
                frames += self.expansions[unit]
            else:
                frames.append(unit)
        return frames

    def find(self, frame: Frame) -> Frame | None:
        """The frame, if it is part of any merge."""
        return frame if frame in self._numbers else None

    def not_after(self, unit: Unit) -> frozenset[Unit]:
        """The units that never follow a unit, because the frames of both are merged in another way."""
        symbol = len(self.frames) + unit if isinstance(unit, int) else self._numbers.get(unit, _UNKNOWN)
        if symbol == _UNKNOWN:
            return frozenset()
        # A merge across the border joins what the left one ends with to what the right one begins with.
        rights = {right for end in self._edge(symbol, 1) for right in self._joined_to.get(end, ())}
        beginning = {candidate for right in rights for candidate in self._begins_with.get(right, ())}
        return frozenset(
            self.frames[candidate] if candidate < len(self.frames) else candidate - len(self.frames)
            for candidate in beginning
            if not self._stay_apart(symbol, candidate)
        )

    def _stay_apart(self, left: int, right: int) -> bool:
        """Whether two neighbours are the spelling of their frames together: no merge joins parts of both before they
        are whole. Both are taken apart at the border, in reverse order of merging."""
        first, merged_before = len(self.frames), len(self.frames) + len(self.merges)
        while True:
            rank = self._ranks.get((left, right))
            if rank is not None and first + rank < merged_before:
                return False
            if max(left, right) < first:
                return True
            if left > right:
                merged_before, left = left, self.merges[left - first][1]
            else:  # of one merge at two places, the left one is made first
                merged_before, right = right + 1, self.merges[right - first][0]

    @cached_property
    def _ranks(self) -> Mapping[tuple[int, int], int]:
        return MappingProxyType({pair: rank for rank, pair in enumerate(self.merges)})

    @cached_property
    def _numbers(self) -> Mapping[Frame, int]:
        return MappingProxyType({frame: number for number, frame in enumerate(self.frames)})

    @cached_property
    def _joined_to(self) -> Mapping[int, Sequence[int]]:
        """What each symbol is joined to, to its right."""
        found: dict[int, list[int]] = {}
        for left, right in self.merges:
            found.setdefault(left, []).append(right)
        return found

    @cached_property
    def _begins_with(self) -> Mapping[int, Sequence[int]]:
        """The symbols that begin with each symbol."""
        found: dict[int, list[int]] = {}
        for symbol in range(len(self.frames) + len(self.merges)):
            for edge in self._edge(symbol, 0):
                found.setdefault(edge, []).append(symbol)
        return found

    def _edge(self, symbol: int, side: int) -> list[int]:
        """A symbol, what it was merged from on one side, what that was, and so on."""
        edge = [symbol]
        while edge[-1] >= len(self.frames):
            edge.append(self.merges[edge[-1] - len(self.frames)][side])
        return edge

    def _symbols_of(self, symbol: int) -> list[int]:
        """The frames of a symbol by number."""
        found: list[int] = []
        waiting = [symbol]
        while waiting:
            last = waiting.pop()
            if last < len(self.frames):
                found.append(last)
            else:
                left, right = self.merges[last - len(self.frames)]
                waiting += [right, left]
        return found

    def _merge(self, symbols: list[int]) -> list[int]:
        """Symbols after all merges; those without a number stay."""
        symbols, count, ranks = list(symbols), len(symbols), self._ranks
        before, after = list(range(-1, count - 1)), list(range(1, count + 1))
        waiting = [(ranks[pair], at) for at, pair in enumerate(pairwise(symbols)) if pair in ranks]
        heapify(waiting)
        while waiting:
            rank, at = heappop(waiting)
            right = after[at]
            if right >= count or ranks.get((symbols[at], symbols[right])) != rank:
                continue  # one of the two is part of another merge by now
            symbols[at], symbols[right] = len(self.frames) + rank, _GONE
            after[at] = after[right]
            if after[at] < count:
                before[after[at]] = at
            for left in (before[at], at):
                if left >= 0 and after[left] < count:
                    pair = (symbols[left], symbols[after[left]])
                    if pair in ranks:
                        heappush(waiting, (ranks[pair], left))
        return [symbol for symbol in symbols if symbol != _GONE]
