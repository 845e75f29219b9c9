"""Pitch and level of words, and how well those of decoded speech follow the original's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.bench.metrics.waveform import praat_pitch
from hybrid_tok.core.annotations import Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import FRAME_RATE

_FEWEST_WORDS = 5
_FEWEST_VOICED = 3

_Floats = NDArray[np.float64]


def speaker_pitch(audio: Audio) -> tuple[_Floats, _Floats]:
    """Praat's pitch within the range of one speaker: times in seconds, and Hz, 0 where unvoiced.

    The range is that of a first search, from 0.75 of the lower quartile to 1.5 of the upper one (De Looze and Hirst
    2008). Without it, a word in ten of some recordings is an octave off, or has the pitch of its hissing sounds, and
    such outliers alone decide a correlation.
    """
    times, hertz = praat_pitch(audio.samples)
    if not hertz.any():
        return times, hertz
    low, high = np.percentile(hertz[hertz > 0.0], [25.0, 75.0])
    return praat_pitch(audio.samples, lowest=max(0.75 * low, 40.0), highest=1.5 * high)


def median_pitch(audio: Audio) -> float:
    """Median of the voiced frames in Hz; NaN without any."""
    _, hertz = speaker_pitch(audio)
    voiced = hertz[hertz > 0.0]
    return float(np.median(voiced)) if len(voiced) else float("nan")


def word_melody(audio: Audio, words: Sequence[Word], *, own_range: bool = True) -> tuple[_Floats, _Floats]:
    """Of each word its median pitch in octaves (NaN with fewer than three voiced frames) and its level in dB (NaN in
    digital silence), (words,) both.

    Args:
        own_range: search as `speaker_pitch` does, not in all of 60 to 600 Hz.
    """
    times, hertz = speaker_pitch(audio) if own_range else praat_pitch(audio.samples)
    pitch, level = np.full(len(words), np.nan), np.full(len(words), np.nan)
    for index, word in enumerate(words):
        start, end = word.span.start / FRAME_RATE, word.span.end / FRAME_RATE
        inside = hertz[(times >= start) & (times < end)]
        if np.count_nonzero(inside) >= _FEWEST_VOICED:
            pitch[index] = np.median(np.log2(inside[inside > 0.0]))
        samples = audio.samples[round(start * audio.sample_rate) : round(end * audio.sample_rate)]
        if samples.any():
            level[index] = 10.0 * np.log10(np.mean(np.square(samples, dtype=np.float64)))
    return pitch, level


def correlation(one: _Floats, other: _Floats) -> float:
    """Pearson's, over the words that have a value in both; NaN with fewer than five, or where all are alike."""
    both = np.isfinite(one) & np.isfinite(other)
    if both.sum() < _FEWEST_WORDS or one[both].std() == 0.0 or other[both].std() == 0.0:
        return float("nan")
    return float(np.corrcoef(one[both], other[both])[0, 1])
