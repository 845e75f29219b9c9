"""Metrics against their definitions and their limits."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.bench.metrics import waveform


def voice(pitch: float = 150.0, seconds: float = 2.0) -> np.ndarray:
    time = np.arange(int(16_000 * seconds)) / 16_000
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.2 * np.sin(2 * np.pi * 1.5 * time))) / 16_000
    buzz = sum(np.cos(h * phase) / h for h in range(1, 20))
    return (0.1 * buzz * (0.3 + np.sin(2 * np.pi * 2 * time) ** 2)).astype(np.float32)


def test_a_perfect_copy() -> None:
    scores = waveform.evaluate(voice(), voice())
    assert scores["mel"] == scores["stft"] == 0
    assert scores["pesq_wb"] > 4.6
    assert scores["stoi"] == pytest.approx(1)
    assert scores["f0_correlation"] == pytest.approx(1)


def test_noise_makes_everything_worse() -> None:
    clean = voice()
    noise = np.random.default_rng(0).standard_normal(len(clean)).astype(np.float32)
    little, much = (waveform.evaluate(clean, clean + level * noise) for level in (0.003, 0.03))
    assert 0 < little["mel"] < much["mel"] and 0 < little["stft"] < much["stft"]
    assert little["pesq_wb"] > much["pesq_wb"] and little["stoi"] > much["stoi"]


def test_spectral_distance_of_a_gain_is_as_defined() -> None:
    """Ten times as loud: every log term is 2, every linear term 9 times the mean magnitude."""
    x = np.random.default_rng(0).uniform(-0.05, 0.05, 16_000).astype(np.float32)
    linear = 0.0
    for _, window in ((150, 2048), (80, 512)):
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
        padded = np.pad(x.astype(np.float64), window // 2, mode="reflect")
        starts = range(0, len(padded) - window + 1, window // 4)
        frames = np.stack([padded[s : s + window] * hann for s in starts])
        linear += np.abs(np.fft.rfft(frames)).mean()
    assert waveform.stft_distance(x, 10 * x) == pytest.approx(4 + 9 * linear, rel=1e-5)
    assert waveform.mel_distance(x, 10 * x) > 4


def test_mel_filters_have_unit_area_and_slaney_centres() -> None:
    """Triangles of area 1 over frequency, spaced evenly up to 1 kHz and logarithmically above."""
    bank = waveform.slaney_bank(80, 16_384)
    hertz = np.linspace(0, 8_000, 8_193)
    assert np.allclose(bank.sum(0) * (hertz[1] - hertz[0]), 1, atol=0.02)
    centres = hertz[bank.argmax(0)]
    low, high = centres[centres < 900], centres[centres > 1_100]
    assert np.ptp(np.diff(low)) < 2 and np.ptp(np.diff(np.log(high))) < 2e-3


def test_pitch_shape_counts_and_not_its_height() -> None:
    assert waveform.f0_correlation(voice(150), voice(220)) > 0.95
    assert waveform.f0_correlation(voice(), np.zeros(32_000, np.float32)) == 0


def test_pitch_is_taken_for_22_kilohertz_as_codec_superb_does() -> None:
    """A hum about 40 Hz is above the floor of 36 Hz that this makes of 50 Hz."""
    time = np.arange(16_000) / 16_000
    hum = (0.1 * np.sin(2 * np.pi * (40 * time + 0.1 * np.sin(2 * np.pi * 2 * time)))).astype(np.float32)
    _, pitch = waveform.praat_pitch(hum, lowest=50)
    assert not pitch.any()
    _, pitch = waveform.praat_pitch(hum, lowest=50, sample_rate=22_050)
    assert np.ptp(pitch) > 1 and np.median(pitch) == pytest.approx(40 * 22_050 / 16_000, rel=0.02)
    assert waveform.f0_correlation(hum, hum) == pytest.approx(1)


def test_lengths_may_differ_and_silence_scores_without_an_error() -> None:
    scores = waveform.evaluate(voice(), voice()[:-500])
    assert all(np.isfinite(value) for value in scores.values())
    silent = waveform.evaluate(np.zeros(16_000, np.float32), np.zeros(16_000, np.float32))
    assert silent["pesq_wb"] == 1.0 and silent["f0_correlation"] == 0.0
    assert np.isnan(silent["stoi"])


def test_warping_finds_the_cheapest_path() -> None:
    x, y = np.array([0.0, 1, 2, 3]), np.array([0.0, 0, 1, 2, 2, 3])
    path = waveform._warping_path(x, y)
    assert np.abs(x[path[:, 0]] - y[path[:, 1]]).sum() == 0
    assert tuple(path[0]) == (0, 0) and tuple(path[-1]) == (3, 5)
