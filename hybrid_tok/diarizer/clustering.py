"""Speaker clustering: how many speakers there are, and the speaker of each window, by online leader clustering.

Consecutive windows are joined first into stretches of one talker, as long as the voice stays the same. In order of
time, each stretch is then assigned to the most similar speaker so far, or, if none is similar enough, to a new one;
last, all stretches are reassigned to the most similar speaker found. The embedding of d seconds of speech is the
speaker's own plus an error whose power falls as 1 / d, which lowers the cosine similarity of two embeddings by
sqrt((1 + c / d1) (1 + c / d2)). Similarities are corrected for this, so that one threshold fits short and long
stretches. The usual bottom-up (agglomerative) clustering was worse: the larger two clusters are, the more the common
room makes them similar.

If the number of speakers is known, stretches are clustered bottom-up until that many are left; long recordings in
blocks, never more than `BLOCK` points at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from hybrid_tok.errors import OptionsError

BLOCK = 600
"""Maximum number of points compared with each other: time and memory grow with its square, and not with the square of
the recording's length."""


@dataclass(frozen=True, slots=True)
class ClusteringOptions:
    """When windows and clusters are one speaker.

    Attributes:
        follow: cosine similarity from which the next window without a pause between is the same talker.
        join_windows: mean similarity from which stretches are joined into pure clusters if the number of speakers is
            known.
        join_voices: `likeness` from which a stretch is assigned to an earlier speaker.
        doubt: seconds of speech for which the error of an embedding is as strong as the embedding (c above).
        shortest: seconds of speech that make a speaker, of a stretch or of all stretches together, unless there is no
            other speaker.
    """

    follow: float = 0.5
    join_windows: float = 0.85
    join_voices: float = 0.5
    doubt: float = 0.3
    shortest: float = 1.0

    def __post_init__(self) -> None:
        for name in ("follow", "join_windows", "join_voices"):
            if not -1 < getattr(self, name) < 1:
                raise OptionsError(f"{name} is a cosine similarity: give a value between -1 and 1")
        if min(self.doubt, self.shortest) < 0:
            raise OptionsError("doubt and shortest are seconds and cannot be negative")


def cluster(
    voices: NDArray[np.floating],
    seconds: NDArray[np.floating],
    options: ClusteringOptions,
    speakers: int | None = None,
    runs: NDArray[np.integer] | None = None,
) -> NDArray[np.int64]:
    """Labels (n,) 0, 1, ... in order of first appearance.

    Args:
        voices: (n, embedding), of unit length, in order of time.
        seconds: (n,) of speech that is new in each window, so that they add up to a cluster's length.
        speakers: how many there are, where that is known; fewer are found only if there are fewer windows.
        runs: (n,) index of the stretch of speech between pauses that each is in; without, there are no pauses.
    """
    if len(voices) == 0:
        return np.zeros(0, np.int64)
    seconds = np.asarray(seconds, np.float64)
    stretches = stretches_of(voices, seconds, np.zeros(len(voices), int) if runs is None else runs, options.follow)
    points, total = centroids(voices, seconds, stretches)
    if speakers is None:
        return by_appearance(_leaders(points, total, options)[stretches])
    return by_appearance(_join(points, total, _in_blocks(points, total, options), speakers, options.doubt)[stretches])


def likeness(
    voices: NDArray[np.floating],
    seconds: NDArray[np.floating],
    others: NDArray[np.floating],
    as_seconds: NDArray[np.floating],
    doubt: float,
) -> NDArray[np.float64]:
    """Cosine similarities (n, m) of embeddings (n, embedding) and (m, embedding) of unit length, corrected for the
    error of only (n,) and (m,) seconds of speech."""
    sure, as_sure = (np.sqrt(1 + doubt / np.maximum(s, 1e-6)) for s in (seconds, as_seconds))
    return np.asarray(voices @ others.T * np.outer(sure, as_sure), np.float64)


def _leaders(
    voices: NDArray[np.float64], seconds: NDArray[np.float64], options: ClusteringOptions
) -> NDArray[np.int64]:
    """Labels of stretches in order of time, by leader clustering."""
    sums, totals = voices[:1] * seconds[0], seconds[:1].copy()
    for voice, length in zip(voices[1:], seconds[1:], strict=True):
        alike = likeness(voice[np.newaxis], np.array([length]), unit(sums), totals, options.doubt)[0]
        best = int(np.argmax(alike))
        if alike[best] >= options.join_voices:
            sums[best] += voice * length
            totals[best] += length
        elif length >= options.shortest:
            sums, totals = np.vstack([sums, voice * length]), np.append(totals, length)
    stay = totals >= min(options.shortest, float(totals.max()))
    return np.asarray((voices @ unit(sums[stay]).T).argmax(1), np.int64)


