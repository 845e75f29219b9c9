"""The diarizer to beat: statistics of MFCCs over sliding windows, clustered; no training, no decoding of frames.

What one writes in an afternoon: mean and standard deviation of 19 cepstral coefficients in sliding windows,
average linkage on cosine distance after normalizing over the recording, each frame to the window nearest to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.fft import dct

from hybrid_tok.annotations import SpeakerTurn
from hybrid_tok.audio import Audio
from hybrid_tok.models.logmel import log_mel
from hybrid_tok.timeline import Span

_PER_FRAME = 2
"""Log-mel frames (10 ms) per frame of the time grid."""


class MfccDiarizer:
    """A `Diarizer`.

    Args:
        threshold: cosine distance at which clusters are no longer joined.
    """

    @property
    def name(self) -> str:
        return "mfcc statistics"

    def __init__(self, threshold: float = 1.0, window: float = 2.0, hop: float = 0.5):
        self._threshold = threshold
        self._half, self._hop = round(window * 25), round(hop * 50)

    @property
    def fingerprint(self) -> str:
        return f"mfcc:{self._threshold}:{self._half}:{self._hop}"

    def diarize(self, audio: Audio, speech: Sequence[Span], speakers: int | None = None) -> tuple[SpeakerTurn, ...]:
        """Turns inside the given speech; `audio` is mono at 16 kHz."""
        cepstra = np.asarray(dct(log_mel(audio.samples), norm="ortho", axis=1))[:, 1:20]
        centres, points = [], []
        for span in speech:
            for centre in range(span.start, span.end, self._hop):
                low, high = max(span.start, centre - self._half), min(span.end, centre + self._half)
                part = cepstra[low * _PER_FRAME : high * _PER_FRAME]
                if len(part):
                    centres.append(centre)
                    points.append(np.concatenate([part.mean(0), part.std(0)]))
        if not points:
            return ()
        labels = self._cluster(np.stack(points), speakers)
        return _turns(np.array(centres), labels, speech)

    def _cluster(self, points: NDArray[np.floating], speakers: int | None) -> NDArray[np.int64]:
        if len(points) == 1:
            return np.zeros(1, np.int64)
        normal = (points - points.mean(0)) / np.maximum(points.std(0), 1e-6)
        tree = linkage(normal + 1e-9, method="average", metric="cosine")
        if speakers is not None:
            return fcluster(tree, speakers, criterion="maxclust").astype(np.int64)
        return fcluster(tree, self._threshold, criterion="distance").astype(np.int64)


def _turns(centres: NDArray[np.int64], labels: NDArray[np.int64], speech: Sequence[Span]) -> tuple[SpeakerTurn, ...]:
    order: dict[int, int] = {}
    turns: list[SpeakerTurn] = []
    for span in speech:
        frames = np.arange(span.start, span.end)
        inside = np.flatnonzero((centres >= span.start) & (centres < span.end))
        owner = labels[inside[np.abs(frames[:, None] - centres[inside]).argmin(1)]]
        edges = np.flatnonzero(np.diff(owner)) + 1
        for start, end in zip([0, *edges], [*edges, len(frames)], strict=True):
            speaker = order.setdefault(int(owner[start]), len(order))
            turns.append(SpeakerTurn(speaker, Span(span.start + int(start), span.start + int(end))))
    return tuple(turns)
