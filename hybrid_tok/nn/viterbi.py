"""Viterbi's algorithm: the cheapest sequence of states, in time linear in its length.

Arguments of both functions:

- `local`: (n, S), cost of each state at each step; n >= 1.
- `moves`: (K, S, S), cost of going from a state (row) to another (column), for each kind of step.
- `kinds`: (n,), kind of the step into each place; the first is not read.
- `first`, `last`: (S,), cost of starting and of ending in a state.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.float64]


def best_path(
    local: Costs, moves: Costs, kinds: NDArray[np.integer], first: Costs | float = 0.0, last: Costs | float = 0.0
) -> NDArray[np.int64]:
    """The states (n,) of minimum total cost; of equal costs, prefer to keep the state, then the lower one."""
    total, origin = _forward(local, moves, kinds, first)
    path = np.empty(len(local), np.int64)
    path[-1] = np.argmin(total[-1] + last)
    for index in range(len(path) - 1, 0, -1):
        path[index - 1] = origin[index, path[index]]
    return path


def min_marginals(
    local: Costs, moves: Costs, kinds: NDArray[np.integer], first: Costs | float = 0.0, last: Costs | float = 0.0
) -> Costs:
    """The cost of the cheapest sequence through each state, (n, S)."""
    through, _ = _forward(local, moves, kinds, first)
    after = np.zeros(local.shape[1]) + last
    through[-1] += after
    for index in range(len(local) - 2, -1, -1):
        after = (moves[kinds[index + 1]] + local[index + 1] + after).min(axis=1)
        through[index] += after
    return through


def _forward(
    local: Costs, moves: Costs, kinds: NDArray[np.integer], first: Costs | float
) -> tuple[Costs, NDArray[np.int64]]:
    """The cost of the cheapest path to each state, its own cost included, and its predecessor: (n, S) each."""
    total, origin = np.empty(local.shape), np.zeros(local.shape, np.int64)
    total[0] = first + local[0]
    states = np.arange(local.shape[1])
    for index in range(1, len(local)):
        reached = total[index - 1][:, None] + moves[kinds[index]]
        least, kept = reached.min(axis=0), reached.diagonal()
        origin[index] = np.where(kept <= least, states, reached.argmin(axis=0))
        total[index] = least + local[index]
    return total, origin
