"""The examples run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_constrained_sampling_decodes(tmp_path: Path) -> None:
    output = tmp_path / "sampled.wav"
    command = [sys.executable, str(EXAMPLES / "constrained_sampling.py"), str(output), "--tokens", "30", "--seed", "3"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert soundfile.info(output).samplerate == 16_000


def test_a_small_model_is_trained_and_goes_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for folder in ("train", "test"):
        (tmp_path / folder).mkdir()
        for number in range(2):
            soundfile.write(tmp_path / folder / f"{number}.wav", 0.1 * rng.standard_normal(16_000), 16_000)
    command = [sys.executable, str(EXAMPLES / "train_language_model.py"), "train", "--held-out", "test", "--out", "run"]
    command += ["--continue", "test/0.wav", "--layout", "units", "--steps", "3", "--batch", "2", "--context", "48"]
    command += ["--width", "48", "--layers", "1", "--length", "20"]
    for _ in range(2):  # the second run takes the ids of the first
        result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    run = tmp_path / "run" / "units"
    assert len((run / "ids.jsonl").read_text("utf-8").splitlines()) == 2
    report, curve = (json.loads((run / name).read_text("utf-8")) for name in ("report.json", "curve.json"))
    assert len(curve) == 3 and curve[0] < 17.0
    assert report["bits_per_second"] == pytest.approx(report["bits_per_id"] * report["ids_per_second"], rel=0.01)
    assert soundfile.info(run / "continued.wav").frames == round(report["seconds"] * 16_000)
    assert "<|units|>" in (run / "continued.txt").read_text("utf-8")
