"""Source-filter synthesis of vocal events, with spectral envelopes of real speech as filters.

The excitation is flat: pulses at a given pitch with jitter, shimmer and roughness, and noise. Envelopes of real vowels
and breaths then shape it, over time, by short-time spectra (Fant 1960; envelopes by cepstral smoothing).

Voiced sounds can also be resynthesized from periods of voiced speech, at another pitch and of any length (TD-PSOLA,
Moulines & Charpentier 1990), so that a moan sounds as natural as the words beside it; and air noise from grains of
recorded coughs, sneezes and breaths in random order (granular synthesis, Roads 1978). Then microphone and room do not
reveal what a sound is.
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
    """What events of a speaker are simulated from.

    Attributes:
        vowels: (K, 257) log envelopes of the speaker's voiced frames, open vowels first.
        breaths: (M, 257) log envelopes of breaths, of any speaker.
        pitch: the speaker's median in Hz.
        voiced: stretches of the speaker's voiced speech, for resynthesis from periods.
        airs: (N,) each: stretches of recorded air noise, of any speaker, for granular resynthesis.
        pressed: voiced stretches of coughs, of any speaker.
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
    """Samples (N,) from short-time spectra."""
    pieces = np.fft.irfft(frames).astype(np.float32) * _WINDOW * (2 * STEP / FFT)
    return _overlapped(pieces)[FFT - STEP : FFT - STEP + num_samples].astype(np.float32, copy=False)


def _overlapped(pieces: NDArray[np.floating]) -> NDArray[np.floating]:
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
    marks, heights = _pulse_times(steps, rng, jitter, shimmer)
    heights /= np.sqrt(steps[marks.astype(int)] + 1e-9)
    out = np.zeros(len(steps), np.float32)
    whole = marks.astype(int)
    part = marks - whole
    np.add.at(out, whole, heights * (1 - part))
    np.add.at(out, whole + 1, heights * part)
    return out


def _pulse_times(
    steps: NDArray[np.float64], rng: np.random.Generator, jitter: float, shimmer: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places and heights of the pulses of a voice with `steps` (N,) periods per sample."""
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


def resynthesized(
    voiced: Voiced,
    pitch: NDArray[np.floating],
    rng: np.random.Generator,
    *,
    jitter: float = 0.01,
    shimmer: float = 0.05,
) -> Samples:
    """Resynthesis from the periods of a voiced stretch, read back and forth from a random place, at a pitch in Hz per
    sample (N,); about unit power. Formants do not change (TD-PSOLA).

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
    places, heights = _pulse_times(np.asarray(pitch, np.float64) / SAMPLE_RATE, rng, jitter, shimmer)
    n = len(pitch)
    out = np.zeros(n + 2048, np.float64)
    # Back and forth through the stretch at a varying pace: a constant one would be audible as a loop.
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


def granular(air: Samples, num_samples: int, rng: np.random.Generator) -> Samples:
    """Granular resynthesis of a stretch of air noise (of at least 32 ms): grains of 32 ms from random places, one every
    8 ms, all equally loud. Gives steady noise (N,) of unit power with the spectrum of the recording."""
    count = -(-num_samples // STEP) + FFT // STEP
    starts = rng.integers(0, len(air) - FFT + 1, size=count)
    grains = np.lib.stride_tricks.sliding_window_view(air, FFT)[starts]
    grains = grains / (np.sqrt(np.mean(np.square(grains), axis=1, keepdims=True)) + 1e-6)
    grains = grains * (_WINDOW * rng.choice([-1.0, 1.0], size=count)[:, None])
    whole = _overlapped(grains)[FFT : FFT + num_samples]
    return (whole / (np.sqrt(np.mean(np.square(whole))) + 1e-9)).astype(np.float32)


def noise(num_samples: int, rng: np.random.Generator) -> Samples:
    """White noise of unit power."""
    return rng.standard_normal(num_samples).astype(np.float32)


def semitones(steps: NDArray[np.floating] | float) -> NDArray[np.floating]:
    """The frequency ratio of an interval in semitones."""
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
    """Parts concatenated."""
    return np.concatenate(parts).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * SAMPLE_RATE), np.float32)


def normalized(samples: NDArray[np.floating]) -> Samples:
    """Samples scaled to a peak of 0.5."""
    return (samples * (0.5 / max(1e-9, float(np.abs(samples).max(initial=0.0))))).astype(np.float32)


def decibels(value: float) -> float:
    """The amplitude factor of a level in dB."""
    return 10 ** (value / 20)


def level(samples: NDArray[np.floating]) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))


