"""Simulated vocal events, one function per label: rhythm and pitch from the literature, sound from real voices.

Laughter: bouts of 3 to 14 calls at 4 to 6 a second, voiced or not, pitch often twice that of speech and falling
(Bachorowski, Smoski & Owren 2001; Provine 1996). Screams: rough, amplitude-modulated at 30 to 150 Hz (Arnal et al.
2015). Sobs: voiced, trembling, broken by jerky inhalations. The others follow their physiology. Ranges are wide on
purpose: a network that has to accept all of them keeps to what they have in common. None was fitted to recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.events import EventLabel
from hybrid_tok.train.events.source_filter import (
    SAMPLE_RATE,
    Envelopes,
    Samples,
    Voice,
    curve,
    high_pass,
    join,
    level,
    noise,
    normalized,
    pulses,
    resung,
    semitones,
    shape,
    silence,
    strewn,
    swell,
    tilt,
    wander,
    warp,
)

Generator = np.random.Generator
Simulator = Callable[[Voice, Generator], Samples]


def _frames(seconds: float) -> int:
    return max(64, int(seconds * SAMPLE_RATE))


def _vowel(voice: Voice, rng: Generator, *, opened: bool = True, count: int = 2) -> Envelopes:
    """Envelopes of `count` vowels, open ones or closed ones, of a vocal tract of slightly another length."""
    half = max(1, len(voice.vowels) // 2)
    pool = voice.vowels[:half] if opened else voice.vowels[half - 1 :]
    return warp(pool[rng.integers(len(pool), size=count)], float(rng.uniform(0.88, 1.15)))


def _breath_shape(voice: Voice, rng: Generator, count: int = 2) -> Envelopes:
    """Envelopes of audible air: of recorded breaths, or of a vowel's vocal tract, or between the two."""
    recorded = voice.breaths[rng.integers(len(voice.breaths), size=count)]
    vowels = tilt(_vowel(voice, rng, opened=bool(rng.random() < 0.7), count=count), float(rng.uniform(0, 5)))
    recorded, vowels = (x - x.mean(axis=-1, keepdims=True) for x in (recorded, vowels))
    part = rng.choice([0.0, 1.0, rng.random()])
    return warp(part * recorded + (1 - part) * vowels, float(rng.uniform(0.85, 1.2)))


def _blown(voice: Voice, loud: NDArray[np.floating], envelope: Envelopes, rng: Generator) -> Samples:
    """Air at a loudness per sample (N,), of unit level: recorded air strewn anew where there is any, every other time,
    its formants moved the way an envelope's were; noise through the envelope otherwise."""
    if voice.airs and rng.random() < 0.5:
        air = voice.airs[rng.integers(len(voice.airs))]
        moving = (envelope - envelope.mean(axis=0)).astype(np.float32)
        moving = moving + tilt(np.zeros_like(envelope[:1]), float(rng.normal(0, 2)))
        return _unit(shape((strewn(air, len(loud), rng) * loud).astype(np.float32), moving))
    return _unit(shape((noise(len(loud), rng) * loud).astype(np.float32), envelope))


def _air(voice: Voice, rng: Generator, seconds: float, attack: float, release: float) -> Samples:
    """Breath noise of one direction, of unit level."""
    n = _frames(seconds)
    loud = swell(n, attack, release) * (1 + 0.15 * wander(n, 12, rng))
    return _blown(voice, loud, _breath_shape(voice, rng), rng)


def _sung(
    voice: Voice,
    pitch: NDArray[np.floating],
    loud: NDArray[np.floating],
    envelope: Envelopes,
    rng: Generator,
    *,
    jitter: float = 0.01,
    shimmer: float = 0.05,
    which: int | None = None,
) -> Samples:
    """A voice at a pitch in Hz and a loudness per sample (N,): periods of its own speech laid down anew where there are
    any, mostly, and pulses through an envelope otherwise. Of unit level.

    Args:
        which: a number that picks the stretch of speech, where several sounds are to have the same one.
    """
    if voice.voiced and (rng.random() if which is None else which % 10 / 10) < 0.7:
        pick = int(rng.integers(1 << 16)) if which is None else which // 10
        out = resung(voice.voiced[pick % len(voice.voiced)], pitch, rng, jitter=jitter, shimmer=shimmer) * loud
        return _unit(out)
    source = pulses(pitch, rng, jitter=jitter, shimmer=shimmer) * loud
    return _unit(shape(source.astype(np.float32), envelope))


def _unit(samples: NDArray[np.floating]) -> Samples:
    """At unit level over its louder half."""
    power = np.square(samples, dtype=np.float64)
    loud = power[power > 0.1 * power.mean()]
    return (samples / np.sqrt(loud.mean() + 1e-12 if len(loud) else 1.0)).astype(np.float32)


