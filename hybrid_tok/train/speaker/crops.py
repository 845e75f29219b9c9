"""Crops for training embeddings: a batch of many speakers, each twice, each time over another channel.

Embeddings need far more examples than activity does, and no composed scenes: one talker each, all of one length, so
that a whole batch is mixed in a few array operations on mel-band powers. A step of the recipe then costs little more
than the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.diarizer.network import STRIDE
from hybrid_tok.nn.logmel import BANDS, FLOOR
from hybrid_tok.train.speaker.channel import band_limit, equalizer, late_reverberation
from hybrid_tok.train.speaker.data import Clip, Material

Power = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """A batch; crop 2 p and crop 2 p + 1 are of one speaker.

    Attributes:
        mel: (2 * people, 4 * frames, 64) float32, log-mel.
        masks: (2 * people, frames) float32, where the talker talks.
        speakers: (2 * people,) index of the speaker.
    """

    mel: NDArray[np.float32]
    masks: NDArray[np.float32]
    speakers: NDArray[np.int64]


_TABLE = 2048
"""Channels in the table that crops draw theirs from."""
_ROOMS = 8
"""Different rooms per batch."""


class CropMaker:
    """Draws batches; the same generator state gives the same batch.

    Args:
        people: speakers in a batch; each has two crops.
        seconds: length of a batch's crops, from and to.
    """

    def __init__(self, material: Material, people: int = 64, seconds: tuple[float, float] = (1.2, 3.0)) -> None:
        self._material, self._wanted, self._seconds = material, people, seconds
        self._sources, self._shares = material.talker_shares()
        rng = np.random.default_rng(0)
        self._channels = np.stack([equalizer(rng, 0.5) for _ in range(_TABLE)])
        self._bands = np.stack([band_limit(rng) for _ in range(_TABLE)])
        self._flicker = rng.gamma(2.0, 0.5, 2**20).astype(np.float32)
        self._slopes = np.exp(np.linspace(0, -1, BANDS) * rng.uniform(0, 6, (_TABLE, 1))).astype(np.float32)

    def draw(self, rng: np.random.Generator) -> Crops:
        """One batch."""
        frames = round(rng.uniform(*self._seconds) * 100 / STRIDE)
        people = self._people(rng)
        count = 2 * len(people)
        mel = np.full((count, frames * STRIDE, BANDS), np.log(FLOOR), np.float32)
        talking = np.zeros((count, frames * STRIDE), bool)
        for p, clips in enumerate(people):
            for row, (start, end) in zip((2 * p, 2 * p + 1), self._places(rng, clips, frames * STRIDE), strict=True):
                mel[row, : end - start] = self._material.spectra[start:end]
                talking[row, : end - start] = self._material.talking[start:end]
        power = np.maximum(np.exp(mel) - np.float32(FLOOR), 0)
        level = (power.mean(2) * talking).sum(1) / np.maximum(talking.sum(1), 1)
        power /= np.maximum(level, 1e-6)[:, None, None]
        heard = self._record(rng, power)
        masks = (talking.reshape(count, frames, STRIDE).mean(2) >= 0.5).astype(np.float32)
        masks[masks.sum(1) == 0] = 1.0
        speakers = np.repeat([clips[0].speaker or 0 for clips in people], 2)
        return Crops(heard, masks, speakers.astype(np.int64))

    def _people(self, rng: np.random.Generator) -> list[list[Clip]]:
        """Different speakers, each given by their clips; small data may have fewer than `people`."""
        wanted = rng.multinomial(self._wanted, self._shares)
        found: list[list[Clip]] = []
        for source, number in zip(self._sources, wanted, strict=True):
            everyone = self._material.speakers[source]
            chosen = rng.permutation(len(everyone))[:number]
            found += [everyone[int(k)] for k in chosen]
        return found

    def _places(self, rng: np.random.Generator, clips: list[Clip], length: int) -> list[tuple[int, int]]:
        """Two crops of a speaker: of two recordings if there are two, else of the two halves of the one."""
        if len(clips) > 1:
            return [self._within(rng, clips[int(k)], length) for k in rng.permutation(len(clips))[:2]]
        clip = clips[0]
        middle = (clip.start + clip.end) // 2
        halves = [Clip(clip.start, middle, clip.speaker), Clip(middle, clip.end, clip.speaker)]
        return [self._within(rng, halves[int(k)], length) for k in rng.permutation(2)]

    def _within(self, rng: np.random.Generator, clip: Clip, length: int) -> tuple[int, int]:
        """A stretch of a clip, of at most `length` frames, that begins and (if possible) ends in speech."""
        places = np.flatnonzero(self._material.talking[clip.start : clip.end])
        if len(places) == 0:
            return clip.start, min(clip.end, clip.start + length)
        first, last = int(places[0]), int(places[-1]) + 1
        start = first + int(rng.integers(max(1, last - first - length + 1)))
        return clip.start + start, clip.start + min(last, start + length)

    def _record(self, rng: np.random.Generator, power: Power) -> NDArray[np.float32]:
        """Room, other sounds, channel, band and level of each crop; (n, T, 64) powers to log-mel."""
        count = len(power)
        out = power.copy()
        for room in np.array_split(rng.permutation(count), _ROOMS):
            if rng.random() < 0.4 and len(room):
                out[room] += late_reverberation(rng, power[room], -2)
        chosen = np.flatnonzero(rng.random(count) < 0.15)  # another speaker of the batch in the background
        if len(chosen):
            level = 10 ** (-rng.uniform(8, 25, (len(chosen), 1, 1)) / 10)
            out[chosen] += power[(chosen + count // 2 + 1) % count] * level.astype(np.float32)
        for row in np.flatnonzero(rng.random(count) < 0.5):
            level = np.float32(10 ** (-rng.uniform(5, 35) / 10))
            out[row] += self._noise(rng, power.shape[1]) * level
        gain = self._channels[rng.integers(_TABLE, size=count)] * np.where(
            rng.random((count, 1)) < 0.2, self._bands[rng.integers(_TABLE, size=count)], np.float32(1)
        )
        gain *= 10 ** rng.uniform(-4.5, 1.0, (count, 1)).astype(np.float32)
        out *= gain[:, None, :]
        floor = np.float32(FLOOR) * 10 ** rng.uniform(0, 1, (count, 1, 1)).astype(np.float32)
        return np.log(out + floor)

    def _noise(self, rng: np.random.Generator, length: int) -> Power:
        """Noise (length, 64) at a mean power of one: recorded, or shaped at random."""
        clips = self._material.noise
        if clips and rng.random() < 0.6:
            clip = clips[int(rng.integers(len(clips)))]
            start = clip.start + int(rng.integers(max(1, clip.end - clip.start - length)))
            noise = np.exp(self._material.spectra[start : min(start + length, clip.end)].astype(np.float32))
            noise = np.resize(noise, (length, BANDS))
        else:
            start = int(rng.integers(len(self._flicker) - length * BANDS))
            noise = self._flicker[start : start + length * BANDS].reshape(length, BANDS)
            noise = noise * self._slopes[int(rng.integers(_TABLE))]
        return (noise / max(float(noise.mean()), 1e-9)).astype(np.float32)