def frames(seconds: float) -> int:
    """Samples of a sound, 64 at least."""
    return max(64, int(seconds * SAMPLE_RATE))


def unit(samples: NDArray[np.floating]) -> Samples:
    """At unit level over its louder half."""
    power = np.square(samples, dtype=np.float64)
    loud = power[power > 0.1 * power.mean()]
    return (samples / np.sqrt(loud.mean() + 1e-12 if len(loud) else 1.0)).astype(np.float32)


def as_loud(shaped: Samples, excitation: Samples) -> Samples:
    """Shaped noise at the level that its excitation had."""
    return (shaped * (level(excitation) / (level(shaped) + 1e-9))).astype(np.float32)


def warped(envelopes: Envelopes, *factors: float) -> Envelopes:
    """Each envelope with its formants moved by a factor of its own."""
    return np.stack([warp(row, factor) for row, factor in zip(envelopes, factors, strict=True)])


@dataclass(frozen=True, slots=True, eq=False)
class Mouth:
    """The material of a speaker's voice, and the random generator that draws from it."""

    voice: Voice
    rng: np.random.Generator

    def vowel(self, opened: bool = True, count: int = 2) -> Envelopes:
        """Envelopes of `count` vowels, open ones or closed ones, with a slightly changed length of the vocal tract."""
        half = max(1, len(self.voice.vowels) // 2)
        pool = self.voice.vowels[:half] if opened else self.voice.vowels[half - 1 :]
        return warp(pool[self.rng.integers(len(pool), size=count)], self.rng.uniform(0.88, 1.15))

    def breath_shape(self, count: int = 2) -> Envelopes:
        """Envelopes of audible air: of recorded breaths, or of a vowel's vocal tract, or between the two."""
        rng = self.rng
        recorded = self.voice.breaths[rng.integers(len(self.voice.breaths), size=count)]
        vowels = tilt(self.vowel(rng.random() < 0.7, count), rng.uniform(0, 5))
        recorded, vowels = (x - x.mean(axis=-1, keepdims=True) for x in (recorded, vowels))
        part = rng.choice([0.0, 1.0, rng.random()])
        return warp(part * recorded + (1 - part) * vowels, rng.uniform(0.85, 1.2))

    def recorded_air(self) -> Samples | None:
        """A stretch of recorded air noise, half of the times, if there is any."""
        airs = self.voice.airs
        return airs[self.rng.integers(len(airs))] if airs and self.rng.random() < 0.5 else None

    def filtered_noise(self, loud: NDArray[np.floating], envelope: Envelopes) -> Samples:
        """Noise at a loudness per sample (N,) through envelopes, of unit level."""
        return unit(shape(noise(len(loud), self.rng) * loud, envelope))

    def air_noise(self, loud: NDArray[np.floating], envelope: Envelopes) -> Samples:
        """Air noise at a loudness per sample (N,), of unit level: recorded air by granular resynthesis, its formants
        moved like those of the envelope, or noise through the envelope."""
        air = self.recorded_air()
        if air is None:
            return self.filtered_noise(loud, envelope)
        moving = (envelope - envelope.mean(axis=0)).astype(np.float32)
        moving = moving + tilt(np.zeros_like(envelope[:1]), self.rng.normal(0, 2))
        return unit(shape(granular(air, len(loud), self.rng) * loud, moving))

    def air(self, seconds: float, attack: float, release: float) -> Samples:
        """Breath noise of one direction, of unit level."""
        n = frames(seconds)
        loud = swell(n, attack, release) * (1 + 0.15 * wander(n, 12, self.rng))
        return self.air_noise(loud, self.breath_shape())

    def voiced_sound(
        self,
        pitch: NDArray[np.floating],
        loud: NDArray[np.floating],
        envelope: Envelopes,
        jitter: float = 0.01,
        shimmer: float = 0.05,
        which: int | None = None,
    ) -> Samples:
        """A voiced sound at a pitch in Hz and a loudness per sample (N,), of unit level: mostly resynthesized from
        periods of the speaker's speech, where there are any, otherwise pulses through an envelope.

        Args:
            which: a number that picks the stretch of speech, if several sounds are to have the same one.
        """
        rng, voiced = self.rng, self.voice.voiced
        if voiced and (rng.random() if which is None else which % 10 / 10) < 0.7:
            pick = int(rng.integers(1 << 16)) if which is None else which // 10
            return unit(resynthesized(voiced[pick % len(voiced)], pitch, rng, jitter=jitter, shimmer=shimmer) * loud)
        return unit(shape(pulses(pitch, rng, jitter=jitter, shimmer=shimmer) * loud, envelope))
