"""The rules of the grammar: what may follow in each part of a stream, and what follows that.

A state is the place reached in the recording and the part of the stream that is being read. Each part is a rule of
its own: it says which ids may follow, and what follows each. States are immutable and small: a sampler keeps one per
hypothesis.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np

from hybrid_tok.errors import GrammarError
from hybrid_tok.tokens.idspace import BASE, MAX_DIGITS, MAX_NUMBER, IdRange, IdSpace
from hybrid_tok.tokens.stream import VOICE_CODES, Frame

if TYPE_CHECKING:
    from hybrid_tok.tokens.grammar import Grammar

MAX_REPEATS = 24 * 3600 * 50
"""Repetitions of frames in a stream: a day of them. Without a limit four ids ask for 100 MB, as often as they occur."""

Ranges: TypeAlias = "tuple[IdRange, ...]"


@dataclass(frozen=True, slots=True)
class Place:
    """The state that is kept between items.

    Attributes:
        channel: number of the current channel; -1 before any channel tag.
        speaker: of the current turn; -1 before a channel's first.
        spoken: speakers that have had a turn, the current one too.
        language: number of the one in force in the current channel; -1 before its first tag.
        cursor: frames from the start of the channel.
        furthest: the maximum of the cursor in any channel.
        repeats: repetitions of frames in the parts before.
    """

    channel: int = -1
    speaker: int = -1
    spoken: frozenset[int] = frozenset()
    language: int = -1
    cursor: int = 0
    furthest: int = 0
    repeats: int = 0

    def moved(self, frames: int) -> Place:
        cursor = self.cursor + frames
        furthest = max(self.furthest, cursor)
        return Place(self.channel, self.speaker, self.spoken, self.language, cursor, furthest, self.repeats)


class Part(ABC):
    """The part of a stream that is being read."""

    __slots__ = ()

    @abstractmethod
    def allowed(self, grammar: Grammar, place: Place) -> Ranges:
        """The ids that may follow; the ranges do not overlap, and none is empty."""

    @abstractmethod
    def step(self, grammar: Grammar, place: Place, token: int) -> State:
        """The state after one of the ids allowed."""

    def settled(self, grammar: Grammar, place: Place) -> State | None:
        """The state at the boundary between items, if this part is complete as it stands; else None."""
        return None


class State(NamedTuple):
    """The position in a stream that a sequence of ids has reached."""

    place: Place
    part: Part


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

    def step(self, grammar: Grammar, place: Place, token: int) -> State:
        space = grammar.space
        if token in space.text_range:
            return State(place, Words())
        if token in space.prosody[0]:
            return State(place, Bins(1))
        if token in space.languages:
            return State(replace(place, language=token - space.languages.start), Tagged())
        if token in space.event_open:
            return State(place, grammar.frames(token - space.event_open.start))
        if token in space.units_open:
            return State(place, grammar.frames())
        if token in space.pause:
            return State(place, Number("pause"))
        if token in space.back:
            return State(place, Number("back"))
        if token in space.voice_open:
            return State(place, Voice(0))
        if token in space.speakers:
            speaker = token - space.speakers.start
            tagged = replace(place, speaker=speaker, spoken=place.spoken | {speaker})
            return State(tagged, Boundary("" if speaker in place.spoken else "first speaker tag"))
        if token in space.channels:
            channel = token - space.channels.start
            return State(replace(place, channel=channel, speaker=-1, language=-1, cursor=0), Boundary())
        return State(place, Remainder())


@dataclass(frozen=True, slots=True)
class Voice(Part):
    """Inside a voice code.

    Attributes:
        read: number of its tokens read so far.
    """

    read: int

    def allowed(self, grammar: Grammar, place: Place) -> Ranges:
        return (grammar.space.voice_codes,)

    def step(self, grammar: Grammar, place: Place, token: int) -> State:
        read = self.read + 1
        return State(place, Voice(read) if read < VOICE_CODES else Boundary())


@dataclass(frozen=True, slots=True)
class Tagged(Part):
    """After the language tag of a text."""

    def allowed(self, grammar: Grammar, place: Place) -> Ranges:
        space = grammar.space
        return (*space.pieces, space.prosody[0]) if space.options.prosody else space.pieces

    def step(self, grammar: Grammar, place: Place, token: int) -> State:
        return State(place, Words() if token in grammar.space.text_range else Bins(1))


@dataclass(frozen=True, slots=True)
class Bins(Part):
    """Inside the prosody before a text.

    Attributes:
        read: number of its bins read so far.
    """

    read: int

    def allowed(self, grammar: Grammar, place: Place) -> Ranges:
        space = grammar.space
        return space.pieces if self.read == len(space.prosody) else (space.prosody[self.read],)

    def step(self, grammar: Grammar, place: Place, token: int) -> State:
        return State(place, Words() if self.read == len(grammar.space.prosody) else Bins(self.read + 1))


@dataclass(frozen=True, slots=True)
class Words(Part):
    """Inside the pieces of a text, of which there is one already."""

    def allowed(self, grammar: Grammar, place: Place) -> Ranges:
        if grammar.locked:
            return (*grammar.space.pieces, grammar.space.numbers)
        return grammar.space.pieces + grammar.between_items(place, Boundary("text"))

    def settled(self, grammar: Grammar, place: Place) -> State | None:
        return None if grammar.locked else State(place, Boundary("text"))

    def step(self, grammar: Grammar, place: Place, token: int) -> State:
        if token in grammar.space.text_range:
            return State(place, self)
        if grammar.locked:
            return State(place, Number("duration", token - grammar.space.numbers.start))
        return Boundary("text").step(grammar, place, token)


@dataclass(frozen=True, slots=True)
class Number(Part):
    """Inside a text's duration, a pause or a step back.

    Attributes:
        of: the item whose frames it counts.
        value: of the digits read so far; None before the first.
    """

    of: Literal["duration", "pause", "back"]
    value: int | None = None

    def allowed(self, grammar: Grammar, place: Place) -> Ranges:
        highest = place.cursor if self.of == "back" else MAX_NUMBER
        digits = more_digits(grammar.space, self.value, min(highest, MAX_NUMBER))
        if self.value is None:
            return digits
        after, boundary = self._settle(place)
        return digits + grammar.between_items(after, boundary)

    def settled(self, grammar: Grammar, place: Place) -> State | None:
        return None if self.value is None else State(*self._settle(place))

    def step(self, grammar: Grammar, place: Place, token: int) -> State:
        if token in grammar.space.numbers:
            return State(place, Number(self.of, (self.value or 0) * BASE + token - grammar.space.numbers.start))
        after, boundary = self._settle(place)
        return boundary.step(grammar, after, token)

    def _settle(self, place: Place) -> tuple[Place, Boundary]:
        frames = self.value or 0
        return place.moved(-frames if self.of == "back" else frames), Boundary("" if self.of == "duration" else "move")


@dataclass(frozen=True, slots=True)
class Frames(Part):
    """Inside an event or a unit run.

    Attributes:
        event: the event's number in the taxonomy; -1 for a unit run.
        count: whole frames read, repetitions not counted.
        repeated: repetitions of whole frames.
        last: the last whole frame.
        frame: units of the frame that is being read.
        repeats: how often the last frame is repeated, as far as the digits after it were read.
    """

    event: int = -1
    count: int = 0
    repeated: int = 0
    last: Frame = ()
    frame: Frame = ()
    repeats: int | None = None

    def allowed(self, grammar: Grammar, place: Place) -> Ranges:
        space = grammar.space
        if space.options.layout == "text":
            return (self.close(space),)
        index = len(self.frame)
        ids: Ranges = (space.units[index],)
        run_length = space.options.run_length
        if run_length and index == self.width(space) - 1 and self.count and self.last[:-1] == self.frame:
            unit = self.last[-1]  # a frame like the one before is counted, not spelled
            ids = tuple(part for part in (ids[0].part(0, unit), ids[0].part(unit + 1, ids[0].size)) if part.size)
        if index:
            return ids
        left = MAX_REPEATS - place.repeats - self.repeated
        if self.count and run_length and left:
            ids += more_digits(space, self.repeats, left)
        return (*ids, self.close(space)) if self.count or self.event >= 0 else ids

    def step(self, grammar: Grammar, place: Place, token: int) -> State:
        space = grammar.space
        codebook = space.units[len(self.frame)]
        if codebook.start <= token < codebook.stop:
            frame = (*self.frame, token - codebook.start)
            repeated = self.repeated + (self.repeats or 0)
            if len(frame) < self.width(space):
                return State(place, Frames(self.event, self.count, repeated, self.last, frame))
            return State(place, Frames(self.event, self.count + 1, repeated, frame))
        if token in space.numbers:
            return State(place, replace(self, repeats=(self.repeats or 0) * BASE + token - space.numbers.start))
        repeated = self.repeated + (self.repeats or 0)
        counted = replace(place, repeats=place.repeats + repeated) if repeated else place
        return State(counted.moved(self.count + repeated), Boundary())

    def read(self, grammar: Grammar, place: Place, ids: np.ndarray) -> tuple[Frames, int]:
        """The part after as many whole frames with their repetitions as are right, and how many of the ids those are.

        What is wrong, or rare, is left to be read one by one.

        Args:
            ids: of units, and with run-length coding of digits [n].
        """
        options, width = grammar.space.options, self.width(grammar.space)
        if self.frame or options.layout == "text":
            return self, 0
        if not options.run_length:
            return self._read_plain(ids, grammar.space.first_units[:width], options.codebook_size)
        digit = ids < grammar.space.first_units[0]
        units = np.flatnonzero(~digit)
        total = units.size // width
        if not total or digit[0]:
            return self, 0
        frames = ids[units[: total * width]].reshape(-1, width) - grammar.space.first_units[:width]
        wrong = np.zeros(total, np.bool_)
        wrong |= ((frames < 0) | (frames >= options.codebook_size)).any(axis=1)
        wrong[1:] |= (frames[1:] == frames[:-1]).all(axis=1)
        wrong[0] |= tuple(frames[0].tolist()) == self.last
        most = MAX_REPEATS - place.repeats - self.repeated - (self.repeats or 0)
        counted = _repeats(ids[digit] - grammar.space.numbers.start, np.cumsum(~digit)[digit], width, total)
        repeats = np.maximum(counted, 0)
        wrong |= (counted < 0) | (repeats.cumsum() > most)
        count = int(wrong.argmax()) if wrong.any() else total
        if not count:
            return self, 0
        repeated = self.repeated + (self.repeats or 0) + int(repeats[: count - 1].sum())
        last, pending = tuple(frames[count - 1].tolist()), int(repeats[count - 1]) or None
        read = int(units[count * width]) if count * width < units.size else ids.size
        return Frames(self.event, self.count + count, repeated, last, (), pending), read

    def _read_plain(self, ids: np.ndarray, starts: np.ndarray, codebook_size: int) -> tuple[Frames, int]:
        """The same where frames are not counted."""
        width = starts.size
        frames = ids[: ids.size // width * width].reshape(-1, width)
        count = len(frames)
        if count and ((frames.min(0) < starts) | (frames.max(0) >= starts + codebook_size)).any():
            count = int(((frames < starts) | (frames >= starts + codebook_size)).any(axis=1).argmax())
        if not count:
            return self, 0
        last = tuple((frames[count - 1] - starts).tolist())
        return Frames(self.event, self.count + count, self.repeated, last), count * width

    def width(self, space: IdSpace) -> int:
        """Units per frame."""
        return space.options.num_codebooks if self.event < 0 else space.options.event_width

    def close(self, space: IdSpace) -> IdRange:
        """The id that ends the run."""
        return space.units_close if self.event < 0 else space.event_close.part(self.event, self.event + 1)


@dataclass(frozen=True, slots=True)
class Remainder(Part):
    """After `<|end|>`: two digits, the samples in the last frame when that is partial.

    Attributes:
        high: the first digit; None before it.
    """

    high: int | None = None

    def allowed(self, grammar: Grammar, place: Place) -> Ranges:
        highest = grammar.space.options.hop - 1 if place.furthest else 0  # no frames, no last frame
        if self.high is None:
            return (grammar.space.numbers.part(0, highest // BASE + 1),)
        return (grammar.space.numbers.part(0, highest - self.high * BASE + 1),)

    def step(self, grammar: Grammar, place: Place, token: int) -> State:
        return State(place, Remainder(token - grammar.space.numbers.start) if self.high is None else Done())


@dataclass(frozen=True, slots=True)
class Done(Part):
    """After the end."""

    def allowed(self, grammar: Grammar, place: Place) -> Ranges:
        return ()

    def step(self, grammar: Grammar, place: Place, token: int) -> State:
        raise GrammarError(0, grammar.space.describe(token), ())


def _repeats(digits: np.ndarray, before: np.ndarray, width: int, frames: int) -> np.ndarray:
    """How often each frame is repeated [frames]; -1 where that is no number, or has as many digits as are rare.

    Args:
        digits: [n].
        before: units before each digit [n], ascending; at least one.
        width: units of a frame.
    """
    misplaced = np.minimum(before // width, frames - 1)[before % width > 0]
    whole = (before % width == 0) & (before // width <= frames)
    digits, of = digits[whole], before[whole] // width - 1
    counts = np.bincount(of, minlength=frames)
    order = np.arange(digits.size) - np.searchsorted(of, of)  # of each digit in its number
    values = np.bincount(of, digits * float(BASE) ** (counts[of] - 1 - order), minlength=frames).astype(np.int64)
    values[of[(order == 0) & (digits == 0)]] = -1
    values[counts >= MAX_DIGITS] = -1
    values[misplaced] = -1
    return values


def others(ids: IdRange, index: int) -> Ranges:
    """All ids of a range except the one with an index; -1 excludes none."""
    return ids.part(0, index), ids.part(index + 1, ids.size)


def more_digits(space: IdSpace, value: int | None, highest: int) -> Ranges:
    """The digits that may come next in a number: big-endian, no leading zero, at most `highest` in the end.

    Args:
        value: that of the digits so far; None before the first.
        highest: at least 1.
    """
    if value is None:
        return (space.numbers.part(1, highest + 1),)
    if value == 0 or value * BASE > highest:
        return ()
    return (space.numbers.part(0, highest - value * BASE + 1),)
