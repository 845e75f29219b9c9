"""How written text is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.normalize import read_words


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Dr. Smith paid $5.", "doctor smith paid five dollars"),
        ("in 1984, on May 5", "in nineteen eighty four on may fifth"),
        ("$3 million", "three million dollars"),
        ("It's 10:30 a.m.", "it's ten thirty a m"),
        ("the 21st of 105", "the twenty first of one hundred five"),
    ],
)
def test_the_first_reading(text: str, said: str) -> None:
    assert " ".join(part for word in read_words(text) for part in word.spoken[0]) == said


@given(st.text(max_size=60))
def test_the_words_are_the_text_with_single_spaces(text: str) -> None:
    assert " ".join(word.text for word in read_words(text)) == " ".join(text.split())
