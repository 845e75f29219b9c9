"""Simulated vocal events, one function per label: rhythm and pitch from the literature, sound from real voices.
Each returns the consecutive parts of a sound.

Laughter: bouts of 3 to 14 calls at 4 to 6 a second, voiced or not, pitch often twice that of speech and falling
(Bachorowski, Smoski & Owren 2001; Provine 1996). Screams: rough, amplitude-modulated at 30 to 150 Hz (Arnal et al.
2015). Sobs: voiced, trembling, interrupted by jerky inhalations. The others follow their physiology. Ranges are wide on
purpose: a network that has to accept all of them learns what they have in common. None was fitted to recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.events import EventLabel
from hybrid_tok.train.events.source_filter import (
    SAMPLE_RATE,
    Mouth,
    Samples,
    Voice,
    as_loud,
    curve,
    decibels,
    frames,
    granular,
    high_pass,
    join,
    noise,
    normalized,
    pulses,
    semitones,
    shape,
    silence,
    swell,
    tilt,
    unit,
    wander,
    warp,
    warped,
)

Parts: TypeAlias = list[NDArray[np.floating]]


def laugh(mouth: Mouth) -> Parts:
    """One to three bouts with inhalations between; voiced, unvoiced (snorts, panting laughs), or both in turn."""
    rng, parts = mouth.rng, []
    style = rng.choice(["voiced", "unvoiced", "mixed", "bouncing"], p=[0.5, 0.18, 0.2, 0.12])
    pitch = min(1000.0, mouth.voice.pitch * rng.uniform(1.0, 2.6))
    if rng.random() < 0.25:
        parts += [0.4 * mouth.air(rng.uniform(0.15, 0.4), 0.05, 0.1)]
    for bout in range(rng.choice([1, 2, 3], p=[0.6, 0.28, 0.12])):
        if bout:
            gap = rng.uniform(0.15, 0.45)
            parts += [silence(rng.uniform(0.02, 0.15)), rng.uniform(0.1, 0.6) * mouth.air(gap, 0.08, 0.06)]
        parts += [_bout(mouth, style, pitch * float(semitones(rng.normal(0, 2))))]
    return parts


def _bout(mouth: Mouth, style: str, pitch: float) -> NDArray[np.floating]:
    rng = mouth.rng
    calls, period, slowing = int(rng.integers(2, 13)), 1 / rng.uniform(3.8, 6.8), rng.uniform(0.98, 1.06)
    falling, decay = rng.uniform(-8, 1) / calls, rng.uniform(-2.5, 0.5)
    envelope = mouth.vowel(rng.random() < 0.8)
    breathy, which = rng.uniform(0.03, 0.5), int(rng.integers(1 << 16))
    parts, vocal = [], []
    for call in range(calls):
        length = period * slowing**call * rng.uniform(0.88, 1.15) * (1.3 if call == 0 else 1.0)
        n = frames(length)
        aspirated = int(n * (1 - (0.92 if style == "bouncing" else rng.uniform(0.3, 0.65))))
        contour = pitch * semitones(
            falling * call + rng.normal(0, 0.8) + curve(n, (0, 0), (0.5, rng.uniform(0, 3)), (1, rng.uniform(-5, 0)))
        )
        voiced = style in ("voiced", "bouncing") or (style == "mixed" and rng.random() < 0.5)
        open_part = swell(n - aspirated, 0.025, 0.06)
        if style == "bouncing":
            open_part = 0.25 + 0.75 * open_part
        gate = np.concatenate([np.zeros(aspirated), open_part])
        air = np.concatenate([swell(aspirated, 0.04, 0.02), np.ones(n - aspirated)]) * rng.uniform(0.1, 0.5)
        loud = decibels(decay * call + rng.normal(0, 1.5))
        if voiced:
            source = noise(n, rng) * (0.35 * air * (1 - gate) + breathy * gate)
            # The same vowel in every call is typical of laughter (Provine 1996).
            vocal.append(loud * mouth.voiced_sound(contour, gate, envelope, 0.012, 0.08, which))
        else:
            source = noise(n, rng) * (swell(n, 0.03, 0.5 * length) if rng.random() < 0.5 else 0.1 + gate)
            vocal.append(np.zeros(n))
        parts.append((source * loud).astype(np.float32))
    rushing = join(parts)
    if style == "unvoiced":
        envelope = mouth.breath_shape() if rng.random() < 0.6 else high_pass(envelope, rng.uniform(300, 900))
        return unit(shape(rushing, envelope))
    return unit(join(vocal) + rng.uniform(0.4, 1.3) * as_loud(shape(rushing, envelope), rushing))


def cry(mouth: Mouth) -> Parts:
    """Sobs: trembling, falling wails with breaks, and inhalations in two to four jerks."""
    rng, parts = mouth.rng, []
    pitch = min(800.0, mouth.voice.pitch * rng.uniform(1.2, 2.4))
    for _ in range(rng.integers(1, 5)):
        n = frames(rng.uniform(0.35, 1.5))
        tremor = np.sin(2 * np.pi * rng.uniform(5, 9) * np.arange(n) / SAMPLE_RATE + rng.random())
        arch = curve(n, (0, rng.uniform(-4, 0)), (rng.uniform(0.1, 0.4), rng.uniform(0, 3)), (1, rng.uniform(-7, -1)))
        contour = pitch * semitones(arch + rng.uniform(0.2, 1.2) * tremor + 0.5 * wander(n, 4, rng))
        loud = swell(n, 0.08, 0.25) * (1 + rng.uniform(0.1, 0.5) * tremor)
        breathy = rng.uniform(0.05, 0.4)
        envelope = mouth.vowel(rng.random() < 0.6, 3)
        air = mouth.filtered_noise(loud, envelope)
        parts += [unit(mouth.voiced_sound(contour, loud, envelope, 0.02, 0.1) + breathy * air)]
        for _ in range(rng.choice([0, 1, 2, 3, 4], p=[0.25, 0.2, 0.25, 0.2, 0.1])):
            parts += [silence(rng.uniform(0.02, 0.08))]
            parts += [rng.uniform(0.1, 0.5) * mouth.air(rng.uniform(0.08, 0.2), 0.04, 0.04)]
        parts += [silence(rng.uniform(0.03, 0.3))]
    return parts


def scream(mouth: Mouth) -> Parts:
    """High, loud, flat in spectrum, rough; or a clear shriek of few harmonics."""
    rng = mouth.rng
    n = frames(rng.uniform(0.35, 2.5))
    pitch = float(np.exp(rng.uniform(np.log(330), np.log(1900))))
    rise = rng.uniform(0.03, 0.3)
    arch = curve(n, (0, rng.uniform(-7, 0)), (rise, 0), (0.7, rng.uniform(-2, 2)), (1, rng.uniform(-10, 0)))
    contour = pitch * semitones(arch + 0.3 * wander(n, 6, rng))
    rough = float(rng.choice([0.0, rng.uniform(0.2, 0.9)], p=[0.3, 0.7]))
    turns = np.cumsum(rng.uniform(30, 150) * semitones(2 * wander(n, 8, rng))) / SAMPLE_RATE
    modulation = 1 + rough * np.sin(2 * np.pi * turns)
    jitter, breathy = rng.uniform(0.003, 0.05), float(rng.choice([0.01, rng.uniform(0.03, 0.5)], p=[0.3, 0.7]))
    loud = swell(n, rng.uniform(0.02, 0.15), rng.uniform(0.1, 0.5))
    envelope = tilt(warp(mouth.vowel(count=3), rng.uniform(1.0, 1.2)), rng.uniform(2, 8), 800.0)
    if rng.random() < 0.25:
        envelope = tilt(0.5 * envelope, -rng.uniform(6, 18), pitch)
    if mouth.voice.voiced and pitch < 800 and rng.random() < 0.4:
        out = mouth.voiced_sound(contour, loud * modulation, envelope, jitter, 0.1)
        out = shape(out, tilt(np.zeros_like(envelope[:1]), rng.uniform(2, 8), 800.0))
    else:
        source = (pulses(contour, rng, jitter=jitter, shimmer=0.1) * modulation + breathy * noise(n, rng)) * loud
        out = shape(source, high_pass(envelope, pitch * 0.8))
    out = normalized(out)
    return [np.tanh(out * rng.uniform(2, 6)) if rng.random() < 0.3 else out]


def moan(mouth: Mouth) -> Parts:
    """One to three long steady or falling sounds, the mouth closed or half open."""
    rng, parts = mouth.rng, []
    for _ in range(rng.choice([1, 2, 3], p=[0.6, 0.25, 0.15])):
        n = frames(float(rng.choice([rng.uniform(0.25, 0.6), rng.uniform(0.4, 2.2)], p=[0.35, 0.65])))
        pitch = mouth.voice.pitch * rng.uniform(0.75, 1.7)
        arch = curve(n, (0, rng.uniform(-3, 1)), (rng.uniform(0.15, 0.5), rng.uniform(0, 2)), (1, rng.uniform(-8, -1)))
        contour = pitch * semitones(arch + 0.25 * wander(n, 3, rng))
        loud = swell(n, rng.uniform(0.03, 0.3), rng.uniform(0.1, 0.6))
        closed = rng.random() < 0.6
        envelope = mouth.vowel(not closed)
        envelope = tilt(envelope, rng.uniform(-9, -2), rng.uniform(300, 800)) if closed else envelope
        air = mouth.filtered_noise(loud, envelope)
        vocal = mouth.voiced_sound(contour, loud, envelope, rng.uniform(0.005, 0.05), 0.08)
        parts += [unit(vocal + float(rng.choice([rng.uniform(0.0, 0.3), rng.uniform(0.2, 0.9)])) * air)]
        if rng.random() < 0.25:
            parts += [rng.uniform(0.1, 0.5) * mouth.air(rng.uniform(0.2, 0.7), 0.05, 0.2)]
        parts += [silence(rng.uniform(0.08, 0.9))]
    return parts[:-1]


def sigh(mouth: Mouth) -> Parts:
    """A long falling exhalation, at times voiced at its start, at times after an inhalation."""
    rng, parts = mouth.rng, []
    if rng.random() < 0.4:
        parts += [rng.uniform(0.1, 0.6) * mouth.air(rng.uniform(0.25, 0.9), 0.2, 0.1), silence(rng.uniform(0.02, 0.2))]
    n = frames(rng.uniform(0.5, 2.3))
    fade = np.exp(-np.linspace(0, rng.uniform(1, 4), n)) * swell(n, rng.uniform(0.03, 0.25), 0.25)
    envelope = mouth.breath_shape(3) if rng.random() < 0.6 else mouth.vowel(count=3)
    vocal = np.zeros(n, np.float32)
    if rng.random() < 0.4:
        contour = mouth.voice.pitch * semitones(curve(n, (0, rng.uniform(0, 7)), (1, rng.uniform(-9, -2))))
        vanish = curve(n, (0, 1), (rng.uniform(0.2, 0.5), 0.8), (rng.uniform(0.55, 1.0), 0), (1, 0))
        vocal = mouth.voiced_sound(contour, fade * vanish, mouth.vowel(count=3), 0.02)
        envelope = mouth.vowel(count=3)
    narrowing = np.linspace(rng.uniform(1.0, 1.15), rng.uniform(0.8, 1.0), len(envelope))
    air = mouth.air_noise(fade, warped(envelope, *narrowing.tolist()))
    return [*parts, unit(rng.uniform(0.2, 1.2) * air + vocal)]


def yawn(mouth: Mouth) -> Parts:
    """A long inhalation that swells through a widening throat, then a long, sagging exhalation, voiced or not."""
    rng, parts = mouth.rng, []
    if rng.random() < 0.7:
        n = frames(rng.uniform(0.6, 2.2))
        opening = warped(mouth.breath_shape(3), 1.1, 0.95, 0.8)
        drawn = curve(n, (0, 0.05), (0.7, 1), (1, 0.1))
        parts += [rng.uniform(0.15, 0.8) * mouth.air_noise(drawn, opening), silence(rng.uniform(0.0, 0.15))]
    n = frames(rng.uniform(0.8, 2.6))
    loud = swell(n, rng.uniform(0.1, 0.4), rng.uniform(0.4, 1.0))
    sagging = warped(mouth.vowel(count=3), 0.95, 0.82, 0.95)
    vocal, breathy = np.zeros(n, np.float32), 1.0
    if rng.random() < 0.65:
        arch = curve(n, (0, rng.uniform(0, 4)), (rng.uniform(0.2, 0.4), rng.uniform(2, 8)), (1, rng.uniform(-9, -3)))
        contour = mouth.voice.pitch * semitones(arch + 0.3 * wander(n, 3, rng))
        # The voice fails before the breath does.
        failing = curve(n, (0, 1), (rng.uniform(0.3, 0.9), 1), (1, rng.uniform(0, 1)))
        vocal, breathy = mouth.voiced_sound(contour, loud * failing, sagging, 0.02), rng.uniform(0.1, 0.9)
    return [*parts, unit(vocal + breathy * mouth.air_noise(loud, sagging))]


def throat_clear(mouth: Mouth) -> Parts:
    """Rasping bursts behind a closed throat ("khrm") or a hummed "ahem". Unlike in a cough, there is voice from the
    beginning, low, rough and pressed, with the false folds rattling at 25 to 90 Hz; it ends in a hum or a stop."""
    rng, parts = mouth.rng, []
    style = rng.choice(["rasp", "ahem", "growl"], p=[0.5, 0.25, 0.25])
    which, rattle, spread = int(rng.integers(1 << 16)), rng.uniform(25, 90), rng.uniform(0.02, 0.35)
    pressed = mouth.voice.pressed
    if pressed and rng.random() < 0.5:
        mouth = Mouth(replace(mouth.voice, voiced=(pressed[rng.integers(len(pressed))],)), rng)
    for burst in range(rng.choice([1, 2, 3, 4], p=[0.25, 0.4, 0.23, 0.12])):
        long = style == "growl" or (style == "ahem" and burst)
        n = frames(rng.uniform(0.2, 0.7) if long else rng.uniform(0.09, 0.35))
        rate = max(45.0, mouth.voice.pitch * rng.uniform(0.5, 1.1))
        arch = curve(n, (0, rng.uniform(-2, 3)), (1, rng.uniform(-6, 1)))
        contour = rate * semitones(arch + 0.7 * wander(n, 15, rng))
        wobble = rattle * semitones(2 * wander(n, 8, rng))
        beat = np.sin(2 * np.pi * np.cumsum(wobble) / SAMPLE_RATE + rng.uniform(0, 6.28))
        depth = rng.uniform(0.1, 0.5) if style == "ahem" else rng.uniform(0.3, 1.0)
        loud = swell(n, rng.uniform(0.008, 0.07), float(rng.choice([0.02, rng.uniform(0.05, 0.2)])))
        loud = loud * (1 + depth * beat)
        envelope = tilt(mouth.vowel(rng.random() < 0.5), rng.uniform(-3, 3))
        vocal = mouth.voiced_sound(contour, loud, envelope, rng.uniform(0.01, 0.15), rng.uniform(0.1, 0.5), which)
        rasp = mouth.air_noise(loud * (1 + depth * beat), envelope)
        breathy = rng.uniform(0.05, 0.4) if style == "ahem" else rng.uniform(0.1, 1.2)
        parts += [decibels(rng.normal(0, 3)) * unit(vocal + breathy * rasp), silence(spread)]
        spread = rng.uniform(0.02, 0.35) if rng.random() < 0.8 else rng.uniform(0.3, 0.8)
    if rng.random() < 0.3:
        n = frames(rng.uniform(0.1, 0.35))
        closed = tilt(mouth.vowel(False), -6.0)
        hum = mouth.voiced_sound(mouth.voice.pitch * semitones(curve(n, (0, 0), (1, -3))), swell(n, 0.03, 0.08), closed)
        parts += [rng.uniform(0.3, 1) * hum, silence(0.02)]
    return parts[:-1]


def sneeze(mouth: Mouth) -> Parts:
    """One or two inhalations ("a-ah"), then one burst with a sudden onset, ending in a vowel or hiss. Unlike a cough,
    a blown nose or a breath it has a hiss between tongue and palate, loudest above 2 kHz at the onset."""
    rng, parts, pitch = mouth.rng, [], mouth.voice.pitch
    for _ in range(rng.choice([0, 1, 2], p=[0.35, 0.45, 0.2])):
        n = frames(rng.uniform(0.12, 0.6))
        loud = curve(n, (0, 0), (0.8, 1), (1, 0.2))
        envelope = mouth.vowel()
        intake = rng.uniform(0.3, 1) * mouth.filtered_noise(loud, envelope)
        if rng.random() < 0.6:
            contour = pitch * semitones(curve(n, (0, 0), (1, rng.uniform(1, 7))))
            intake = intake + mouth.voiced_sound(contour, loud, envelope)
        parts += [rng.uniform(0.05, 0.5) * unit(intake), silence(rng.uniform(0.02, 0.2))]
    n = frames(rng.uniform(0.18, 0.7))
    fade = swell(n, rng.uniform(0.003, 0.02), 0.05) * np.exp(-np.linspace(0, rng.uniform(2, 5), n))
    hiss = tilt(high_pass(mouth.breath_shape(1), rng.uniform(1200, 3000)), rng.uniform(1, 5))
    after = mouth.vowel(rng.random() < 0.5)
    after = after - after.mean() + hiss.mean()
    source, vocal = noise(n, rng), np.zeros(n, np.float32)
    if rng.random() < 0.6:
        late = curve(n, (0, 0), (rng.uniform(0.1, 0.4), 0), (rng.uniform(0.45, 0.6), 1), (1, 1))
        contour = pitch * semitones(curve(n, (0, rng.uniform(2, 8)), (1, rng.uniform(-5, 2))))
        source = source * (1 - 0.6 * late)
        vocal = mouth.voiced_sound(contour, late * fade, after, 0.03) * rng.uniform(0.3, 1.2)
    burst = unit(shape(source * fade, np.concatenate([hiss, hiss, after]))) + vocal
    return [*parts, 2 * burst / (np.abs(burst).max() + 1e-9)]


def breath(mouth: Mouth) -> Parts:
    """Single inhalations and exhalations, and panting: in and out, 1.2 to 4 times a second."""
    rng, parts, all_airs = mouth.rng, [], mouth.voice.airs
    if rng.random() < 0.4:
        return [mouth.air(rng.uniform(0.2, 1.0), 0.12, 0.12)]
    cycle = 1 / rng.uniform(1.2, 4.0)
    share, ratio = rng.uniform(0.35, 0.65), decibels(rng.uniform(-14, 3))
    shapes = [mouth.breath_shape(1) for _ in range(2)]
    airs = [all_airs[rng.integers(len(all_airs))] for _ in range(2)] if all_airs and rng.random() < 0.5 else None
    # Panting through an open mouth has sudden onsets, like a series of "h"; at rest the breath swells.
    attack, voiced = rng.uniform(0.05, 0.4), rng.choice([0.0, 0.1, 0.8], p=[0.5, 0.35, 0.15])
    for _ in range(rng.integers(2, 9)):
        for way, length in enumerate((cycle * share, cycle * (1 - share))):
            n = frames(length * rng.uniform(0.85, 1.15))
            puff = swell(n, attack * length, 0.4 * length)
            out = mouth.filtered_noise(puff, shapes[way]) if airs is None else unit(granular(airs[way], n, rng) * puff)
            if way == 1 and rng.random() < voiced:
                vocal = mouth.voiced_sound(np.full(n, mouth.voice.pitch), swell(n, 0.05, 0.1), shapes[way], 0.03)
                out = unit(out + rng.uniform(0.1, 0.6) * vocal)
            parts += [out * (ratio if way == 0 else 1.0)]
    return parts


def gasp(mouth: Mouth) -> Parts:
    """One short sharp inhalation, some with voice."""
    rng = mouth.rng
    n = frames(rng.uniform(0.15, 0.6))
    loud = swell(n, rng.uniform(0.03, 0.15), rng.uniform(0.02, 0.08))
    envelope = tilt(warp(mouth.vowel(), rng.uniform(1.0, 1.2)), rng.uniform(1, 6))
    out = mouth.air_noise(loud, envelope)
    if rng.random() < 0.3:
        contour = mouth.voice.pitch * rng.uniform(1.2, 2.2) * semitones(curve(n, (0, 0), (1, rng.uniform(0, 6))))
        out = 0.7 * out + mouth.voiced_sound(contour, loud, envelope, 0.04, 0.2)
    return [out]


def sniff(mouth: Mouth) -> Parts:
    """One to four short inhalations through the nose."""
    rng, parts = mouth.rng, []
    envelope = high_pass(mouth.breath_shape(), rng.uniform(600, 2000))
    for _ in range(rng.integers(1, 5)):
        n = frames(rng.uniform(0.08, 0.35))
        loud = swell(n, 0.06, 0.04) * (1 + 0.4 * wander(n, 40, rng))
        parts += [mouth.air_noise(loud, envelope), silence(rng.uniform(0.1, 0.5))]
    return parts[:-1]


def snore(mouth: Mouth) -> Parts:
    """Fluttering inhalations at 20 to 80 Hz, some with a breathing out between them."""
    rng, parts = mouth.rng, []
    for _ in range(rng.integers(1, 3)):
        n = frames(rng.uniform(0.6, 1.8))
        rate = rng.uniform(20, 80) * semitones(curve(n, (0, -2), (0.5, 1), (1, -2)) + 0.7 * wander(n, 5, rng))
        source = pulses(rate, rng, jitter=0.1, shimmer=0.3) + rng.uniform(0.2, 1) * noise(n, rng)
        parts += [unit(shape(source * swell(n, 0.25, 0.25), mouth.vowel(False))), silence(0.1)]
        parts += [0.2 * mouth.air(rng.uniform(0.4, 1.0), 0.2, 0.3), silence(0.2)]
    return parts[: rng.choice([1, 3, len(parts)])]


def lip_smack(mouth: Mouth) -> Parts:
    """One to eight clicks of lips or tongue, ringing in the mouth, some with a squeak of air."""
    rng, parts = mouth.rng, []
    interval = rng.uniform(0.12, 0.5)
    for _ in range(rng.integers(1, 9)):
        n = frames(rng.uniform(0.02, 0.09))
        source = np.zeros(n, np.float32)
        for _ in range(rng.integers(1, 5)):
            source[rng.integers(0, max(1, n - 40))] += rng.normal()
        ring = np.exp(-np.arange(n) / (SAMPLE_RATE * rng.uniform(0.001, 0.006)))
        ring *= np.sin(2 * np.pi * rng.uniform(700, 4500) * np.arange(n) / SAMPLE_RATE)
        click = np.convolve(source, ring)[:n] + rng.uniform(0, 0.15) * noise(n, rng) * swell(n, 0.01, 0.02)
        parts += [decibels(rng.normal(0, 3)) * normalized(click), silence(interval * rng.uniform(0.8, 1.2))]
    return [shape(join(parts[:-1]), 0.5 * mouth.breath_shape())] if rng.random() < 0.5 else parts[:-1]


def other(mouth: Mouth) -> Parts:
    """Blowing one's nose, burps, hiccups, grunts, shushing, trilled lips."""
    rng, pitch = mouth.rng, mouth.voice.pitch
    kind = rng.choice(["nose", "burp", "hiccup", "grunt", "shush", "trill"], p=[0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    if kind == "nose":
        return _blown_nose(mouth)
    if kind == "hiccup":
        n = frames(rng.uniform(0.06, 0.16))
        contour = pitch * rng.uniform(1.2, 2) * semitones(curve(n, (0, 0), (1, rng.uniform(3, 9))))
        source = (pulses(contour, rng, jitter=0.03) + 0.3 * noise(n, rng)) * swell(n, 0.02, 0.004)
        return [shape(source, mouth.vowel())]
    n = frames(rng.uniform(0.15, 1.0))
    if kind == "shush":
        envelope = high_pass(mouth.breath_shape(), rng.uniform(1500, 2800))
        return [shape(noise(n, rng) * swell(n, 0.08, 0.12), envelope)]
    rates = {"burp": rng.uniform(35, 90), "grunt": pitch * rng.uniform(0.5, 0.9), "trill": rng.uniform(18, 32)}
    contour = rates[kind] * semitones(curve(n, (0, 0), (1, rng.uniform(-5, 3))) + wander(n, 8, rng))
    source = pulses(contour, rng, jitter=0.08, shimmer=0.3) + rng.uniform(0.05, 0.4) * noise(n, rng)
    return [shape(source * swell(n, 0.03, 0.12), mouth.vowel(kind == "burp"))]


def _blown_nose(mouth: Mouth) -> Parts:
    """A steady stream of air, wet and crackling, that may rattle or honk: even, long, with a sudden end, no burst."""
    rng, parts = mouth.rng, []
    envelope = high_pass(mouth.breath_shape(), rng.uniform(80, 1500))
    honking, crackling = float(rng.choice([0, rng.uniform(0.3, 2.5)], p=[0.35, 0.65])), rng.uniform(0, 0.6)
    rattle = float(np.exp(rng.uniform(np.log(22), np.log(320))))
    air = mouth.recorded_air()
    for _ in range(rng.integers(1, 5)):
        n = frames(rng.uniform(0.2, 1.3))
        loud = swell(n, rng.uniform(0.01, 0.12), rng.uniform(0.03, 0.2))
        rough = loud * np.clip(1 + crackling * wander(n, rng.uniform(20, 90), rng), 0.05, None)
        source = rough * (noise(n, rng) if air is None else granular(air, n, rng))
        out = unit(shape(source, envelope if air is None else 0.3 * envelope))
        if honking:
            rate = rattle * semitones(2 * wander(n, 6, rng) + curve(n, (0, 0), (1, rng.uniform(-4, 6))))
            buzz = pulses(rate, rng, jitter=0.1, shimmer=0.4) * np.clip(wander(n, 4, rng) + 0.7, 0, None) * loud
            out = unit(out + honking * as_loud(shape(buzz, envelope), out))
        parts += [decibels(rng.normal(0, 3)) * out, silence(rng.uniform(0.05, 0.6))]
        if rng.random() < 0.25:
            parts += [rng.uniform(0.1, 0.4) * mouth.air(rng.uniform(0.2, 0.5), 0.1, 0.05)]
            parts += [silence(rng.uniform(0.05, 0.3))]
    return parts[:-1]


def _simulate(make: Callable[[Mouth], Parts], voice: Voice, rng: np.random.Generator) -> Samples:
    return normalized(join(make(Mouth(voice, rng))))


_EVENTS = (laugh, breath, sigh, sneeze, cry, throat_clear, gasp, sniff, yawn, snore, scream, moan, lip_smack, other)
SIMULATORS: Mapping[EventLabel, Callable[[Voice, np.random.Generator], Samples]] = MappingProxyType(
    {cast(EventLabel, make.__name__): partial(_simulate, make) for make in _EVENTS}
)
"""Every label but cough, of which there are enough recordings."""
