"""Repair of an id sequence: one pass from left to right that ends in a sequence the grammar accepts.

An id that fits is kept. For one that does not, the first of these repairs that makes it fit is applied: remove an
incomplete frame; close the open part, or remove it if it is empty; insert the tag that must stand before the id. If
none does, the id is dropped and nothing else changes. No content is invented: no unit and no word is inserted, and a
text without its duration gets 0 frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hybrid_tok.tokens.grammar import Grammar
from hybrid_tok.tokens.parts import Bins, Done, Frames, Number, Remainder, State, Tagged, Voice, Words


@dataclass(frozen=True, slots=True)
class RepairAction:
    """A repair, and its position in the given sequence."""

    position: int
    action: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """A sequence that the grammar accepts, and the repairs that were made."""

    ids: tuple[int, ...]
    actions: tuple[RepairAction, ...]


def repair(grammar: Grammar, ids: Sequence[int]) -> Repaired:
    """Repair a sequence, in linear time. An accepted sequence is returned unchanged."""
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
    """A possible repair: go back to a mark, then insert ids."""

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
        self._dropped: list[int] = []
        """Ids dropped just before, to be listed as one action."""

    def read(self, position: int, token: int) -> None:
        """Keep an id, if necessary after a repair that makes it fit; else drop it."""
        if self._grammar.admits(self._state, token):
            self._report_dropped(position)
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
                    self._report_dropped(position)
                    self._apply(plan, position)
                    self._keep(token)
                    return
        self._dropped.append(token)

    def finish(self, position: int) -> None:
        """End the sequence."""
        space = self._grammar.space
        self._report_dropped(position)
        if isinstance(self._state.part, Remainder):
            missing = 2 if self._state.part.high is None else 1
            self._apply(_Plan(_Mark(len(self.kept), self._state), (space.numbers.start,) * missing), position)
        if self._grammar.accepts_end(self._state):
            return
        self._apply(self._closed(), position)
        if self._state.place.channel == 0:  # one channel has no tag: what has a tag is not the only one
            self._apply(_Plan(self._here(), (space.channels.start + 1,)), position)
        if self._grammar.locked:
            end = (space.end.start, space.numbers.start, space.numbers.start)
            self._apply(_Plan(self._here(), end), position)

    def _plans(self) -> Iterator[_Plan]:
        """Possible repairs before an id that does not fit, the smallest first."""
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
        """Close the open part, or remove it if it is empty."""
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

    def _apply(self, plan: _Plan, position: int) -> None:
        space = self._grammar.space
        removed = len(self.kept) - plan.mark.kept
        if removed:
            self.actions.append(RepairAction(position, f"removed the last {removed} ids, which were unfinished"))
            del self.kept[plan.mark.kept :]
        self._state = plan.mark.state
        for filler in plan.insert:
            self.actions.append(RepairAction(position, f"inserted {space.describe(filler)}"))
            self._keep(filler)

    def _keep(self, token: int) -> None:
        """Add an id that fits, and update the marks to go back to."""
        before, grammar = self._state, self._grammar
        settled = before.part.settled(grammar, before.place)
        if settled is not None and not self._continues(before, token):
            self._item = _Mark(len(self.kept), settled)
        self.kept.append(token)
        self._state = grammar.advance(before, token)
        if isinstance(self._state.part, Frames) and not self._state.part.frame:
            self._frame = self._here()

    def _continues(self, state: State, token: int) -> bool:
        """Whether an id continues a part that could have ended before it."""
        space = self._grammar.space
        return token in space.numbers or (isinstance(state.part, Words) and token in space.text_range)

    def _report_dropped(self, position: int) -> None:
        dropped, self._dropped = self._dropped, []
        if dropped:
            names = ", ".join(map(self._grammar.space.describe, dropped[:3])) + (", .." if len(dropped) > 3 else "")
            what = "" if len(dropped) == 1 else f"{len(dropped)} ids: "
            self.actions.append(RepairAction(position - len(dropped), f"dropped {what}{names}"))
