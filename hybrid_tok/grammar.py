"""Which id sequences are streams: an automaton that reads one id at a time.

    stream   := channel+ end?
    channel  := <|channel:k|> turn*          # the tag only when there are several
    turn     := <|speaker:k|> voice? item*
    voice    := <|voice|> v0 .. v7           # at a speaker's first turn only
    item     := text | event | units | <|pause|> number | <|back|> number
    text     := prosody? piece+ number?      # locked timing has the number, free timing has not
    event    := <|laugh|> frame* <|/laugh|>
    units    := <|units|> frame+ <|/units|>
    frame    := unit{num_codebooks} number?  # the number only with run-length coding: repeated so many times more
    end      := <|end|> digit digit          # locked timing only

It knows what a context-free grammar cannot: numbers have no leading zero and at most `MAX_DIGITS` digits, `<|back|>`
never goes before the start, a repeated frame is counted and not spelled again, pauses are not adjacent. So there is
exactly one spelling of each stream. States are immutable and small: a sampler keeps one per hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from hybrid_tok.errors import GrammarError
from hybrid_tok.idspace import BASE, MAX_DIGITS, IdRange, IdSpace
from hybrid_tok.stream import VOICE_CODES

Phase: TypeAlias = Literal[
    "start", "channel", "turn", "voice", "item", "prosody", "text", "duration", "event", "units", "repeat",
    "pause", "back", "end", "done",
]  # fmt: skip
Previous: TypeAlias = Literal["", "text", "move"]


@dataclass(frozen=True, slots=True)
class State:
    """Where in a stream a sequence of ids has got to.

    Attributes:
        phase: what is being read.
        channel: the current channel's number; -1 while no channel tag was written.
        speaker: of the current turn; -1 before the first.
        spoken: speakers that have had a turn.
        cursor: frames, without the number that is being read.
        furthest: the furthest the cursor got in any channel.
        previous: the kind of item before, where it restricts the next.
        value, digits: the number that is being read.
        count: voice codes or prosody tokens read.
        frame: units of the frame that is being read.
        repeated: the last whole frame of the run; () at its start.
        event: the open event's number; -1 for a unit run.
    """

    phase: Phase = "start"
    channel: int = -1
    speaker: int = -1
    spoken: frozenset[int] = frozenset()
    cursor: int = 0
    furthest: int = 0
    previous: Previous = ""
    value: int = 0
    digits: int = 0
    count: int = 0
    frame: tuple[int, ...] = ()
    repeated: tuple[int, ...] = ()
    event: int = -1


@dataclass(frozen=True, slots=True)
class Grammar:
    """The automaton over the ids of one space."""

    space: IdSpace

    def allowed(self, state: State) -> tuple[IdRange, ...]:
        """The ids that may follow, as named ranges, possibly adjacent, never overlapping."""
        return tuple(part for part in _ALLOWED[state.phase](self.space, state) if part.start < part.stop)

    def accepts_end(self, state: State) -> bool:
        """Whether the sequence may end here."""
        if self.space.options.timing == "locked":
            return state.phase == "done"
        return state.channel != 0 and state.phase in ("start", "channel", "turn", "item", "text")

    def advance(self, state: State, token: int, position: int = 0) -> State:
        """The state after one more id.

        Raises:
            GrammarError: the id may not follow; `position` is what the error says about where.
        """
        for part in self.allowed(state):
            if part.start <= token < part.stop:
                return _after(self.space, state, token)
        raise GrammarError(position, self.space.describe(token), self.names(state))

    def names(self, state: State) -> tuple[str, ...]:
        """What may follow, for people."""
        names = [part.describe() for part in self.allowed(state)]
        return (*names, "the end of the sequence") if self.accepts_end(state) else tuple(names)


def _digits(space: IdSpace, low: int, high: int) -> IdRange:
    return space.numbers.part(low, high + 1)


def _more_digits(space: IdSpace, state: State, limit: int | None = None) -> Iterator[IdRange]:
    """A further digit of the number that is being read; its value must not go over the limit."""
    if state.digits == 0 or state.digits >= MAX_DIGITS or state.value == 0:
        return
    high = BASE - 1 if limit is None else min(BASE - 1, limit - state.value * BASE)
    yield _digits(space, 0, high)


def _items(space: IdSpace, state: State) -> Iterator[IdRange]:
    """Whatever may start where an item has ended: an item, a turn, a channel, the end."""
    options = space.options
    if options.layout != "units":
        if not (options.timing == "free" and state.previous == "text"):
            yield from space.pieces
        if options.prosody:
            yield space.prosody[0]
        yield space.event_open
    if options.layout != "text":
        yield space.units_open
    cursor = _cursor(state)
    if options.timing == "locked" and options.layout != "units" and state.previous != "move":
        yield space.pause
        if cursor > 0:
            yield space.back
    yield from _turns(space, state)


def _turns(space: IdSpace, state: State) -> Iterator[IdRange]:
    yield space.speakers.part(0, max(state.speaker, 0))
    yield space.speakers.part(state.speaker + 1, space.speakers.size)
    if state.channel >= 0:
        yield space.channels.part(state.channel + 1, state.channel + 2)
    if space.options.timing == "locked" and state.channel != 0:
        yield space.end


def _start(space: IdSpace, state: State) -> Iterator[IdRange]:
    yield space.channels.part(0, 1)
    yield from _turns(space, state)


def _turn(space: IdSpace, state: State) -> Iterator[IdRange]:
    if state.speaker not in state.spoken:
        yield space.voice_open
    yield from _items(space, state)


def _voice(space: IdSpace, state: State) -> Iterator[IdRange]:
    yield space.voice_codes


def _prosody(space: IdSpace, state: State) -> Iterator[IdRange]:
    if state.count < len(space.prosody):
        yield space.prosody[state.count]
    else:
        yield from space.pieces


def _text(space: IdSpace, state: State) -> Iterator[IdRange]:
    yield from space.pieces
    if space.options.timing == "locked":
        yield _digits(space, 0, BASE - 1)
    else:
        yield from _items(space, replace(state, previous="text"))


def _number(space: IdSpace, state: State) -> Iterator[IdRange]:
    """A duration or a pause after its first digit."""
    yield from _more_digits(space, state)
    yield from _items(space, state)


def _pause(space: IdSpace, state: State) -> Iterator[IdRange]:
    if state.digits == 0:
        yield _digits(space, 1, BASE - 1)
    else:
        yield from _number(space, state)


def _back(space: IdSpace, state: State) -> Iterator[IdRange]:
    if state.digits == 0:
        yield _digits(space, 1, min(BASE - 1, state.cursor))
    else:
        yield from _more_digits(space, state, state.cursor)
        yield from _items(space, state)


def _frames(space: IdSpace, state: State) -> Iterator[IdRange]:
    """Inside an event or a unit run."""
    position = len(state.frame)
    if space.options.layout != "text":
        codebook = space.units[position]
        if space.options.run_length and position == len(space.units) - 1 and state.repeated[:-1] == state.frame:
            yield from _without(codebook, state.repeated[-1] if state.repeated else -1)
        else:
            yield codebook
    if position == 0:
        if state.repeated and space.options.run_length:
            if state.digits == 0:
                yield _digits(space, 1, BASE - 1)
            else:
                yield from _more_digits(space, state)
        if state.event >= 0:
            yield space.event_close.part(state.event, state.event + 1)
        elif state.repeated:
            yield space.units_close


def _without(codebook: IdRange, unit: int) -> Iterator[IdRange]:
    if unit < 0:
        yield codebook
        return
    yield codebook.part(0, unit)
    yield codebook.part(unit + 1, codebook.size)


def _end(space: IdSpace, state: State) -> Iterator[IdRange]:
    highest = space.options.hop - 1 if state.furthest else 0
    if state.count == 0:
        yield _digits(space, 0, highest // BASE)
    else:
        yield _digits(space, 0, min(BASE - 1, highest - state.value * BASE))


def _done(space: IdSpace, state: State) -> Iterator[IdRange]:
    yield from ()


def _cursor(state: State) -> int:
    """The cursor with the number that is being read counted in."""
    if state.phase in ("duration", "pause"):
        return state.cursor + state.value
    if state.phase == "back":
        return state.cursor - state.value
    return state.cursor


def _settle(state: State) -> State:
    """The state at an item's start: the number before is counted in."""
    cursor = _cursor(state)
    previous: Previous = state.previous
    if state.phase in ("text", "duration"):
        previous = "text"
    elif state.phase in ("pause", "back"):
        previous = "move"
    return replace(
        state,
        phase="item",
        cursor=cursor,
        furthest=max(state.furthest, cursor),
        previous=previous,
        value=0,
        digits=0,
        count=0,
    )


