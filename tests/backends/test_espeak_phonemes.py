"""IPA by espeak-ng's worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hybrid_tok.backends.espeak_phonemes import EspeakPhonemes
from hybrid_tok.backends.espeak_worker import transcribe_all
from hybrid_tok.errors import BackendError


@pytest.fixture(scope="module")
def espeak() -> Iterator[EspeakPhonemes]:
    reader = EspeakPhonemes()
    yield reader
    reader.close()


def test_ipa_with_ties_and_stress(espeak: EspeakPhonemes) -> None:
    assert espeak.read(["hello", "choice", "--", "21"], "en") == ("həlˈo͡ʊ", "t͡ʃˈɔ͡ɪs", "", "twˈɛnti wˈʌn")


def test_words_that_are_said_as_one_are_read_apart(espeak: EspeakPhonemes) -> None:
    words = ["the", "end", "of", "the", "line"]
    read = espeak.read(words, "en")
    assert all(read) and len(read) == 5
    assert read[2] == "ʌv" or read[2] == "ˈʌv"


def test_words_are_read_in_context(espeak: EspeakPhonemes) -> None:
    """The liaison of French: the "s" of "les" is said before a vowel only."""
    assert espeak.read(["les", "amis"], "fr")[0] == "le-z"
    assert espeak.read(["les", "chats"], "fr")[0] == "le-"


def test_brazilian_portuguese(espeak: EspeakPhonemes) -> None:
    assert espeak.read(["gente"], "pt") == ("ʒˈe͡ɪŋt͡ʃy",)


def test_words_of_another_language_have_no_flags(espeak: EspeakPhonemes) -> None:
    assert espeak.read(["le", "weekend"], "fr")[1] == "wiːkˈɛnd"


def test_markup_phonemes_and_commands_are_text(espeak: EspeakPhonemes) -> None:
    assert espeak.read(["[[h@l]]"], "en") == ("ˈe͡ɪt͡ʃ æt ˈɛl",)
    assert espeak.read(["<break/>"], "en") == ("bɹˈe͡ɪk slˈæʃ",)
    plain = espeak.read(["50s", "no"], "en")
    assert espeak.read(["\x0150s", "no"], "en") == plain
    assert espeak.read(["a\0b", "\ud800", "\n"], "en")[1:] == ("", "")


def test_more_words_than_a_clause_holds(espeak: EspeakPhonemes) -> None:
    words = ["1999"] * 300
    assert espeak.read(words, "en") == (espeak.read(["1999"], "en")[0],) * 300


def test_nothing_and_unknown_languages(espeak: EspeakPhonemes) -> None:
    assert espeak.read([], "en") == ()
    assert espeak.fingerprint.startswith("espeakng-loader-")
    with pytest.raises(BackendError, match="no voice for Tibetan"):
        espeak.read(["a"], "bo")


def test_only_phrases_with_as_many_words_as_were_given_are_taken() -> None:
    texts: list[str] = []

    def transcribe(text: str) -> list[str]:
        texts.append(text)
        return text.replace("of the", "of+the").replace("21", "20 1").replace("les amis", "lez amis").split()

    assert transcribe_all(["les", "amis", "of", "the", "21", "--"], transcribe) == [
        "lez",
        "amis",
        "of",
        "the",
        "20 1",
        "--",
    ]
    assert "les amis of the 21 --" in texts
    assert transcribe_all([], transcribe) == []
