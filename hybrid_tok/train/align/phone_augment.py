"""Augmentation of log-mel spectra: other voices, microphones, rooms, paces and noises, at the price of a few additions.

All but pace acts on 64 numbers a frame: an equalizer or a gain is an addition, noise is an addition of powers
(log-add), a longer or shorter vocal tract is a warped frequency axis (VTLP, Jaitly and Hinton 2013), and a room smears
powers along time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from hybrid_tok.nn.logmel import BANDS, FLOOR

_SILENCE = np.float32(np.log(FLOOR))


@dataclass(frozen=True, slots=True)
class PhoneAugmentOptions:
    """Probabilities per crop, and how far each change goes.

    Attributes:
        warp: vocal tract, up to this factor either way.
        pace: time, up to this factor either way.
        gain: dB, from and to.
        equalizer: standard deviation in dB of each of five smooth curves over frequency.
        noise, noise_db: of another recording's noise underneath, and its signal-to-noise ratios.
        hiss: of steady noise of random colour.
        room: of reverberation of 0.1 to 0.6 s.
        band_limit: of a telephone's or a cheap microphone's band.
        mask: of a stretch of up to 120 ms and a band of up to 8 of 64 being struck out.
    """

    warp: float = 0.18
    pace: float = 0.18
    gain: tuple[float, float] = (-25.0, 10.0)
    equalizer: float = 2.5
    noise: float = 0.35
    noise_db: tuple[float, float] = (0.0, 30.0)
    hiss: float = 0.25
    room: float = 0.25
    band_limit: float = 0.08
    mask: float = 0.5


def change_pace(
    mel: NDArray[np.float32], labels: NDArray[np.uint8], frames: int, pace: float
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """`frames` frames of `mel`, (n, bands), and of its labels, played `pace` times as fast."""
    place = np.minimum(np.arange(frames) * pace, len(mel) - 1.001)
    below = place.astype(np.int64)
    part = (place - below).astype(np.float32)[:, None]
    mixed = (mel[below] * (1 - part) + mel[below + 1] * part).astype(np.float32)
    return mixed, labels[np.rint(place).astype(np.int64)]


def augment(
    mel: NDArray[np.float32], noise: NDArray[np.float32], rng: np.random.Generator, options: PhoneAugmentOptions
) -> NDArray[np.float32]:
    """One augmented crop (T, 64); `noise` (T, 64) is a crop of noise to lay under it."""
    warp = np.exp(rng.uniform(-1, 1) * np.log1p(options.warp))
    bands = np.arange(BANDS)
    place = np.clip(_warped(bands, warp), 0, BANDS - 1.001)
    below = place.astype(np.int64)
    part = (place - below).astype(np.float32)
    out = mel[:, below] * (1 - part) + mel[:, below + 1] * part
    if rng.random() < options.room:
        decay = 10 ** (-6.0 / (100 * rng.uniform(0.1, 0.6)))
        power = np.exp(out)
        tail = np.asarray(signal.lfilter([0.0, 1 - decay], [1.0, -decay], power, axis=0))
        out = np.log(power + rng.uniform(0.1, 0.6) * tail).astype(np.float32)
    curve = sum(
        rng.normal(0, options.equalizer) * np.cos(np.pi * k * (bands + 0.5) / BANDS) for k in range(1, 6)
    ) + rng.uniform(*options.gain)
    out = out + np.asarray(curve * np.log(10) / 10, np.float32)
    level = np.log(np.exp(out).mean() + FLOOR)
    if rng.random() < options.noise:
        under = noise - np.log(np.exp(noise).mean() + FLOOR)
        out = np.logaddexp(out, under + level - rng.uniform(*options.noise_db) * np.log(10) / 10)
    if rng.random() < options.hiss:
        colour = sum(rng.normal(0, 1.0) * np.cos(np.pi * k * (bands + 0.5) / BANDS) for k in range(1, 5))
        steady = colour + level - rng.uniform(5, 35) * np.log(10) / 10
        out = np.logaddexp(out, steady + 0.3 * rng.standard_normal(out.shape))
    if rng.random() < options.band_limit:
        high = int(rng.integers(40, 62))
        out[:, high:] -= 12
        if rng.random() < 0.4:
            out[:, : int(rng.integers(2, 8))] -= 8
    out = np.logaddexp(out, _SILENCE)
    if rng.random() < options.mask:
        start, band = int(rng.integers(len(out))), int(rng.integers(BANDS - 8))
        floor = out.mean()
        out[start : start + int(rng.integers(1, 13))] = floor
        out[:, band : band + int(rng.integers(1, 9))] = floor
    return out.astype(np.float32)


def _warped(bands: NDArray[np.int64], warp: float) -> NDArray[np.float64]:
    """Where on the mel axis, in bands, a band's content comes from when every frequency is `warp` times as high."""
    lowest, highest = (2595 * float(np.log10(1 + hertz / 700)) for hertz in (40.0, 7_600.0))
    mel = np.linspace(lowest, highest, BANDS + 2)
    hz = 700 * (10 ** (mel[bands + 1] / 2595) - 1)
    return np.interp(2595 * np.log10(1 + hz * warp / 700), mel, np.arange(-1, BANDS + 1))
