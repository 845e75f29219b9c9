"""Word times on the grid: in order, disjoint, and tightened to the sound.

A recognizer's words touch each other, so that the silence between two of them belongs to one of the two. Here each word
is cut to the speech under it, then to where it is audible.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.timeline import Span

_AUDIBLE_DB = -30.0
"""Below this level, relative to its loudest frame, the edges of a word are silence."""


def separate(starts: Sequence[float], ends: Sequence[float], limit: Span) -> list[Span]:
    """Times in frames, rounded half up, as spans inside `limit` that do not overlap and have a frame at least.

    Where there are more words than frames, the first ones have none.
    """
    bounds: list[list[int]] = []
    free = limit.start
    for start, end in zip(starts, ends, strict=True):
        first = max(int(np.floor(start + 0.5)), free)
        free = max(int(np.floor(end + 0.5)), first + 1)
        bounds.append([first, free])
    last = limit.end
    for bound in reversed(bounds):
        bound[1] = min(bound[1], last)
        bound[0] = last = max(min(bound[0], bound[1] - 1), limit.start)
        bound[1] = max(bound[1], bound[0])
    return [Span(start, end) for start, end in bounds]


def tighten(spans: Sequence[Span], levels: NDArray[np.float64], speech: Sequence[Span]) -> list[Span]:
    """Spans of words, cut to the speech they overlap most and to where they are audible.

    Args:
        spans: in order, disjoint.
        levels: of the recording, as `frame_levels` gives them.
        speech: where there is speech; sorted, disjoint.
    """
    return [_audible(_within(span, speech), levels) for span in spans]


def frame_levels(audio: Audio) -> NDArray[np.float64]:
    """Level in dB of each frame of mono audio, (T,); at least -120."""
    return 10.0 * np.log10(frame_powers(audio.samples, audio.sample_rate) + 1e-12)


def _within(span: Span, speech: Sequence[Span]) -> Span:
    """The part of a span in the speech it overlaps most; the span itself where there is none."""
    index = max(bisect_right(speech, span.start, key=lambda one: one.start) - 1, 0)
    best = span
    most = 0
    while index < len(speech) and speech[index].start < span.end:
        if (shared := speech[index].overlap(span)) > most:
            most = shared
            best = Span(max(span.start, speech[index].start), min(span.end, speech[index].end))
        index += 1
    return best


def _audible(span: Span, levels: NDArray[np.float64]) -> Span:
    inside = levels[span.start : span.end]
    if len(inside) < span.frames or not len(inside):
        return span
    loud = np.flatnonzero(inside >= inside.max() + _AUDIBLE_DB)
    return Span(span.start + int(loud[0]), span.start + int(loud[-1]) + 1)
