"""Scripts of `benchmarks/`: their arguments, their parts, and the JSON they write."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hybrid_tok.errors import HybridTokError


def read_arguments(doc: str | None, name: str, parts: Sequence[str]) -> argparse.Namespace:
    """`data`, `out`, `limit` and `only` from the command line of the script benchmarks/NAME.py."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/audio"), help="folder with dev/ and dialogues/")
    parser.add_argument("--out", type=Path, default=Path(f"benchmarks/results/{name}.json"))
    parser.add_argument("--limit", type=int, help="at most this many recordings of each kind")
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts), help="measure these, keep the others")
    return parser.parse_args()


def measure_parts(
    arguments: argparse.Namespace, parts: Mapping[str, Callable[[], Any]], about: Mapping[str, Any]
) -> dict[str, Any]:
    """Measure the parts asked for and write the JSON after each; returns all results.

    Parts that were not asked for stay as an earlier run wrote them, unless it was about something else.

    Args:
        arguments: as `read_arguments` gives them.
        parts: by name, each measured when called.
        about: what the figures are of, such as fingerprints; it goes first.
    """
    out: Path = arguments.out
    before = json.loads(out.read_text("utf-8")) if out.is_file() else {}
    about = rounded(about)
    if before and any(before.get(key) != value for key, value in about.items()):
        print(f"{out} is of other options or models: its parts are left out")
        before = {}
    measured: dict[str, Any] = {name: before[name] for name in parts if name in before}
    out.parent.mkdir(parents=True, exist_ok=True)
    for name in arguments.only:
        started = time.perf_counter()
        measured[name] = rounded(parts[name]())
        results = {**about, **{name: measured[name] for name in parts if name in measured}}
        out.write_text(to_json(results) + "\n", "utf-8")
        print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
    return measured


class ResultsError(HybridTokError):
    """Results that were never measured, or not as they should be."""


def load_part(folder: Path, name: str, part: str) -> Any:
    """A part of `folder`/NAME.json.

    Raises:
        ResultsError: it is not there, or of a few recordings only; the message has the command that measures it.
    """
    path = folder / f"{name}.json"
    results = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    if part not in results:
        raise ResultsError(f"{path} has no {part!r}: python benchmarks/{name}.py")
    if results.get("limit") is not None:
        raise ResultsError(f"{path} was measured with --limit {results['limit']}: python benchmarks/{name}.py")
    return results[part]


def rounded(value: Any, digits: int = 4) -> Any:
    """Floats inside dicts and sequences rounded; what is no number becomes None, infinity "inf"."""
    if isinstance(value, Mapping):
        return {key: rounded(one, digits) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one, digits) for one in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, digits) if math.isfinite(value) else str(value)
    return value


def to_json(value: Any, depth: int = 0) -> str:
    """Indented JSON, each innermost object or list on one line."""
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    if not any(isinstance(one, Mapping | list) for one in inside):
        return json.dumps(value)
    if isinstance(value, Mapping):
        lines = [f"{json.dumps(str(key))}: {to_json(one, depth + 1)}" for key, one in value.items()]
    else:
        lines = [to_json(one, depth + 1) for one in value]
    pad = "\n" + " " * depth
    start, end = "{}" if isinstance(value, Mapping) else "[]"
    return f"{start}{pad} {f',{pad} '.join(lines)}{pad}{end}"
