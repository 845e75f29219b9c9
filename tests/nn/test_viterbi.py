"""Viterbi's algorithm against every sequence there is."""

from __future__ import annotations

from itertools import product

import numpy as np

from hybrid_tok.nn.viterbi import best_path, min_marginals


def test_the_best_of_all_sequences_is_found() -> None:
    rng = np.random.default_rng(0)
    for length in (1, 2, 5):
        local, moves = rng.random((length, 3)), rng.random((2, 3, 3))
        kinds, first, last = rng.integers(2, size=length), rng.random(3), rng.random(3)
        moves[1, 0, 2] = first[1] = np.inf
        cost = {
            path: first[path[0]]
            + last[path[-1]]
            + sum(local[k, state] for k, state in enumerate(path))
            + sum(moves[kinds[k], path[k - 1], path[k]] for k in range(1, length))
            for path in product(range(3), repeat=length)
        }
        found = tuple(best_path(local, moves, kinds, first, last).tolist())
        assert cost[found] == min(cost.values())
        through = [[min(cost[path] for path in cost if path[k] == s) for s in range(3)] for k in range(length)]
        np.testing.assert_allclose(min_marginals(local, moves, kinds, first, last), through)


def test_a_glitch_is_ignored_and_a_change_followed() -> None:
    scores = np.zeros((30, 2))
    scores[:15, 0] = scores[15:, 1] = 1.0
    scores[5] = [0.0, 1.0]
    kinds, moves = np.zeros(30, int), np.array([[[0.0, 3.0], [3.0, 0.0]]])
    assert best_path(-scores, moves, kinds).tolist() == [0] * 15 + [1] * 15
    assert best_path(-scores, 0 * moves, kinds)[5] == 1


def test_of_equal_costs_a_state_is_kept() -> None:
    moves = np.zeros((1, 2, 2))
    ending = np.array([1.0, 0.0])
    assert best_path(np.zeros((4, 2)), moves, np.zeros(4, int)).tolist() == [0] * 4
    assert best_path(np.zeros((4, 2)), moves, np.zeros(4, int), last=ending).tolist() == [1] * 4
