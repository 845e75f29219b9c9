"""Sounds that are not vocal: music, which the recordings lack, and short sounds between words."""

from __future__ import annotations

import numpy as np

from hybrid_tok.train.events.source_filter import SAMPLE_RATE, Samples, frames, noise, normalized, swell


def music(seconds: float, rng: np.random.Generator) -> Samples:
    """Tones, chords and beats."""
    n = frames(seconds)
    out = np.zeros(n)
    beat = rng.uniform(0.15, 0.8)
    partials = 1.0 / np.arange(1, 9) ** rng.uniform(0.3, 2.5)
    turn = np.linspace(0, 2 * np.pi, 1024)
    period = partials @ np.sin(np.outer(np.arange(1, 9), turn))
    steady = rng.random() < 0.3
    for _ in range(rng.integers(1, 5)):
        root, place = 55 * 2 ** rng.uniform(0, 3.5), 0
        for step in rng.choice([0, 2, 4, 5, 7, 9, 11, 12], size=64):
            length = n if steady else int(beat * float(rng.choice([1, 1, 2, 4])) * SAMPLE_RATE)
            local = np.arange(min(length, n - place)) / SAMPLE_RATE
            fade = np.exp(-local * rng.uniform(0.2, 6)) * np.minimum(1, local / 0.01)
            vibrato = 0.004 * rng.random() * np.sin(2 * np.pi * 5.5 * local)
            phase = 2 * np.pi * root * 2 ** (step / 12) * (local + vibrato / (2 * np.pi * 5.5))
            out[place : place + len(local)] += fade * np.interp(phase % (2 * np.pi), turn, period)
            place += length
            if place >= n:
                break
    if rng.random() < 0.5:
        for hit in np.arange(0, seconds, beat):
            a = int(hit * SAMPLE_RATE)
            drum = noise(min(n - a, 3200), rng) * np.exp(-np.arange(min(n - a, 3200)) / rng.uniform(150, 900))
            out[a : a + len(drum)] += rng.uniform(0.3, 2) * drum
    return normalized(out)


def bump(rng: np.random.Generator) -> Samples:
    """A short sound between words that is not vocal: a puff of wind at the microphone, a thump, a click, a beep."""
    kind = rng.choice(["puff", "thump", "click", "beep"])
    if kind == "beep":
        n = frames(rng.uniform(0.05, 0.6))
        hertz = float(np.exp(rng.uniform(np.log(300), np.log(4000))))
        return normalized(np.sin(2 * np.pi * hertz * np.arange(n) / SAMPLE_RATE) * swell(n, 0.005, 0.02))
    n = frames(
        {"puff": rng.uniform(0.04, 0.3), "thump": rng.uniform(0.03, 0.2), "click": rng.uniform(0.005, 0.04)}[kind]
    )
    corner = {"puff": rng.uniform(100, 1200), "thump": rng.uniform(80, 500), "click": rng.uniform(2000, 7000)}[kind]
    spectrum = np.fft.rfft(noise(n, rng) * np.exp(-np.linspace(0, rng.uniform(1, 6), n)) * swell(n, 0.002, 0.01))
    frequencies = np.fft.rfftfreq(n, 1 / SAMPLE_RATE)
    return normalized(np.fft.irfft(spectrum / (1 + (frequencies / corner) ** 2), n))
