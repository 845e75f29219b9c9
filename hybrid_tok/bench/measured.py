"""What `bench run` has measured: scores by recording, system and metric, figures over recordings, and their JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hybrid_tok.bench.bootstrap import Estimate, Score, estimate
from hybrid_tok.bench.metrics.catalogue import METRICS
from hybrid_tok.bench.results import rounded, to_json
from hybrid_tok.bench.score import ScoreOptions, hybrid_score, parts_of
from hybrid_tok.bench.systems import System
from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.errors import HybridTokError

FORMAT, VERSION = "hybrid-tok bench", 1
DIGITS = 6
"""To which scores are rounded, before anything is made of them: the same as in the file."""
_LIBRARIES = ("hybrid-tok", "numpy", "scipy", "torch", "faster-whisper", "onnxruntime", "pesq", "pystoi", "jiwer")


class MeasuredError(HybridTokError):
    """A file that holds no results, or those of another version."""


@dataclass(frozen=True, slots=True)
class Row:
    """A recording after a system.

    Attributes:
        fingerprint: of the system, by which rows of an earlier run are known to be of the same models.
        category: of the recording.
        seconds: its length.
        scores: by metric; None where the metric has nothing to say of this recording.
        error: why there are none, in one line.
    """

    recording: str
    system: str
    fingerprint: str
    category: str
    seconds: float
    scores: Mapping[str, Score | None] = field(default_factory=dict)
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As a line of a journal, or of the results."""
        return {**asdict(self), "scores": dict(self.scores)}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Row:
        """A row as `to_json` wrote it."""
        scores = {key: tuple(one) if isinstance(one, list) else one for key, one in entry["scores"].items()}
        return cls(**{**entry, "scores": scores})


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The results of a run.

    Attributes:
        suite: the suite's name.
        folder: what was measured, by its own name, without the path.
        systems: names, in the order they were asked for.
        metrics: likewise.
        seed: of the bootstrap.
        score: weights of the hybrid score.
    """

    suite: str
    folder: str
    systems: tuple[str, ...]
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    seed: int = 0
    score: ScoreOptions = field(default_factory=ScoreOptions)

    @property
    def errors(self) -> list[Row]:
        """Rows without scores."""
        return [row for row in self.rows if row.error is not None]

    def scores(self, system: str, metric: str, category: str | None = None) -> dict[str, Score | None]:
        """A system's scores by recording, of all categories or of one."""
        return {
            row.recording: row.scores.get(metric)
            for row in self.rows
            if row.system == system and row.error is None and category in (None, row.category)
        }

    def figures(self, system: str, category: str | None = None) -> dict[str, Estimate]:
        """A system's figures by metric, those there are."""
        found = {name: estimate(list(self.scores(system, name, category).values()), self.seed) for name in self.metrics}
        return {name: one for name, one in found.items() if one is not None}

    def hybrid_scores(self) -> dict[str, dict[str, Any]]:
        """The hybrid score by system, of the parts that all systems have."""
        values = {system: {name: one.value for name, one in self.figures(system).items()} for system in self.systems}
        coded = {system: figures for system, figures in values.items() if "bits_per_second" in figures}
        shared = frozenset.intersection(*(frozenset(parts_of(one)) for one in coded.values())) if coded else frozenset()
        scores = {system: hybrid_score(figures, self.score, shared) for system, figures in coded.items() if shared}
        return {system: score for system, score in scores.items() if score is not None}

    def save(self, path: Path) -> None:
        """Write the JSON; what was there is replaced when it is complete."""
        with atomic_write(path) as file:
            file.write((to_json(rounded(self.to_json(), DIGITS)) + "\n").encode())

    def to_json(self) -> dict[str, Any]:
        """Everything, with the figures and intervals that the rows give."""
        scores = self.hybrid_scores()
        lengths = {row.recording: row.seconds for row in self.rows}
        categories = sorted({row.category for row in self.rows})
        return {
            "format": FORMAT,
            "version": VERSION,
            "suite": self.suite,
            "folder": self.folder,
            "recordings": len(lengths),
            "seconds": sum(lengths.values()),
            "seed": self.seed,
            "score": asdict(self.score),
            "machine": {
                "cores": os.cpu_count(),
                "processor": platform.machine(),
                "python": platform.python_version(),
            },
            "versions": {name: found for name in _LIBRARIES if (found := _version(name)) is not None},
            "metrics": {
                name: {
                    "title": METRICS[name].title,
                    "better": METRICS[name].better,
                    "unit": METRICS[name].unit,
                    "about": METRICS[name].about,
                }
                for name in self.metrics
            },
            "systems": {name: self._system(name, categories, scores.get(name)) for name in self.systems},
            "rows": [row.to_json() for row in self.rows],
        }

    def _system(self, name: str, categories: Sequence[str], score: Mapping[str, Any] | None) -> dict[str, Any]:
        system = System.parse(name)
        rows = [row for row in self.rows if row.system == name]
        several = categories if len(categories) > 1 else ()
        return {
            "title": system.title,
            "ours": system.ours,
            "fingerprint": next((row.fingerprint for row in rows), ""),
            "timing": system.timing,
            "summary": {metric: asdict(one) for metric, one in self.figures(name).items()},
            "categories": {
                category: {metric: one.value for metric, one in self.figures(name, category).items()}
                for category in several
            },
            "score": score,
            "errors": sum(row.error is not None for row in rows),
        }


def load(path: Path) -> Measured:
    """Results from their JSON.

    Raises:
        MeasuredError: it is not there, damaged, or of another version.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise MeasuredError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise MeasuredError(f"{path}: not JSON ({error})") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise MeasuredError(f"{path}: not results of hybrid-tok bench run")
    if found.get("version") != VERSION:
        raise MeasuredError(f"{path}: version {found.get('version')!r}, but this release reads {VERSION}: run it again")
    try:
        return Measured(
            found["suite"],
            found["folder"],
            tuple(found["systems"]),
            tuple(found["metrics"]),
            tuple(Row.from_json(row) for row in found["rows"]),
            found["seed"],
            ScoreOptions(**found["score"]),
        )
    except (LookupError, TypeError) as error:
        raise MeasuredError(f"{path}: damaged ({error!r}): run it again") from None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
