"""Viterbi's algorithm, with the cost of the best path through every state.

Compiled by numba when first needed: importing numba takes half a second, which a process that never gates should
not pay.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.nn.numba_compile import compiled


def best_path(
    local: NDArray[np.float64],
    moves: NDArray[np.float64],
    kinds: NDArray[np.int64],
    first: NDArray[np.float64],
    last: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The cheapest sequence of states, in time linear in its length; equal costs go to the lower state.

    Args:
        local: (n, S), cost of each state at each step; n >= 1.
        moves: (K, S, S), cost of going from a state (row) to another (column), for each kind of step.
        kinds: (n,), kind of the step into each place; the first is not read.
        first, last: (S,), cost of starting and of ending in a state.

    Returns:
        The states (n,), and the cost of the cheapest sequence through each state (n, S), from a pass forwards and
        one backwards (min-marginals).
    """
    return _compiled()(local, moves, kinds, first, last)


@cache
def _compiled() -> Callable[..., tuple[NDArray[np.int64], NDArray[np.float64]]]:
    return compiled(_passes)


def _passes(
    local: NDArray[np.float64],
    moves: NDArray[np.float64],
    kinds: NDArray[np.int64],
    first: NDArray[np.float64],
    last: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """See `best_path`."""
    length, states = local.shape
    forward = np.empty((length, states))
    origin = np.zeros((length, states), np.int64)
    for state in range(states):
        forward[0, state] = first[state] + local[0, state]
    for index in range(1, length):
        for state in range(states):
            best, source = np.inf, 0
            for before in range(states):
                cost = forward[index - 1, before] + moves[kinds[index], before, state]
                if cost < best:
                    best, source = cost, before
            forward[index, state] = best + local[index, state]
            origin[index, state] = source
    path = np.empty(length, np.int64)
    best, source = np.inf, 0
    for state in range(states):
        cost = forward[length - 1, state] + last[state]
        if cost < best:
            best, source = cost, state
    for index in range(length - 1, -1, -1):
        path[index] = source
        source = origin[index, source]
    through = np.empty((length, states))
    after = last.copy()  # best cost of everything after a state
    for index in range(length - 1, -1, -1):
        if index < length - 1:
            earlier = np.full(states, np.inf)
            for state in range(states):
                for following in range(states):
                    cost = moves[kinds[index + 1], state, following] + local[index + 1, following] + after[following]
                    if cost < earlier[state]:
                        earlier[state] = cost
            after = earlier
        for state in range(states):
            through[index, state] = forward[index, state] + after[state]
    return path, through
