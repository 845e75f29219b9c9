"""Two systems compared over the recordings that both have, metric by metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hybrid_tok.bench.bootstrap import Difference, compare
from hybrid_tok.bench.measured import Measured
from hybrid_tok.bench.metrics.catalogue import METRICS
from hybrid_tok.errors import OptionsError

SURE = 0.975
"""Probability of being better from which a difference is called one: what a two-sided test of 5% asks for."""

FEWEST = 5
"""Recordings from which anything is said: with fewer, drawing them again shows nothing of how others differ."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A metric of two systems.

    Attributes:
        difference: the second minus the first, and both.
        better: probability that the second is better, in [0, 1]; None where neither direction is better.
    """

    metric: str
    difference: Difference
    better: float | None

    @property
    def is_sure(self) -> bool:
        """Whether one of the two is better."""
        return self.verdict in ("first", "second")

    @property
    def verdict(self) -> str:
        """Which is better, as far as the recordings can say."""
        if self.better is None:
            return ""
        if self.difference.recordings < FEWEST:
            return "too few"
        if self.better >= SURE:
            return "second"
        return "first" if self.better <= 1 - SURE else "not sure"


def pairs_of(results: Sequence[Measured], names: Sequence[str] = ()) -> list[tuple[Measured, str, Measured, str]]:
    """The pairs of systems to compare.

    Two results: each system that both have, or the only one of each. One: its first system with each of the others.

    Args:
        names: two systems to compare instead, the first of the first results and the second of the last.

    Raises:
        OptionsError: there is nothing to compare.
    """
    first, last = results[0], results[-1]
    if names:
        if len(names) != 2:
            raise OptionsError(f"{len(names)} systems were named: name the two to compare")
        for measured, name in ((first, names[0]), (last, names[1])):
            if name not in measured.systems:
                raise OptionsError(f"no system {name!r} in these results; there are: {', '.join(measured.systems)}")
        return [(first, names[0], last, names[1])]
    if len(results) == 1:
        if len(first.systems) == 1:
            raise OptionsError("these results are of one system: give those of another, too")
        return [(first, first.systems[0], first, other) for other in first.systems[1:]]
    shared = [name for name in first.systems if name in last.systems]
    if shared:
        return [(first, name, last, name) for name in shared]
    if len(first.systems) == len(last.systems) == 1:
        return [(first, first.systems[0], last, last.systems[0])]
    raise OptionsError("the two results have no system in common: name one of each with --system")


def compare_systems(first: Measured, before: str, last: Measured, after: str, seed: int = 0) -> list[Compared]:
    """Every metric that both have, over the recordings that both have.

    Raises:
        OptionsError: no recording is in both.
    """
    rows: list[Compared] = []
    shared = [name for name in first.metrics if name in last.metrics]
    for metric in shared:
        one, two = first.scores(before, metric), last.scores(after, metric)
        names = [name for name in one if name in two]
        difference = compare([one[name] for name in names], [two[name] for name in names], seed)
        if difference is None:
            continue
        better = METRICS[metric].better
        sure = difference.above if better == "higher" else 1 - difference.above if better == "lower" else None
        rows.append(Compared(metric, difference, sure))
    if not rows:
        raise OptionsError(f"{before} and {after} have no recording with a score of the same metric in common")
    return rows
