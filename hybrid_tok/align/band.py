"""Where in a long recording each part of a text may be.

A search over all words at all times costs hours times words. Two things narrow it: the times that segments come with,
and, for a transcript without times, the phones heard, aligned as a string to the phones of the text (Needleman and
Wunsch 1970). The string is some forty times shorter than the search, so a whole hour is compared with a whole text;
even where every third phone is misheard, the right places add up and chance does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.align.graph import WordGraph
from hybrid_tok.align.search import Band, Floats
from hybrid_tok.nn.numba_compile import compiled

_MATCH, _MISMATCH, _GAP = 4, -2, -1
_SWITCH = 4.0
"""Nats it costs to go from one phone to another when listening without a text."""

_ROWS = 256


@dataclass(frozen=True, slots=True)
class BandOptions:
    """How wide the band around the string alignment is.

    Attributes:
        seconds: to either side.
        words: to either side.
    """

    seconds: float = 8.0
    words: int = 25


def window_band(frames: int, windows: Sequence[tuple[int, int, int]]) -> Band:
    """The band of segments with times.

    Args:
        windows: for each segment the number of its words and the frames [start, end) in which they may be said.

    A path may stand before all words whose time is not over and after all whose time has begun. Times out of order are
    put in order by moving starts down and ends up.
    """
    counts = np.array([count for count, _, _ in windows])
    total = int(counts.sum())
    starts = np.minimum.accumulate(np.array([start for _, start, _ in windows])[::-1])[::-1]
    ends = np.maximum.accumulate(np.array([end for _, _, end in windows]))
    first = np.cumsum(counts) - counts  # boundary before each segment
    time = np.arange(frames)
    over = np.searchsorted(ends, time, side="right")  # segments whose time is over
    begun = np.searchsorted(starts, time, side="right")
    lowest = np.append(first, total)[over]
    highest = np.append(first, total)[begun]
    return _connected(lowest, highest, total)


def heard_band(scores: Floats, silence: int, graph: WordGraph, options: BandOptions) -> Band:
    """The band of a transcript without times, around the alignment of the phones heard to those of its words."""
    frames = len(scores)
    heard, times = free_phones(scores, silence)
    spelled = np.array([phone for phones in graph.plain for phone in phones], np.int32)
    owner = np.repeat(np.arange(graph.words), [len(phones) for phones in graph.plain])
    if not len(heard) or not len(spelled):
        return Band.everything(frames, graph.words)
    column = align_strings(heard, spelled)
    place = np.append(owner, graph.words)[column]  # the word at hand when each phone heard begins
    at = np.searchsorted(times, np.arange(frames))
    margin = round(100 * options.seconds)
    place = np.concatenate(([0], place, [graph.words]))
    reach = np.arange(frames)
    early = place[at[np.maximum(reach - margin, 0)]]
    late = place[np.minimum(at[np.minimum(reach + margin, frames - 1)] + 1, len(place) - 1)]
    return _connected(early - options.words, late + options.words, graph.words)


def free_phones(scores: Floats, silence: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Phones heard without a text, silence left out, and the frame at which each begins."""
    path = _compiled()[0](np.ascontiguousarray(scores), np.float32(_SWITCH))
    begins = np.flatnonzero(np.diff(path, prepend=-1))
    begins = begins[path[begins] != silence]
    return path[begins], begins


def align_strings(heard: NDArray[np.int32], spelled: NDArray[np.int32]) -> NDArray[np.int64]:
    """For each element of `heard` the place in `spelled`, 0 .. len(spelled), that a global alignment puts before it."""
    return _compiled()[1](heard, spelled, _MATCH, _MISMATCH, _GAP, _ROWS)


def _connected(lowest: NDArray[np.int64], highest: NDArray[np.int64], words: int) -> Band:
    """Bounds made to hold what `Band` asks for: monotone, overlapping from frame to frame, and open at both ends."""
    lowest = np.maximum.accumulate(np.clip(lowest, 0, words))
    highest = np.maximum.accumulate(np.clip(np.maximum(highest, lowest), 0, words))
    highest[:-1] = np.maximum(highest[:-1], lowest[1:])
    lowest[0], highest[-1] = 0, words
    return Band(lowest.astype(np.int32), highest.astype(np.int32))


@cache
def _compiled() -> tuple[Callable[..., NDArray[np.int32]], Callable[..., NDArray[np.int64]]]:
    from numba.extending import register_jitable

    register_jitable(_row)  # called by _strings
    return compiled(_loop), compiled(_strings)


def _loop(scores, switch):
    """The best phone of each frame where changing phone costs `switch`."""
    frames, phones = scores.shape
    total = scores[0].copy()
    origin = np.zeros((frames, phones), np.uint8)
    for t in range(1, frames):
        best = np.argmax(total)
        changed = total[best] - switch
        for p in range(phones):
            if changed > total[p]:
                total[p] = changed
                origin[t, p] = best
            else:
                origin[t, p] = p
            total[p] += scores[t, p]
    path = np.empty(frames, np.int32)
    place = np.argmax(total)
    for t in range(frames - 1, -1, -1):
        path[t] = place
        place = origin[t, place]
    return path


def _strings(heard, spelled, match, mismatch, gap, rows):
    """See `align_strings`. Rows are kept at every `rows`-th element, and computed again on the way back."""
    n, m = len(heard), len(spelled)
    kept = np.zeros((n // rows + 1, m + 1), np.int32)
    row = np.arange(m + 1).astype(np.int32) * gap
    moves = np.zeros((rows, m + 1), np.uint8)
    for i in range(n):
        if i % rows == 0:
            kept[i // rows] = row
        _row(row, heard[i], spelled, match, mismatch, gap, moves[0])
    column = np.empty(n, np.int64)
    place = m
    for block in range((n - 1) // rows, -1, -1):
        row[:] = kept[block]
        stop = min(n, (block + 1) * rows)
        for i in range(block * rows, stop):
            _row(row, heard[i], spelled, match, mismatch, gap, moves[i - block * rows])
        for i in range(stop - 1, block * rows - 1, -1):
            while moves[i - block * rows, place] == 2:
                place -= 1
            if moves[i - block * rows, place] == 1:
                place -= 1
            column[i] = place
    return column


def _row(row, one, spelled, match, mismatch, gap, moves):
    """Add an element of the first string: 0 it stands alone, 1 beside the element before, 2 that one stands alone."""
    diagonal = row[0]
    row[0] += gap
    moves[0] = 0
    for j in range(1, len(row)):
        beside = diagonal + (match if spelled[j - 1] == one else mismatch)
        diagonal = row[j]
        alone = row[j] + gap
        skipped = row[j - 1] + gap
        best = max(beside, alone, skipped)
        row[j] = best
        moves[j] = 1 if best == beside else (0 if best == alone else 2)
