"""The rule for unit runs where there are merged units: only the spelling that `unit_merges` gives is accepted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hybrid_tok.tokens.idspace import IdRange, IdSpace
from hybrid_tok.tokens.parts import Frames, Place, Ranges, State
from hybrid_tok.tokens.unit_merges import Unit, UnitMerges

if TYPE_CHECKING:
    from hybrid_tok.tokens.grammar import Grammar


@dataclass(frozen=True, slots=True)
class MergedFrames(Frames):
    """Inside an event or a unit run, where some frames are merged.

    Attributes:
        unit: the last merged unit, or the last whole frame if it may be merged; else None.
    """

    unit: Unit | None = None

    def allowed(self, grammar: Grammar, place: Place) -> Ranges:
        space = grammar.space
        if space.options.layout == "text":
            return (self.close(space),)
        ids = grammar.following(self.unit).ranges(self.frame)
        return (*ids, self.close(space)) if not self.frame and (self.count or self.event >= 0) else ids

    def step(self, grammar: Grammar, place: Place, token: int) -> State:
        space = grammar.space
        if token in space.merged:
            number = token - space.merged.start
            return State(place, MergedFrames(self.event, self.count + _merges(space).lengths[number], unit=number))
        codebook = space.units[len(self.frame)]
        if token not in codebook:
            return Frames.step(self, grammar, place, token)  # the end of the run
        frame = (*self.frame, token - codebook.start)
        if len(frame) < len(space.units):
            return State(place, MergedFrames(self.event, self.count, frame=frame, unit=self.unit))
        return State(place, MergedFrames(self.event, self.count + 1, unit=_merges(space).find(frame)))

    def read(self, grammar: Grammar, place: Place, ids: np.ndarray) -> tuple[Frames, int]:
        return self, 0  # what follows depends on each unit, so that none can be skipped


class Following:
    """What may follow a unit: all but what would be spelled in another way together with it."""

    def __init__(self, space: IdSpace, unit: Unit | None) -> None:
        excluded = frozenset() if unit is None else _merges(space).not_after(unit)
        self._space = space
        frames = [one for one in excluded if not isinstance(one, int)]
        self._begun = Counter(frame[:count] for frame in frames for count in range(1, len(space.units) + 1))
        merged = without(space.merged, [one for one in excluded if isinstance(one, int)])
        self._first = without(space.units[0], self._dead_ends(())) + merged

    def ranges(self, begun: tuple[int, ...]) -> Ranges:
        """The ids after the first units of a frame."""
        if not begun:
            return self._first
        return without(self._space.units[len(begun)], self._dead_ends(begun))

    def _dead_ends(self, begun: tuple[int, ...]) -> list[int]:
        """Units after which every way to complete the frame is excluded."""
        options, count = self._space.options, len(begun) + 1
        ways = options.codebook_size ** (options.num_codebooks - count)
        return [frame[-1] for frame, known in self._begun.items() if frame[:-1] == begun and known == ways]


def _merges(space: IdSpace) -> UnitMerges:
    merges = space.options.unit_merges
    assert merges is not None, "merged frames are of vocabularies with unit merges"
    return merges


def without(ids: IdRange, indices: Collection[int]) -> Ranges:
    """All ids of a range except some, as ranges."""
    bounds = [-1, *sorted(indices), ids.size]
    parts = (ids.part(low + 1, high) for low, high in pairwise(bounds))
    return tuple(part for part in parts if part.size)
