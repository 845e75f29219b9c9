"""Which voice is heard in each frame: Viterbi decoding of short windows' likeness to the voices there are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def best_path(scores: NDArray[np.floating], switch: NDArray[np.floating]) -> NDArray[np.int64]:
    """The state (T,) per frame that maximises the sum of scores less what switching costs.

    Args:
        scores: (T, states), in nats.
        switch: (T,) what it costs to enter frame t in another state than frame t - 1, in nats.
    """
    frames, states = scores.shape
    back = np.empty((frames, states), np.int64)
    total = np.zeros(states)
    stay = np.arange(states)
    for t in range(frames):
        best = int(np.argmax(total))
        changed = total[best] - switch[t]
        back[t] = np.where(total >= changed, stay, best)
        total = np.maximum(total, changed) + scores[t]
        total -= total.max()
    path = np.empty(frames, np.int64)
    state = int(np.argmax(total))
    for t in range(frames - 1, -1, -1):
        path[t] = state
        state = int(back[t, state])
    return path
