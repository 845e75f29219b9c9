"""Pronunciations laid over frames, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.align.goodness import edit_distance, fit_phones, free_phones


def frames(*columns: int, phones: int = 4) -> np.ndarray:
    out = np.full((len(columns), phones), -6.0, np.float32)
    out[np.arange(len(columns)), columns] = -0.1
    return out


def test_phones_are_found_where_they_are() -> None:
    heard = frames(*[0] * 10, *[1] * 6, *[2] * 8, *[0] * 10)
    fit = fit_phones(heard, [1, 2], 11, 23)  # a frame off at both ends
    assert fit.bounds.tolist() == [10, 16, 24]
    assert fit.deficits == pytest.approx([0.0, 0.0])


def test_a_phone_that_is_not_there_has_a_deficit() -> None:
    heard = frames(*[0] * 10, *[1] * 6, *[2] * 8, *[0] * 10)
    fit = fit_phones(heard, [1, 3], 10, 24)
    assert fit.deficits[0] < 0.5 and fit.deficits[1] > 4.0


@pytest.mark.parametrize("count", [0, 1, 2])
def test_more_phones_than_frames(count: int) -> None:
    fit = fit_phones(frames(*[1] * count), [1, 2, 3], 0, count)
    assert len(fit.bounds) == 4 and len(fit.deficits) == 3
    assert (fit.deficits == 12.0).all()


def test_free_phones_leave_out_silence_and_flickers() -> None:
    assert free_phones(frames(0, 0, 1, 1, 1, 3, 1, 1, 2, 2, 0, 2, 2)) == [1, 2]


def test_edit_distance() -> None:
    assert edit_distance([1, 2, 3], [1, 2, 3]) == 0
    assert edit_distance([1, 2, 3], [1, 3]) == 1
    assert edit_distance([], [1, 3]) == 2
    assert edit_distance([2, 1], [1, 2]) == 2
