"""The recipe of the confidence model on made words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hybrid_tok.errors import OptionsError
from hybrid_tok.models.word_features import FEATURES
from hybrid_tok.train.confidence import TrainConfidenceOptions, calibrate, fit
from hybrid_tok.train.confidence_words import Judged, disturb, edit, right_words

OPTIONS = TrainConfidenceOptions(data=Path("data"), out=Path("out"), folds=3, width=4, steps=60)


def test_right_words_are_those_a_minimal_alignment_pairs() -> None:
    said = ["the", "cat", "sat", "on", "the", "mat"]
    assert right_words(said, said) == [True] * 6
    assert right_words(["a", "cat", "sat", "on", "mat", "mat"], said) == [False, True, True, True, False, True]
    assert right_words([], said) == []
    assert right_words(["the"], []) == [False]
    assert right_words(["the", "the"], ["the"]).count(True) == 1


def test_edits_are_of_every_kind_and_known() -> None:
    rng = np.random.default_rng(0)
    text = [f"w{k}" for k in range(600)]
    words, right = edit(text, ["x", "y"], 0.3, rng)
    assert len(words) == len(right)
    assert [word for word, said in zip(words, right, strict=True) if said] == sorted(
        (word for word in words if word not in ("x", "y")), key=lambda word: int(word[1:])
    )
    put_in = right.count(False)
    assert 80 < put_in < 160  # a fifth: replaced or put in
    assert 80 < 600 - right.count(True) < 160  # a fifth: replaced or left out
    assert edit(text, ["x"], 0.0, rng) == (text, [True] * 600)


def test_a_text_of_which_nothing_is_left_stays() -> None:
    for seed in range(50):
        words, right = edit(["alone"], ["x"], 0.99, np.random.default_rng(seed))
        assert len(words) == len(right) >= 1


def test_noise_is_added_at_the_level_drawn() -> None:
    rng = np.random.default_rng(1)
    samples = (0.1 * rng.standard_normal(16_000)).astype(np.float32)
    noise = (0.5 * rng.standard_normal(5_000)).astype(np.float32)
    under = disturb(samples, noise, rng) - samples
    ratio = 10 * np.log10(np.mean(samples**2) / np.mean(under**2))
    assert 4.5 < ratio < 25.5


def test_calibration_finds_the_slope_that_was_lost() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 2, 20_000)
    right = rng.random(20_000) < 1 / (1 + np.exp(-(0.5 * logits - 1.0)))
    assert calibrate(logits, right) == pytest.approx((0.5, -1.0), abs=0.06)


def test_fits_what_can_be_known_and_says_so() -> None:
    rng = np.random.default_rng(3)
    features = rng.normal(size=(1500, len(FEATURES))).astype(np.float32)
    right = rng.random(1500) < 1 / (1 + np.exp(-2 * features[:, 0]))
    words = Judged(features, right, rng.integers(0, 9, 1500))
    arrays, measured = fit(words, OPTIONS)
    assert measured["area"] > 0.65 and measured["nats"] < 0.66
    assert arrays["hidden.weight"].shape == (3, len(FEATURES), 4)
    again, _ = fit(words, OPTIONS)
    assert all(np.array_equal(arrays[name], again[name]) for name in arrays)


def test_options_are_checked() -> None:
    for wrong in ({"folds": 1}, {"hold_out": 0}, {"edited": 1.0}, {"noisy": -0.1}):
        with pytest.raises(OptionsError):
            TrainConfidenceOptions(data=Path("data"), out=Path("out"), **wrong)