def _decibels(value: float) -> float:
    return 10 ** (value / 20)


def laugh(voice: Voice, rng: Generator) -> Samples:
    """One to three bouts with inhalations between; voiced, unvoiced (snorts, panting laughs), or both in turn."""
    style = rng.choice(["voiced", "unvoiced", "mixed", "bouncing"], p=[0.5, 0.18, 0.2, 0.12])
    pitch = min(1000.0, voice.pitch * float(rng.uniform(1.0, 2.6)))
    parts: list[NDArray[np.floating]] = []
    if rng.random() < 0.25:
        parts += [0.4 * _air(voice, rng, float(rng.uniform(0.15, 0.4)), 0.05, 0.1)]
    for bout in range(int(rng.choice([1, 2, 3], p=[0.6, 0.28, 0.12]))):
        if bout:
            gap = float(rng.uniform(0.15, 0.45))
            parts += [silence(float(rng.uniform(0.02, 0.15)))]
            parts += [float(rng.uniform(0.1, 0.6)) * _air(voice, rng, gap, 0.08, 0.06)]
        parts += [_bout(voice, rng, style, pitch * float(semitones(rng.normal(0, 2))))]
    return normalized(join(parts))


def _unlike(shaped: Samples, excitation: Samples) -> Samples:
    """Shaped noise at the level that its excitation had."""
    return (shaped * (level(excitation) / (level(shaped) + 1e-9))).astype(np.float32)


def _bout(voice: Voice, rng: Generator, style: str, pitch: float) -> NDArray[np.floating]:
    calls = int(rng.integers(2, 13))
    period = 1 / float(rng.uniform(3.8, 6.8))
    slowing = float(rng.uniform(0.98, 1.06))
    falling = float(rng.uniform(-8, 1)) / calls
    decay = float(rng.uniform(-2.5, 0.5))
    envelope = _vowel(voice, rng, opened=bool(rng.random() < 0.8), count=2)
    breathy = float(rng.uniform(0.03, 0.5))
    which = int(rng.integers(1 << 16))
    parts, sung = [], []
    for call in range(calls):
        length = period * slowing**call * float(rng.uniform(0.88, 1.15)) * (1.3 if call == 0 else 1.0)
        n = _frames(length)
        voiced_share = 0.92 if style == "bouncing" else float(rng.uniform(0.3, 0.65))
        aspirated = int(n * (1 - voiced_share))
        contour = pitch * semitones(
            falling * call
            + float(rng.normal(0, 0.8))
            + curve(n, (0, 0), (0.5, rng.uniform(0, 3)), (1, rng.uniform(-5, 0)))
        )
        voiced = style in ("voiced", "bouncing") or (style == "mixed" and rng.random() < 0.5)
        open_part = swell(n - aspirated, 0.025, 0.06)
        if style == "bouncing":
            open_part = 0.25 + 0.75 * open_part
        gate = np.concatenate([np.zeros(aspirated), open_part])
        air = np.concatenate([swell(aspirated, 0.04, 0.02), np.ones(n - aspirated)]) * float(rng.uniform(0.1, 0.5))
        loud = _decibels(decay * call + float(rng.normal(0, 1.5)))
        if voiced:
            source = noise(n, rng) * (0.35 * air * (1 - gate) + breathy * gate)
            # The same vowel in every call: that sameness is what laughter is known by (Provine 1996).
            sung.append(loud * _sung(voice, contour, gate, envelope, rng, jitter=0.012, shimmer=0.08, which=which))
        else:
            source = noise(n, rng) * (swell(n, 0.03, 0.5 * length) if rng.random() < 0.5 else 0.1 + gate)
            sung.append(np.zeros(n))
        parts.append((source * loud).astype(np.float32))
    if style == "unvoiced":
        envelope = (
            _breath_shape(voice, rng) if rng.random() < 0.6 else high_pass(envelope, float(rng.uniform(300, 900)))
        )
        return _unit(shape(join(parts), envelope))
    return _unit(join(sung) + float(rng.uniform(0.4, 1.3)) * _unlike(shape(join(parts), envelope), join(parts)))


