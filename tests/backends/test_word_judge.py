"""Other recognizers' words, judged by their sound."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hybrid_tok.annotations import Segment, Word
from hybrid_tok.audio import Audio, read_mono
from hybrid_tok.backends.aligner import EmbeddedAligner
from hybrid_tok.backends.word_judge import WordJudge
from hybrid_tok.errors import BackendError
from hybrid_tok.timeline import Span
from real_audio import recording


@pytest.fixture(scope="module")
def judge() -> WordJudge:
    return WordJudge()


def test_words_that_were_said_gain_and_others_lose(judge: WordJudge) -> None:
    manifest = recording("dev/manifest.jsonl")
    lines = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    clip = next(line for line in lines if line["source"] == "ljspeech")
    audio, _ = read_mono(manifest.parent / clip["audio"], 16_000)
    said = [Word(w.text, w.span, 0.6, 3) for w in EmbeddedAligner().align(audio, [Segment(clip["text"])], ())]
    others = [Word(other.text, word.span, 0.6) for word, other in zip(said, reversed(said), strict=True)]
    judged, misjudged = judge.judge(audio, said), judge.judge(audio, others)
    assert np.mean([word.confidence for word in judged]) > np.mean([word.confidence for word in misjudged]) + 0.2
    assert [(word.text, word.span, word.speaker) for word in judged] == [(w.text, w.span, w.speaker) for w in said]


def test_a_part_is_judged_at_its_place(judge: WordJudge) -> None:
    noise = Audio((0.1 * np.random.default_rng(0).standard_normal(32_000)).astype(np.float32), 16_000)
    here, there = Word("cat", Span(10, 40), 0.5), Word("cat", Span(110, 140), 0.5)
    assert judge.judge(noise, [there], 100)[0].confidence == judge.judge(noise, [here])[0].confidence


def test_what_cannot_be_pronounced_keeps_its_confidence(judge: WordJudge) -> None:
    word = Word("你好", Span(0, 20), 0.7)
    assert judge.judge(Audio(np.zeros(16_000, np.float32), 16_000), [word]) == (word,)
    assert judge.judge(Audio(np.zeros(0, np.float32), 16_000), []) == ()


def test_other_rates_are_refused(judge: WordJudge) -> None:
    with pytest.raises(BackendError, match="8000"):
        judge.judge(Audio(np.zeros(10, np.float32), 8_000), [])
