"""The parts of the judges that are not weights, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.bench.judges import SAMPLE_RATE, likeness, spoken
from hybrid_tok.core.audio import Audio


def directions(*degrees: float) -> list[np.ndarray]:
    return [np.array([np.cos(np.radians(d)), np.sin(np.radians(d))]) for d in degrees]


def test_recordings_themselves_are_as_alike_as_can_be() -> None:
    original = [directions(0, 10), directions(90, 80)]
    figures = likeness(original, original)
    assert figures["same"] == figures["decoded"] == pytest.approx(np.cos(np.radians(10)))
    assert figures["share"] == pytest.approx(1.0)
    assert figures["own_nearest"] == 1.0


def test_decoded_half_way_to_another_speaker() -> None:
    """Every decoded recording lies where its speaker's and the other's originals are equally far, then a bit nearer."""
    original = [directions(0, 0), directions(90, 90)]
    assert likeness(original, [directions(45, 45), directions(45, 45)])["share"] == pytest.approx(np.cos(np.pi / 4))
    assert likeness(original, [directions(46, 46), directions(44, 44)])["own_nearest"] == 0.0
    assert likeness(original, [directions(44, 46), directions(46, 46)])["own_nearest"] == pytest.approx(3 / 4)


def test_decoded_is_compared_with_the_other_recording() -> None:
    """A decoded recording that is a copy of its own original is no nearer to the other original than that is."""
    original = [directions(0, 30), directions(180, 180)]
    copied = likeness(original, original)
    assert copied["decoded"] == pytest.approx((np.cos(np.radians(30)) + 1.0) / 2)


def test_what_is_no_speech_is_kept_whole() -> None:
    silence = Audio(np.zeros(3 * SAMPLE_RATE, np.float32), SAMPLE_RATE)
    assert len(spoken(silence)) == 3 * SAMPLE_RATE
    assert len(spoken(Audio(silence.samples[:100], SAMPLE_RATE))) == SAMPLE_RATE
