"""`hybrid-tok bench ..`: run, compare, plot and export, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import run

from hybrid_tok.audio import write_wav
from hybrid_tok.core.audio import Audio

CHEAP = ("--system", "opus", "--system", "recording", "--metrics", "mel,stft,bits_per_second", "--jobs", "1")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        write_wav(folder / f"{name}.wav", Audio(0.1 * rng.standard_normal(16_000, np.float32), 16_000))
        (folder / f"{name}.txt").write_text(f"transcript {name}")
    return folder


@pytest.fixture(scope="module")
def results(clips: Path) -> Path:
    path = clips.parent / "r.json"
    done = run("bench", "run", clips, "-o", path, *CHEAP)
    assert done.returncode == 0, done.stderr.decode()
    output, messages = done.stdout.decode(), done.stderr.decode()
    assert "Opus 6 kbps" in output and "the recording itself" in output and "mel distance" in output
    assert "2 recordings x 2 systems, suite speech (it looks like speech; --suite says otherwise)" in messages
    assert "2 s of audio, about" in messages and "4 of 4 done" in messages and f"wrote {path}" in messages
    return path


def test_results_are_never_overwritten_unasked(clips: Path, results: Path) -> None:
    before = results.read_bytes()
    done = run("bench", "run", clips, "-o", results, *CHEAP)
    assert done.returncode == 2 and b"exists: give --force to replace it" in done.stderr
    assert results.read_bytes() == before


def test_errors_are_listed_and_the_exit_code_says_so(clips: Path, tmp_path: Path) -> None:
    for path in clips.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "b.wav").write_bytes(b"no audio")
    done = run("bench", "run", tmp_path, "-o", tmp_path / "r.json", *CHEAP)
    assert done.returncode == 2
    assert "2 of 4 failed; they are in the results with their errors:\n  opus: b.wav: " in done.stderr.decode()
    assert json.loads((tmp_path / "r.json").read_text())["systems"]["opus"]["errors"] == 1


def test_two_results_are_compared(results: Path) -> None:
    done = run("bench", "compare", results, results)
    assert done.returncode == 0, done.stderr.decode()
    assert "system: opus" in done.stdout.decode() and "too few" in done.stdout.decode()
    found = json.loads(run("bench", "compare", results, "--json").stdout)
    assert [(one["first"], one["second"]) for one in found] == [("opus", "recording")]
    mel = next(metric for metric in found[0]["metrics"] if metric["metric"] == "mel")
    assert mel["verdict"] == "too few" and mel["difference"]["second"] == 0.0


def test_a_plot_is_drawn(results: Path, tmp_path: Path) -> None:
    done = run("bench", "plot", results, "--metric", "mel", "-o", tmp_path / "mel.svg")
    assert done.returncode == 0, done.stderr.decode()
    assert "Opus 6 kbps" in (tmp_path / "mel.svg").read_text()


def test_folders_for_versa(clips: Path, tmp_path: Path) -> None:
    done = run("bench", "export", clips, "--format", "versa", "--system", "opus", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr.decode()
    names = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert names == ["gt/a.wav", "gt/b.wav", "pred/a.wav", "pred/b.wav"]
    assert (tmp_path / "out" / "text").read_text() == "a.wav transcript a\nb.wav transcript b\n"
    again = run("bench", "export", clips, "--format", "versa", "--system", "opus", "-o", tmp_path / "out")
    assert again.returncode == 2 and b"exists" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "nowhere"), "nowhere: no such folder"),
        (("run", ".", "--suite", "music"), "no suite is called 'music'; there are: speech, nonverbal"),
        (("run", ".", "--metrics", "beauty"), "no metric is called 'beauty'"),
        (("run", ".", "--system", "mp3"), "no system is called 'mp3'; there are: default"),
        (("run", ".", "--score", "beauty=1"), "the score has no 'beauty'"),
        (("run", ".", "-o", "no/such/r.json"), "no/such is no folder"),
        (("compare", "a.txt"), "a.txt: not JSON"),
        (("compare", "x", "y", "z"), "3 results were given: compare one or two"),
        (("plot", "a.txt", "-o", "x.svg"), "a.txt: not JSON"),
        (("export", ".", "--format", "kaldi", "-o", "out"), "no format is called 'kaldi'; there are: versa, wesr"),
        (("export", ".", "--format", "wesr", "--system", "opus", "-o", "out"), "'opus' has not: name a preset"),
    ],
)
def test_what_is_wrong_is_one_line(clips: Path, arguments: tuple[str, ...], message: str) -> None:
    before = sorted(clips.iterdir())
    done = run("bench", *arguments, cwd=clips)
    lines = done.stderr.decode().strip().splitlines()
    assert done.returncode == 2 and message in lines[-1] and sum("hybrid-tok:" in line for line in lines) == 1
    assert sorted(clips.iterdir()) == before
