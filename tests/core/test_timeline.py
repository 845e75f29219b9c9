"""Frames are integers, and one rule rounds to them."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.core.timeline import (
    DEFAULT_GRID,
    Grid,
    Span,
    count_frames,
    frame_to_sample,
    frame_to_seconds,
    frames_to_samples,
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


GRIDS = st.sampled_from(
    [Grid(16_000, 320), Grid(24_000, 320), Grid(24_000, 1920), Grid(44_100, 512), Grid(22_050, 1024)]
)


@given(GRIDS, st.integers(0, 10**7))
def test_a_boundary_is_the_nearest_on_a_codecs_grid(grid: Grid, frame: int) -> None:
    exact = frame * grid.frame_rate / 50
    assert -Fraction(1, 2) < grid.nearest(frame) - exact <= Fraction(1, 2), "half up"
    assert grid.containing(frame) <= exact < grid.containing(frame) + 1
    back = grid.annotation_span(Span(grid.nearest(frame), grid.nearest(frame))).start
    assert abs(back - frame) <= 25 / grid.frame_rate + Fraction(1, 2)
    if grid.is_annotations:
        assert grid.nearest(frame) == grid.containing(frame) == back == frame


@given(GRIDS, st.integers(0, 10**9))
def test_frames_and_remainder_say_every_length(grid: Grid, num_samples: int) -> None:
    frames = grid.count(num_samples)
    assert grid.length(frames, num_samples % grid.hop) == num_samples
    assert 0 <= frames * grid.hop - num_samples < grid.hop
    if grid.is_annotations:
        assert frames == count_frames(num_samples, grid.sample_rate)


@given(st.integers(0, 10**6), GRIDS, st.sampled_from([40, 8_000, 16_000, 22_050, 24_000, 44_100]))
def test_samples_of_frames_are_the_nearest(frames: int, grid: Grid, rate: int) -> None:
    exact = frames * rate / grid.frame_rate
    assert abs(frames_to_samples(frames, grid.frame_rate, rate) - exact) <= Fraction(1, 2)
    if rate == grid.sample_rate:
        assert frames_to_samples(frames, grid.frame_rate, rate) == frames * grid.hop


@given(GRIDS, st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=12), st.integers(0, 881))
def test_stretches_go_on_to_tile(grid: Grid, stretches: list[tuple[int, bool]], missing: int) -> None:
    edges = [0, *accumulate(frames for frames, _ in stretches)]
    kept = [keep for _, keep in stretches]
    # The last frame of 20 ms may be partial.
    num_samples = frame_to_sample(edges[-1], grid.sample_rate) - missing * grid.sample_rate // 50 // 882
    last = grid.count(num_samples)
    assert count_frames(num_samples, grid.sample_rate) == edges[-1]
    placed = grid.tile(edges, kept, 0, last)
    assert placed[0] == 0 and placed[-1] == last and placed == sorted(placed)
    if grid.is_annotations:
        assert placed == edges
    if sum(kept) <= last:
        assert all(start < end for (start, end), keep in zip(pairwise(placed), kept, strict=True) if keep)
    if all(frames * grid.frame_rate >= 50 for frames, _ in stretches[:-1]):
        # All are longer than a frame of the codec: none has to give way, but to the last one.
        inside = list(zip(edges, placed, strict=True))[:-2]
        assert all(abs(at - edge * grid.frame_rate / 50) <= Fraction(1, 2) for edge, at in inside)


def test_what_is_short_has_the_frame_that_it_lies_in() -> None:
    mimi = Grid(24_000, 1920)  # 4 frames of 20 ms each
    kept = [False, True, False]
    assert mimi.tile([0, 5, 6, 40], kept, 0, 10) == [0, 1, 2, 10]
    assert mimi.tile([0, 2, 4, 40], kept, 0, 10) == [0, 0, 1, 10]
    assert mimi.tile([0, 6, 7, 40], kept, 0, 10) == [0, 1, 2, 10], "not [2, 2), where its edges are nearest"
    assert mimi.tile([0, 5, 6, 7], [True, True, True], 0, 2) == [0, 0, 1, 2], "the first has none"
    assert mimi.tile([0, 38, 39, 40], [True, True, True], 0, 10) == [0, 8, 9, 10]
    assert DEFAULT_GRID.tile([0, 5, 6, 40], kept, 0, 40) == [0, 5, 6, 40]
    with pytest.raises(ValueError, match="need a rate and samples, not 0 at 16000 Hz"):
        Grid(16_000, 0)
