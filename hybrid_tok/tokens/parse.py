"""From ids that the grammar accepts to the stream they spell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybrid_tok.core.events import EVENT_LABELS
from hybrid_tok.core.languages import writes_spaces
from hybrid_tok.tokens.idspace import BASE, LANGUAGE_CODES, IdRange, IdSpace
from hybrid_tok.tokens.stream import (
    VOICE_CODES,
    Back,
    Channel,
    EventItem,
    Frame,
    HybridStream,
    Item,
    Pause,
    Prosody,
    TextItem,
    Turn,
    UnitItem,
)
from hybrid_tok.tokens.unit_merges import UnitMerges


def parse(space: IdSpace, ids: Sequence[int]) -> HybridStream:
    """The stream that ids spell; they must be a sequence that the grammar of the same space accepts."""
    return _Parser(space, ids).stream()


def read_pieces(space: IdSpace, ids: Sequence[int], language: str | None) -> TextItem:
    """The text that ids of text spell, without a duration or prosody."""
    spaced = writes_spaces(language)
    pieces = [token - space.text_range.start for token in ids]
    text = space.text.decode(pieces, spaced)
    canonical = bool(text) and space.text.encode(text, spaced) == pieces
    return TextItem(text, pieces=None if canonical else tuple(pieces), language=language)


def read_frames(space: IdSpace, written: Sequence[int] | np.ndarray, width: int) -> tuple[Frame, ...]:
    """The frames, of so many units each, that the ids inside a unit run or an event spell."""
    ids = np.asarray(written, np.int64)
    if (merges := space.options.unit_merges) is not None:
        return _unmerged(space, merges, ids.tolist())
    digit = ids < space.first_units[0]
    if not (space.options.run_length and digit.any()):
        return _tuples(space, ids.reshape(-1, width))
    counts = [0] * (np.count_nonzero(~digit) // width)
    before = np.cumsum(~digit)[digit] // width  # whole frames before each digit
    for number, value in zip(before.tolist(), (ids[digit] - space.numbers.start).tolist(), strict=True):
        counts[number - 1] = counts[number - 1] * BASE + value
    frames: list[Frame] = []
    for frame, count in zip(_tuples(space, ids[~digit].reshape(-1, width)), counts, strict=True):
        frames += [frame] * (1 + count)  # the same tuple: a count may be a day
    return tuple(frames)


def _tuples(space: IdSpace, ids: np.ndarray) -> tuple[Frame, ...]:
    """The units of ids (frames, codebooks)."""
    width = ids.shape[1]
    one = iter((ids - space.first_units[:width]).ravel().tolist())
    return tuple(zip(*[one] * width, strict=True))


def _unmerged(space: IdSpace, merges: UnitMerges, ids: Sequence[int]) -> tuple[Frame, ...]:
    """The frames of ids, of which some are merged units."""
    width, at = len(space.units), 0
    frames: list[Frame] = []
    while at < len(ids):
        if ids[at] in space.merged:
            frames += merges.expansions[ids[at] - space.merged.start]
            at += 1
        else:
            units = zip(space.units, ids[at : at + width], strict=True)
            frames.append(tuple(token - codebook.start for codebook, token in units))
            at += width
    return tuple(frames)


class _Parser:
    """A recursive-descent parser; each method reads what it is named after."""

    def __init__(self, space: IdSpace, ids: Sequence[int]) -> None:
        self._space = space
        self._ids = ids
        self._at = 0
        self._language: str | None = None
        """Index of the language in force in the current channel."""

    def stream(self) -> HybridStream:
        space = self._space
        channels: list[Channel] = []
        while self._at < len(self._ids) and not self._sees(space.end):
            if self._sees(space.channels):
                self._at += 1
            channels.append(self._channel())
        remainder = None
        if space.options.timing == "locked":
            self._at += 1
            remainder = self._number()
        return HybridStream(tuple(channels) or (Channel(),), space.options.timing, remainder)

    def _channel(self) -> Channel:
        turns: list[Turn] = []
        self._language = None
        while self._sees(self._space.speakers):
            turns.append(self._turn())
        return Channel(tuple(turns))

    def _turn(self) -> Turn:
        space = self._space
        speaker = self._index(space.speakers)
        voice = None
        if self._sees(space.voice_open):
            self._at += 1
            voice = tuple(self._index(space.voice_codes) for _ in range(VOICE_CODES))
        items: list[Item] = []
        while self._at < len(self._ids) and not any(map(self._sees, (space.speakers, space.channels, space.end))):
            items.append(self._item())
        return Turn(speaker, tuple(items), voice)

    def _item(self) -> Item:
        space = self._space
        if self._sees(space.units_open):
            self._at += 1
            return UnitItem(self._frames(space.units_close.start, space.options.num_codebooks))
        if self._sees(space.event_open):
            label = self._index(space.event_open)
            units = self._frames(space.event_close.start + label, space.options.event_width)
            return EventItem(EVENT_LABELS[label], units)
        if self._sees(space.pause):
            self._at += 1
            return Pause(self._number())
        if self._sees(space.back):
            self._at += 1
            return Back(self._number())
        return self._text()

    def _text(self) -> TextItem:
        space = self._space
        if self._sees(space.languages):
            self._language = LANGUAGE_CODES[self._index(space.languages)]
        prosody = Prosody(*map(self._index, space.prosody)) if self._sees(space.prosody[0]) else None
        start, ids, text = self._at, self._ids, space.text_range
        while self._at < len(ids) and text.start <= ids[self._at] < text.stop:
            self._at += 1
        item = read_pieces(space, self._ids[start : self._at], self._language)
        frames = self._number() if space.options.timing == "locked" else None
        return TextItem(item.text, frames, prosody, item.pieces, item.language)

    def _frames(self, close: int, width: int) -> tuple[Frame, ...]:
        """The frames up to the id that closes them."""
        start, stop = self._at, self._ids.index(close, self._at)
        self._at = stop + 1
        return read_frames(self._space, self._ids[start:stop], width)

    def _number(self) -> int:
        value = 0
        while self._sees(self._space.numbers):
            value = value * BASE + self._index(self._space.numbers)
        return value

    def _index(self, part: IdRange) -> int:
        """The number of an id within its range."""
        self._at += 1
        return self._ids[self._at - 1] - part.start

    def _sees(self, part: IdRange) -> bool:
        return self._at < len(self._ids) and part.start <= self._ids[self._at] < part.stop
