"""The prosody of a word relative to its speaker's mean: the three bins of its tokens, and their values.

Pitch is relative to the median of the speaker's voiced frames, energy to the level of all the speaker's words together,
rate to the speaker's seconds per `expected_seconds`. Encoder and decoder use the same expectation, so that its errors
cancel: a decoded word is as long as the original.
"""

from __future__ import annotations

import math

from hybrid_tok.core.utterance import Delivery
from hybrid_tok.tokens.stream import Prosody

PITCH_SEMITONES = (-5.0, -3.0, -1.5, -0.5, 0.5, 1.5, 3.5, 6.5)
"""Of a word's median pitch. Half of all words are within 1.3 semitones; speakers raise their pitch further than they
lower it."""

ENERGY_DB = (-15.0, -10.5, -7.0, -4.0, -1.5, 0.5, 2.5, 5.0)
"""Of a word's mean power. The mean of power is close to that of the loud words, so that most words are below it."""

RATE_OCTAVES = (-1.3, -0.85, -0.5, -0.2, 0.1, 0.4, 0.75, 1.2)
"""Of a word's rate: 1 is twice as fast."""

BINS = 8


def to_bins(delivery: Delivery) -> Prosody:
    """The bins nearest to how a word was said; those of the mean where it is not finite."""
    rate = math.log2(delivery.rate) if delivery.rate > 0.0 else float("nan")
    return Prosody(
        _nearest(PITCH_SEMITONES, delivery.pitch), _nearest(ENERGY_DB, delivery.energy), _nearest(RATE_OCTAVES, rate)
    )


def from_bins(prosody: Prosody) -> Delivery:
    """The values of bins; one beyond the last, from a larger vocabulary, counts as the last."""
    pitch, energy, rate = (
        scale[min(index, BINS - 1)]
        for scale, index in zip(
            (PITCH_SEMITONES, ENERGY_DB, RATE_OCTAVES), (prosody.pitch, prosody.energy, prosody.rate), strict=True
        )
    )
    return Delivery(pitch, energy, 2.0**rate)


def expected_seconds(word: str) -> float:
    """The expected duration of a word, from its spelling.

    A constant per word plus a constant per letter; a character of a script without letters counts as a syllable. Rough,
    but its errors cancel: see above.
    """
    letters = sum(char.isalpha() and ord(char) < 0x2E80 for char in word)
    syllables = sum(char.isalnum() for char in word) - letters
    return _WORD_SECONDS + _LETTER_SECONDS * letters + _SYLLABLE_SECONDS * syllables


_WORD_SECONDS, _LETTER_SECONDS, _SYLLABLE_SECONDS = 0.06, 0.06, 0.18


def _nearest(scale: tuple[float, ...], value: float) -> int:
    if not math.isfinite(value):
        value = 0.0
    return min(range(len(scale)), key=lambda index: abs(scale[index] - value))
