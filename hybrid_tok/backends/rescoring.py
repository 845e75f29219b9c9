"""A second look at a recognizer's lattice: our phone network and the language model over three words decide anew.

Every edge of the lattice is scored by laying the word's phones over its frames of the phone network's posteriors. A
search over the nodes and the two words before them (Viterbi, with a beam) then finds the best path under a weighted
sum of the recognizer's acoustic score, the network's, and the language model's. The forward-backward algorithm over
the same states gives the probability of every word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.lattice import Edge, Lattice, Node
from hybrid_tok.errors import OptionsError
from hybrid_tok.jit import compiled

LanguageModel: TypeAlias = Callable[[tuple[str, ...]], float]
"""Natural logarithm of the probability of the first word after the others, the nearest of them first."""

Pronunciations: TypeAlias = Callable[[str, int], Sequence[int]]
"""Phones of a word in one of its pronunciations (from 1), as columns of the posteriors; () where it is unknown."""

MIN_FRAMES = 2
"""Frames of 10 ms that a phone lasts at least."""


@dataclass(frozen=True, slots=True)
class RescoringOptions:
    """What counts how much. Scores are natural logarithms.

    Attributes:
        acoustic: weight of the recognizer's acoustic score.
        phones: weight of the phone network's score.
        language: weight of the language model's.
        word: added for every word.
        floor: no frame counts more than this many nats against a word.
        least: edges with a lower posterior are left out when the lattice is read.
        beam: pairs of words before a node that are told apart.
        flatten: scores are divided by this for the probabilities: frames are no independent witnesses.
    """

    acoustic: float = 0.7
    phones: float = 0.7
    language: float = 10.0
    word: float = -4.0
    floor: float = 8.0
    least: float = 1e-4
    beam: int = 10
    flatten: float = 20.0

    def __post_init__(self) -> None:
        if min(self.acoustic, self.phones, self.language, self.floor, self.least) < 0 or self.flatten <= 0:
            raise OptionsError("weights of rescoring cannot be negative, and flatten must be above 0")
        if self.beam < 1:
            raise OptionsError(f"the beam of rescoring must be at least 1, not {self.beam}")


@dataclass(frozen=True, slots=True)
class RescoredWord:
    """A word of the best path.

    Attributes:
        start, end: frames of 10 ms, half-open.
        posterior: of the word at its place, whatever surrounds it.
        rival: posterior of the likeliest other word there.
        recognizer: posterior of the word at its place as the recognizer had it.
        acoustic: the recognizer's score per frame.
        phones: the phone network's, per frame.
        language: of the language model, in nats, given the words before.
    """

    text: str
    variant: int
    start: int
    end: int
    posterior: float
    rival: float
    recognizer: float
    acoustic: float
    phones: float
    language: float


def rescore(
    lattice: Lattice,
    log_posteriors: NDArray[np.float32],
    pronounce: Pronunciations,
    language: LanguageModel,
    options: RescoringOptions,
) -> list[RescoredWord]:
    """The words of the best path, in order of time.

    Args:
        log_posteriors: (T, P) of the phone network, 100 frames a second, the first column silence.
    """
    if len(lattice.nodes) < 2 or not len(log_posteriors):
        return []
    heard = edge_scores(lattice, log_posteriors, pronounce, options.floor)
    states = _States()
    states.expand(lattice, heard, language, options)
    per_edge = np.zeros(len(lattice.edges))
    np.add.at(per_edge, states.edge, states.posteriors(options.flatten))
    shares = _Shares(lattice, per_edge, len(log_posteriors))
    before = _Shares(lattice, np.array([edge.posterior for edge in lattice.edges]), len(log_posteriors))
    words = []
    for arc in states.best():
        edge = lattice.edges[states.edge[arc]]
        node = lattice.nodes[edge.source]
        if node.word is None:
            continue
        start, end = node.frame, max(lattice.nodes[edge.target].frame, node.frame + 1)
        length = end - start
        words.append(
            RescoredWord(
                node.word,
                node.variant,
                start,
                end,
                shares.of(node.word, start, end),
                shares.rival(node.word, start, end),
                before.of(node.word, start, end),
                edge.acoustic / length,
                float(heard[states.edge[arc]]) / length,
                states.language[arc],
            )
        )
    return words


def edge_scores(
    lattice: Lattice, log_posteriors: NDArray[np.float32], pronounce: Pronunciations, floor: float
) -> NDArray[np.float64]:
    """(edges,), what each edge's word costs beside the likeliest phone of each frame: 0 is best."""
    shortfall = np.maximum(log_posteriors - log_posteriors.max(1, keepdims=True), -floor).astype(np.float64)
    frames = len(shortfall)
    silence = np.concatenate([[0.0], np.cumsum(shortfall[:, 0])])
    scores = np.empty(len(lattice.edges))
    first = 0
    while first < len(lattice.edges):
        last = first
        source = lattice.edges[first].source
        while last < len(lattice.edges) and lattice.edges[last].source == source:
            last += 1
        node = lattice.nodes[source]
        start = min(node.frame, frames - 1)
        ends = np.array([min(lattice.nodes[edge.target].frame, frames) for edge in lattice.edges[first:last]])
        ends = np.maximum(ends, start + 1)
        if node.word is None:
            scores[first:last] = silence[ends] - silence[start]
        else:
            phones = np.array(pronounce(node.word, node.variant) or [0], np.int64)
            laid = _laid()(shortfall, phones, start, int(ends.max()), MIN_FRAMES)[ends - start - 1]
            # Too short for its phones: as bad as can be.
            scores[first:last] = np.where(laid > -1e8, laid, -floor * (ends - start))
        first = last
    return scores


