"""Sampled sequences, whole and damaged: a million of them in `benchmarks/vocabulary.py`, some hundreds here."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.bench.sampled import (
    VARIANTS,
    Outcome,
    damaged,
    decode_sampled,
    read_sampled,
    said_frames,
    small_text,
    try_sequences,
)
from hybrid_tok.core.audio import Audio
from hybrid_tok.tokenizer import HybridTokenizer
from hybrid_tok.tokens.stream import Back, Channel, EventItem, HybridStream, Pause, TextItem, Turn, UnitItem
from hybrid_tok.tokens.vocabulary import Vocabulary


def test_nothing_that_is_sampled_is_a_fault() -> None:
    outcome = try_sequences(700, seed=1)
    assert outcome.faults == []
    assert outcome.whole > 200 and outcome.cut > 100
    assert outcome.damaged == 700 and 20 < outcome.still_accepted < 500


def test_outcomes_of_processes_are_added() -> None:
    one = Outcome(5, 1, 1, 2, 0, ["a"], 0.5, [10.0, 11.0])
    other = Outcome(7, 2, 0, 2, 1, [], 0.25, [10.0, 12.0])
    assert Outcome.together([one, other]) == Outcome(12, 3, 1, 4, 1, ["a"], 0.5, [20.0, 23.0])


def test_faults_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary, random = Vocabulary(VARIANTS[0], small_text()), np.random.default_rng(0)
    stream = HybridStream((Channel((Turn(0, (TextItem("so", 3), UnitItem(((1, 2),)))),)),))
    ids = vocabulary.encode(stream)
    sampled = [*ids, max(vocabulary.space.text.silent)]
    fine, longer, broken = Outcome(), Outcome(), Outcome()
    read_sampled(vocabulary, sampled, random, fine)
    monkeypatch.setattr("hybrid_tok.bench.sampled.said_frames", lambda *_: 5)
    read_sampled(vocabulary, sampled, random, longer)
    monkeypatch.setattr(Vocabulary, "decode", lambda *_: 1 / 0)
    read_sampled(vocabulary, sampled, random, broken)
    assert fine.faults == []
    assert "4 frames, not 5" in longer.faults[0]
    assert "ZeroDivisionError" in broken.faults[0]
    truncated = Outcome()
    monkeypatch.undo()
    read_sampled(vocabulary, sampled[1:], random, truncated)
    assert "not accepted" in truncated.faults[0]


def test_the_length_a_sequence_says() -> None:
    first = Turn(0, (TextItem("so", 70), Pause(5), UnitItem(((1, 2),) * 3), Back(4), EventItem("laugh", ((0, 0),))))
    stream = HybridStream(
        (Channel((first, Turn(1, (Pause(2),)))), Channel((Turn(0, (TextItem("so", 7),)),))), "locked", 9
    )
    vocabulary = Vocabulary(VARIANTS[0], small_text())
    assert said_frames(vocabulary, vocabulary.encode(stream)) == stream.frames == 78


def test_damage_changes_most_sequences() -> None:
    random, ids = np.random.default_rng(0), list(range(30))
    changed = [damaged(ids, 100, random) for _ in range(100)]
    assert sum(one != ids for one in changed) > 80
    assert damaged([], 100, random) is not None


def test_sampled_sequences_become_audio() -> None:
    outcome = decode_sampled(10)
    assert outcome.faults == []
    assert outcome.decoded == 10 and outcome.seconds > 0.5


def test_audio_of_another_length_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HybridTokenizer, "decode", lambda *_: Audio(np.full(1, np.nan, np.float32), 16_000))
    outcome = decode_sampled(2, options=({"layout": "units"},))
    assert "not finite" in outcome.faults[0] and "1 samples, not " in outcome.faults[1]
