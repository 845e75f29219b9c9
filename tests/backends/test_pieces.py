"""Where recordings are cut, and how words get onto the grid."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_tok.backends.pieces import HeardWord, PieceOptions, cut_pieces, place_words, touching
from hybrid_tok.core.annotations import Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span, merge_spans
from hybrid_tok.errors import OptionsError


def silence(frames: int) -> Audio:
    return Audio(np.zeros(frames * 320, np.float32), 16_000)


def test_joined_until_a_real_silence_with_padding_shared() -> None:
    speech = (Span(10, 50), Span(70, 90), Span(130, 150), Span(400, 420))
    pieces = cut_pieces(silence(430), speech, PieceOptions(silence=0.6, padding=0.5))
    assert pieces == (Span(0, 110), Span(110, 175), Span(375, 430))


def test_a_long_utterance_is_cut_at_its_widest_gap() -> None:
    speech = (Span(0, 700), Span(710, 1_200), Span(1_225, 1_400), Span(1_405, 2_000))
    pieces = cut_pieces(silence(2_000), speech, PieceOptions(longest=30.0))
    assert pieces == (Span(0, 1_212), Span(1_213, 2_000))


def test_speech_without_any_gap_is_cut_where_it_is_quietest() -> None:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 4_000 * 320).astype(np.float32)
    samples[1_000 * 320 : 1_005 * 320] = 0
    pieces = cut_pieces(Audio(samples, 16_000), (Span(0, 4_000),), PieceOptions(longest=30.0))
    assert pieces[0] == Span(0, 1_002)
    assert all(piece.seconds <= 30.0 for piece in pieces)
    assert pieces[-1].end == 4_000


def test_hours_without_a_gap_does_not_exhaust_the_stack() -> None:
    frames = 1_500 * 50
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, frames).astype(np.float32)
    assert len(cut_pieces(Audio(samples, 50), (Span(0, frames),), PieceOptions(longest=1.0))) > 1_500


@given(
    bounds=st.lists(st.integers(0, 5_000), max_size=40, unique=True).map(sorted),
    longest=st.sampled_from([2.0, 10.0, 30.0]),
    gap=st.floats(0.1, 2.0),
    padding=st.floats(0.0, 1.0),
)
@settings(max_examples=40, deadline=None)
def test_pieces_cover_all_speech_in_order(bounds: list[int], longest: float, gap: float, padding: float) -> None:
    speech = merge_spans([Span(a, b) for a, b in zip(bounds[::2], bounds[1::2], strict=False)])
    options = PieceOptions(silence=gap, padding=padding, longest=longest)
    pieces = cut_pieces(silence(5_000), speech, options)
    assert all(a.end <= b.start for a, b in itertools.pairwise(pieces))
    assert all(piece.end <= 5_000 and piece.seconds <= longest + 2 * padding + 0.02 for piece in pieces)
    covered = np.zeros(5_000, bool)
    for piece in pieces:
        covered[piece.start : piece.end] = True
    assert all(covered[span.start : span.end].all() for span in speech)


def test_words_that_touch_still_touch_on_the_grid() -> None:
    heard = [HeardWord("a", 0.03, 0.11, 0.5), HeardWord("b", 0.11, 0.15, 0.5), HeardWord("c", 0.15, 0.15, 0.5)]
    assert place_words(heard, Span(100, 200)) == [
        Word("a", Span(102, 106), 0.5),
        Word("b", Span(106, 108), 0.5),
        Word("c", Span(108, 109), 0.5),
    ]


@given(
    times=st.lists(st.tuples(st.floats(-1, 3), st.floats(-1, 3), st.floats(0, 1)), max_size=12),
    frames=st.integers(1, 60),
)
def test_words_are_disjoint_and_inside_whatever_times_they_come_with(
    times: list[tuple[float, float, float]], frames: int
) -> None:
    piece = Span(7, 7 + frames)
    words = place_words([HeardWord(str(i), *time) for i, time in enumerate(times)], piece)
    assert len(words) == min(len(times), frames)
    assert [int(word.text) for word in words] == sorted(int(word.text) for word in words)
    assert all(piece.start <= w.span.start < w.span.end <= piece.end for w in words)
    assert all(a.span.end <= b.span.start for a, b in itertools.pairwise(words))


def test_words_in_the_padding_alone_are_left_out() -> None:
    words = [Word("x", Span(a, a + 5), 0.5) for a in (0, 5, 6, 15, 20, 24, 25)]
    kept = touching(words, (Span(10, 20), Span(29, 30)))
    assert [word.span.start for word in kept] == [6, 15, 25]


def test_options_are_checked() -> None:
    for wrong in ({"silence": 0.0}, {"padding": -0.1}, {"longest": 0.5}):
        with pytest.raises(OptionsError):
            PieceOptions(**wrong)
