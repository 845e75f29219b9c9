"""Segments and augmentation."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.errors import AudioError
from hybrid_tok.train.codec.augment import AugmentOptions, draw_segment, mix, synthetic_signal
from hybrid_tok.train.data import Clips, SegmentSampler


@pytest.fixture
def clips() -> Clips:
    samples = np.concatenate([np.full(40_000, 1_000, np.int16), np.full(8_000, -2_000, np.int16)])
    return Clips(samples, {"librispeech": np.array([[0, 40_000]]), "esc10": np.array([[40_000, 48_000]])})


def test_segments_stay_inside_their_clip_and_short_ones_are_padded(clips: Clips) -> None:
    sampler = SegmentSampler(clips, 16_000)
    rng = np.random.default_rng(0)
    assert (sampler.draw(rng, source="librispeech") == np.float32(1_000 / 32_768)).all()
    short = sampler.draw(rng, source="esc10")
    assert short.shape == (16_000,) and (short != 0).sum() == 8_000


def test_sources_come_by_weight(clips: Clips) -> None:
    sampler = SegmentSampler(clips, 1_000, {"librispeech": 3.0, "esc10": 1.0})
    rng = np.random.default_rng(0)
    share = np.mean([sampler.draw(rng).mean() > 0 for _ in range(400)])
    assert 0.68 < share < 0.82
    with pytest.raises(AudioError, match="none of the sources"):
        SegmentSampler(clips, 1_000, {"other": 1.0})


def test_augmented_segments_are_finite_and_not_clipped(clips: Clips) -> None:
    sampler = SegmentSampler(clips, 4_000)
    always = AugmentOptions(gain=1, speed=1, noise=1, mixture=1, band_limit=1, synthetic=0.1)
    rng = np.random.default_rng(0)
    for _ in range(50):
        segment = draw_segment(sampler, rng, always)
        assert segment.shape == (4_000,) and segment.dtype == np.float32
        assert np.isfinite(segment).all() and np.abs(segment).max() <= 1
    first, again = (draw_segment(sampler, np.random.default_rng(7), always) for _ in range(2))
    assert np.array_equal(first, again)


def test_mixing_keeps_the_ratio_asked_for() -> None:
    rng = np.random.default_rng(0)
    speech, noise = (rng.standard_normal(8_000).astype(np.float32) for _ in range(2))
    added = mix(speech, 3 * noise, 10.0) - speech
    assert 10 * np.log10(np.square(speech).sum() / np.square(added).sum()) == pytest.approx(10, abs=0.01)
    assert np.array_equal(mix(speech, np.zeros(8_000, np.float32), 10.0), speech)


def test_synthetic_signals_are_within_full_scale() -> None:
    rng = np.random.default_rng(0)
    assert all(np.abs(synthetic_signal(rng, 2_000)).max() <= 1 for _ in range(60))
