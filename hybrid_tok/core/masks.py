"""Masks over frames, and the stretches in which they are true."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mask_to_spans(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches [start, end) in which a mask (N,) is true, in order."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
