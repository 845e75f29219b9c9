"""A text beside what is heard in the windows of a recording: which words were heard, and where the others would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.forced_text import HeardWindow, PlacedWord
from hybrid_tok.backends.text_matching import fold, match
from hybrid_tok.core.annotations import Segment
from hybrid_tok.core.timeline import Span

_NOTHING = "\n"
"""Key of what is heard in a window without words; no word of a text has it."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A text of W words beside H words heard.

    Attributes:
        words: of the text.
        heard: with the window of each in `home`; a window without words has one without text.
        place: (W,) the heard word that each is, or between which it would be; -1 where nothing was listened to.
        gap: (W,) number of the gap between two matching words that each is in; -1 for matching words.
        heard_gap: (H,) the same; -2 for those that no word of the text could be.
        room: (W,) letters heard in the gap that each is in over those of the text there, at most 1; 1 if it matches.
        rival: (W,) mean log probability of what was heard in the gap, at least -2; 0 where nothing was.
    """

    words: Sequence[str]
    heard: Sequence[PlacedWord]
    home: NDArray[np.int64]
    place: NDArray[np.float64]
    gap: NDArray[np.int64]
    heard_gap: NDArray[np.int64]
    room: NDArray[np.float64]
    rival: NDArray[np.float64]

    @property
    def matched(self) -> NDArray[np.bool_]:
        """(W,) whether each word was heard."""
        return self.gap < 0

    def share(self, window: int) -> list[int]:
        """The words of the text that belong to a window."""
        where = np.where(self.place >= 0, self.home[np.rint(self.place).astype(int)], -1)
        return np.flatnonzero(where == window).tolist()

    def evidence(self, words: Sequence[int], log_prob: Sequence[float]) -> NDArray[np.float64]:
        """(n, 5): of some words, whether each is said.

        The columns are the mean log probability when forced, the same for the other words in its gap, whether it is
        matched, room and rival. A word may be likely after another that was not said: hence the second.

        Args:
            log_prob: of these words.
        """
        gap, own = self.gap[list(words)], np.array(log_prob)
        _, part = np.unique(np.where(gap < 0, -1 - np.arange(len(gap)), gap), return_inverse=True)
        means = (np.bincount(part, own) / np.bincount(part))[part]
        return np.column_stack(
            [own, means, (gap < 0).astype(np.float64), self.room[list(words)], self.rival[list(words)]]
        )

    def said_and_beside(self, said: Sequence[int], window: int) -> list[tuple[str, int]]:
        """Words of the text that are said in a window, and those heard there in gaps without any, in order: the text of
        each, and its number in the text, -1 for the latter."""
        filled = {-1, *self.gap[list(said)].tolist()}
        beside = [j for j in np.flatnonzero(self.home == window).tolist() if self.heard_gap[j] not in filled]
        items = [(float(self.place[k]), self.words[k], k) for k in said]
        items += [(float(j), self.heard[j].text, -1) for j in beside if self.heard[j].text]
        return [(text, k) for _, text, k in sorted(items, key=lambda item: item[0])]


def read_text(
    words: Sequence[str], owners: Sequence[Segment], windows: Sequence[HeardWindow], margin: float
) -> Reading:
    """Match the words of a text to those heard; words of segments with times, to those within these.

    Args:
        owners: the segment of each word.
        margin: frames by which the times of segments are widened.
    """
    heard: list[PlacedWord] = []
    home: list[int] = []
    for number, one in enumerate(windows):
        span = one.window.span
        units = one.words or (PlacedWord("", _NOTHING, span.start, span.end, 0.0),)
        heard += units
        home += [number] * len(units)
    keys, heard_keys = [fold(word) for word in words], [unit.key for unit in heard]
    place, gap = np.full(len(words), -1.0), np.full(len(words), -1)
    heard_gap = np.full(len(heard), -2)
    room, rival = np.ones(len(words)), np.zeros(len(words))
    free = gaps = 0
    for start, end, first, last in _stretches(owners, heard, margin):
        first = max(first, free)  # what the stretch before has
        if first >= last:
            gap[start:end], room[start:end] = gaps, 0.0
            gaps += 1
            continue
        pairs = [(start + i, first + j) for i, j in match(keys[start:end], heard_keys[first:last])]
        anchors = [(start - 1, first - 1), *pairs, (end, last)]
        rows, columns = np.array(anchors).T
        place[start:end] = np.interp(np.arange(start, end), rows, columns).clip(first, last - 1)
        for (i, j), (to_i, to_j) in pairwise(anchors):
            gap[i + 1 : to_i] = heard_gap[j + 1 : to_j] = gaps
            gaps += 1
            between = [unit for unit in heard[j + 1 : to_j] if unit.text]
            letters = sum(len(key) for key in keys[i + 1 : to_i])
            room[i + 1 : to_i] = min(1.0, sum(len(unit.key) for unit in between) / max(letters, 1))
            rival[i + 1 : to_i] = max(sum(unit.log_prob for unit in between) / max(len(between), 1), -2.0)
        heard_gap[columns[1:-1]] = -1
        free = pairs[-1][1] + 1 if pairs else free
    return Reading(words, heard, np.array(home, np.int64), place, gap, heard_gap, room, rival)


def _stretches(
    owners: Sequence[Segment], heard: Sequence[PlacedWord], margin: float
) -> list[tuple[int, int, int, int]]:
    """The words of each segment, and those heard within its time, both half-open; all of both without times."""
    if any(owner.span is None for owner in owners):
        return [(0, len(owners), 0, len(heard))]
    starts, ends = [unit.start for unit in heard], [unit.end for unit in heard]
    bounds = [0, *(k for k in range(1, len(owners)) if owners[k] is not owners[k - 1]), len(owners)]
    stretches: list[tuple[int, int, int, int]] = []
    for first, last in pairwise(bounds):
        span = owners[first].span or Span(0, 0)
        low, high = np.searchsorted(ends, span.start - margin, "right"), np.searchsorted(starts, span.end + margin)
        stretches.append((first, last, int(low), int(high)))
    return stretches
