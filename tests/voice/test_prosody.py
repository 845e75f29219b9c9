from __future__ import annotations

import math
from itertools import product

import pytest

from hybrid_tok.tokens.stream import Prosody
from hybrid_tok.voice.prosody import (
    BINS,
    ENERGY_DB,
    PITCH_SEMITONES,
    RATE_OCTAVES,
    Delivery,
    expected_seconds,
    from_bins,
    to_bins,
)


def test_every_bin_comes_back_from_what_it_stands_for() -> None:
    for bins in product(range(BINS), repeat=3):
        assert to_bins(from_bins(Prosody(*bins))) == Prosody(*bins)


def test_scales_rise_and_have_a_bin_near_the_mean() -> None:
    for scale in (PITCH_SEMITONES, ENERGY_DB, RATE_OCTAVES):
        assert len(scale) == BINS
        assert list(scale) == sorted(set(scale))
        assert min(map(abs, scale)) < 0.6


def test_what_is_unknown_is_the_mean_and_what_is_extreme_the_last_bin() -> None:
    nan = float("nan")
    mean = to_bins(Delivery(0.0, 0.0, 1.0))
    assert to_bins(Delivery(nan, nan, 0.0)) == mean
    assert to_bins(Delivery(99.0, 99.0, 99.0)) == Prosody(BINS - 1, BINS - 1, BINS - 1)
    assert to_bins(Delivery(-99.0, -99.0, 1e-9)) == Prosody(0, 0, 0)
    assert from_bins(Prosody(99, 99, 99)) == from_bins(Prosody(BINS - 1, BINS - 1, BINS - 1))


@pytest.mark.parametrize("word", ["", "--", "a", "don't", "extraordinary", "未来", "2024", "Ж"])
def test_every_word_takes_time_and_a_longer_one_more(word: str) -> None:
    assert 0.0 < expected_seconds(word) < expected_seconds(word + "ab")
    assert math.isfinite(expected_seconds(word))
