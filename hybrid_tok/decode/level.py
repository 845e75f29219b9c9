"""Active speech level: how loud a speaker is, pauses left out."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.timeline import FRAME_RATE
from hybrid_tok.decode.plan import UnitSegment

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


class SpeakerLevels:
    """How loud each speaker is, from the unit runs decoded so far.

    Events do not count: a laugh is louder and a breath softer than the words around it.

    Args:
        default_db: active level where there are no units to measure.
    """

    _ENOUGH = FRAME_RATE // 2
    """Active frames (0.5 s) that a level is measured on at least."""

    _RANGE_DB = (-40.0, -14.0)
    """Levels are clipped to this range: an unlabelled unit run may hold a whisper or a slamming door."""

    def __init__(self, default_db: float) -> None:
        self._default_db = default_db
        self._powers: defaultdict[int, list[NDArray[np.float64]]] = defaultdict(list)
        self._known: dict[int, float] = {}

    def add(self, segment: UnitSegment, body: NDArray[np.float32], sample_rate: int) -> None:
        """Add a decoded segment; `body` has its samples without overhang."""
        powers = frame_powers(body, sample_rate)
        self._known.clear()
        start = 0
        for part in segment.parts:
            if part.speech:
                self._powers[part.speaker].append(powers[start : start + part.frames])
            start += part.frames

    def of(self, speaker: int) -> float:
        """A speaker's level in dB re full scale: that of the speaker's units, else of all units, else the default."""
        if speaker not in self._known:
            self._known[speaker] = self._measure(speaker)
        return self._known[speaker]

    def _measure(self, speaker: int) -> float:
        own = self._powers.get(speaker, [])
        everything = [powers for one in self._powers.values() for powers in one]
        for measured in (own, everything):
            level = active_level(np.concatenate(measured)) if measured else None
            if level is not None and level[1] >= self._ENOUGH:
                return min(max(level[0], self._RANGE_DB[0]), self._RANGE_DB[1])
        return self._default_db
