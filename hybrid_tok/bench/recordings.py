"""Conversations of a benchmark, with their truth as JSON beside them."""

from __future__ import annotations

import json
from pathlib import Path

from hybrid_tok.core.manifest import Clip


def read_dialogues(folder: Path) -> list[Clip]:
    """The conversations of a folder: NAME.flac with NAME.json holding `turns` (start, end, speaker, text)."""
    clips: list[Clip] = []
    for truth in sorted(folder.glob("*.json")):
        turns = sorted(json.loads(truth.read_text("utf-8"))["turns"], key=lambda turn: turn["start"])
        path = truth.with_suffix(".flac")
        clips.append(Clip(path, path.name, "dialogues", " ".join(turn["text"] for turn in turns)))
    return clips
