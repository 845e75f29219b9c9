"""Contours of known courses: what is kept, what is shifted, and what is lost."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.bench.metrics.contours import energy_correlation, pitch_correlation
from hybrid_tok.core.audio import Audio

RATE = 16_000
SECONDS = 3.0


def voice(
    pitch: float = 150.0, *, vibrato: float = 1.5, loudness: float = 1.0, rise: float = 0.0, swell: float = 0.7
) -> Audio:
    """A buzz whose pitch swings by a fifth of itself and whose level comes and goes."""
    time = np.arange(int(RATE * SECONDS)) / RATE
    hertz = pitch * (1 + 0.2 * np.sin(2 * np.pi * vibrato * time)) * 2 ** (rise * time)
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    buzz = sum(np.cos(h * phase) / h for h in range(1, 15))
    return Audio((loudness * 0.1 * buzz * (0.05 + np.sin(2 * np.pi * swell * time) ** 2)).astype(np.float32), RATE)


def noisy(audio: Audio, level: float) -> Audio:
    noise = np.random.default_rng(0).standard_normal(audio.num_samples)
    return Audio((audio.samples + level * noise).astype(np.float32), RATE)


def test_a_copy_is_perfect() -> None:
    assert pitch_correlation(voice(), voice()) == pytest.approx(1.0)
    assert energy_correlation(voice(), voice()) == pytest.approx(1.0)


def test_height_and_level_do_not_count() -> None:
    higher = pitch_correlation(voice(150), voice(190))
    assert higher is not None and higher > 0.97
    assert energy_correlation(voice(), voice(loudness=0.1)) == pytest.approx(1.0, abs=1e-6)


def test_another_melody_and_a_backward_one_are_told() -> None:
    """The same swing upside down is -1; one of another rate has nothing to do with it."""
    time = np.arange(int(RATE * SECONDS)) / RATE
    up, down = (
        Audio((0.1 * sum(np.cos(h * p) / h for h in range(1, 15))).astype(np.float32), RATE)
        for p in (
            2 * np.pi * np.cumsum(150 * 2 ** (sign * 0.3 * np.sin(2 * np.pi * time))) / RATE for sign in (1.0, -1.0)
        )
    )
    inverted, other = pitch_correlation(up, down), pitch_correlation(voice(), voice(vibrato=2.3))
    assert inverted is not None and inverted < -0.97
    assert other is not None and abs(other) < 0.5


def test_pitch_in_octaves_is_pearsons() -> None:
    """Against the contours as they were made: a rise of a sixth of an octave a second added to one of them."""
    time = np.arange(0.05, SECONDS - 0.05, 0.01)
    swing = np.log2(1 + 0.2 * np.sin(2 * np.pi * 1.5 * time))
    expected = np.corrcoef(swing, swing + time / 6)[0, 1]
    assert pitch_correlation(voice(swell=0.0), voice(120, rise=1 / 6, swell=0.0)) == pytest.approx(expected, abs=0.03)


def test_what_is_lost_scores_nothing_and_what_never_was_is_not_scored() -> None:
    silent, short = Audio(np.zeros(RATE, np.float32), RATE), Audio(voice().samples[:800], RATE)
    hiss = noisy(silent, 0.1)
    for lost in (silent, hiss, Audio(np.zeros(0, np.float32), RATE)):
        assert pitch_correlation(voice(), lost) == 0.0
    assert energy_correlation(voice(), silent) == 0.0
    for never in (silent, short, Audio(np.zeros(0, np.float32), RATE)):
        assert pitch_correlation(never, voice()) is None
        assert energy_correlation(never, voice()) is None


def test_noise_and_a_shift_in_time_make_both_worse() -> None:
    late = Audio(np.concatenate([np.zeros(RATE // 5, np.float32), voice().samples]), RATE)
    for correlation, levels in ((energy_correlation, (0.005, 0.05)), (pitch_correlation, (0.03, 0.3))):
        little, much = (correlation(voice(), noisy(voice(), level)) for level in levels)
        shifted = correlation(voice(), late)
        assert little is not None and much is not None and shifted is not None
        assert 1.0 > little > much and shifted < 0.9


def test_what_is_softer_than_the_floor_is_not_compared() -> None:
    """Clicks 50 dB below the loudest frame change nothing where the recording is silent."""
    samples = voice().samples.copy()
    samples[-RATE:] = 0.0
    clicks = samples.copy()
    clicks[-RATE::160] = 1e-4
    assert energy_correlation(Audio(samples, RATE), Audio(clicks, RATE)) == pytest.approx(1.0, abs=1e-9)
