"""The map between streams and ids: `encode` writes, `decode` reads, and the grammar is the law in both directions."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal, TypeAlias

from hybrid_tok.errors import GrammarError, StreamError
from hybrid_tok.grammar import Grammar, State
from hybrid_tok.events import EVENT_LABELS
from hybrid_tok.idspace import BASE, MAX_DIGITS, IdRange, IdSpace, VocabularyOptions
from hybrid_tok.parse import StreamBuilder
from hybrid_tok.stream import EventItem, Frame, HybridStream, Item, Pause, TextItem, UnitItem
from hybrid_tok.text import TextTokenizer

Errors: TypeAlias = Literal["strict", "repair"]


class Vocabulary:
    """An id space with its grammar.

    Args:
        options: what is written.
        text: the text tokenizer.
    """

    def __init__(self, options: VocabularyOptions, text: TextTokenizer) -> None:
        self.options = options
        self.space = IdSpace(options, text)
        self.grammar = Grammar(self.space)

    @property
    def size(self) -> int:
        return self.space.size

    @property
    def ranges(self) -> tuple[IdRange, ...]:
        return self.space.ranges

    @property
    def pad_id(self) -> int:
        """For filling batches up; no stream contains it."""
        return self.space.pad.start

    @cached_property
    def fingerprint(self) -> Mapping[str, str]:
        """A hash per part; two vocabularies read each other's ids exactly when all parts agree."""
        layout = {**asdict(self.options), "ranges": [(part.name, part.start, part.stop) for part in self.ranges]}
        return MappingProxyType(
            {
                "text": self.space.text.fingerprint,
                "codec": self.options.codec,
                "vocabulary": hashlib.sha256(json.dumps(layout, sort_keys=True).encode()).hexdigest()[:16],
            }
        )

    @property
    def bits_per_token(self) -> float:
        """log2 of the whole id space."""
        return math.log2(self.size)

    def range_bits(self, ids: Sequence[int]) -> float:
        """Bits of a sequence when each id is told among its own range only."""
        total = 0.0
        for token in ids:
            part = self.space.range_of(token)
            total += math.log2(part.size) if part else self.bits_per_token
        return total

    def encode(self, stream: HybridStream) -> list[int]:
        """A stream to ids.

        Raises:
            StreamError: the stream has something this vocabulary has no ids for.
        """
        if stream.timing != self.options.timing:
            raise StreamError(f"the stream's timing is {stream.timing}, the vocabulary's {self.options.timing}")
        space = self.space
        ids: list[int] = []
        for number, channel in enumerate(stream.channels):
            if len(stream.channels) > 1:
                ids.append(self._tag(space.channels, number))
            for turn in channel.turns:
                ids.append(self._tag(space.speakers, turn.speaker))
                if turn.voice is not None:
                    ids.append(space.voice_open.start)
                    ids += [self._tag(space.voice_codes, code) for code in turn.voice]
                for item in turn.items:
                    ids += self._item(item)
        if stream.remainder is not None:
            if stream.remainder >= self.options.hop or (stream.remainder and not stream.frames):
                raise StreamError(f"a remainder of {stream.remainder} samples needs a last frame of {self.options.hop}")
            high, low = divmod(stream.remainder, BASE)
            ids += [space.end.start, space.numbers.start + high, space.numbers.start + low]
        return ids

    def decode(self, ids: Sequence[int], *, errors: Errors = "strict") -> HybridStream:
        """Ids to the one stream they spell.

        Args:
            errors: `strict` raises at the first id out of place; `repair` mends (see `repair` for what was done).

        Raises:
            GrammarError: an id is outside the space or out of place, or the sequence stops too soon.
        """
        if errors == "repair":
            ids = self.repair(ids).ids
        state, builder = State(), StreamBuilder(self.space)
        for position, token in enumerate(ids):
            after = self.grammar.advance(state, token, position)
            builder.feed(state, token)
            state = after
        if not self.grammar.accepts_end(state):
            raise GrammarError(len(ids), "the end of the sequence", self.grammar.names(state))
        return builder.finish()

    def repair(self, ids: Sequence[int]) -> Repaired:
        """Mend a sequence with as little change as a single pass from left to right can: what is missing before an
        id is filled in (an open run is closed), an id that fits nowhere is left out, an unfinished end is finished."""
        kept: list[int] = []
        mends: list[Mend] = []
        state = State()
        for position, token in enumerate(ids):
            bridge = self._bridge(state, token)
            if bridge is None:
                mends.append(Mend(position, f"left out {self.space.describe(token)}"))
                continue
            for filler in bridge:
                mends.append(Mend(position, f"put in {self.space.describe(filler)}"))
                state = self.grammar.advance(state, filler)
            kept += [*bridge, token]
            state = self.grammar.advance(state, token)
        while not self.grammar.accepts_end(state):
            filler = self._closing(state)
            mends.append(Mend(len(ids), f"put in {self.space.describe(filler)}"))
            kept.append(filler)
            state = self.grammar.advance(state, filler)
        return Repaired(tuple(kept), tuple(mends))

    def _bridge(self, state: State, token: int) -> list[int] | None:
        """The fewest closing ids after which an id may follow; None when closing what is open does not help."""
        bridge: list[int] = []
        while not any(token in part for part in self.grammar.allowed(state)):
            if state.phase in ("start", "channel", "turn", "item", "end", "done"):
                return None
            filler = self._closing(state)
            if filler == self.space.end.start:
                return None
            bridge.append(filler)
            state = self.grammar.advance(state, filler)
        return bridge

    def _closing(self, state: State) -> int:
        """An allowed id that brings a state nearer to the end of its item, or of the stream."""
        allowed = self.grammar.allowed(state)
        space = self.space
        for wanted in (space.end, space.units_close, space.event_close):
            for part in allowed:
                if part.start in wanted:
                    return part.start
        if state.phase == "channel":
            return next(part.start for part in allowed if part.start in space.channels)
        for wanted in (space.numbers, space.channels):
            for part in allowed:
                if part.start in wanted:
                    return part.start
        return allowed[0].start

    def _tag(self, part: IdRange, index: int) -> int:
        if not 0 <= index < part.size:
            raise StreamError(f"{part.name} {index} is outside this vocabulary's 0..{part.size - 1}")
        return part.start + index

    def _item(self, item: Item) -> list[int]:
        space, options = self.space, self.options
        if isinstance(item, TextItem):
            self._refuse(options.layout == "units", "text")
            return self._text(item)
        if isinstance(item, EventItem):
            self._refuse(options.layout == "units", "events")
            self._refuse(options.layout == "text" and bool(item.units), "events with units")
            index = EVENT_LABELS.index(item.label)
            return [space.event_open.start + index, *self._frames(item.units), space.event_close.start + index]
        if isinstance(item, UnitItem):
            self._refuse(options.layout == "text", "unit runs")
            return [space.units_open.start, *self._frames(item.units), space.units_close.start]
        self._refuse(options.layout == "units", "pauses")
        tag = space.pause if isinstance(item, Pause) else space.back
        return [tag.start, *self._number(item.frames)]

    def _refuse(self, refused: bool, what: str) -> None:
        if refused:
            raise StreamError(f"the {self.options.layout} layout has no {what}")

    def _text(self, item: TextItem) -> list[int]:
        space = self.space
        ids: list[int] = []
        if item.prosody is not None:
            if not self.options.prosody:
                raise StreamError("this vocabulary writes no prosody")
            bins = (item.prosody.pitch, item.prosody.energy, item.prosody.rate)
            ids += [self._tag(part, value) for part, value in zip(space.prosody, bins, strict=True)]
        pieces = item.pieces if item.pieces is not None else space.text.encode(item.text)
        if not pieces or any(piece in space.text.silent for piece in pieces):
            raise StreamError(f"the text tokenizer spells {item.text!r} with control ids or not at all")
        ids += [self._tag(space.text_range, piece) for piece in pieces]
        return ids if item.frames is None else ids + self._number(item.frames)

    def _frames(self, frames: Sequence[Frame]) -> Iterator[int]:
        units = self.space.units
        previous: Frame | None = None
        repeats = 0
        for frame in frames:
            if self.options.run_length and frame == previous:
                repeats += 1
                continue
            if repeats:
                yield from self._number(repeats)
                repeats = 0
            if len(frame) != len(units):
                raise StreamError(f"a frame of {len(frame)} units, but this vocabulary writes {len(units)}")
            for part, unit in zip(units, frame, strict=True):
                yield self._tag(part, unit)
            previous = frame
        if repeats:
            yield from self._number(repeats)

    def _number(self, value: int) -> list[int]:
        digits: list[int] = []
        while True:
            value, digit = divmod(value, BASE)
            digits.append(self.space.numbers.start + digit)
            if not value:
                break
        if len(digits) > MAX_DIGITS:
            raise StreamError(f"a length over {BASE**MAX_DIGITS - 1} frames has no spelling")
        return digits[::-1]


@dataclass(frozen=True, slots=True)
class Mend:
    """What `repair` did, and at which position of the sequence it was given."""

    position: int
    action: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """A sequence the grammar accepts, and all that was done to make it so."""

    ids: tuple[int, ...]
    mends: tuple[Mend, ...]
