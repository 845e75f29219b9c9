"""Frames are integers, and one rule rounds to them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.core.timeline import (
    Span,
    count_frames,
    frame_to_sample,
    frame_to_seconds,
    merge_spans,
    overlapping,
    seconds_to_frame,
)


@pytest.mark.parametrize(
    "seconds, frame", [(0.0, 0), (0.0099, 0), (0.01, 1), (0.03, 2), (0.05, 3), (1.0, 50), (3600.0, 180_000)]
)
def test_seconds_round_half_up(seconds: float, frame: int) -> None:
    """0.01 s is half a frame and 0.05 s two and a half: both up, where Python's round would part them."""
    assert seconds_to_frame(seconds) == frame


@given(st.integers(0, 10**7))
def test_a_frame_comes_back_from_its_time(frame: int) -> None:
    assert seconds_to_frame(frame_to_seconds(frame)) == frame


@given(st.integers(0, 10**6), st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100, 192_000]))
def test_samples_are_the_nearest_and_never_drift(frame: int, rate: int) -> None:
    sample = frame_to_sample(frame, rate)
    assert abs(sample - frame * rate / 50) <= 0.5
    if rate % 50 == 0:
        assert sample == frame * rate // 50


def test_spans() -> None:
    span = Span(10, 60)
    assert (span.frames, span.seconds) == (50, 1.0)
    assert [span.overlap(other) for other in (Span(0, 10), Span(0, 11), Span(20, 30), Span(59, 99))] == [0, 1, 10, 1]
    for start, end in ((-1, 0), (2, 1)):
        with pytest.raises(ValueError, match="0 <= start <= end"):
            Span(start, end)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 10)), max_size=8), st.integers(0, 3))
def test_merged_spans_cover_the_same_and_stand_apart(pairs: list[tuple[int, int]], max_gap: int) -> None:
    spans = [Span(start, start + length) for start, length in pairs]
    merged = merge_spans(spans, max_gap)
    assert all(right.start - left.end > max_gap for left, right in pairwise(merged))
    covered = {frame for span in merged for frame in range(span.start, span.end)}
    assert covered >= {frame for span in spans for frame in range(span.start, span.end)}
    if max_gap == 0:
        assert covered == {frame for span in spans for frame in range(span.start, span.end)}


def test_a_partial_frame_counts() -> None:
    assert [count_frames(samples, 16_000) for samples in (0, 1, 320, 321)] == [0, 1, 1, 2]
    assert count_frames(44_100, 44_100) == 50


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5))),
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 5))),
)
def test_a_sweep_finds_what_overlaps(spans: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    ordered = sorted(Span(start, start + length) for start, length in spans)
    beside = [Span(start, start + length) for start, length in others]
    found = list(overlapping(ordered, beside, lambda span: span))
    assert len(found) == len(ordered)
    for span, waiting in zip(ordered, found, strict=True):
        assert [one for one in waiting if one.overlap(span)] == sorted(one for one in beside if one.overlap(span))
