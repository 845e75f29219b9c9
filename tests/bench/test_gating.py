"""Figures of the gate, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fakes import FakeCodec
from hybrid_tok.bench.gating import Written, event_tokens, figures, switches, text_words
from hybrid_tok.bench.listening import Listened, RememberedCodec
from hybrid_tok.bench.words import Judgement
from hybrid_tok.core.annotations import Annotations, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.manifest import Clip
from hybrid_tok.core.recording import Recording
from hybrid_tok.core.timeline import Span
from hybrid_tok.encode.gate import Decision, DecisionKind
from hybrid_tok.tokens.stream import Channel, EventItem, HybridStream, Turn, UnitItem
from hybrid_tok.tokens.summary import Summary

WORDS = (Word("ten", Span(0, 25), 0.9), Word("21", Span(25, 50), 0.8), Word("cats", Span(50, 75), 0.7))


def decision(kind: DecisionKind, *words: Word, under: tuple[Word, ...] = ()) -> Decision:
    return Decision(Span(0, 1), kind, words, under=under)


def written(clip: Clip, decisions: tuple[Decision, ...], judged: Judgement) -> Written:
    annotations = Annotations(100, speech=(Span(0, 75),), words=WORDS)
    recording = Recording.of(Audio(np.zeros(32_000, np.float32), 16_000))
    summary = Summary(2.0, 40, 20.0, 300.0, 200.0, 0.5, 0.25, 0.25, 2)
    return Written(Listened(clip, recording, annotations, np.ones(3), judged), decisions, summary, event_tokens=10)


def test_words_over_the_text_of_another_speaker_are_text_too() -> None:
    decisions = [decision("text", WORDS[0], under=(WORDS[1],)), decision("units", WORDS[2]), decision("text")]
    assert text_words(decisions) == [WORDS[0], WORDS[1]]


def test_events_and_silence_are_no_switch() -> None:
    kinds: list[DecisionKind] = ["pause", "text", "event", "text", "tag", "pause", "units", "event", "units", "text"]
    assert switches([decision(kind) for kind in kinds]) == 2
    assert switches([]) == 0


def test_event_tokens_are_the_units_inside_true_events() -> None:
    unit = (5, 6)
    items = (UnitItem((unit,) * 10), EventItem("laugh", (unit,) * 20), UnitItem((unit,) * 10))
    stream = HybridStream((Channel((Turn(0, items),)),))
    assert event_tokens(stream, [], 2) == 0
    assert event_tokens(stream, [Span(10, 30)], 2) == 42, "the labelled event with its tags"
    assert event_tokens(stream, [Span(8, 30)], 2) == 46, "and two frames of the units before, not their tags"
    assert event_tokens(stream, [Span(0, 40)], 2) == 86


def test_figures_count_words_as_they_are_compared(tmp_path: Path) -> None:
    clip = Clip(tmp_path / "talk.flac", "talk.flac", "dialogues test")
    events = '{"events": [{"start": 0.5, "end": 1.0}, {"start": 0.75, "end": 1.25}]}'
    (tmp_path / "talk.json").write_text(events)
    decisions = (decision("text", *WORDS[:2]), decision("units", WORDS[2]))
    judged = Judgement(right=(False, True, True), units=(1, 2, 1), errors=3, said=6)
    found = figures([written(clip, decisions, judged)] * 2)
    assert found["words_as_text"] == pytest.approx(3 / 4)
    assert found["right_of_text"] == pytest.approx(2 / 3)
    assert found["right_of_reference"] == pytest.approx(2 / 6)
    assert found["tokens_per_second"] == pytest.approx(20.0)
    assert found["tokens_per_second_outside_events"] == pytest.approx((40 - 10) / (2.0 - 0.76))
    assert found["switches_per_minute"] == pytest.approx(60 / 1.5)
    assert (found["bits_per_second"], found["unit_share"]) == (300.0, 0.25)


def test_figures_without_words_are_not_numbers(tmp_path: Path) -> None:
    clip = Clip(tmp_path / "rain.flac", "rain.flac", "esc10", label="rain")
    found = figures([written(clip, (decision("units"),), Judgement((False,) * 3, (1, 1, 1), 3, 0))])
    assert (found["right_of_reference"], found["right_of_text"], found["words_as_text"]) == (None, None, 0.0)
    assert found["tokens_per_second_outside_events"] == pytest.approx((40 - 10) / 2.0)


def test_a_recording_is_encoded_once() -> None:
    codec = FakeCodec()
    remembered = RememberedCodec(codec)
    one, other = np.zeros(640, np.float32), np.ones(640, np.float32)
    codes = [remembered.encode(samples) for samples in (one, other, one.copy(), other)]
    assert codec.encoded == [2, 2]
    assert np.array_equal(codes[0], codes[2]) and np.array_equal(codes[1], FakeCodec().encode(other))
    assert np.array_equal(remembered.decode(codes[1]), codec.decode(codes[1]))
