"""Scenes to train the speaker network on: short conversations mixed from clips, as spectra.

Powers of independent sounds add, and a room's late reverberation smears power over time, so everything is done on
mel-band powers: hundreds of times cheaper than on samples, and every scene has another channel. That matters because
most speakers have a single recording, whose channel must not be learned as their voice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.diarizer.network import ACTIVITIES, STRIDE
from hybrid_tok.nn.logmel import BANDS, FLOOR
from hybrid_tok.train.speaker.channel import band_limit, equalizer, late_reverberation
from hybrid_tok.train.speaker.data import Clip, Material

Power = NDArray[np.float32]

TALKERS = 2
"""Talkers whose embeddings are taken from a scene."""

IGNORED = -1
"""Label of a talker who does not talk alone for long enough."""

_NOTHING, _VOCAL, _ONE, _SEVERAL = range(len(ACTIVITIES))


_SHORTEST = 12
"""Frames that a talker must talk alone to be used for training."""
_POOLED = (15, 75)
"""Frames of a talker that are pooled, from and to."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene and its truth.

    Attributes:
        mel: (4 * frames, 64) log-mel.
        activity: (frames,) index into `ACTIVITIES`.
        masks: (TALKERS, frames), where each talker talks alone.
        speakers: (TALKERS,) their indices, or IGNORED.
    """

    mel: NDArray[np.float32]
    activity: NDArray[np.int64]
    masks: NDArray[np.float32]
    speakers: NDArray[np.int64]


_FLICKER = 2**18
"""Values of the table that noise is cut from: drawing noise each time would take longer than everything else."""


class SceneMaker:
    """Draws scenes of `frames` frames of the network (40 ms); the same generator state gives the same scene."""

    def __init__(self, material: Material, frames: int = 100) -> None:
        self._material, self._coarse, self._frames = material, frames, frames * STRIDE
        self._sources, self._shares = material.talker_shares()
        self._flicker = np.random.default_rng(0).gamma(2.0, 0.5, _FLICKER).astype(np.float32)

    def draw_pair(self, rng: np.random.Generator) -> tuple[Scene, Scene]:
        """Two scenes with the same talkers and different channels."""
        talkers = [self._talker(rng) for _ in range(2 if rng.random() < 0.7 else 1)]
        return self.draw(rng, talkers), self.draw(rng, talkers)

    def draw(self, rng: np.random.Generator, talkers: list[list[Clip]]) -> Scene:
        """One scene; each talker is given by their clips."""
        colours = [equalizer(rng, 1.0) * np.float32(10 ** rng.uniform(-0.8, 0)) for _ in talkers]
        power = np.zeros((self._frames, BANDS), np.float32)
        heard = np.zeros((len(talkers), self._frames), bool)
        vocal = np.zeros(self._frames, bool)
        cursor = int(rng.uniform(-1.0, 0.8) * 100)
        turn = int(rng.integers(len(talkers)))
        while cursor < self._frames:
            if rng.random() < 0.45 / 3:
                sound = self._vocal_sound(rng)
                sound *= np.float32(10 ** rng.uniform(-1.5, 0.3))
                _lay(np.add, power, sound, cursor)
                vocal[max(cursor, 0) : max(cursor + len(sound), 0)] = True
                cursor += len(sound) + int(rng.uniform(0, 50))
                continue
            speech, talking = self._speech(rng, talkers[turn], seconds=float(rng.choice([0.6, 1.2, 2.4, 4.0])))
            _lay(np.add, power, speech * colours[turn], cursor)
            _lay(np.logical_or, heard[turn], talking, cursor)
            gap = -rng.uniform(0.2, 1.8) if rng.random() < 0.4 else rng.uniform(0, 0.7)  # seconds to the next
            cursor += max(len(speech) + int(100 * gap), 10)
            turn = (turn + 1) % len(talkers) if rng.random() < 0.85 else turn
        mel = self._record(rng, power)
        return self._label(rng, mel, talkers, heard, vocal)

    def _label(
        self,
        rng: np.random.Generator,
        mel: Power,
        talkers: list[list[Clip]],
        heard: NDArray[np.bool_],
        vocal: NDArray[np.bool_],
    ) -> Scene:
        coarse = heard.reshape(len(talkers), self._coarse, STRIDE).mean(2) >= 0.5
        count = coarse.sum(0)
        activity = np.select([count > 1, count == 1], [_SEVERAL, _ONE], _NOTHING)
        activity[(count == 0) & (vocal.reshape(self._coarse, STRIDE).mean(1) >= 0.5)] = _VOCAL
        masks = np.zeros((TALKERS, self._coarse), np.float32)
        speakers = np.full(TALKERS, IGNORED, np.int64)
        for k, clips in enumerate(talkers):
            alone = np.flatnonzero(coarse[k] & (count == 1))
            if len(alone) >= _SHORTEST:
                length = int(rng.integers(_POOLED[0], _POOLED[1] + 1))
                first = int(rng.integers(max(len(alone) - length, 0) + 1))
                masks[k, alone[first : first + length]] = 1.0
                speakers[k] = IGNORED if clips[0].speaker is None else clips[0].speaker
        return Scene(mel, activity.astype(np.int64), masks, speakers)

    def _talker(self, rng: np.random.Generator) -> list[Clip]:
        people = self._material.speakers[self._sources[int(rng.choice(len(self._sources), p=self._shares))]]
        return people[int(rng.integers(len(people)))]

    def _speech(self, rng: np.random.Generator, clips: list[Clip], seconds: float) -> tuple[Power, NDArray[np.bool_]]:
        """Some of a talker's speech, at a mean power of one while talking, and where it is speech."""
        clip = clips[int(rng.integers(len(clips)))]
        talking = np.asarray(self._material.talking[clip.start : clip.end])
        places = np.flatnonzero(talking)
        length = int(seconds * 100 * rng.uniform(0.6, 1.3))
        start = int(places[int(rng.integers(max(1, len(places) - length)))])
        part = slice(start, min(start + length, int(places[-1]) + 1))
        power = self._power(clip.start + part.start, clip.start + part.stop)
        return power / max(float(power[talking[part]].mean()), 1e-6), talking[part]

    def _power(self, start: int, end: int) -> Power:
        # Rounded to 16 bits, silence may be a little below the floor that was added to it.
        return np.maximum(np.exp(self._material.spectra[start:end].astype(np.float32)) - np.float32(FLOOR), 0)

    def _vocal_sound(self, rng: np.random.Generator) -> Power:
        """A recorded cough, sneeze or baby's cry, or a laugh or moan made from speech."""
        if self._material.vocal and rng.random() < 0.3:
            clip = self._material.vocal[int(rng.integers(len(self._material.vocal)))]
            length = min(clip.end - clip.start, int(rng.uniform(60, 300)))
            start = clip.start + int(rng.integers(clip.end - clip.start - length + 1))
            sound = self._power(start, start + length)
            return _unit(sound)
        speech, _ = self._speech(rng, self._talker(rng), 1.5)
        level = speech.mean(1)
        centre = int(np.argmax(level)) if rng.random() < 0.7 else int(rng.integers(len(level)))
        kind = rng.random()
        if kind < 0.45:
            return _laugh(rng, speech, centre)
        return _held(rng, speech, centre) if kind < 0.8 else _breath(rng)

    def _record(self, rng: np.random.Generator, power: Power) -> NDArray[np.float32]:
        """The sound as recorded in a room: reverberation, noise, channel, level."""
        if rng.random() < 0.6:
            power = power + late_reverberation(rng, power, -4)
        if rng.random() < 0.7:
            power = power + self._noise(rng) * np.float32(10 ** (-rng.uniform(3, 35) / 10))
        power = power * equalizer(rng, 2.0)
        if rng.random() < 0.25:
            power = power * band_limit(rng)
        power = power * np.float32(10 ** rng.uniform(-4.5, 1.0))
        return np.log(power + np.float32(FLOOR * 10 ** rng.uniform(0, 1)))

    def _noise(self, rng: np.random.Generator) -> Power:
        clips = self._material.noise
        if clips and rng.random() < 0.5:
            clip = clips[int(rng.integers(len(clips)))]
            start = clip.start + int(rng.integers(max(1, clip.end - clip.start - self._frames)))
            noise = self._power(start, min(start + self._frames, clip.end))
            noise = np.resize(noise, (self._frames, BANDS))
        else:
            start = int(rng.integers(_FLICKER - self._frames * BANDS))
            noise = self._flicker[start : start + self._frames * BANDS].reshape(self._frames, BANDS)
            noise = noise * np.exp(np.linspace(0, -rng.uniform(0, 6), BANDS)).astype(np.float32)
        return noise * equalizer(rng, 1.5) / max(float(noise.mean()), 1e-9)


