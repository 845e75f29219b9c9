"""The English dictionary and what follows from its entries."""

from __future__ import annotations

import pytest

from hybrid_tok.phonemes.lexicon import Lexicon, english_lexicon, plural
from hybrid_tok.phonemes.symbols import symbol_table

SMALL = Lexicon(
    {
        **{
            "bake": "bˈAk",
            "plan": "plˈæn",
            "try": "tɹˈI",
            "wait": "wˈAt",
            "act": "ˈækt",
            "kiss": "kˈɪs",
            "Paris": "pˈɛɹəs",
        },
        **{"use": "jˈuz\tNOUN=jˈus", "going": "ɡˈOɪŋ", "they": "ðˈA", "A": "ˈA", "B": "bˈi", "need": "nˈid"},
    }
)


@pytest.mark.parametrize(
    ("word", "phonemes"),
    [
        ("Bake", "bˈAk"),
        ("paris", "pˈɛɹəs"),
        ("bakes", "bˈAks"),
        ("plans", "plˈænz"),
        ("tries", "tɹˈIz"),
        ("kisses", "kˈɪsᵻz"),
        ("kiss's", "kˈɪsᵻz"),
        ("plans'", "plˈænz"),
        ("baked", "bˈAkt"),
        ("planned", "plˈænd"),
        ("tried", "tɹˈId"),
        ("waited", "wˈAɾᵻd"),
        ("acted", "ˈæktᵻd"),
        ("needed", "nˈidᵻd"),
        ("baking", "bˈAkɪŋ"),
        ("planning", "plˈænɪŋ"),
        ("waiting", "wˈAɾɪŋ"),
        ("goin'", "ɡˈOɪn"),
        ("they'll", "ðˈAᵊl"),
        ("they'd", "ðˈAd"),
    ],
)
def test_forms(word: str, phonemes: str) -> None:
    entry = SMALL.find(word)
    assert entry is not None and entry["DEFAULT"] == phonemes


@pytest.mark.parametrize("word", ["", "'", "'s", "ing", "s", "ed", "baker", "planes", "bing", "kis", "actt"])
def test_what_is_no_form_of_a_word(word: str) -> None:
    assert SMALL.find(word) is None


def test_other_parts_of_speech_take_the_ending_too() -> None:
    assert SMALL.find("uses") == {"DEFAULT": "jˈuzᵻz", "NOUN": "jˈusᵻz"}


def test_letters_are_said_as_one_with_one_stress() -> None:
    assert SMALL.spell("abbá") == "ˌAbˌibˌiˈA"
    assert plural("") == ""


def test_the_dictionary_in_the_package() -> None:
    lexicon = english_lexicon()
    assert all(lexicon.spell(letter) for letter in "abcdefghijklmnopqrstuvwxyz")
    for word in ("hello", "Massachusetts", "o'clock", "January", "january", "reading", "walked", "dictionaries"):
        entry = lexicon.find(word)
        assert entry is not None
        assert set("".join(entry.values())) <= symbol_table().keys()
