"""Importing the package loads nothing heavy, and does no I/O beyond itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import hybrid_tok

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


def test_what_type_checkers_see_is_what_there_is() -> None:
    """The package's names are listed twice: as imports for type checkers, and as a table for use."""
    source = ast.parse(Path(hybrid_tok.__file__).read_text("utf-8"))
    (checked,) = [
        node for node in source.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    seen: dict[str, str | None] = {}
    for imported in checked.body:
        assert isinstance(imported, ast.ImportFrom)
        for one in imported.names:
            assert one.asname == one.name, "`import X as X` is what makes X public"
            seen[one.name] = imported.module
    assert list(seen.items()) == list(hybrid_tok._HOMES.items())
    assert all(getattr(hybrid_tok, name).__name__ == name for name in seen)
    assert seen.keys() <= set(dir(hybrid_tok))


def test_the_types_are_for_others_too() -> None:
    """PEP 561: without this file type checkers ignore the package's types."""
    assert Path(hybrid_tok.__file__).with_name("py.typed").read_bytes() == b""
