"""Stretches of a mask."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.core.masks import mask_to_spans, spans_to_mask
from hybrid_tok.core.timeline import Span


def test_stretches_are_half_open() -> None:
    assert mask_to_spans(np.array([True, True, False, True, False, False, True])) == [(0, 2), (3, 4), (6, 7)]
    assert mask_to_spans(np.zeros(0, bool)) == mask_to_spans(np.zeros(4, bool)) == []


@given(st.lists(st.booleans(), max_size=60))
def test_stretches_say_the_mask(values: list[bool]) -> None:
    again = np.zeros(len(values), bool)
    found = mask_to_spans(np.array(values, bool))
    for start, end in found:
        again[start:end] = True
    assert again.tolist() == values
    assert all(a[1] < b[0] for a, b in pairwise(found))


def test_speech_beyond_the_end_is_left_out() -> None:
    assert spans_to_mask([Span(1, 3), Span(5, 9), Span(20, 30)], 6).tolist() == [False, True, True, False, False, True]
