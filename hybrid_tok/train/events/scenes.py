"""Scenes of a few seconds composed from the material, with labels for every 20 ms frame.

A scene has speech, events in its pauses or over it, and a background; then a room, a band limit, a gain and
clipping may apply to everything. Some speech is resynthesized by the same source-filter voice as the simulated
events, so that the network cannot learn events by that sound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from hybrid_tok.core.events import EVENT_LABELS, EventLabel
from hybrid_tok.core.masks import mask_to_spans
from hybrid_tok.tagger.features import HOP
from hybrid_tok.train.codec.augment import band_limit
from hybrid_tok.train.events.material import NONE, UNSURE, Material, Utterance, active_runs
from hybrid_tok.train.events.other_sounds import bump, music
from hybrid_tok.train.events.simulate import SIMULATORS
from hybrid_tok.train.events.source_filter import (
    SAMPLE_RATE,
    Samples,
    decibels,
    level,
    noise,
    normalized,
    overlap_add,
    pulses,
    semitones,
    smooth_envelope,
    spectra,
    wander,
)

SPEECH, MUSIC, NOISE, SILENCE = range(4)
AUDIBLE = 1e-3
"""Root mean square (-60 dBFS) above which a background is noise; a scene below it, and nothing else, is silence."""

Idea = Literal[
    "simulated", "recorded", "breaths", "resynthesized", "granular", "backgrounds", "vocoded", "distractors", "rooms",
    "music", "overlap",
]  # fmt: skip
IDEAS: tuple[Idea, ...] = get_args(Idea)

SHARES: dict[EventLabel, float] = {
    "laugh": 0.14, "cough": 0.11, "sneeze": 0.065, "cry": 0.08, "sigh": 0.09, "throat_clear": 0.11, "scream": 0.1,
    "yawn": 0.07, "moan": 0.09, "breath": 0.1, "lip_smack": 0.05, "other": 0.08, "sniff": 0.02, "gasp": 0.02,
    "snore": 0.02,
}  # fmt: skip
"""How often each event is drawn."""


@dataclass(frozen=True, slots=True)
class SceneOptions:
    """How scenes are made.

    Attributes:
        frames: length in 20 ms frames.
        ideas: parts of the simulation that are used; leaving one out measures its effect.
    """

    frames: int = 400
    ideas: tuple[Idea, ...] = IDEAS


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Samples (frames * 320,), event labels (frames,) with `NONE` and `UNSURE`, background (frames, 4) of 0, 1 and,
    where unsure, 255."""

    samples: Samples
    events: NDArray[np.uint8]
    background: NDArray[np.uint8]