def stretches_of(
    voices: NDArray[np.floating], seconds: NDArray[np.floating], runs: NDArray[np.integer], follow: float
) -> NDArray[np.int64]:
    """Index (n,) of each window's stretch: the most similar neighbours are joined until none are similar enough."""
    number = np.zeros(len(voices), np.int64)
    edges = [0, *(np.flatnonzero(np.diff(runs)) + 1).tolist(), len(voices)]
    for first, last in pairwise(edges):
        for start in range(first, last, BLOCK):
            part = slice(start, min(start + BLOCK, last))
            number[[start + bound for bound in _bounds(voices[part], seconds[part], follow)]] = 1
    return np.cumsum(number) - 1


def _bounds(voices: NDArray[np.floating], seconds: NDArray[np.floating], follow: float) -> list[int]:
    """First windows of the stretches of one run of speech."""
    sums = [voice * float(weight) for voice, weight in zip(np.asarray(voices, np.float64), seconds, strict=True)]
    bounds = list(range(len(voices)))
    alike = [cosine(a, b) for a, b in pairwise(sums)]
    while alike:
        best = int(np.argmax(alike))
        if alike[best] < follow:
            break
        sums[best] = sums[best] + sums.pop(best + 1)
        alike.pop(best)
        bounds.pop(best + 1)
        for k in (best - 1, best):
            if 0 <= k < len(alike):
                alike[k] = cosine(sums[k], sums[k + 1])
    return bounds


def cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Similarity of two vectors (embedding,) of any length; 0 if one of them is zero."""
    return float(a @ b) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12)


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """Vectors (n, embedding) at unit length; zeros stay zeros."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float64)


def centroids(
    voices: NDArray[np.floating], seconds: NDArray[np.floating], labels: NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Voices (k, embedding) of unit length, and seconds of speech (k,), of clusters 0 .. k - 1."""
    count = int(labels.max()) + 1
    sums = np.zeros((count, voices.shape[1]))
    np.add.at(sums, labels, voices * np.asarray(seconds)[:, None])
    total = np.bincount(labels, weights=seconds, minlength=count)
    return unit(sums), total.astype(np.float64)


def by_appearance(labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """Labels renumbered in order of first appearance."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _in_blocks(
    voices: NDArray[np.float64], seconds: NDArray[np.float64], options: ClusteringOptions
) -> NDArray[np.int64]:
    """Pure clusters; clusters of consecutive blocks are points of a further round, until all fit in one."""
    labels = np.zeros(len(voices), np.int64)
    count = 0
    for start in range(0, len(voices), BLOCK):
        part = slice(start, start + BLOCK)
        labels[part] = _linked(voices[part], options.join_windows) + count
        count = int(labels[part].max()) + 1
    if len(voices) <= BLOCK:
        return labels
    points, total = centroids(voices, seconds, labels)
    if count > 0.9 * len(voices):  # nothing is similar: another round would not end
        return labels
    return _in_blocks(points, total, options)[labels]


def _linked(voices: NDArray[np.float64], similarity: float) -> NDArray[np.int64]:
    if len(voices) == 1:
        return np.zeros(1, np.int64)
    tree = linkage(np.maximum(pdist(voices, "cosine"), 0.0), method="average")
    return fcluster(tree, 1.0 - similarity, criterion="distance").astype(np.int64) - 1


def _join(
    voices: NDArray[np.floating], seconds: NDArray[np.floating], labels: NDArray[np.int64], speakers: int, doubt: float
) -> NDArray[np.int64]:
    """Join the two most similar clusters until there are no more than `speakers`."""
    while (count := int(labels.max()) + 1) > speakers:
        points, total = centroids(voices, seconds, labels)
        alike = likeness(points, total, points, total, doubt)
        alike[np.tril_indices(count)] = -np.inf
        a, b = np.unravel_index(int(np.argmax(alike)), alike.shape)
        labels = np.where(labels == b, a, labels)
        labels = np.where(labels > b, labels - 1, labels)
    return labels