def cry(voice: Voice, rng: Generator) -> Samples:
    """Sobs: trembling, falling wails with breaks, and inhalations in two to four jerks."""
    pitch = min(800.0, voice.pitch * float(rng.uniform(1.2, 2.4)))
    parts: list[NDArray[np.floating]] = []
    for _ in range(int(rng.integers(1, 5))):
        n = _frames(float(rng.uniform(0.35, 1.5)))
        tremor = np.sin(2 * np.pi * float(rng.uniform(5, 9)) * np.arange(n) / SAMPLE_RATE + rng.random())
        arch = curve(n, (0, rng.uniform(-4, 0)), (rng.uniform(0.1, 0.4), rng.uniform(0, 3)), (1, rng.uniform(-7, -1)))
        contour = pitch * semitones(arch + rng.uniform(0.2, 1.2) * tremor + 0.5 * wander(n, 4, rng))
        loud = swell(n, 0.08, 0.25) * (1 + rng.uniform(0.1, 0.5) * tremor)
        breathy = float(rng.uniform(0.05, 0.4))
        envelope = _vowel(voice, rng, opened=bool(rng.random() < 0.6), count=3)
        air = _unit(shape((noise(n, rng) * loud).astype(np.float32), envelope))
        parts += [_unit(_sung(voice, contour, loud, envelope, rng, jitter=0.02, shimmer=0.1) + breathy * air)]
        for _ in range(int(rng.choice([0, 1, 2, 3, 4], p=[0.25, 0.2, 0.25, 0.2, 0.1]))):
            parts += [silence(float(rng.uniform(0.02, 0.08)))]
            parts += [float(rng.uniform(0.1, 0.5)) * _air(voice, rng, float(rng.uniform(0.08, 0.2)), 0.04, 0.04)]
        parts += [silence(float(rng.uniform(0.03, 0.3)))]
    return normalized(join(parts))


def scream(voice: Voice, rng: Generator) -> Samples:
    """High, loud, flat in spectrum, rough; or a clear shriek of few harmonics."""
    n = _frames(float(rng.uniform(0.35, 2.5)))
    pitch = float(np.exp(rng.uniform(np.log(330), np.log(1900))))
    rise = rng.uniform(0.03, 0.3)
    contour = pitch * semitones(
        curve(n, (0, rng.uniform(-7, 0)), (rise, 0), (0.7, rng.uniform(-2, 2)), (1, rng.uniform(-10, 0)))
        + 0.3 * wander(n, 6, rng)
    )
    rough = float(rng.choice([0.0, rng.uniform(0.2, 0.9)], p=[0.3, 0.7]))
    modulation = 1 + rough * np.sin(
        2 * np.pi * np.cumsum(rng.uniform(30, 150) * semitones(2 * wander(n, 8, rng))) / SAMPLE_RATE
    )
    jitter, breathy = float(rng.uniform(0.003, 0.05)), float(rng.choice([0.01, rng.uniform(0.03, 0.5)], p=[0.3, 0.7]))
    loud = swell(n, float(rng.uniform(0.02, 0.15)), float(rng.uniform(0.1, 0.5)))
    envelope = tilt(warp(_vowel(voice, rng, count=3), float(rng.uniform(1.0, 1.2))), float(rng.uniform(2, 8)), 800.0)
    if rng.random() < 0.25:
        envelope = tilt(0.5 * envelope, -float(rng.uniform(6, 18)), pitch)
    if voice.voiced and pitch < 800 and rng.random() < 0.4:
        out = _sung(voice, contour, loud * modulation, envelope, rng, jitter=jitter, shimmer=0.1)
        out = shape(out, np.stack([tilt(np.zeros_like(envelope[0]), float(rng.uniform(2, 8)), 800.0)]))
    else:
        source = (pulses(contour, rng, jitter=jitter, shimmer=0.1) * modulation + breathy * noise(n, rng)) * loud
        out = shape(source.astype(np.float32), high_pass(envelope, pitch * 0.8))
    out = normalized(out)
    if rng.random() < 0.3:
        out = np.tanh(out * float(rng.uniform(2, 6)))
    return normalized(out)


def moan(voice: Voice, rng: Generator) -> Samples:
    """One to three long steady or falling sounds, the mouth closed or half open."""
    parts: list[NDArray[np.floating]] = []
    for _ in range(int(rng.choice([1, 2, 3], p=[0.6, 0.25, 0.15]))):
        n = _frames(float(rng.choice([rng.uniform(0.25, 0.6), rng.uniform(0.4, 2.2)], p=[0.35, 0.65])))
        contour = (
            voice.pitch
            * float(rng.uniform(0.75, 1.7))
            * semitones(
                curve(n, (0, rng.uniform(-3, 1)), (rng.uniform(0.15, 0.5), rng.uniform(0, 2)), (1, rng.uniform(-8, -1)))
                + 0.25 * wander(n, 3, rng)
            )
        )
        loud = swell(n, float(rng.uniform(0.03, 0.3)), float(rng.uniform(0.1, 0.6)))
        closed = bool(rng.random() < 0.6)
        envelope = _vowel(voice, rng, opened=not closed)
        if closed:
            envelope = tilt(envelope, float(rng.uniform(-9, -2)), float(rng.uniform(300, 800)))
        air = _unit(shape((noise(n, rng) * loud).astype(np.float32), envelope))
        sung = _sung(voice, contour, loud, envelope, rng, jitter=float(rng.uniform(0.005, 0.05)), shimmer=0.08)
        parts += [_unit(sung + float(rng.choice([rng.uniform(0.0, 0.3), rng.uniform(0.2, 0.9)])) * air)]
        if rng.random() < 0.25:
            parts += [float(rng.uniform(0.1, 0.5)) * _air(voice, rng, float(rng.uniform(0.2, 0.7)), 0.05, 0.2)]
        parts += [silence(float(rng.uniform(0.08, 0.9)))]
    return normalized(join(parts[:-1]))


