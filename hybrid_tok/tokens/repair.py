"""Repair of an id sequence: one pass from left to right that ends in a sequence the grammar accepts.

An id that fits is kept. For one that does not, the first of these that makes it fit is done: an incomplete frame is
taken back; the part that is open is closed, or taken back if it has nothing in it yet; a tag that must stand before it
is put in. If none does, the id is left out and nothing else changes. Nothing is made up: no unit and no word is put
in, and a text that lost its duration lasts 0 frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hybrid_tok.tokens.grammar import Grammar
from hybrid_tok.tokens.parts import Bins, Done, Frames, Number, Remainder, State, Tagged, Voice, Words


@dataclass(frozen=True, slots=True)
class RepairAction:
    """What was done, and at which position of the sequence as it was given."""

    position: int
    action: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """A sequence the grammar accepts, and all that was done to make it so."""

    ids: tuple[int, ...]
    actions: tuple[RepairAction, ...]


def repair(grammar: Grammar, ids: Sequence[int]) -> Repaired:
    """Repair a sequence; takes time in proportion to its length. An accepted sequence comes back as it is."""
    repairer = _Repairer(grammar)
    for position, token in enumerate(ids):
        repairer.read(position, token)
    repairer.finish(len(ids))
    return Repaired(tuple(repairer.kept), tuple(repairer.actions))


class _Mark(NamedTuple):
    """A point to go back to: how many ids were kept, and the state after them."""

    kept: int
    state: State


class _Plan(NamedTuple):
    """A way to go on: go back to a mark, then put ids in."""

    mark: _Mark
    insert: tuple[int, ...] = ()


class _Repairer:
    def __init__(self, grammar: Grammar) -> None:
        self.kept: list[int] = []
        self.actions: list[RepairAction] = []
        self._grammar = grammar
        self._state = grammar.start
        self._item = _Mark(0, grammar.start)
        """Before the item that is being read, or before its speaker's tag."""
        self._frame = self._item
        """After the last whole frame of the run that is being read."""
        self._left_out: list[int] = []
        """Ids left out just before, to be listed as one action."""

    def read(self, position: int, token: int) -> None:
        """Keep an id, if need be after a change that makes it fit; else leave it out."""
        if self._grammar.admits(self._state, token):
            self._tell_left_out(position)
            self._keep(token)
            return
        for plan in self._plans():
            state = plan.mark.state
            for filler in plan.insert:
                if not self._grammar.admits(state, filler):
                    break
                state = self._grammar.advance(state, filler)
            else:
                if self._grammar.admits(state, token):
                    self._tell_left_out(position)
                    self._carry_out(plan, position)
                    self._keep(token)
                    return
        self._left_out.append(token)

    def finish(self, position: int) -> None:
        """End the sequence."""
        space = self._grammar.space
        self._tell_left_out(position)
        if isinstance(self._state.part, Remainder):
            missing = 2 if self._state.part.high is None else 1
            self._carry_out(_Plan(_Mark(len(self.kept), self._state), (space.numbers.start,) * missing), position)
        if self._grammar.accepts_end(self._state):
            return
        self._carry_out(self._closed(), position)
        if self._state.place.channel == 0:  # one channel has no tag: what has a tag is not the only one
            self._carry_out(_Plan(self._here(), (space.channels.start + 1,)), position)
        if self._grammar.locked:
            end = (space.end.start, space.numbers.start, space.numbers.start)
            self._carry_out(_Plan(self._here(), end), position)

    def _plans(self) -> Iterator[_Plan]:
        """What may be done before an id that does not fit, the least first."""
        space = self._grammar.space
        if isinstance(self._state.part, Remainder | Done):
            return
        if isinstance(self._state.part, Frames) and self._state.part.frame:
            yield _Plan(self._frame)
        closed = self._closed()
        yield closed
        tags = [(space.units_open.start,)]
        if self._state.place.speaker < 0:
            speaker = (space.speakers.start,)
            tags += [speaker, speaker + tags[0], (space.channels.start,)]
        for insert in tags:
            yield _Plan(closed.mark, closed.insert + insert)

    def _closed(self) -> _Plan:
        """Close the part that is open, or take it back where there is nothing in it yet."""
        space, part = self._grammar.space, self._state.part
        if isinstance(part, Frames):
            whole = self._frame.state.part
            assert isinstance(whole, Frames)
            if whole.count == 0 and whole.event < 0:
                return _Plan(self._item)
            return _Plan(self._frame, (whole.close(space).start,))
        if isinstance(part, Words) and self._grammar.locked:
            return _Plan(self._here(), (space.numbers.start,))
        if isinstance(part, Voice | Tagged | Bins) or (isinstance(part, Number) and part.value is None):
            return _Plan(self._item)
        return _Plan(self._here())

    def _here(self) -> _Mark:
        return _Mark(len(self.kept), self._state)

    def _carry_out(self, plan: _Plan, position: int) -> None:
        space = self._grammar.space
        taken_back = len(self.kept) - plan.mark.kept
        if taken_back:
            self.actions.append(RepairAction(position, f"took back the last {taken_back} ids, which were unfinished"))
            del self.kept[plan.mark.kept :]
        self._state = plan.mark.state
        for filler in plan.insert:
            self.actions.append(RepairAction(position, f"put in {space.describe(filler)}"))
            self._keep(filler)

    def _keep(self, token: int) -> None:
        """Add an id that fits, and note where one could come back to."""
        before, grammar = self._state, self._grammar
        settled = before.part.settled(grammar, before.place)
        if settled is not None and not self._continues(before, token):
            self._item = _Mark(len(self.kept), settled)
        self.kept.append(token)
        self._state = grammar.advance(before, token)
        if isinstance(self._state.part, Frames) and not self._state.part.frame:
            self._frame = self._here()

    def _continues(self, state: State, token: int) -> bool:
        """Whether an id goes on with a part that could have ended before it."""
        space = self._grammar.space
        return token in space.numbers or (isinstance(state.part, Words) and token in space.text_range)

    def _tell_left_out(self, position: int) -> None:
        left_out, self._left_out = self._left_out, []
        if left_out:
            names = ", ".join(map(self._grammar.space.describe, left_out[:3])) + (", .." if len(left_out) > 3 else "")
            what = "" if len(left_out) == 1 else f"{len(left_out)} ids: "
            self.actions.append(RepairAction(position - len(left_out), f"left out {what}{names}"))
