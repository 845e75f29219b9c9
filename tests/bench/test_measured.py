"""Results: figures over recordings, their JSON, comparison of two, and plots."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hybrid_tok.bench.comparison import compare_systems, pairs_of
from hybrid_tok.bench.measured import Measured, MeasuredError, Row, load
from hybrid_tok.bench.plot import plot
from hybrid_tok.bench.score import ScoreOptions
from hybrid_tok.errors import OptionsError

OPUS, UNITS, TEXT = "opus", "default:layout=units", "default:layout=text"


def row(recording: str, system: str, wer: tuple[float, float], mel: float | None, bits: float) -> Row:
    scores = {"wer": wer, "mel": mel, "bits_per_second": (bits, 1.0)}
    return Row(recording, system, "f", recording[0], 1.0, scores)


def measured(*rows: Row) -> Measured:
    systems = tuple(dict.fromkeys(one.system for one in rows))
    return Measured("speech", "clips", systems, ("wer", "mel", "bits_per_second"), rows)


ROWS = (
    row("a1", OPUS, (1.0, 10.0), 1.0, 6000.0),
    row("a2", OPUS, (2.0, 10.0), 2.0, 6000.0),
    row("b1", OPUS, (0.0, 20.0), None, 6000.0),
    row("a1", UNITS, (2.0, 10.0), 0.5, 2000.0),
    row("a2", UNITS, (3.0, 10.0), 1.5, 2000.0),
    replace(row("b1", UNITS, (0.0, 0.0), None, 0.0), scores={}, error="no such file"),
)


def test_figures_are_pooled_or_averaged() -> None:
    figures = measured(*ROWS).figures(OPUS)
    assert figures["wer"].value == pytest.approx(3 / 40)
    assert (figures["mel"].value, figures["mel"].recordings) == (1.5, 2)
    assert measured(*ROWS).figures(OPUS, "b")["wer"].value == 0.0


def test_recordings_with_an_error_are_left_out_and_listed() -> None:
    found = measured(*ROWS)
    assert found.figures(UNITS)["wer"].recordings == 2
    assert [one.error for one in found.errors] == ["no such file"]
    assert found.to_json()["systems"][UNITS]["errors"] == 1


def test_results_come_back_from_their_file(tmp_path: Path) -> None:
    found = replace(measured(*ROWS), seed=4, score=ScoreOptions(words=1.0))
    found.save(tmp_path / "r.json")
    back = load(tmp_path / "r.json")
    assert (back.rows, back.systems, back.metrics, back.seed, back.score) == (
        found.rows, found.systems, found.metrics, 4, found.score,
    )  # fmt: skip
    written = json.loads((tmp_path / "r.json").read_text())
    assert (written["format"], written["version"], written["recordings"]) == ("hybrid-tok bench", 1, 3)
    summary = written["systems"][OPUS]["summary"]["wer"]
    assert summary["value"] == 0.075 and summary["low"] <= summary["value"] <= summary["high"]
    assert written["metrics"]["wer"]["better"] == "lower"
    assert written["systems"][OPUS]["categories"]["b"]["wer"] == 0.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "not results of hybrid-tok bench run"),
        ('{"format": "hybrid-tok bench", "version": 2}', "version 2, but this release reads 1: run it again"),
        ('{"format": "hybrid-tok bench", "version": 1}', "damaged"),
    ],
)
def test_what_holds_no_results_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(MeasuredError, match=message):
        load(tmp_path / "r.json")
    with pytest.raises(MeasuredError, match="No such file"):
        load(tmp_path / "nowhere.json")


def test_scores_are_of_the_parts_that_all_systems_have() -> None:
    scores = measured(*ROWS).hybrid_scores()
    assert list(scores) == [OPUS, UNITS]
    assert all(list(score["parts"]) == ["words"] for score in scores.values())


def test_systems_are_compared_over_recordings_of_both() -> None:
    found = measured(*ROWS)
    ((first, before, last, after),) = pairs_of([found])
    by_metric = {one.metric: one for one in compare_systems(first, before, last, after)}
    assert (before, after) == (OPUS, UNITS)
    wer = by_metric["wer"]
    assert (wer.difference.first, wer.difference.second) == pytest.approx((3 / 20, 5 / 20))
    assert (wer.better, wer.verdict) == (0.0, "too few")
    assert by_metric["mel"].difference.value == pytest.approx(-0.5)


def test_the_better_one_is_named_where_there_are_enough_recordings() -> None:
    rows = [
        row(f"{name}{number}", system, (errors + number, 50.0), mel, 1000.0)
        for system, errors, mel in ((OPUS, 1.0, 2.0), (UNITS, 3.0, 1.0))
        for number in range(3)
        for name in "ab"
    ]
    (pair,) = pairs_of([measured(*rows)])
    assert {one.metric: one.verdict for one in compare_systems(*pair)} == {
        "wer": "first",
        "mel": "second",
        "bits_per_second": "not sure",
    }


def test_what_to_compare() -> None:
    found, other = measured(*ROWS), measured(*(replace(one, system=TEXT) for one in ROWS[:3]))
    assert [(pair[1], pair[3]) for pair in pairs_of([found, found])] == [(OPUS, OPUS), (UNITS, UNITS)]
    assert [(pair[1], pair[3]) for pair in pairs_of([found, other], [UNITS, TEXT])] == [(UNITS, TEXT)]
    for results, names, message in (
        ([other], (), "of one system"),
        ([found, other], (), "no system in common"),
        ([found], ("x", OPUS), "no system 'x' in these results"),
        ([found], (OPUS,), "1 systems were named"),
    ):
        with pytest.raises(OptionsError, match=message):
            pairs_of(results, names)
    with pytest.raises(OptionsError, match="no recording with a score of the same metric"):
        elsewhere = measured(*(replace(one, recording=f"z{one.recording}") for one in ROWS))
        compare_systems(found, OPUS, elsewhere, OPUS)


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_plots_are_the_same_bytes_each_time(tmp_path: Path, suffix: str) -> None:
    rows = (*ROWS, replace(ROWS[0], system="recording", scores={"wer": (0.0, 10.0)}))
    for name in ("one", "two"):
        plot(measured(*rows), "wer", tmp_path / f"{name}{suffix}")
    one, two = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("one", "two"))
    assert one == two and len(one) > 5000
    if suffix == ".svg":
        text = one.decode()
        assert all(title in text for title in ("Opus 6 kbps", "hybrid-tok, units only", "the recording itself"))


@pytest.mark.parametrize(
    ("metric", "name", "message"),
    [("pesq_wb", "x.svg", "no metric 'pesq_wb' in these results"), ("wer", "x.gif", r"ends in \.svg, \.png, \.pdf")],
)
def test_plots_that_cannot_be_drawn(tmp_path: Path, metric: str, name: str, message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        plot(measured(*ROWS), metric, tmp_path / name)
    assert not list(tmp_path.iterdir())
