"""From who is active in which frame to speaker turns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.annotations import SpeakerTurn
from hybrid_tok.core.masks import mask_to_spans
from hybrid_tok.core.timeline import FRAME_RATE, Span
from hybrid_tok.errors import OptionsError


@dataclass(frozen=True, slots=True)
class TurnOptions:
    """How frames become turns.

    Attributes:
        bridge: seconds of pause within which a speaker's turn continues if no one else talks in it.
        shortest: seconds; shorter turns are left out, unless there is nothing else.
    """

    bridge: float = 1.2
    shortest: float = 0.2

    def __post_init__(self) -> None:
        if min(self.bridge, self.shortest) < 0:
            raise OptionsError("bridge and shortest are seconds and cannot be negative")


def turns_of(active: NDArray[np.bool_], options: TurnOptions) -> tuple[SpeakerTurn, ...]:
    """Turns, sorted by start; speakers are numbered in order of first appearance.

    Args:
        active: (speakers, frames of 20 ms), which may overlap.
    """
    bridge = round(options.bridge * FRAME_RATE)
    found: list[tuple[int, int, int]] = []
    for speaker, own in enumerate(active):
        others = np.asarray(np.delete(active, speaker, axis=0).any(axis=0))
        turns: list[tuple[int, int]] = []
        for start, end in mask_to_spans(own):
            if turns and start - turns[-1][1] <= bridge and not others[turns[-1][1] : start].any():
                turns[-1] = (turns[-1][0], end)
            else:
                turns.append((start, end))
        found += ((start, end, speaker) for start, end in turns)
    least = min(options.shortest * FRAME_RATE, max((end - start for start, end, _ in found), default=0))
    order: dict[int, int] = {}
    return tuple(
        SpeakerTurn(order.setdefault(speaker, len(order)), Span(start, end))
        for start, end, speaker in sorted(found)
        if end - start >= least
    )
