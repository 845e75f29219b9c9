"""What holds for every language and every text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_tok.backends.espeak_phonemes import EspeakPhonemes
from hybrid_tok.core.languages import LANGUAGES
from hybrid_tok.core.spacing import split_words
from hybrid_tok.errors import BackendError, OptionsError
from hybrid_tok.phonemes import phonemize, speaks
from hybrid_tok.phonemes.symbols import symbol_table

SPOKEN = [language for language in LANGUAGES if speaks(language)]


class Letters:
    """Reads every word as its own letters, and words with "q" as nothing."""

    def read(self, words: Sequence[str], language: str) -> tuple[str, ...]:
        return tuple("" if "q" in word else f"{word} t͡ʃ❓" for word in words)


@pytest.fixture(scope="module")
def espeak() -> Iterator[EspeakPhonemes]:
    reader = EspeakPhonemes()
    yield reader
    reader.close()


def check(words: Sequence[str], language: str, phonemes: tuple[str, ...]) -> None:
    assert len(phonemes) == len(words)
    assert set("".join(phonemes)) <= symbol_table().keys()
    assert not any(text.startswith(" ") or "  " in text for text in phonemes)
    assert language == "zh" or not any(text.endswith(" ") for text in phonemes)


PARTS = st.sampled_from(
    [
        *(
            "Dr.",
            "U.S.",
            "FBI",
            "$3.50",
            "5th",
            "24/7",
            "'",
            "''s",
            "a",
            "A",
            "-",
            "--",
            "…",
            "(",
            "½",
            "IV",
            "I'm",
            "1-2",
        ),
        *(
            "</b>",
            "[[h@l]]",
            "\x01",
            "\0",
            "\ud800",
            "你",
            "。",
            "2",
            "年",
            "MP3s",
            "km",
            "á",
            "naïve",
            "का",
            "p.m.",
            "%",
            "°",
        ),
    ]
)


@given(
    st.lists(st.text(max_size=6) | PARTS, max_size=8).map("".join) | st.lists(PARTS).map(" ".join),
    st.sampled_from(SPOKEN),
)
@settings(deadline=None, max_examples=200)
def test_any_text(text: str, language: str) -> None:
    words = split_words(text, language)
    check(words, language, phonemize(words, language, Letters()))


@given(st.lists(st.text(max_size=5) | PARTS, max_size=5), st.sampled_from(SPOKEN))
@settings(deadline=None)
def test_any_words(words: list[str], language: str) -> None:
    check(words, language, phonemize(words, language, Letters()))


@given(text=st.lists(st.text(max_size=6) | PARTS, max_size=8).map(" ".join), language=st.sampled_from(SPOKEN))
@settings(deadline=None, max_examples=60)
def test_any_text_by_espeak(espeak: EspeakPhonemes, text: str, language: str) -> None:
    words = split_words(text, language)
    check(words, language, phonemize(words, language, espeak))


@pytest.mark.parametrize("language", [None, *SPOKEN])
def test_nothing(language: str | None) -> None:
    assert phonemize((), language, Letters()) == ()
    assert phonemize(("--", "😀", "\"'", "()"), language, Letters()) == ("", "", "", "")


def test_which_languages_are_spoken() -> None:
    assert speaks(None)
    assert {"en", "es", "fr", "hi", "it", "pt"} <= set(SPOKEN)
    assert not speaks("ja") and not speaks("de") and not speaks("nonsense")


def test_languages_without_a_voice() -> None:
    with pytest.raises(BackendError, match=r"does not speak Japanese \(ja\), only en, es, .*espeak-ng"):
        phonemize(("か",), "ja", Letters())
    with pytest.raises(OptionsError, match="no language has the code 'xx'"):
        phonemize(("a",), "xx", Letters())


@pytest.mark.parametrize(
    ("language", "text", "phonemes"),
    [
        ("es", "Hola, ¿qué tal?", ["ˈola,", "kˈe", "tˈal?"]),
        ("fr", "Les amis sont « arrivés » à Paris.", ["lez", "amˈi", "sˈɔ̃t", "", "aʁivˈez", "", "a", "paʁˈi."]),
        ("it", "gli amici (pizza)!", ["ʎɪ", "amˈiʧɪ", "pˈiʦːa!"]),
        ("pt", "Não sei; amanhã", ["nˌɐ̃ʊ̃", "sˈA;", "ˌæmɐ̃ɲˈɐ̃"]),
        ("hi", "नमस्ते दुनिया।", ["nəmˈʌsteː", "dˈʊnɪjˌaː."]),
        ("fr", "21 😀 -- & 日本", ["vɛ̃teˈœ̃", "", "", "e", ""]),
    ],
)
def test_languages_read_by_espeak(espeak: EspeakPhonemes, language: str, text: str, phonemes: list[str]) -> None:
    assert list(phonemize(text.split(), language, espeak)) == phonemes
