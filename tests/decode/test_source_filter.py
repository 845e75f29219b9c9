from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.decode.source_filter import Filter, find_marks, lay_out, reshape
from hybrid_tok.voice.envelope import envelopes, fft_size
from hybrid_tok.voice.pitch import track_pitch
from tones import RATE, vowel

BINS = fft_size(RATE) // 2 + 1
FLAT = np.zeros(BINS)


def change(samples: np.ndarray, factor: float, filter: Filter) -> np.ndarray:
    track = track_pitch(samples, RATE)
    return reshape(samples, RATE, track, track.frequency * factor, filter)


def median_pitch(samples: np.ndarray) -> float:
    track = track_pitch(samples, RATE)
    return float(np.median(track.frequency[track.voiced]))


def spectrum(samples: np.ndarray) -> np.ndarray:
    """Mean log envelope in dB."""
    track = track_pitch(samples, RATE)
    inner = np.flatnonzero(track.voiced)[5:-5]
    return 10 * np.log10(envelopes(samples, RATE, track.centres[inner], track.frequency[inner])).mean(axis=0)


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.6, 2.5])
def test_pitch_changes_by_the_factor_and_level_and_length_stay(factor: float) -> None:
    sound = vowel(120.0, 1.0)
    changed = change(sound, factor, Filter(1.0, FLAT, FLAT, FLAT))
    assert changed.dtype == np.float32 and len(changed) == len(sound)
    assert median_pitch(changed) == pytest.approx(120.0 * factor, rel=0.01)
    level = 10 * np.log10(np.mean(changed[2000:-2000] ** 2) / np.mean(sound[2000:-2000] ** 2))
    assert abs(level) < 2.0


def test_the_envelope_stays_where_only_pitch_changes_and_moves_with_the_formants() -> None:
    sound = vowel(110.0, 1.0)
    before = spectrum(sound)
    peak = np.argmax(before[:60])
    higher = spectrum(change(sound, 1.5, Filter(1.0, FLAT, FLAT, FLAT)))
    assert np.argmax(higher[:60]) == pytest.approx(peak, abs=6)  # to the nearest harmonic
    stretched = spectrum(change(sound, 1.0, Filter(1.2, FLAT, FLAT, FLAT)))
    assert np.argmax(stretched[:70]) == pytest.approx(1.2 * peak, abs=3)


def test_the_gain_is_put_on_the_spectrum() -> None:
    sound = vowel(110.0, 1.0, noise=0.05)
    gain = np.where(np.arange(BINS) > 256, np.log(10.0), 0.0)  # 10 dB above 4 kHz
    raised = spectrum(change(sound, 1.0, Filter(1.0, gain, FLAT, FLAT))) - spectrum(sound)
    assert raised[300:480].mean() - raised[30:220].mean() == pytest.approx(10.0, abs=1.5)


def test_noise_takes_the_place_of_harmonics() -> None:
    sound = vowel(150.0, 1.0)
    clear = track_pitch(change(sound, 1.0, Filter(1.0, FLAT, FLAT, FLAT)), RATE)
    hoarse = track_pitch(change(sound, 1.0, Filter(1.0, FLAT, np.full(BINS, 0.3), FLAT)), RATE)
    assert np.median(hoarse.correlation[hoarse.voiced]) < np.median(clear.correlation[clear.voiced]) - 0.1


def test_contrast_draws_the_spectrum_to_its_mean() -> None:
    time = np.arange(RATE) / RATE
    first, second = vowel(120.0, 0.5, stretch=0.85), vowel(120.0, 0.5, stretch=1.2)
    sound = np.concatenate([first, second])
    mean = (spectrum(first) + spectrum(second)) / 2 * (np.log(10) / 10)
    full = change(sound, 1.0, Filter(1.0, FLAT, FLAT, mean))
    half = change(sound, 1.0, Filter(1.0, FLAT, FLAT, mean, contrast=0.5))

    def difference(samples: np.ndarray) -> float:
        return float(np.abs(spectrum(samples[:8000]) - spectrum(samples[8000:]))[10:250].mean())

    assert len(time) == len(half)
    assert difference(half) < 0.75 * difference(full)


def test_unvoiced_sound_stays_as_it_is() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    track = track_pitch(noise, RATE)
    changed = reshape(noise, RATE, track, track.frequency * 2, Filter(1.0, FLAT, FLAT, FLAT))
    if not track.voiced.any():
        np.testing.assert_allclose(changed[500:-500], noise[500:-500], atol=1e-3)
    assert np.corrcoef(changed, noise)[0, 1] > 0.9


@pytest.mark.parametrize("length", [0, 1, 2, 79, 160, 1000])
def test_any_length_comes_out_as_long_and_finite(length: int) -> None:
    sound = vowel(150.0, 0.1)[:length]
    changed = change(sound, 1.5, Filter(1.1, FLAT, FLAT + 0.1, FLAT))
    assert len(changed) == length
    assert np.isfinite(changed).all()


def test_marks_are_a_period_apart_and_grains_a_wanted_period() -> None:
    sound = np.concatenate([np.zeros(3200, np.float32), vowel(125.0, 0.5), np.zeros(3200, np.float32)])
    track = track_pitch(sound, RATE)
    marks = find_marks(sound, RATE, track)
    assert (np.diff(marks.places) > 0).all()
    voiced = marks.pitch > 0
    steps = np.diff(marks.places[voiced])
    assert np.median(steps) == pytest.approx(RATE / 125.0, abs=0.5)
    assert steps.std() < 1.5
    places, source = lay_out(marks, np.full(len(marks.places), 250.0), RATE, len(sound))
    assert (np.diff(places) > 0).all() and (np.diff(source) >= 0).all()
    assert np.median(np.diff(places)[voiced[source[:-1]]]) == pytest.approx(RATE / 250.0, abs=0.1)


def test_the_same_speech_gives_the_same_samples() -> None:
    sound = vowel(130.0, 0.4)
    filter = Filter(1.1, FLAT + 0.2, FLAT + 0.1, FLAT, 0.8)
    np.testing.assert_array_equal(change(sound, 1.4, filter), change(sound, 1.4, filter))
