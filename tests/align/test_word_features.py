"""Features of words: their number, their range, and that company counts."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.align.phones import PHONES
from hybrid_tok.align.word_features import FEATURES, AlignedWord, word_features

MEAN_FRAMES = np.full(len(PHONES), 7.0, np.float32)


def spoken(*phones: str, length: int = 8) -> np.ndarray:
    """Log posteriors of phones of 80 ms each."""
    columns = [PHONES.index(phone) for phone in phones for _ in range(length)]
    out = np.full((len(columns), len(PHONES)), np.log(0.1 / (len(PHONES) - 1)), np.float32)
    out[np.arange(len(columns)), columns] = np.log(0.9)
    return out


def column(features: np.ndarray, name: str) -> np.ndarray:
    return features[:, FEATURES.index(name)]


def test_a_word_as_it_sounds_fits_and_another_does_not() -> None:
    heard = spoken("SIL", "K", "AE", "T", "SIL")
    cat = AlignedWord(("K", "AE", "T"), 0.08, 0.32)
    dog = AlignedWord(("D", "AO", "G"), 0.08, 0.32)
    features = word_features(heard, [cat], MEAN_FRAMES), word_features(heard, [dog], MEAN_FRAMES)
    assert column(features[0], "deficit")[0] == pytest.approx(0.0, abs=1e-6)
    assert column(features[1], "deficit")[0] > 4.0
    assert column(features[0], "edits")[0] == 0.0 and column(features[1], "edits")[0] == 1.0
    assert column(features[0], "stretch")[0] == pytest.approx(np.log(24 / 21), abs=1e-6)


def test_neighbours_count() -> None:
    heard = spoken("K", "AE", "T", "D", "AO", "G")
    good = AlignedWord(("K", "AE", "T"), 0.0, 0.24)
    beside = [AlignedWord(("D", "AO", "G"), 0.24, 0.48), AlignedWord(("Z", "UW"), 0.24, 0.48)]
    company = [word_features(heard, [good, word], MEAN_FRAMES)[0] for word in beside]
    assert company[0][FEATURES.index("deficit")] == company[1][FEATURES.index("deficit")]
    assert company[0][FEATURES.index("deficit_after")] < company[1][FEATURES.index("deficit_after")]


@pytest.mark.parametrize("frames", [0, 1, 5])
def test_whatever_comes_in_the_features_are_finite(frames: int) -> None:
    rng = np.random.default_rng(0)
    heard = np.log(rng.dirichlet(np.ones(len(PHONES)), frames).reshape(frames, len(PHONES))).astype(np.float32)
    words = [
        AlignedWord((), 0.0, 0.0),
        AlignedWord(("K", "nothing", "T"), 0.5, 0.4),
        AlignedWord(("Z",) * 30, 9.0, 11.0),
    ]
    features = word_features(heard, words, MEAN_FRAMES)
    assert features.shape == (3, len(FEATURES)) and np.isfinite(features).all()


def test_no_words_no_rows() -> None:
    assert word_features(spoken("K"), [], MEAN_FRAMES).shape == (0, len(FEATURES))
