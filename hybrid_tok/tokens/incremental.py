"""Ids to the steps of a stream, one id at a time: what is certain is handed out at once.

The grammar's automaton says whether an id may follow; what it means follows from the part of the stream it was read
in. Numbers are written with the highest digit first, so a digit that follows only makes them larger: the frames of a
pause and the repetitions of a frame are handed out digit by digit. The length of a text, or of a step back, is known
when another id than a digit follows.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hybrid_tok.core.events import EVENT_LABELS, EventLabel
from hybrid_tok.core.languages import writes_spaces
from hybrid_tok.errors import GrammarError
from hybrid_tok.tokens.grammar import Grammar
from hybrid_tok.tokens.idspace import BASE, LANGUAGE_CODES
from hybrid_tok.tokens.parse import read_pieces
from hybrid_tok.tokens.parts import Bins, Done, Frames, Number, Part, Place, Remainder, Voice, Words
from hybrid_tok.tokens.stream import Frame, Prosody, TextItem


@dataclass(frozen=True, slots=True)
class ChannelOpened:
    """A channel's tag; a stream with one channel has none."""

    channel: int


@dataclass(frozen=True, slots=True)
class TurnOpened:
    """A speaker's tag."""

    speaker: int


@dataclass(frozen=True, slots=True)
class VoiceRead:
    """The voice code of the speaker whose turn it is."""

    codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TextOpened:
    """The first piece of a text."""

    language: str | None
    prosody: Prosody | None


@dataclass(frozen=True, slots=True)
class TextRead:
    """A whole text; in locked timing with its frames.

    Attributes:
        ids: those of its pieces.
        first: position of the first of them in the stream.
    """

    item: TextItem
    ids: tuple[int, ...]
    first: int


@dataclass(frozen=True, slots=True)
class Paused:
    """Frames of silence. A pause may come as several of these, one per digit of its length."""

    frames: int


@dataclass(frozen=True, slots=True)
class SteppedBack:
    """A step back over so many frames."""

    frames: int


@dataclass(frozen=True, slots=True)
class RunOpened:
    """The start of an event, or of a unit run (None)."""

    label: EventLabel | None


@dataclass(frozen=True, slots=True)
class FramesRead:
    """Frames of the run that is open: one, those of a merged unit, or so many repetitions of the last one."""

    frames: Sequence[Frame]


@dataclass(frozen=True, slots=True)
class RunClosed:
    """The end of the run that is open."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a stream with locked timing: samples in the last frame, 0 where it is whole."""

    remainder: int


Step: TypeAlias = (
    ChannelOpened
    | TurnOpened
    | VoiceRead
    | TextOpened
    | TextRead
    | Paused
    | SteppedBack
    | RunOpened
    | FramesRead
    | RunClosed
    | Ended
)