def sigh(voice: Voice, rng: Generator) -> Samples:
    """A long falling exhalation, at times voiced at its start, at times after an inhalation."""
    parts: list[NDArray[np.floating]] = []
    if rng.random() < 0.4:
        parts += [float(rng.uniform(0.1, 0.6)) * _air(voice, rng, float(rng.uniform(0.25, 0.9)), 0.2, 0.1)]
        parts += [silence(float(rng.uniform(0.02, 0.2)))]
    n = _frames(float(rng.uniform(0.5, 2.3)))
    fade = np.exp(-np.linspace(0, rng.uniform(1, 4), n)) * swell(n, float(rng.uniform(0.03, 0.25)), 0.25)
    envelope = _breath_shape(voice, rng, 3) if rng.random() < 0.6 else _vowel(voice, rng, count=3)
    sung = np.zeros(n, np.float32)
    if rng.random() < 0.4:
        contour = voice.pitch * semitones(curve(n, (0, rng.uniform(0, 7)), (1, rng.uniform(-9, -2))))
        vanish = curve(n, (0, 1), (rng.uniform(0.2, 0.5), 0.8), (rng.uniform(0.55, 1.0), 0), (1, 0))
        sung = _sung(voice, contour, fade * vanish, _vowel(voice, rng, count=3), rng, jitter=0.02)
        envelope = _vowel(voice, rng, count=3)
    narrowing = np.linspace(rng.uniform(1.0, 1.15), rng.uniform(0.8, 1.0), len(envelope))
    envelope = np.stack([warp(row, float(f)) for row, f in zip(envelope, narrowing, strict=True)])
    air = _blown(voice, fade, envelope, rng)
    parts += [_unit(float(rng.uniform(0.2, 1.2)) * air + sung)]
    return normalized(join(parts))


def yawn(voice: Voice, rng: Generator) -> Samples:
    """A long inhalation that swells through a widening throat, then a long, sagging exhalation, voiced or not."""
    parts: list[NDArray[np.floating]] = []
    if rng.random() < 0.7:
        n = _frames(float(rng.uniform(0.6, 2.2)))
        opening = np.stack(
            [warp(row, f) for row, f in zip(_breath_shape(voice, rng, 3), (1.1, 0.95, 0.8), strict=True)]
        )
        drawn = curve(n, (0, 0.05), (0.7, 1), (1, 0.1))
        parts += [float(rng.uniform(0.15, 0.8)) * _blown(voice, drawn, opening, rng)]
        parts += [silence(float(rng.uniform(0.0, 0.15)))]
    n = _frames(float(rng.uniform(0.8, 2.6)))
    loud = swell(n, float(rng.uniform(0.1, 0.4)), float(rng.uniform(0.4, 1.0)))
    vowels = _vowel(voice, rng, count=3)
    sagging = np.stack([warp(row, f) for row, f in zip(vowels, (0.95, 0.82, 0.95), strict=True)])
    sung, breathy = np.zeros(n, np.float32), 1.0
    if rng.random() < 0.65:
        contour = voice.pitch * semitones(
            curve(n, (0, rng.uniform(0, 4)), (rng.uniform(0.2, 0.4), rng.uniform(2, 8)), (1, rng.uniform(-9, -3)))
            + 0.3 * wander(n, 3, rng)
        )
        # The voice fails before the breath does.
        failing = curve(n, (0, 1), (rng.uniform(0.3, 0.9), 1), (1, rng.uniform(0, 1)))
        sung, breathy = _sung(voice, contour, loud * failing, sagging, rng, jitter=0.02), float(rng.uniform(0.1, 0.9))
    air = _blown(voice, loud, sagging, rng)
    parts += [_unit(sung + breathy * air)]
    return normalized(join(parts))


