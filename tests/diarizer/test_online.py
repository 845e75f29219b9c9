"""Streaming: the same turns whatever the chunks, speakers announced once, and nothing invented."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from hybrid_tok.audio import read_mono, resample
from hybrid_tok.core.annotations import SpeakerTurn
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span
from hybrid_tok.diarizer.online import OnlineDiarizer, OnlineOptions
from hybrid_tok.errors import BackendError, OptionsError
from hybrid_tok.train.events.other_sounds import music
from real_audio import recording


@pytest.fixture(scope="module")
def diarizer() -> OnlineDiarizer:
    return OnlineDiarizer()


def chunks(samples: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def follow(diarizer: OnlineDiarizer, samples: np.ndarray, size: int) -> list[SpeakerTurn]:
    turns = [turn for chunk in chunks(samples, size) for turn in diarizer.push(chunk)]
    return turns + list(diarizer.finish())


@pytest.fixture(scope="module")
def dialogue() -> np.ndarray:
    return read_mono(recording("dialogues/dialogue03.flac"))[0].samples


def test_the_same_turns_whatever_the_chunks(diarizer: OnlineDiarizer, dialogue: np.ndarray) -> None:
    whole = follow(diarizer, dialogue, len(dialogue))
    assert whole
    for size in (777, 16_000, 100_000):
        assert follow(diarizer, dialogue, size) == whole


def test_speech_that_is_given_may_be_cut_anywhere(diarizer: OnlineDiarizer, dialogue: np.ndarray) -> None:
    speech = [Span(20, 160), Span(190, 400), Span(500, 800)]

    def follow_given(size: int) -> list[SpeakerTurn]:
        turns: list[SpeakerTurn] = []
        for start in range(0, len(dialogue), size):
            low, high = start // 320, (start + size) // 320
            new = [Span(max(s.start, low), min(s.end, high)) for s in speech if s.start < high and s.end > low]
            turns += diarizer.push(dialogue[start : start + size], new)
        return turns + list(diarizer.finish())

    whole = follow_given(320 * 2000)
    assert whole and follow_given(320 * 37) == whole
    reach = round(diarizer.options.diarizer.reach * 50) + 2
    for turn in whole:
        assert any(turn.span.start >= s.start - reach and turn.span.start < s.end + reach for s in speech)


def test_what_was_announced_stays(diarizer: OnlineDiarizer, dialogue: np.ndarray) -> None:
    turns: list[SpeakerTurn] = []
    for chunk in chunks(dialogue, 8_000):
        before = list(turns)
        turns += diarizer.push(chunk)
        assert turns[: len(before)] == before
    turns += diarizer.finish()
    order = list(dict.fromkeys(turn.speaker for turn in turns))
    assert order == list(range(len(order)))
    assert all(a.span.end <= b.span.start for a, b in pairwise(turns))
    assert turns[-1].span.end <= -(-len(dialogue) // 320)


def test_two_voices_far_apart_are_two_and_come_back_as_themselves() -> None:
    """Synthetic voices in place of the network's: the decisions alone, stretch by stretch."""
    online = OnlineDiarizer()
    rng = np.random.default_rng(0)
    people = rng.standard_normal((2, 128))
    online.state.mask, online.state.pushed = np.ones(4000, bool), 4000 * 640
    found: list[SpeakerTurn] = []
    for k in range(60):
        voice = people[(k // 20) % 2] + 0.1 * rng.standard_normal(128)
        found += online._take(2 + 4 * k, 20.0, voice / np.linalg.norm(voice))
    assert online.state.open is not None
    found += online._decide(online.state.open)
    found += online._close()
    assert [turn.speaker for turn in found] == [0, 1, 0]


def test_nothing_is_invented(diarizer: OnlineDiarizer) -> None:
    assert diarizer.finish() == ()
    for seconds in (0.0, 0.01, 0.1, 5.0):
        assert follow(diarizer, np.zeros(int(16_000 * seconds), np.float32), 4_000) == []


def test_a_turn_that_silence_has_ended_is_known_while_it_is_silent(diarizer: OnlineDiarizer) -> None:
    talk = read_mono(recording("dev/ljspeech/LJ001-0014.flac"))[0].samples[:64_000]
    turns = diarizer.push(np.concatenate([talk, np.zeros(16_000 * 7, np.float32)]))
    assert [turn.speaker for turn in turns] == [0]
    assert 150 <= turns[0].span.end <= 260  # the network hears talk a little longer than there is
    assert diarizer.finish() == ()


@pytest.mark.parametrize("seed", range(3))
def test_music_has_at_most_one_speaker(diarizer: OnlineDiarizer, seed: int) -> None:
    """By itself the network takes tunes for talk, so somebody may be heard: without a detector's speech, and with."""
    tune = np.asarray(0.3 * music(8.0, np.random.default_rng(seed)), np.float32)
    assert len({turn.speaker for turn in follow(diarizer, tune, 8_000)}) <= 1
    assert list(diarizer.push(tune, [])) + list(diarizer.finish()) == []
    heard = list(diarizer.push(tune, [Span(0, 400)])) + list(diarizer.finish())
    assert len({turn.speaker for turn in heard}) <= 1


def test_speech_in_bad_shape_is_no_crowd(diarizer: OnlineDiarizer) -> None:
    """One word, 0.1 s, clipped, over the telephone; and two people who talk at the same time all the time."""
    one = read_mono(recording("dev/ljspeech/LJ001-0014.flac"))[0].samples[:96_000]
    other = read_mono(recording("dev/librispeech/1688-142285-0000.flac"))[0].samples[:96_000]
    narrow = resample(resample(Audio(one, 16_000), 8_000), 16_000).samples
    for samples in (one, one[8_000:16_000], one[8_000:9_600], np.clip(20 * one, -1, 1), narrow):
        assert {turn.speaker for turn in follow(diarizer, samples, 8_000)} <= {0}
    length = min(len(one), len(other))
    assert {turn.speaker for turn in follow(diarizer, one[:length] + other[:length], 8_000)} <= {0, 1}


def test_finishing_begins_anew(diarizer: OnlineDiarizer, dialogue: np.ndarray) -> None:
    part = dialogue[: 16_000 * 6]
    assert follow(diarizer, part, 5_000) == follow(diarizer, part, 5_000)


def test_what_is_wrong_is_said(diarizer: OnlineDiarizer) -> None:
    with pytest.raises(BackendError, match="mono"):
        diarizer.push(np.zeros((10, 2), np.float32))
    diarizer.push(np.zeros(10, np.float32))
    with pytest.raises(BackendError, match="every chunk"):
        diarizer.push(np.zeros(10, np.float32), [Span(0, 1)])
    diarizer.reset()
    for wrong in ({"step": 0.0}, {"longest": 0.0}, {"certain": -1.0}, {"most": 0}):
        with pytest.raises(OptionsError):
            OnlineOptions(**wrong)
