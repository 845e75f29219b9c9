"""Speech by Kokoro-82M (https://huggingface.co/hexgrad/Kokoro-82M), by onnxruntime: a human voice, like the speaker's.

    words -> phonemes -> durations -> pitch, energy -> samples
                         to places,   to the speaker's level
                         or the       and range, and to each
                         speaker's    word's delivery
                         rate

StyleTTS 2 (Li et al. 2023) with an ISTFTNet vocoder, 82 million parameters. Its input is a style: 128 numbers for the
timbre, 128 for how it is said. A voice code gives the timbre (see `voice.space`); durations and pitch are set between
the three graphs of `kokoro_graphs`, so that a phrase lasts what it lasted and has the speaker's pitch without any
change to the samples afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.espeak_phonemes import EspeakPhonemes
from hybrid_tok.backends.kokoro_graphs import FRAME_SAMPLES, SAMPLE_RATE, KokoroGraphs
from hybrid_tok.backends.kokoro_pitch import Melody, move_pitch, voice_syllables
from hybrid_tok.backends.kokoro_text import Token, chunks_of, syllables_of
from hybrid_tok.backends.kokoro_timing import (
    Chunk,
    Piece,
    free_frames,
    locked_frames,
    phrase_places,
    phrases_of_words,
    pieces_of,
)
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.languages import writes_spaces
from hybrid_tok.core.model_files import MODELS
from hybrid_tok.core.utterance import Speech, Utterance
from hybrid_tok.phonemes import phonemize
from hybrid_tok.voice.code import dequantize
from hybrid_tok.voice.space import TIMBRE, parse_mixture, voice_space

_LEAD = 14
"""Frames of silence before a chunk, Kokoro's own choice: with fewer its first sounds are lost."""

_TAIL = 18
"""Frames of silence after a chunk: with fewer pitch and level of the last word fall to nothing before its end."""

_AHEAD = 3
"""Frames (75 ms) by which Kokoro's sounds come before the frames of their tokens, as forced alignment finds them."""

_MARGIN = 2
"""Frames (50 ms) that are vocoded before and after a chunk's sounds; the rest of lead and tail is left out."""

_FADE = 0.01
"""Seconds over which speech is faded in and out where a pause is put in."""

_RATES = (0.6, 1.8)
"""Limits of a speaker's rate relative to Kokoro's own."""

_RANGES = (0.4, 2.0)
"""Limits of a speaker's pitch range relative to Kokoro's own."""


