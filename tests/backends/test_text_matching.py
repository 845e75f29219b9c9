"""Texts split as they are aligned, and matched to what was heard."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.backends.forced_text import HeardWindow, PlacedWord
from hybrid_tok.backends.text_matching import fold, match, text_units
from hybrid_tok.backends.text_reading import read_text
from hybrid_tok.core.annotations import Segment
from hybrid_tok.core.timeline import Span
from hybrid_tok.core.windows import Window


def test_units_are_characters_in_chinese_and_words_elsewhere() -> None:
    assert text_units("「你好，」世界 ... hello world!", "zh") == ["「你", "好，」", "世", "界...", "hello", "world!"]
    assert text_units("-- ¿Qué  tal? -- ...", "es") == ["-- ¿Qué", "tal? -- ..."]
    assert text_units("...", "de") == ["..."] and text_units(" ", "de") == []
    assert fold("¡Straße!") == fold("STRASSE") and fold("Qué") == "que"


words = st.lists(st.sampled_from("abcde"), max_size=40)


@given(words, words)
def test_matches_are_equal_and_in_order(text: list[str], heard: list[str]) -> None:
    pairs = match(text, heard)
    assert all(text[i] == heard[j] for i, j in pairs)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(pairs))


@given(words)
def test_a_text_matches_itself_whole(text: list[str]) -> None:
    assert match(text, text) == [(k, k) for k in range(len(text))]


def window(start: int, words: str) -> HeardWindow:
    """A window of a second per word."""
    said = [PlacedWord(w, fold(w), start + 50 * k, start + 50 * k + 50, -0.5) for k, w in enumerate(words.split())]
    return HeardWindow(Window((Span(start, start + 50 * max(len(said), 1)),)), "de", tuple(said))


def test_words_belong_to_the_window_around_them() -> None:
    segment = Segment("eins zwei drei vier fünf")
    text = segment.text.split()
    reading = read_text(
        text, [segment] * 5, [window(0, "eins zwo drei"), window(200, ""), window(300, "vier fünf")], 50
    )
    assert [reading.share(k) for k in range(3)] == [[0, 1, 2], [], [3, 4]]
    assert reading.matched.tolist() == [True, False, True, True, True]
    assert reading.rival.tolist() == [0.0, -0.5, 0.0, 0.0, 0.0]
    assert reading.room.tolist() == [1.0, 0.75, 1.0, 1.0, 1.0]
    assert reading.said_and_beside([0, 2], 0) == [("eins", 0), ("zwo", -1), ("drei", 2)]
    assert reading.said_and_beside([0, 1, 2], 0) == [("eins", 0), ("zwei", 1), ("drei", 2)]


def test_segments_with_times_match_within_them() -> None:
    segments = [Segment("ja", Span(0, 50)), Segment("nein", Span(100, 150)), Segment("ja", Span(500, 550))]
    reading = read_text(["ja", "nein", "ja"], segments, [window(0, "ja so nein"), window(500, "ja")], 10)
    assert reading.matched.tolist() == [True, True, True]
    assert reading.place.tolist() == [0.0, 2.0, 3.0]
    late = [Segment("ja", Span(2000, 2050))]
    assert read_text(["ja"], late, [window(0, "ja")], 10).share(0) == []
