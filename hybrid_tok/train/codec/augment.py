"""Augmentation of training segments, for input other than clean read speech."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from hybrid_tok.train.data import SAMPLE_RATE, SegmentSampler


@dataclass(frozen=True, slots=True)
class AugmentOptions:
    """Probabilities per segment.

    Attributes:
        gain: change of level by -20 to +10 dB (never into clipping).
        speed: play 0.88 to 1.14 times as fast, which also moves pitch and formants: more voices than the data has.
        noise: mix with a noise clip at 5 to 30 dB.
        mixture: mix with a second segment at -3 to 15 dB.
        band_limit: low-pass between 2 and 7 kHz, or telephone band.
        synthetic: replace by silence, DC, tones, square waves, clicks or white noise.
    """

    gain: float = 0.4
    speed: float = 0.4
    noise: float = 0.08
    mixture: float = 0.06
    band_limit: float = 0.05
    synthetic: float = 0.02


def draw_segment(
    sampler: SegmentSampler, rng: np.random.Generator, options: AugmentOptions = AugmentOptions()
) -> NDArray[np.float32]:
    """One augmented segment, float32 within [-1, 1]."""
    if rng.random() < options.synthetic:
        return synthetic_signal(rng, sampler.num_samples)
    speed = rng.uniform(0.88, 1.14) if rng.random() < options.speed else 1.0
    samples = sampler.draw(rng, speed)
    if rng.random() < options.noise and sampler.noises:
        samples = mix(samples, sampler.draw(rng, source=sampler.noises[0]), rng.uniform(5, 30))
    if rng.random() < options.mixture:
        samples = mix(samples, sampler.draw(rng), rng.uniform(-3, 15))
    if rng.random() < options.band_limit:
        samples = band_limit(samples, rng)
    if rng.random() < options.gain:
        samples = samples * np.float32(10 ** (rng.uniform(-20, 10) / 20))
    peak = float(np.abs(samples).max())
    return np.asarray(samples / max(1.0, peak), np.float32)


def mix(samples: NDArray[np.float32], other: NDArray[np.float32], snr_db: float) -> NDArray[np.float32]:
    """Add `other`, scaled to lie `snr_db` below `samples` in energy; silent inputs are left alone."""
    energy, other_energy = float(np.square(samples).sum()), float(np.square(other).sum())
    if energy == 0 or other_energy == 0:
        return samples
    return samples + other * np.float32((energy / other_energy) ** 0.5 * 10 ** (-snr_db / 20))


def band_limit(samples: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Low-pass, or the telephone band of 300 to 3,400 Hz."""
    if rng.random() < 0.3:
        sections = signal.butter(4, (300, 3400), "bandpass", fs=SAMPLE_RATE, output="sos")
    else:
        sections = signal.butter(6, rng.uniform(2000, 7000), fs=SAMPLE_RATE, output="sos")
    return np.asarray(signal.sosfilt(sections, samples), dtype=np.float32)


def synthetic_signal(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """Silence, DC, a tone, a square wave, clicks or white noise: rare in recordings, but expected in use."""
    level = 10 ** rng.uniform(-4, 0)
    time = np.arange(num_samples) / SAMPLE_RATE
    phase = 2 * np.pi * (10 ** rng.uniform(1.5, 3.7)) * time
    kind = rng.integers(6)
    if kind == 0:
        out = np.zeros(num_samples)
    elif kind == 1:
        out = np.full(num_samples, level * rng.choice([-1, 1]))
    elif kind == 2:
        out = level * np.sin(phase)
    elif kind == 3:
        out = level * np.sign(np.sin(phase))
    elif kind == 4:
        out = np.zeros(num_samples)
        out[rng.integers(num_samples, size=int(rng.integers(1, 6)))] = level
    else:
        out = 0.25 * level * rng.standard_normal(num_samples)
    return np.clip(out, -1, 1).astype(np.float32)
