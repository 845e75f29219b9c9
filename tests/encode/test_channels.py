"""Channels by themselves: told from a mix, overlap is kept, what leaks from one into another is nobody's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from hybrid_tok.core.annotations import SpeakerTurn
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span
from hybrid_tok.encode.channels import (
    ChannelOptions,
    are_separate,
    diarize_channels,
    measure_levels,
    own_talk,
    separate_talk,
)
from hybrid_tok.errors import OptionsError

EVERYTHING = [Span(0, 150)]


class OneSpeakerPerSpan:
    """A diarizer that takes every span it is given for another speaker's turn; notes the numbers of speakers."""

    name = fingerprint = "fake"

    def __init__(self) -> None:
        self.asked: list[int | None] = []

    def diarize(self, audio: Audio, speech: Sequence[Span], speakers: int | None = None) -> tuple[SpeakerTurn, ...]:
        assert audio.samples.ndim == 1
        self.asked.append(speakers)
        return tuple(SpeakerTurn(min(k, (speakers or 99) - 1), span) for k, span in enumerate(speech))


def two_sides(leak: float, seconds: int = 3) -> list[Audio]:
    """Side 0 talks from 0 to 2 s, side 1 from 1 to 3 s; each is heard on the other's channel at `leak`."""
    noise = np.random.default_rng(0).normal(0, 0.1, (2, seconds * 16_000)).astype(np.float32)
    noise[0, 2 * 16_000 :] = 0
    noise[1, :16_000] = 0
    leaked = noise + np.float32(leak) * noise[::-1]
    return [Audio(channel.astype(np.float32), 16_000) for channel in leaked]


def test_talk_at_the_same_time_on_two_channels_is_two_turns_that_overlap() -> None:
    turns = diarize_channels(OneSpeakerPerSpan(), two_sides(0.0), ([Span(0, 100)], [Span(50, 150)]))
    assert turns == (SpeakerTurn(0, Span(0, 100)), SpeakerTurn(1, Span(50, 150)))


def test_what_leaks_from_another_channel_is_not_its_own() -> None:
    levels = measure_levels(two_sides(0.05))
    (left,), (right,) = own_talk(levels, (EVERYTHING, EVERYTHING))
    assert left.start == 0 and abs(left.end - 100) <= 6
    assert abs(right.start - 50) <= 6 and right.end == 150
    assert own_talk(levels, (EVERYTHING, EVERYTHING), options=ChannelOptions(bleed=60.0)) == [EVERYTHING] * 2


def test_an_event_is_taken_from_the_channel_it_is_in() -> None:
    left, right = own_talk(
        measure_levels(two_sides(0.0)), ([Span(0, 100)], [Span(50, 150)]), [Span(0, 20), Span(120, 130), Span(150, 160)]
    )
    assert left == [Span(20, 100)]
    assert right == [Span(50, 120), Span(130, 150)]


def test_one_signal_on_two_channels_is_talk_of_one() -> None:
    one = two_sides(0.0)[0]
    for copy in (one, Audio(one.samples * np.float32(0.4), 16_000)):
        levels = measure_levels([one, copy])
        assert own_talk(levels, ([Span(0, 90)], [Span(0, 90)])) == [[Span(0, 90)], []]


@pytest.mark.parametrize(
    ("channels", "apart"),
    [
        (two_sides(0.0), True),
        (two_sides(0.1), True),
        (two_sides(0.5), False),
        ([two_sides(0.0)[0]] * 2, False),
        ([*two_sides(0.0), Audio(np.zeros(48_000, np.float32), 16_000)], True),
        (two_sides(0.0)[:1], False),
    ],
    ids=["sides", "leaking sides", "a stereo mix", "copies", "one silent", "one channel"],
)
def test_channels_stand_apart_where_one_is_far_louder(channels: list[Audio], apart: bool) -> None:
    assert are_separate(measure_levels(channels), EVERYTHING) is apart
    assert not are_separate(measure_levels(channels), ()), "without speech nobody knows"
    assert (separate_talk(channels, EVERYTHING, lambda channel: EVERYTHING) is not None) is apart


def test_a_channel_is_listened_to_where_the_use_says_so() -> None:
    def find_speech(channel: Audio) -> Sequence[Span]:
        return [Span(0, 100)] if channel.samples[0] else [Span(50, 150)]

    sides = two_sides(0.0)
    assert separate_talk(sides, EVERYTHING, find_speech, options=ChannelOptions("mix")) is None
    assert separate_talk(two_sides(0.5), EVERYTHING, find_speech, options=ChannelOptions("separate")) is not None
    assert separate_talk(sides, EVERYTHING, find_speech, speakers=1) is None
    talk = separate_talk(sides, EVERYTHING, find_speech, speakers=2)
    assert talk is not None and all(talk)


def test_speakers_are_numbered_by_appearance_over_all_channels() -> None:
    turns = diarize_channels(OneSpeakerPerSpan(), two_sides(0.0), ([Span(60, 100)], [Span(55, 90)]))
    assert turns == (SpeakerTurn(0, Span(55, 90)), SpeakerTurn(1, Span(60, 100)))


@pytest.mark.parametrize(
    ("speakers", "talk", "asked"),
    [
        (None, ([Span(0, 9)], [Span(0, 9)]), [None, None]),
        (2, ([Span(0, 9)], [Span(0, 9)]), [1, 1]),
        (3, ([Span(0, 9)], [Span(0, 9)]), [None, 2]),
        (3, ([Span(0, 5), Span(6, 9)], [Span(0, 9)]), [None, 1]),
        (3, ([Span(0, 2), Span(3, 5), Span(6, 9)], [Span(0, 9)]), [None, 2, 1]),
        (3, ([], [Span(0, 9)]), [3]),
        (1, ([], []), []),
    ],
)
def test_known_speakers_are_shared_out(speakers: int | None, talk: Any, asked: list[int | None]) -> None:
    diarizer = OneSpeakerPerSpan()
    diarize_channels(diarizer, two_sides(0.0), talk, speakers)
    assert diarizer.asked == asked


def test_an_event_of_no_length_is_nobodys() -> None:
    levels = measure_levels(two_sides(0.0))
    assert own_talk(levels, ([Span(0, 40)], []), [Span(20, 20)]) == [[Span(0, 40)], []]


def test_nothing_and_what_is_wrong() -> None:
    empty = [Audio(np.zeros(0, np.float32), 16_000)] * 2
    assert separate_talk(empty, (), lambda channel: ()) is None
    assert separate_talk(empty, (), lambda channel: (), options=ChannelOptions("separate")) == [[], []]
    assert diarize_channels(OneSpeakerPerSpan(), empty, ([], [])) == ()
    with pytest.raises(ValueError, match="speech of 1 channels"):
        own_talk(measure_levels(two_sides(0.0)), ([],))
    with pytest.raises(OptionsError, match="2 channels have speech"):
        diarize_channels(OneSpeakerPerSpan(), two_sides(0.0), ([Span(0, 9)], [Span(0, 9)]), speakers=1)
    for wrong in ({"use": "both"}, {"bleed": 0.0}, {"apart": 1.5}, {"same": -1.0}):
        with pytest.raises(OptionsError):
            ChannelOptions(**wrong)
