"""The report of a corpus as a page's data; what is no report is refused in one line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hybrid_tok.corpus.figures import Tally
from hybrid_tok.report import ReportError, render
from hybrid_tok.report.corpus import corpus_page
from report_pages import HOSTILE, corpus_report

PARTS = ("rows", "seconds", "time", "tokens_per_second", "languages", "speakers_per_row", "events", "failures", "run")


def test_what_the_page_shows() -> None:
    report = corpus_report()
    data: Any = corpus_page(json.loads(json.dumps(report)), "shards").data
    assert data["rows"] == 300 and data["tokens"] == report["tokens"] and data["time"]["text"] == 0.7
    titles = [one["title"] for one in data["distributions"]]
    assert titles == ["Tokens per second", "Length", "Confidence of the words", "Speech above background"]
    for one in data["distributions"]:
        assert one["below"] + sum(one["counts"]) + one["above"] == one["rows"] == 300
        assert len(one["edges"]) == len(one["counts"]) + 1
    assert {(title, code) for title, code, _ in data["languages"]} == {
        ("English", "en"),
        ("German", "de"),
        (HOSTILE, HOSTILE),
        ("no text", "none"),
    }
    assert data["speakers"][-1] == ["20+", 14] and sum(rows for _, rows in data["speakers"]) == 300
    assert data["failures"][0] == ["missing", "no such file, or no right to read it", 25]
    assert data["errors"][0] == [f"{HOSTILE}, line 8", "missing", f"{HOSTILE}: no such file"]
    assert data["errors"][-1] == ["id?", "killed", "ended the process"], "an id before its place in the manifest"
    assert data["run"]["cost"] == pytest.approx(120.0 / data["seconds"] * 1000 * 0.85, abs=1e-3)


def test_what_is_not_known_is_left_out() -> None:
    data: Any = corpus_page(Tally().figures().to_json(), "empty").data
    assert data["errors"] == data["failures"] == data["languages"] == [] and data["preset"] == ""
    assert data["run"]["cost"] is None and data["run"]["speed"] is None
    assert all(one["edges"] == [] and one["percentiles"]["50"] is None for one in data["distributions"])
    assert "<h1>empty</h1>" in render(corpus_page(Tally().figures().to_json(), "empty"))


def test_few_errors_are_shown_and_no_longer_than_a_page_can_hold() -> None:
    error = {"where": "m.jsonl, line 1", "reason": "line", "message": "x" * 1_000_000, "id": None, "audio": None}
    data: Any = corpus_page(corpus_report() | {"errors": [error] * 1000}, "shards").data
    assert len(data["errors"]) == 20 and {len(message) for _, _, message in data["errors"]} == {1000}


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ({}, "r: not a report of"),
        ({"format": "hybrid-tok bench", "version": 1}, "r: not a report of"),
        ({"format": "hybrid-tok corpus", "version": 2}, "r: version 2, but this release reads 1"),
        ({"format": "hybrid-tok corpus", "version": 1}, "r: damaged"),
    ],
)
def test_what_is_no_report_is_refused_in_one_line(report: dict[str, Any], message: str) -> None:
    with pytest.raises(ReportError) as refused:
        corpus_page(report, "r")
    assert str(refused.value).startswith(message) and "\n" not in str(refused.value)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("value", [None, 3, "x", [3], {"a": 3}, float("nan"), float("inf")])
def test_damaged_parts_are_refused_or_shown(part: str, value: Any) -> None:
    try:
        page = corpus_page(corpus_report() | {part: value}, "r")
    except ReportError as refused:
        assert "damaged" in str(refused) and "\n" not in str(refused)
    else:
        json.dumps(page.data, allow_nan=False)


def test_bins_that_do_not_fit_their_edges_are_refused() -> None:
    report = corpus_report()
    report["snr"]["edges"].pop()
    with pytest.raises(ReportError, match="damaged"):
        corpus_page(report, "r")
