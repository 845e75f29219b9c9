"""The voice code: eight traits of a voice, each in one of 64 steps.

A trait is a physical quantity on a scale, linear or logarithmic, from `low` to `high`; values outside are clipped.
The steps are well below audible differences (rounding loses up to a fifth of a semitone, or a quarter of a decibel).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from hybrid_tok.tokens.stream import VOICE_CODES

LEVELS = 64
"""Values of each token; `idspace` has as many ids for them."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What the 64 values of one token mean.

    Attributes:
        name: of the trait, a field of `VoiceTraits`.
        unit: for display.
        low, high: what values 0 and 63 stand for.
        neutral: used where the trait could not be measured.
        logarithmic: steps of equal ratio instead of equal difference.
    """

    name: str
    unit: str
    low: float
    high: float
    neutral: float
    logarithmic: bool = False

    def value(self, step: int) -> float:
        """The trait that a token stands for."""
        share = step / (LEVELS - 1)
        if self.logarithmic:
            return self.low * (self.high / self.low) ** share
        return self.low + (self.high - self.low) * share

    def step(self, value: float) -> int:
        """The token nearest to a trait; the neutral one where the trait is not finite."""
        if not math.isfinite(value):
            value = self.neutral
        value = min(max(value, self.low), self.high)
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return math.floor(share * (LEVELS - 1) + 0.5)


@dataclass(frozen=True, slots=True)
class VoiceTraits:
    """How a speaker sounds.

    Attributes:
        pitch: median fundamental frequency in Hz.
        pitch_range: variation of pitch in semitones: half the distance between the 16th and 84th percentile,
            the standard deviation where the distribution is normal.
        rate: syllables per second of speech, pauses left out, as `measure.syllable_rate` counts them.
        formants: frequency of the resonances relative to the mean speaker; the inverse of the vocal tract's length.
        clarity: median harmonics-to-noise ratio of voiced speech in dB; low for a breathy or hoarse voice.
        warmth, presence, air: level of voiced speech in the bands of `measure.BANDS` below, above and far above the
            middle one, relative to it, in dB.
    """

    pitch: float
    pitch_range: float
    rate: float
    formants: float
    clarity: float
    warmth: float
    presence: float
    air: float


SCALES = (
    Scale("pitch", "Hz", 60.0, 480.0, 170.0, logarithmic=True),
    Scale("pitch_range", "semitones", 0.5, 8.0, 2.8, logarithmic=True),
    Scale("rate", "syllables/s", 1.5, 8.0, 3.9, logarithmic=True),
    Scale("formants", "times the mean", 0.75, 1.4, 1.0, logarithmic=True),
    Scale("clarity", "dB", 0.0, 25.0, 11.5),
    Scale("warmth", "dB", -5.0, 35.0, 16.0),
    Scale("presence", "dB", -35.0, 5.0, -14.5),
    Scale("air", "dB", -50.0, -5.0, -29.0),
)
"""The tokens of a voice code in their order."""

NEUTRAL = VoiceTraits(*(scale.neutral for scale in SCALES))
"""The mean speaker, used where nothing could be measured."""


def quantize(traits: VoiceTraits) -> tuple[int, ...]:
    """The voice code (8 integers, 0 to 63) nearest to the traits; neutral where a trait is NaN."""
    return tuple(scale.step(value) for scale, value in zip(SCALES, astuple(traits), strict=True))


def dequantize(code: Sequence[int]) -> VoiceTraits:
    """The traits that a voice code stands for.

    Raises:
        ValueError: not 8 integers from 0 to 63.
    """
    if len(code) != VOICE_CODES or not all(0 <= step < LEVELS for step in code):
        raise ValueError(f"a voice code is {VOICE_CODES} integers from 0 to {LEVELS - 1}, not {tuple(code)}")
    return VoiceTraits(*(scale.value(step) for scale, step in zip(SCALES, code, strict=True)))


NEUTRAL_CODE = quantize(NEUTRAL)
