"""Text to samples: an utterance is spoken once, then each of its items is stretched to its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio import resample
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.interfaces import Speech, Synthesizer
from hybrid_tok.core.timeline import FRAME_RATE
from hybrid_tok.decode.level import active_level
from hybrid_tok.decode.plan import TextPart, TextSegment
from hybrid_tok.decode.stretch import warp
from hybrid_tok.errors import BackendError

_TRIM_DB = -45.0
"""Level re its loudest frame below which the beginning and end of an utterance are silence."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Rendered speech.

    Attributes:
        start: output sample at which its body starts.
        samples: overhang, body, overhang.
    """

    start: int
    samples: NDArray[np.float32]


def speak(words: Sequence[str], synthesizer: Synthesizer, sample_rate: int, level_db: float) -> Speech:
    """Speak words at a sample rate and an active speech level (dB re full scale).

    Word ranges are clipped to lie within the samples, one after another.

    Raises:
        BackendError: the synthesizer returned ranges for another number of words.
    """
    speech = synthesizer.synthesize(words)
    if len(speech.words) != len(words):
        raise BackendError(f"{synthesizer.name} gave places for {len(speech.words)} words of {len(words)}")
    audio = speech.audio
    if audio.samples.ndim != 1:
        raise BackendError(f"{synthesizer.name} gave samples {audio.samples.shape}, not mono")
    scale = sample_rate / audio.sample_rate
    samples = resample(audio, sample_rate).samples
    level = active_level(frame_powers(samples, sample_rate))
    if level is not None:
        samples = samples * np.float32(10.0 ** ((level_db - level[0]) / 20.0))
    ranges: list[tuple[int, int]] = []
    cursor = 0
    for first, last in speech.words:
        start = min(max(round(first * scale), cursor), len(samples))
        cursor = min(max(round(last * scale), start), len(samples))
        ranges.append((start, cursor))
    return Speech(Audio(samples, sample_rate), tuple(ranges))


def place(segment: TextSegment, speech: Speech, num_samples: int, overhang: int) -> Iterator[Piece]:
    """Locked timing: the items of an utterance, each as long as its place.

    Items that touch are one piece whose pace changes at their borders, so that nothing is cut within a phrase.

    Args:
        speech: of all words of the segment.
        num_samples: of the output, which may end within the last frame.
        overhang: samples on both sides of each piece, for cross-fades.
    """
    hop = speech.audio.sample_rate // FRAME_RATE
    samples = speech.audio.samples
    for group in _touching(segment.parts, speech.words):
        words = speech.words[group[0].first_word : group[-1].last_word]
        start, end = _trim(samples, words[0][0], words[-1][1], speech.audio.sample_rate)
        source = [start, *(speech.words[part.first_word][0] for part in group[1:]), end]
        target = [min(frame * hop, num_samples) for frame in (*(part.start for part in group), group[-1].end)]
        if target[-1] <= target[0]:
            continue
        source = np.maximum.accumulate(np.minimum(source, end)).tolist()
        spread = [0, *(place - target[0] + overhang for place in target), target[-1] - target[0] + 2 * overhang]
        yield Piece(
            target[0],
            warp(samples, [start - overhang, *source, end + overhang], spread, speech.audio.sample_rate),
        )


def speak_freely(speech: Speech, overhang: int, lengths: Sequence[int] | None = None) -> NDArray[np.float32]:
    """Free timing: the utterance as the synthesizer spoke it, silence around it trimmed, with overhang.

    Args:
        lengths: samples of each word, where the pace is changed; pauses change in proportion to all words together.
    """
    samples = speech.audio.samples
    start, end = _trim(samples, speech.words[0][0], speech.words[-1][1], speech.audio.sample_rate)
    source, target = _paced(speech.words, lengths, start, end) if lengths else ([start, end], [0, end - start])
    spread = [0, *(place + overhang for place in target), target[-1] + 2 * overhang]
    return warp(samples, [start - overhang, *source, end + overhang], spread, speech.audio.sample_rate)


def _paced(
    words: Sequence[tuple[int, int]], lengths: Sequence[int], start: int, end: int
) -> tuple[list[int], list[int]]:
    """A time map of speech [start, end) that gives each word its length."""
    spoken = sum(last - first for first, last in words)
    pace = sum(length for length, (first, last) in zip(lengths, words, strict=True) if last > first) / max(spoken, 1)
    source, target = [start], [0.0]

    def advance(place: int, factor: float) -> None:
        place = min(max(place, source[-1]), end)
        target.append(target[-1] + (place - source[-1]) * factor)
        source.append(place)

    for (first, last), length in zip(words, lengths, strict=True):
        advance(first, pace)
        advance(last, length / (last - first) if last > first else pace)
    advance(end, pace)
    return source, [round(place) for place in target]


@dataclass(frozen=True, slots=True)
class _PlacedPart:
    """A text item: its frames, and the range of its words in the utterance."""

    start: int
    end: int
    first_word: int
    last_word: int


def _touching(parts: Sequence[TextPart], ranges: Sequence[tuple[int, int]]) -> Iterator[list[_PlacedPart]]:
    """Groups of items without a gap between them; an item that makes no sound ("--") is a gap."""
    group: list[_PlacedPart] = []
    word = 0
    for part in parts:
        assert part.span is not None, "only locked timing has places"
        placed = _PlacedPart(part.span.start, part.span.end, word, word + len(part.words))
        word = placed.last_word
        if ranges[placed.first_word][0] == ranges[placed.last_word - 1][1]:
            continue
        if group and group[-1].end != placed.start:
            yield group
            group = []
        group.append(placed)
    if group:
        yield group


def _trim(samples: NDArray[np.float32], start: int, end: int, sample_rate: int) -> tuple[int, int]:
    """Trim silence at both ends of a stretch of speech, in steps of 5 ms."""
    step = max(1, sample_rate // 200)
    steps = (end - start) // step
    power = np.square(samples[start : start + steps * step].reshape(steps, step), dtype=np.float64).mean(axis=1)
    loud = np.flatnonzero(power > power.max(initial=0.0) * 10.0 ** (_TRIM_DB / 10.0))
    if not len(loud):
        return start, end
    first, last = int(loud[0]), int(loud[-1])
    return start + first * step, end if last == steps - 1 else start + (last + 1) * step
