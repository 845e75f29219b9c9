"""The examples run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import soundfile

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_constrained_sampling_decodes(tmp_path: Path) -> None:
    output = tmp_path / "sampled.wav"
    command = [sys.executable, str(EXAMPLES / "constrained_sampling.py"), str(output), "--tokens", "30", "--seed", "3"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert soundfile.info(output).samplerate == 16_000
