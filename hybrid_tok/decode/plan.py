"""What has to be rendered, and where: the stream's items grouped into segments.

Units that follow each other without a gap are one segment, even of different speakers: a codec decodes them best with
each other as context. Text items of one language that are close together are one utterance, so that the synthesizer
gives a sentence its intonation even where every word has its own place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from hybrid_tok.core.spacing import split_words
from hybrid_tok.core.timeline import FRAME_RATE, Span
from hybrid_tok.errors import StreamError
from hybrid_tok.tokens.stream import (
    Back,
    EventItem,
    Frame,
    HybridStream,
    Pause,
    PlacedItem,
    Prosody,
    TextItem,
    UnitItem,
)

UTTERANCE_GAP = 15
"""Frames: a longer pause than this (0.3 s) between two text items ends the utterance."""


@dataclass(frozen=True, slots=True)
class UnitPart:
    """The units of one item within a segment.

    Attributes:
        speaker: whose.
        frames: how many.
        speech: True for a unit run, False for an event, whose level does not indicate that of the speech around it.
    """

    speaker: int
    frames: int
    speech: bool


@dataclass(frozen=True, slots=True)
class UnitSegment:
    """Units without a gap.

    Attributes:
        channel: where to.
        start: frame at which it starts; None in free timing.
        units: the frames of all parts.
        parts: in order.
    """

    channel: int
    start: int | None
    units: tuple[Frame, ...]
    parts: tuple[UnitPart, ...]

    @property
    def speakers(self) -> tuple[int, ...]:
        """The speaker of each part."""
        return tuple(part.speaker for part in self.parts)


@dataclass(frozen=True, slots=True)
class TextPart:
    """A text item.

    Attributes:
        words: at least one, as `core.spacing.split_words` finds them.
        span: the frames they must fill; None in free timing.
        prosody: of the words, where the stream has it.
    """

    words: tuple[str, ...]
    span: Span | None
    prosody: Prosody | None = None


@dataclass(frozen=True, slots=True)
class TextSegment:
    """An utterance: text items of one speaker and language, spoken together.

    Attributes:
        channel: where to.
        speaker: whose.
        parts: in order.
        voice: the speaker's voice code, where the stream has one.
        language: of the text, where the stream has it.
    """

    channel: int
    speaker: int
    parts: tuple[TextPart, ...]
    voice: tuple[int, ...] | None = None
    language: str | None = None

    @property
    def speakers(self) -> tuple[int, ...]:
        """The speaker of each part."""
        return tuple(self.speaker for _ in self.parts)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(word for part in self.parts for word in part.words)


Segment: TypeAlias = UnitSegment | TextSegment


@dataclass(frozen=True, slots=True)
class Plan:
    """What to render.

    Attributes:
        segments: in order of writing.
        channels: how many.
        num_samples: length of the whole; None in free timing, where it depends on the synthesizer.
    """

    segments: tuple[Segment, ...]
    channels: int
    num_samples: int | None


def plan(stream: HybridStream, sample_rate: int) -> Plan:
    """Group a stream's items into segments for output at a sample rate that is a multiple of 50 Hz.

    Raises:
        StreamError: the remainder does not fit a frame at this rate.
    """
    return Plan(tuple(_segments(stream)), len(stream.channels), locked_length(stream, sample_rate))


def locked_length(stream: HybridStream, sample_rate: int) -> int | None:
    """Samples of a locked stream: whole frames, the last one possibly partial. None in free timing."""
    if stream.remainder is None:
        return None
    hop, frames, remainder = sample_rate // FRAME_RATE, stream.frames, stream.remainder
    if not 0 <= remainder < hop:
        raise StreamError(f"a remainder of {remainder} samples does not fit {frames} frames of {hop} samples")
    return frames * hop - (hop - remainder) % hop


def _segments(stream: HybridStream) -> Iterator[Segment]:
    """Segments, each held back until an item comes that is not part of it."""
    locked = stream.timing == "locked"
    voices = {turn.speaker: turn.voice for channel in stream.channels for turn in channel.turns if turn.voice}
    held: Segment | None = None
    for placed in stream.placed():
        if isinstance(placed.item, Pause | Back):
            continue  # the cursor has moved: the places of the items say so
        if isinstance(placed.item, EventItem) and not placed.item.units:
            continue  # a label alone has no sound
        if isinstance(placed.item, TextItem) and not placed.item.text.split():
            continue  # nor has white space
        segment = _segment(placed, locked, voices.get(placed.speaker))
        joined = _joined(held, segment)
        if joined is None and held is not None:
            yield held
        held = joined or segment
    if held is not None:
        yield held


def _segment(placed: PlacedItem, locked: bool, voice: tuple[int, ...] | None) -> Segment:
    item = placed.item
    if isinstance(item, TextItem):
        words = split_words(item.text, item.language)
        part = TextPart(words, placed.span if locked else None, item.prosody)
        return TextSegment(placed.channel, placed.speaker, (part,), voice, item.language)
    assert isinstance(item, UnitItem | EventItem)
    unit_part = UnitPart(placed.speaker, len(item.units), isinstance(item, UnitItem))
    return UnitSegment(placed.channel, placed.span.start if locked else None, item.units, (unit_part,))


def _joined(left: Segment | None, right: Segment) -> Segment | None:
    """Both as one segment, or None if they must stay two."""
    if left is None or left.channel != right.channel:
        return None
    if isinstance(left, UnitSegment) and isinstance(right, UnitSegment):
        if right.start is not None and left.start is not None and right.start != left.start + len(left.units):
            return None
        return UnitSegment(left.channel, left.start, left.units + right.units, left.parts + right.parts)
    if isinstance(left, TextSegment) and isinstance(right, TextSegment):
        if (left.speaker, left.language) != (right.speaker, right.language):
            return None
        end, start = left.parts[-1].span, right.parts[0].span
        if start is not None and end is not None and not 0 <= start.start - end.end <= UTTERANCE_GAP:
            return None
        return replace(left, parts=left.parts + right.parts)
    return None
