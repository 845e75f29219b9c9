"""Measures the traits of a voice code on speech, in the same way on a recording and on a synthesizer.

All traits but the rate come from voiced frames, so that other sounds in a recording count little. Medians and
percentiles limit the effect of a few wrong frames. Levels are relative between bands of the spectral envelope, so that
the gain of a recording changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span, frame_to_sample
from hybrid_tok.voice.code import NEUTRAL, VoiceTraits
from hybrid_tok.voice.envelope import fft_size, log_envelopes
from hybrid_tok.voice.pitch import HOP_SECONDS, PitchTrack, frame_centres, track_pitch
from hybrid_tok.voice.tract import measure_formants

BANDS = ((80.0, 400.0), (400.0, 1400.0), (1400.0, 4000.0), (4000.0, 7600.0))
"""Hz: warmth, the middle, presence, air. Levels are relative to the middle band, which has the first two formants."""

FEWEST_VOICED = 12
"""Voiced frames (0.12 s) needed to measure a voice; fewer give the neutral traits."""

MOST_FRAMES = 600
"""Voiced frames (6 s) whose spectra are used, evenly over all there are: more hardly change the mean."""

_NUCLEUS_DIP_DB = 2.0
"""A syllable's nucleus is a peak of intensity with valleys at least this deep on both sides."""


def measure_traits(audio: Audio, spans: Sequence[Span]) -> VoiceTraits:
    """The traits of the one speaker of the spans; neutral ones where there is too little voiced speech.

    Args:
        audio: mono.
        spans: disjoint, in order; parts beyond the recording do not count.
    """
    hop = round(HOP_SECONDS * audio.sample_rate)
    track = track_pitch(audio.samples, audio.sample_rate, speech_centres(audio, spans, hop))
    if np.count_nonzero(track.voiced) < FEWEST_VOICED:
        return NEUTRAL
    return traits_of(track, voiced_spectra(audio, track), audio.sample_rate)


def voiced_spectra(audio: Audio, track: PitchTrack) -> NDArray[np.float32]:
    """Log spectra (T, bins) in dB of loud voiced frames, at most `MOST_FRAMES`, evenly over all there are."""
    chosen = loud_voiced(track)
    chosen = chosen[np.linspace(0, len(chosen) - 1, min(len(chosen), MOST_FRAMES)).round().astype(np.int64)]
    spectra = log_envelopes(audio.samples, audio.sample_rate, track.centres[chosen], track.frequency[chosen])
    return np.float32(10.0 / math.log(10.0)) * spectra


def traits_of(track: PitchTrack, logarithms: NDArray[np.float32], sample_rate: int) -> VoiceTraits:
    """The traits of a voice from its pitch and its `voiced_spectra`; there must be some."""
    pitch, pitch_range = pitch_statistics(track)
    warmth, presence, air = band_levels(logarithms.mean(axis=0, dtype=np.float64), sample_rate)
    return VoiceTraits(
        pitch=pitch,
        pitch_range=pitch_range,
        rate=syllable_rate(track, round(HOP_SECONDS * sample_rate)),
        formants=measure_formants(logarithms, sample_rate),
        clarity=clarity(track.correlation[loud_voiced(track)]),
        warmth=warmth,
        presence=presence,
        air=air,
    )


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


def loud_voiced(track: PitchTrack, range_db: float = 20.0) -> NDArray[np.int64]:
    """Indices of the voiced frames within a range below loud speech, where noise matters least."""
    voiced = np.flatnonzero(track.voiced)
    if not len(voiced):
        return voiced
    power = track.power[voiced]
    return voiced[power >= np.percentile(power, 90.0) * 10.0 ** (-range_db / 10.0)]


def clarity(correlation: NDArray[np.float64]) -> float:
    """Median harmonics-to-noise ratio in dB (Boersma 1993): r / (1 - r), r the normalized autocorrelation."""
    typical = float(np.clip(np.median(correlation), 0.05, 0.999))
    return float(10.0 * np.log10(typical / (1.0 - typical)))


def band_levels(spectrum: NDArray[np.float64], sample_rate: int) -> tuple[float, float, float]:
    """Warmth, presence and air in dB of a mean log spectrum (bins,) in dB; see `VoiceTraits`."""
    frequency = bin_frequencies(sample_rate)
    low, middle, presence, air = (float(spectrum[(frequency >= a) & (frequency < b)].mean()) for a, b in BANDS)
    return low - middle, presence - middle, air - middle


def bin_frequencies(sample_rate: int) -> NDArray[np.float64]:
    """Hz of each bin of a spectral envelope, (bins,)."""
    size = fft_size(sample_rate)
    return np.arange(size // 2 + 1) * sample_rate / size


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
