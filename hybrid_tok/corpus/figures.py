"""The figures of a corpus: each shard has a tally, and the corpus' tally is their sum.

A tally holds whole numbers only, so that a sum does not depend on its order, and it does not grow with the corpus:
histograms have fixed edges, and no more than `MAX_NAMES` names of speakers are told apart.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise
from typing import Any

from hybrid_tok.corpus.rows import Columns, Failure, Outcome, Row
from hybrid_tok.errors import CorpusError
from hybrid_tok.report.corpus import FORMAT, VERSION

MAX_NAMES = 10_000
"""Distinct names of speakers that are counted; of more it is only known that there are more."""

_TALLY = 1
"""Version of a stored tally: the counts below, and the edges of the histograms."""

_MICROSECONDS = 1_000_000

_PREFERRED = (100, 125, 160, 200, 250, 315, 400, 500, 630, 800)
"""Ten steps to a power of ten, each a quarter more than the last: the series R10 of ISO 3."""

_EDGES: Mapping[str, tuple[float, ...]] = {
    "tokens_per_second": tuple(step / 4 for step in range(4 * 1000 + 1)),
    "duration": (*(one * 10**power / 10_000 for power in range(1, 7) for one in _PREFERRED), 100_000.0),
    "confidence": tuple(step / 50 for step in range(51)),
    "snr": tuple(float(step) for step in range(-20, 101)),
}
"""Histograms over the rows: tokens/s, seconds, mean probability of a word, dB."""

_COUNTS = ("rows", "tokens", "words", "microseconds", "text", "units", "silence")
"""Sums over the rows; all but the first three are times in microseconds."""

_BY_NAME = ("languages", "speakers", "events", "failures")
"""Microseconds of each language; rows with so many speakers; events of each label; failures of each reason."""

_MANY_SPEAKERS = 20
"""Rows with so many speakers or more are counted together."""


class Tally:
    """Counts over outcomes, which add up."""

    def __init__(self) -> None:
        self._sums: Counter[str] = Counter()
        self._by_name: dict[str, Counter[str]] = {name: Counter() for name in _BY_NAME}
        self._histograms: dict[str, Counter[int]] = {name: Counter() for name in _EDGES}
        self._names: set[str] = set()

    def add(self, outcome: Outcome) -> None:
        """Count a row or a failure."""
        if isinstance(outcome, Failure):
            self._by_name["failures"][outcome.reason] += 1
            return
        columns, time = outcome.columns, round(outcome.seconds * _MICROSECONDS)
        self._sums["rows"] += 1
        self._sums["tokens"] += len(outcome.ids)
        self._sums["words"] += columns.words
        self._sums["microseconds"] += time
        for kind, share in (
            ("text", columns.text_share),
            ("units", columns.unit_share),
            ("silence", columns.silence_share),
        ):
            self._sums[kind] += round(share * time)
        for language, part in _divided(time, _languages(columns)):
            self._by_name["languages"][language] += part
        self._by_name["speakers"][_number_of(columns.speakers)] += 1
        self._by_name["events"].update(columns.events)
        self._names.update(_hash(name) for name in columns.speakers if _is_name(name))
        self._forget_names()
        for name, value in _values(outcome):
            self._histograms[name][bin_of(_EDGES[name], value)] += 1

    def __iadd__(self, other: Tally) -> Tally:
        self._sums.update(other._sums)
        for name, counts in other._by_name.items():
            self._by_name[name].update(counts)
        for name, bins in other._histograms.items():
            self._histograms[name].update(bins)
        self._names |= other._names
        self._forget_names()
        return self

    def __add__(self, other: Tally) -> Tally:
        total = Tally()
        total += self
        total += other
        return total

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tally) and self.to_json() == other.to_json()

    __hash__ = None  # pyright: ignore[reportAssignmentType] - it changes

    def to_json(self) -> dict[str, Any]:
        """For the file of a shard; the same for the same outcomes, whatever their order."""
        return {
            "version": _TALLY,
            "sums": {name: self._sums[name] for name in _COUNTS},
            "by_name": {name: _ordered(counts) for name, counts in self._by_name.items()},
            "histograms": {
                name: {str(place): counts[place] for place in sorted(counts)}
                for name, counts in self._histograms.items()
            },
            "names": sorted(self._names)[:MAX_NAMES],
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Tally:
        """The tally that `to_json` wrote.

        Raises:
            CorpusError: it is damaged, or another release's.
        """
        if written.get("version") != _TALLY:
            raise CorpusError(
                f"the figures of a shard have version {written.get('version')!r:.20}, but this release reads {_TALLY}: "
                "use the release that wrote them"
            )
        made = cls()
        try:
            made._sums.update({name: int(written["sums"][name]) for name in _COUNTS})
            for name, counts in made._by_name.items():
                counts.update({str(one): int(count) for one, count in written["by_name"][name].items()})
            for name, counts in made._histograms.items():
                counts.update({_place(name, place): int(n) for place, n in written["histograms"][name].items()})
            made._names.update(map(str, written["names"]))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise CorpusError(f"the figures of a shard are damaged ({f'{error!r}'[:100]})") from None
        return made

    def figures(self, run: RunFacts | None = None) -> Figures:
        """What people read.

        Args:
            run: what the corpus has taken, where that is known.
        """
        sums, time = self._sums, max(self._sums["microseconds"], 1)
        languages = {name: part / _MICROSECONDS for name, part in _most_first(self._by_name["languages"]).items()}
        speakers = self._by_name["speakers"]
        return Figures(
            rows=sums["rows"],
            seconds=sums["microseconds"] / _MICROSECONDS,
            tokens=sums["tokens"],
            words=sums["words"],
            text_share=sums["text"] / time,
            unit_share=sums["units"] / time,
            silence_share=sums["silence"] / time,
            tokens_per_second=self._distribution("tokens_per_second"),
            duration=self._distribution("duration"),
            confidence=self._distribution("confidence"),
            snr=self._distribution("snr"),
            languages=languages,
            speakers_per_row={
                number: speakers[number] for number in sorted(speakers, key=lambda one: int(one.strip("+")))
            },
            speaker_names=min(len(self._names), MAX_NAMES),
            events=_most_first(self._by_name["events"]),
            failures=_most_first(self._by_name["failures"]),
            run=run or RunFacts(),
        )

    def _distribution(self, name: str) -> Distribution:
        edges, counts = _EDGES[name], self._histograms[name]
        return Distribution(edges, tuple(counts[place] for place in range(len(edges) + 1)))

    def _forget_names(self) -> None:
        """Keep the least hashes. Which ones are the least of all does not depend on the order in which they came."""
        if len(self._names) > 2 * MAX_NAMES:
            self._names = set(sorted(self._names)[:MAX_NAMES])


@dataclass(frozen=True, slots=True)
class Distribution:
    """How a figure is spread over the rows that have it.

    Attributes:
        edges: of the bins, n + 1; each bin has its lower edge and not its upper one, but the last one has both.
        counts: of rows, n + 2: below the edges, in each bin, above the edges.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def count(self) -> int:
        """Rows that have the figure."""
        return sum(self.counts)

    def percentile(self, percent: float) -> float | None:
        """The value that this share of the rows does not exceed, as exact as the bins are wide; outside the edges, the
        nearest edge. None without rows."""
        count = self.count
        if not count:
            return None
        wanted, below = percent / 100.0 * count, 0
        for place, here in enumerate(self.counts):
            if here and below + here >= wanted:
                low, high = self.edges[max(place - 1, 0)], self.edges[min(place, len(self.edges) - 1)]
                return low + (high - low) * max(0.0, wanted - below) / here
            below += here
        return self.edges[-1]

    def to_json(self) -> dict[str, Any]:
        """The bins from the first to the last that has a row, and percentiles."""
        inside = self.counts[1:-1]
        used = [place for place, here in enumerate(inside) if here]
        first, last = (used[0], used[-1] + 1) if used else (0, 0)
        percentiles = {str(percent): self.percentile(percent) for percent in (5, 25, 50, 75, 95)}
        return {
            "rows": self.count,
            "below": self.counts[0],
            "above": self.counts[-1],
            "edges": list(self.edges[first : last + 1]) if used else [],
            "counts": list(inside[first:last]),
            "percentiles": {name: _rounded(value) for name, value in percentiles.items()},
        }


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a corpus has taken, all runs of the command together; what is not known is 0 or empty.

    Attributes:
        wall_seconds: of the runs.
        machine_seconds: the same, times the machines of each run.
        stage_seconds: of work, per stage, in all workers.
        workers: the most at once.
        price: of a machine per hour, in any currency; None if nobody has said.
        machine: what describes it.
        versions: of what matters.
    """

    wall_seconds: float = 0.0
    machine_seconds: float = 0.0
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    workers: int = 0
    price: float | None = None
    machine: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a corpus.

    Attributes:
        rows, seconds, tokens, words: in all.
        text_share, unit_share, silence_share: of the time, in [0, 1].
        tokens_per_second, duration, confidence, snr: over the rows: tokens/s; s; mean probability that a word is right,
            of rows with words; dB, of rows that have one.
        languages: seconds of each, the most first. A row's time is split evenly among its languages; "none" has no
            text, and of "unknown" the text has no language.
        speakers_per_row: number of speakers -> rows: "0", "1", .. "20+", which is 20 or more.
        speaker_names: distinct ones in the manifest, at most `MAX_NAMES`, which means that many or more. Names of one
            or two digits are not counted: those are of speakers who have no names.
        events: of each label, the most first.
        failures: entries without a row, by reason, the most first.
        run: what it has taken.
    """

    rows: int
    seconds: float
    tokens: int
    words: int
    text_share: float
    unit_share: float
    silence_share: float
    tokens_per_second: Distribution
    duration: Distribution
    confidence: Distribution
    snr: Distribution
    languages: Mapping[str, float]
    speakers_per_row: Mapping[str, int]
    speaker_names: int
    events: Mapping[str, int]
    failures: Mapping[str, int]
    run: RunFacts

    @property
    def hours(self) -> float:
        """Of audio."""
        return self.seconds / 3600.0

    @property
    def mean_tokens_per_second(self) -> float:
        """All tokens by all seconds; 0 without any."""
        return self.tokens / self.seconds if self.seconds else 0.0

    @property
    def hours_per_hour(self) -> float | None:
        """Hours of audio in an hour of the run; None where nothing is known about the run."""
        return self.seconds / self.run.wall_seconds if self.run.wall_seconds else None

    @property
    def cost_per_1000_hours(self) -> float | None:
        """In the price's currency; None without a price, or where nothing is known about the run."""
        return cost_per_1000_hours(self.run.machine_seconds, self.seconds, self.run.price)

    def to_json(self) -> dict[str, Any]:
        """For `report.json`."""
        run = self.run
        machine_hours = cost_per_1000_hours(run.machine_seconds, self.seconds, 1.0)
        return {
            "format": FORMAT,
            "version": VERSION,
            "rows": self.rows,
            "hours": round(self.hours, 4),
            "seconds": self.seconds,
            "tokens": self.tokens,
            "words": self.words,
            "mean_tokens_per_second": round(self.mean_tokens_per_second, 4),
            "time": {
                "text": round(self.text_share, 6),
                "units": round(self.unit_share, 6),
                "silence": round(self.silence_share, 6),
            },
            "tokens_per_second": self.tokens_per_second.to_json(),
            "duration": self.duration.to_json(),
            "confidence": self.confidence.to_json(),
            "snr": self.snr.to_json(),
            "languages": dict(self.languages),
            "speakers_per_row": dict(self.speakers_per_row),
            "speaker_names": {"count": self.speaker_names, "or_more": self.speaker_names >= MAX_NAMES},
            "events": dict(self.events),
            "failures": dict(self.failures),
            "run": {
                "wall_seconds": round(run.wall_seconds, 3),
                "machine_seconds": round(run.machine_seconds, 3),
                "stage_seconds": {stage: round(spent, 3) for stage, spent in run.stage_seconds.items()},
                "workers": run.workers,
                "price": run.price,
                "machine": dict(run.machine),
                "versions": dict(run.versions),
                "hours_per_hour": _rounded(self.hours_per_hour),
                "machine_hours_per_1000_hours": _rounded(machine_hours),
                "cost_per_1000_hours": _rounded(self.cost_per_1000_hours),
            },
        }

    def to_text(self) -> str:
        """For a terminal."""
        more = " or more" if self.speaker_names >= MAX_NAMES else ""
        lines = [
            ("recordings", f"{self.rows:,}"),
            ("hours", f"{self.hours:,.2f}"),
            ("tokens", f"{self.tokens:,}"),
            ("words", f"{self.words:,}"),
            ("tokens/s", f"{self.mean_tokens_per_second:.2f}; {_spread(self.tokens_per_second)}"),
            ("seconds", _spread(self.duration)),
            ("confidence", _spread(self.confidence)),
            ("SNR, dB", _spread(self.snr)),
            ("time", f"text {self.text_share:.1%}, units {self.unit_share:.1%}, silence {self.silence_share:.1%}"),
            ("languages", _listed((name, f"{part / 3600:,.2f} h") for name, part in self.languages.items())),
            ("speakers", _listed((f"{n}", f"{rows:,} rows") for n, rows in self.speakers_per_row.items())),
            ("names", f"{self.speaker_names:,}{more}"),
            ("events", _listed((label, f"{count:,}") for label, count in self.events.items())),
            ("failures", _listed((reason, f"{count:,}") for reason, count in self.failures.items())),
        ]
        if self.hours_per_hour is not None:
            lines.append(("speed", f"{self.hours_per_hour:,.1f} hours in an hour, {self.run.workers} workers"))
        if self.cost_per_1000_hours is not None:
            lines.append(("cost", f"{self.cost_per_1000_hours:,.2f} per 1,000 hours"))
        return "\n".join(f"{name:<12}{value}" for name, value in lines)


