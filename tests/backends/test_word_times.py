"""Word times on the grid: in order, disjoint, at least a frame each, and tightened to the sound."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.backends.word_times import frame_levels, separate, tighten
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span

TIMES = st.lists(st.floats(-5, 120), max_size=30).map(sorted)
SPANS = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 20)), max_size=10)
"""Gap before each span, and its length, in frames."""


def laid_out(lengths: Sequence[tuple[int, int]]) -> list[Span]:
    spans: list[Span] = []
    for gap, length in lengths:
        start = gap + (spans[-1].end if spans else 0)
        spans.append(Span(start, start + length))
    return spans


@given(times=TIMES, start=st.integers(0, 30), frames=st.integers(1, 90))
def test_words_are_in_order_disjoint_and_inside(times: list[float], start: int, frames: int) -> None:
    limit = Span(start, start + frames)
    spans = separate(times[:-1], times[1:], limit)
    assert len(spans) == max(len(times) - 1, 0)
    assert all(limit.start <= span.start <= span.end <= limit.end for span in spans)
    assert all(before.end <= after.start for before, after in pairwise(spans))
    assert sum(span.frames == 0 for span in spans) == max(len(spans) - frames, 0), "a frame each as far as they go"


@given(lengths=SPANS)
def test_times_that_fit_are_kept(lengths: list[tuple[int, int]]) -> None:
    spans = laid_out(lengths)
    limit = Span(0, spans[-1].end if spans else 1)
    for off in (-0.49, 0.0, 0.49):
        assert separate([span.start + off for span in spans], [span.end + off for span in spans], limit) == spans


@pytest.mark.parametrize(
    ("starts", "ends", "expected"),
    [
        ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [Span(1, 2), Span(2, 3), Span(3, 4)]),
        ([3.0, 2.0], [5.0, 6.0], [Span(3, 5), Span(5, 6)]),
        ([9.0, 9.5], [9.5, 10.0], [Span(8, 9), Span(9, 10)]),
        ([0.0, 20.0], [4.0, 30.0], [Span(0, 4), Span(9, 10)]),
    ],
    ids=["no length", "overlapping", "at the end", "beyond the end"],
)
def test_times_that_do_not_fit_move(starts: list[float], ends: list[float], expected: list[Span]) -> None:
    assert separate(starts, ends, Span(0, 10)) == expected


@given(lengths=SPANS, speech=SPANS, seed=st.integers(0, 99))
def test_tightened_words_are_parts_of_what_they_were(
    lengths: list[tuple[int, int]], speech: list[tuple[int, int]], seed: int
) -> None:
    spans, talk = laid_out(lengths), laid_out(speech)
    levels = np.random.default_rng(seed).uniform(-90, -10, 300)
    for before, after in zip(spans, tighten(spans, levels, talk), strict=True):
        assert before.start <= after.start < after.end <= before.end
        if shared := [one for one in talk if one.overlap(before)]:
            most = max(shared, key=lambda one: one.overlap(before))
            assert most.start <= after.start and after.end <= most.end, "in the speech it overlaps most"
        loudest = levels[after.start : after.end].max()
        assert min(levels[after.start], levels[after.end - 1]) >= loudest - 30, "audible at its edges"


def test_a_word_ends_where_it_is_last_audible() -> None:
    levels = np.full(50, -80.0)
    levels[12:15], levels[20:25] = -30.0, -15.0
    assert tighten([Span(5, 40)], levels, [Span(0, 50)]) == [Span(12, 25)]
    assert tighten([Span(5, 40)], levels, [Span(0, 16)]) == [Span(12, 15)], "cut to the speech first"
    assert tighten([Span(5, 40)], levels, []) == [Span(12, 25)], "without speech, to the sound alone"
    assert tighten([Span(45, 60)], levels, []) == [Span(45, 60)], "beyond the recording nothing is known"
    assert tighten([Span(7, 7)], levels, []) == [Span(7, 7)]


def test_levels_are_those_of_each_frame() -> None:
    samples = np.repeat(np.array([1.0, 0.1, 0.0], np.float32), [320, 320, 160])
    np.testing.assert_allclose(frame_levels(Audio(samples, 16_000)), [0.0, -20.0, -120.0], atol=0.01)
