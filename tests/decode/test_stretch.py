from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_tok.audio import read_mono
from hybrid_tok.decode.stretch import stretch, warp
from real_audio import recording

RATE = 16_000


def voice(seconds: float, pitch: float = 120.0) -> np.ndarray:
    """A buzz with many harmonics, like a vowel."""
    times = np.arange(round(seconds * RATE)) / RATE
    partials = [np.sin(2 * np.pi * pitch * k * times) / k for k in range(1, 20)]
    return (0.1 * np.sum(partials, axis=0)).astype(np.float32)


def pitch_of(samples: np.ndarray) -> float:
    """Strongest period between 60 and 400 Hz, by autocorrelation."""
    middle = samples[len(samples) // 4 : len(samples) // 4 + 4096].astype(np.float64)
    likeness = np.correlate(middle, middle, "full")[len(middle) - 1 :]
    lags = np.arange(RATE // 400, RATE // 60)
    return RATE / lags[np.argmax(likeness[lags])]


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 3000), st.integers(0, 6000), st.integers(0, 2**32 - 1))
def test_any_length_becomes_any_other_exactly(length: int, wanted: int, seed: int) -> None:
    samples = np.random.default_rng(seed).uniform(-1, 1, length).astype(np.float32)
    result = stretch(samples, wanted, RATE)
    assert result.shape == (wanted,) and result.dtype == np.float32
    assert np.isfinite(result).all()
    assert np.abs(result).max(initial=0.0) <= np.abs(samples).max(initial=0.0) + 1e-6
    assert np.array_equal(result, stretch(samples, wanted, RATE))


@pytest.mark.parametrize("ratio", [0.2, 0.5, 0.8, 1.25, 2.0, 5.0])
@pytest.mark.parametrize("pitch", [80.0, 120.0, 250.0])
def test_pitch_and_loudness_stay(ratio: float, pitch: float) -> None:
    samples = voice(2.0, pitch)
    result = stretch(samples, round(len(samples) * ratio), RATE)
    assert pitch_of(result) == pytest.approx(pitch, rel=0.02)
    inner = result[400:-400]
    assert np.sqrt(np.mean(inner**2)) == pytest.approx(np.sqrt(np.mean(samples**2)), rel=0.1)


@pytest.mark.parametrize("ratio", [0.3, 0.7, 1.4, 3.0])
def test_there_are_no_clicks(ratio: float) -> None:
    """The steepest step between two samples is that of the voice itself."""
    samples = voice(1.0)
    result = stretch(samples, round(len(samples) * ratio), RATE)
    assert np.abs(np.diff(result[400:-400])).max() < 1.3 * np.abs(np.diff(samples)).max()


def test_the_same_length_is_the_same_sound() -> None:
    samples = voice(0.3)
    assert np.array_equal(stretch(samples, len(samples), RATE), samples)


def test_beyond_the_ends_there_is_silence() -> None:
    samples = voice(0.3)
    shifted = warp(samples, (-100, len(samples) + 50), (0, len(samples) + 150), RATE)
    assert not shifted[:100].any() and not shifted[-50:].any()
    assert np.array_equal(shifted[100:-50], samples)


def test_a_time_map_puts_sounds_where_it_says() -> None:
    """Three beeps; the middle one comes to lie where the map says, whatever happens around it."""
    samples = np.zeros(3 * 4000, np.float32)
    for index in range(3):
        samples[4000 * index + 1000 : 4000 * index + 3000] = voice(0.125, 200.0 + 100 * index)
    source, target = (0, 4000, 8000, 12000), (0, 8000, 10_000, 20_000)
    result = warp(samples, source, target, RATE)
    loud = np.convolve(np.abs(result), np.ones(160) / 160, "same") > 0.02
    edges = np.flatnonzero(np.diff(loud.astype(int)))
    wanted = np.interp([1000, 3000, 5000, 7000, 9000, 11_000], source, target)
    assert len(edges) == 6
    assert np.abs(edges - wanted).max() < 0.03 * RATE


@pytest.mark.parametrize(
    ("source", "target"), [((0,), (0,)), ((0, 10), (0,)), ((0, 10), (5, 10)), ((5, 0), (0, 9)), ((0, 5), (0, -1))]
)
def test_a_map_that_makes_no_sense_is_refused(source: tuple[int, ...], target: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="time map"):
        warp(np.zeros(10, np.float32), source, target, RATE)


def test_it_is_fast() -> None:
    samples = voice(10.0)
    start = time.process_time()
    stretch(samples, 200_000, RATE)
    assert 12.5 / (time.process_time() - start) > 50, "200 times real time and more on an idle core"


def test_real_speech_keeps_its_spectrum() -> None:
    """Long-term spectra of a sentence at two thirds and at one and a half times its length agree within 2 dB."""
    audio, _ = read_mono(recording("dialogues/dialogue03.flac"), RATE)
    samples = audio.samples[: 10 * RATE]

    def spectrum(x: np.ndarray) -> np.ndarray:
        frames = x[: len(x) // 512 * 512].reshape(-1, 512) * np.hanning(512)
        power = (np.abs(np.fft.rfft(frames)) ** 2).mean(axis=0)[4:164].reshape(-1, 16).mean(axis=1)
        return 10 * np.log10(power)

    for ratio in (0.67, 1.5):
        difference = spectrum(stretch(samples, round(len(samples) * ratio), RATE)) - spectrum(samples)
        assert np.abs(difference).mean() < 2.0
