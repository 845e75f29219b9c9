"""The recordings of a benchmark: clips and conversations, and the truth about them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from hybrid_tok.core.manifest import Clip
from hybrid_tok.core.timeline import Span, seconds_to_frame

TEST_DIALOGUES = ("dialogue10", "dialogue11", "dialogue12", "dialogue13")
"""Conversations with which nothing is chosen."""

_LANGUAGES = {"aishell1": "zh"}


def spoken_language(clip: Clip) -> str:
    """The language of a clip's source: Chinese for AISHELL, else English."""
    return _LANGUAGES.get(clip.source, "en")


def limited(clips: Sequence[Clip], limit: int | None, key: Callable[[Clip], object] = lambda c: c.source) -> list[Clip]:
    """The first `limit` clips of each source, or of each value of `key`, in their order; all where it is None."""
    counts: dict[object, int] = {}
    kept: list[Clip] = []
    for clip in clips:
        counts[key(clip)] = counts.get(key(clip), 0) + 1
        if limit is None or counts[key(clip)] <= limit:
            kept.append(clip)
    return kept


def read_dialogues(folder: Path) -> list[Clip]:
    """The conversations of a folder: NAME.flac with NAME.json holding `turns` (start, end, speaker, text) and `events`
    (start, end, label). Their sources are "dialogues tuning" and "dialogues test"."""
    clips: list[Clip] = []
    for truth in sorted(folder.glob("*.json")):
        turns = sorted(json.loads(truth.read_text("utf-8"))["turns"], key=lambda turn: turn["start"])
        path = truth.with_suffix(".flac")
        source = f"dialogues {'test' if truth.stem in TEST_DIALOGUES else 'tuning'}"
        clips.append(Clip(path, path.name, source, " ".join(turn["text"] for turn in turns)))
    return clips


def read_events(clip: Clip) -> list[Span]:
    """Where the true events of a conversation are; none for a clip without a JSON file beside it."""
    truth = clip.path.with_suffix(".json")
    events = json.loads(truth.read_text("utf-8"))["events"] if truth.is_file() else []
    return [Span(seconds_to_frame(event["start"]), seconds_to_frame(event["end"])) for event in events]
