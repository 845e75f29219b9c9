"""Which id sequences are streams: an automaton that reads one id at a time.

    stream   := channel+ end?
    channel  := <|channel:k|> turn*          # the tag only when there are several
    turn     := <|speaker:k|> voice? item*   # the tag at each change of speaker
    voice    := <|voice|> v0 .. v15          # at a speaker's first turn only
    item     := text | event | units | <|pause|> number | <|back|> number
    text     := language? prosody? piece+ number?    # locked timing has the number, free timing has not
    language := <|lang:xx|>                  # before a channel's first text in a known language, and at each change
    event    := <|laugh|> frame* <|/laugh|>
    units    := <|units|> frame+ <|/units|>
    frame    := unit{num_codebooks} number?  # in an event unit{event_codebooks}; the number only with run-length
                                             # coding: repeated so many times more
    frame    := merged                       # only with unit merges: several frames
    end      := <|end|> digit digit          # locked timing only

It also checks what a context-free grammar cannot: numbers have no leading zero and at most `MAX_DIGITS` digits,
`<|back|>` never goes before the start, a repeated frame is counted and not spelled again, frames are merged as
`unit_merges` says, pauses are not adjacent, a language is not tagged again while it is in force. So each stream has
exactly one spelling. At most `MAX_REPEATS` frames of a stream are repetitions, so that a few ids do not take all
memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from hybrid_tok.errors import GrammarError
from hybrid_tok.tokens.idspace import IdRange, IdSpace
from hybrid_tok.tokens.lark import lark_rules
from hybrid_tok.tokens.merged_frames import Following, MergedFrames
from hybrid_tok.tokens.parts import Boundary, Done, Frames, Place, Ranges, State, Words, others
from hybrid_tok.tokens.unit_merges import Unit

LONG_RUN = 24
"""Units in a row from which they are read at once: arrays cost more than they save on fewer."""


class Grammar:
    """The automaton over the ids of one space.

    Attributes:
        start: the state before the first id.
    """

    def __init__(self, space: IdSpace) -> None:
        self.space = space
        self.locked = space.options.timing == "locked"
        self.start = State(Place(), Boundary())
        self._following: dict[Unit | None, Following] = {}
        self._boundaries: dict[tuple[int, int, int, bool, Boundary], Ranges] = {}

    def allowed(self, state: State) -> Ranges:
        """The ids that may follow, as named ranges that do not overlap."""
        return state.part.allowed(self, state.place)

    def admits(self, state: State, token: int) -> bool:
        """Whether an id may follow."""
        return any(part.start <= token < part.stop for part in state.part.allowed(self, state.place))

    def accepts_end(self, state: State) -> bool:
        """Whether the sequence may end here."""
        if self.locked:
            return isinstance(state.part, Done)
        return state.part.settled(self, state.place) is not None and state.place.channel != 0

    def advance(self, state: State, token: int, position: int = 0) -> State:
        """The state after one more id.

        Raises:
            GrammarError: the id may not follow; `position` is what the error says about where.
        """
        place, part = state
        for ids in part.allowed(self, place):
            if ids.start <= token < ids.stop:
                return part.step(self, place, token)
        raise GrammarError(position, self.space.describe(token), self.names(state))

    def read(self, state: State, ids: Sequence[int], position: int = 0) -> State:
        """The state after several more ids; the same as `advance` on one after another, but long unit runs are fast.

        Raises:
            GrammarError: an id may not follow; `position` is that of the first.
        """
        at = 0
        for start, run in self._unit_runs(ids):
            state = self._stepped(state, ids, at, start, position)
            at = start
            if isinstance(state.part, Frames):
                part, read = state.part.read(self, state.place, run)
                state, at = State(state.place, part), start + read
        return self._stepped(state, ids, at, len(ids), position)

    def _stepped(self, state: State, ids: Sequence[int], start: int, stop: int, position: int) -> State:
        """The state after some of the ids, one after another."""
        pieces, size = self._piece_table, self.space.size
        for index in range(start, stop):
            token = ids[index]
            if type(state.part) is not Words or not (0 <= token < size and pieces[token]):  # no change within a text
                state = self.advance(state, token, position + index)
        return state

    def _unit_runs(self, ids: Sequence[int]) -> list[tuple[int, np.ndarray]]:
        """Where many ids in a row are units, or the numbers between them, and those ids."""
        if len(ids) < LONG_RUN:
            return []
        try:
            given = np.array(ids, np.int64)
        except OverflowError:  # no ids at all; the first of them is refused like any other
            return []
        space = self.space
        inside = (given >= space.units[0].start) & (given < space.units[-1].stop)
        if space.options.run_length:
            inside |= (given >= space.numbers.start) & (given < space.numbers.stop)
        edges = np.flatnonzero(np.diff(inside, prepend=False, append=False)).reshape(-1, 2)
        return [(start, given[start:stop]) for start, stop in edges.tolist() if stop - start >= LONG_RUN]

    @cached_property
    def _piece_table(self) -> bytes:
        """1 for each id that spells a piece of text."""
        table = bytearray(self.space.size)
        for part in self.space.pieces:
            table[part.start : part.stop] = b"\1" * part.size
        return bytes(table)

    def names(self, state: State) -> tuple[str, ...]:
        """What may follow, for messages; ranges of one name together."""
        spans: dict[str, list[str]] = {}
        for ids in self.allowed(state):
            spans.setdefault(ids.name, []).append(f"{ids.start}" if ids.size == 1 else f"{ids.start}..{ids.stop - 1}")
        names = [f"{name} ({', '.join(span[:3])}{', ..' * (len(span) > 3)})" for name, span in spans.items()]
        return (*names, "the end of the sequence") if self.accepts_end(state) else tuple(names)

    def frames(self, event: int = -1) -> Frames:
        """The rule of a unit run, or of an event by its number, before its first unit."""
        return Frames(event) if self.space.options.unit_merges is None else MergedFrames(event)

    def following(self, unit: Unit | None) -> Following:
        """What may follow a merged unit, or a frame that may be merged; cached, since it is needed often."""
        found = self._following.get(unit)
        if found is None:
            found = self._following[unit] = Following(self.space, unit)
        return found

    def to_llguidance(self) -> str:
        """A Lark grammar for llguidance that accepts every stream; `tokens.lark` lists what it cannot refuse."""
        return f"start: stream\n{lark_rules(self.space)}\n"

    def between_items(self, place: Place, boundary: Boundary) -> Ranges:
        """What may follow a boundary; cached, since it is needed often."""
        key = (place.channel, place.speaker, place.language, place.cursor > 0, boundary)
        found = self._boundaries.get(key)
        if found is None:
            ranges = (*self._items(place, boundary), *self._turns(place))
            found = self._boundaries[key] = tuple(ids for ids in ranges if ids.size)
        return found

    def _items(self, place: Place, boundary: Boundary) -> list[IdRange]:
        if place.speaker < 0:
            return []
        space, options = self.space, self.space.options
        ranges: list[IdRange] = []
        if options.layout != "units":
            if boundary.after != "text":  # the pieces of two adjacent texts could not be told apart
                ranges += space.pieces
            if options.prosody:
                ranges.append(space.prosody[0])
            ranges += others(space.languages, place.language)
            ranges.append(space.event_open)
        if options.layout != "text":
            ranges.append(space.units_open)
        if self.locked and options.layout != "units" and boundary.after != "move":
            ranges.append(space.pause)
            if place.cursor > 0:
                ranges.append(space.back)
        if boundary.after == "first speaker tag":
            ranges.append(space.voice_open)
        return ranges

    def _turns(self, place: Place) -> list[IdRange]:
        space = self.space
        ranges = [*others(space.speakers, place.speaker)]
        if place.channel >= 0:
            ranges.append(space.channels.part(place.channel + 1, place.channel + 2))
        elif place.speaker < 0 and space.channels.size > 1:  # a channel tag comes first or never
            ranges.append(space.channels.part(0, 1))
        if self.locked and place.channel != 0:  # one channel has no tag, so a tagged one is not the only one
            ranges.append(space.end)
        return ranges