@dataclass(slots=True)
class _States:
    """A lattice whose nodes are told apart by the two words before them. Arcs are in order of their targets."""

    count: int = 0
    source: list[int] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    edge: list[int] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    language: list[float] = field(default_factory=list)
    _final: list[tuple[int, float]] = field(default_factory=list)

    def expand(
        self, lattice: Lattice, heard: NDArray[np.float64], language: LanguageModel, options: RescoringOptions
    ) -> None:
        """Viterbi in order of the nodes; at each, the best histories go on."""
        local = (options.phones * heard).tolist()
        after: list[list[tuple[int, Edge]]] = [[] for _ in lattice.nodes]
        for index, edge in enumerate(lattice.edges):
            after[edge.source].append((index, edge))
        waiting: list[dict[tuple[str, ...], tuple[float, list[tuple[int, int, float, float]]]]] = [
            {} for _ in lattice.nodes
        ]
        waiting[0][("<s>",)] = (0.0, [])
        last = len(lattice.nodes) - 1
        for place, node in enumerate(lattice.nodes):
            kept = sorted(waiting[place].items(), key=lambda item: -item[1][0])[: options.beam]
            waiting[place] = {}
            for history, (best, coming) in kept:
                state = self.count
                self.count += 1
                for source, edge, score, nats in coming:
                    self.source.append(source)
                    self.target.append(state)
                    self.edge.append(edge)
                    self.score.append(score)
                    self.language.append(nats)
                if place == last:
                    self._final.append((state, options.language * language(("</s>", *history))))
                nats = 0.0 if node.word is None else language((node.word, *history))
                entered = 0.0 if node.word is None else options.language * nats + options.word
                following = history if node.word is None else (node.word, *history[:1])
                for index, edge in after[place]:
                    score = entered + options.acoustic * edge.acoustic + local[index]
                    there = waiting[edge.target]
                    total = best + score
                    known = there.get(following)
                    if known is None:
                        there[following] = (total, [(state, index, score, nats)])
                    else:
                        known[1].append((state, index, score, nats))
                        if total > known[0]:
                            there[following] = (total, known[1])

    def best(self) -> list[int]:
        """The arcs of the best path."""
        total = [-math.inf] * self.count
        came = [-1] * self.count
        total[0] = 0.0
        for arc, (source, target, score) in enumerate(zip(self.source, self.target, self.score, strict=True)):
            if total[source] + score > total[target]:
                total[target], came[target] = total[source] + score, arc
        state = max(self._final, key=lambda final: total[final[0]] + final[1])[0]
        path: list[int] = []
        while came[state] >= 0:
            path.append(came[state])
            state = self.source[came[state]]
        return path[::-1]

    def posteriors(self, flatten: float) -> NDArray[np.float64]:
        """(arcs,), probability of each by the forward-backward algorithm."""
        scores = (np.array(self.score) / flatten).tolist()
        forward = [-math.inf] * self.count
        backward = [-math.inf] * self.count
        forward[0] = 0.0
        for source, target, score in zip(self.source, self.target, scores, strict=True):
            forward[target] = _log_add(forward[target], forward[source] + score)
        for state, score in self._final:
            backward[state] = score / flatten
        # In reverse, all arcs that leave a state come before those that lead to it.
        for source, target, score in zip(reversed(self.source), reversed(self.target), reversed(scores), strict=True):
            backward[source] = _log_add(backward[source], backward[target] + score)
        through = np.array(
            [forward[s] + score + backward[t] for s, t, score in zip(self.source, self.target, scores, strict=True)]
        )
        return np.exp(through - backward[0])


