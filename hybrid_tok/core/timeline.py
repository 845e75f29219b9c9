"""Time on the 20 ms grid.

Every time in a stream is a whole number of frames, and frames add as integers, so that nothing drifts however
long the recording. Seconds and samples are turned into frames here and nowhere else, by one rounding rule:
half up, `floor(x + 0.5)` (Python's `round` goes to even, which would make equal gaps unequal).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

FRAME_RATE = 50
"""Frames per second: one frame lasts 20 ms."""


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


def count_frames(num_samples: int, sample_rate: int) -> int:
    """How many frames a recording covers; the last may be partial, so that no tail is lost."""
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
        return frame_to_seconds(self.frames)

    def overlap(self, other: Span) -> int:
        """Number of frames the two spans share."""
        return max(0, min(self.end, other.end) - max(self.start, other.start))


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
