"""Markdown tables, and the places in a document that they go to.

A place is a comment line `<!-- table: NAME -->`; what follows it up to `<!-- end -->` is the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from hybrid_tok.bench.results import ResultsError

_PLACE = re.compile(r"<!-- table: (\w+) -->\n.*?<!-- end -->", re.S)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table: the first column names things, the others hold numbers."""
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join(["---"] + ["---:"] * (len(header) - 1)) + "|"]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)


def percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def fill(text: str, tables: Mapping[str, Callable[[], str]]) -> tuple[str, list[str]]:
    """A document with its tables made again, and a line for each that could not be: one without a place, a place
    without a table, and one whose results are not there, which stays as it was."""
    complaints: list[str] = []

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if name not in tables:
            complaints.append(f"<!-- table: {name} --> names no table; there are: {', '.join(tables)}")
            return match[0]
        try:
            return f"<!-- table: {name} -->\n{tables[name]()}\n<!-- end -->"
        except ResultsError as error:
            complaints.append(f"table {name}: {error}")
        except (KeyError, TypeError) as error:
            complaints.append(f"table {name}: its results are of another version ({error!r}): measure them again")
        return match[0]

    filled = _PLACE.sub(replace, text)
    places = set(_PLACE.findall(text))
    missing = [f"<!-- table: {name} -->" for name in tables if name not in places]
    if missing:
        complaints.append(f"no place, each a line with <!-- end --> below it, for: {', '.join(missing)}")
    return filled, complaints
