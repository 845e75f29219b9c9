"""Measures of recognized words, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.bench.words import Judgement, area, calibration_error, covered, errors_at, judge, normalize


def test_normalize_spells_english_numbers_out() -> None:
    assert normalize("  “Don't!” SHE said, twice—2 times.") == ["don't", "she", "said", "twice", "two", "times"]
    assert normalize("Dr. Smith paid $5") == ["doctor", "smith", "paid", "five", "dollars"]


def test_normalize_keeps_other_languages_as_they_are_written() -> None:
    assert normalize("Um 3 Uhr, bitte!", "de") == ["um", "3", "uhr", "bitte"]
    assert normalize("西堤牛排(ＡＢ店)。", "zh") == [*"西堤牛排ab店"]


def test_judge_counts_errors_and_knows_the_right_words() -> None:
    judged = judge(["The", "cat,", "hat", "mat."], "The cat sat on a mat.")
    assert judged == Judgement(right=(True, True, False, True), units=(1, 1, 1, 1), errors=3, said=6)


def test_texts_cover_their_parts_of_the_reference() -> None:
    """What is missing between texts is in neither; what is wrong or missing inside one is in it."""
    inside = covered([["a", "x", "c"], [], ["f", "h"]], ["a", "b", "c", "d", "e", "f", "g", "h", "i"])
    assert inside == [True, True, True, False, False, True, True, True, False]


def test_texts_beside_the_reference_cover_nothing() -> None:
    assert covered([["a"], ["um"], ["b"]], ["a", "b"]) == [True, True]
    assert covered([["um"]], []) == []
    assert covered([[], []], ["a"]) == [False]


def test_errors_are_counted_at_the_chosen_words() -> None:
    reference, chosen = ["a", "b", "c", "d", "e"], [True, True, False, False, True]
    assert errors_at(chosen, reference, reference) == 0
    assert errors_at(chosen, reference, ["x", "b", "y", "e"]) == 1
    assert errors_at(chosen, reference, ["b", "c", "d"]) == 2
    assert errors_at(chosen, reference, []) == 3


def test_an_insertion_belongs_to_the_words_on_both_sides() -> None:
    reference, chosen = ["a", "b", "c", "d", "e"], [True, True, False, False, True]
    assert errors_at(chosen, reference, ["a", "um", "b", "c", "d", "e", "uh", "uh"]) == 3
    assert errors_at(chosen, reference, ["a", "b", "um", "c", "um", "d", "um", "e"]) == 0
    assert errors_at([], [], ["um"]) == 1


def test_judge_without_words_or_transcript() -> None:
    assert judge([], "two words") == Judgement((), (), 2, 2)
    assert judge(["no", "22"], "") == Judgement((False, False), (1, 2), 3, 0)


def test_a_word_of_several_units_is_right_when_all_are() -> None:
    assert judge(["21", "cats"], "twenty one cats") == Judgement((True, True), (2, 1), 0, 3)
    assert judge(["21", "cats"], "twenty two cats") == Judgement((False, True), (2, 1), 1, 3)
    assert judge(["牛排", "店"], "牛奶店", "zh") == Judgement((False, True), (2, 1), 1, 3)
    assert judge(["well", "—"], "well") == Judgement((True, False), (1, 0), 0, 1)


def test_area_counts_pairs_in_order() -> None:
    right = np.array([False, False, True, True])
    assert area(np.array([0.1, 0.4, 0.35, 0.8]), right) == 0.75
    assert area(np.array([0.5, 0.5, 0.5, 0.5]), right) == 0.5
    assert np.isnan(area(np.array([0.5]), np.array([True])))


def test_calibration_error_is_over_bins_of_equal_mass() -> None:
    right = np.array([True] * 9 + [False])
    assert calibration_error(np.full(10, 0.9), right, bins=1) == pytest.approx(0.0)
    assert calibration_error(np.full(10, 0.5), right, bins=1) == pytest.approx(0.4)
    probability = np.array([0.9, 0.1, 0.9, 0.1])
    assert calibration_error(probability, np.array([True, False, True, False]), bins=2) == pytest.approx(0.1)
    assert calibration_error(probability, np.array([False, True, True, False]), bins=2) == pytest.approx(0.4)
    assert calibration_error(np.zeros(0), np.zeros(0, bool)) == 0.0
