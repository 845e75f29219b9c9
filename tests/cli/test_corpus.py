"""`hybrid-tok corpus` as users run it: encode, status, verify, stats, merge, and one line for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import run
from typer.testing import CliRunner

from corpora import make_corpus, write_manifest, write_recordings
from hybrid_tok.cli.main import app
from hybrid_tok.corpus.reading import read
from hybrid_tok.errors import CorpusError, HybridTokError, OptionsError
from real_audio import recording, transcript

CLIP = "dev/librispeech/1688-142285-0001.flac"
UNITS = ("--layout", "units", "--codebooks", "1", "--workers", "1")


def refusal(*arguments: str | Path) -> HybridTokError:
    result = CliRunner().invoke(app, ["corpus", *map(str, arguments)])
    assert isinstance(result.exception, HybridTokError), result.output
    assert result.stdout == "" and "\n" not in str(result.exception)
    return result.exception


def test_a_manifest_becomes_shards_that_are_listed_checked_counted_and_merged(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.5, 1.0, 0.25, 0.75])
    shards = tmp_path / "shards"
    done = run("corpus", "encode", manifest, "-o", shards, *UNITS, "--shard-recordings", "3", "--price", "2")
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stderr.decode().splitlines()
    assert [line.partition(":")[0] for line in lines[:2]] == ["shard-000000", "shard-000001"]
    assert "3 recordings, 0.00 hours" in lines[0] and "1 of 2 shards" in lines[0] and "hours per hour" in lines[0]
    assert lines[-1].startswith("4 recordings, 0.00 hours, ") and lines[-1].endswith("; 0 failed")
    report = json.loads((shards / "report.json").read_text())
    assert report["rows"] == 4 and (shards / "report.html").stat().st_size > 1000

    page = run("report", shards / "report.json", "-o", tmp_path / "page.html")
    assert page.returncode == 0 and (tmp_path / "page.html").stat().st_size > 1000

    again = run("corpus", "encode", manifest, "-o", shards, *UNITS, "--shard-recordings", "3")
    assert again.returncode == 0 and b"nothing was left to encode" in again.stderr

    status = run("corpus", "status", shards, "--json")
    found = json.loads(status.stdout)
    assert found["finished"] and (found["shards_done"], found["shards"], found["rows"]) == (2, 2, 4)
    assert b"finished; webdataset, preset default" in run("corpus", "status", shards).stdout

    checked = run("corpus", "verify", shards)
    assert checked.returncode == 0 and checked.stdout.rstrip().endswith(b"0 failures: all is well")

    counted = run("corpus", "stats", shards, "--json")
    assert json.loads(counted.stdout)["rows"] == 4
    assert run("corpus", "stats", shards).stdout.decode().strip()

    merged = run("corpus", "merge", shards, "-o", tmp_path / "merged", "--format", "megatron", "--single-file")
    assert merged.returncode == 0, merged.stderr.decode()
    assert [row.id for row in read(str(tmp_path / "merged"))] == [row.id for row in read(str(shards))]
    for command in ("status", "verify", "stats"):
        result = run("corpus", command, tmp_path / "merged")
        assert result.returncode == 0, result.stderr.decode()


def test_what_cannot_be_encoded_is_exit_code_2_and_the_rest_is_written(tmp_path: Path) -> None:
    write_recordings(tmp_path / "audio", [0.5])
    manifest = write_manifest(
        tmp_path / "m.jsonl", [{"audio_filepath": "audio/r000.wav"}, {"audio_filepath": "audio/none.wav"}]
    )
    done = run("corpus", "encode", manifest, "-o", tmp_path / "out", *UNITS)
    assert done.returncode == 2
    assert done.stderr.decode().splitlines()[-1] == (
        f"hybrid-tok: 1 entries have no row: see {tmp_path / 'out'}/errors.jsonl"
    )
    assert len(list(read(str(tmp_path / "out")))) == 1
    assert b"failed, missing: 1" in run("corpus", "status", tmp_path / "out").stdout


def test_damage_is_exit_code_2_with_a_line_each(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.5])
    run("corpus", "encode", manifest, "-o", tmp_path / "out", *UNITS)
    (tmp_path / "out" / "shard-000000.tar").unlink()
    done = run("corpus", "verify", tmp_path / "out")
    assert done.returncode == 2
    assert done.stdout.decode().splitlines()[0] == "shard-000000.tar: is not there"


def test_words_of_a_manifest_are_the_words_of_the_tokens(tmp_path: Path) -> None:
    path, text = recording(CLIP), transcript(CLIP)
    manifest = write_manifest(
        tmp_path / "m.jsonl", [{"audio_filepath": str(path), "text": text, "lang": "en", "speaker": "Ann"}]
    )
    options = ("--workers", "1", "--rate-weight", "inf", "--format", "parquet")
    done = run("corpus", "encode", manifest, "-o", tmp_path / "out", *options)
    assert done.returncode == 0, done.stderr.decode()
    (row,) = read(str(tmp_path / "out"))
    assert row.columns.text.lower().split() == text.lower().split()
    assert row.columns.speakers == ("Ann",) and row.columns.languages == ("en",)
    assert row.columns.confidence is not None and row.columns.snr is not None


@pytest.mark.parametrize("command", ["status", "verify", "stats"])
def test_what_is_no_corpus_is_named(command: str, tmp_path: Path) -> None:
    assert "is not there: this is no corpus" in str(refusal(command, tmp_path))


def test_options_that_cannot_be_are_refused(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path, [0.5])
    out = ("-o", tmp_path / "out")
    assert "--workers must be auto or 1 or more" in str(refusal("encode", manifest, *out, "--workers", "no"))
    assert "--kind must be nemo" in str(refusal("encode", manifest, *out, "--kind", "zip"))
    assert "--format must be webdataset" in str(refusal("encode", manifest, *out, "--format", "zip"))
    assert "needs --gpus-per-worker" in str(refusal("encode", manifest, *out, "--device", "cuda"))
    assert "for Ray" in str(refusal("encode", manifest, *out, "--workers", "1", "--gpus-per-worker", "1"))
    error = refusal("encode", manifest, *out, "--workers", "1", "--speakers", "2", "--no-diarize")
    assert isinstance(error, OptionsError) and "diarize" in str(error)
    assert not (tmp_path / "out").exists()
    missing = refusal("encode", tmp_path / "none.jsonl", *out, *UNITS)
    assert isinstance(missing, CorpusError) and "none.jsonl" in str(missing)