def _after(space: IdSpace, state: State, token: int) -> State:
    """The state after an id that is allowed."""
    if token in space.numbers:
        return _after_digit(state, token - space.numbers.start)
    if state.phase in ("event", "units"):
        return _inside_run(space, state, token)
    if state.phase == "voice":
        count = state.count + 1
        if count < VOICE_CODES:
            return replace(state, count=count)
        return replace(state, phase="item", count=0)
    if space.is_piece(token):
        return replace(state, phase="text") if state.phase in ("text", "prosody") else replace(_settle(state), phase="text")
    if state.phase == "prosody" and state.count:
        return replace(state, count=state.count + 1)
    settled = _settle(state)
    if space.options.prosody and token in space.prosody[0]:
        return replace(settled, phase="prosody", count=1)
    if token in space.speakers:
        spoken = settled.spoken | ({settled.speaker} if settled.speaker >= 0 else frozenset())
        return replace(settled, phase="turn", speaker=token - space.speakers.start, spoken=spoken, previous="")
    if token in space.channels:
        spoken = settled.spoken | ({settled.speaker} if settled.speaker >= 0 else frozenset())
        return State(
            "channel", channel=token - space.channels.start, spoken=frozenset(spoken), furthest=settled.furthest
        )
    if token in space.event_open:
        return replace(settled, phase="event", event=token - space.event_open.start, repeated=(), frame=())
    if token in space.units_open:
        return replace(settled, phase="units", event=-1, repeated=(), frame=())
    if token in space.voice_open:
        return replace(settled, phase="voice")
    if token in space.pause:
        return replace(settled, phase="pause")
    if token in space.back:
        return replace(settled, phase="back")
    return replace(settled, phase="end")


