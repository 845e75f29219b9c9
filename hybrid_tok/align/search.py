"""Viterbi's algorithm over the words of a text: which frames belong to which word, to silence, or to no word at all.

A path passes the boundaries between words in order. What it costs to skip a word, and to spend time in speech that is
not in the text, is stated; so insertions, deletions and replacements come out of one search. Memory is bounded: the
forward pass keeps its scores at checkpoints only, and the way back is computed again between them. A band limits which
boundaries may be passed when.

Compiled by numba when first needed: importing it takes half a second, which a process that never aligns should not pay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.align.graph import WordGraph
from hybrid_tok.nn.numba_compile import compiled

SILENCE, OTHER = -1, -2
"""What a frame outside all words holds: silence, or speech that is not in the text."""

_BLOCK_CELLS = 16_000_000
"""Cells whose way back is kept at a time, a byte each."""

Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Band:
    """Which boundaries a path may stand at after each frame: lowest[t] .. highest[t]. Both never fall, and
    lowest[t + 1] <= highest[t], so that a path exists."""

    lowest: NDArray[np.int32]
    highest: NDArray[np.int32]

    @classmethod
    def everything(cls, frames: int, words: int) -> Band:
        return cls(np.zeros(frames, np.int32), np.full(frames, words, np.int32))


@dataclass(frozen=True, slots=True)
class Costs:
    """What leaving the text costs, in nats.

    Attributes:
        skip: of each word that is not said, (W,).
        other: of each frame of speech that is not in the text.
        enter: of each stretch of it.
    """

    skip: Floats
    other: float
    enter: float


@dataclass(frozen=True, slots=True)
class StatePath:
    """The best path.

    Attributes:
        state: (T,), the state of each frame, or SILENCE or OTHER.
        start, end: (W,), frames of each word, half-open; a skipped word has start == end at the place of the skip.
        score: of the whole path, in nats.
    """

    state: NDArray[np.int32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    score: float


def search(scores: Floats, silence: int, graph: WordGraph, costs: Costs, band: Band) -> StatePath:
    """The best path of a text through frame scores.

    Args:
        scores: (T, P), nats by which each phone falls short of the frame's best; T >= 1.
        silence: column of silence.
    """
    frames = len(scores)
    advance, trace = _compiled()
    width = graph.first[band.highest] - graph.first[band.lowest] + 2 * (band.highest - band.lowest + 1)
    block = int(max(1, min(frames, _BLOCK_CELLS // max(int(width.max()), 1))))
    tables = (graph.phone, graph.entry, graph.before, graph.before_at, graph.leave, graph.leave_at, graph.first)
    model = (*tables, costs.skip, np.float32(costs.other), np.float32(costs.enter))
    state = np.full(graph.states, -np.inf, np.float32)
    node = np.full(graph.words + 1, -np.inf, np.float32)
    other = np.full(graph.words + 1, -np.inf, np.float32)
    node[0] = 0.0
    for word in range(int(band.highest[0])):
        node[word + 1] = node[word] - costs.skip[word]
    starts = range(0, frames, block)
    kept: list[Any] = []
    none = np.zeros((1, 1), np.uint8)

    def run(start: int, backs: NDArray[np.uint8], nodes: NDArray[np.uint8]) -> None:
        stop = min(start + block, frames)
        advance(scores, silence, start, stop, band.lowest, band.highest, *model, state, node, other, backs, nodes)

    for start in starts[:-1]:
        kept.append(_copy(state, node, other, graph, band, start, min(start + block, frames)))
        run(start, none, none)
    path = np.empty(frames, np.int32)
    begins = np.full(graph.words, -1, np.int64)
    ends = np.full(graph.words, -1, np.int64)
    where = (graph.words, 0)  # boundary, or state where the second is 1, or other speech where it is 2
    score = 0.0
    for start in reversed(starts):
        if start != starts[-1]:
            _restore(kept.pop(), state, node, other)
        stop = min(start + block, frames)
        low, high = int(band.lowest[start]), int(band.highest[stop - 1])
        backs = np.zeros((stop - start, max(int(graph.first[high] - graph.first[low]), 2)), np.uint8)
        nodes = np.zeros((stop - start, high - low + 2), np.uint8)
        run(start, backs, nodes)
        if stop == frames:
            score = float(node[graph.words])
        where = trace(
            *(start, stop, low, where, backs, nodes, *tables[2:]),
            *(path, begins, ends),
        )
    skipped = begins < 0
    begins[skipped] = ends[skipped] = 0
    _place_skipped(begins, ends, skipped)
    return StatePath(path, begins, ends, score)


def _place_skipped(begins: NDArray[np.int64], ends: NDArray[np.int64], skipped: NDArray[np.bool_]) -> None:
    """Words skipped before the first frame have no place in the path: they stand at the start of what follows."""
    place = 0
    for word in range(len(begins)):
        if skipped[word]:
            begins[word] = ends[word] = place
        place = int(ends[word])


def _copy(
    state: Floats, node: Floats, other: Floats, graph: WordGraph, band: Band, start: int, stop: int
) -> tuple[int, int, Floats, Floats, int, Floats]:
    """The scores that a block reads, the states of its band; those above are as yet unreached."""
    low, high = int(band.lowest[start]), int(band.highest[min(stop, len(band.highest)) - 1])
    a, b = int(graph.first[low]), int(graph.first[high])
    return a, low, state[a:b].copy(), node[low : high + 1].copy(), high, other[low : high + 1].copy()


def _restore(kept: Any, state: Floats, node: Floats, other: Floats) -> None:
    a, low, states, nodes, high, others = kept
    state[a : a + len(states)] = states
    node[low : high + 1] = nodes
    other[low : high + 1] = others


@cache
def _compiled() -> tuple[Callable[..., None], Callable[..., Any]]:
    return compiled(_advance), compiled(_trace)


def _advance(
    scores,
    silence,
    start,
    stop,
    lowest,
    highest,
    phone,
    entry,
    before,
    before_at,
    leave,
    leave_at,
    first,
    skip,
    other_cost,
    enter_cost,
    state,
    node,
    other,
    backs,
    nodes,
):
    """Move the scores on over frames start .. stop, in place. With room in `backs` and `nodes`, note where from:

    backs[t, s]: 0 the same state, 1 the boundary, 2 + k its k-th source.
    nodes[t, i]: 0 silence, 1 other speech, 2 a skipped word, 3 + k the word's k-th last state; plus 128 where other
    speech began in this frame.
    """
    note = backs.shape[1] > 1
    base, low0 = first[lowest[start]], lowest[start]
    for t in range(start, stop):
        low, high = lowest[t], highest[t]
        for word in range(low, high):
            for s in range(first[word + 1] - 1, first[word] - 1, -1):
                best, source = state[s], 0
                if entry[s] and node[word] > best:
                    best, source = node[word], 1
                for k in range(before_at[s], before_at[s + 1]):
                    if state[before[k]] > best:
                        best, source = state[before[k]], 2 + k - before_at[s]
                state[s] = best + scores[t, phone[s]]
                if note:
                    backs[t - start, s - base] = source
        for i in range(low, high + 1):
            begun = node[i] - enter_cost > other[i]
            other[i] = (node[i] - enter_cost if begun else other[i]) - other_cost
            best, source = node[i] + scores[t, silence], 0
            if other[i] > best:
                best, source = other[i], 1
            if i > low:
                if node[i - 1] - skip[i - 1] > best:
                    best, source = node[i - 1] - skip[i - 1], 2
                for k in range(leave_at[i - 1], leave_at[i]):
                    if state[leave[k]] > best:
                        best, source = state[leave[k]], 3 + k - leave_at[i - 1]
            node[i] = best
            if note:
                nodes[t - start, i - low0] = source + 128 * begun


def _trace(start, stop, low0, where, backs, nodes, before, before_at, leave, leave_at, first, path, begins, ends):
    """Follow the notes of a block from its last frame to its first; see `_advance` for them."""
    place, kind = where
    base = first[low0]
    t = stop - 1
    while t >= start:
        if kind == 0:
            note = nodes[t - start, place - low0] & 127
            if note == 0:
                path[t] = -1
                t -= 1
            elif note == 1:
                kind = 2
            elif note == 2:
                place -= 1
                begins[place] = ends[place] = t + 1
            else:
                ends[place - 1] = t + 1
                place, kind = leave[leave_at[place - 1] + note - 3], 1
        elif kind == 2:
            path[t] = -2
            if nodes[t - start, place - low0] & 128:
                kind = 0
            t -= 1
        else:
            path[t] = place
            note = backs[t - start, place - base]
            if note == 1:
                word = np.searchsorted(first, place, side="right") - 1
                begins[word] = t
                place, kind = word, 0
            elif note > 1:
                place = before[before_at[place] + note - 2]
            t -= 1
    return place, kind
