"""Folders for other evaluation tools: names that would collide, recordings that fail, sentences with tags."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hybrid_tok.audio import read_audio, write_wav
from hybrid_tok.bench.export import export
from hybrid_tok.bench.suites import Entry, read_suite
from hybrid_tok.core.audio import Audio
from hybrid_tok.errors import OptionsError
from hybrid_tok.tokenizer import HybridTokenizer


def clips(folder: Path, *names: str) -> Sequence[Entry]:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = 0.1 * np.random.default_rng(len(name)).standard_normal(8000, np.float32)
        write_wav(path, Audio(samples, 16_000))
    return read_suite(folder)


def test_recordings_below_folders_get_flat_names(tmp_path: Path) -> None:
    assert export("versa", clips(tmp_path / "in", "x/1.wav", "y/1.wav"), "opus", tmp_path / "out") == 2
    assert sorted(path.name for path in (tmp_path / "out" / "pred").iterdir()) == ["x__1.wav", "y__1.wav"]
    assert not (tmp_path / "out" / "text").exists()  # there are no transcripts
    gt, pred = (read_audio(tmp_path / "out" / folder / "x__1.wav") for folder in ("gt", "pred"))
    assert (gt.sample_rate, gt.num_samples) == (pred.sample_rate, pred.num_samples) == (16_000, 8000)


def test_names_that_would_be_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match=r"x/1\.wav and x__1\.wav would both be x__1\.wav"):
        export("versa", clips(tmp_path / "in", "x/1.wav", "x__1.wav"), "opus", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_fails_is_told_and_left_out(tmp_path: Path) -> None:
    entries = clips(tmp_path / "in", "1.wav", "2.wav")
    (tmp_path / "in" / "2.wav").write_bytes(b"no audio")
    told: list[tuple[str, bool]] = []
    written = export(
        "versa", entries, "opus", tmp_path / "out", lambda entry, error: told.append((entry.name, error is None))
    )
    assert written == 1 and told == [("1.wav", True), ("2.wav", False)]
    with pytest.raises(OptionsError, match="not one of 1 recordings could be written"):
        export("versa", entries[1:], "opus", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_sentences_with_tags_for_wesr_bench(tmp_path: Path) -> None:
    with HybridTokenizer.from_preset(synthesizer="espeak") as tokenizer:
        audio = tokenizer.say("that is so very funny <laugh>", seed=1)
    (tmp_path / "in").mkdir()
    write_wav(tmp_path / "in" / "a.wav", audio)
    export("wesr", read_suite(tmp_path / "in"), "default:layout=text,language=en", tmp_path / "out")
    (line,) = (tmp_path / "out" / "predictions.jsonl").read_text("utf-8").splitlines()
    found = json.loads(line)
    assert found["audio"] == {"path": "a.wav"}
    assert "funny" in found["sentence"].lower() and found["sentence"].rstrip().endswith("[laughter]")
