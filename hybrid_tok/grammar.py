"""Which id sequences are streams: an automaton that reads one id at a time.

    stream   := channel+ end?
    channel  := <|channel:k|> turn*          # the tag only when there are several
    turn     := <|speaker:k|> voice? item*   # the tag at each change of speaker
    voice    := <|voice|> v0 .. v7           # at a speaker's first turn only
    item     := text | event | units | <|pause|> number | <|back|> number
    text     := prosody? piece+ number?      # locked timing has the number, free timing has not
    event    := <|laugh|> frame* <|/laugh|>
    units    := <|units|> frame+ <|/units|>
    frame    := unit{num_codebooks} number?  # the number only with run-length coding: repeated so many times more
    end      := <|end|> digit digit          # locked timing only

It knows what a context-free grammar cannot: numbers have no leading zero and at most `MAX_DIGITS` digits, `<|back|>`
never goes before the start, a repeated frame is counted and not spelled again, pauses are not adjacent. So there is
exactly one spelling of each stream.

A state is the place reached in the recording and the part of the stream that is being read. Each part is a rule of
its own: it says which ids may follow, and what follows each. States are immutable and small: a sampler keeps one per
hypothesis.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias

from hybrid_tok.errors import GrammarError
from hybrid_tok.idspace import BASE, MAX_NUMBER, IdRange, IdSpace
from hybrid_tok.stream import VOICE_CODES, Frame

Ranges: TypeAlias = "tuple[IdRange, ...]"


@dataclass(frozen=True, slots=True)
class Place:
    """What is remembered between items.

    Attributes:
        channel: number of the current channel; -1 while no channel tag was written.
        speaker: of the current turn; -1 before a channel's first.
        spoken: speakers that have had a turn, the current one too.
        cursor: frames from the start of the channel.
        furthest: the furthest the cursor got in any channel.
    """

    channel: int = -1
    speaker: int = -1
    spoken: frozenset[int] = frozenset()
    cursor: int = 0
    furthest: int = 0

    def moved(self, frames: int) -> Place:
        cursor = self.cursor + frames
        return replace(self, cursor=cursor, furthest=max(self.furthest, cursor))


class Part(ABC):
    """The part of a stream that is being read."""

    __slots__ = ()

    @abstractmethod
    def allowed(self, grammar: Grammar, place: Place) -> Ranges:
        """The ids that may follow; the ranges do not overlap, and none is empty."""

    @abstractmethod
    def after(self, grammar: Grammar, place: Place, token: int) -> State:
        """The state after one of the ids allowed."""

    def settled(self, grammar: Grammar, place: Place) -> State | None:
        """The state at the boundary between items, if this part is complete as it stands; else None."""
        return None


class State(NamedTuple):
    """Where in a stream a sequence of ids has got to."""

    place: Place
    part: Part


class Grammar:
    """The automaton over the ids of one space.

    Attributes:
        start: the state before the first id.
    """

    def __init__(self, space: IdSpace) -> None:
        self.space = space
        self.locked = space.options.timing == "locked"
        self.start = State(Place(), Boundary())
        self._boundaries: dict[tuple[int, int, bool, Boundary], Ranges] = {}

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
                return part.after(self, place, token)
        raise GrammarError(position, self.space.describe(token), self.names(state))

    def names(self, state: State) -> tuple[str, ...]:
        """What may follow, for people; ranges of one name together."""
        spans: dict[str, list[str]] = {}
        for ids in self.allowed(state):
            span = f"{ids.start}" if ids.size == 1 else f"{ids.start}..{ids.stop - 1}"
            spans.setdefault(ids.name, []).append(span)
        names = [f"{name} (id{'s' if ' '.join(span).count('.') or len(span) > 1 else ''} {', '.join(span[:3])}"
                 f"{', ..' if len(span) > 3 else ''})" for name, span in spans.items()]
        return (*names, "the end of the sequence") if self.accepts_end(state) else tuple(names)

    def between_items(self, place: Place, boundary: Boundary) -> Ranges:
        """What may follow a boundary; asked for often, so remembered."""
        key = (place.channel, place.speaker, place.cursor > 0, boundary)
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
        ranges = [
            space.speakers.part(0, max(place.speaker, 0)),
            space.speakers.part(place.speaker + 1, space.speakers.size),
        ]
        if place.channel >= 0:
            ranges.append(space.channels.part(place.channel + 1, place.channel + 2))
        elif place.speaker < 0 and space.channels.size > 1:  # a channel tag comes first or never
            ranges.append(space.channels.part(0, 1))
        if self.locked and place.channel != 0:  # one channel has no tag, so a tagged one is not the only one
            ranges.append(space.end)
        return ranges


@dataclass(frozen=True, slots=True)
class Boundary(Part):
    """Between items.

    Attributes:
        after: what was before, where it restricts what follows: a text in free timing, a pause or back.
    """

    after: Literal["", "first speaker tag", "text", "move"] = ""

    def allowed(self, grammar: Grammar, place: Place) -> Ranges:
        return grammar.between_items(place, self)

    def settled(self, grammar: Grammar, place: Place) -> State | None:
        return State(place, self)

    def after_speaker(self, place: Place, speaker: int) -> State:
        first = speaker not in place.spoken
        place = replace(place, speaker=speaker, spoken=place.spoken | {speaker})
        return State(place, Boundary("first speaker tag" if first else ""))

    def after(self_, grammar, place, token):  # pragma: no cover - replaced below
        raise NotImplementedError
