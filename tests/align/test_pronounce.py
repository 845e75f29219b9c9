"""Pronunciations: the dictionary in the package, given ones, and those read from the letters."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from hybrid_tok.align import pronounce
from hybrid_tok.align.pronounce import PHONES, Pronouncer, dictionary
from hybrid_tok.errors import AnnotationError, WeightsError


def test_the_dictionary_has_several_pronunciations_without_stress() -> None:
    assert len(dictionary()) > 120_000
    assert Pronouncer().pronounce("Either") == (("IY", "DH", "ER"), ("AY", "DH", "ER"))
    assert {phone for texts in dictionary().values() for text in texts for phone in text.split()} == set(PHONES)


def test_given_pronunciations_take_the_place_of_the_dictionarys() -> None:
    pronouncer = Pronouncer({"Nguyen": "W IH1 N, N UW0 Y EH N"})
    assert pronouncer.pronounce("nguyen") == (("W", "IH", "N"), ("N", "UW", "Y", "EH", "N"))
    with pytest.raises(AnnotationError, match="has no phone 'XX'"):
        Pronouncer({"x": "XX"})


def test_other_words_are_read_by_their_letters() -> None:
    assert ("G", "L", "IH", "M", "P", "ER", "D") in Pronouncer().pronounce("glimpurd")
    assert Pronouncer().pronounce("caféteria") == Pronouncer().pronounce("cafeteria")
    assert Pronouncer().pronounce("你好") == ()


def test_a_changed_dictionary_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tmp_path / "cmudict.gz"
    changed.write_bytes(gzip.compress(b"one\tT UW\n"))
    monkeypatch.setattr(pronounce, "DICTIONARY", changed)
    with pytest.raises(WeightsError, match="truncated or changed"):
        dictionary.__wrapped__()
    monkeypatch.setattr(pronounce, "DICTIONARY", tmp_path / "none.gz")
    with pytest.raises(WeightsError, match="cannot be read"):
        dictionary.__wrapped__()
