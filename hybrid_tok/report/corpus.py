"""The page of a corpus: hours, tokens, what the recordings are, what failed, and what it has cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hybrid_tok.core.languages import LANGUAGES
from hybrid_tok.report.page import Page, printable_name
from hybrid_tok.report.results import ReportError

FORMAT, VERSION = "hybrid-tok corpus", 1

_SHOWN = 20
"""Errors that are shown; all of them are in `errors.jsonl`."""

_LONGEST = 1000
"""Characters of an error that are shown."""

_DISTRIBUTIONS = {
    "tokens_per_second": ("Tokens per second", "tokens/s", "linear"),
    "duration": ("Length", "seconds", "logarithmic"),
    "confidence": ("Confidence of the words", "mean probability that a word is right", "linear"),
    "snr": ("Speech above background", "dB", "linear"),
}
"""Title, unit and scale of each histogram."""

_REASONS = {
    "line": "the line of the manifest is broken",
    "duplicate": "an earlier line has the same id",
    "missing": "no such file, or no right to read it",
    "unreadable": "the audio is damaged",
    "duration": "the duration is not the file's",
    "annotations": "the annotations contradict the recording",
    "backend": "a backend failed",
    "memory": "too little memory",
    "killed": "the process that encoded it ended",
}

_NAMES = {"none": "no text", "unknown": "language unknown", **LANGUAGES}


def corpus_page(report: Mapping[str, Any], name: str) -> Page:
    """The page of a corpus.

    Args:
        report: what `report.json` of the corpus holds; without errors, fingerprint and preset they are not shown.
        name: of the corpus, for people.

    Raises:
        ReportError: it is no report of a corpus, a damaged one, or one of another version.
    """
    shown = printable_name(name)
    if report.get("format") != FORMAT:
        raise ReportError(f"{shown}: not a report of `hybrid-tok corpus encode`")
    if report.get("version") != VERSION:
        raise ReportError(
            f"{shown}: version {report.get('version')!r:.20}, but this release reads {VERSION}: run it again"
        )
    try:
        return Page("corpus", name, _shown(report, shown))
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ReportError(f"{shown}: damaged ({f'{error!r}'[:100]}): run it again") from None


def _shown(report: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What the page shows of a report, each part with its type."""
    return {
        "name": name,
        "rows": int(report["rows"]),
        "seconds": _number(report["seconds"]),
        "tokens": int(report["tokens"]),
        "words": int(report["words"]),
        "mean": _number(report["mean_tokens_per_second"]),
        "time": {kind: _number(report["time"][kind]) for kind in ("text", "units", "silence")},
        "distributions": [_distribution(report[key], *about) for key, about in _DISTRIBUTIONS.items()],
        "languages": [
            [str(_NAMES.get(code, code)), str(code), _number(part)] for code, part in report["languages"].items()
        ],
        "speakers": _counts(report["speakers_per_row"]),
        "names": {
            "count": int(report["speaker_names"]["count"]),
            "more": bool(report["speaker_names"]["or_more"]),
        },
        "events": _counts(report["events"]),
        "failures": [[reason, _REASONS.get(reason, ""), count] for reason, count in _counts(report["failures"])],
        "errors": [_error(one) for one in report.get("errors", ())[:_SHOWN]],
        "run": _run(report["run"]),
        "preset": str(report.get("preset", "")),
        "fingerprint": str(report.get("fingerprint", "")),
    }


def _distribution(found: Mapping[str, Any], title: str, unit: str, scale: str) -> dict[str, Any]:
    edges, counts = [_number(edge) for edge in found["edges"]], [int(count) for count in found["counts"]]
    if counts and len(edges) != len(counts) + 1:
        raise ValueError(f"{len(counts)} bins have {len(edges)} edges")
    return {
        "title": title,
        "unit": unit,
        "scale": scale,
        "rows": int(found["rows"]),
        "below": int(found["below"]),
        "above": int(found["above"]),
        "edges": edges,
        "counts": counts,
        "percentiles": {str(percent): _optional(value) for percent, value in found["percentiles"].items()},
    }


def _run(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "wall": _number(found["wall_seconds"]),
        "machine_seconds": _number(found["machine_seconds"]),
        "stages": [[str(stage), _number(spent)] for stage, spent in found["stage_seconds"].items()],
        "workers": int(found["workers"]),
        "price": _optional(found["price"]),
        "speed": _optional(found["hours_per_hour"]),
        "machine_hours": _optional(found["machine_hours_per_1000_hours"]),
        "cost": _optional(found["cost_per_1000_hours"]),
        "machine": {str(key): str(value) for key, value in found["machine"].items()},
        "versions": {str(key): str(value) for key, value in found["versions"].items()},
    }


def _error(found: Mapping[str, Any]) -> list[str]:
    """Where, reason, message."""
    where = found.get("id") or found["where"]
    return [_text(where), str(found["reason"]), _text(found["message"])]


def _text(value: Any) -> str:
    """Text that a file can hold, however long it was."""
    return printable_name(str(value)[:_LONGEST])


def _counts(found: Mapping[str, Any]) -> list[list[Any]]:
    return [[str(name), int(count)] for name, count in found.items()]


def _optional(value: Any) -> float | None:
    return None if value is None else _number(value)


def _number(value: Any) -> float:
    """A number that JSON of a page can hold.

    Raises:
        ValueError: it is none.
    """
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no figure")
    return number