class Composer:
    """Draws scenes from material."""

    def __init__(self, material: Material, options: SceneOptions) -> None:
        self.material, self.options = material, options
        there = {label for label, clips in material.recorded.items() if clips and "recorded" in options.ideas}
        there |= set(SIMULATORS) if "simulated" in options.ideas else set()
        self._labels: list[EventLabel] = [label for label in EVENT_LABELS if label in there]
        shares = np.array([SHARES[label] for label in self._labels])
        self._shares = shares / shares.sum()
        self._voices = material.voices
        if "resynthesized" not in options.ideas:
            self._voices = tuple(replace(voice, voiced=(), pressed=()) for voice in self._voices)
        if "granular" not in options.ideas:
            self._voices = tuple(replace(voice, airs=()) for voice in self._voices)

    def draw(self, rng: np.random.Generator) -> Scene:
        frames = self.options.frames
        kind = rng.choice(["alone", "talk", "speech", "background"], p=[0.25, 0.44, 0.21, 0.1])
        samples = np.zeros(frames * HOP, np.float32)
        events = np.full(frames, NONE, np.uint8)
        background = np.zeros((frames, 4), np.uint8)
        place = int(rng.integers(0, 60)) if rng.random() < 0.8 else 0
        loudness = decibels(rng.uniform(-34, -16))
        while place < frames - 15 and kind != "background":
            speak = kind == "speech" or (kind == "talk" and rng.random() < 0.55)
            gain = loudness * decibels(rng.normal(0, 3.5))
            if speak:
                piece, marks, spoken = self._speech(rng)
                end = _put(samples, at_level(piece, gain), place)
                events[place:end] = marks[: end - place]
                background[place:end, SPEECH] = spoken[: end - place]
                if kind == "talk" and "overlap" in self.options.ideas and rng.random() < 0.06:
                    self._event(rng, samples, events, place + int(rng.integers(0, max(1, end - place))), 2 * gain)
            elif "distractors" in self.options.ideas and rng.random() < (0.2 if kind == "talk" else 0.15):
                end = self._distractor(rng, samples, background, place, gain * decibels(rng.uniform(-14, 6)))
            else:
                end = self._event(rng, samples, events, place, gain * decibels(rng.uniform(-14, 8)))
            if kind == "alone" and rng.random() < 0.75:
                break
            place = end + int(rng.choice([rng.integers(0, 12), rng.integers(5, 60)], p=[0.4, 0.6]))
        self._background(rng, samples, background, kind == "background", loudness)
        samples = self._channel(rng, samples)
        quiet = (np.square(samples.reshape(frames, HOP)).mean(1) < AUDIBLE**2 * 0.1) & (background[:, SPEECH] == 0)
        background[:, SILENCE] = quiet & (background[:, NOISE] == 0) & (background[:, MUSIC] == 0) & (events == NONE)
        return Scene(samples, events, background)

    def _speech(self, rng: np.random.Generator) -> tuple[Samples, NDArray[np.uint8], NDArray[np.uint8]]:
        """An utterance or a part of it, faster or slower, with its frames' labels."""
        utterance: Utterance = self.material.utterances[rng.integers(len(self.material.utterances))]
        samples = self.material.samples(utterance.clip)
        frames = len(utterance.activity)
        marks = np.full(frames, NONE, np.uint8)
        breath = EVENT_LABELS.index("breath")
        for a, b in utterance.unsure:
            marks[a:b] = UNSURE
        for a, b in utterance.breaths:
            marks[a:b] = breath if "breaths" in self.options.ideas else UNSURE
        spoken = utterance.activity.astype(np.uint8)
        # Pauses up to 0.3 s belong to speech, as they do for listeners.
        for a, b in mask_to_spans(spoken == 0):
            if b - a <= 15 and a > 0 and b < frames:
                spoken[a:b] = 1
        if frames > 250 and rng.random() < 0.7:
            pauses = [(a + b) // 2 for a, b in mask_to_spans(~utterance.activity) if b - a > 4]
            start = int(rng.choice([0, *pauses]))
            ends = [p for p in [*pauses, frames] if p > start + 30]
            end = int(rng.choice(ends)) if ends else frames
            samples, marks, spoken = samples[start * HOP : end * HOP], marks[start:end], spoken[start:end]
        samples = samples[: len(marks) * HOP]
        if "vocoded" in self.options.ideas and rng.random() < 0.08:
            samples = vocoded(samples, rng)
        if rng.random() < 0.5:
            speed = rng.uniform(0.84, 1.22)
            samples = stretched(samples, speed)
            count = -(-len(samples) // HOP)
            index = np.minimum((np.arange(count) * speed).astype(int), len(marks) - 1)
            marks, spoken = marks[index], spoken[index]
        return samples, marks, spoken

    def _event(
        self, rng: np.random.Generator, samples: Samples, events: NDArray[np.uint8], place: int, gain: float
    ) -> int:
        """Draw an event, add it at a frame and label it there; returns the frame after it."""
        label = self._labels[int(rng.choice(len(self._labels), p=self._shares))]
        piece = self.sound(label, rng)
        if rng.random() < 0.5:
            piece = equalized(piece, rng)
        found = active_runs(piece)
        if not found:
            return place
        # Cut to the sound itself; a long recorded clip is cut at a gap.
        first, last = found[0][0], found[-1][1]
        if last - first > 200:
            pick = int(rng.integers(len(found)))
            first, last = found[pick][0], min(found[pick][1], found[pick][0] + 250)
            found = [(first, last)]
        piece = at_level(piece[first * HOP : last * HOP], gain)
        peak = float(np.abs(piece).max())
        piece = piece * np.float32(min(1.0, 0.98 / max(peak, 1e-9)))
        end = _put(samples, piece, place)
        for a, b in found:
            a, b = place + a - first, min(place + b - first, end)
            if a < b:
                events[a:b] = EVENT_LABELS.index(label)
        return end

    def _distractor(
        self, rng: np.random.Generator, samples: Samples, background: NDArray[np.uint8], place: int, gain: float
    ) -> int:
        """Add a sound that is not vocal at a frame: a piece of a noise clip, or a bump."""
        if rng.random() < 0.3:
            piece = bump(rng)
        else:
            clip = self.material.noises[rng.integers(len(self.material.noises))]
            piece = stretched(self.material.samples(clip), rng.uniform(0.7, 1.4))
            found = active_runs(piece)
            start, end = found[rng.integers(len(found))] if found else (0, 25)
            piece = piece[start * HOP : min(end, start + int(rng.integers(10, 200))) * HOP]
            if rng.random() < 0.5:
                piece = equalized(piece, rng)
        end = _put(samples, at_level(piece, gain), place)
        background[place:end, NOISE] = 1
        return end

    def sound(self, label: EventLabel, rng: np.random.Generator) -> Samples:
        ideas, material = self.options.ideas, self.material
        recorded = material.recorded.get(label) if "recorded" in ideas else None
        simulate = "simulated" in ideas and label in SIMULATORS
        if recorded and (not simulate or rng.random() < 0.65):
            clip = recorded[rng.integers(len(recorded))]
            return stretched(material.samples(clip), rng.uniform(0.75, 1.35))
        if label == "breath" and "breaths" in ideas and rng.random() < 0.45:
            breathing = [utterance for utterance in material.utterances if utterance.breaths]
            if breathing:
                utterance = breathing[rng.integers(len(breathing))]
                a, b = utterance.breaths[rng.integers(len(utterance.breaths))]
                piece = material.samples(utterance.clip)[a * HOP : b * HOP]
                return stretched(piece, rng.uniform(0.6, 1.3))
        voice = self._voices[rng.integers(len(self._voices))]
        piece = SIMULATORS[label](voice, rng)
        if rng.random() < 0.3:
            piece = stretched(piece, rng.uniform(0.85, 1.2))
        return self._with_recording_background(piece, rng) if "backgrounds" in ideas and rng.random() < 0.5 else piece

    def _with_recording_background(self, piece: Samples, rng: np.random.Generator) -> Samples:
        """A simulated sound in a small room with the background noise of a recorded event; otherwise simulated sounds
        could be recognized by being clean."""
        piece = reverberant(np.pad(piece, (0, int(0.2 * SAMPLE_RATE))), rng)
        if self.material.backgrounds:
            background = np.resize(self.material.backgrounds[rng.integers(len(self.material.backgrounds))], len(piece))
            piece = piece + at_level(background, decibels(-rng.uniform(18, 45)) * level(piece))
        return piece

    def _background(
        self, rng: np.random.Generator, samples: Samples, background: NDArray[np.uint8], alone: bool, loudness: float
    ) -> None:
        """Recorded noise, hiss, music, or nothing under the whole scene."""
        choice = rng.random()
        n = len(samples)
        if alone or choice < 0.35:
            gain = loudness * decibels(rng.uniform(-12, 6) if alone else rng.uniform(-38, -6))
            if "music" in self.options.ideas and rng.random() < (0.4 if alone else 0.2):
                under, kind = music(n / SAMPLE_RATE, rng)[:n], MUSIC
                under = np.pad(under, (0, n - len(under)))
            else:
                under, kind = self.noise(rng, n), NOISE
            under = at_level(under, gain)
            samples += under
            frames = np.sqrt(np.square(under.reshape(-1, HOP)).mean(1))
            background[:, kind] = frames > AUDIBLE
        elif choice < 0.85:
            samples += noise(n, rng) * np.float32(decibels(rng.uniform(-90, -58)))

    def noise(self, rng: np.random.Generator, n: int) -> Samples:
        if rng.random() < 0.25:
            spectrum = np.fft.rfft(noise(n, rng))
            spectrum /= np.maximum(1.0, np.arange(len(spectrum))) ** rng.uniform(0, 1)
            return np.fft.irfft(spectrum, n).astype(np.float32)
        clip = self.material.noises[rng.integers(len(self.material.noises))]
        piece = self.material.samples(clip)
        start = int(rng.integers(0, max(1, len(piece) - n)))
        return np.resize(piece[start : start + n], n)

    def _channel(self, rng: np.random.Generator, samples: Samples) -> Samples:
        """Room, band limit, gain, clipping, over the whole scene."""
        if "rooms" in self.options.ideas and rng.random() < 0.3:
            samples = reverberant(samples, rng)
        if rng.random() < 0.12:
            samples = band_limit(samples, rng)
        if rng.random() < 0.3:
            samples = samples * np.float32(decibels(rng.uniform(-18, 10)))
        peak = float(np.abs(samples).max(initial=0.0))
        if rng.random() < 0.04:
            samples = samples * np.float32(rng.uniform(1, 8) / max(peak, 1e-3))
        elif peak > 1:
            samples = samples * np.float32(1 / peak)
        return np.clip(samples, -1, 1).astype(np.float32)


def _put(samples: Samples, piece: Samples, place: int) -> int:
    """Add a piece at a frame; returns the frame after it."""
    room = samples[place * HOP : place * HOP + len(piece)]
    room += piece[: len(room)]
    return min(len(samples) // HOP, place + -(-len(piece) // HOP))


def at_level(samples: Samples, wanted: float) -> Samples:
    """Samples with this root mean square."""
    return samples * np.float32(wanted / (level(samples) + 1e-9))


def stretched(samples: Samples, speed: float) -> Samples:
    """Samples played `speed` times as fast, which changes pitch and formants too."""
    place = np.arange(0, len(samples) - 1, speed)
    return np.interp(place, np.arange(len(samples)), samples).astype(np.float32)


def equalized(samples: Samples, rng: np.random.Generator) -> Samples:
    """Another microphone: a smooth random response of about 4 dB deviation."""
    frames = spectra(samples)
    response = np.exp(0.45 * wander(frames.shape[1], 0.04 * SAMPLE_RATE / frames.shape[1], rng))
    return overlap_add(frames * response.astype(np.float32), len(samples))


def reverberant(samples: Samples, rng: np.random.Generator) -> Samples:
    """A room: the direct sound and exponentially decaying noise, low-passed (Polack 1988)."""
    decay = rng.uniform(0.08, 0.6)
    n = int(decay * SAMPLE_RATE)
    tail = rng.standard_normal(n) * np.exp(-6.9 * np.arange(n) / n)
    tail = signal.lfilter([1], [1, -rng.uniform(0, 0.7)], tail)
    tail *= decibels(-rng.uniform(0, 18)) / np.sqrt(np.square(tail).sum())
    tail[: int(0.002 * SAMPLE_RATE)] = 0
    tail[0] = 1.0
    return signal.fftconvolve(samples, tail.astype(np.float32))[: len(samples)].astype(np.float32)


def vocoded(samples: Samples, rng: np.random.Generator) -> Samples:
    """Speech resynthesized by the source-filter voice, at another pitch or whispered: still speech."""
    frames = spectra(samples)
    magnitudes = np.abs(frames)
    envelopes, n = smooth_envelope(magnitudes, 36), len(samples)
    whisper = rng.random() < 0.25
    pitch = rng.uniform(80, 420) * semitones(2.5 * wander(n, 2, rng))
    low = magnitudes[:, 3:32].sum(1) / (magnitudes.sum(1) + 1e-6)
    voicing = np.interp(np.arange(n), np.linspace(0, n, len(frames)), np.clip(3 * low - 1, 0, 1))
    source = (
        noise(n, rng) if whisper else pulses(pitch, rng, jitter=0.01) * voicing + noise(n, rng) * (1 - 0.9 * voicing)
    )
    gains = np.exp(envelopes) * (np.abs(frames).mean(1) > 1e-4)[:, None]
    return normalized(overlap_add(spectra(source.astype(np.float32)) * gains.astype(np.float32), n))
