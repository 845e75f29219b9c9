"""Blocks: several channels as one sequence in steps of time, so that a model listens and speaks at once.

    sequence := block+
    block    := row{channels} outside_row*           # a row per channel, in order
    row      := <|channel:k|> id*                    # no ids: silence, or words that are still being said

The rows of a channel, one after another, are the ids of that channel alone, as `Vocabulary.encode` writes it: nothing
is added, left out or moved, so that blocks give back each track as it was. What is decided is only in which block an id
is: the one with the frame in which it is known.

    a text run, with its duration       in its last frame
    a frame of units                    in that frame; a merged unit in its last one
    a pause, the count of a repetition  in the frame after it, since it could have been longer
    an event without units              in the frame it stands at
    <|end|> and what it says            in the frame after the last one
    other tags, <|back|>                with what follows them; also those that close units, which could have gone on
    what overlaps earlier items         not before these: ids keep their order

So a block has what can be known by its end, and streams have one spelling. Pauses are written although rows without ids
say silence too: rows say it while it lasts, pauses to the frame. Where a recording ends together with a block, its
`<|end|>` is in one more block.

Outside tokens have rows of further channels; each is in the block with its frame, and comes back with the block's first
frame as its time.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from hybrid_tok.errors import GrammarError, OptionsError, StreamError
from hybrid_tok.tokens.block_layout import BlockLayout as BlockLayout
from hybrid_tok.tokens.block_layout import OutsideChannel as OutsideChannel
from hybrid_tok.tokens.block_places import Group, Placer, Voices
from hybrid_tok.tokens.container import HybridFile
from hybrid_tok.tokens.stream import HybridStream
from hybrid_tok.tokens.vocabulary import Vocabulary

Outside: TypeAlias = Mapping[str, Sequence[tuple[int, int]]]
"""Outside tokens as (frame, token) by the name of their channel, in order of time; the token counted from 0."""


@dataclass(frozen=True, slots=True)
class Tracks:
    """What blocks say, channel by channel.

    Attributes:
        channels: the ids of each channel, as `Vocabulary.encode` writes it alone.
        outside: by name, (first frame of the block, token).
    """

    channels: tuple[tuple[int, ...], ...]
    outside: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict[str, tuple[tuple[int, int], ...]])


def blocks_of(
    vocabulary: Vocabulary, stream: HybridStream, layout: BlockLayout, outside: Outside | None = None
) -> list[int]:
    """A stream of several channels as blocks.

    Raises:
        StreamError: the stream has something this vocabulary has no ids for, or another number of channels.
        OptionsError: the layout does not fit the vocabulary.
    """
    return write_tracks(vocabulary, split_channels(stream), layout, outside)


def stream_of_blocks(vocabulary: Vocabulary, ids: Iterable[int], layout: BlockLayout) -> HybridStream:
    """The stream that `blocks_of` wrote; outside tokens are left out (`read_blocks` gives them).

    Raises:
        GrammarError: an id is out of place, or the sequence stops too soon.
        StreamError: the channels do not end together; `read_tracks` gives them one by one.
    """
    return join_channels(read_tracks(vocabulary, ids, layout))


def write_tracks(
    vocabulary: Vocabulary, tracks: Sequence[HybridStream], layout: BlockLayout, outside: Outside | None = None
) -> list[int]:
    """Streams of one channel each as blocks; they may have different lengths.

    Raises:
        StreamError: as of `blocks_of`; or a voice code of a speaker whom an earlier channel has too.
        OptionsError: the layout does not fit the vocabulary.
    """
    writer = BlockWriter(vocabulary, layout)
    written: list[int] = []
    if len(tracks) != layout.channels:
        raise StreamError(f"{len(tracks)} channels for blocks of {layout.channels}: give one stream for each")
    for number, track in enumerate(tracks):
        if len(track.channels) != 1:
            raise StreamError(f"track {number} has {len(track.channels)} channels, not 1: give `blocks_of` the stream")
        try:
            ids = vocabulary.encode(track)
        except StreamError as error:
            raise StreamError(f"track {number}: {error}") from None
        written += writer.push(number, ids)
    for name, tokens in (outside or {}).items():
        written += writer.push_outside(name, tokens)
    return written + writer.flush()


def read_tracks(vocabulary: Vocabulary, ids: Iterable[int], layout: BlockLayout) -> tuple[HybridStream, ...]:
    """The streams that `write_tracks` wrote, one per channel.

    Raises:
        GrammarError: an id is out of place, or the sequence stops too soon.
    """
    return tuple(vocabulary.decode(one) for one in read_blocks(vocabulary, ids, layout).channels)


def read_blocks(vocabulary: Vocabulary, ids: Iterable[int], layout: BlockLayout) -> Tracks:
    """The ids of each channel, and the outside tokens; errors as of `read_tracks`."""
    reader = BlockReader(vocabulary, layout)
    tracks = reader.push(ids)
    reader.flush()
    return tracks


def stream_of_file(vocabulary: Vocabulary, file: HybridFile) -> HybridStream:
    """The stream of a `.hyt` file, whether it is written as blocks or not.

    Raises:
        GrammarError, StreamError: as of `stream_of_blocks`.
    """
    layout = file.header.blocks
    return vocabulary.decode(file.ids) if layout is None else stream_of_blocks(vocabulary, file.ids, layout)


def split_channels(stream: HybridStream) -> tuple[HybridStream, ...]:
    """A locked stream as one of one channel each. The longest ones have its remainder, the others end with a frame.

    Raises:
        OptionsError: its timing is free.
    """
    _check_timing(stream.timing)
    whole = [HybridStream((channel,)) for channel in stream.channels]
    return tuple(
        HybridStream(one.channels, "locked", stream.remainder if one.frames == stream.frames else 0) for one in whole
    )


def join_channels(tracks: Sequence[HybridStream]) -> HybridStream:
    """Locked streams of one channel each as one of several: the inverse of `split_channels`.

    Raises:
        StreamError: they do not end together: their remainders are not those of `split_channels`.
        OptionsError: their timing is free.
    """
    if not tracks:
        raise StreamError("no channels to join: give at least one")
    for track in tracks:
        _check_timing(track.timing)
    longest = max(tracks, key=lambda track: track.frames)
    for number, track in enumerate(tracks):
        if track.remainder != (longest.remainder if track.frames == longest.frames else 0):
            raise StreamError(
                f"track {number} ends in frame {track.frames} at sample {track.remainder}, but the longest in frame "
                f"{longest.frames} at {longest.remainder}: make them equally long, or keep them apart (read_tracks)"
            )
    return HybridStream(tuple(channel for track in tracks for channel in track.channels), "locked", longest.remainder)


class BlockWriter:
    """Writes blocks while the channels' ids become known. Chunks of any size give the same sequence.

        writer = BlockWriter(vocabulary, BlockLayout(channels=2, frames=8))
        out = writer.push(0, ids, final=40)   # blocks whose ids of all channels are known
        ..
        out = writer.flush()                  # once each channel has its <|end|>

    Raises:
        OptionsError: the layout does not fit the vocabulary.
    """

    def __init__(self, vocabulary: Vocabulary, layout: BlockLayout) -> None:
        _check_layout(vocabulary, layout)
        self._space = vocabulary.space
        self._layout = layout
        self._placers = [Placer(vocabulary.grammar) for _ in range(layout.channels)]
        self._read = [0] * layout.channels
        self._voices = Voices()
        self._rows: list[deque[tuple[int, list[int]]]] = [deque() for _ in range(layout.rows)]
        self._final = [0] * layout.rows
        self._block = 0

    @property
    def frames(self) -> int:
        """Frames of the blocks given so far."""
        return self._block * self._layout.frames

    def push(self, channel: int, ids: Sequence[int], final: int = 0) -> list[int]:
        """More ids of a channel; the ids of the blocks that this completes.

        Args:
            ids: go on where those before ended, anywhere but between the digits of a number.
            final: all ids of the channel that are known (see the module) before this frame have been given. Without
                `unit_merges` and `run_length` the frames of an open unit run count one by one; with them, ids are right
                only once the run is over. After `<|end|>` everything is final.

        Raises:
            GrammarError: an id may not follow; its position is that in the channel.
            StreamError: an id is known in a frame that was final, or a voice code is of a speaker whom an earlier
                channel has too.
        """
        if not 0 <= channel < self._layout.channels:
            raise StreamError(f"channel {channel} of blocks with channels 0..{self._layout.channels - 1}")
        placer = self._placers[channel]
        for token in ids:
            position = self._read[channel]
            for group in placer.push(token, position):
                self._place(channel, group.frame, group.ids)
            if conflict := self._voices.conflict(self._space, channel, token, placer.state):
                first, voiced, speaker = conflict
                raise StreamError(
                    f"channel {voiced} has a voice code of speaker {speaker}, whom channel {first} has too: only the "
                    f"first may have it; number speakers over all channels"
                )
            self._read[channel] += 1
        for group in placer.settle():
            self._place(channel, group.frame, group.ids)
        self._final[channel] = max(self._final[channel], final)
        return self._complete()

    def push_outside(self, name: str, tokens: Sequence[tuple[int, int]], final: int = 0) -> list[int]:
        """More outside tokens (frame, token), in order of time; the ids of the blocks that this completes.

        Args:
            final: there are no more tokens before this frame. Blocks wait for it.

        Raises:
            StreamError: a token is outside the channel's, or its time is before an earlier one's or was final.
        """
        names = [one.name for one in self._layout.outside]
        if name not in names:
            raise StreamError(f"no outside channel is called {name!r}; there are: {', '.join(names) or 'none'}")
        row = self._layout.channels + names.index(name)
        outside, queue = self._layout.outside[names.index(name)], self._rows[row]
        for frame, token in tokens:
            if not 0 <= token < outside.size:
                raise StreamError(f"outside token {token} of {name!r} is not in 0..{outside.size - 1}")
            if queue and frame // self._layout.frames < queue[-1][0]:
                raise StreamError(f"outside token of {name!r} at frame {frame} after a later one: give them in order")
            self._place(row, frame, [outside.offset + token])
        self._final[row] = max(self._final[row], final)
        return self._complete()

    def flush(self) -> list[int]:
        """The ids of the blocks that are left, the last ones.

        Raises:
            StreamError: a channel has no end yet.
        """
        for number, placer in enumerate(self._placers):
            if not placer.done:
                raise StreamError(f"channel {number} has no <|end|> after {self._read[number]} ids: push it first")
        ids: list[int] = []
        while any(self._rows):
            ids += self._next_block()
        return ids

    def _place(self, row: int, frame: int, ids: list[int]) -> None:
        if frame < self._final[row]:
            raise StreamError(f"row {row}: ids of frame {frame} came after frame {self._final[row]} was final")
        self._rows[row].append((frame // self._layout.frames, ids))

    def _complete(self) -> list[int]:
        """The blocks that nothing can be added to. After all ends there are only those up to the last ids."""
        done = [placer.done for placer in self._placers]
        known = [final for row, final in enumerate(self._final) if not (row < len(done) and done[row])]
        ids: list[int] = []
        while (not known or (self._block + 1) * self._layout.frames <= min(known)) and (
            not all(done) or any(self._rows)
        ):
            ids += self._next_block()
        return ids

    def _next_block(self) -> list[int]:
        ids: list[int] = []
        for row, queue in enumerate(self._rows):
            ids.append(self._space.channels.start + row)
            while queue and queue[0][0] == self._block:
                ids += queue.popleft()[1]
        self._block += 1
        return ids


class BlockReader:
    """Reads blocks, of which ids come one or many at a time.

        reader = BlockReader(vocabulary, BlockLayout(channels=2, frames=8))
        tracks = reader.push(ids)     # what these ids say
        ..
        reader.flush()                # refuses a sequence that stops too soon

    Args:
        placed: refuse ids that are not in the block they belong in. Without it a sequence need not be the one that a
            `BlockWriter` gives: a model may write what it says before it sounds.

    Raises:
        OptionsError: the layout does not fit the vocabulary.
    """

    def __init__(self, vocabulary: Vocabulary, layout: BlockLayout, *, placed: bool = True) -> None:
        _check_layout(vocabulary, layout)
        self._space = vocabulary.space
        self._layout = layout
        self._placed = placed
        self._placers = [Placer(vocabulary.grammar) for _ in range(layout.channels)]
        self._voices = Voices()
        self._read = 0
        self._row = -1
        """The row that is being read; those of all blocks are counted."""
        self._silent = False
        """Whether the block has had no ids so far."""

    @property
    def frames(self) -> int:
        """Frames of the blocks that are complete: of which the next one has begun."""
        return max(self._row, 0) // self._layout.rows * self._layout.frames

    def push(self, ids: Iterable[int]) -> Tracks:
        """More ids; what they say of each channel, in whose order it comes.

        Raises:
            GrammarError: an id is out of place. The reader cannot be used after that.
        """
        channels: list[list[int]] = [[] for _ in range(self._layout.channels)]
        outside: dict[str, list[tuple[int, int]]] = {one.name: [] for one in self._layout.outside}
        for given in ids:
            token = _integer(given, self._read)
            row = self._row % self._layout.rows
            if token in self._space.channels or self._row < 0:
                self._next_row(token)
            elif row < self._layout.channels:
                self._next_id(row, token)
                channels[row].append(token)
            else:
                channel = self._layout.outside[row - self._layout.channels]
                if token not in channel:
                    raise self._error(token, (channel.describe(), self._next_tag()))
                outside[channel.name].append((self._block * self._layout.frames, token - channel.offset))
                self._silent = False
            self._read += 1
        return Tracks(tuple(map(tuple, channels)), {name: tuple(tokens) for name, tokens in outside.items()})

    def flush(self) -> None:
        """The sequence is over.

        Raises:
            GrammarError: it stops within a block, or before a channel's end, or goes on after all of them.
        """
        if self._row < 0 or (self._row + 1) % self._layout.rows:
            raise self._error(None, (self._next_tag(),))
        self._end_row(None)
        for number, placer in enumerate(self._placers):
            if not placer.done:
                raise self._error(None, (f"the end of channel {number}", self._next_tag()))
        if self._silent and self._placed:
            raise self._error(None, ("no silent block at the end",))

    @property
    def _block(self) -> int:
        return self._row // self._layout.rows

    def _next_row(self, token: int) -> None:
        """A channel's tag."""
        row = (self._row + 1) % self._layout.rows
        if token != self._space.channels.start + row:
            allowed = (self._next_tag(),)
            if self._row >= 0 and self._row % self._layout.rows < self._layout.channels:
                allowed += self._placers[self._row % self._layout.rows].names()
            raise self._error(token, allowed)
        if self._row >= 0:
            self._end_row(token)
        self._row += 1
        self._silent = self._silent or not row

    def _end_row(self, token: int | None) -> None:
        """What has to be before the next tag, or the end."""
        row = self._row % self._layout.rows
        if row >= self._layout.channels or not self._placed:
            return
        placer = self._placers[row]
        for group in placer.settle():
            self._check_block(group)
        if placer.pending:
            raise self._error(token, placer.names())

    def _next_id(self, channel: int, token: int) -> None:
        """An id of a channel's own."""
        placer = self._placers[channel]
        try:
            for group in placer.push(token, self._read):
                self._check_block(group)
        except GrammarError as error:
            if error.position < self._read:
                raise
            raise self._error(token, (*placer.names(), self._next_tag())) from None
        if self._voices.conflict(self._space, channel, token, placer.state):
            raise self._error(token, ("no speaker of an earlier channel's with a voice code",))
        self._silent = False

    def _check_block(self, group: Group) -> None:
        block = group.frame // self._layout.frames
        if block != self._block and self._placed:
            found = self._space.describe(group.ids[0])
            raise GrammarError(group.position, f"{found} in block {self._block}", (f"it in block {block}",))

    def _next_tag(self) -> str:
        row = (self._row + 1) % self._layout.rows
        return self._space.describe(self._space.channels.start + row)

    def _error(self, token: int | None, allowed: tuple[str, ...]) -> GrammarError:
        found = "the end of the sequence" if token is None else self._space.describe(token)
        return GrammarError(self._read, found, allowed)


def _integer(token: int, position: int) -> int:
    try:
        return operator.index(token)
    except TypeError:
        raise GrammarError(position, f"{token!r}, which is no id", ("an integer",)) from None


def _check_timing(timing: str) -> None:
    if timing != "locked":
        raise OptionsError("blocks are of time, which free timing has not: use timing='locked'")


def _check_layout(vocabulary: Vocabulary, layout: BlockLayout) -> None:
    """Refuse a layout that the vocabulary has no ids for."""
    _check_timing(vocabulary.options.timing)
    if layout.rows > vocabulary.space.channels.size:
        raise OptionsError(f"blocks of {layout.rows} rows, but max_channels is {vocabulary.space.channels.size}")
    for outside in layout.outside:
        if outside.offset < vocabulary.size:
            raise OptionsError(
                f"outside channel {outside.describe()} has ids of the vocabulary: give offset={vocabulary.size} or more"
            )
