"""Events by hand: which onsets match, what pools, and what survives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hybrid_tok.audio import read_mono
from hybrid_tok.bench.metrics.events import (
    EventCounts,
    Survival,
    TaggerJudge,
    count_events,
    event_survival,
    match_onsets,
)
from hybrid_tok.core.annotations import Event
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.events import EventLabel
from hybrid_tok.core.timeline import Span, count_frames
from real_audio import recording

COUGH = "dev/covid19-cough/d922a4dc-347e-4f39-8f7f-3dd09b3b2592.opus"


def event(label: EventLabel, start: float, seconds: float = 0.5) -> Event:
    return Event(label, Span(round(start * 50), round((start + seconds) * 50)), 1.0)


TRUE = [event("laugh", 1.0), event("cough", 3.0), event("sigh", 5.0)]


def test_the_truth_is_found() -> None:
    assert count_events(TRUE, TRUE) == EventCounts(3, 3, 3)
    assert count_events(TRUE, TRUE).f1 == 1.0 == count_events([], []).f1


def test_f1_pools_over_recordings() -> None:
    """Two of three found and one invented, then none of one: 2 x 2 of 3 + 3 + 1."""
    first = count_events(TRUE, [TRUE[0], TRUE[1], event("yawn", 9.0)])
    pooled = first + count_events([event("sneeze", 0.0)], [])
    assert pooled == EventCounts(2, 3, 4) and pooled.pair == (4, 7) and pooled.f1 == pytest.approx(4 / 7)


def test_a_label_counts_where_it_is_asked_for() -> None:
    renamed = [replace(one, label="moan") for one in TRUE]
    assert count_events(TRUE, renamed).hits == 0
    assert count_events(TRUE, renamed, labels=False).hits == 3


def test_an_onset_may_be_off_by_the_tolerance_and_no_more() -> None:
    at = [event("laugh", start) for start in (1.3, 1.32, 0.7, 0.68)]
    assert [count_events(TRUE[:1], [one]).hits for one in at] == [1, 0, 1, 0]
    assert count_events(TRUE[:1], [at[1]], tolerance=0.5).hits == 1


def test_each_event_is_matched_once_and_with_the_nearest() -> None:
    assert match_onsets([(1.0, "a")], [(0.8, "a"), (1.1, "a"), (1.2, "a")]) == [(0, 1)]
    assert match_onsets([(1.0, "a"), (1.1, "a")], [(1.05, "a")]) == [(0, 0)]
    assert match_onsets([(1.0, "a")], [(1.0, "b"), (1.2, "a")], labels=True) == [(0, 1)]


def test_it_gets_worse_the_later_events_are_found_and_the_more_are_renamed() -> None:
    late = [count_events(TRUE, [event(t.label, t.span.start / 50 + off) for t in TRUE]).f1 for off in (0.0, 0.2, 0.4)]
    assert late == [1.0, 1.0, 0.0]
    renamed = [count_events(TRUE, [replace(t, label="snore") for t in TRUE[:n]] + TRUE[n:]).f1 for n in range(4)]
    assert renamed == pytest.approx([1.0, 2 / 3, 1 / 3, 0.0])


def test_survival_is_of_what_was_heard_before() -> None:
    """The first is heard twice, the second lost, the third only heard after decoding, the fourth never."""
    true: list[EventLabel] = ["laugh", "cough", "sigh", "cry"]
    assert event_survival(true, ["laugh", "cough", None, "moan"], ["laugh", "sneeze", "sigh", None]) == Survival(
        events=4, heard=2, survived=1, heard_decoded=2
    )


def cough() -> tuple[Audio, Span]:
    audio, _ = read_mono(recording(COUGH))
    return audio, Span(0, count_frames(audio.num_samples, audio.sample_rate))


def test_the_tagger_names_a_cough_and_not_the_noise_in_its_place() -> None:
    audio, whole = cough()
    noise = np.random.default_rng(0).standard_normal(audio.num_samples).astype(np.float32)
    judge = TaggerJudge()
    assert judge.name_events(audio, [whole]) == ["cough"]
    for other in (0.01 * noise, np.zeros_like(noise)):
        assert judge.name_events(Audio(other, audio.sample_rate), [whole]) != ["cough"]


def test_a_stretch_beyond_the_end_is_no_event() -> None:
    audio, whole = cough()
    assert TaggerJudge().name_events(audio, [Span(whole.end + 10, whole.end + 60)]) == [None]
