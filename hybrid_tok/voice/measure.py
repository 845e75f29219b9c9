"""Measures the traits of a voice code on speech, in the same way on a recording and on a synthesizer.

Pitch and timbre come from voiced and loud frames, so that other sounds in a recording count little. Medians and
percentiles limit the effect of a few wrong frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.speech_level import active_level
from hybrid_tok.core.timeline import Span, frame_to_sample
from hybrid_tok.voice.code import NEUTRAL, VoiceTraits
from hybrid_tok.voice.estimate import voice_estimator
from hybrid_tok.voice.features import spectral_features
from hybrid_tok.voice.pitch import HOP_SECONDS, PitchTrack, frame_centres, track_pitch

FEWEST_VOICED = 12
"""Voiced frames (0.12 s) needed to measure a voice; fewer give the neutral traits."""

_NUCLEUS_DIP_DB = 2.0
"""A syllable's nucleus is a peak of intensity with valleys at least this deep on both sides."""


Embed: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From samples (N,) at 16 kHz of one speaker to an embedding (128,) of unit length, zeros where no speech is found."""


def measure_traits(audio: Audio, spans: Sequence[Span], embed: Embed) -> VoiceTraits:
    """The traits of the one speaker of the spans; neutral ones, but for the level, where too little is voiced.

    Args:
        audio: mono, 16 kHz.
        spans: disjoint, in order; parts beyond the recording do not count.
        embed: the diarizer's speaker network.
    """
    rate, hop = audio.sample_rate, round(HOP_SECONDS * audio.sample_rate)
    neutral = replace(NEUTRAL, level=speech_level(audio, spans))
    track = track_pitch(audio.samples, rate, speech_centres(audio, spans, hop))
    if np.count_nonzero(track.voiced) < FEWEST_VOICED:
        return neutral
    pitch, pitch_range = pitch_statistics(track)
    embedding = embed(np.concatenate(_parts(audio, spans)))
    point = voice_estimator().estimate(spectral_features(audio.samples, rate, track), pitch, embedding)
    return replace(
        neutral,
        pitch=pitch,
        pitch_range=pitch_range,
        rate=syllable_rate(track, hop),
        timbre=tuple(point.tolist()),
    )


def speech_level(audio: Audio, spans: Sequence[Span]) -> float:
    """Active speech level of the spans in dB re full scale; NaN where they are silent."""
    powers = [frame_powers(part, audio.sample_rate) for part in _parts(audio, spans) if len(part)]
    level = active_level(np.concatenate(powers)) if powers else None
    return float("nan") if level is None else level[0]


def _parts(audio: Audio, spans: Sequence[Span]) -> list[NDArray[np.float32]]:
    """The samples of each span."""
    rate = audio.sample_rate
    return [audio.samples[frame_to_sample(span.start, rate) : frame_to_sample(span.end, rate)] for span in spans]


def speech_centres(audio: Audio, spans: Sequence[Span], hop: int) -> NDArray[np.int64]:
    """Centres of the frames that lie in the spans, in samples; each only once where spans overlap."""
    parts: list[NDArray[np.int64]] = []
    done = 0
    for span in sorted(spans):
        start = max(done, frame_to_sample(span.start, audio.sample_rate))
        end = min(audio.num_samples, frame_to_sample(span.end, audio.sample_rate))
        if end > start:
            parts.append(frame_centres(start, end, hop))
            done = end
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def pitch_statistics(track: PitchTrack) -> tuple[float, float]:
    """Median pitch in Hz, and half the distance between the 16th and 84th percentile in semitones."""
    low, median, high = np.percentile(12.0 * np.log2(track.frequency[track.voiced]), [16.0, 50.0, 84.0])
    return float(2.0 ** (median / 12.0)), float((high - low) / 2.0)


def syllable_rate(track: PitchTrack, hop: int) -> float:
    """Syllables per second: voiced peaks of intensity per time of speech.

    After de Jong and Wempe (2009, "Praat script to detect syllable nuclei and measure speech rate automatically").
    Frames 25 dB below loud speech are pauses and do not count as time. NaN for less than a third of a second of speech.
    """
    if not len(track.power):
        return float("nan")
    level = 10.0 * np.log10(track.power + 1e-12)
    kernel = np.hanning(9)[1:-1]
    smooth = np.asarray(np.convolve(np.pad(level, 3, mode="edge"), kernel / kernel.sum(), "valid"), np.float64)
    floor = np.percentile(level, 95.0) - 25.0
    said = np.count_nonzero(smooth > floor) * HOP_SECONDS
    if said < 1.0 / 3.0:
        return float("nan")
    breaks = np.flatnonzero(np.diff(track.centres) > hop) + 1
    nuclei = sum(
        _count_nuclei(part, voiced, floor)
        for part, voiced in zip(np.split(smooth, breaks), np.split(track.voiced, breaks), strict=True)
    )
    return float(nuclei / said) if nuclei else float("nan")


def _count_nuclei(level: NDArray[np.float64], voiced: NDArray[np.bool_], floor: float) -> int:
    """Voiced peaks above the floor, with a dip before each."""
    inner = (level[1:-1] > level[:-2]) & (level[1:-1] >= level[2:]) & voiced[1:-1] & (level[1:-1] > floor)
    count, last = 0, -1
    for peak in np.flatnonzero(inner) + 1:
        if last >= 0:
            valley = float(level[last : peak + 1].min())
            if min(level[peak], level[last]) - valley < _NUCLEUS_DIP_DB:
                last = int(peak) if level[peak] > level[last] else last
                continue
        count, last = count + 1, int(peak)
    return count