class KokoroSynthesizer:
    """A `Synthesizer`. The same utterance gives the same samples, whatever was spoken before.

    Phrases lie in their places to 12.5 ms, whole utterances exactly. A voice is a voice code, or a published voice or
    a mixture of some ("af_heart:0.6+am_onyx:0.4").
    """

    def __init__(self, threads: int | None = None, device: str = "cpu") -> None:
        """Args:
            threads: of onnxruntime; None is `thread_count()`.
            device: "cpu", "cuda" or "cuda:N".

        Raises:
            ModelError: Kokoro's model is not on this machine.
            BackendError: onnxruntime or onnx is missing.
        """
        self._graphs = KokoroGraphs(threads, device)
        self._ipa = EspeakPhonemes()

    @property
    def name(self) -> str:
        return "kokoro"

    @property
    def fingerprint(self) -> str:
        return f"kokoro-{MODELS['kokoro'].files[0].sha256[:16]}:{voice_space().fingerprint}"

    @property
    def sample_rate(self) -> int:
        return SAMPLE_RATE

    def synthesize(self, utterance: Utterance) -> Speech:
        """Speak an utterance, mono at 24 kHz.

        Raises:
            BackendError: the language cannot be read, or its reader is missing.
            OptionsError: no such voice, or a mixture that is none.
            ValueError: the voice code is none.
        """
        voice = _voice(utterance)
        chunks = [self._prepare(tokens, voice) for tokens in chunks_of(self._read(utterance))]
        if not chunks:
            return Speech.silent(utterance, SAMPLE_RATE)
        place = utterance.span
        frames = locked_frames(utterance, chunks) if place else free_frames(utterance, chunks, voice.rate)
        pieces_of_chunks = _place(utterance, chunks, frames)
        last = pieces_of_chunks[-1][-1]
        own_length = (last.place + last.end - last.start) * FRAME_SAMPLES
        length = utterance.samples_of(place, SAMPLE_RATE)[1] if place else own_length
        margin = _MARGIN * FRAME_SAMPLES
        samples = np.zeros(length + 2 * margin, np.float32)
        words: dict[int, tuple[int, int]] = {}
        for chunk, lasting, pieces in zip(chunks, frames, pieces_of_chunks, strict=True):
            spoken, ranges = self._speak(chunk, lasting, voice, utterance)
            for piece, sound in zip(pieces, _cut(spoken, pieces), strict=True):
                first = (piece.place + (_MARGIN if piece.start else 0)) * FRAME_SAMPLES
                end = min(first + len(sound), len(samples))
                samples[first:end] += sound[: max(0, end - first)]
                moved = (piece.place - piece.start) * FRAME_SAMPLES
                for word, (low, high) in ranges.items():
                    if piece.start <= low // FRAME_SAMPLES - _MARGIN < piece.end:
                        words[word] = (min(low + moved, len(samples)), min(high + moved, len(samples)))
        return Speech(
            Audio(samples, SAMPLE_RATE),
            (margin, margin + length),
            _ranges(words, len(utterance.words), margin),
        )

    def close(self) -> None:
        """Stop the process that reads words; it starts again when needed."""
        self._ipa.close()

    def _read(self, utterance: Utterance) -> tuple[str, ...]:
        """The phonemes of each word, with a space after it where the language has one."""
        phonemes = phonemize(utterance.words, utterance.language, self._ipa)
        return tuple(f"{text} " for text in phonemes) if writes_spaces(utterance.language) else phonemes

    def _prepare(self, tokens: list[Token], voice: _Voice) -> Chunk:
        style = voice.style(len(tokens))
        return Chunk(tokens, style, self._graphs.durations(_numbers(tokens), style)[1:-1])

    def _speak(
        self, chunk: Chunk, frames: NDArray[np.int64], voice: _Voice, utterance: Utterance
    ) -> tuple[NDArray[np.float32], dict[int, tuple[int, int]]]:
        """Samples of a chunk with its margins, and the range of each of its words in them."""
        lasting = np.concatenate([[_LEAD], frames, [_TAIL]])
        contours = self._graphs.contours(_numbers(chunk.tokens), chunk.style, lasting)
        contours = contours.without(_LEAD - _AHEAD - _MARGIN, _TAIL - _AHEAD - _MARGIN)
        ends = _MARGIN + np.cumsum(frames)
        words: dict[int, tuple[int, int]] = {}
        for token, end, count in zip(chunk.tokens, ends.tolist(), frames.tolist(), strict=True):
            if not token.pause:
                words[token.word] = (words.get(token.word, (end - count, 0))[0], end)
        borders = [(2 * (end - count), 2 * end) for end, count in zip(ends.tolist(), frames.tolist(), strict=True)]
        curve = voice_syllables(contours.pitch, contours.energy, syllables_of(chunk.tokens, borders))
        deliveries = utterance.deliveries
        delivered = [deliveries[word] for word in words] if any(deliveries) else []
        pitch = move_pitch(
            curve,
            contours.energy,
            voice.melody,
            words=[(2 * start, 2 * end) for start, end in words.values()] if delivered else [],
            deliveries=delivered,
        )
        samples = self._graphs.speak(replace(contours, pitch=pitch), chunk.style)
        return samples, {word: (a * FRAME_SAMPLES, b * FRAME_SAMPLES) for word, (a, b) in words.items()}


