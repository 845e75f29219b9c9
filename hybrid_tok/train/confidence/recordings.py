"""Recordings to learn confidence from: clips with transcripts, vocal events and noises, alone and composed.

A recognizer meets whole conversations: speech of several people with pauses, laughter and noise between. Composed
recordings are like that, with known words; sounds without words teach what a recognizer imagines there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from hybrid_tok.audio import read_mono
from hybrid_tok.core.events import EventLabel
from hybrid_tok.core.manifest import Clip, read_manifest
from hybrid_tok.train.events.material import load_material
from hybrid_tok.train.events.scenes import Composer, SceneOptions
from hybrid_tok.train.events.source_filter import SAMPLE_RATE, Samples, level

LANGUAGE_OF = {"aishell1": "zh"}
"""Language of a source; all others are English."""

SOUNDS = ("recorded sounds", "simulated sounds")
"""Kinds of recordings without words."""

_EVENTS: dict[EventLabel, float] = {
    "laugh": 0.3,
    "cry": 0.14,
    "cough": 0.14,
    "scream": 0.1,
    "moan": 0.08,
    "sigh": 0.07,
    "sneeze": 0.05,
    "throat_clear": 0.05,
    "yawn": 0.04,
    "other": 0.03,
}


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """A recording with what is said in it; nothing, in a sound without words."""

    samples: Samples
    text: str
    language: str
    kind: str


def draw_recordings(data: Path, cache: Path, composed: int, seed: int) -> Iterator[Spoken]:
    """Recordings from a folder of training clips, always in the same order.

    Args:
        composed: how many conversations to compose; each source's clips alone come besides.
    """
    entries = read_manifest(data)
    rng = np.random.default_rng(seed)
    for source, count in (("speechocean762", 500), ("aishell1", 160), ("speech-commands", 60)):
        clips = [entry for entry in entries if entry.source == source and entry.text]
        for index in rng.permutation(len(clips))[:count]:
            yield _clip(clips[index], source)
    for entry in entries:
        if entry.label and (entry.source != "covid19-cough" or rng.random() < 0.5):
            yield Spoken(_read(entry), "", "en", "recorded sounds")
    material, _ = load_material(data, cache)
    composer = Composer(material, SceneOptions())
    for _ in range(composed // 2):
        yield Spoken(_sounds(composer, rng), "", "en", "simulated sounds")
    for _ in range(composed):
        yield _conversation(entries, composer, rng)


def _clip(entry: Clip, source: str) -> Spoken:
    return Spoken(_read(entry), entry.text or "", LANGUAGE_OF.get(source, "en"), source)


def _read(entry: Clip) -> Samples:
    return read_mono(entry.path, SAMPLE_RATE)[0].samples


def _sounds(composer: Composer, rng: np.random.Generator) -> Samples:
    """One to three vocal events, with silence around them."""
    pieces: list[Samples] = []
    for _ in range(int(rng.integers(1, 4))):
        pieces += [_silence(rng, 0.2, 1.5), _event(composer, rng, 10 ** (float(rng.uniform(-34, -14)) / 20))]
    return np.concatenate([*pieces, _silence(rng, 0.2, 1.0)])


def _conversation(entries: list[Clip], composer: Composer, rng: np.random.Generator) -> Spoken:
    """Clips of one language with pauses, events and noise between and beneath them, in a room."""
    mandarin = rng.random() < 0.2
    sources = ("aishell1",) if mandarin else ("speechocean762",) * 5 + ("speech-commands",)
    pieces, texts = [_silence(rng, 0.0, 1.0)], []
    for _ in range(int(rng.integers(5, 14))):
        source = sources[int(rng.integers(len(sources)))]
        clips = [entry for entry in entries if entry.source == source and entry.text]
        clip = clips[int(rng.integers(len(clips)))]
        gain = 10 ** (float(rng.uniform(-32, -16)) / 20)
        samples = _read(clip)
        pieces.append(samples * np.float32(gain / (level(samples) + 1e-9)))
        texts.append(clip.text or "")
        if rng.random() < 0.4:
            pieces += [_silence(rng, 0.0, 0.8), _event(composer, rng, gain * 10 ** (float(rng.uniform(-8, 6)) / 20))]
        pieces.append(_silence(rng, 0.05, 1.6))
    samples = np.concatenate(pieces)
    if rng.random() < 0.4:
        samples = _in_room(samples, rng)
    if rng.random() < 0.5:
        noise = composer.noise(rng, len(samples))
        samples = samples + noise * np.float32(level(samples) * 10 ** (-float(rng.uniform(6, 35)) / 20) / level(noise))
    peak = float(np.abs(samples).max())
    return Spoken(
        (samples / max(peak, 1.0)).astype(np.float32), " ".join(texts), "zh" if mandarin else "en", "conversation"
    )


def _event(composer: Composer, rng: np.random.Generator, gain: float) -> Samples:
    labels = list(_EVENTS)
    label = labels[int(rng.choice(len(labels), p=np.array(list(_EVENTS.values())) / sum(_EVENTS.values())))]
    sound = composer.sound(label, rng)
    return (sound * np.float32(gain / (level(sound) + 1e-9))).astype(np.float32)


def _silence(rng: np.random.Generator, low: float, high: float) -> Samples:
    samples = rng.normal(0.0, 1e-4, int(rng.uniform(low, high) * SAMPLE_RATE))
    return samples.astype(np.float32)


def _in_room(samples: Samples, rng: np.random.Generator) -> Samples:
    """The samples with exponentially decaying reverberation of 0.15 to 0.6 s."""
    seconds = float(rng.uniform(0.15, 0.6))
    count = int(seconds * SAMPLE_RATE)
    tail = rng.normal(0.0, 1.0, count) * np.exp(-6.9 * np.arange(count) / count)
    tail[0] = 0.0
    response = tail * (float(rng.uniform(0.1, 0.6)) / np.sqrt(np.square(tail).sum()))
    response[0] = 1.0
    return fftconvolve(samples, response)[: len(samples)].astype(np.float32)
