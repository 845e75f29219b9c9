"""A source-filter voice whose filters are spectral envelopes of real speech: what vocal events are simulated with.

The excitation is flat: pulses at a given pitch with jitter, shimmer and roughness, and noise. Envelopes of real vowels
and breaths then shape it, over time, by short-time spectra (Fant 1960 for the idea; envelopes by cepstral smoothing).
Or the pulses are not simulated at all: periods cut from voiced speech, laid down anew at another pitch and for as long
as it takes (TD-PSOLA, Moulines & Charpentier 1990), so that a moan sounds as much like a person as the words beside it.
Nor need air be simulated: grains cut from recorded coughs, sneezes and breaths, strewn at random (granular synthesis,
Roads 1978), rush on for as long as a sigh takes. Microphone and room are then no hint at what a sound is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
FFT, STEP = 512, 128
BINS = FFT // 2 + 1

Samples = NDArray[np.float32]
Envelopes = NDArray[np.float32]
"""(K, 257): natural logarithms of magnitudes."""

_WINDOW = np.sqrt(np.hanning(FFT + 1)[:-1]).astype(np.float32)
_FREQUENCIES = np.fft.rfftfreq(FFT, 1 / SAMPLE_RATE)


@dataclass(frozen=True, slots=True, eq=False)
class Voiced:
    """A stretch of voiced speech, with the sample of each of its periods' peaks: (N,) and (P,), P >= 4."""

    samples: Samples
    marks: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """What a speaker lends to a simulated event.

    Attributes:
        vowels: (K, 257) log envelopes of voiced frames, open vowels first.
        breaths: (M, 257) log envelopes of breaths, of anybody.
        pitch: median in Hz.
        voiced: stretches of voiced speech, whose periods can be laid down anew.
        airs: (N,) each: stretches of rushing air from recordings, of anybody, whose grains can be strewn anew.
        pressed: voiced stretches of anybody's coughs.
    """

    vowels: Envelopes
    breaths: Envelopes
    pitch: float
    voiced: tuple[Voiced, ...] = ()
    airs: tuple[Samples, ...] = ()
    pressed: tuple[Voiced, ...] = ()


def smooth_envelope(magnitudes: NDArray[np.floating], lifter: int) -> Envelopes:
    """Log envelopes (.., 257) of magnitude spectra (.., 257): the cepstrum below `lifter` samples of quefrency."""
    cepstrum = np.fft.irfft(np.log(magnitudes + 1e-5))
    weights = np.zeros(FFT)
    weights[:lifter] = 0.5 * (1 + np.cos(np.pi * np.arange(lifter) / lifter))
    weights[FFT - lifter + 1 :] = weights[1:lifter][::-1]
    return np.fft.rfft(cepstrum * weights).real.astype(np.float32)


def spectra(samples: Samples) -> NDArray[np.complex64]:
    """Short-time spectra (J, 257), 8 ms apart; `overlap_add` is their inverse."""
    padded = np.pad(samples, (FFT - STEP, FFT))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::STEP]
    return np.fft.rfft(frames * _WINDOW).astype(np.complex64)


def overlap_add(frames: NDArray[np.complexfloating], num_samples: int) -> Samples:
    """Samples (N,) from their spectra, however these were shaped."""
    pieces = np.fft.irfft(frames).astype(np.float32) * _WINDOW * (2 * STEP / FFT)
    return _laid(pieces)[FFT - STEP : FFT - STEP + num_samples].astype(np.float32, copy=False)


