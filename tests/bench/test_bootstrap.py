"""The bootstrap: exact figures, intervals that hold what they say, pairing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hybrid_tok.bench.bootstrap import compare, estimate


def test_numbers_are_averaged_and_pairs_are_pooled() -> None:
    of_numbers = estimate([1.0, 2.0, 6.0])
    of_pairs = estimate([(1.0, 10.0), (3.0, 10.0), (0.0, 20.0)])
    assert of_numbers is not None and of_pairs is not None
    assert of_numbers.value == pytest.approx(3.0)
    assert of_pairs.value == pytest.approx(4 / 40)
    assert of_numbers.recordings == of_pairs.recordings == 3


def test_missing_and_undefined_scores_are_left_out() -> None:
    assert estimate([]) is None
    assert estimate([None, math.nan]) is None
    assert estimate([(0.0, 0.0)]) is None
    found = estimate([None, 2.0, math.nan, 4.0])
    assert found is not None and (found.value, found.recordings) == (3.0, 2)


def test_one_recording_has_no_spread() -> None:
    found = estimate([2.5])
    assert found is not None and (found.low, found.value, found.high) == (2.5, 2.5, 2.5)


def test_the_interval_holds_the_true_mean_about_19_times_in_20() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for seed in range(200):
        found = estimate(rng.normal(1.0, 2.0, 60).tolist(), seed)
        assert found is not None
        held += found.low <= 1.0 <= found.high
    assert 180 <= held <= 199


def test_the_same_seed_gives_the_same_interval() -> None:
    scores = np.random.default_rng(0).normal(size=30).tolist()
    assert estimate(scores, 7) == estimate(scores, 7) != estimate(scores, 8)


def test_pairing_finds_a_small_gain_that_recordings_hide() -> None:
    rng = np.random.default_rng(1)
    hard = rng.normal(0.0, 10.0, 40)
    found = compare(hard.tolist(), (hard + 0.1 + rng.normal(0.0, 0.02, 40)).tolist())
    assert found is not None
    assert found.low > 0.08 and found.high < 0.12 and found.above == 1.0
    assert found.second - found.first == pytest.approx(found.value)


def test_equal_systems_are_undecided() -> None:
    found = compare([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert found is not None and (found.value, found.above) == (0.0, 0.5)


def test_only_recordings_of_both_are_compared() -> None:
    found = compare([1.0, None, 3.0, math.nan], [2.0, 100.0, 4.0, 5.0])
    assert found is not None and (found.recordings, found.first, found.second) == (2, 2.0, 3.0)
    assert compare([None], [1.0]) is None
