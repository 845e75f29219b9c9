"""Which languages a text may be in, by the script of its letters."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from hybrid_tok.core.languages import LANGUAGES

_OWN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "CJK": ("zh", "yue"),
        "HIRAGANA": ("ja",),
        "KATAKANA": ("ja",),
        "HANGUL": ("ko",),
        "CYRILLIC": ("ru", "uk", "bg", "sr", "mk", "mn", "bs", "kk", "be", "tg", "az", "uz", "tk", "tt", "ba"),
        "ARABIC": ("ar", "ur", "fa", "sd", "ps"),
        "HEBREW": ("he", "yi"),
        "GREEK": ("el",),
        "DEVANAGARI": ("hi", "ne", "mr", "sa"),
        "TAMIL": ("ta",),
        "THAI": ("th",),
        "MALAYALAM": ("ml",),
        "TELUGU": ("te",),
        "BENGALI": ("bn", "as"),
        "KANNADA": ("kn",),
        "ARMENIAN": ("hy",),
        "GURMUKHI": ("pa",),
        "SINHALA": ("si",),
        "KHMER": ("km",),
        "GEORGIAN": ("ka",),
        "GUJARATI": ("gu",),
        "ETHIOPIC": ("am",),
        "LAO": ("lo",),
        "MYANMAR": ("my",),
        "TIBETAN": ("bo",),
    }
)
"""Languages by script, as the names of its letters in Unicode begin."""

_BOTH = ("sr", "bs", "az", "uz", "tk")
"""Of these, those written in Latin letters too."""

_KANA = 0.1
"""Share of kana from which a text with Chinese characters is Japanese."""

_LATIN = ("LATIN", "FULLWIDTH")
_FOREIGN = 0.2
"""Share of other letters from which the Latin ones of a text are those of foreign words."""


def languages_of_script(text: str) -> tuple[str, ...]:
    """Codes of the languages that have the script of most letters of a text, in the order of `LANGUAGES`.

    All for a text without letters, none for a script that no known language has.
    """
    scripts = Counter(unicodedata.name(letter, "?").split()[0] for letter in text if letter.isalpha())
    if not scripts:
        return tuple(LANGUAGES)
    others = {name: count for name, count in scripts.items() if name not in _LATIN}
    if sum(others.values()) < _FOREIGN * scripts.total():
        elsewhere = {code for codes in _OWN.values() for code in codes} - set(_BOTH)
        return tuple(code for code in LANGUAGES if code not in elsewhere)
    kana = scripts["HIRAGANA"] + scripts["KATAKANA"]
    script = "HIRAGANA" if kana > _KANA * scripts.total() else max(others, key=lambda name: others[name])
    return tuple(code for code in LANGUAGES if code in _OWN.get(script, ()))
