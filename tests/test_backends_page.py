"""The page on writing a backend: its example is short, passes the contract, and can be used as the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "backends.md"
_BLOCKS = re.findall(r"^```(python|toml)\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
CODEC, TEST, USE = (text for language, text in _BLOCKS if language == "python")
(PYPROJECT,) = (text for language, text in _BLOCKS if language == "toml")

ENCODE = """
import numpy as np
samples = np.sin(np.arange(8_000) / 20).astype(np.float32) / 4
ids = tokenizer.encode((samples, 8_000))
decoded = tokenizer.decode(ids)
assert decoded.sample_rate == 8_000 and decoded.num_samples == 8_000
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The example as an installed package would be."""
    (tmp_path / "mulaw.py").write_text(CODEC)
    info = tmp_path / "mulaw-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mulaw\nVersion: 1.0\n")
    return tmp_path


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True)


def test_the_example_is_short() -> None:
    assert len(CODEC.splitlines()) < 60


def test_the_example_passes_the_contract(package: Path) -> None:
    (package / "test_mulaw.py").write_text(TEST)
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mulaw.py", folder=package)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed" not in done.stdout and "error" not in done.stdout


def test_the_example_is_used_as_an_object(package: Path) -> None:
    done = run("-c", USE + ENCODE, folder=package)
    assert done.returncode == 0, done.stderr


def test_the_example_is_used_by_its_name(package: Path) -> None:
    group, line = PYPROJECT.strip().splitlines()
    name = re.fullmatch(r'\[project\.entry-points\."(.*)"\]', group)
    assert name
    points = package / "mulaw-1.0.dist-info" / "entry_points.txt"
    points.write_text(f"[{name[1]}]\n{line.replace(chr(34), '')}\n")
    told = run("-m", "hybrid_tok", "info", folder=package)
    assert re.search(r"codec +mulaw +installed", told.stdout), told.stdout + told.stderr
    by_name = (
        "from hybrid_tok.tokenizer import HybridTokenizer\n"
        'tokenizer = HybridTokenizer.from_preset(layout="units", num_codebooks=8, codec="mulaw")\n'
    )
    done = run("-c", by_name + ENCODE, folder=package)
    assert done.returncode == 0, done.stderr
