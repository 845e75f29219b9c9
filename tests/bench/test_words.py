"""Measures of recognized words, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.bench.words import area, calibration_error, judge, normalize
from hybrid_tok.core.annotations import Word
from hybrid_tok.core.timeline import Span


def test_normalize() -> None:
    assert normalize("  “Don't!” SHE said, twice—2 times.") == "don't she said twice 2 times"


def test_judge_counts_errors_and_knows_the_right_words() -> None:
    words = [Word(text, Span(k, k + 1), 0.5) for k, text in enumerate(["the", "cat", "hat", "mat"])]
    right, errors, reference = judge(words, "The cat sat on a mat.")
    assert [right[word] for word in words] == [True, True, False, True]
    assert (errors, reference) == (3, 6)
    assert judge([], "two words") == ({}, 2, 2)


def test_area_counts_pairs_in_order() -> None:
    right = np.array([False, False, True, True])
    assert area(np.array([0.1, 0.4, 0.35, 0.8]), right) == 0.75
    assert area(np.array([0.5, 0.5, 0.5, 0.5]), right) == 0.5
    assert np.isnan(area(np.array([0.5]), np.array([True])))


def test_calibration_error() -> None:
    right = np.array([True] * 9 + [False])
    assert calibration_error(np.full(10, 0.9), right) == pytest.approx(0.0)
    assert calibration_error(np.full(10, 0.5), right) == pytest.approx(0.4)
    assert calibration_error(np.array([1.0, 0.05]), np.array([True, False])) == pytest.approx(0.025)
