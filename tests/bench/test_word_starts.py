"""Word starts against each other, and by kind of sound."""

from __future__ import annotations

import pytest

from hybrid_tok.align.aligner import Placed
from hybrid_tok.align.phones import PHONES, SILENCE
from hybrid_tok.bench.word_starts import WordStart, offset_of, onset_of, start_figures


def placed(start: int, end: int, phone: str = "T") -> Placed:
    return Placed(start, end, 0.0, (PHONES.index(phone),) if end > start else ())


def test_an_offset_is_in_seconds_and_late_is_positive() -> None:
    assert offset_of(placed(100, 120), placed(103, 110)) == WordStart("plosive", pytest.approx(0.03))
    assert offset_of(placed(100, 120, "AH"), placed(98, 110)) == WordStart("vowel", pytest.approx(-0.02))
    assert offset_of(placed(100, 120, "S"), placed(103, 103)) == WordStart("fricative", None)


def test_every_phone_has_a_kind() -> None:
    kinds = {name: onset_of(number) for number, name in enumerate(PHONES) if number != SILENCE}
    assert {kind: sum(one == kind for one in kinds.values()) for kind in set(kinds.values())} == {
        "vowel": 15,
        "plosive": 8,
        "fricative": 9,
        "sonorant": 7,
    }


def test_figures() -> None:
    offsets = [None, *(k / 100 for k in range(-5, 5))]
    figures = start_figures([WordStart("vowel", offset) for offset in offsets] + [WordStart("plosive", 0.04)])
    vowels = figures["vowel"]
    assert (vowels["words"], vowels["heard"]) == (11, 10)
    assert vowels["within_40_ms"] == pytest.approx(9 / 11)
    assert vowels["median_offset"] == vowels["mean_offset"] == pytest.approx(-0.005)
    assert figures["plosive"]["within_40_ms"] == 1.0
    assert figures["all"]["words"] == 12