def throat_clear(voice: Voice, rng: Generator) -> Samples:
    """Rasping bursts behind a closed throat ("khrm") or a hummed "ahem".

    Unlike a cough, it has no burst of air at its start: the voice is there from the beginning, low, rough and pressed,
    with the false folds rattling at 25 to 90 Hz, and it is let go into a hum or cut off by the glottis.
    """
    parts: list[NDArray[np.floating]] = []
    style = rng.choice(["rasp", "ahem", "growl"], p=[0.5, 0.25, 0.25])
    which = int(rng.integers(1 << 16))
    rattle = float(rng.uniform(25, 90))
    spread = float(rng.uniform(0.02, 0.35))
    if voice.pressed and rng.random() < 0.5:
        voice = replace(voice, voiced=(voice.pressed[rng.integers(len(voice.pressed))],))
    for burst in range(int(rng.choice([1, 2, 3, 4], p=[0.25, 0.4, 0.23, 0.12]))):
        long = style == "growl" or (style == "ahem" and burst)
        n = _frames(float(rng.uniform(0.2, 0.7) if long else rng.uniform(0.09, 0.35)))
        rate = max(45.0, voice.pitch * float(rng.uniform(0.5, 1.1)))
        contour = rate * semitones(
            curve(n, (0, rng.uniform(-2, 3)), (1, rng.uniform(-6, 1))) + 0.7 * wander(n, 15, rng)
        )
        wobble = rattle * semitones(2 * wander(n, 8, rng))
        beat = np.sin(2 * np.pi * np.cumsum(wobble) / SAMPLE_RATE + float(rng.uniform(0, 6.28)))
        depth = float(rng.uniform(0.1, 0.5) if style == "ahem" else rng.uniform(0.3, 1.0))
        loud = swell(n, float(rng.uniform(0.008, 0.07)), float(rng.choice([0.02, rng.uniform(0.05, 0.2)])))
        loud = loud * (1 + depth * beat)
        envelope = tilt(_vowel(voice, rng, opened=bool(rng.random() < 0.5), count=2), float(rng.uniform(-3, 3)))
        sung = _sung(
            voice,
            contour,
            loud,
            envelope,
            rng,
            jitter=float(rng.uniform(0.01, 0.15)),
            shimmer=float(rng.uniform(0.1, 0.5)),
            which=which,
        )
        rasp = _blown(voice, loud * (1 + depth * beat), envelope, rng)
        breathy = float(rng.uniform(0.05, 0.4) if style == "ahem" else rng.uniform(0.1, 1.2))
        parts += [_decibels(float(rng.normal(0, 3))) * _unit(sung + breathy * rasp), silence(spread)]
        spread = float(rng.uniform(0.02, 0.35)) if rng.random() < 0.8 else float(rng.uniform(0.3, 0.8))
    if rng.random() < 0.3:
        n = _frames(float(rng.uniform(0.1, 0.35)))
        closed = tilt(_vowel(voice, rng, opened=False), -6.0)
        hum = _sung(voice, voice.pitch * semitones(curve(n, (0, 0), (1, -3))), swell(n, 0.03, 0.08), closed, rng)
        parts += [float(rng.uniform(0.3, 1)) * hum, silence(0.02)]
    return normalized(join(parts[:-1]))


def sneeze(voice: Voice, rng: Generator) -> Samples:
    """One or two inhalations ("a-ah"), then an explosive burst that starts at once and ends in a vowel or a hiss.

    What a sneeze has and a cough, a blown nose or a loud breath has not is the hiss between tongue and palate, loudest
    above 2 kHz at the very start, and that it happens once.
    """
    parts: list[NDArray[np.floating]] = []
    for _ in range(int(rng.choice([0, 1, 2], p=[0.35, 0.45, 0.2]))):
        n = _frames(float(rng.uniform(0.12, 0.6)))
        loud = curve(n, (0, 0), (0.8, 1), (1, 0.2))
        envelope = _vowel(voice, rng)
        intake = float(rng.uniform(0.3, 1)) * _unit(shape((noise(n, rng) * loud).astype(np.float32), envelope))
        if rng.random() < 0.6:
            contour = voice.pitch * semitones(curve(n, (0, 0), (1, rng.uniform(1, 7))))
            intake = intake + _sung(voice, contour, loud, envelope, rng)
        parts += [float(rng.uniform(0.05, 0.5)) * _unit(intake)]
        parts += [silence(float(rng.uniform(0.02, 0.2)))]
    n = _frames(float(rng.uniform(0.18, 0.7)))
    attack = float(rng.uniform(0.003, 0.02))
    fade = swell(n, attack, 0.05) * np.exp(-np.linspace(0, rng.uniform(2, 5), n))
    hiss = tilt(high_pass(_breath_shape(voice, rng, 1), float(rng.uniform(1200, 3000))), float(rng.uniform(1, 5)))
    after = _vowel(voice, rng, opened=bool(rng.random() < 0.5), count=2)
    after = after - after.mean() + hiss.mean()
    source = noise(n, rng)
    sung = np.zeros(n, np.float32)
    if rng.random() < 0.6:
        late = curve(n, (0, 0), (rng.uniform(0.1, 0.4), 0), (rng.uniform(0.45, 0.6), 1), (1, 1))
        contour = voice.pitch * semitones(curve(n, (0, rng.uniform(2, 8)), (1, rng.uniform(-5, 2))))
        source = source * (1 - 0.6 * late)
        sung = _sung(voice, contour, late * fade, after, rng, jitter=0.03) * float(rng.uniform(0.3, 1.2))
    burst = _unit(shape((source * fade).astype(np.float32), np.concatenate([hiss, hiss, after]))) + sung
    parts += [2 * burst / (np.abs(burst).max() + 1e-9)]
    return normalized(join(parts))


