"""What recognizers share that hear each window by itself and say when each word begins and ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.word_times import frame_levels, separate, tighten
from hybrid_tok.core.annotations import Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.progress import Progress
from hybrid_tok.core.timeline import FRAME_RATE, Span
from hybrid_tok.core.windows import Window, WindowOptions, cut_windows


@dataclass(frozen=True, slots=True)
class Heard:
    """A word in a window: its times in frames of 20 ms from the window's start, and its confidence."""

    text: str
    start: float
    end: float
    confidence: float


def hear_windows(
    audio: Audio,
    speech: Sequence[Span],
    options: WindowOptions,
    hear: Callable[[NDArray[np.float32], Window], Sequence[Heard]],
    language: str | None,
    progress: Progress | None,
) -> tuple[Word, ...]:
    """Words in order of time, disjoint. Words that touch no speech are left out.

    Args:
        audio: mono at 16 kHz.
        options: how the recording is cut.
        hear: a window's samples (N,), and the window, to its words in order.
        language: that the words are marked with.
        progress: called with the seconds of speech done, and the seconds in all.
    """
    windows, levels = cut_windows(audio, speech, options), frame_levels(audio)
    total = sum(window.frames for window in windows) / FRAME_RATE
    words: list[Word] = []
    done = 0.0
    for window in windows:
        words += _placed(hear(window.samples(audio), window), window, levels, speech, language)
        done += window.frames / FRAME_RATE
        if progress is not None:
            progress(done, total)
    return tuple(words)


def _placed(
    heard: Sequence[Heard], window: Window, levels: NDArray[np.float64], speech: Sequence[Span], language: str | None
) -> Iterator[Word]:
    """The words of a window on the grid of the recording."""
    inside = [one for one in speech if one.overlap(window.span)]
    starts = [window.place(word.start) for word in heard]
    ends = [window.place(np.nextafter(word.end, 0.0)) for word in heard]
    spans = tighten(separate(starts, ends, window.span), levels, inside)
    for word, span in zip(heard, spans, strict=True):
        if any(span.overlap(one) for one in inside):
            yield Word(word.text, span, word.confidence, language=language)
