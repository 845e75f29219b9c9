"""Runs: several processes, errors of one recording, a process that dies, and a run that was stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fakes import DeadlyEntry
from hybrid_tok.audio import write_wav
from hybrid_tok.bench.measured import MeasuredError, Row, load
from hybrid_tok.bench.run import RunOptions, run
from hybrid_tok.bench.suites import read_suite
from hybrid_tok.core.audio import Audio
from hybrid_tok.errors import OptionsError

CHEAP = RunOptions(systems=("recording", "opus"), metrics=("bits_per_second", "mel"), jobs=2)


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        write_wav(folder / f"{name}.wav", Audio(0.1 * rng.standard_normal(16_000, np.float32), 16_000))
    return folder


def test_every_system_on_every_recording(clips: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    out = tmp_path / "r.json"
    found = run(
        "speech", clips, read_suite(clips), out, CHEAP, lambda row, done, total, left: told.append((done, total))
    )
    assert [(row.recording, row.system) for row in found.rows] == [
        (f"{name}.wav", system) for name in "abc" for system in CHEAP.systems
    ]
    assert not found.errors and sorted(told) == [(done, 6) for done in range(1, 7)]
    figures = found.figures("opus")
    assert 3000 < figures["bits_per_second"].value < 12_000 and figures["mel"].value > 0.1
    assert found.figures("recording")["mel"].value == 0.0 and "bits_per_second" not in found.figures("recording")
    assert load(out).rows == found.rows and not out.with_name("r.json.partial").exists()


def test_one_process_or_two_give_the_same(clips: Path, tmp_path: Path) -> None:
    options = RunOptions(CHEAP.systems, CHEAP.metrics, jobs=1)
    one = run("speech", clips, read_suite(clips), tmp_path / "1.json", options)
    two = run("speech", clips, read_suite(clips), tmp_path / "2.json", CHEAP)
    assert one.rows == two.rows


def test_a_recording_that_cannot_be_read_does_not_end_the_run(clips: Path, tmp_path: Path) -> None:
    (clips / "b.wav").write_bytes(b"no audio at all")
    found = run("speech", clips, read_suite(clips), tmp_path / "r.json", CHEAP)
    assert {(row.recording, row.system) for row in found.errors} == {("b.wav", system) for system in CHEAP.systems}
    assert all("b.wav" in (row.error or "") for row in found.errors)
    assert found.figures("opus")["mel"].recordings == 2


def test_a_peer_that_is_not_installed_does_not_end_the_run(clips: Path, tmp_path: Path) -> None:
    options = RunOptions(("opus", "encodec"), CHEAP.metrics, jobs=1)
    found = run("speech", clips, read_suite(clips), tmp_path / "r.json", options)
    assert {row.system for row in found.errors} == {"encodec"} and len(found.errors) == 3
    assert found.figures("opus")["mel"].recordings == 3


def test_a_process_that_dies_is_replaced(clips: Path, tmp_path: Path) -> None:
    first, second, third = read_suite(clips)
    entries = [first, DeadlyEntry(second.name, second.audio), third]
    options = RunOptions(("opus",), CHEAP.metrics, jobs=1)
    found = run("speech", clips, entries, tmp_path / "r.json", options)
    assert [row.error is None for row in found.rows] == [True, False, True]
    assert "the process died" in (found.rows[1].error or "")


class Stopped(Exception):
    """In place of Ctrl-C or the end of the machine."""


def stop_after(rows: int) -> Callable[[Row, int, int, float], None]:
    def on_row(row: Row, done: int, total: int, left: float) -> None:
        if done == rows:
            raise Stopped

    return on_row


def test_a_stopped_run_goes_on(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    with pytest.raises(Stopped):
        run("speech", clips, read_suite(clips), out, CHEAP, stop_after(3))
    journal = out.with_name("r.json.partial")
    assert not out.exists() and len(journal.read_text().splitlines()) == 1 + 3
    with journal.open("a") as file:
        file.write('{"recording": "cut off')  # killed in the middle of a line
    again: list[Row] = []
    found = run("speech", clips, read_suite(clips), out, CHEAP, lambda row, done, total, left: again.append(row))
    assert len(again) == 3 and len(found.rows) == 6 and not journal.exists()
    whole = run("speech", clips, read_suite(clips), tmp_path / "whole.json", CHEAP)
    assert found.rows == whole.rows


def test_what_was_done_by_other_models_is_done_again(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    with pytest.raises(Stopped):
        run("speech", clips, read_suite(clips), out, CHEAP, stop_after(3))
    journal = out.with_name("r.json.partial")
    header, *rows = (json.loads(line) for line in journal.read_text().splitlines())
    changed = [{**row, "fingerprint": "other"} for row in rows]
    journal.write_text("".join(json.dumps(line) + "\n" for line in (header, *changed)))
    again: list[Row] = []
    run("speech", clips, read_suite(clips), out, CHEAP, lambda row, done, total, left: again.append(row))
    assert len(again) == 6


def test_a_journal_of_other_metrics_is_not_mixed_in(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    with pytest.raises(Stopped):
        run("speech", clips, read_suite(clips), out, CHEAP, stop_after(1))
    other = RunOptions(CHEAP.systems, ("mel",), jobs=1)
    with pytest.raises(MeasuredError, match=r"r\.json\.partial is of a run with other metrics"):
        run("speech", clips, read_suite(clips), out, other)


def test_waveforms_are_not_compared_in_free_timing_unless_forced(clips: Path, tmp_path: Path) -> None:
    free = "default:timing=free,layout=units,codebooks=1"
    entries = read_suite(clips)[:1]
    found = run(
        "speech", clips, entries, tmp_path / "1.json", RunOptions((free,), ("mel", "tokens_per_second"), jobs=1)
    )
    assert found.rows[0].scores["mel"] is None and found.rows[0].scores["tokens_per_second"] is not None
    forced = RunOptions((free,), ("mel",), jobs=1, force_waveform=True)
    assert run("speech", clips, entries, tmp_path / "2.json", forced).rows[0].scores["mel"] is not None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"systems": ()}, "no system to run"),
        ({"metrics": ()}, "no metric to run"),
        ({"systems": ("opus", "opus")}, "the system 'opus' is named twice"),
        ({"metrics": ("beauty",)}, "no metric is called 'beauty'; there are: tokens_per_second"),
        ({"jobs": 0}, "jobs=0: give 1 or more"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], message: str) -> None:
    given: dict[str, object] = {"systems": ("opus",), "metrics": ("mel",), **options}
    with pytest.raises(OptionsError, match=message):
        RunOptions(**given)  # pyright: ignore[reportArgumentType]
