"""What Kokoro speaks at random points of the voice space: the data that the estimator is fitted on.

Texts are spoken by a few published voices' prosody, and their contours kept: a clip is a stretch of one, with another
timbre, pitch and pitch range. That needs the vocoder alone, and has as many voices as clips.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio import read_mono, resample, write_wav
from hybrid_tok.backends.kokoro_graphs import SAMPLE_RATE, Contours, KokoroGraphs
from hybrid_tok.backends.kokoro_text import chunks_of
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.languages import writes_spaces
from hybrid_tok.core.spacing import split_words
from hybrid_tok.errors import OptionsError
from hybrid_tok.phonemes import IpaReader, phonemize
from hybrid_tok.voice.space import CLEAREST, TIMBRE, VoiceSpace

RATE = 16_000
COMPONENTS = 32
"""Of the timbres that points vary in; what is beyond them counts as chance."""

SPREAD = 1.3
"""Deviation of the points relative to that of the published voices, whose region is too small for real speakers."""

_PUBLISHED = 6
"""One clip in so many is a published voice."""

_FRAMES = 110
"""Of 25 ms per clip."""

_OF_SEX = 12
"""Coordinates that tell men's voices from women's."""

_INDEX = "points.jsonl"
_MALE, _FEMALE = 115.0, 200.0
_PITCHES = (75.0, 330.0)
"""Hz."""


@dataclass(frozen=True, slots=True, eq=False)
class Rendering:
    """A clip.

    Attributes:
        samples: (N,), 16 kHz.
        point: (components,), its coordinates.
    """

    samples: NDArray[np.float32]
    point: NDArray[np.float64]


class Speaker:
    """Kokoro, with the styles of a voice space."""

    def __init__(self, space: VoiceSpace, ipa: IpaReader, threads: int = 1) -> None:
        self.space = space
        self._graphs, self._ipa = KokoroGraphs(threads), ipa

    def read(self, text: str, language: str = "en") -> list[int]:
        """The tokens of a text, as Kokoro takes them.

        Raises:
            OptionsError: it is too long, or nothing in it can be spoken.
        """
        phonemes = phonemize(split_words(text, language), language, self._ipa)
        if writes_spaces(language):
            phonemes = tuple(f"{word} " for word in phonemes)
        chunks = chunks_of(phonemes)
        if len(chunks) != 1:
            raise OptionsError(f"{text[:40]!r} cannot be spoken in one go")
        return [0, *(token.number for token in chunks[0]), 0]

    def contours(self, tokens: Sequence[int], voice: str) -> Contours:
        """How a published voice says them."""
        style = self.space.style({voice: 1.0}, len(tokens) - 2)
        frames = np.maximum(np.rint(self._graphs.durations(tokens, style)), 1).astype(np.int64)
        return self._graphs.contours(tokens, style, frames)

    def speak(self, contours: Contours, style: NDArray[np.float32]) -> NDArray[np.float32]:
        """Samples at 16 kHz."""
        return resample(Audio(self._graphs.speak(contours, style), SAMPLE_RATE), RATE).samples


def render(
    speaker: Speaker, texts: Sequence[str], folder: Path, count: int, seed: int, tell: Callable[[str], None]
) -> None:
    """Speak clips into a folder until it has `count`; those that it has stay."""
    folder.mkdir(parents=True, exist_ok=True)
    spoken: dict[int, tuple[int, Contours]] = {}
    points, space = Points(speaker.space), speaker.space
    with (folder / _INDEX).open("a", encoding="utf-8") as index:
        for number in range(len(_lines(folder)), count):
            rng = np.random.default_rng([seed, number])
            point = points.draw(rng, published=number % _PUBLISHED == _PUBLISHED - 1)
            text = int(rng.integers(len(texts)))
            voice = CLEAREST[text % len(CLEAREST)]
            if text not in spoken:
                tokens = speaker.read(texts[text])
                spoken[text] = len(tokens) - 2, speaker.contours(tokens, voice)
            phonemes, contours = spoken[text]
            style = np.concatenate([space.timbre(point, phonemes), space.style({voice: 1.0}, phonemes)[TIMBRE:]])
            samples = speaker.speak(_stretch(contours, points.pitch(point, rng), rng), style)
            write_wav(folder / f"{number:04d}.wav", Audio(samples, RATE), clip=True)
            index.write(json.dumps({"point": [round(value, 5) for value in point.tolist()]}) + "\n")
            index.flush()
            if number % 50 == 0:
                tell(f"{number} of {count} clips spoken")


def read_renderings(folder: Path) -> Iterator[Rendering]:
    """The clips of a folder."""
    for index, line in enumerate(_lines(folder)):
        audio, _ = read_mono(folder / f"{index:04d}.wav", RATE)
        yield Rendering(audio.samples, np.array(line["point"]))


class Points:
    """Draws points of a space, and a pitch that someone with that timbre may have."""

    def __init__(self, space: VoiceSpace) -> None:
        timbres = space.styles[:, :TIMBRE].astype(np.float64)
        self._published = (timbres - timbres.mean(axis=0)) @ np.linalg.pinv(space.basis.astype(np.float64))
        female = np.array([name[1] == "f" for name in space.names], np.float64)
        known = np.column_stack([self._published[:, :_OF_SEX], np.ones(len(female))])
        self._female = np.linalg.lstsq(known, female, rcond=None)[0]

    def draw(self, rng: np.random.Generator, published: bool) -> NDArray[np.float64]:
        if published:
            return self._published[rng.integers(len(self._published))]
        return SPREAD * rng.standard_normal(self._published.shape[1])

    def pitch(self, point: NDArray[np.float64], rng: np.random.Generator) -> float:
        """Median pitch in Hz: that of men or women, as the timbre is, give or take three semitones."""
        female = float(np.clip(point[:_OF_SEX] @ self._female[:-1] + self._female[-1], -0.2, 1.2))
        pitch = _MALE * (_FEMALE / _MALE) ** female * 2.0 ** (rng.normal(0.0, 3.0) / 12.0)
        return float(np.clip(pitch, *_PITCHES))


def _stretch(contours: Contours, pitch: float, rng: np.random.Generator) -> Contours:
    """A stretch of a text, at another pitch and with another range."""
    frames = contours.encoding.shape[2]
    start = int(rng.integers(0, max(1, frames - _FRAMES + 1)))
    part = slice(2 * start, 2 * (start + _FRAMES))
    curve = contours.pitch[part].copy()
    voiced = curve > 20.0
    liveliness = float(np.exp(rng.normal(0.0, 0.25)))
    if voiced.any():
        middle = np.exp(np.log(curve[voiced]).mean())
        curve[voiced] = pitch * (curve[voiced] / middle) ** liveliness
    encoding = np.ascontiguousarray(contours.encoding[:, :, start : start + _FRAMES])
    return replace(contours, encoding=encoding, pitch=curve, energy=contours.energy[part].copy())


def _lines(folder: Path) -> list[dict[str, Any]]:
    path = folder / _INDEX
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []
