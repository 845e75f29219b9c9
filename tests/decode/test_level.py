from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.decode.level import SpeakerLevels, active_level
from hybrid_tok.decode.plan import UnitPart, UnitSegment

RATE = 16_000


def tone(seconds: float, level_db: float) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    return (np.sqrt(2) * 10 ** (level_db / 20) * np.sin(2 * np.pi * 200 * times)).astype(np.float32)


def level(samples: np.ndarray) -> float:
    measured = active_level(frame_powers(samples, RATE))
    assert measured is not None
    return measured[0]


@pytest.mark.parametrize("silence_db", [-200.0, -70.0, -50.0])
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_pauses_do_not_count(silence_db: float, share: float) -> None:
    speech = tone(10 * share, -26.0)
    assert level(np.concatenate([speech, tone(10 - 10 * share, silence_db)])) == pytest.approx(-26.0, abs=0.3)


def test_louder_and_softer_speech_count_together() -> None:
    assert level(np.concatenate([tone(1.0, -20.0), tone(1.0, -30.0)])) == pytest.approx(-22.6, abs=0.1)


def test_silence_has_no_level() -> None:
    assert active_level(frame_powers(np.zeros(1600, np.float32), RATE)) is None
    assert active_level(np.zeros(0)) is None


@given(st.lists(st.floats(1e-12, 1.0), max_size=50), st.floats(0.1, 10.0))
def test_a_gain_moves_the_level_by_as_much(powers: list[float], gain: float) -> None:
    loud = np.array([power for power in powers if power > 1e-6])
    before, after = active_level(loud), active_level(loud * gain)
    assert (before is None) == (after is None) == (not len(loud))
    if before is not None and after is not None:
        assert after[0] - before[0] == pytest.approx(10 * np.log10(gain), abs=0.5)


def segment(*parts: UnitPart) -> UnitSegment:
    return UnitSegment(0, 0, ((0,),) * sum(part.frames for part in parts), parts)


def test_each_speaker_has_a_level_and_events_do_not_count() -> None:
    levels = SpeakerLevels(-26.0)
    assert levels.of(0) == -26.0
    body = np.concatenate([tone(1.0, -20.0), tone(1.0, -8.0), tone(1.0, -35.0)])
    levels.add(segment(UnitPart(0, 50, True), UnitPart(0, 50, False), UnitPart(1, 50, True)), body, RATE)
    assert levels.of(0) == pytest.approx(-20.0, abs=0.1)
    assert levels.of(1) == pytest.approx(-35.0, abs=0.1)
    assert levels.of(2) == pytest.approx(-22.9, abs=0.2), "that of everybody"


def test_too_little_speech_and_extremes_tell_nothing() -> None:
    levels = SpeakerLevels(-26.0)
    levels.add(segment(UnitPart(0, 20, True)), tone(0.4, -35.0), RATE)
    assert levels.of(0) == -26.0
    levels.add(segment(UnitPart(0, 50, True)), tone(1.0, -3.0), RATE)
    assert levels.of(0) == -14.0