def breath(voice: Voice, rng: Generator) -> Samples:
    """Single inhalations and exhalations, and panting: in and out, 1.2 to 4 times a second."""
    if rng.random() < 0.4:
        return normalized(_air(voice, rng, float(rng.uniform(0.2, 1.0)), 0.12, 0.12))
    cycle = 1 / float(rng.uniform(1.2, 4.0))
    share, ratio = float(rng.uniform(0.35, 0.65)), _decibels(float(rng.uniform(-14, 3)))
    shapes = [_breath_shape(voice, rng, 1) for _ in range(2)]
    airs = [voice.airs[rng.integers(len(voice.airs))] for _ in range(2)] if voice.airs and rng.random() < 0.5 else None
    # Panting through an open mouth starts at once, like a row of "h"; at rest the breath swells.
    attack, voiced = float(rng.uniform(0.05, 0.4)), float(rng.choice([0.0, 0.1, 0.8], p=[0.5, 0.35, 0.15]))
    parts: list[NDArray[np.floating]] = []
    for _ in range(int(rng.integers(2, 9))):
        for direction, length in enumerate((cycle * share, cycle * (1 - share))):
            n = _frames(length * float(rng.uniform(0.85, 1.15)))
            puff = swell(n, attack * length, 0.4 * length)
            if airs is None:
                out = _unit(shape((noise(n, rng) * puff).astype(np.float32), shapes[direction]))
            else:
                out = _unit(strewn(airs[direction], n, rng) * puff)
            if direction == 1 and rng.random() < voiced:
                loud = swell(n, 0.05, 0.1)
                sung = _sung(voice, np.full(n, voice.pitch), loud, shapes[direction], rng, jitter=0.03)
                out = _unit(out + float(rng.uniform(0.1, 0.6)) * sung)
            parts += [out * (ratio if direction == 0 else 1.0)]
    return normalized(join(parts))


def gasp(voice: Voice, rng: Generator) -> Samples:
    """One short sharp inhalation, some with voice."""
    n = _frames(float(rng.uniform(0.15, 0.6)))
    loud = swell(n, float(rng.uniform(0.03, 0.15)), float(rng.uniform(0.02, 0.08)))
    envelope = tilt(warp(_vowel(voice, rng, count=2), float(rng.uniform(1.0, 1.2))), float(rng.uniform(1, 6)))
    out = _blown(voice, loud, envelope, rng)
    if rng.random() < 0.3:
        contour = voice.pitch * float(rng.uniform(1.2, 2.2)) * semitones(curve(n, (0, 0), (1, rng.uniform(0, 6))))
        out = 0.7 * out + _sung(voice, contour, loud, envelope, rng, jitter=0.04, shimmer=0.2)
    return normalized(out)


def sniff(voice: Voice, rng: Generator) -> Samples:
    """One to four short inhalations through the nose."""
    parts: list[NDArray[np.floating]] = []
    envelope = high_pass(_breath_shape(voice, rng), float(rng.uniform(600, 2000)))
    for _ in range(int(rng.integers(1, 5))):
        n = _frames(float(rng.uniform(0.08, 0.35)))
        loud = swell(n, 0.06, 0.04) * (1 + 0.4 * wander(n, 40, rng))
        parts += [_blown(voice, loud, envelope, rng), silence(float(rng.uniform(0.1, 0.5)))]
    return normalized(join(parts[:-1]))


