"""Ratings of speech."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from hybrid_tok.audio import read_mono
from hybrid_tok.bench.dnsmos import SAMPLE_RATE, Dnsmos, Rating
from real_audio import recording


def test_the_mean_counts_all_the_same() -> None:
    assert Rating.mean([Rating(1.0, 2.0, 3.0), Rating(3.0, 2.0, 5.0)]) == Rating(2.0, 2.0, 4.0)
    assert np.isnan(Rating.mean([]).overall)


@pytest.mark.skipif(find_spec("speechmos") is None, reason="speechmos is not installed (bench extra)")
def test_noise_is_rated_below_speech() -> None:
    speech = read_mono(recording("dev/librispeech/1688-142285-0000.flac"), SAMPLE_RATE)[0].samples[: 5 * SAMPLE_RATE]
    noisy = speech + 0.03 * np.random.default_rng(0).standard_normal(len(speech)).astype(np.float32)
    clean, bad = Dnsmos().rate(speech), Dnsmos().rate(noisy)
    assert 1.0 < bad.overall < clean.overall - 0.5 < 4.5
    assert bad.background < clean.background
