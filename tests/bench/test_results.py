"""What benchmark scripts write, and what they keep of an earlier run."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import pytest

from hybrid_tok.bench.results import ResultsError, load_part, measure_parts, rounded, to_json


def run(out: Path, only: list[str], about: dict[str, Any], value: float = 1.0) -> dict[str, Any]:
    parts = {name: lambda: {"value": value} for name in ("a", "b", "c")}
    return measure_parts(argparse.Namespace(out=out, only=only), parts, about)


def test_parts_not_asked_for_are_kept(tmp_path: Path) -> None:
    out = tmp_path / "made" / "x.json"
    assert run(out, ["b"], {"model": "m"}) == {"b": {"value": 1.0}}
    run(out, ["a", "b"], {"model": "m"}, 2.0)
    run(out, ["c"], {"model": "m"}, 3.0)
    written = json.loads(out.read_text())
    assert list(written) == ["model", "a", "b", "c"]
    assert [written[name]["value"] for name in "abc"] == [2.0, 2.0, 3.0]


def test_parts_of_another_model_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "x.json"
    run(out, ["a"], {"model": "m", "weight": math.inf})
    run(out, ["b"], {"model": "m", "weight": math.inf})
    assert "left out" not in capsys.readouterr().out
    run(out, ["c"], {"model": "n", "weight": math.inf})
    assert list(json.loads(out.read_text())) == ["model", "weight", "c"]
    assert "other options or models" in capsys.readouterr().out


def test_rounded() -> None:
    value = {"a": [0.123456, 3], "b": {"c": math.nan, "d": math.inf}, "e": "text", "f": (None, True)}
    assert rounded(value) == {"a": [0.1235, 3], "b": {"c": None, "d": "inf"}, "e": "text", "f": [None, True]}


def test_json_has_a_line_for_each_innermost_value() -> None:
    value = {"a": 1, "b": {"c": 2, "d": "x { }\n"}, "e": [{"f": None}, [1, 2]], "g": {}}
    text = to_json(value)
    assert json.loads(text) == value
    assert text.splitlines() == [
        "{",
        ' "a": 1,',
        ' "b": {"c": 2, "d": "x { }\\n"},',
        ' "e": [',
        '  {"f": null},',
        "  [1, 2]",
        " ],",
        ' "g": {}',
        "}",
    ]


def test_a_part_that_was_not_measured_names_its_script(tmp_path: Path) -> None:
    (tmp_path / "speed.json").write_text('{"lengths": 1}')
    assert load_part(tmp_path, "speed", "lengths") == 1
    with pytest.raises(ResultsError, match=r"speed.json has no 'windows': python benchmarks/speed.py"):
        load_part(tmp_path, "speed", "windows")
    with pytest.raises(ResultsError, match=r"python benchmarks/words.py"):
        load_part(tmp_path, "words", "models")
    (tmp_path / "words.json").write_text('{"limit": 2, "models": 1}')
    with pytest.raises(ResultsError, match=r"with --limit 2"):
        load_part(tmp_path, "words", "models")
