"""The states that an alignment passes through: all readings of all words of a text, as one network.

Between the words lie boundaries 0..W. At a boundary time can pass in silence or in speech that is not in the text, and
from one boundary to the next the path goes through the states of a word, or skips the word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.align.pronounce import Phones, Pronouncer
from hybrid_tok.normalize import WrittenWord

MIN_FRAMES = 3
"""Frames of 10 ms that a phone lasts at least."""

_MAX_STATES = 1200
"""Of one word; the readings beyond are left out (a telephone number has many)."""


@dataclass(frozen=True, slots=True)
class WordGraph:
    """A text as arrays. States are numbered word by word, every state after those that lead to it.

    Attributes:
        phone: (S,), column of the frame scores of each state.
        entry: (S,), whether the state follows the boundary before its word.
        before: states that lead to state s are `before[before_at[s] : before_at[s + 1]]`, itself not among them.
        leave: last states of word w are `leave[leave_at[w] : leave_at[w + 1]]`.
        first: (W + 1,), the states of word w are first[w] .. first[w + 1].
        plain: phone strings of the words' first readings, for searching; columns of the frame scores.
        unit: (S,), counts the phones of a state's word, so that two alike in a row can be told apart.
    """

    phone: NDArray[np.int32]
    entry: NDArray[np.bool_]
    before: NDArray[np.int32]
    before_at: NDArray[np.int64]
    leave: NDArray[np.int32]
    leave_at: NDArray[np.int64]
    first: NDArray[np.int64]
    plain: tuple[tuple[int, ...], ...]
    unit: NDArray[np.int32]

    @property
    def words(self) -> int:
        return len(self.first) - 1

    @property
    def states(self) -> int:
        return len(self.phone)


class _Builder:
    """Grows the states of one word after another."""

    def __init__(self, columns: dict[str, int], silence: int) -> None:
        self.columns, self.silence = columns, silence
        self.phone: list[int] = []
        self.before: list[list[int]] = []
        self.entry: list[bool] = []
        self.unit: list[int] = []
        self._units = 0

    def chain(self, column: int, ends: list[int], entry: bool, length: int) -> int:
        """States in a row, reached from `ends` or the boundary; returns the last."""
        self._units += 1
        for index in range(length):
            self.phone.append(column)
            self.before.append(ends if index == 0 else [len(self.phone) - 2])
            self.entry.append(entry and index == 0)
            self.unit.append(self._units)
        return len(self.phone) - 1

    def reading(self, spoken: Sequence[tuple[Phones, ...]]) -> list[int]:
        """One reading: spoken words in a row, each in all its pronunciations; returns its last states."""
        ends: list[int] = []
        for place, variants in enumerate(spoken):
            if place:
                ends = [*ends, self.chain(self.silence, ends, False, 1)]
            following: list[int] = []
            for phones in variants:
                last = -1
                for index, phone in enumerate(phones):
                    sources = ends if index == 0 else [last]
                    last = self.chain(self.columns[phone], sources, place == 0 and index == 0, MIN_FRAMES)
                following.append(last)
            ends = following
        return ends


def build_graph(words: Sequence[WrittenWord], pronouncer: Pronouncer, phones: Sequence[str]) -> WordGraph:
    """The network of a text. A word without any reading that can be pronounced has no states: it can only be skipped.

    Args:
        phones: what the columns of the frame scores stand for, "SIL" among them.
    """
    columns = {phone: index for index, phone in enumerate(phones)}
    builder = _Builder(columns, columns["SIL"])
    first, leave, leave_at = [0], [], [0]
    plain: list[tuple[int, ...]] = []
    for word in words:
        readings = [(spoken, [pronouncer.pronounce(part) for part in spoken]) for spoken in word.spoken]
        sayable = [(spoken, variants) for spoken, variants in readings if all(variants)]
        start = len(builder.phone)
        for _, variants in sayable:
            size = MIN_FRAMES * sum(len(phones) for part in variants for phones in part)
            if len(builder.phone) == start or len(builder.phone) + size <= start + _MAX_STATES:
                leave += builder.reading(variants)
        plain.append(tuple(columns[phone] for part in sayable[0][1] for phone in part[0]) if sayable else ())
        first.append(len(builder.phone))
        leave_at.append(len(leave))
    return WordGraph(
        np.array(builder.phone, np.int32),
        np.array(builder.entry, np.bool_),
        np.array([source for sources in builder.before for source in sources], np.int32),
        np.array([0, *accumulate(map(len, builder.before))], np.int64),
        np.array(leave, np.int32),
        np.array(leave_at, np.int64),
        np.array(first, np.int64),
        tuple(plain),
        np.array(builder.unit, np.int32),
    )
