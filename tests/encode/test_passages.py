"""Where passages end, in a file and while it is being heard."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.core.annotations import Word
from hybrid_tok.core.timeline import Span
from hybrid_tok.core.windows import Window
from hybrid_tok.encode.passages import Passage, PassageCutter, PassageOptions, join_over_words
from hybrid_tok.errors import OptionsError

OPTIONS = PassageOptions(quiet=5, longest=40)


def cut(windows: list[Span], active: np.ndarray, options: PassageOptions = OPTIONS) -> list[Passage]:
    cutter = PassageCutter(options)
    return cutter.push([Window((span,)) for span in windows], len(active), active) + cutter.flush()


def sounds(frames: int, *spans: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(frames, bool)
    for start, end in spans:
        mask[start:end] = True
    return mask


def test_a_passage_ends_with_a_window() -> None:
    found = cut([Span(10, 30), Span(30, 50)], sounds(60, (8, 48)))
    assert [one.span for one in found] == [Span(0, 30), Span(30, 50), Span(50, 60)]
    assert [one.window for one in found] == [Span(10, 30), Span(30, 50), None]


def test_a_passage_ends_after_a_sound() -> None:
    assert [one.span for one in cut([], sounds(60, (10, 20), (23, 30), (50, 55)))] == [
        Span(0, 32),
        Span(32, 57),
        Span(57, 60),
    ]


def test_a_sound_just_before_a_window_is_part_of_its_passage() -> None:
    assert [one.span for one in cut([Span(33, 50)], sounds(50, (10, 30)))] == [Span(0, 50)]
    assert [one.span for one in cut([Span(35, 50)], sounds(50, (10, 30)))] == [Span(0, 32), Span(32, 50)]


@pytest.mark.parametrize("level", [False, True])
def test_silence_and_endless_sounds_are_cut_after_a_while(level: bool) -> None:
    assert [one.span for one in cut([], np.full(100, level))] == [Span(0, 40), Span(40, 80), Span(80, 100)]


RUNS = st.lists(st.integers(1, 60), max_size=20)


@given(runs=RUNS, gaps=RUNS, steps=st.lists(st.integers(1, 90), min_size=1), lag=st.integers(0, 30))
def test_passages_are_the_same_while_the_recording_is_being_heard(
    runs: list[int], gaps: list[int], steps: list[int], lag: int
) -> None:
    active = np.concatenate([np.full(run, index % 2 == 1) for index, run in enumerate(runs)] or [np.zeros(0, bool)])
    edges = np.cumsum(gaps).tolist()
    windows = [Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False) if b <= len(active)]
    cutter, given, now, turn = PassageCutter(OPTIONS), list[Passage](), 0, 0
    heard = told = 0
    while now < len(active):
        now = min(now + steps[turn % len(steps)], len(active))
        turn += 1
        ended = [one for one in windows[told:] if one.end + lag <= now]
        told += len(ended)
        upcoming = min([now, *(one.start for one in windows[told:])])
        given += cutter.push([Window((one,)) for one in ended], upcoming, active[heard:now])
        heard = now
    given += cutter.push([Window((one,)) for one in windows[told:]], len(active), active[heard:])
    given += cutter.flush()
    assert given == cut(windows, active)
    assert [0, *(one.span.end for one in given)] == [*(one.span.start for one in given), len(active)]
    assert [one.window for one in given if one.window] == windows


def test_words_over_a_border_join_the_passages() -> None:
    passages = [Passage(Span(a, b)) for a, b in pairwise([0, 10, 20, 30, 40])]
    words = [Word("a", Span(2, 12), 1.0), Word("b", Span(18, 31), 1.0), Word("c", Span(19, 20), 1.0)]
    assert [one.span for one in join_over_words(passages, words)] == [Span(0, 40)]
    assert [one.span for one in join_over_words(passages, words[:1])] == [Span(0, 20), Span(20, 30), Span(30, 40)]
    assert join_over_words(passages, [Word("a", Span(0, 10), 1.0)]) == passages


def test_options_are_checked() -> None:
    with pytest.raises(OptionsError):
        PassageOptions(quiet=0)
