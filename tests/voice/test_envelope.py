from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.voice.envelope import fft_size, log_envelopes
from hybrid_tok.voice.pitch import gather
from tones import RATE, vowel

CENTRES = np.arange(4000, 12_000, 160)


def envelopes(samples: np.ndarray, sample_rate: int, centres: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    return np.exp(log_envelopes(samples, sample_rate, centres, frequency))


def voiced(pitch: float) -> np.ndarray:
    return np.full(len(CENTRES), pitch)


def test_noise_has_its_variance_in_every_bin() -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.1, 10 * RATE).astype(np.float32)
    centres = np.arange(2000, 158_000, 320)
    spectra = envelopes(noise, RATE, centres, np.zeros(len(centres)))
    assert spectra.shape == (len(centres), fft_size(RATE) // 2 + 1)
    level = 10 * np.log10(spectra).mean(axis=0)
    assert level.mean() == pytest.approx(-20.0, abs=1.5)  # the mean of logarithms lies below that of powers
    assert level[5:-5].std() < 0.5


@pytest.mark.parametrize("pitch", [90.0, 130.0, 190.0])
def test_the_envelope_hardly_depends_on_the_place_in_a_period(pitch: float) -> None:
    spectra = 10 * np.log10(envelopes(vowel(pitch, 1.0), RATE, CENTRES, voiced(pitch)))
    assert spectra[:, 5:300].std(axis=0).mean() < 0.5


def test_voices_of_different_pitch_compare() -> None:
    """The harmonics, which are 20 dB high, are gone."""
    low, high = (10 * log_envelopes(vowel(p, 1.0), RATE, CENTRES, voiced(p)).mean(axis=0) for p in (100.0, 141.0))
    shape = (low - high)[12:250] / np.log(10.0)
    assert (shape - shape.mean()).std() < 2.5


def test_frames_alone_are_as_among_others() -> None:
    sound = vowel(np.linspace(90.0, 250.0, RATE), 1.0, noise=0.02)
    pitch = np.interp(CENTRES, np.arange(RATE), np.linspace(90.0, 250.0, RATE)) * (CENTRES % 3 > 0)
    together = log_envelopes(sound, RATE, CENTRES, pitch)
    for i in range(len(pitch)):
        alone = log_envelopes(sound, RATE, CENTRES[i : i + 1], pitch[i : i + 1])
        np.testing.assert_allclose(together[i], alone[0], atol=2e-3)


def test_frames_beyond_the_ends_are_silent() -> None:
    samples = np.arange(1.0, 11.0, dtype=np.float32)
    centres = np.array([-50, 0, 5, 10, 200])
    frames = gather(samples, centres, 4)
    padded = np.pad(samples, 300)
    np.testing.assert_array_equal(frames, [padded[300 + place - 4 : 300 + place + 4] for place in centres])
    assert gather(samples, np.zeros(0, np.int64), 4).shape == (0, 8)
    np.testing.assert_array_equal(gather(samples, np.array([100]), 4), np.zeros((1, 8)))
    np.testing.assert_array_equal(gather(samples, np.array([-100]), 4), np.zeros((1, 8)))
