"""Recordings of benchmarks: their sources, languages and truth."""

from __future__ import annotations

import json
from pathlib import Path

from hybrid_tok.bench.recordings import limited, read_dialogues, read_events, spoken_language
from hybrid_tok.core.manifest import Clip
from hybrid_tok.core.timeline import Span


def clip(source: str, name: str = "a", label: str | None = None) -> Clip:
    return Clip(Path(name), name, source, label=label)


def test_language_of_a_source() -> None:
    assert spoken_language(clip("aishell1")) == "zh"
    assert spoken_language(clip("librispeech")) == "en"


def test_limited_keeps_the_first_of_each_source_or_label() -> None:
    clips = [clip("x", "1", "laugh"), clip("y", "2", "laugh"), clip("x", "3", "cough"), clip("x", "4")]
    assert [c.name for c in limited(clips, 1)] == ["1", "2"]
    assert [c.name for c in limited(clips, 2)] == ["1", "2", "3"]
    assert [c.name for c in limited(clips, 1, lambda c: c.label)] == ["1", "3", "4"]
    assert limited(clips, None) == clips


def test_dialogues_are_split_into_tuning_and_test(tmp_path: Path) -> None:
    truth = {
        "turns": [{"start": 2.0, "text": "and then"}, {"start": 0.5, "text": "first"}],
        "events": [{"start": 1.0, "end": 1.5, "label": "laugh"}],
    }
    for name in ("dialogue09", "dialogue10"):
        (tmp_path / f"{name}.json").write_text(json.dumps(truth))
    tuning, test = read_dialogues(tmp_path)
    assert (tuning.source, test.source) == ("dialogues tuning", "dialogues test")
    assert tuning.path == tmp_path / "dialogue09.flac"
    assert tuning.text == "first and then"
    assert read_events(tuning) == [Span(50, 75)]
    assert read_events(clip("librispeech", "none.flac")) == []
