"""Channels by themselves: overlap is kept, what leaks from one into another is nobody's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from hybrid_tok.annotations import SpeakerTurn
from hybrid_tok.audio import Audio
from hybrid_tok.backends.channel_diarizer import diarize_channels
from hybrid_tok.errors import BackendError, OptionsError
from hybrid_tok.timeline import Span


class OneTurnPerSpan:
    """A diarizer that takes every span it is given for a turn of one speaker."""

    name = fingerprint = "fake"

    def diarize(self, audio: Audio, speech: Sequence[Span]) -> tuple[SpeakerTurn, ...]:
        assert audio.samples.ndim == 1
        return tuple(SpeakerTurn(0, span) for span in speech)


def two_sides(leak: float) -> Audio:
    """Side 0 talks from 0 to 2 s, side 1 from 1 to 3 s; each is heard on the other's channel at `leak`."""
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 3 * 16_000)).astype(np.float32)
    noise[0, 2 * 16_000 :] = 0
    noise[1, :16_000] = 0
    return Audio((noise + np.float32(leak) * noise[::-1]).astype(np.float32), 16_000)


def test_talk_at_the_same_time_on_two_channels_is_two_turns_that_overlap() -> None:
    turns = diarize_channels(OneTurnPerSpan(), two_sides(0.0), ([Span(0, 100)], [Span(50, 150)]))
    assert turns == (SpeakerTurn(0, Span(0, 100)), SpeakerTurn(1, Span(50, 150)))


def test_what_leaks_from_another_channel_is_not_its_own() -> None:
    everything = [Span(0, 150)]
    turns = diarize_channels(OneTurnPerSpan(), two_sides(0.05), (everything, everything))
    assert [turn.speaker for turn in turns] == [0, 1]
    assert abs(turns[0].span.end - 100) <= 6 and abs(turns[1].span.start - 50) <= 6
    heard_twice = diarize_channels(OneTurnPerSpan(), two_sides(0.05), (everything, everything), bleed=60.0)
    assert [turn.span for turn in heard_twice] == [Span(0, 150), Span(0, 150)]


def test_speakers_are_numbered_by_appearance_over_all_channels() -> None:
    turns = diarize_channels(OneTurnPerSpan(), two_sides(0.0), ([Span(60, 100)], [Span(55, 90)]))
    assert turns == (SpeakerTurn(0, Span(55, 90)), SpeakerTurn(1, Span(60, 100)))


def test_what_is_wrong_is_said() -> None:
    assert diarize_channels(OneTurnPerSpan(), Audio(np.zeros((2, 0), np.float32), 16_000), ([], [])) == ()
    with pytest.raises(BackendError, match="2 channels"):
        diarize_channels(OneTurnPerSpan(), Audio(np.zeros(100, np.float32), 16_000), ([], []))
    with pytest.raises(OptionsError):
        diarize_channels(OneTurnPerSpan(), two_sides(0.0), ([], []), bleed=0.0)
