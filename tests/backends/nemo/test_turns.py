"""Frames to turns."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.backends.nemo.turns import TurnOptions, turns_of
from hybrid_tok.core.annotations import SpeakerTurn
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import OptionsError


def active(frames: int, *speakers: list[tuple[int, int]]) -> np.ndarray:
    mask = np.zeros((len(speakers), frames), bool)
    for row, spans in zip(mask, speakers, strict=True):
        for start, end in spans:
            row[start:end] = True
    return mask


def test_speakers_are_numbered_by_first_appearance() -> None:
    found = turns_of(active(200, [(100, 150)], [(0, 50)], []), TurnOptions())
    assert found == (SpeakerTurn(0, Span(0, 50)), SpeakerTurn(1, Span(100, 150)))


def test_a_pause_is_bridged_unless_someone_talks_in_it() -> None:
    options = TurnOptions(bridge=1.0)
    assert turns_of(active(300, [(0, 50), (100, 150)]), options) == (SpeakerTurn(0, Span(0, 150)),)
    assert len(turns_of(active(300, [(0, 50), (101, 151)]), options)) == 2
    assert len(turns_of(active(300, [(0, 50), (100, 150)], [(60, 80)]), options)) == 3


def test_overlap_stays() -> None:
    found = turns_of(active(200, [(0, 100)], [(50, 150)]), TurnOptions())
    assert found == (SpeakerTurn(0, Span(0, 100)), SpeakerTurn(1, Span(50, 150)))


def test_short_turns_are_left_out_unless_there_is_nothing_else() -> None:
    options = TurnOptions(bridge=0.0, shortest=0.2)
    assert turns_of(active(100, [(0, 9), (20, 30)]), options) == (SpeakerTurn(0, Span(20, 30)),)
    assert turns_of(active(100, [(0, 1), (50, 59)]), options) == (SpeakerTurn(0, Span(50, 59)),)
    assert turns_of(active(100, []), options) == ()


def test_options() -> None:
    with pytest.raises(OptionsError, match="cannot be negative"):
        TurnOptions(bridge=-1.0)