def snore(voice: Voice, rng: Generator) -> Samples:
    """Fluttering inhalations at 20 to 80 Hz, some with a breathing out between them."""
    parts: list[NDArray[np.floating]] = []
    for _ in range(int(rng.integers(1, 3))):
        n = _frames(float(rng.uniform(0.6, 1.8)))
        rate = float(rng.uniform(20, 80)) * semitones(curve(n, (0, -2), (0.5, 1), (1, -2)) + 0.7 * wander(n, 5, rng))
        source = pulses(rate, rng, jitter=0.1, shimmer=0.3) + float(rng.uniform(0.2, 1)) * noise(n, rng)
        source = source * swell(n, 0.25, 0.25)
        parts += [_unit(shape(source.astype(np.float32), _vowel(voice, rng, opened=False)))]
        parts += [silence(0.1), 0.2 * _air(voice, rng, float(rng.uniform(0.4, 1.0)), 0.2, 0.3), silence(0.2)]
    return normalized(join(parts[: int(rng.choice([1, 3, len(parts)]))]))


def lip_smack(voice: Voice, rng: Generator) -> Samples:
    """One to eight clicks of lips or tongue, ringing in the mouth, some with a squeak of air."""
    parts: list[NDArray[np.floating]] = []
    interval = float(rng.uniform(0.12, 0.5))
    for _ in range(int(rng.integers(1, 9))):
        n = _frames(float(rng.uniform(0.02, 0.09)))
        source = np.zeros(n, np.float32)
        for _ in range(int(rng.integers(1, 5))):
            source[int(rng.integers(0, max(1, n - 40)))] += rng.normal()
        ring = np.exp(-np.arange(n) / (SAMPLE_RATE * rng.uniform(0.001, 0.006)))
        ring *= np.sin(2 * np.pi * rng.uniform(700, 4500) * np.arange(n) / SAMPLE_RATE)
        click = np.convolve(source, ring)[:n] + rng.uniform(0, 0.15) * noise(n, rng) * swell(n, 0.01, 0.02)
        parts += [_decibels(float(rng.normal(0, 3))) * normalized(click)]
        parts += [silence(interval * float(rng.uniform(0.8, 1.2)))]
    out = join(parts[:-1])
    return normalized(shape(out, 0.5 * _breath_shape(voice, rng))) if rng.random() < 0.5 else normalized(out)


