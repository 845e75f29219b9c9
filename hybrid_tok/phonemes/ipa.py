"""IPA, as espeak-ng writes it, in the symbols that Kokoro was trained on.

The correspondences are those of misaki 0.9.4 (https://github.com/hexgrad/misaki, Apache-2.0), which made Kokoro's
training texts: one letter for a diphthong or an affricate, and American English without length marks.
"""

from __future__ import annotations

import re
import unicodedata

from hybrid_tok.phonemes.symbols import known_symbols, symbol_table

TIE = "\u0361"

_TIED = {
    **{"aɪ": "I", "aʊ": "W", "eɪ": "A", "oʊ": "O", "əʊ": "Q", "ɔɪ": "Y"},
    **{"dz": "ʣ", "dʒ": "ʤ", "ts": "ʦ", "tʃ": "ʧ", "ss": "S"},
}
"""One symbol for two that are tied, in all languages."""

_ENGLISH = {
    **{"ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɪə": "iə", "ɚ": "əɹ", "e": "A", "o": "ɔ", "ɐ": "ə"},
    **{
        "r": "ɹ",
        "x": "k",
        "ç": "k",
        "ɬ": "l",
        "ʲo": "jo",
        "ʲə": "jə",
        "ʲ": "",
        "ɾ": "T",
        "ʔ": "t",
        "ː": "",
        "\u0303": "",
    },
}
_ENGLISH_SYMBOL = re.compile("|".join(sorted(map(re.escape, _ENGLISH), key=len, reverse=True)))


def english_symbols(ipa: str) -> str:
    """American English as Kokoro knows it."""
    text = _untied(ipa.replace(f"ə{TIE}l", "ᵊl"))
    text = re.sub("(\\S)\u0329", r"ᵊ\1", text)
    return known_symbols(_ENGLISH_SYMBOL.sub(lambda match: _ENGLISH[match[0]], text))


def other_symbols(ipa: str) -> str:
    """Any other language as Kokoro knows it."""
    table = symbol_table()
    text = _untied(ipa).replace("ɬ", "l").replace("-", "")
    # a letter with its diacritic in one character may be known in two
    return known_symbols("".join(char if char in table else unicodedata.normalize("NFD", char) for char in text))


def _untied(ipa: str) -> str:
    for pair, symbol in _TIED.items():
        ipa = ipa.replace(TIE.join(pair), symbol)
    return ipa.replace(TIE, "")