def cost_per_1000_hours(
    machine_seconds: float, seconds: float, price_per_machine_hour: float | None = None
) -> float | None:
    """What 1,000 hours of audio cost, in the price's currency.

    Args:
        machine_seconds: that the audio has taken, in all machines together.
        seconds: of the audio.
        price_per_machine_hour: in any currency; with 1, the result is machine-hours.

    Returns:
        None without a price, or where one of the times is 0.
    """
    if price_per_machine_hour is None or not machine_seconds or not seconds:
        return None
    return machine_seconds / seconds * 1000.0 * price_per_machine_hour


def _languages(columns: Columns) -> tuple[str, ...]:
    return columns.languages or (("unknown",) if columns.words else ("none",))


def _divided(time: int, names: Sequence[str]) -> Iterable[tuple[str, int]]:
    """Whole parts of a time, the same for all but for a rest, that add up to it."""
    bounds = [time * place // len(names) for place in range(len(names) + 1)]
    return zip(names, (high - low for low, high in pairwise(bounds)), strict=True)


def _number_of(speakers: Sequence[str]) -> str:
    return str(len(speakers)) if len(speakers) < _MANY_SPEAKERS else f"{_MANY_SPEAKERS}+"


def _is_name(speaker: str) -> bool:
    """Whether it is a name of the manifest: speakers without one are numbered within their recording."""
    return not (len(speaker) <= 2 and speaker.isdecimal())


def _hash(name: str) -> str:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _values(row: Row) -> Iterable[tuple[str, float]]:
    """What each histogram counts of a row."""
    if row.seconds > 0.0:
        yield "tokens_per_second", len(row.ids) / row.seconds
    yield "duration", row.seconds
    if row.columns.confidence is not None:
        yield "confidence", row.columns.confidence
    if row.columns.snr is not None:
        yield "snr", row.columns.snr


def bin_of(edges: Sequence[float], value: float) -> int:
    """0 below the edges, k between the edges k - 1 and k, the number of edges above them."""
    return len(edges) - 1 if value == edges[-1] else bisect_right(edges, value)


def _place(name: str, written: str) -> int:
    place = int(written)
    if not 0 <= place <= len(_EDGES[name]):
        raise ValueError(f"{name} has no bin {written:.20}")
    return place


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts) if counts[name]}


def _most_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(_ordered(counts).items(), key=lambda one: -one[1]))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _spread(distribution: Distribution) -> str:
    if not distribution.count:
        return "none"
    low, middle, high = (distribution.percentile(percent) for percent in (5, 50, 95))
    return f"median {middle:.2f}, 90% of recordings {low:.2f} to {high:.2f}"


def _listed(parts: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {value}" for name, value in parts) or "none"
