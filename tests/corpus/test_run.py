"""Runs in one process: shards, failures, going on, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import soundfile

from corpora import RATE, UNITS, digests, fake_step, fake_tokenizer, make_corpus, write_manifest, write_recordings
from hybrid_tok.corpus import checking
from hybrid_tok.corpus.checking import verify
from hybrid_tok.corpus.engines import LocalEngine
from hybrid_tok.corpus.entries import Entry
from hybrid_tok.corpus.formats import FORMATS
from hybrid_tok.corpus.plan import ShardOptions
from hybrid_tok.corpus.reading import read
from hybrid_tok.corpus.rows import Outcome
from hybrid_tok.corpus.run import CorpusOptions, Finished, Progress, encode_corpus, read_figures
from hybrid_tok.corpus.status import read_status
from hybrid_tok.corpus.step import EncodeStep, TokenizerRecipe
from hybrid_tok.errors import CorpusError, OptionsError
from hybrid_tok.tokenizer import HybridTokenizer

SMALL = CorpusOptions(format="parquet", shards=ShardOptions(recordings=4))


def run(
    manifest: Path | str,
    output: Path,
    options: CorpusOptions = SMALL,
    step: Callable[[], EncodeStep] = fake_step,
    recipe: TokenizerRecipe = UNITS,
    observe: Callable[[Progress], None] | None = None,
) -> Finished:
    return encode_corpus(str(manifest), str(output), recipe, LocalEngine(step), options, observe)


def failures(output: Path) -> list[tuple[str | None, str, str]]:
    lines = map(json.loads, (output / "errors.jsonl").read_text().splitlines())
    return [(line["id"], line["reason"], line["message"]) for line in lines]


class Made:
    """In place of a tokenizer's class."""

    @staticmethod
    def from_preset(preset: str, **options: Any) -> HybridTokenizer:
        return fake_tokenizer(**options)


