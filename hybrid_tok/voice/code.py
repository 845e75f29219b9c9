"""The voice code: traits of a voice in tokens of 64 values.

Four traits have a token each: a scale, linear or logarithmic, from `low` to `high`; values outside are clipped. The
steps are well below audible differences (rounding loses up to a third of a semitone, or a third of a decibel). The
coordinates of the timbre are known far less well than that, and more of them are worth more than finer ones: two share
a token, in 8 steps each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hybrid_tok.tokens.stream import VOICE_CODES

LEVELS = 64
"""Values of each token; `idspace` has as many ids for them."""

COORDINATES = 24
"""Of a point in the voice space (see `voice.space`)."""

_STEPS, _STEP = 8, 0.8
"""Steps of a coordinate, and deviations between two of them. One step is the origin, exactly; the lowest is 4 below."""


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
        level: active speech level (ITU-T P.56) in dB re full scale.
        timbre: a point in the voice space, in standard deviations of the published voices; the origin is their mean.
    """

    pitch: float
    pitch_range: float
    rate: float
    level: float
    timbre: tuple[float, ...]


SCALES = (
    Scale("pitch", "Hz", 60.0, 480.0, 170.0, logarithmic=True),
    Scale("pitch_range", "semitones", 0.5, 8.0, 2.8, logarithmic=True),
    Scale("rate", "syllables/s", 1.5, 8.0, 3.9, logarithmic=True),
    Scale("level", "dB", -53.0, -8.0, -26.0),
)
"""The first tokens of a voice code in their order; the timbre follows."""

NEUTRAL = VoiceTraits(*(scale.neutral for scale in SCALES), timbre=(0.0,) * COORDINATES)
"""The mean speaker, used where nothing could be measured."""


def quantize(traits: VoiceTraits) -> tuple[int, ...]:
    """The voice code (`VOICE_CODES` integers, 0 to 63) nearest to the traits; neutral where a trait is NaN."""
    values = (traits.pitch, traits.pitch_range, traits.rate, traits.level)
    steps = [_coordinate_step(value) for value in traits.timbre]
    pairs = zip(steps[::2], steps[1::2], strict=True)
    return (
        *(scale.step(value) for scale, value in zip(SCALES, values, strict=True)),
        *(one * _STEPS + other for one, other in pairs),
    )


def dequantize(code: Sequence[int]) -> VoiceTraits:
    """The traits that a voice code stands for.

    Raises:
        ValueError: not `VOICE_CODES` integers from 0 to 63.
    """
    if len(code) != VOICE_CODES or not all(0 <= step < LEVELS for step in code):
        raise ValueError(f"a voice code is {VOICE_CODES} integers from 0 to {LEVELS - 1}, not {tuple(code)}")
    values = (scale.value(step) for scale, step in zip(SCALES, code, strict=False))
    steps = (step for pair in code[len(SCALES) :] for step in divmod(pair, _STEPS))
    return VoiceTraits(*values, timbre=tuple((step - _STEPS // 2) * _STEP for step in steps))


def _coordinate_step(value: float) -> int:
    if not math.isfinite(value):
        value = 0.0
    return min(max(math.floor(value / _STEP + 0.5) + _STEPS // 2, 0), _STEPS - 1)


NEUTRAL_CODE = quantize(NEUTRAL)
