"""When the ids of a channel are known: which frame each of them belongs to (the rule is in `blocks`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hybrid_tok.errors import GrammarError
from hybrid_tok.tokens.grammar import Grammar
from hybrid_tok.tokens.idspace import IdSpace
from hybrid_tok.tokens.parts import Boundary, Done, Frames, Number, Part, State


@dataclass(frozen=True, slots=True)
class Group:
    """Ids that are in one block.

    Attributes:
        frame: in which they are known.
        position: of the first.
    """

    frame: int
    ids: list[int]
    position: int


class Placer:
    """Groups the ids of a channel by the frame in which they are known, while it checks them.

    Attributes:
        state: of the grammar, after the ids so far.
        pending: ids whose frame is not known yet.
    """

    def __init__(self, grammar: Grammar) -> None:
        self.state = grammar.start
        self.pending: list[int] = []
        self._grammar = grammar
        self._position = 0
        self._frame: int | None = None
        """In which `pending` is known, where it ends with a number that may have more digits."""
        self._reached = 0
        self._number_over = False
        """Whether the last id is a number that is not to go on."""

    @property
    def done(self) -> bool:
        return isinstance(self.state.part, Done)

    def push(self, token: int, position: int) -> Iterator[Group]:
        """One more id; the groups that are whole with it.

        Raises:
            GrammarError: it may not follow.
        """
        numbers = self._grammar.space.numbers
        digit = token in numbers
        if token in self._grammar.space.channels or (digit and self._number_over):
            raise GrammarError(position, self._grammar.space.describe(token), self.names())
        if not digit:
            yield from self.settle()
        before, self.state = self.state.part, self._grammar.advance(self.state, token, position)
        self._number_over = False
        if not self.pending:
            self._position = position
        self.pending.append(token)
        self._frame = self._known(before)
        if self._frame is not None and (not digit or self.done):
            yield from self.settle()
            self._number_over = False

    def settle(self) -> Iterator[Group]:
        """The group that ends with a number, which is over."""
        if self._frame is not None:
            self._reached = max(self._reached, self._frame)
            yield Group(self._reached, self.pending, self._position)
            self.pending, self._frame, self._number_over = [], None, True

    def names(self) -> tuple[str, ...]:
        """What may follow within the channel, for messages."""
        names = (name for name in self._grammar.names(self.state) if not name.startswith("channel ("))
        return tuple(name for name in names if not (self._number_over and name.startswith("number (")))

    def _known(self, before: Part) -> int | None:
        """The frame in which the last id is known, what precedes it left aside; None where what follows says so.

        Args:
            before: the part that the id was read in.
        """
        place, part = self.state
        if isinstance(part, Frames):
            end = place.cursor + part.count + part.repeated
            if part.repeats is not None:
                return None if part.frame else end + part.repeats
            return end - 1 if part.count and not part.frame else None
        if isinstance(part, Number) and part.value is not None:
            if part.of == "duration":
                return place.cursor + max(part.value - 1, 0)
            return place.cursor + part.value if part.of == "pause" else None
        if isinstance(part, Boundary) and isinstance(before, Frames) and not before.count:
            return place.cursor  # an event without units
        return place.furthest if isinstance(part, Done) else None


class Voices:
    """Finds voice codes of speakers whom an earlier channel has too: of a stream only the first turn has one."""

    def __init__(self) -> None:
        self._spoken: dict[int, int] = {}
        """The first channel of each speaker."""
        self._voiced: dict[int, int] = {}
        """The last channel of each speaker's voice code."""

    def conflict(self, space: IdSpace, channel: int, token: int, state: State) -> tuple[int, int, int] | None:
        """Two channels and the speaker, where the second must have no voice code; `state` is after the id."""
        if token in space.speakers:
            speaker = token - space.speakers.start
            self._spoken[speaker] = min(self._spoken.get(speaker, channel), channel)
        elif token in space.voice_open:
            speaker = state.place.speaker
            self._voiced[speaker] = max(self._voiced.get(speaker, channel), channel)
        else:
            return None
        first, voiced = self._spoken[speaker], self._voiced.get(speaker, -1)
        return (first, voiced, speaker) if first < voiced else None
