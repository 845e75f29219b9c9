"""How well a word's pronunciation fits what was heard: goodness of pronunciation (Witt and Young 2000) and its kin.

The phones of a word are laid over the frames around its time by a Viterbi search; each phone is then compared with
whatever the phone model likes best in its frames.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.align.phones import SILENCE

_WELCOME = 0.5
"""Nats by which a frame may fit badly and still belong to the word, rather than be left out before or after it."""

SLACK = 5
"""Frames of 10 ms by which a word may begin or end earlier or later than it was said to."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A pronunciation laid over frames.

    Attributes:
        bounds: (phones + 1,) frames at which the phones begin, and the last one ends.
        deficits: (phones,) per phone, mean over its frames of the log posterior of the likeliest phone minus the
            phone's own; 0 is perfect.
    """

    bounds: NDArray[np.int64]
    deficits: NDArray[np.float64]


def fit_phones(log_posteriors: NDArray[np.float32], phones: Sequence[int], start: int, end: int) -> Fit:
    """Lay `phones`, in order and without gaps, over about `start` to `end` of (T, P) log posteriors.

    Each phone gets at least a frame; where there are fewer frames than phones, the span is widened, or the last phones
    get an empty span and the deficit of the worst.
    """
    total, count = len(log_posteriors), len(phones)
    first, last = max(0, start - SLACK), min(total, max(end, start + 1) + SLACK)
    if last - first < count:
        first, last = max(0, min(first, total - count)), min(total, max(last, first + count))
    frames = log_posteriors[first:last]
    if len(frames) < count:
        return Fit(np.full(count + 1, first, np.int64), np.full(count, 12.0))
    loss = (frames.max(1, keepdims=True) - frames[:, list(phones)]).astype(np.float64)
    # The word may begin at any of the first 2 * SLACK + 1 frames and end at any of the last.
    latest = min(2 * SLACK, len(frames) - count)
    earliest = max(len(frames) - 1 - 2 * SLACK, count - 1)
    best = np.full(count, np.inf)
    came = np.zeros((len(frames), count), np.bool_)
    finals = np.full(len(frames), np.inf)
    for t, cost in enumerate(loss):
        before = np.empty(count)
        before[0] = 0.0 if t <= latest else np.inf
        before[1:] = best[:-1]
        came[t] = before < best
        best = np.minimum(before, best) + cost - _WELCOME
        finals[t] = best[-1]
    t = int(earliest + np.argmin(finals[earliest:]))
    bounds = np.zeros(count + 1, np.int64)
    bounds[count] = t + 1
    phone = count - 1
    while phone >= 0:
        if came[t, phone]:
            bounds[phone] = t
            phone -= 1
        t -= 1
    deficits = np.array([loss[bounds[k] : bounds[k + 1], k].mean() for k in range(count)])
    return Fit(bounds + first, np.minimum(deficits, 12.0))


def free_phones(log_posteriors: NDArray[np.float32]) -> list[int]:
    """The likeliest phone of every frame, repetitions joined, single frames and silence left out."""
    path = log_posteriors.argmax(1)
    changes = np.flatnonzero(np.diff(path, prepend=-1, append=-1))
    runs = [(int(path[a]), b - a) for a, b in pairwise(changes)]
    heard: list[int] = []
    for phone, length in runs:
        if length > 1 and phone != SILENCE and (not heard or heard[-1] != phone):
            heard.append(phone)
    return heard


def edit_distance(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    """Insertions, deletions and substitutions from one sequence to the other."""
    row = list(range(len(right) + 1))
    for i, one in enumerate(left, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(right, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (one != other))
    return row[-1]
