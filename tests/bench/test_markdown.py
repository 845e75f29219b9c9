"""Tables in their places."""

from __future__ import annotations

from hybrid_tok.bench.markdown import fill, number, percent, table
from hybrid_tok.bench.results import ResultsError


def test_table() -> None:
    rows = [("base", percent(0.333), number(1.25, 1)), ("tiny", percent(None), number(None))]
    assert table(("model", "share", "x"), rows).splitlines() == [
        "| model | share | x |",
        "|---|---:|---:|",
        "| base | 33% | 1.2 |",
        "| tiny | - | - |",
    ]


def test_fill_replaces_what_is_between_the_markers() -> None:
    text = "before\n<!-- table: one -->\nold\nrows\n<!-- end -->\nbetween\n<!-- table: two -->\n<!-- end -->\n"
    filled, complaints = fill(text, {"one": lambda: "1", "two": lambda: "2"})
    assert filled == ("before\n<!-- table: one -->\n1\n<!-- end -->\nbetween\n<!-- table: two -->\n2\n<!-- end -->\n")
    assert complaints == []
    assert fill(filled, {"one": lambda: "1", "two": lambda: "2"})[0] == filled


def test_fill_names_what_is_missing_and_goes_on() -> None:
    def unmeasured() -> str:
        raise ResultsError("x.json has no 'y'")

    def outdated() -> str:
        return {}["area"]

    text = "".join(f"<!-- table: {name} -->\nold\n<!-- end -->\n" for name in ("odd", "early", "late", "good"))
    filled, complaints = fill(text, {"early": unmeasured, "late": outdated, "good": lambda: "new", "lost": str})
    assert filled == text[: text.rindex("old")] + "new\n<!-- end -->\n"
    assert [complaint.partition(":")[0] for complaint in complaints] == [
        "<!-- table",
        "table early",
        "table late",
        "no place, each a line with <!-- end --> below it, for",
    ]
    assert "odd" in complaints[0] and "'y'" in complaints[1] and "'area'" in complaints[2] and "lost" in complaints[3]
