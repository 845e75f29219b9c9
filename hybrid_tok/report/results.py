"""The page of results of `bench run`: a table, each metric against the bit rate, the score's parts, the errors."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from hybrid_tok.errors import HybridTokError
from hybrid_tok.report.page import Page, printable_name

FORMAT, VERSION = "hybrid-tok bench", 1


class ReportError(HybridTokError):
    """A file that a page cannot be made of: no results, damaged ones, or those of another version."""


def results_page(path: str | Path, name: str) -> Page:
    """The page of a file of results.

    Args:
        name: of the file, for people.

    Raises:
        ReportError: it holds no results, damaged ones, or those of another version.
        OSError: it cannot be read.
    """
    found = read_json(path, name)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ReportError(f"{name}: not results of `hybrid-tok bench run`")
    if found.get("version") != VERSION:
        raise ReportError(
            f"{name}: version {found.get('version')!r:.20}, but this release reads {VERSION}: run it again"
        )
    try:
        return Page("results", name, _finite(_shown(found, name)))
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise ReportError(f"{name}: damaged ({f'{error!r}'[:100]}): run it again") from None


def read_json(path: str | Path, name: str) -> Any:
    """What a file of JSON holds.

    Raises:
        ReportError: it is no JSON.
        OSError: it cannot be read.
    """
    try:
        return json.loads(Path(path).read_bytes())
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{name}: not JSON ({f'{error}'.splitlines()[0][:100]})") from None


def _shown(found: dict[str, Any], name: str) -> dict[str, Any]:
    """What the page shows of results; figures of single recordings stay out, their errors do not."""
    metrics = [
        {
            "name": metric,
            "title": str(about.get("title", metric)),
            "better": str(about.get("better", "higher")),
            "unit": str(about.get("unit", "")),
            "about": str(about.get("about", "")),
        }
        for metric, about in found["metrics"].items()
    ]
    systems = [
        {
            "name": system,
            "title": str(one.get("title", system)),
            "ours": bool(one["ours"]),
            "timing": str(one.get("timing") or ""),
            "fingerprint": str(one.get("fingerprint") or ""),
            "summary": {metric: _interval(figure) for metric, figure in one["summary"].items()},
            "score": _score(one.get("score")),
            "errors": int(one.get("errors", 0)),
        }
        for system, one in found["systems"].items()
    ]
    return {
        "name": printable_name(name),
        "suite": str(found["suite"]),
        "folder": str(found["folder"]),
        "recordings": int(found["recordings"]),
        "seconds": float(found["seconds"]),
        "seed": int(found.get("seed", 0)),
        "machine": {str(key): str(value) for key, value in found.get("machine", {}).items()},
        "versions": {str(key): str(value) for key, value in found.get("versions", {}).items()},
        "metrics": metrics,
        "systems": systems,
        "errors": [
            [str(row["recording"]), str(row["system"]), str(row["error"])]
            for row in found["rows"]
            if row.get("error") is not None
        ],
    }


def _interval(figure: dict[str, Any]) -> dict[str, Any]:
    """A figure with its interval, if it has one."""
    value = float(figure["value"])
    low, high = figure.get("low"), figure.get("high")
    return {
        "value": value,
        "low": value if low is None else float(low),
        "high": value if high is None else float(high),
        "recordings": int(figure.get("recordings", 0)),
    }


def _score(score: dict[str, Any] | None) -> dict[str, Any] | None:
    if score is None:
        return None
    return {
        "value": float(score["value"]),
        "quality": float(score["quality"]),
        "bits": float(score["bits_per_second"]),
        "parts": {
            str(part): {"value": float(one["value"]), "weight": float(one["weight"])}
            for part, one in score["parts"].items()
        },
    }


def _finite(value: Any) -> Any:
    """The same without NaN and infinities, which JSON of a page has not: they are null."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
