"""Active speech level (ITU-T P.56): how loud someone speaks, pauses left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MARGIN_DB = 15.9
"""ITU-T P.56: a frame is active if its level is less than this below the active level."""

_SILENCE = 1e-9
"""Frame power (-90 dB) below which nothing is ever active."""


def active_level(powers: NDArray[np.float64]) -> tuple[float, int] | None:
    """Active speech level in dB re full scale (dBov), and how many frames are active.

    ITU-T P.56 (method B) on frame powers: the level of the frames above a threshold 15.9 dB below that same level, so
    that pauses do not count. None where nothing is active.
    """
    ordered = np.sort(powers[powers > _SILENCE])[::-1]
    if not len(ordered):
        return None
    levels = 10.0 * np.log10(np.cumsum(ordered) / np.arange(1, len(ordered) + 1))
    # From the loudest frame down: the first frame too far below the level of those above it is a pause.
    too_far = np.flatnonzero(levels[:-1] - 10.0 * np.log10(ordered[1:]) > _MARGIN_DB)
    last = int(too_far[0]) if len(too_far) else len(ordered) - 1
    return float(levels[last]), last + 1