class IncrementalParser:
    """Reads the ids of one stream.

    All steps of a stream together say what `Vocabulary.decode` would say of its ids.

    Args:
        grammar: of the vocabulary that the ids are of.

    Attributes:
        position: how many ids were read.
    """

    def __init__(self, grammar: Grammar) -> None:
        self.position = 0
        self._grammar = grammar
        self._space = grammar.space
        self._state = grammar.start
        self._bins: list[int] = []
        self._codes: list[int] = []
        self._pieces: list[int] = []
        """Of a text that is not handed out yet."""
        self._prosody: Prosody | None = None
        self._first = 0

    @property
    def place(self) -> Place:
        """The place reached in the recording, as far as items are whole."""
        return self._state.place

    @property
    def open_text(self) -> str:
        """The text that is being read, as far as it was; its last word may go on. Nothing outside a text."""
        spaced = writes_spaces(self._language)
        return self._space.text.decode([token - self._space.text_range.start for token in self._pieces], spaced)

    @property
    def open_ids(self) -> tuple[int, ...]:
        """The ids of its pieces."""
        return tuple(self._pieces)

    def push(self, token: Any) -> list[Step]:
        """Read one more id.

        Returns:
            What it makes certain; may be nothing.

        Raises:
            GrammarError: it may not follow; its position is counted from the start of the stream. It is not taken: the
                stream may go on with another one.
        """
        try:
            index = operator.index(token)
        except TypeError:
            raise GrammarError(self.position, f"{token!r}, which is no id", ("an integer",)) from None
        before = self._state
        after = self._grammar.advance(before, index, self.position)
        part, space = before.part, self._space
        steps: list[Step] = []
        if self._ends(part, index):
            steps += self._settled()
            self._pieces, self._prosody = [], None
            part = None
        self._state = after
        if isinstance(part, Voice):
            self._codes.append(index - space.voice_codes.start)
            if not isinstance(after.part, Voice):
                steps.append(VoiceRead(tuple(self._codes)))
        elif isinstance(part, Frames):
            steps += self._frame(part, index)
        elif isinstance(part, Remainder):
            if isinstance(after.part, Done):
                steps.append(Ended((part.high or 0) * BASE + index - space.numbers.start))
        elif isinstance(part, Number):
            if part.of == "pause":
                value = (part.value or 0) * BASE + index - space.numbers.start
                steps.append(Paused(value - (part.value or 0)))
        elif isinstance(part, Bins) and index not in space.text_range:
            self._bins.append(index)
        elif index in space.text_range:
            steps += self._piece(index)
        elif not isinstance(part, Words):
            steps += self._tag(index)
        self.position += 1
        return steps

    def finish(self) -> list[Step]:
        """The end of the sequence.

        Returns:
            What was not certain before it.

        Raises:
            GrammarError: a stream may not end here. Nothing is lost: the stream may go on.
        """
        if not self._grammar.accepts_end(self._state):
            raise GrammarError(self.position, "the end of the sequence", self._grammar.names(self._state))
        steps = self.peek()
        self._pieces, self._prosody = [], None
        return steps

    def peek(self) -> list[Step]:
        """What is certain if no digit and no piece of the same text follows; it is handed out again with the next id.

        Who knows that the ids so far are whole items, as those of a stream encoder are, need not wait for the next.
        """
        return list(self._settled())

    def _ends(self, part: Part, index: int) -> bool:
        """Whether the text or number that is being read is whole before an id."""
        if isinstance(part, Words):  # in locked timing only its length may follow, and that belongs to it
            return not self._grammar.locked and index not in self._space.text_range
        return isinstance(part, Number) and index not in self._space.numbers

    def _settled(self) -> Iterator[Step]:
        """The text or the step back that is whole now."""
        part = self._state.part
        if isinstance(part, Words) and not self._grammar.locked:
            yield self._text_read(None)
        elif isinstance(part, Number) and part.of == "duration":
            yield self._text_read(part.value)
        elif isinstance(part, Number) and part.of == "back" and part.value is not None:
            yield SteppedBack(part.value)

    def _text_read(self, frames: int | None) -> TextRead:
        item = read_pieces(self._space, self._pieces, self._language)
        written = TextItem(item.text, frames, self._prosody, item.pieces, item.language)
        return TextRead(written, tuple(self._pieces), self._first)

    @property
    def _language(self) -> str | None:
        number = self._state.place.language
        return None if number < 0 else LANGUAGE_CODES[number]

    def _piece(self, index: int) -> Iterator[Step]:
        """A piece of a text, perhaps the first."""
        self._pieces.append(index)
        if len(self._pieces) > 1:
            return
        self._first = self.position
        if self._bins:
            self._prosody = Prosody(
                *(token - part.start for token, part in zip(self._bins, self._space.prosody, strict=True))
            )
            self._bins = []
        yield TextOpened(self._language, self._prosody)

    def _tag(self, index: int) -> Iterator[Step]:
        """What opens something between items."""
        space = self._space
        if index in space.prosody[0]:
            self._bins = [index]
        elif index in space.event_open:
            yield RunOpened(EVENT_LABELS[index - space.event_open.start])
        elif index in space.units_open:
            yield RunOpened(None)
        elif index in space.voice_open:
            self._codes = []
        elif index in space.speakers:
            yield TurnOpened(index - space.speakers.start)
        elif index in space.channels:
            yield ChannelOpened(index - space.channels.start)

    def _frame(self, part: Frames, index: int) -> Iterator[Step]:
        """An id inside a run."""
        space = self._space
        if index in space.merged:
            assert space.options.unit_merges is not None, "merged units are of vocabularies with unit merges"
            yield FramesRead(space.options.unit_merges.expansions[index - space.merged.start])
        elif index in space.numbers:
            before = part.repeats or 0
            more = before * BASE + index - space.numbers.start - before
            if more:
                yield FramesRead(_Repeated(part.last, more))
        elif index in space.units[len(part.frame)]:
            if len(part.frame) + 1 == part.width(space):
                yield FramesRead(((*part.frame, index - space.units[len(part.frame)].start),))
        else:
            yield RunClosed()


@dataclass(frozen=True, slots=True)
class _Repeated(Sequence[Frame]):
    """One frame many times: a day of repetitions takes no memory."""

    frame: Frame
    times: int

    def __len__(self) -> int:
        return self.times

    def __getitem__(self, index: Any) -> Any:
        places = range(self.times)[index]
        return (self.frame,) * len(places) if isinstance(places, range) else self.frame
