"""How sure a figure is: the bootstrap over recordings (Efron 1979), and its paired form for two systems.

Recordings are drawn again with replacement, so that the interval says what other recordings of the same kind would
give. Of two systems the same recordings are drawn, since what is hard is hard for both (Bisani and Ney 2004).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Score: TypeAlias = "float | tuple[float, float]"
"""Of one recording: a number, whose mean is taken over recordings; or (part, whole), such as errors and words, whose
sums are divided."""

DRAWS = 2000
LOW, HIGH = 2.5, 97.5
"""Percentiles of the interval: 95%."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure over recordings.

    Attributes:
        low, high: 95% interval; equal to `value` with one recording.
        recordings: with a score.
    """

    value: float
    low: float
    high: float
    recordings: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A second system minus a first one, over the recordings that both have a score of.

    Attributes:
        first, second: the two figures, over these recordings alone.
        value, low, high: of the difference, as of `Estimate`.
        above: how often the second is above the first when recordings are drawn again, in [0, 1]; ties count half.
    """

    first: float
    second: float
    value: float
    low: float
    high: float
    above: float
    recordings: int


def estimate(scores: Sequence[Score | None], seed: int = 0) -> Estimate | None:
    """The figure of several recordings; None without a score, or with nothing to have a share of."""
    table = _table([score for score in scores if score is not None and _is_known(score)])
    if not len(table) or not table[:, 1].sum():
        return None
    drawn = _drawn(table, seed)
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.percentile(drawn, (LOW, HIGH))
    return Estimate(_pooled(table), float(low), float(high), len(table))


def compare(first: Sequence[Score | None], second: Sequence[Score | None], seed: int = 0) -> Difference | None:
    """The second minus the first, of the same recordings in the same order; None without a score of both."""
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    pairs = [(a, b) for a, b in pairs if _is_known(a) and _is_known(b)]
    tables = [_table([pair[which] for pair in pairs]) for which in (0, 1)]
    if not pairs or not all(table[:, 1].sum() for table in tables):
        return None
    before, after = (_drawn(table, seed) for table in tables)
    gain = (after - before)[np.isfinite(after - before)]
    low, high = np.percentile(gain, (LOW, HIGH))
    above = float(np.mean(gain > 0) + 0.5 * np.mean(gain == 0))
    one, two = map(_pooled, tables)
    return Difference(one, two, two - one, float(low), float(high), above, len(pairs))


def _table(scores: Sequence[Score]) -> NDArray[np.float64]:
    """(recordings, 2): part and whole; a number is the part of one."""
    rows = [(score, 1.0) if isinstance(score, int | float) else score for score in scores]
    return np.array(rows, np.float64).reshape(-1, 2)


def _is_known(score: Score) -> bool:
    return bool(np.isfinite(score).all())


def _pooled(table: NDArray[np.float64]) -> float:
    part, whole = table.sum(axis=0)
    return float(part / whole)


def _drawn(table: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """(draws,) figures; the same seed draws the same recordings of tables of the same length."""
    chosen = np.random.default_rng(seed).integers(0, len(table), (DRAWS, len(table)))
    sums = table[chosen].sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums[:, 0] / sums[:, 1]
