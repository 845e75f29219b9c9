"""Text segments to samples: what a synthesizer speaks, at the output's rate and the speaker's level."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio.resampling import resample, resampled_length
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.interfaces import Synthesizer
from hybrid_tok.core.speech_level import active_level
from hybrid_tok.core.timeline import FRAME_RATE, frames_to_samples
from hybrid_tok.core.utterance import Speech, Utterance
from hybrid_tok.errors import BackendError, SpeechWarning

_MOST_GAIN_DB = 15.0
"""By which a word is made louder or softer than the synthesizer spoke it, at most."""

_GAIN_SMOOTHING = 0.04
"""Seconds over which the level goes from one word's to the next one's."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Rendered speech.

    Attributes:
        start: frame of the utterance's frame rate at which its body starts; None in free timing.
        samples: overhang, body, overhang.
        ends: of each of its words, in samples from the start of the body.
    """

    start: int | None
    samples: NDArray[np.float32]
    ends: tuple[int, ...] = ()


def speak(
    utterance: Utterance,
    synthesizer: Synthesizer,
    sample_rate: int,
    level_db: float,
    overhang: int,
    context: tuple[int, int] = (0, 0),
) -> list[Piece]:
    """Speak an utterance at an active speech level (ITU-T P.56, dB re full scale), its words as their delivery says.

    In locked timing, phrases with a pause between them are pieces of their own, so that a pause holds nothing.

    Args:
        sample_rate: of the output, in Hz; a frame of an utterance with a place has a whole number of its samples.
        overhang: samples at the output's rate on both sides of each piece, for cross-fades.
        context: how many phrases at the start and at the end are left out of the result: they are spoken so that the
            others sound like a part of the whole.

    Raises:
        BackendError: the synthesizer failed, or broke the promises of its interface.
    """
    speech = synthesizer.synthesize(utterance)
    _check(speech, utterance, synthesizer)
    if speech.body[0] < speech.body[1] and all(start == end for start, end in speech.words):
        text = " ".join(utterance.words)
        warnings.warn(f"nothing in {text[:40]!r} can be spoken: it is silent", SpeechWarning, stacklevel=2)
    speech = _leveled(speech, utterance, level_db)
    rate = speech.audio.sample_rate
    kept = replace(utterance, phrases=utterance.phrases[context[0] : len(utterance.phrases) - context[1]])
    first = sum(len(phrase.words) for phrase in utterance.phrases[: context[0]])
    ends = [end for _, end in speech.words[first : first + len(kept.words)]]
    if utterance.span is None:
        start = speech.words[first - 1][1] if first else speech.body[0]
        end = max(start, ends[-1]) if context[1] else speech.body[1]
        moved = tuple((last - start) * sample_rate // rate for last in ends)
        return [Piece(None, _cut(speech, (start, end), sample_rate, overhang), moved)]
    pieces: list[Piece] = []
    for words, span in kept.runs:
        start, end = (speech.body[0] + at for at in utterance.samples_of(span, rate))
        length = frames_to_samples(span.frames, utterance.frame_rate, sample_rate)
        own, ends = ends[: len(words)], ends[len(words) :]
        moved = tuple((last - start) * sample_rate // rate for last in own)
        pieces.append(Piece(span.start, _cut(speech, (start, end), sample_rate, overhang, length), moved))
    return pieces


def _check(speech: Speech, utterance: Utterance, synthesizer: Synthesizer) -> None:
    audio, (start, end) = speech.audio, speech.body
    if len(speech.words) != len(utterance.words):
        raise BackendError(f"{synthesizer.name} gave places for {len(speech.words)} words of {len(utterance.words)}")
    if audio.samples.ndim != 1 or audio.sample_rate != synthesizer.sample_rate:
        raise BackendError(
            f"{synthesizer.name} gave samples {audio.samples.shape} at {audio.sample_rate} Hz, not mono at its rate"
        )
    place = utterance.span
    length = end - start if place is None else utterance.samples_of(place, audio.sample_rate)[1]
    if not 0 <= start <= end <= audio.num_samples or end - start != length:
        raise BackendError(f"{synthesizer.name} spoke samples {start} to {end} of {audio.num_samples}, not {length}")


def _leveled(speech: Speech, utterance: Utterance, level_db: float) -> Speech:
    """The speech at its level, and its words at theirs."""
    samples, rate = speech.audio.samples, speech.audio.sample_rate
    level = active_level(frame_powers(samples, rate))
    if level is None:
        return speech
    samples = samples * np.float32(10.0 ** ((level_db - level[0]) / 20.0))
    energies = [delivery.energy if delivery else None for delivery in utterance.deliveries]
    if any(energy is not None for energy in energies):
        samples = samples * _gains(samples, rate, speech.words, energies, level_db)
    return Speech(Audio(samples, rate), speech.body, speech.words)


def _gains(
    samples: NDArray[np.float32],
    sample_rate: int,
    words: Sequence[tuple[int, int]],
    energies: Sequence[float | None],
    level_db: float,
) -> NDArray[np.float32]:
    """Factors (N,) that bring each word to its level."""
    hop = max(1, round(0.01 * sample_rate))
    count = -(-len(samples) // hop) + 1
    known: list[float] = []
    gains: list[float] = []
    for (start, end), energy in zip(words, energies, strict=True):
        power = float(np.mean(np.square(samples[start:end], dtype=np.float64))) if end > start else 0.0
        if power > 1e-10:
            gain = 0.0 if energy is None else level_db + energy - 10.0 * np.log10(power)
            known += [start / hop, max(start / hop, end / hop - 1.0)]
            gains += [min(max(gain, -_MOST_GAIN_DB), _MOST_GAIN_DB)] * 2
    if not known:
        return np.ones(len(samples), np.float32)
    half = round(_GAIN_SMOOTHING * sample_rate / hop) // 2
    curve = np.pad(np.interp(np.arange(count), known, gains), half, mode="edge")
    curve = np.convolve(curve, np.full(2 * half + 1, 1.0 / (2 * half + 1)), "valid")
    return (10.0 ** (np.interp(np.arange(len(samples)) / hop, np.arange(count), curve) / 20.0)).astype(np.float32)


def _cut(
    speech: Speech, part: tuple[int, int], sample_rate: int, overhang: int, length: int | None = None
) -> NDArray[np.float32]:
    """A part of the speech at another rate, with overhang; beyond the speech there is silence.

    It is resampled with about 20 ms of margin on both sides: a whole number of samples at both rates.

    Args:
        length: samples of the part at the other rate, where that is known; a sample or so from what it lasts.
    """
    start, end = part
    samples, rate = speech.audio.samples, speech.audio.sample_rate
    if length is None:
        length = resampled_length(end - start, rate, sample_rate)
    # Both rates are whole multiples of their divisor, so that a margin of steps of 1 / divisor is exact at both. Half a
    # sample of the speech, which rounding may have taken from the part, must fit into it beside the overhang.
    divisor = math.gcd(rate, sample_rate)
    enough = overhang + sample_rate // rate + 2
    steps = max(-(-divisor // FRAME_RATE), -(-enough * divisor // sample_rate))
    margin, before = steps * rate // divisor, steps * sample_rate // divisor
    piece = np.pad(
        samples[max(0, start - margin) : end + margin],
        (max(0, margin - start), max(0, end + margin - len(samples))),
    )
    first = before - overhang
    return resample(Audio(piece, rate), sample_rate).samples[first : first + length + 2 * overhang]
