"""Time in frames, on two grids.

What is known about a recording (annotations, what the gate decides) is on the grid of 20 ms. What is written in a
stream is on the grid of its codec, whose frames are `hop` samples long: a `Grid`. On both, times are whole numbers of
frames, and frames add as integers, so that nothing drifts however long the recording. Seconds, samples and the frames
of the other grid are turned into frames here and nowhere else, by one rounding rule: half up, `floor(x + 0.5)`
(Python's `round` goes to even, which would make equal gaps unequal).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

FRAME_RATE = 50
"""Frames per second of the grid of annotations: one frame lasts 20 ms."""


_T = TypeVar("_T")


def seconds_to_frame(seconds: float) -> int:
    """The frame boundary nearest to a time in seconds."""
    return math.floor(seconds * FRAME_RATE + 0.5)


def frame_to_seconds(frame: int) -> float:
    """The time in seconds at which a frame starts."""
    return frame / FRAME_RATE


def frame_to_sample(frame: int, sample_rate: int) -> int:
    """The sample nearest to the start of a frame, at any rate (exact where the rate is a multiple of 50 Hz)."""
    return (2 * frame * sample_rate + FRAME_RATE) // (2 * FRAME_RATE)


def frames_to_samples(frames: int, frame_rate: Fraction, sample_rate: int) -> int:
    """The sample nearest to the end of so many frames, at any two rates in Hz."""
    numerator, denominator = frame_rate.numerator, frame_rate.denominator
    return (2 * frames * sample_rate * denominator + numerator) // (2 * numerator)


def count_frames(num_samples: int, sample_rate: int) -> int:
    """How many frames of 20 ms a recording covers; the last may be partial, so that no tail is lost."""
    return -(-num_samples * FRAME_RATE // sample_rate)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open stretch of frames [start, end)."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a span must have 0 <= start <= end, not [{self.start}, {self.end})")

    @property
    def frames(self) -> int:
        return self.end - self.start

    @property
    def seconds(self) -> float:
        """Length where frames are of 20 ms."""
        return frame_to_seconds(self.frames)

    def shifted(self, frames: int) -> Span:
        """The same stretch, so many frames later; earlier where that is negative."""
        return Span(self.start + frames, self.end + frames)

    def overlap(self, other: Span) -> int:
        """Number of frames the two spans share."""
        return max(0, min(self.end, other.end) - max(self.start, other.start))


@dataclass(frozen=True, slots=True)
class Grid:
    """The frames of a codec.

    Attributes:
        sample_rate: in Hz.
        hop: samples per frame.
    """

    sample_rate: int
    hop: int

    def __post_init__(self) -> None:
        if self.sample_rate < 1 or self.hop < 1:
            raise ValueError(f"a codec's frames need a rate and samples, not {self.hop} at {self.sample_rate} Hz")

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second."""
        return Fraction(self.sample_rate, self.hop)

    @property
    def is_annotations(self) -> bool:
        """Whether its frames are those of annotations."""
        return self.sample_rate == FRAME_RATE * self.hop

    def count(self, num_samples: int) -> int:
        """How many frames a recording has; the last may be partial."""
        return -(-num_samples // self.hop)

    def length(self, frames: int, remainder: int) -> int:
        """Samples of a recording.

        Args:
            remainder: samples in the last frame; 0 where it is whole.
        """
        return frames * self.hop - (self.hop - remainder) % self.hop

    def nearest(self, frame: int) -> int:
        """The boundary nearest to that of a frame of 20 ms."""
        return (2 * frame * self.sample_rate + FRAME_RATE * self.hop) // (2 * FRAME_RATE * self.hop)

    def containing(self, frame: int) -> int:
        """The frame in which a frame of 20 ms starts."""
        return frame * self.sample_rate // (FRAME_RATE * self.hop)

    def span(self, span: Span) -> Span:
        """The nearest frames to a span of 20 ms frames; it may be empty."""
        return Span(self.nearest(span.start), self.nearest(span.end))

    def annotation_span(self, span: Span) -> Span:
        """The nearest frames of 20 ms to a span of this grid; it may be empty."""
        step = FRAME_RATE * self.hop
        start, end = ((2 * edge * step + self.sample_rate) // (2 * self.sample_rate) for edge in (span.start, span.end))
        return Span(start, end)

    def tile(self, edges: Sequence[int], kept: Sequence[bool], first: int, last: int) -> list[int]:
        """Edges of stretches that follow each other, from 20 ms frames to this grid: they go on to do so.

        Each edge becomes the nearest one, but a stretch that is kept has a frame at least: if it would have none, the
        one in which its middle lies, or the next that is free. Where more are kept than there are frames, the first
        ones have none.

        Args:
            edges: (stretches + 1,), increasing.
            kept: of each stretch, whether it must not vanish.
            first, last: frames of this grid that the first and the last edge become.

        Returns:
            The edges (stretches + 1,), never decreasing.
        """
        if self.is_annotations or not kept:
            return list(edges)
        placed = [first, *(min(max(self.nearest(edge), first), last) for edge in edges[1:-1]), last]
        for index, keep in enumerate(kept):
            if keep and placed[index] >= placed[index + 1] and first < last:
                middle = (edges[index] + edges[index + 1]) * self.sample_rate // (2 * FRAME_RATE * self.hop)
                frame = min(max(middle, first), last - 1)
                placed[index] = min(placed[index], frame)
                placed[index + 1] = max(placed[index + 1], frame + 1)
        for index in reversed(range(len(kept))):
            placed[index] = min(placed[index], placed[index + 1])
        for index, keep in enumerate(kept):
            placed[index + 1] = max(placed[index + 1], placed[index] + keep)
        placed[-1] = last
        for index in reversed(range(len(kept))):
            placed[index] = max(min(placed[index], placed[index + 1] - kept[index]), first)
        return placed


DEFAULT_GRID = Grid(16_000, 320)
"""Of the codec in the package: its frames are those of annotations."""


def merge_spans(spans: Iterable[Span], max_gap: int = 0) -> list[Span]:
    """Union of spans, sorted; spans at most `max_gap` frames apart become one."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start - merged[-1].end <= max_gap:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def overlapping(spans: Iterable[Span], others: Iterable[_T], span_of: Callable[[_T], Span]) -> Iterator[list[_T]]:
    """For each of some spans in order of start: the others that overlap it, sorted. Where a longer span came before,
    there may be some that start after its end."""
    ordered = sorted(others, key=span_of)
    waiting: list[_T] = []
    ahead = 0
    for span in spans:
        while ahead < len(ordered) and span_of(ordered[ahead]).start < span.end:
            waiting.append(ordered[ahead])
            ahead += 1
        waiting = [other for other in waiting if span_of(other).end > span.start]
        yield waiting


def subtract_spans(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """What is left of spans outside the holes: sorted and disjoint."""
    left: list[Span] = []
    merged = merge_spans(spans)
    for span, inside in zip(merged, overlapping(merged, merge_spans(holes), lambda hole: hole), strict=True):
        start = span.start
        for hole in inside:
            if start < hole.start:
                left.append(Span(start, hole.start))
            start = max(start, hole.end)
        if start < span.end:
            left.append(Span(start, span.end))
    return left
