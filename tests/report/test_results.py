"""Results of `bench run` as a page's data; what is no results is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hybrid_tok.report import ReportError, results_page
from report_pages import HOSTILE, results, write_results


def test_what_the_page_shows(tmp_path: Path) -> None:
    data: Any = results_page(write_results(tmp_path), "r.json").data
    assert [one["name"] for one in data["metrics"]] == ["pesq_wb", "wer", "length", "bits_per_second"]
    ours, opus, codec2 = data["systems"]
    assert ours["ours"] and not opus["ours"] and "pesq_wb" not in codec2["summary"]
    assert ours["summary"]["wer"] == {"value": 0.05, "low": 0.95 * 0.05, "high": 1.05 * 0.05, "recordings": 2}
    assert ours["score"]["parts"]["words"] == {"value": 0.95, "weight": 0.6}
    assert data["errors"] == [[f"{HOSTILE}.wav", "codec2:mode=3200", HOSTILE]]
    assert data["seconds"] == 5.0 and data["machine"]["cores"] == "2"


def test_nan_and_infinities_are_no_figures(tmp_path: Path) -> None:
    changed = results()
    changed["systems"]["default"]["summary"]["wer"]["high"] = float("inf")
    changed["systems"]["default"]["summary"]["pesq_wb"]["value"] = float("nan")
    data: Any = results_page(write_results(tmp_path, changed), "r.json").data
    summary = data["systems"][0]["summary"]
    assert summary["wer"]["high"] is None and summary["pesq_wb"]["value"] is None
    json.dumps(data, allow_nan=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "r.json: not JSON"),
        ("[" * 100_000, "r.json: not JSON"),
        ("[]", "r.json: not results of"),
        ('{"format": "other"}', "r.json: not results of"),
        ('{"format": "hybrid-tok bench", "version": 2}', "r.json: version 2, but this release reads 1"),
        ('{"format": "hybrid-tok bench", "version": 1}', "r.json: damaged"),
    ],
)
def test_what_is_no_results_is_refused_in_one_line(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(content)
    with pytest.raises(ReportError) as refused:
        results_page(path, "r.json")
    assert str(refused.value).startswith(message) and "\n" not in str(refused.value)


@pytest.mark.parametrize("part", ["metrics", "systems", "rows", "suite", "recordings", "seconds"])
@pytest.mark.parametrize("value", [None, 3, "x", [3], {"a": 3}])
def test_damaged_parts_are_refused_or_shown(part: str, value: Any, tmp_path: Path) -> None:
    try:
        results_page(write_results(tmp_path, {part: value}), "r.json")
    except ReportError as refused:
        assert "damaged" in str(refused) and "\n" not in str(refused)
