"""Kokoro's table of symbols, and IPA in its symbols."""

from __future__ import annotations

import pytest

from hybrid_tok.phonemes import token_ids
from hybrid_tok.phonemes.ipa import english_symbols, other_symbols
from hybrid_tok.phonemes.symbols import symbol_table


def test_the_table() -> None:
    table = symbol_table()
    assert len(table) == len(set(table.values())) == 114
    assert all(len(symbol) == 1 for symbol in table)
    assert min(table.values()) == 1 and max(table.values()) == 177


def test_ids() -> None:
    assert token_ids("həlˈO, ") == [50, 83, 54, 156, 31, 3, 16]
    assert token_ids("g❓0") == []


@pytest.mark.parametrize(
    ("ipa", "symbols"),
    [
        ("ˈe͡ɪt͡ʃ", "ˈAʧ"),
        ("bɹˈa͡ʊn bˈɔ͡ɪ ɡˈo͡ʊ a͡ɪ", "bɹˈWn bˈY ɡˈO I"),
        ("d͡ʒˈɜːnɪ", "ʤˈɜɹnɪ"),
        ("bˈɜːɹd fˈɔː͡ɹ dˈɑːktɚ", "bˈɜɹd fˈɔɹ dˈɑktəɹ"),
        ("lˈɪɾə͡l bˈʌʔn̩", "lˈɪTᵊl bˈʌtᵊn"),
        ("bˈɑːx lˈɔ̃", "bˈɑk lˈɔ"),
    ],
)
def test_english(ipa: str, symbols: str) -> None:
    assert english_symbols(ipa) == symbols


@pytest.mark.parametrize(
    ("ipa", "symbols"),
    [
        ("le-z amˈi", "lez amˈi"),
        ("pˈit͡sːa d͡zˈɛɾo", "pˈiʦːa ʣˈɛɾo"),
        ("nˌɐ̃͡ʊ̃ sˈe͡ɪ", "nˌɐ̃ʊ̃ sˈA"),
        ("\u1ebd ɬ", "e\u0303 l"),
    ],
)
def test_other_languages(ipa: str, symbols: str) -> None:
    assert other_symbols(ipa) == symbols
