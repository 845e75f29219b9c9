"""Source-filter resynthesis: speech with another pitch and another spectral envelope.

Pitch-synchronous overlap-add (Moulines and Charpentier 1990, "Pitch-synchronous waveform processing techniques for
text-to-speech synthesis using diphones") in its frequency-domain form: grains of two periods are cut out around pitch
marks, each is filtered from its own spectral envelope to the target one, and they are added up again at the distances
of the new pitch. Unvoiced grains keep their places and are only filtered. The filters are minimum-phase, so that
their responses decay forward in time as those of a vocal tract do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from hybrid_tok.core.masks import mask_to_spans
from hybrid_tok.voice.envelope import fft_size, log_envelopes
from hybrid_tok.voice.fourier import irfft, rfft
from hybrid_tok.voice.pitch import PitchTrack, gather

_UNVOICED_STEP = 0.008
"""Seconds between grains where there is no pitch."""

_TOLERANCE = 0.2
"""Share of a period by which the next pitch mark may be off from one period after the last."""

_MOST_GAIN = 3.45
"""Nepers of amplitude (30 dB): the maximum gain of a filter. More would only raise the noise between formants."""

_BLOCK = 256
"""Grains filtered at a time: as many as fit the CPU's cache."""

_TAPE = 1 << 16
"""Samples of noise, repeated as often as needed."""

_LONGEST = 270
"""Samples per 16 kHz before a pitch mark: a period of 60 Hz."""


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """The centres of grains.

    Attributes:
        places: (M,), in samples, increasing, fractional.
        pitch: (M,), in Hz; 0 where unvoiced.
    """

    places: NDArray[np.float64]
    pitch: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """How the shape of speech is changed.

    Attributes:
        formants: factor by which the spectral envelope is stretched along the frequency axis.
        gain: (bins,), nepers of power added to the envelope, bins = `fft_size(sample_rate)` / 2 + 1.
        noise: (bins,), share of the power of voiced speech that is noise in place of harmonics.
        mean: (bins,), nepers of power: mean log spectrum of the speech once it is stretched; its level does not matter.
        contrast: factor of the deviation of the spectrum's shape from the mean.
    """

    formants: float
    gain: NDArray[np.float64]
    noise: NDArray[np.float64]
    mean: NDArray[np.float64]
    contrast: float = 1.0


def reshape(
    samples: NDArray[np.float32], sample_rate: int, track: PitchTrack, pitch: NDArray[np.float64], change: Filter
) -> NDArray[np.float32]:
    """Speech (N,) with another pitch and another spectral envelope, with the same length and rhythm.

    Args:
        track: its pitch, in frames that cover it.
        pitch: (T,), target in each of the track's frames, in Hz; used where the frame is voiced.
        change: of the spectral envelope.
    """
    marks = find_marks(samples, sample_rate, track)
    if not len(marks.places):
        return samples.copy()
    wanted = np.interp(marks.places, track.centres[track.voiced], pitch[track.voiced]) if track.voiced.any() else None
    places, source = lay_out(marks, wanted, sample_rate, len(samples))
    return _overlap_add(samples, sample_rate, marks, places, source, change)


def find_marks(samples: NDArray[np.float32], sample_rate: int, track: PitchTrack) -> Marks:
    """Pitch marks: one per period where there is pitch, at its strongest point; every 8 ms elsewhere."""
    step = round(_UNVOICED_STEP * sample_rate)
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    places: list[float] = []
    pitch: list[float] = []
    cursor = 0.0
    for first, last in _voiced_runs(track):
        run = _follow(samples, energy, sample_rate, track, first, last)
        start = run[0][0] if run else cursor
        quiet = np.arange(cursor + (step if places else 0), start - step / 2, step)
        places += quiet.tolist()
        pitch += [0.0] * len(quiet)
        run = [mark for mark in run if not places or mark[0] > places[-1] + 1.0]
        places += [place for place, _ in run]
        pitch += [frequency for _, frequency in run]
        cursor = places[-1] if places else 0.0
    quiet = np.arange(cursor + (step if places else 0), len(samples), step)
    return Marks(np.array([*places, *quiet]), np.array([*pitch, *np.zeros(len(quiet))]))


def _voiced_runs(track: PitchTrack) -> list[tuple[int, int]]:
    """First and last frame number of each stretch of voiced frames."""
    return [(start, end - 1) for start, end in mask_to_spans(track.voiced)]


