"""The page of a recording holds what was heard, what the gate chose and why, at each rate weight."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hybrid_tok.audio import write_wav
from hybrid_tok.errors import OptionsError
from hybrid_tok.report import file_page, recording_page
from hybrid_tok.report.choices import WEIGHTS, choices
from report_pages import ANNOTATIONS, HOSTILE, analyzed, silent_decoding, sound, spoken_page, tokenizer


@pytest.fixture(scope="module")
def data() -> Any:
    return spoken_page().data


def test_the_structure(data: Any) -> None:
    assert set(data) == {
        "name", "seconds", "frameRate", "timing", "layout", "codebooks", "kindNames", "words", "events", "forms",
        "chosen", "reasons", "tokens", "tracks",
    }  # fmt: skip
    assert data["words"] == [
        [5, 25, "hello", 0.97, 0],
        [25, 50, HOSTILE, 0.9, 0],
        [52, 70, "mumble", 0.05, 0],
        [95, 120, "indeed", 0.8, 1],
    ]
    assert data["events"] == [[140, 180, "laugh", 0.9]]
    assert (data["seconds"], data["frameRate"], data["timing"], data["layout"]) == (4.0, 50, "locked", "hybrid")
    assert [track["name"] for track in data["tracks"]] == ["Original", "Decoded"]
    assert [track["seconds"] for track in data["tracks"]] == [4.0, 4.0]


def test_stretches_tile_the_recording_and_have_the_gate_s_reasons(data: Any) -> None:
    with tokenizer() as made:
        analysis, _ = analyzed(made)
    form = data["forms"][data["chosen"]]
    assert len(form["segments"]) == len(analysis.decisions)
    for shown, decision in zip(form["segments"], analysis.decisions, strict=True):
        start, end, kind, speaker, label, reason, cost, _, words, under = shown
        assert (start, end, kind, speaker, label) == (
            decision.span.start,
            decision.span.end,
            decision.kind,
            decision.speaker,
            decision.label,
        )
        assert data["reasons"][reason] == decision.reason and cost == round(decision.cost, 3)
        assert [data["words"][index][2] for index in words] == [word.text for word in decision.words] and not under
    for form in data["forms"]:
        bounds = [(one[0], one[1]) for one in form["segments"]]
        assert bounds[0][0] == 0 and bounds[-1][1] == 200
        assert all(left[1] == right[0] for left, right in pairwise(bounds))


def test_weights_go_from_a_pure_codec_to_pure_text(data: Any) -> None:
    weights = [form["weight"] for form in data["forms"]]
    assert weights == [*WEIGHTS[:-1], None] and data["chosen"] == WEIGHTS.index(0.023)
    tokens = [form["summary"]["tokens"] for form in data["forms"]]
    assert tokens == sorted(tokens, reverse=True) and tokens[0] > 3 * tokens[-1]
    kinds = [{one[2] for one in form["segments"]} for form in data["forms"]]
    assert "text" not in kinds[0] and "units" not in kinds[-1]
    for form in data["forms"]:
        assert sum(form["kinds"]) == form["summary"]["tokens"]


@pytest.mark.parametrize(
    "options",
    [{}, {"timing": "free"}, {"durations": "word"}, {"run_length": True}, {"prosody": "word"}, {"num_codebooks": 1}],
)
def test_what_a_weight_would_write_is_what_it_writes(options: dict[str, Any]) -> None:
    """As many ids as a tokenizer of that weight makes of the same annotations, with as many of each range."""
    with tokenizer(**options) as made:
        analysis, _ = analyzed(made)
        audio, _ = made.read(sound())
        chosen = choices(made, audio, analysis, (0.0, 0.1, math.inf))
    assert [one.weight for one in chosen] == [0.0, 0.023, 0.1, math.inf]
    for one in chosen:
        with tokenizer(**options, rate_weight=one.weight) as other:
            alone, _ = analyzed(other)
        assert one.decisions == alone.decisions
        assert [other.vocabulary.space.range_of(i) for i in one.ids] == [
            other.vocabulary.space.range_of(i) for i in alone.ids
        ]
        assert one.summary == alone.summary


@pytest.mark.parametrize("layout", ["units", "text"])
def test_a_layout_that_leaves_no_choice_has_one_form(layout: str) -> None:
    data: Any = spoken_page(layout=layout).data
    assert len(data["forms"]) == 1 and data["chosen"] == 0
    assert {one[2] for one in data["forms"][0]["segments"]} <= (
        {"units"} if layout == "units" else {"text", "tag", "pause"}
    )


def test_tokens_are_all_there_by_kind(data: Any) -> None:
    form = data["forms"][data["chosen"]]
    counts = [sum(count for kind, _, count in data["tokens"] if kind == k) for k in range(len(data["kindNames"]))]
    assert counts == form["kinds"] and sum(counts) == form["summary"]["tokens"]
    assert data["tokens"][0][1] == "<|speaker:0|>"
    assert all(count == 1 or data["kindNames"][kind] in ("units", "voice") for kind, _, count in data["tokens"])


def test_a_recording_of_two_channels_at_its_own_rate(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    write_wav(path, sound(4.0, 44_100))
    with tokenizer() as made:
        analysis = made.analyze(path, annotations=ANNOTATIONS)
        decoding = made.decode_analysis(analysis)
        data: Any = recording_page(made, path, analysis, decoding, "talk.wav").data
    assert [track["seconds"] for track in data["tracks"]] == [4.0, 4.0]


def test_a_recording_without_samples() -> None:
    with tokenizer() as made:
        nothing = sound(0.0)
        analysis = made.analyze(nothing, annotations=type(ANNOTATIONS)(0))
        data: Any = recording_page(made, nothing, analysis, silent_decoding(nothing), "empty.wav").data
    assert all(form["segments"] == [] for form in data["forms"])


def test_a_token_file_with_and_without_its_recording(tmp_path: Path) -> None:
    recording, tokens = tmp_path / "talk.wav", tmp_path / "talk.hyt"
    write_wav(recording, sound())
    with tokenizer() as made:
        analysis = made.analyze(recording, annotations=ANNOTATIONS)
        made.save(tokens, analysis)
        file = made.load(tokens)
        decoding = made.decode_file(file)
        alone: Any = file_page(made, file, decoding, "talk.hyt").data
        both: Any = file_page(made, file, decoding, "talk.hyt", recording).data
        write_wav(other := tmp_path / "other.wav", sound(3.0))
        with pytest.raises(OptionsError, match=r"other\.wav has 48000 samples .* made from 64000"):
            file_page(made, file, decoding, "talk.hyt", other)
    assert [track["name"] for track in alone["tracks"]] == ["Decoded"]
    assert [track["name"] for track in both["tracks"]] == ["Original", "Decoded"]
    (form,) = alone["forms"]
    assert form["summary"]["tokens"] == analysis.summary.tokens and alone["tokens"] == both["tokens"]
    assert alone["words"][0][:2] == [5, 50] and alone["words"][0][2] == f"hello {HOSTILE}"
    assert [one[2] for one in form["segments"]][:2] == ["pause", "text"]
    assert all(one[5] is None for one in form["segments"]) and alone["reasons"] == []


def test_free_timing_has_no_places(tmp_path: Path) -> None:
    with tokenizer(timing="free") as made:
        analysis, decoding = analyzed(made)
        made.save(tmp_path / "talk.hyt", analysis)
        data: Any = file_page(made, made.load(tmp_path / "talk.hyt"), decoding, "talk.hyt").data
    assert data["timing"] == "free" and data["words"] == [] and data["forms"][0]["segments"] == []
    assert data["tokens"]
