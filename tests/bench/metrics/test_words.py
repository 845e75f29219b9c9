"""Word and character errors against jiwer, and by hand."""

from __future__ import annotations

import jiwer
import numpy as np
import pytest

from hybrid_tok.bench.metrics.words import character_errors, word_errors

TEXT = "The quick brown fox jumps over the lazy dog."


def test_what_was_said_has_no_errors_however_it_is_written() -> None:
    assert word_errors(["the", "QUICK", "brown fox", "jumps over", "the lazy dog"], TEXT) == (0, 9)
    assert character_errors(["the", "QUICK", "brown fox", "jumps over", "the lazy dog"], TEXT) == (0, 43)


def test_agrees_with_jiwer() -> None:
    """Exactly, on random words."""
    rng = np.random.default_rng(0)
    words = TEXT[:-1].lower().split()
    for _ in range(20):
        said, heard = ([str(word) for word in rng.choice(words, rng.integers(1, 12))] for _ in range(2))
        errors, length = word_errors(heard, " ".join(said))
        assert errors / length == pytest.approx(jiwer.wer(" ".join(said), " ".join(heard)), abs=1e-12)
        errors, length = character_errors(heard, " ".join(said))
        assert errors / length == pytest.approx(jiwer.cer(" ".join(said), " ".join(heard)), abs=1e-12)


def test_each_kind_of_error() -> None:
    words = TEXT[:-1].split()
    for spoilt in (words[:-1], [*words, "please"], ["a", *words[1:]]):
        assert word_errors(spoilt, TEXT) == (1, 9)
    swapped = [words[1], words[0], *words[2:]]
    assert word_errors(swapped, TEXT) == (2, 9)


def test_the_more_words_are_wrong_the_more_errors() -> None:
    words = TEXT[:-1].split()
    for errors in (word_errors, character_errors):
        counts = [errors(["mmm"] * n + words[n:], TEXT)[0] for n in range(len(words) + 1)]
        assert counts[0] == 0 and counts == sorted(counts) and counts[-1] > counts[4] > counts[0]


def test_words_are_characters_where_no_spaces_are_written() -> None:
    for errors in (word_errors, character_errors):
        assert errors(["我用", "两种"], "我有两種", "zh") == (1, 4)


def test_nothing_said_or_heard() -> None:
    assert word_errors([], TEXT) == (9, 9) and word_errors(["you"], "") == (1, 0)
    assert character_errors([], TEXT) == (43, 43) and character_errors(["you"], "") == (3, 0)