def _lay(join: np.ufunc, scene: NDArray[Any], sound: NDArray[Any], start: int) -> None:
    """Add or join a sound to a scene, as far as it fits, in place."""
    a, b = max(start, 0), min(start + len(sound), len(scene))
    if a < b:
        join(scene[a:b], sound[a - start : b - start], out=scene[a:b])


def _laugh(rng: np.random.Generator, speech: Power, centre: int) -> Power:
    """A vowel's spectrum in bursts, four to six a second, with breath between them."""
    vowel = speech[max(0, centre - 4) : centre + 4]
    period = int(rng.uniform(15, 28))
    voiced = int(period * rng.uniform(0.35, 0.7))
    bursts = int(rng.integers(3, 13))
    out = np.zeros((period * bursts, BANDS), np.float32)
    breath = _breath_shape(rng) * np.float32(10 ** rng.uniform(-3, -0.5))
    for k in range(bursts):
        frames = _stretch(_shift(vowel, rng.normal(3, 3)), voiced)
        envelope = np.hanning(voiced + 2)[1:-1, None] * 10 ** (-rng.uniform(0, 0.12) * k)
        out[k * period : k * period + voiced] += frames * envelope.astype(np.float32)
    return _unit(np.asarray(out + breath * rng.gamma(2.0, 0.5, out.shape), np.float32))


