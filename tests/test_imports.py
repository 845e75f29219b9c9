"""Importing the package loads nothing heavy, and does no I/O beyond itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "faster_whisper", "ctranslate2", "onnxruntime", "nemo", "ray")
HEAVY += ("numba", "scipy", "av", "soundfile", "rich.progress")


@pytest.mark.parametrize("module", ["hybrid_tok", "hybrid_tok.cli.main", "hybrid_tok.cli.info"])
def test_import_is_light(module: str) -> None:
    code = f"import sys, {module}; print([m for m in {HEAVY!r} if m in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert output.stdout.strip() == "[]"
    assert output.stderr == ""


def test_info_loads_no_backend() -> None:
    code = (
        "import sys; from hybrid_tok.cli.info import collect_info; collect_info(); "
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert output.stdout.strip() == "[]"
