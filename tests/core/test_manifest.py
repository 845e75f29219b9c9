"""Folders of clips."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybrid_tok.core.manifest import Clip, read_manifest
from hybrid_tok.errors import OptionsError


def test_what_is_known_is_read_and_the_rest_is_none(tmp_path: Path) -> None:
    lines = ['{"audio": "a/1.flac", "text": "hi", "speaker": 7}', '{"audio": "b.wav", "source": "s", "label": "cough"}']
    (tmp_path / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    assert read_manifest(tmp_path) == [
        Clip(tmp_path / "a/1.flac", "a/1.flac", "a", text="hi", speaker="7"),
        Clip(tmp_path / "b.wav", "b.wav", "s", label="cough"),
    ]


def test_what_is_wrong_is_said_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match=r"manifest\.jsonl: no such file"):
        read_manifest(tmp_path)
    for wrong in ("{", "[]", '{"text": "x"}', '{"audio": ""}'):
        (tmp_path / "manifest.jsonl").write_text(f'{{"audio": "a/1.flac"}}\n{wrong}\n')
        with pytest.raises(OptionsError, match=r"manifest\.jsonl, line 2: not a clip"):
            read_manifest(tmp_path)
