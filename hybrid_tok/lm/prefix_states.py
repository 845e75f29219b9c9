"""The states of a batch of sequences that grow by one id per call, whichever way their rows are reordered meanwhile.

A sequence is known by its ids, not by its row: beams swap rows, and assisted generation steps back. So the last calls'
rows are kept with their states, and a row that is one of those and one id more is advanced by that id. All other rows
are prompts: they are read from their start.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hybrid_tok.errors import GrammarError, OptionsError
from hybrid_tok.lm.mixed_grammar import OVER, MixedGrammar, MixedState

KEPT_CALLS = 16
"""Calls whose rows are remembered: as many ids as assisted generation may step back without reading rows anew."""


@dataclass(frozen=True)
class _Call:
    rows: np.ndarray
    states: list[MixedState]

    @cached_property
    def by_ids(self) -> dict[bytes, MixedState]:
        return {row.tobytes(): state for row, state in zip(self.rows, self.states, strict=True)}


class PrefixStates:
    """Finds the states of rows.

    Args:
        prompts: accepts what stands in a prompt.
        generated: accepts what may be generated after it.
    """

    def __init__(self, prompts: MixedGrammar, generated: MixedGrammar) -> None:
        self._prompts = prompts
        self._generated = generated
        self._calls: deque[_Call] = deque(maxlen=KEPT_CALLS)

    def of(self, rows: np.ndarray) -> list[MixedState]:
        """The state after each row; `OVER` after one that broke the rules when it was generated.

        Such rows are hypotheses that a search has given up already, with a score of minus infinity.

        Args:
            rows: ids [batch, length], padding included.

        Raises:
            GrammarError: a prompt breaks the grammar; the message has its row.
            OptionsError: a prompt is padded on the right.
        """
        rows = rows.astype(np.int32)
        known, before = [False] * len(rows), [OVER] * len(rows)
        last = self._calls[-1] if self._calls else None
        if last is not None and last.rows.shape == (len(rows), rows.shape[1] - 1):  # most often no row has moved
            known, before = (last.rows == rows[:, :-1]).all(1).tolist(), last.states
        prompts: dict[bytes, MixedState] = {}
        states: list[MixedState] = []
        for index, row_known in enumerate(known):
            if row_known:
                states.append(self._advanced(before[index], int(rows[index, -1])))
                continue
            key = rows[index].tobytes()
            if key not in prompts:
                prompts[key] = self._remembered(rows[index]) or self._read(rows[index], index)
            states.append(prompts[key])
        self._calls.append(_Call(rows, states))
        return states

    def _advanced(self, state: MixedState, token: int) -> MixedState:
        try:
            return self._generated.advance(state, token)
        except GrammarError:
            return OVER

    def _remembered(self, row: np.ndarray) -> MixedState | None:
        for call in reversed(self._calls):
            if call.rows.shape[1] == row.size and (state := call.by_ids.get(row.tobytes())):
                return state
            if call.rows.shape[1] == row.size - 1 and (state := call.by_ids.get(row[:-1].tobytes())):
                return self._advanced(state, int(row[-1]))
        return None

    def _read(self, row: np.ndarray, index: int) -> MixedState:
        try:
            state = self._prompts.read(self._prompts.start, row.tolist())
        except GrammarError as error:
            raise GrammarError(error.position, f"{error.found} in row {index} of the prompts", error.allowed) from None
        if state.phase == "over":
            raise OptionsError(f"row {index} of the prompts ends in padding: pad prompts on the left")
        return self._generated.resumed(state)