def _laid(pieces: NDArray[np.floating]) -> NDArray[np.floating]:
    """Pieces (J, 512) added up, each 8 ms after the one before."""
    out = np.zeros((len(pieces) + FFT // STEP, STEP), pieces.dtype)
    for part in range(FFT // STEP):
        out[part : part + len(pieces)] += pieces[:, part * STEP : (part + 1) * STEP]
    return out.reshape(-1)


def shape(excitation: NDArray[np.floating], envelopes: Envelopes) -> Samples:
    """Excitation (N,) through log envelopes (K, 257), spread evenly over its length and interpolated."""
    frames = spectra(excitation.astype(np.float32))
    place = np.linspace(0, len(envelopes) - 1, len(frames))
    low = np.minimum(place.astype(int), max(0, len(envelopes) - 2))
    high = np.minimum(low + 1, len(envelopes) - 1)
    part = (place - low)[:, None]
    gains = np.exp((1 - part) * envelopes[low] + part * envelopes[high])
    return overlap_add(frames * gains.astype(np.float32), len(excitation))


def warp(envelopes: Envelopes, factor: float) -> Envelopes:
    """Formants moved by a factor: above 1 is a shorter vocal tract."""
    source = np.minimum(np.arange(BINS) / factor, BINS - 1)
    low = np.minimum(source.astype(int), BINS - 2)
    part = (source - low).astype(np.float32)
    return ((1 - part) * envelopes[..., low] + part * envelopes[..., low + 1]).astype(np.float32)


def tilt(envelopes: Envelopes, decibels: float, corner: float = 500.0) -> Envelopes:
    """Decibels per octave added above a corner frequency: loud voices have flat spectra, soft and closed ones steep."""
    octaves = np.log2(np.maximum(_FREQUENCIES, corner) / corner)
    return (envelopes + decibels * np.log(10) / 20 * octaves).astype(np.float32)


def high_pass(envelopes: Envelopes, hertz: float) -> Envelopes:
    """12 dB per octave cut below a frequency."""
    octaves = np.log2(np.maximum(_FREQUENCIES, 30.0) / hertz)
    return (envelopes + np.minimum(0.0, octaves) * 2 * np.log(2)).astype(np.float32)


def pulses(
    pitch: NDArray[np.floating], rng: np.random.Generator, *, jitter: float = 0.01, shimmer: float = 0.05
) -> Samples:
    """A train of pulses of unit power at a pitch in Hz per sample (N,).

    Args:
        jitter: standard deviation of a period, relative.
        shimmer: standard deviation of a pulse's height, relative.
    """
    steps = np.asarray(pitch, np.float64) / SAMPLE_RATE
    marks, heights = _instants(steps, rng, jitter, shimmer)
    heights /= np.sqrt(steps[marks.astype(int)] + 1e-9)
    out = np.zeros(len(steps), np.float32)
    whole = marks.astype(int)
    part = marks - whole
    np.add.at(out, whole, heights * (1 - part))
    np.add.at(out, whole + 1, heights * part)
    return out


def _instants(
    steps: NDArray[np.float64], rng: np.random.Generator, jitter: float, shimmer: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the pulses of a voice lie that makes `steps` (N,) periods per sample, and how high each is."""
    phase = np.cumsum(steps)
    count = int(phase[-1]) + 1 if len(phase) else 0
    wobble = np.cumsum(rng.standard_normal(count)) * 0.3 * jitter + rng.standard_normal(count) * jitter
    marks = np.interp(np.arange(count) + rng.random() + wobble, phase, np.arange(len(phase)))
    marks = marks[(marks > 1) & (marks < len(phase) - 2)]
    return marks, np.maximum(0.05, 1 + shimmer * rng.standard_normal(len(marks)))


def find_marks(samples: Samples, hertz: NDArray[np.floating]) -> NDArray[np.int64]:
    """The peaks of the periods of a voiced stretch (N,), given its pitch (K,) at places spread evenly over it."""
    rectified = samples if samples.max(initial=0.0) >= -samples.min(initial=0.0) else -samples
    first = int(SAMPLE_RATE / hertz[0])
    marks = [int(rectified[:first].argmax())] if len(samples) > first else []
    while marks:
        place = min(len(hertz) - 1, marks[-1] * len(hertz) // len(samples))
        period = SAMPLE_RATE / float(hertz[place])
        low, high = marks[-1] + int(0.8 * period), marks[-1] + int(1.2 * period) + 1
        if high > len(samples):
            break
        marks.append(low + int(rectified[low:high].argmax()))
    return np.array(marks, np.int64)


def resung(
    voiced: Voiced,
    pitch: NDArray[np.floating],
    rng: np.random.Generator,
    *,
    jitter: float = 0.01,
    shimmer: float = 0.05,
) -> Samples:
    """The periods of a voiced stretch, once through from a random place, at a pitch in Hz per sample (N,); about unit
    power. Formants stay where they are (TD-PSOLA).

    Args:
        jitter: standard deviation of a period, relative.
        shimmer: standard deviation of a period's height, relative.
    """
    source, marks = voiced.samples, voiced.marks
    grains = []
    for before, mark, after in zip(marks[:-2], marks[1:-1], marks[2:], strict=True):
        rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(mark - before) / (mark - before))
        fall = 0.5 + 0.5 * np.cos(np.pi * np.arange(after - mark) / (after - mark))
        grains.append((int(mark - before), source[before:after] * np.concatenate([rise, fall])))
    places, heights = _instants(np.asarray(pitch, np.float64) / SAMPLE_RATE, rng, jitter, shimmer)
    n = len(pitch)
    out = np.zeros(n + 2048, np.float64)
    # There and back again in the stretch, never at an even pace: an even one would be heard as a loop.
    direction = 1 if rng.random() < 0.5 else -1
    path = direction * np.linspace(0, rng.uniform(0.4, 1.0), n) + 0.1 * wander(n, 4, rng) + rng.random()
    folded = np.abs((path % 2) - 1)
    for place, height in zip(places.astype(int), heights, strict=True):
        lead, grain = grains[min(len(grains) - 1, int(folded[place] * len(grains)))]
        start = place - lead
        grain = grain[max(0, -start) :][: len(out) - max(0, start)]
        out[max(0, start) : max(0, start) + len(grain)] += height * grain
    out = out[:n]
    return (out / (np.sqrt(np.mean(np.square(out))) + 1e-9)).astype(np.float32)


def strewn(air: Samples, num_samples: int, rng: np.random.Generator) -> Samples:
    """Grains of 32 ms of a stretch of air (at least so long), one every 8 ms from anywhere in it, all equally loud:
    steady noise (N,) of unit power with the sound of the recording."""
    count = -(-num_samples // STEP) + FFT // STEP
    starts = rng.integers(0, len(air) - FFT + 1, size=count)
    grains = np.lib.stride_tricks.sliding_window_view(air, FFT)[starts]
    grains = grains / (np.sqrt(np.mean(np.square(grains), axis=1, keepdims=True)) + 1e-6)
    grains = grains * (_WINDOW * rng.choice([-1.0, 1.0], size=count)[:, None])
    whole = _laid(grains)[FFT : FFT + num_samples]
    return (whole / (np.sqrt(np.mean(np.square(whole))) + 1e-9)).astype(np.float32)


def noise(num_samples: int, rng: np.random.Generator) -> Samples:
    """White, of unit power."""
    return rng.standard_normal(num_samples).astype(np.float32)


def semitones(steps: NDArray[np.floating] | float) -> NDArray[np.floating]:
    """The factor of a musical interval."""
    return np.asarray(2.0 ** (np.asarray(steps) / 12.0))


def wander(num_samples: int, hertz: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A smooth random curve of about unit deviation that changes `hertz` times a second."""
    knots = rng.standard_normal(max(4, int(num_samples / SAMPLE_RATE * hertz) + 4))
    place = np.linspace(1, len(knots) - 2, num_samples)
    low = place.astype(int)
    part = 0.5 - 0.5 * np.cos(np.pi * (place - low))
    return (1 - part) * knots[low] + part * knots[np.minimum(low + 1, len(knots) - 1)]


def curve(num_samples: int, *points: tuple[float, float]) -> NDArray[np.float64]:
    """Straight lines through (place in [0, 1], value)."""
    places, values = zip(*points, strict=True)
    return np.interp(np.linspace(0, 1, num_samples), places, values)


def swell(num_samples: int, attack: float, release: float) -> NDArray[np.float64]:
    """An amplitude that rises in `attack` and falls in `release` seconds (cosine slopes), as far as there is room."""
    total = num_samples / SAMPLE_RATE
    squeeze = min(1.0, total / max(1e-6, attack + release))
    rise, fall = (max(1, int(s * squeeze * SAMPLE_RATE)) for s in (attack, release))
    out = np.ones(num_samples)
    rise, fall = min(rise, num_samples), min(fall, num_samples)
    out[:rise] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    out[num_samples - fall :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(fall) / fall)
    return out


def join(parts: list[NDArray[np.floating]]) -> Samples:
    """Parts one after another."""
    return np.concatenate(parts).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * SAMPLE_RATE), np.float32)


def normalized(samples: NDArray[np.floating]) -> Samples:
    """At a peak of 0.5."""
    return (samples * (0.5 / max(1e-9, float(np.abs(samples).max(initial=0.0))))).astype(np.float32)


def decibels(value: float) -> float:
    """The factor of an amplitude."""
    return 10 ** (value / 20)


def level(samples: NDArray[np.floating]) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))
