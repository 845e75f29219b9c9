from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_tok.audio import resample
from hybrid_tok.core.audio import Audio
from hybrid_tok.decode.mixer import Mixer, limit, limited

RATE = 16_000


def test_segments_that_meet_keep_their_power() -> None:
    generator = np.random.default_rng(0)
    powers = []
    for _ in range(200):
        mixer = Mixer(1, 3200, 80)
        mixer.add(0, 0, generator.standard_normal(1600 + 160).astype(np.float32) * np.float32(0.1))
        mixer.add(0, 1600, generator.standard_normal(1600 + 160).astype(np.float32) * np.float32(0.1))
        powers.append(mixer.finish(1.0, RATE) ** 2)
    power = np.mean(powers, axis=0).reshape(-1, 80).mean(axis=1)
    assert power == pytest.approx(0.01, rel=0.1)


def test_a_segment_in_silence_has_no_edges() -> None:
    mixer = Mixer(1, 4800, 80)
    mixer.add(0, 1600, np.full(1600 + 160, 0.5, np.float32))
    output = mixer.finish(1.0, RATE)
    assert not output[:1520].any() and not output[3280:].any()
    assert np.all(output[1680:3120] == 0.5)
    assert np.abs(np.diff(output)).max() < 0.01


@pytest.mark.parametrize("body", [1, 50, 159, 160, 161, 320, 1000])
@pytest.mark.parametrize("start", [0, 500, 1900])
def test_fades_are_those_of_the_definition(body: int, start: int) -> None:
    """Straight from the definition: the whole segment times a rising and a falling ramp, cut at the output."""
    samples = np.random.default_rng(body).standard_normal(body + 160).astype(np.float32) * np.float32(0.1)
    ramp = np.sin(np.pi / 2 * (np.arange(160) + 0.5) / 160)
    gain = np.ones(body + 160)
    if start > 0:
        gain[:160] *= ramp
    if start + body < 2000:
        gain[-160:] *= ramp[::-1]
    expected = np.zeros(80 + 4000)
    expected[start : start + body + 160] = samples * gain
    mixer = Mixer(1, 2000, 80)
    mixer.add(0, start, samples)
    assert mixer.finish(1.0, RATE) == pytest.approx(expected[80:2080], abs=1e-7)


def test_the_ends_of_the_output_are_not_faded() -> None:
    mixer = Mixer(1, 1600, 80)
    mixer.add(0, 0, np.full(1760, 0.5, np.float32))
    assert np.all(mixer.finish(1.0, RATE) == 0.5)


def test_overlaps_are_summed_and_channels_kept_apart() -> None:
    mixer = Mixer(2, 1600, 0)
    mixer.add(0, 0, np.full(1600, 0.25, np.float32))
    mixer.add(0, 800, np.full(800, 0.5, np.float32))
    mixer.add(1, 100, np.full(100, 0.125, np.float32))
    output = mixer.finish(1.0, RATE)
    assert output.shape == (2, 1600)
    assert np.all(output[0, :800] == 0.25) and np.all(output[0, 800:] == 0.75)
    assert output[1].sum() == 12.5


def test_what_lies_beyond_the_end_is_left_out() -> None:
    mixer = Mixer(1, 100, 10)
    for start in (90, 100, 5000):
        mixer.add(0, start, np.ones(120, np.float32) * np.float32(0.1))
    output = mixer.finish(1.0, RATE)
    assert output.shape == (100,) and not output[:80].any() and output[95:].all()
    assert Mixer(1, 0, 10).finish(1.0, RATE).shape == (0,)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 3000), st.integers(0, 2**32 - 1), st.floats(0.2, 1.0))
def test_nothing_goes_beyond_the_ceiling(length: int, seed: int, ceiling: float) -> None:
    generator = np.random.default_rng(seed)
    samples = (generator.standard_normal(length) * generator.choice([0.1, 1.0, 10.0])).astype(np.float32)
    limited = samples.copy()
    limit(limited, ceiling, RATE)
    assert np.abs(limited).max(initial=0.0) <= ceiling + 1e-6
    assert np.all(np.sign(limited) * np.sign(samples) >= 0)


def test_only_the_surroundings_of_a_peak_change() -> None:
    times = np.arange(RATE) / RATE
    samples = (0.5 * np.sin(2 * np.pi * 200 * times)).astype(np.float32)
    loud = samples.copy()
    loud[8000:8160] *= 3.0
    limited = loud.copy()
    limit(limited, 0.9, RATE)
    assert np.array_equal(limited[:7700], loud[:7700]) and np.array_equal(limited[8460:], loud[8460:])
    gain = limited[7700:8460] / np.where(loud[7700:8460] == 0, 1, loud[7700:8460])
    assert np.abs(np.diff(gain[np.abs(loud[7700:8460]) > 0.01])).max() < 0.05, "the gain moves smoothly"


def test_peaks_that_resampling_makes_are_limited() -> None:
    """A square wave at full scale overshoots at another rate; audio beyond full scale could not be written."""
    square = np.where(np.arange(1_600) // 40 % 2, 0.99, -0.99).astype(np.float32)
    higher = resample(Audio(square, 16_000), 44_100)
    assert np.abs(higher.samples).max() > 1.05
    assert np.abs(limited(higher).samples).max() <= 1.0
    quiet = Audio(square / 2, 16_000)
    before = quiet.samples.copy()
    np.testing.assert_array_equal(limited(quiet).samples, before)