def _follow(
    samples: NDArray[np.float32],
    energy: NDArray[np.float64],
    sample_rate: int,
    track: PitchTrack,
    first: int,
    last: int,
) -> list[tuple[float, float]]:
    """(place, pitch) of each mark of a voiced stretch; `energy` is the sum of squares before each sample.

    From the strongest point of its loudest frame in both directions; each mark is about a period from the one before,
    where the waveform is most similar to that around it.
    """
    centres, frequency = track.centres[first : last + 1], track.frequency[first : last + 1].tolist()
    hop = int(centres[1] - centres[0]) if len(centres) > 1 else 1
    low, high = float(centres[0] - hop / 2), float(centres[-1] + hop / 2)
    loudest = int(np.argmax(track.power[first : last + 1]))
    period = sample_rate / frequency[loudest]
    start = max(0, int(centres[loudest] - period / 2))
    part = np.abs(samples[start : int(centres[loudest] + period / 2) + 1])
    if not len(part):
        return []
    middle, begin = float(start + int(np.argmax(part))), float(centres[0])

    def pitch(place: float) -> float:
        """The track's pitch, linearly interpolated: as `np.interp`, in a tenth of its time for a single place."""
        number = (place - begin) / hop
        before = int(number)
        if number <= 0.0 or before + 1 >= len(frequency):
            return frequency[0 if number <= 0.0 else -1]
        return frequency[before] + (number - before) * (frequency[before + 1] - frequency[before])

    places = [middle]
    for direction in (-1.0, 1.0):
        place = middle
        while True:
            place = _next_mark(samples, energy, place, sample_rate / pitch(place), direction)
            if not low <= place <= high:
                break
            places.append(place)
    places.sort()
    return list(zip(places, np.interp(places, centres, frequency).tolist(), strict=True))


def _next_mark(
    samples: NDArray[np.float32], energy: NDArray[np.float64], place: float, period: float, direction: float
) -> float:
    """Where, about a period before or after a mark, the waveform is most similar to that around the mark."""
    half = max(2, int(period / 2))
    centre = round(place)
    expected = centre + round(direction * period)
    reach = max(1, int(_TOLERANCE * period))
    if centre - half < 0 or centre + half >= len(samples):
        return place + direction * period
    begin, end = expected - reach - half, expected + reach + half + 1
    if begin < 0 or end > len(samples):
        return place + direction * period
    likeness = np.correlate(samples[begin:end], samples[centre - half : centre + half + 1], "valid")
    power = energy[begin + 2 * half + 1 : end + 1] - energy[begin : end - 2 * half]
    likeness = likeness / np.sqrt(power + 1e-9)
    best = int(likeness.argmax())
    offset = 0.0
    if 0 < best < len(likeness) - 1:
        left, peak, right = likeness[best - 1 : best + 2].tolist()
        curve = left - 2.0 * peak + right
        offset = min(max(0.5 * (left - right) / curve, -0.5), 0.5) if curve < 0.0 else 0.0
    return expected - reach + best + offset


