"""How many voices there are, and which window is whose: agglomerative clustering with its own test of one against many.

Windows are joined by average linkage on cosine distance into small pure clusters. Then clusters are joined while the
voices of two, each averaged over all its windows, are as alike as one person's would be; the longer both are, the
surer their voices, and the more alike they must be. What stays too short to be a person goes to the nearest voice.
Long recordings are clustered block by block and the clusters' voices joined: never more than `BLOCK` points at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from hybrid_tok.errors import OptionsError

BLOCK = 600
"""Most points compared with one another: time and memory grow with its square, not with the recording's."""


@dataclass(frozen=True, slots=True)
class ClusteringOptions:
    """When windows and clusters are one voice.

    Attributes:
        join_windows: mean cosine similarity at which windows are still joined.
        join_voices: cosine similarity of averaged voices at which two long clusters are one person.
        short: how much lower that is for very short clusters, whose voices are uncertain.
        certain: seconds of speech at which half of that is gone.
        shortest: seconds of speech without which a cluster is no person, unless it is the only one.
    """

    join_windows: float = 0.5
    join_voices: float = 0.4
    short: float = 0.3
    certain: float = 2.0
    shortest: float = 0.6

    def __post_init__(self) -> None:
        if not (-1 < self.join_windows < 1 and -1 < self.join_voices < 1):
            raise OptionsError("join_windows and join_voices are cosine similarities: give values between -1 and 1")
        if min(self.short, self.certain, self.shortest) < 0:
            raise OptionsError("short, certain and shortest cannot be negative")


def cluster(
    voices: NDArray[np.floating],
    seconds: NDArray[np.floating],
    options: ClusteringOptions,
    speakers: int | None = None,
) -> NDArray[np.int64]:
    """Labels (n,) 0, 1, ... in order of first appearance.

    Args:
        voices: (n, embedding), of unit length, in order of time.
        seconds: (n,) of speech that is new in each window, so that they add up to a cluster's length.
        speakers: how many there are, where that is known; fewer are found only if there are fewer windows.
    """
    if len(voices) == 0:
        return np.zeros(0, np.int64)
    labels = _in_blocks(np.asarray(voices, np.float64), np.asarray(seconds, np.float64), options)
    labels = _join(voices, seconds, labels, options, speakers)
    return by_appearance(labels)


def centroids(
    voices: NDArray[np.floating], seconds: NDArray[np.floating], labels: NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Voices (k, embedding) of unit length, and seconds of speech (k,), of clusters 0 .. k - 1."""
    count = int(labels.max()) + 1
    sums = np.zeros((count, voices.shape[1]))
    np.add.at(sums, labels, voices * np.asarray(seconds)[:, None])
    total = np.bincount(labels, weights=seconds, minlength=count)
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12), total.astype(np.float64)


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
    if count > 0.9 * len(voices):  # nothing is alike: another round would not end
        return labels
    return _in_blocks(points, total, options)[labels]


def _linked(voices: NDArray[np.float64], similarity: float) -> NDArray[np.int64]:
    if len(voices) == 1:
        return np.zeros(1, np.int64)
    tree = linkage(np.maximum(pdist(voices, "cosine"), 0.0), method="average")
    return fcluster(tree, 1.0 - similarity, criterion="distance").astype(np.int64) - 1


def _join(
    voices: NDArray[np.floating],
    seconds: NDArray[np.floating],
    labels: NDArray[np.int64],
    options: ClusteringOptions,
    speakers: int | None,
) -> NDArray[np.int64]:
    """Join the two clusters that are most alike beyond what two people could be, again and again."""
    while (count := int(labels.max()) + 1) > 1:
        points, total = centroids(voices, seconds, labels)
        doubt = options.short * options.certain / (options.certain + np.minimum.outer(total, total))
        margin = points @ points.T - (options.join_voices - doubt)
        margin[np.tril_indices(count)] = -np.inf
        a, b = np.unravel_index(int(np.argmax(margin)), margin.shape)
        if speakers is None:
            if margin[a, b] < 0:
                small = int(np.argmin(total))
                if total[small] >= options.shortest:
                    break
                others = np.where(np.arange(count) == small, -np.inf, points @ points[small])
                a, b = sorted((small, int(np.argmax(others))))
        elif count <= speakers:
            break
        labels = np.where(labels == b, a, labels)
        labels = np.where(labels > b, labels - 1, labels)
    return labels
