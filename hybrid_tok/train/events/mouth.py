"""A speaker's mouth: vowels, breaths, air and voice, from which `simulate` makes vocal events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.train.events.source_filter import (
    SAMPLE_RATE,
    Envelopes,
    Samples,
    Voice,
    granular,
    level,
    noise,
    pulses,
    resynthesized,
    shape,
    swell,
    tilt,
    wander,
    warp,
)


def frames(seconds: float) -> int:
    """Samples of a sound, 64 at least."""
    return max(64, int(seconds * SAMPLE_RATE))


def unit(samples: NDArray[np.floating]) -> Samples:
    """At unit level over its louder half."""
    power = np.square(samples, dtype=np.float64)
    loud = power[power > 0.1 * power.mean()]
    return (samples / np.sqrt(loud.mean() + 1e-12 if len(loud) else 1.0)).astype(np.float32)


def as_loud(shaped: Samples, excitation: Samples) -> Samples:
    """Shaped noise at the level that its excitation had."""
    return (shaped * (level(excitation) / (level(shaped) + 1e-9))).astype(np.float32)


def warped(envelopes: Envelopes, *factors: float) -> Envelopes:
    """Each envelope with its formants moved by a factor of its own."""
    return np.stack([warp(row, factor) for row, factor in zip(envelopes, factors, strict=True)])


@dataclass(frozen=True, slots=True, eq=False)
class Mouth:
    """The material of a speaker's voice, and the random generator that draws from it."""

    voice: Voice
    rng: np.random.Generator

    def vowel(self, opened: bool = True, count: int = 2) -> Envelopes:
        """Envelopes of `count` vowels, open ones or closed ones, with a slightly changed length of the vocal tract."""
        half = max(1, len(self.voice.vowels) // 2)
        pool = self.voice.vowels[:half] if opened else self.voice.vowels[half - 1 :]
        return warp(pool[self.rng.integers(len(pool), size=count)], self.rng.uniform(0.88, 1.15))

    def breath_shape(self, count: int = 2) -> Envelopes:
        """Envelopes of audible air: of recorded breaths, or of a vowel's vocal tract, or between the two."""
        rng = self.rng
        recorded = self.voice.breaths[rng.integers(len(self.voice.breaths), size=count)]
        vowels = tilt(self.vowel(rng.random() < 0.7, count), rng.uniform(0, 5))
        recorded, vowels = (x - x.mean(axis=-1, keepdims=True) for x in (recorded, vowels))
        part = rng.choice([0.0, 1.0, rng.random()])
        return warp(part * recorded + (1 - part) * vowels, rng.uniform(0.85, 1.2))

    def recorded_air(self) -> Samples | None:
        """A stretch of recorded air noise, half of the times, if there is any."""
        airs = self.voice.airs
        return airs[self.rng.integers(len(airs))] if airs and self.rng.random() < 0.5 else None

    def filtered_noise(self, loud: NDArray[np.floating], envelope: Envelopes) -> Samples:
        """Noise at a loudness per sample (N,) through envelopes, of unit level."""
        return unit(shape(noise(len(loud), self.rng) * loud, envelope))

    def air_noise(self, loud: NDArray[np.floating], envelope: Envelopes) -> Samples:
        """Air noise at a loudness per sample (N,), of unit level: recorded air by granular resynthesis, its formants
        moved like those of the envelope, or noise through the envelope."""
        air = self.recorded_air()
        if air is None:
            return self.filtered_noise(loud, envelope)
        moving = (envelope - envelope.mean(axis=0)).astype(np.float32)
        moving = moving + tilt(np.zeros_like(envelope[:1]), self.rng.normal(0, 2))
        return unit(shape(granular(air, len(loud), self.rng) * loud, moving))

    def air(self, seconds: float, attack: float, release: float) -> Samples:
        """Breath noise of one direction, of unit level."""
        n = frames(seconds)
        loud = swell(n, attack, release) * (1 + 0.15 * wander(n, 12, self.rng))
        return self.air_noise(loud, self.breath_shape())

    def voiced_sound(
        self,
        pitch: NDArray[np.floating],
        loud: NDArray[np.floating],
        envelope: Envelopes,
        jitter: float = 0.01,
        shimmer: float = 0.05,
        which: int | None = None,
    ) -> Samples:
        """A voiced sound at a pitch in Hz and a loudness per sample (N,), of unit level: mostly resynthesized from
        periods of the speaker's speech, where there are any, otherwise pulses through an envelope.

        Args:
            which: a number that picks the stretch of speech, if several sounds are to have the same one.
        """
        rng, voiced = self.rng, self.voice.voiced
        if voiced and (rng.random() if which is None else which % 10 / 10) < 0.7:
            pick = int(rng.integers(1 << 16)) if which is None else which // 10
            return unit(resynthesized(voiced[pick % len(voiced)], pitch, rng, jitter=jitter, shimmer=shimmer) * loud)
        return unit(shape(pulses(pitch, rng, jitter=jitter, shimmer=shimmer) * loud, envelope))