def lay_out(
    marks: Marks, pitch: NDArray[np.float64] | None, sample_rate: int, length: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Where grains go, (G,) in samples, and which mark each is taken from.

    Args:
        pitch: (M,), target at each mark, in Hz; None where nothing is voiced.
    """
    middles = ((marks.places[1:] + marks.places[:-1]) / 2.0).tolist()
    voiced, sources = (marks.pitch > 0.0).tolist(), marks.places.tolist()
    places: list[float] = []
    source: list[int] = []
    place, index = sources[0], 0
    while place < length:
        while index < len(middles) and middles[index] <= place:
            index += 1
        if not voiced[index]:  # unvoiced grains keep their places
            place = max(place, sources[index]) if not places or sources[index] > places[-1] else place
        places.append(place)
        source.append(index)
        if voiced[index] and pitch is not None:
            place += sample_rate / max(float(pitch[index]), 20.0)
        elif index + 1 < len(sources):
            place = max(sources[index + 1], place + 1.0)
        else:
            break
    return np.array(places), np.array(source, np.int64)


def _overlap_add(
    samples: NDArray[np.float32],
    sample_rate: int,
    marks: Marks,
    places: NDArray[np.float64],
    source: NDArray[np.int64],
    change: Filter,
) -> NDArray[np.float32]:
    size = fft_size(sample_rate)
    lead = round(_LONGEST * sample_rate / 16_000)
    output = np.zeros(len(samples) + 2 * size, np.float32)
    noise = sliding_window_view(np.random.default_rng(0).standard_normal(_TAPE + 2 * lead, np.float32), 2 * lead)
    before, after = (widths.astype(np.float32) for widths in _widths(marks.places, lead))
    spacing = np.diff(places, append=places[-1] + (places[-1] - places[-2] if len(places) > 1 else 1.0))
    offset = np.arange(-lead, lead, dtype=np.float32)[None]
    turn = np.float32(-2.0 * np.pi / size) * np.arange(size // 2 + 1, dtype=np.float32)
    tonal, hiss = np.sqrt(1.0 - change.noise, dtype=np.float32), np.sqrt(change.noise, dtype=np.float32)
    for first in range(0, len(places), _BLOCK):
        block = slice(first, first + _BLOCK)
        chosen = source[block]
        lowest, highest = int(chosen.min()), int(chosen.max()) + 1  # grains are in order: so are their marks
        place, pitch = marks.places[lowest:highest], marks.pitch[lowest:highest]
        own = np.float32(0.5) * log_envelopes(samples, sample_rate, np.floor(place).astype(np.int64), pitch)
        wanted = _wanted(own, change)
        magnitude, phase = _minimum_phase(np.clip(wanted - own, -_MOST_GAIN, _MOST_GAIN), size)
        magnitude[pitch > 0.0] *= tonal
        mark = chosen - lowest
        voiced = pitch[mark] > 0.0
        anchor = np.floor(place)[mark]
        fraction = (place[mark] - anchor).astype(np.float32)[:, None]
        whole = np.floor(places[block]).astype(np.int64)
        grains = gather(samples, anchor.astype(np.int64), lead) * _windows(
            offset - fraction, before[chosen], after[chosen]
        )
        # The power stays the same: denser grains are softer.
        density = np.where(voiced, np.sqrt(np.minimum(spacing[block] / ((before + after)[chosen] / 2.0), 4.0)), 1.0)
        grains *= density[:, None].astype(np.float32)
        shift = (places[block] - whole).astype(np.float32)[:, None] - fraction
        spectra = rfft(grains, size) * _polar(magnitude[mark], phase[mark] + turn * shift)
        if change.noise.any() and voiced.any():
            step = np.minimum(spacing[block], float(lead)).astype(np.float32)[voiced]
            breath = rfft(noise[whole[voiced] % _TAPE] * np.sqrt(_windows(offset, step, step)), size)
            spectra[voiced] += breath * (np.exp(np.minimum(wanted, 5.0)) * hiss)[mark[voiced]]
        for start, grain in zip((whole - lead + size).tolist(), irfft(spectra, size), strict=True):
            output[start : start + size] += grain
    return output[size : size + len(samples)]


def _wanted(own: NDArray[np.float32], change: Filter) -> NDArray[np.float32]:
    """Target envelopes, (M, bins) in nepers of amplitude as the present ones."""
    bins = own.shape[1]
    warp = np.minimum(np.arange(bins) / change.formants, bins - 1.0)
    low = np.minimum(np.floor(warp).astype(np.int64), bins - 2)
    share = (warp - low).astype(np.float32)
    wanted = np.take(own, low, axis=1)
    wanted += (np.take(own, low + 1, axis=1) - wanted) * share
    if change.contrast != 1.0:
        shape = wanted - (0.5 * change.mean).astype(np.float32)
        shape -= shape.mean(axis=1, keepdims=True)
        wanted -= np.float32(1.0 - change.contrast) * shape
    wanted += (0.5 * change.gain).astype(np.float32)
    return wanted


def _widths(places: NDArray[np.float64], longest: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each grain extends before and after its mark: to the neighbouring marks."""
    steps = np.clip(np.diff(places), 2.0, float(longest)) if len(places) > 1 else np.array([float(longest)])
    return np.concatenate([steps[:1], steps])[: len(places)], np.concatenate([steps, steps[-1:]])[: len(places)]


def _windows(
    offset: NDArray[np.float32], before: NDArray[np.float32], after: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Hann windows (G, size), one half for each side: neighbouring ones add up to one."""
    reach = np.where(offset < 0.0, before[:, None], after[:, None])
    nearness = np.minimum(np.abs(offset) / reach, np.float32(1.0))
    return np.float32(0.5) + np.float32(0.5) * np.cos(np.float32(np.pi) * nearness)


def _minimum_phase(logarithm: NDArray[np.float32], size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Magnitude and phase (M, bins) of the spectra of minimum phase with this logarithm of their magnitude."""
    cepstrum = irfft(logarithm, size)
    half = size // 2
    cepstrum[:, 1:half] *= 2.0
    cepstrum[:, half + 1 :] = 0.0
    return np.exp(logarithm), rfft(cepstrum, size).imag


def _polar(magnitude: NDArray[np.float32], phase: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Complex numbers of this magnitude and phase; a complex exponential takes five times as long."""
    result = np.empty(magnitude.shape, np.complex64)
    np.multiply(magnitude, np.cos(phase), out=result.real)
    np.multiply(magnitude, np.sin(phase), out=result.imag)
    return result
