"""Languages that a text may be in."""

from __future__ import annotations

import pytest

from hybrid_tok.core.languages import LANGUAGES
from hybrid_tok.core.scripts import languages_of_script


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("想听歌曲 apple", ("zh", "yue")),
        ("東京へ行きます", ("ja",)),
        ("서울", ("ko",)),
        ("Ελλάδα", ("el",)),
        ("ᚠᚢᚦᚨᚱᚲ", ()),
        ("1999 --", tuple(LANGUAGES)),
    ],
)
def test_a_script_names_its_languages(text: str, codes: tuple[str, ...]) -> None:
    assert languages_of_script(text) == codes


def test_latin_and_cyrillic_letters_are_shared_by_many() -> None:
    latin, cyrillic = languages_of_script("Über Ærø"), languages_of_script("Москва")
    assert {"en", "de", "da", "vi", "sr"} <= set(latin) and not {"ru", "zh", "ar"} & set(latin)
    assert {"ru", "uk", "sr"} <= set(cyrillic) and "en" not in cyrillic
    assert latin[0] == "en"


def test_every_language_can_be_written() -> None:
    letters = "a中あ한жعשωअதกമతকಕՀਪසខქગአລမབ"
    assert {code for letter in letters for code in languages_of_script(letter)} == set(LANGUAGES)
