"""Masks over frames, and the stretches in which they are true."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.timeline import Span


def mask_to_spans(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches [start, end) in which a mask (N,) is true, in order."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def spans_to_mask(spans: Iterable[Span], frames: int) -> NDArray[np.bool_]:
    """Spans as a mask (frames,); what lies beyond its end is left out."""
    mask = np.zeros(frames, bool)
    for span in spans:
        mask[span.start : span.end] = True
    return mask