@dataclass(frozen=True, slots=True)
class _Voice:
    """How an utterance is spoken.

    Attributes:
        mixture: of published voices: all of the style, or only its prosody where `timbre` is given.
        timbre: a point of the voice space; None for a mixture that is spoken as it is.
        own_share: of the timbre that is the mixture's own all the same.
        melody: where its pitch is moved to; None leaves it.
        rate: relative to Kokoro's own.
    """

    mixture: Mapping[str, float]
    timbre: tuple[float, ...] | None = None
    own_share: float = 0.0
    melody: Melody | None = None
    rate: float = 1.0

    def style(self, phonemes: int) -> NDArray[np.float32]:
        """The style (256,) for so many phonemes."""
        space = voice_space()
        style = space.style(self.mixture, phonemes)
        if self.timbre is not None:
            style[:TIMBRE] *= self.own_share
            style[:TIMBRE] += (1.0 - self.own_share) * space.timbre(self.timbre, phonemes)
        return style


def _numbers(tokens: Sequence[Token]) -> list[int]:
    """Kokoro's input: silence before and after."""
    return [0, *(token.number for token in tokens), 0]


def _voice(utterance: Utterance) -> _Voice:
    space, language, voice = voice_space(), utterance.language, utterance.voice
    if voice is None or isinstance(voice, str):
        return _Voice(parse_mixture(voice) if voice else {space.default(language, utterance.speaker): 1.0})
    traits = dequantize(voice)
    prosody = space.prosody(language, traits.pitch)
    livelier = min(max(traits.pitch_range / prosody.pitch_range, _RANGES[0]), _RANGES[1])
    return _Voice(
        mixture={prosody.voice: 1.0},
        timbre=traits.timbre,
        own_share=prosody.timbre_share,
        melody=Melody(prosody.pitch, traits.pitch, livelier),
        rate=min(max(traits.rate / prosody.rate, _RATES[0]), _RATES[1]),
    )


def _cut(spoken: NDArray[np.float32], pieces: Sequence[Piece]) -> list[NDArray[np.float32]]:
    """The samples of each piece, faded where it is cut; the first and last with the margin there is."""
    inner = [(_MARGIN + piece.start) * FRAME_SAMPLES for piece in pieces[1:]]
    sounds = np.split(spoken, inner)
    ramp = np.linspace(0.0, 1.0, round(_FADE * SAMPLE_RATE), dtype=np.float32)
    for before, after in pairwise(sounds):
        before[len(before) - len(ramp) :] *= ramp[::-1]
        after[: len(ramp)] *= ramp
    return sounds


def _ranges(words: Mapping[int, tuple[int, int]], count: int, cursor: int) -> tuple[tuple[int, int], ...]:
    """The range of each word; one without sound has an empty one after the word before it."""
    ranges: list[tuple[int, int]] = []
    for index in range(count):
        start, cursor = words.get(index, (cursor, cursor))
        ranges.append((start, cursor))
    return tuple(ranges)


def _place(utterance: Utterance, chunks: Sequence[Chunk], frames: Sequence[NDArray[np.int64]]) -> list[list[Piece]]:
    """The pieces of each chunk, in their places.

    A chunk that starts with a phrase starts where the phrase does; one that goes on within a phrase, and any in free
    timing, follows the chunk before it.
    """
    phrase_of = phrases_of_words(utterance)
    places = phrase_places(utterance) if utterance.span else []
    placed: list[list[Piece]] = []
    before, end = -1, 0
    for chunk, lasting in zip(chunks, frames, strict=True):
        phrase = phrase_of[chunk.tokens[0].word]
        start = places[phrase][0] if places and phrase != before else end
        placed.append(pieces_of(utterance, chunk, lasting, start))
        last = placed[-1][-1]
        before, end = phrase_of[chunk.tokens[-1].word], last.place + last.end - last.start
    return placed
