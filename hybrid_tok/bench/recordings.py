"""Benchmark recordings: folders laid out as clips with a `manifest.jsonl`, and conversations with JSON truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from hybrid_tok.errors import OptionsError


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording of a benchmark.

    Attributes:
        path: the audio file.
        source: the data set it comes from; for conversations, `dialogues`.
        text: what is said in it, words separated by spaces; None where there is no transcript.
        label: the sound in it, where it is a labelled sound.
    """

    path: Path
    source: str
    text: str | None
    label: str | None = None


def read_manifest(folder: Path) -> list[Recording]:
    """The clips of a folder that has a `manifest.jsonl` with `audio`, and `source`, `text` and `label` where known."""
    manifest = folder / "manifest.jsonl"
    if not manifest.is_file():
        raise OptionsError(f"{manifest}: no such file; --data must be laid out as clips with a manifest.jsonl")
    recordings: list[Recording] = []
    for number, line in enumerate(manifest.read_text("utf-8").splitlines(), 1):
        try:
            entry = json.loads(line)
            path = folder / entry["audio"]
        except (ValueError, KeyError, TypeError) as error:
            raise OptionsError(f"{manifest}, line {number}: not a clip with an 'audio' path ({error})") from error
        recordings.append(Recording(path, Path(entry["audio"]).parts[0], entry.get("text"), entry.get("label")))
    return recordings


def read_dialogues(folder: Path) -> list[Recording]:
    """The conversations of a folder: NAME.flac with NAME.json holding `turns` (start, end, speaker, text)."""
    recordings: list[Recording] = []
    for truth in sorted(folder.glob("*.json")):
        turns = sorted(json.loads(truth.read_text("utf-8"))["turns"], key=lambda turn: turn["start"])
        text = " ".join(turn["text"] for turn in turns)
        recordings.append(Recording(truth.with_suffix(".flac"), "dialogues", text))
    return recordings
