"""What has to be rendered, and where: the stream's items grouped into segments.

Units that follow each other without a gap are one segment, even of different speakers: a codec decodes them best with
each other as context. (Where an event has fewer units per frame, it is a segment of its own.) Text items of one
language that are close together are one utterance, so that the synthesizer gives a sentence its intonation even where
every word has its own place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType
from typing import TypeAlias

from hybrid_tok.core.spacing import split_words
from hybrid_tok.core.timeline import FRAME_RATE, Grid
from hybrid_tok.core.utterance import Phrase, Utterance
from hybrid_tok.errors import StreamError
from hybrid_tok.tokens.stream import (
    Back,
    EventItem,
    Frame,
    HybridStream,
    Pause,
    PlacedItem,
    TextItem,
    UnitItem,
)
from hybrid_tok.voice.prosody import from_bins

UTTERANCE_GAP = 150
"""Frames of 20 ms: a longer gap than this (3 s) between two text items ends the utterance."""


@dataclass(frozen=True, slots=True)
class UnitSegment:
    """Units without a gap.

    Attributes:
        channel: where to.
        start: frame of the codec at which it starts; None in free timing.
        units: the frames of all its items.
        speakers: of each item.
    """

    channel: int
    start: int | None
    units: tuple[Frame, ...]
    speakers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TextSegment:
    """An utterance: text items of one speaker and language, spoken together.

    Attributes:
        channel: where to.
        utterance: a phrase for each item; in locked timing with the item's place.
    """

    channel: int
    utterance: Utterance

    @property
    def speakers(self) -> tuple[int, ...]:
        """The speaker of each phrase."""
        return tuple(self.utterance.speaker for _ in self.utterance.phrases)


Voice: TypeAlias = "tuple[int, ...] | str"
"""A voice code, or a voice by name or mixture; see `Utterance`."""

Segment: TypeAlias = UnitSegment | TextSegment


@dataclass(frozen=True, slots=True)
class Plan:
    """What to render.

    Attributes:
        segments: in order of writing.
        channels: how many.
        num_samples: length of the whole; None in free timing, where it depends on the synthesizer.
        codes: the voice codes in the stream, by speaker.
        unit_frames: frames of units, of all channels together.
    """

    segments: tuple[Segment, ...]
    channels: int
    num_samples: int | None
    codes: Mapping[int, tuple[int, ...]]

    @property
    def unit_frames(self) -> int:
        return sum(len(segment.units) for segment in self.segments if isinstance(segment, UnitSegment))


def plan(stream: HybridStream, grid: Grid, voices: Mapping[int, Voice] = MappingProxyType({})) -> Plan:
    """Group a stream's items into segments.

    Args:
        grid: the frames of the stream's codec.
        voices: of speakers whose text is spoken in another voice than the stream's.

    Raises:
        StreamError: the remainder does not fit a frame, or a speaker in `voices` has no turn.
    """
    own = {turn.speaker: turn.voice for channel in stream.channels for turn in channel.turns if turn.voice}
    speakers = {turn.speaker for channel in stream.channels for turn in channel.turns}
    if unknown := sorted(voices.keys() - speakers):
        there = ", ".join(map(str, sorted(speakers))) or "none"
        raise StreamError(f"no speaker {unknown[0]} in the stream to give a voice to; there are: {there}")
    segments = tuple(_segments(stream, grid.frame_rate, {**own, **voices}))
    return Plan(segments, len(stream.channels), locked_length(stream, grid), own)


def locked_length(stream: HybridStream, grid: Grid) -> int | None:
    """Samples of a locked stream: whole frames, the last one possibly partial. None in free timing."""
    if stream.remainder is None:
        return None
    frames, remainder = stream.frames, stream.remainder
    if not 0 <= remainder < grid.hop:
        raise StreamError(f"a remainder of {remainder} samples does not fit {frames} frames of {grid.hop} samples")
    return grid.length(frames, remainder)


def _segments(stream: HybridStream, frame_rate: Fraction, voices: Mapping[int, Voice]) -> Iterator[Segment]:
    """Segments, each held back until an item comes that is not part of it.

    In locked timing an utterance goes on over what else is heard in between: everything has its own place.
    """
    locked = stream.timing == "locked"
    held: dict[type[Segment], Segment] = {}
    for placed in stream.placed():
        if isinstance(placed.item, Pause | Back):
            continue  # the cursor has moved: the places of the items say so
        if isinstance(placed.item, EventItem) and not placed.item.units:
            continue  # a label alone has no sound
        if isinstance(placed.item, TextItem) and not placed.item.text.split():
            continue  # nor has white space
        segment = _segment(placed, locked, frame_rate, voices.get(placed.speaker))
        if not locked:  # everything follows what is written before it
            yield from [held.pop(kind) for kind in list(held) if kind is not type(segment)]
        before = held.pop(type(segment), None)
        joined = _joined(before, segment)
        if joined is None and before is not None:
            yield before
        held[type(segment)] = joined or segment
    yield from held.values()


def _segment(placed: PlacedItem, locked: bool, frame_rate: Fraction, voice: Voice | None) -> Segment:
    item = placed.item
    if isinstance(item, TextItem):
        phrase = Phrase(
            split_words(item.text, item.language),
            placed.span if locked else None,
            from_bins(item.prosody) if item.prosody else None,
        )
        return TextSegment(placed.channel, Utterance((phrase,), item.language, voice, placed.speaker, frame_rate))
    assert isinstance(item, UnitItem | EventItem)
    start = placed.span.start if locked else None
    return UnitSegment(placed.channel, start, item.units, (placed.speaker,))


def _joined(left: Segment | None, right: Segment) -> Segment | None:
    """Both as one segment, or None if they must stay two."""
    if left is None or left.channel != right.channel:
        return None
    if isinstance(left, UnitSegment) and isinstance(right, UnitSegment):
        if right.start is not None and left.start is not None and right.start != left.start + len(left.units):
            return None
        if len(left.units[-1]) != len(right.units[0]):
            return None
        return UnitSegment(left.channel, left.start, left.units + right.units, left.speakers + right.speakers)
    if isinstance(left, TextSegment) and isinstance(right, TextSegment):
        before, after = left.utterance, right.utterance
        if (before.speaker, before.language) != (after.speaker, after.language):
            return None
        longest = UTTERANCE_GAP * before.frame_rate / FRAME_RATE
        if before.span and after.span and not 0 <= after.span.start - before.span.end <= longest:
            return None
        return replace(left, utterance=replace(before, phrases=before.phrases + after.phrases))
    return None