def _held(rng: np.random.Generator, speech: Power, centre: int) -> Power:
    """A vowel far longer than in speech, gliding: moans, yawns, screams, whining; sometimes repeated."""
    length = int(rng.uniform(40, 220))
    vowel = _stretch(speech[max(0, centre - 5) : centre + 5], length)
    start, end = rng.normal(2, 6, 2)
    glide = np.linspace(start, end, length) + rng.normal(0, 1) * np.sin(np.linspace(0, rng.uniform(0, 30), length))
    out = _shift(vowel, glide[:, np.newaxis])
    envelope = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / rng.uniform(5, 40))
    out = out * envelope[:, None].astype(np.float32)
    if rng.random() < 0.3:
        out = np.concatenate([out, np.zeros((int(rng.uniform(5, 40)), BANDS), np.float32), out[: length // 2 + 1]])
    return _unit(out * rng.gamma(6.0, 1 / 6, out.shape).astype(np.float32))


def _breath(rng: np.random.Generator) -> Power:
    """Shaped noise that swells and fades: breaths, sighs, gasps."""
    length = int(rng.uniform(20, 130))
    peak = rng.uniform(0.2, 0.8)
    time = np.linspace(0, 1, length)
    envelope = np.interp(time, [0, peak, 1], [0.02, 1, 0.02])[:, None] ** rng.uniform(0.7, 2)
    noise = rng.gamma(2.0, 0.5, (length, BANDS)) * envelope * _breath_shape(rng)
    return _unit(np.asarray(noise, np.float32)) * np.float32(10 ** rng.uniform(-1.5, 0))


def _breath_shape(rng: np.random.Generator) -> NDArray[np.float32]:
    """A few broad resonances over a falling slope."""
    band = np.arange(BANDS)
    shape = -band * rng.uniform(0, 0.08)
    for _ in range(rng.integers(1, 4)):
        shape = shape + rng.uniform(1, 4) * np.exp(-(((band - rng.uniform(10, 60)) / rng.uniform(2, 8)) ** 2))
    return np.exp(shape).astype(np.float32)


def _stretch(frames: Power, length: int) -> Power:
    """Frames repeated back and forth to a given length."""
    there_and_back = np.concatenate([frames, frames[::-1]])
    return np.resize(there_and_back, (length, BANDS))


def _shift(frames: Power, bands: float | NDArray[np.float64]) -> Power:
    """Spectra moved up by some bands, one number or (T, 1): a higher pitch and a shorter vocal tract."""
    position = np.broadcast_to(np.clip(np.arange(BANDS) - bands, 0, BANDS - 1), frames.shape)
    low = np.minimum(position.astype(int), BANDS - 2)
    share = (position - low).astype(np.float32)
    below, above = (np.take_along_axis(frames, index, axis=1) for index in (low, low + 1))
    return np.asarray(below * (1 - share) + above * share, np.float32)


def _unit(sound: Power) -> Power:
    return sound / max(float(np.sort(sound.mean(1))[-30:].mean()), 1e-6)
