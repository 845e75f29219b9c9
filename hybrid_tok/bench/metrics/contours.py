"""Melody and loudness: how well the contours of decoded speech follow those of the recording, frame by frame.

Both recordings are mono at 16 kHz and lie at the same times (locked timing); what one lacks at its end counts as
silence. Pearson's correlation, so that neither another height of the voice nor another level counts, only their course.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.bench.melody import speaker_pitch
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.frame_power import frame_powers

STEP = 0.01
"""Seconds between two frames of pitch."""

FEWEST = 10
"""Frames that a correlation needs."""

FLOOR_DB = 40.0
"""Frames of the recording that are softer than its loudest one by more than this are not compared."""

_LOWEST_DB = 60.0
"""Below its loudest frame, a level is no lower than this: digital silence has none."""

_Floats = NDArray[np.float64]


def pitch_correlation(reference: Audio, decoded: Audio) -> float | None:
    """Of the pitch in octaves, over frames of 10 ms that are voiced in both.

    Pitch is Praat's autocorrelation (Boersma 1993), each recording searched in its own speaker's range
    (`bench.melody.speaker_pitch`).

    Returns:
        0 where the decoded speech has too few voiced frames where the recording has some, or a pitch that never
        changes: its melody is lost. None where the recording itself has too few, or no melody.
    """
    count = int(reference.seconds / STEP)
    before, after = _octaves(reference, count), _octaves(decoded, count)
    if np.isfinite(before).sum() < FEWEST or np.nanstd(before) == 0.0:
        return None
    return _pearson(before, after)


def energy_correlation(reference: Audio, decoded: Audio) -> float | None:
    """Of the level in dB, over frames of 20 ms in which the recording is at most `FLOOR_DB` below its loudest frame.

    Returns:
        0 where the decoded recording has one level throughout. None for a recording that is silent, too short, or of
        one level itself.
    """
    before = _levels(reference)
    after = _levels(decoded)
    after = np.pad(after, (0, max(0, len(before) - len(after))), constant_values=-_LOWEST_DB)[: len(before)]
    audible = before >= -FLOOR_DB
    if audible.sum() < FEWEST or not reference.samples.any() or before[audible].std() == 0.0:
        return None
    return _pearson(before[audible], after[audible])


def _octaves(audio: Audio, count: int) -> _Floats:
    """(count,) log2 of Hz at every `STEP`, NaN where unvoiced and beyond the end."""
    times, hertz = speaker_pitch(audio)
    octaves = np.full(count, np.nan)
    # Praat centres its frames in the recording: where they lie depends on its length and on the lowest pitch.
    frames = np.rint(times / STEP).astype(np.int64)
    voiced = (hertz > 0.0) & (frames < count)
    octaves[frames[voiced]] = np.log2(hertz[voiced])
    return octaves


def _levels(audio: Audio) -> _Floats:
    """(frames,) dB about the loudest frame, at least -60."""
    powers = frame_powers(audio.samples, audio.sample_rate)
    loudest = float(powers.max(initial=0.0))
    if not loudest:
        return np.full(len(powers), -_LOWEST_DB)
    return 10.0 * np.log10(np.maximum(powers / loudest, 10.0 ** (-_LOWEST_DB / 10.0)))


def _pearson(before: _Floats, after: _Floats) -> float:
    both = np.isfinite(before) & np.isfinite(after)
    if both.sum() < FEWEST or before[both].std() == 0.0 or after[both].std() == 0.0:
        return 0.0
    return float(np.corrcoef(before[both], after[both])[0, 1])
