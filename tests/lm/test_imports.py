"""What `hybrid_tok.lm` exports is there, and the two lists of it agree."""

from __future__ import annotations

import ast
from pathlib import Path

import hybrid_tok.lm


def test_the_two_lists_of_names_agree() -> None:
    source = Path(hybrid_tok.lm.__file__).read_text("utf-8")
    imported = {
        alias.asname: (node.module or "").removeprefix("hybrid_tok.lm.")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hybrid_tok.lm.")
        for alias in node.names
    }
    assert imported == dict(hybrid_tok.lm._HOMES)
    for name in imported:
        assert getattr(hybrid_tok.lm, name).__module__ == f"hybrid_tok.lm.{imported[name]}"
    assert set(imported) <= set(dir(hybrid_tok.lm))