def other(voice: Voice, rng: Generator) -> Samples:
    """Blowing one's nose, burps, hiccups, grunts, shushing, trilled lips."""
    kind = rng.choice(["nose", "burp", "hiccup", "grunt", "shush", "trill"], p=[0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    if kind == "nose":
        parts: list[NDArray[np.floating]] = []
        # A steady stream of air, wet and crackling, that may rattle or honk: even, long, and cut off; never a bang.
        envelope = high_pass(_breath_shape(voice, rng), float(rng.uniform(80, 1500)))
        honking, crackling = float(rng.choice([0, rng.uniform(0.3, 2.5)], p=[0.35, 0.65])), float(rng.uniform(0, 0.6))
        rattle = float(np.exp(rng.uniform(np.log(22), np.log(320))))
        air = voice.airs[rng.integers(len(voice.airs))] if voice.airs and rng.random() < 0.5 else None
        for _ in range(int(rng.integers(1, 5))):
            n = _frames(float(rng.uniform(0.2, 1.3)))
            loud = swell(n, float(rng.uniform(0.01, 0.12)), float(rng.uniform(0.03, 0.2)))
            rough = loud * np.clip(1 + crackling * wander(n, float(rng.uniform(20, 90)), rng), 0.05, None)
            source = rough * (noise(n, rng) if air is None else strewn(air, n, rng))
            out = _unit(shape(source.astype(np.float32), envelope if air is None else 0.3 * envelope))
            if honking:
                rate = rattle * semitones(2 * wander(n, 6, rng) + curve(n, (0, 0), (1, rng.uniform(-4, 6))))
                buzz = pulses(rate, rng, jitter=0.1, shimmer=0.4) * np.clip(wander(n, 4, rng) + 0.7, 0, None) * loud
                out = _unit(out + honking * _unlike(shape(buzz.astype(np.float32), envelope), out))
            parts += [_decibels(float(rng.normal(0, 3))) * out]
            parts += [silence(float(rng.uniform(0.05, 0.6)))]
            if rng.random() < 0.25:
                parts += [float(rng.uniform(0.1, 0.4)) * _air(voice, rng, float(rng.uniform(0.2, 0.5)), 0.1, 0.05)]
                parts += [silence(float(rng.uniform(0.05, 0.3)))]
        return normalized(join(parts[:-1]))
    if kind == "hiccup":
        n = _frames(float(rng.uniform(0.06, 0.16)))
        contour = voice.pitch * float(rng.uniform(1.2, 2)) * semitones(curve(n, (0, 0), (1, rng.uniform(3, 9))))
        source = (pulses(contour, rng, jitter=0.03) + 0.3 * noise(n, rng)) * swell(n, 0.02, 0.004)
        return normalized(shape(source.astype(np.float32), _vowel(voice, rng)))
    n = _frames(float(rng.uniform(0.15, 1.0)))
    if kind == "shush":
        envelope = high_pass(_breath_shape(voice, rng), float(rng.uniform(1500, 2800)))
        return normalized(shape((noise(n, rng) * swell(n, 0.08, 0.12)).astype(np.float32), envelope))
    rate = {"burp": rng.uniform(35, 90), "grunt": voice.pitch * rng.uniform(0.5, 0.9), "trill": rng.uniform(18, 32)}[
        kind
    ]
    contour = float(rate) * semitones(curve(n, (0, 0), (1, rng.uniform(-5, 3))) + wander(n, 8, rng))
    source = pulses(contour, rng, jitter=0.08, shimmer=0.3) + float(rng.uniform(0.05, 0.4)) * noise(n, rng)
    opened = kind == "burp"
    return normalized(shape((source * swell(n, 0.03, 0.12)).astype(np.float32), _vowel(voice, rng, opened=opened)))


SIMULATORS: Mapping[EventLabel, Simulator] = MappingProxyType(
    {
        "laugh": laugh,
        "breath": breath,
        "sigh": sigh,
        "sneeze": sneeze,
        "cry": cry,
        "throat_clear": throat_clear,
        "gasp": gasp,
        "sniff": sniff,
        "yawn": yawn,
        "snore": snore,
        "scream": scream,
        "moan": moan,
        "lip_smack": lip_smack,
        "other": other,
    }
)
"""Every label but cough, of which there are recordings enough."""


def music(seconds: float, rng: Generator) -> Samples:
    """Tones, chords and beats, for there is no music among the recordings."""
    n = _frames(seconds)
    out = np.zeros(n)
    beat = float(rng.uniform(0.15, 0.8))
    partials = 1.0 / np.arange(1, 9) ** float(rng.uniform(0.3, 2.5))
    turn = np.linspace(0, 2 * np.pi, 1024)
    period = partials @ np.sin(np.outer(np.arange(1, 9), turn))
    steady = rng.random() < 0.3
    for _ in range(int(rng.integers(1, 5))):
        root, place = 55 * 2 ** float(rng.uniform(0, 3.5)), 0
        for step in rng.choice([0, 2, 4, 5, 7, 9, 11, 12], size=64):
            length = n if steady else int(beat * float(rng.choice([1, 1, 2, 4])) * SAMPLE_RATE)
            local = np.arange(min(length, n - place)) / SAMPLE_RATE
            fade = np.exp(-local * rng.uniform(0.2, 6)) * np.minimum(1, local / 0.01)
            vibrato = 0.004 * rng.random() * np.sin(2 * np.pi * 5.5 * local)
            phase = 2 * np.pi * root * 2 ** (step / 12) * (local + vibrato / (2 * np.pi * 5.5))
            out[place : place + len(local)] += fade * np.interp(phase % (2 * np.pi), turn, period)
            place += length
            if place >= n:
                break
    if rng.random() < 0.5:
        for hit in np.arange(0, seconds, beat):
            a = int(hit * SAMPLE_RATE)
            drum = noise(min(n - a, 3200), rng) * np.exp(-np.arange(min(n - a, 3200)) / rng.uniform(150, 900))
            out[a : a + len(drum)] += float(rng.uniform(0.3, 2)) * drum
    return normalized(out)


def bump(rng: Generator) -> Samples:
    """What is no voice and sounds in between words: a puff of wind at the microphone, a thump, a click, a beep."""
    kind = rng.choice(["puff", "thump", "click", "beep"])
    if kind == "beep":
        n = _frames(float(rng.uniform(0.05, 0.6)))
        hertz = float(np.exp(rng.uniform(np.log(300), np.log(4000))))
        return normalized(np.sin(2 * np.pi * hertz * np.arange(n) / SAMPLE_RATE) * swell(n, 0.005, 0.02))
    n = _frames(
        {"puff": rng.uniform(0.04, 0.3), "thump": rng.uniform(0.03, 0.2), "click": rng.uniform(0.005, 0.04)}[kind]
    )
    corner = {"puff": rng.uniform(100, 1200), "thump": rng.uniform(80, 500), "click": rng.uniform(2000, 7000)}[kind]
    spectrum = np.fft.rfft(noise(n, rng) * np.exp(-np.linspace(0, rng.uniform(1, 6), n)) * swell(n, 0.002, 0.01))
    frequencies = np.fft.rfftfreq(n, 1 / SAMPLE_RATE)
    return normalized(np.fft.irfft(spectrum / (1 + (frequencies / corner) ** 2), n))
