"""Pitch and level of words, on tones whose values are known."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.bench.melody import correlation, median_pitch, word_melody
from hybrid_tok.core.annotations import Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span

RATE = 16_000


def buzz(hertz: float, level: float, seconds: float = 0.5) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * k * hertz * time) for k in range(1, 6))
    return (level * tone / np.sqrt(2.5)).astype(np.float32)


def test_pitch_and_level_of_each_word() -> None:
    audio = Audio(np.concatenate([buzz(100, 0.1), buzz(200, 0.01), np.zeros(RATE // 2, np.float32)]), RATE)
    words = [Word(str(k), Span(25 * k, 25 * (k + 1)), 1.0) for k in range(3)]
    pitch, level = word_melody(audio, words)
    assert pitch[:2] == pytest.approx(np.log2([100, 200]), abs=0.01)
    assert level[:2] == pytest.approx([-20, -40], abs=0.1)
    assert np.isnan(pitch[2]) and np.isnan(level[2])


def test_median_pitch() -> None:
    assert median_pitch(Audio(buzz(150, 0.1), RATE)) == pytest.approx(150, rel=0.01)
    assert np.isnan(median_pitch(Audio(np.zeros(RATE, np.float32), RATE)))
    assert np.isnan(median_pitch(Audio(np.zeros(10, np.float32), RATE)))


def test_pitch_is_that_of_the_speaker() -> None:
    """A short whistle is no word of a low voice; in a wide search it is."""
    audio = Audio(np.concatenate([buzz(110, 0.1, 2.0), buzz(550, 0.1, 0.2)]), RATE)
    word = [Word("whistle", Span(100, 110), 1.0)]
    (wide,), (own,) = (word_melody(audio, word, own_range=own)[0] for own in (False, True))
    assert wide == pytest.approx(np.log2(550), abs=0.01)
    assert not own > np.log2(170)


def test_correlation_needs_five_words_with_both_values() -> None:
    one = np.array([1.0, 2.0, 3.0, 4.0, 5.0, np.nan])
    other = np.array([-1.0, -2.0, -3.0, -4.0, -5.0, 9.0])
    assert correlation(one, other) == pytest.approx(-1.0)
    assert np.isnan(correlation(one[1:], other[1:]))
    assert np.isnan(correlation(one, np.ones(6)))
