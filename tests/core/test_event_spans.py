"""From posteriors to events, by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid_tok.core.annotations import Event
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.event_spans import TaggerOptions, beside_speech, events_of, frame_levels
from hybrid_tok.core.events import EVENT_LABELS
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import OptionsError
from hybrid_tok.tagger.network import POSTERIORS

SHARP = TaggerOptions(threshold=0.5, smooth=0.02, stay=0.3, min_seconds=0.1, bridge=0.1)


def posteriors(frames: int, *stretches: tuple[int, int, str, float]) -> NDArray[np.float32]:
    result = np.zeros((frames, 19), np.float32)
    for start, end, label, probability in stretches:
        result[start:end, EVENT_LABELS.index(label)] += probability  # type: ignore[arg-type]
    return result


def test_hysteresis_by_hand() -> None:
    """An event starts where it is at least `stay`, if it somewhere reaches `threshold`."""
    heard = posteriors(100, (10, 20, "laugh", 0.35), (20, 40, "laugh", 0.9), (60, 80, "cough", 0.45))
    assert events_of(heard, SHARP) == (Event("laugh", Span(10, 40), 0.9),)


def test_what_happened_is_asked_after_whether_something_did() -> None:
    """Neither label reaches the threshold, both together do; the larger one names it, less surely."""
    heard = posteriors(50, (10, 30, "laugh", 0.45), (10, 30, "moan", 0.35))
    assert events_of(heard, SHARP) == (Event("laugh", Span(10, 30), 0.45),)


def test_a_bout_is_one_event_but_two_sounds_are_two() -> None:
    bout = posteriors(60, (10, 20, "cough", 0.9), (24, 34, "cough", 0.9))
    assert [event.span for event in events_of(bout, SHARP)] == [Span(10, 34)]
    two = posteriors(60, (10, 20, "cough", 0.9), (24, 34, "laugh", 0.9))
    assert [(event.label, event.span.start) for event in events_of(two, SHARP)] == [("cough", 10), ("laugh", 24)]
    doubtful = posteriors(60, (10, 20, "cough", 0.9), (24, 34, "laugh", 0.6))
    assert [event.label for event in events_of(doubtful, SHARP)] == ["cough"]
    apart = posteriors(60, (10, 20, "cough", 0.9), (26, 36, "cough", 0.9))
    assert len(events_of(apart, SHARP)) == 2


def test_short_and_doubtful_events_are_dropped() -> None:
    assert events_of(posteriors(60, (10, 14, "cough", 1.0)), SHARP) == ()
    unclear = posteriors(60, *((10, 30, label, 0.19) for label in EVENT_LABELS[:5]))
    assert events_of(unclear, SHARP) == ()
    assert events_of(np.zeros((0, 19), np.float32), SHARP) == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": 1.0},
        {"stay": 0.6},
        {"smooth": -1.0},
        {"min_confidence": 2.0},
        {"bridge": -0.1},
        {"reach": -1.0},
        {"depth": -1.0},
        {"sure": 1.5},
    ],
)
def test_options_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(OptionsError):
        TaggerOptions(**wrong)


def test_what_is_more_noise_than_event_is_dropped_unless_it_is_certain() -> None:
    heard = posteriors(100, (10, 30, "cough", 0.59), (60, 80, "laugh", 0.61))
    assert [event.label for event in events_of(heard, SHARP)] == ["cough", "laugh"]
    heard[:, POSTERIORS.index("noise")] = 0.51
    assert [event.label for event in events_of(heard, SHARP)] == ["laugh"]


def test_beside_speech_a_noise_may_be_an_event() -> None:
    heard = posteriors(600, (10, 30, "cough", 0.5))
    heard[:, POSTERIORS.index("noise")] = 0.51
    assert events_of(heard, SHARP) == ()
    heard[200:250, POSTERIORS.index("speech")] = 0.9
    assert [event.label for event in events_of(heard, SHARP)] == ["cough"]


def test_a_second_of_speech_within_five_is_beside_speech() -> None:
    speech = np.zeros(1_000, np.float32)
    speech[300:349] = 0.9
    assert not beside_speech(speech).any()
    speech[349] = 0.9
    assert np.flatnonzero(beside_speech(speech)).tolist() == [*range(100, 551)]
    assert beside_speech(speech[:0]).shape == (0,)


def test_a_word_between_parts_two_sounds() -> None:
    heard = posteriors(60, (10, 20, "cough", 0.9), (24, 34, "cough", 0.9))
    heard[20:24, len(EVENT_LABELS)] = 0.9
    assert [event.span for event in events_of(heard, SHARP)] == [Span(10, 20), Span(24, 34)]


def test_an_event_reaches_to_where_its_sound_begins_and_ends() -> None:
    """Known to be a laugh from frame 60 on; heard from 40, but that is speech up to 45; another 0.1 s is a hole."""
    heard = posteriors(200, (60, 80, "laugh", 0.9))
    heard[:45, len(EVENT_LABELS)] = 0.9
    levels = np.full(200, -80.0)
    levels[40:80] = -20.0
    levels[50:55] = -80.0
    levels[80:100] = -40.0
    assert [event.span for event in events_of(heard, SHARP, levels)] == [Span(45, 100)]
    assert [event.span for event in events_of(heard, SHARP)] == [Span(60, 80)]
    levels[49:55] = -80.0  # a hole of 0.12 s ends the sound
    assert [event.span for event in events_of(heard, SHARP, levels)] == [Span(55, 100)]
    near = dataclasses.replace(SHARP, reach=0.1)
    assert [event.span for event in events_of(heard, near, levels)] == [Span(55, 85)]


def test_steady_noise_is_not_reached_into_and_neighbours_do_not_overlap() -> None:
    heard = posteriors(200, (60, 80, "laugh", 0.9), (100, 120, "cough", 0.9))
    spans = [event.span for event in events_of(heard, SHARP, np.full(200, -30.0))]
    assert spans == [Span(60, 80), Span(100, 120)]
    loud = np.full(200, -30.0)
    loud[:30] = loud[150:] = -80.0
    spans = [event.span for event in events_of(heard, SHARP, loud)]
    assert spans == [Span(30, 100), Span(100, 150)]


def test_levels_per_frame() -> None:
    samples = np.concatenate([np.zeros(320), np.full(320, 0.1), np.full(160, 1.0)]).astype(np.float32)
    np.testing.assert_allclose(frame_levels(Audio(samples, 16_000)), [-100, -20, -3.01], atol=0.01)
    assert frame_levels(Audio(np.zeros(0, np.float32), 16_000)).shape == (0,)
