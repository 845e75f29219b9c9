from __future__ import annotations

import pytest

from hybrid_tok.core.annotations import Segment, Word
from hybrid_tok.core.languages import LANGUAGES, UNSPACED_LANGUAGES, check_language, find_language, writes_spaces
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import OptionsError


def test_they_are_whispers_in_an_order_that_stays() -> None:
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    codes = list(LANGUAGES)
    assert set(codes) == set(_LANGUAGE_CODES)
    assert (len(codes), codes[:3], codes[56], codes[-1]) == (100, ["en", "zh", "de"], "bs", "yue")


def test_every_code_is_accepted() -> None:
    for code in LANGUAGES:
        check_language(code)


@pytest.mark.parametrize(
    "code, message",
    [
        ("xx", r"^no language has the code 'xx'; hybrid_tok\.core\.languages\.LANGUAGES lists all 100$"),
        ("English", r"'English' \(it is 'en' here\)"),
        ("en-US", r"'en-US' \(it is 'en' here\)"),
        ("EN", r"'EN' \(it is 'en' here\)"),
        ("jv", r"'jv' \(it is 'jw' here\)"),
        ("", "code ''"),
    ],
)
def test_others_are_refused(code: str, message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        check_language(code)


@pytest.mark.parametrize(
    "name, code",
    [
        ("en", "en"),
        (" Haitian creole", "ht"),
        ("zh_CN", "zh"),
        ("nb-NO", "no"),
        ("haw", "haw"),
        ("auto", None),
        ("", None),
    ],
)
def test_what_other_programs_call_a_language(name: str, code: str | None) -> None:
    assert find_language(name) == code


def test_languages_without_spaces() -> None:
    assert set(LANGUAGES) > UNSPACED_LANGUAGES
    assert not writes_spaces("zh") and writes_spaces("ko") and writes_spaces(None)


def test_words_and_segments_refuse_what_is_no_language() -> None:
    assert Word("so", Span(0, 1), 1.0, language="en").language == "en"
    for make in (lambda: Word("so", Span(0, 1), 1.0, language="English"), lambda: Segment("so", language="English")):
        with pytest.raises(OptionsError, match=r"'English' \(it is 'en' here\)"):
            make()