@pytest.fixture(autouse=True)
def with_fake_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes a tokenizer from its options here gets the fake codec too."""
    monkeypatch.setattr(TokenizerRecipe, "make", lambda self: fake_tokenizer(**self.options))
    monkeypatch.setattr(checking, "HybridTokenizer", Made)


@pytest.mark.parametrize("format", FORMATS)
def test_every_recording_becomes_the_ids_that_it_has_alone(format: str, tmp_path: Path) -> None:
    lengths = [0.5, 2.0, 0.01, 1.0, 0.7, 0.3, 1.5, 0.9, 0.2]
    manifest = make_corpus(tmp_path, lengths)
    finished = run(manifest, tmp_path / "out", CorpusOptions(format=format, shards=ShardOptions(recordings=4)))
    assert finished.failures == 0 and finished.encoded and finished.figures.rows == len(lengths)
    rows = list(read(str(tmp_path / "out")))
    assert [row.id for row in rows] == [f"audio/r{number:03d}" for number in range(len(lengths))]
    step = fake_step()
    for row, length in zip(rows, lengths, strict=True):
        assert row.ids.tolist() == step.tokenizer.encode(tmp_path / f"{row.id}.wav")
        assert row.seconds == pytest.approx(length, abs=1e-4)
        assert row.columns.codec_samples == round(length * RATE) == row.columns.num_samples
        assert row.columns.unit_share == 1.0 and row.columns.text == "" and row.columns.confidence is None
    assert verify(str(tmp_path / "out")).faults == ()
    assert not (tmp_path / "out" / "_run" / "work").exists()


def test_shards_are_the_same_however_often_and_wherever_they_are_made(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.1 * k for k in range(1, 12)])
    for name in ("a", "b"):
        run(manifest, tmp_path / name)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_a_finished_corpus_is_left_as_it_is(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.2] * 6)
    run(manifest, tmp_path / "out")
    before = digests(tmp_path / "out")
    again = run(manifest, tmp_path / "out", step=lambda: pytest.fail("nothing is to be encoded"))
    assert not again.encoded and again.figures.rows == 6 and digests(tmp_path / "out") == before


def test_a_finished_corpus_needs_its_journal_no_more(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.2] * 6)
    run(manifest, tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "_run")
    again = run(manifest, tmp_path / "out", step=lambda: pytest.fail("nothing is to be encoded"))
    assert not again.encoded and again.figures.rows == 6
    status = read_status(str(tmp_path / "out"))
    assert (status.finished, status.shards, status.rows, status.entries) == (True, 2, 6, None)
    assert verify(str(tmp_path / "out")).faults == ()


def test_manifest_audio_and_shards_may_be_in_a_bucket(tmp_path: Path) -> None:
    make_corpus(tmp_path, [0.2, 0.4, 0.6, 0.8, 1.0])
    files = fsspec.filesystem("memory")
    files.put(str(tmp_path / "manifest.jsonl"), "/bucket/in/manifest.jsonl")
    files.put(str(tmp_path / "audio"), "/bucket/in/", recursive=True)
    output = "memory://bucket/out"
    finished = encode_corpus("memory://bucket/in/manifest.jsonl", output, UNITS, LocalEngine(fake_step), SMALL)
    assert finished.figures.rows == 5 and finished.failures == 0
    run(tmp_path / "manifest.jsonl", tmp_path / "out")
    here, there = list(read(str(tmp_path / "out"))), list(read(output))
    assert [(row.id, row.ids.tolist(), row.columns) for row in here] == [
        (row.id, row.ids.tolist(), row.columns) for row in there
    ]
    assert verify(output).faults == () and read_status(output).finished


class Failing(EncodeStep):
    """Ends the process, or raises, at a recording."""

    def __init__(self, error: Callable[[], Any], at: str) -> None:
        super().__init__(fake_step().tokenizer)
        self.error, self.at = error, at

    def encode_one(self, entry: Entry) -> Outcome:
        if entry.id.endswith(self.at):
            self.error()
        return super().encode_one(entry)


def interrupted() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("at", ["r000", "r003", "r004", "r010"])
def test_a_run_that_was_stopped_goes_on_and_ends_the_same(at: str, tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.2] * 11)
    run(manifest, tmp_path / "whole")
    for _ in range(4):  # however often: a stop is no fault of the recording
        with pytest.raises(KeyboardInterrupt):
            run(manifest, tmp_path / "out", step=lambda: Failing(interrupted, at))
    status = read_status(str(tmp_path / "out"))
    assert not status.finished and status.shards == 3 and status.entries == 11
    with pytest.raises(CorpusError, match="not finished"):
        verify(str(tmp_path / "out"))
    run(manifest, tmp_path / "out")
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")
    assert read_status(str(tmp_path / "out")).finished


def test_bad_recordings_are_failures_with_their_reasons_and_the_others_rows(tmp_path: Path) -> None:
    write_recordings(tmp_path / "audio", [1.0, 0.5])
    (tmp_path / "audio" / "text.wav").write_text("no audio")
    soundfile.write(tmp_path / "audio" / "silent.wav", np.zeros(2 * RATE), RATE)
    (tmp_path / "audio" / "nan.wav").write_bytes(b"")
    soundfile.write(tmp_path / "audio" / "nan.wav", np.full(100, np.nan, np.float32), RATE, subtype="FLOAT")
    good = {"audio_filepath": "audio/r000.wav", "duration": 1.0}
    manifest = write_manifest(
        tmp_path / "manifest.jsonl",
        [
            good,
            "{broken",
            {"audio_filepath": "audio/missing.wav", "duration": 1.0},
            {"audio_filepath": "audio/r001.wav", "duration": 9.0, "offset": 0.0},
            {"audio_filepath": "audio/text.wav"},
            {"audio_filepath": "audio/nan.wav"},
            good,
            {"audio_filepath": "audio/silent.wav", "duration": 2.0},
        ],
    )
    finished = run(manifest, tmp_path / "out")
    found = failures(tmp_path / "out")
    assert [reason for _, reason, _ in found] == [
        "line",
        "duplicate",
        "missing",
        "duration",
        "unreadable",
        "unreadable",
    ]
    assert all("\n" not in message and message for _, _, message in found)
    assert finished.failures == 6
    assert [row.id for row in read(str(tmp_path / "out"))] == ["audio/r000", "audio/silent"]
    assert finished.figures.to_json()["failures"]["unreadable"] == 2
    status = read_status(str(tmp_path / "out"))
    assert status.failures == {"duplicate": 1, "duration": 1, "line": 1, "missing": 1, "unreadable": 2}
    assert verify(str(tmp_path / "out")).faults == ()


def test_whatever_a_library_raises_is_a_failure_of_one_recording(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.2] * 3)

    class Odd(EncodeStep):
        def analyze(self, entry: Entry, length: Any = None) -> Any:
            if entry.id.endswith("r001"):
                raise ZeroDivisionError("division\nby zero")
            if entry.id.endswith("r002"):
                raise MemoryError
            return super().analyze(entry, length)

    run(manifest, tmp_path / "out", step=lambda: Odd(fake_step().tokenizer))
    assert failures(tmp_path / "out") == [
        ("audio/r001", "backend", "ZeroDivisionError: division"),
        ("audio/r002", "memory", "MemoryError"),
    ]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"options": CorpusOptions(format="shar", shards=ShardOptions(recordings=4))}, "format='parquet', not 'shar'"),
        ({"options": CorpusOptions(format="parquet")}, "shards.recordings=4, not 1000"),
        ({"recipe": TokenizerRecipe(options={"layout": "units", "num_codebooks": 2})}, "options.num_codebooks"),
        ({"recipe": TokenizerRecipe(options=UNITS.options, threads=2)}, "threads=1, not 2"),
    ],
)
def test_another_run_is_refused_by_what_differs(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.2] * 3)
    run(manifest, tmp_path / "out")
    before = digests(tmp_path / "out")
    with pytest.raises(CorpusError, match=r"was begun with .*" + message.split(",")[0].replace(".", r"\.")):
        run(manifest, tmp_path / "out", **changed)
    assert digests(tmp_path / "out") == before


def test_another_manifest_is_refused(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.2] * 3)
    run(manifest, tmp_path / "out")
    manifest.write_text(manifest.read_text() + "\n")
    with pytest.raises(CorpusError, match="was begun with manifest_sha256="):
        run(manifest, tmp_path / "out")


def test_a_manifest_that_was_mistyped_does_not_claim_the_folder(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.2] * 3)
    with pytest.raises(CorpusError):
        run(tmp_path / "manifets.jsonl", tmp_path / "out")
    assert run(manifest, tmp_path / "out").figures.rows == 3


def test_a_machine_with_other_models_is_refused(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.2] * 6)
    with pytest.raises(KeyboardInterrupt):
        run(manifest, tmp_path / "out", step=lambda: Failing(interrupted, "r005"))
    (mine,) = (tmp_path / "out" / "_run" / "models").iterdir()
    mine.rename(mine.with_name("0" * 32))
    with pytest.raises(CorpusError, match="was begun with other models"):
        run(manifest, tmp_path / "out")


def test_a_list_of_shards_that_is_cut_off_is_found(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.2] * 6)
    run(manifest, tmp_path / "out")
    shards = tmp_path / "out" / "shards.jsonl"
    shards.write_text(shards.read_text().splitlines(keepends=True)[0])
    (fault,) = verify(str(tmp_path / "out")).faults
    assert (fault.where, fault.message) == ("shards.jsonl", "lists 1 shards, not the 2 of the plan")


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.2])
    with pytest.raises(CorpusError, match=r"is not empty and no corpus \(audio\)"):
        run(manifest, tmp_path)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "corpus.json").write_text("{")
    with pytest.raises(CorpusError, match="damaged"):
        run(manifest, tmp_path / "damaged")


def test_a_folder_that_cannot_be_written_ends_the_run(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.2])
    (tmp_path / "file").write_text("")
    with pytest.raises(CorpusError, match="cannot be written"):
        run(manifest, tmp_path / "file" / "out")


def test_options_that_a_corpus_cannot_follow_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="--format must be webdataset"):
        CorpusOptions(format="zip")
    with pytest.raises(OptionsError, match="--price"):
        CorpusOptions(price=-1.0)


def test_progress_tells_how_far_it_is(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.5] * 10)
    seen: list[Progress] = []
    run(manifest, tmp_path / "out", observe=seen.append)
    assert [one.shards_done for one in seen] == [1, 2, 3] and seen[-1].shards == 3
    assert seen[-1].rows == 10 and seen[-1].seconds == pytest.approx(5.0) and seen[-1].left == pytest.approx(0.0)
    assert seen[-1].remaining == 0.0 and seen[0].hours_per_hour > 0.0
    assert {"load", "codec"} <= set(seen[-1].stage_seconds)


def test_figures_of_a_corpus_and_of_what_it_costs(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.5] * 10)
    run(manifest, tmp_path / "out", CorpusOptions(format="parquet", price=3.0))
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["format"] == "hybrid-tok corpus" and report["rows"] == 10
    assert read_figures(str(tmp_path / "out"), 3.0).cost_per_1000_hours == pytest.approx(
        read_figures(str(tmp_path / "out"), 1.5).cost_per_1000_hours * 2.0  # pyright: ignore[reportOptionalOperand]
    )
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>")


# What is wrong with a corpus is found


def test_damage_is_found(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.5] * 10)
    output = tmp_path / "out"
    run(manifest, output)
    (first, second, third) = sorted(output.glob("*.parquet"))
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 1
    first.write_bytes(data)
    second.write_bytes(second.read_bytes()[:-1])
    third.unlink()
    assert [(fault.where, fault.message) for fault in verify(str(output)).faults] == [
        (first.name, "has another checksum than when it was written"),
        (second.name, f"has {second.stat().st_size:,} bytes, not {second.stat().st_size + 1:,}"),
        (third.name, "is not there"),
    ]


def test_a_shard_with_other_rows_is_found(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.5] * 3)
    output = tmp_path / "out"
    run(manifest, output)
    plan = output / "_run" / "plan" / "000000.jsonl"
    lines = plan.read_text().splitlines()
    plan.write_text("\n".join([*lines, lines[0].replace("r000", "r999")]) + "\n")
    (fault,) = verify(str(output)).faults
    assert fault.where == "shard-000000" and "'audio/r999' is missing" in fault.message


# Processes that are killed

SCRIPT = """
import os, signal, sys
sys.path[:0] = sys.argv[3:]
from corpora import UNITS
from hybrid_tok.corpus.engines import LocalEngine
from hybrid_tok.corpus.plan import ShardOptions
from hybrid_tok.corpus.run import CorpusOptions, encode_corpus
from hybrid_tok.corpus.step import EncodeStep