def _after_digit(state: State, digit: int) -> State:
    value = state.value * BASE + digit
    if state.phase == "end":
        return replace(state, phase="end" if state.count == 0 else "done", value=value, count=state.count + 1)
    if state.phase in ("event", "units"):
        # The run grows as its count is read: what the digits so far stood for is taken back first.
        return replace(state, cursor=state.cursor - state.value + value, value=value, digits=state.digits + 1)
    phase: Phase = "duration" if state.phase == "text" else state.phase
    return replace(state, phase=phase, value=value, digits=state.digits + 1)


def _inside_run(space: IdSpace, state: State, token: int) -> State:
    if token in space.event_close or token in space.units_close:
        return replace(_settle(state), previous="", frame=(), repeated=(), event=-1)
    frame = (*state.frame, token - space.units[len(state.frame)].start)
    if len(frame) < len(space.units):
        return replace(state, frame=frame, value=0, digits=0)
    return replace(state, frame=(), repeated=frame, cursor=state.cursor + 1, value=0, digits=0)


_ALLOWED: dict[Phase, Callable[[IdSpace, State], Iterator[IdRange]]] = {
    "start": _start,
    "channel": _turns,
    "turn": _turn,
    "voice": _voice,
    "item": _items,
    "prosody": _prosody,
    "text": _text,
    "duration": _number,
    "event": _frames,
    "units": _frames,
    "pause": _pause,
    "back": _back,
    "end": _end,
    "done": _done,
}
