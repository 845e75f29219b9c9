"""Kokoro's pitch curve, moved to a speaker's level and range and to the delivery of each word.

The curve is the vocoder's input, so that nothing has to be pitch-shifted afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.utterance import Delivery

LOWEST, HIGHEST = 50.0, 700.0
"""Hz: limits of what is spoken."""

_VOICED = 50.0
"""Hz above which the curve is a pitch; where nothing is voiced it sinks to about 8."""

_LOUD = 2.0
"""By which a frame's energy may be below that of most voiced frames."""

_AUDIBLE = 5.0
"""By which the energy of a syllable that lost its pitch may be below that of most voiced frames."""

_STEADY = 24.0
"""Values of voiced speech (0.3 s) from which an utterance's own median counts as much as the voice's."""

_SMOOTH = 5
"""Values (60 ms) over which pitch goes from one word's to the next one's."""

_ROUNDS = 4
"""In which short words get the pitch that the words around them took from them."""


@dataclass(frozen=True, slots=True)
class Melody:
    """Where a voice's pitch is moved to.

    Attributes:
        own: median over much speech as Kokoro would speak it, in Hz.
        pitch: median wanted, in Hz.
        range_factor: of the deviation from the median.
    """

    own: float
    pitch: float
    range_factor: float


def voice_syllables(
    curve: NDArray[np.float32],
    energy: NDArray[np.float32],
    syllables: Sequence[tuple[tuple[int, int], tuple[int, int]]],
) -> NDArray[np.float32]:
    """The curve (n,) in Hz with a pitch in syllables that have lost it.

    Kokoro's low voices creak: where one sinks, above all in low tones of Mandarin, whole syllables have no pitch. Moved
    to a higher voice, they would be spoken as noise. Their loud values get a pitch between those of the syllables
    around them.

    Args:
        energy: (n,), the logarithm of the level.
        syllables: of each the range of its vowel, and of all its sounds that have a pitch, in the curve.
    """
    voiced = curve > _VOICED
    if not voiced.any():
        return curve
    level = np.percentile(energy[voiced], 75.0)
    sure = np.flatnonzero(voiced & (energy > level - _LOUD))
    audible = energy > level - _AUDIBLE
    lost = np.zeros(len(curve), bool)
    for (start, end), (first, last) in syllables:
        vowel = audible[start:end]
        if vowel.any() and np.count_nonzero(voiced[start:end] & vowel) < 0.5 * np.count_nonzero(vowel):
            lost[first:last] |= (audible & ~voiced)[first:last]
    filled = curve.copy()
    filled[lost] = 2.0 ** np.interp(np.flatnonzero(lost), sure, np.log2(curve[sure].astype(np.float64)))
    return filled


def move_pitch(
    curve: NDArray[np.float32],
    energy: NDArray[np.float32],
    target: Melody | None,
    words: Sequence[tuple[int, int]] = (),
    deliveries: Sequence[Delivery | None] = (),
) -> NDArray[np.float32]:
    """The curve (n,) in Hz around another median.

    Args:
        energy: (n,), the logarithm of the level; medians are of what is loud, since pitch sinks where a voice fades.
        target: level and range wanted; None keeps them.
        words: range of each word in the curve.
        deliveries: of each word; its pitch is that of the word's median relative to the speaker's.
    """
    if target is None and not deliveries:
        return curve
    voiced = curve > _VOICED
    if not voiced.any():
        return curve
    loud = voiced & (energy > np.percentile(energy[voiced], 75.0) - _LOUD)
    count = np.count_nonzero(loud)
    semitones = 12.0 * np.log2(np.maximum(curve, 1.0).astype(np.float64))
    middle = wanted = float(np.median(semitones[loud]))
    range_factor = 1.0
    if target is not None:
        share = count / (count + _STEADY)
        middle = share * middle + (1.0 - share) * 12.0 * np.log2(target.own)
        wanted, range_factor = 12.0 * np.log2(target.pitch), target.range_factor
    base = semitones * range_factor
    shift = np.full(len(curve), wanted - middle * range_factor)
    said = [
        (start, end, wanted + delivery.pitch)
        for (start, end), delivery in zip(words, deliveries, strict=True)
        if delivery is not None and np.isfinite(delivery.pitch) and loud[start:end].any()
    ]
    smooth, kernel = shift.copy(), np.full(_SMOOTH, 1.0 / _SMOOTH)
    for _ in range(_ROUNDS if said else 0):
        for start, end, pitch in said:
            inside = loud[start:end]
            shift[start:end] += pitch - np.median((base + smooth)[start:end][inside])
        smooth = np.convolve(np.pad(shift, _SMOOTH // 2, mode="edge"), kernel, "valid")
    moved = np.clip(2.0 ** ((base + smooth) / 12.0), LOWEST, HIGHEST)
    return np.where(voiced, moved, curve).astype(np.float32)