class _Shares:
    """How probable each word is at each frame."""

    def __init__(self, lattice: Lattice, per_edge: NDArray[np.float64], frames: int) -> None:
        self._rows: dict[str, NDArray[np.float64]] = {}
        for edge, share in zip(lattice.edges, per_edge.tolist(), strict=True):
            node: Node = lattice.nodes[edge.source]
            if node.word is None or share < 1e-4:
                continue
            row = self._rows.setdefault(node.word, np.zeros(frames + 1))
            row[min(node.frame, frames)] += share
            row[min(max(lattice.nodes[edge.target].frame, node.frame + 1), frames)] -= share
        self._rows = {word: np.cumsum(row) for word, row in self._rows.items()}

    def of(self, word: str, start: int, end: int) -> float:
        """The highest probability of a word between two frames."""
        own = self._rows.get(word)
        share = 0.0 if own is None else float(own[start:end].max(initial=0.0))
        return min(max(share, 0.0), 1.0)

    def rival(self, word: str, start: int, end: int) -> float:
        """The highest mean probability of any other word in the middle half between two frames."""
        quarter = (end - start) // 4
        middle = slice(start + quarter, max(end - quarter, start + quarter + 1))
        others = [float(row[middle].mean()) for other, row in self._rows.items() if other != word]
        return min(max(others, default=0.0), 1.0)


def _log_add(a: float, b: float) -> float:
    if a < b:
        a, b = b, a
    return a + math.log1p(math.exp(b - a)) if b > -math.inf else a


def compile_scoring() -> None:
    """Compile what is compiled; a process that forks does it once, before."""
    _laid()(np.zeros((2, 1)), np.zeros(1, np.int64), 0, 2, MIN_FRAMES)


@cache
def _laid() -> Callable[..., NDArray[np.float64]]:
    return compiled(_lay)


def _lay(scores, phones, start, stop, least):
    """Best sum of scores of the phones from `start` to each following frame, up to `stop`."""
    count = len(phones) * least
    best = np.full(count, -1e9)
    out = np.empty(stop - start)
    for t in range(start, stop):
        for state in range(count - 1, -1, -1):
            come = best[state - 1] if state else (0.0 if t == start else -1e9)
            if state % least == least - 1 and best[state] > come:
                come = best[state]
            best[state] = come + scores[t, phones[state // least]]
        out[t - start] = best[count - 1]
    return out