class Poisoned(EncodeStep):
    def encode_one(self, entry):
        if entry.id.endswith("r002"):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode_one(entry)

options = CorpusOptions(format="parquet", shards=ShardOptions(recordings=4))
encode_corpus(sys.argv[1], sys.argv[2], UNITS, LocalEngine(lambda: Poisoned(UNITS)), options)
"""


def test_a_recording_that_kills_its_process_is_set_aside_after_two_tries(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.2] * 6)
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", SCRIPT, str(manifest), str(tmp_path / "out"), tests]
    codes: list[int] = []
    for _ in range(4):  # with its batch, and twice by itself
        codes.append(subprocess.run(command, capture_output=True, timeout=300).returncode)
    assert codes == [-9, -9, -9, 0]
    assert failures(tmp_path / "out") == [("audio/r002", "killed", "ended the process that encoded it, 2 times")]
    assert [row.id[-1] for row in read(str(tmp_path / "out"))] == ["0", "1", "3", "4", "5"]


def test_killed_at_any_moment_the_shards_are_those_of_an_undisturbed_run(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.3] * 60)
    tests = str(Path(__file__).parents[1])
    script = SCRIPT.replace('"r002"', '"never"')
    command = [sys.executable, "-c", script, str(manifest)]
    subprocess.run([*command, str(tmp_path / "whole"), tests], check=True, timeout=300)
    generator = np.random.default_rng(0)
    kills = 0
    while True:
        process = subprocess.Popen([*command, str(tmp_path / "out"), tests])
        if kills < 5:
            _wait_for(lambda: (tmp_path / "out" / "_run" / "models").exists(), process)
            time.sleep(float(generator.uniform(0.0, 0.3)))
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        if process.wait(timeout=300) == 0:
            break
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")


def _wait_for(there: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    while not there() and process.poll() is None:
        time.sleep(0.01)
