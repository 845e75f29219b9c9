"""English words to phonemes: exact pronunciations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from hybrid_tok.backends.espeak_phonemes import EspeakPhonemes
from hybrid_tok.phonemes import phonemize


class NoReader:
    """All that a text needs is in the dictionary or follows from it."""

    def read(self, words: Sequence[str], language: str) -> tuple[str, ...]:
        raise AssertionError(f"{words} are not in the dictionary")


@pytest.fixture(scope="module")
def espeak() -> Iterator[EspeakPhonemes]:
    reader = EspeakPhonemes()
    yield reader
    reader.close()


def said(text: str) -> str:
    return " | ".join(phonemize(text.split(), None, NoReader()))


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("The quick brown fox", "ðə | kwˈɪk | bɹˈWn | fˈɑks"),
        ('He said "no." Then, (softly) yes!', "hˌi | sˈɛd | nˈO. | ðˈɛn, | sˈɔftli | jˈɛs!"),
        ("what?! well... yes -- no", "wˌʌt?! | wˈɛl… | jˈɛs |  | nˈO"),
        ("wait—what and so--on", "wˈAt— wˌʌt | ænd | sˌO— ˌɔn"),
        ("he isn’t “here”;", "hi | ˈɪzᵊnt | hˈɪɹ;"),
        ("so <b>bold</b> <break/> 😀 ok", "sˌO | bˈOld |  |  | ˌOkˈA"),
    ],
)
def test_words_and_punctuation(text: str, phonemes: str) -> None:
    assert said(text) == phonemes


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("the end the start", "ði | ˈɛnd | ðə | stˈɑɹt"),
        ("the hour the user the FBI", "ði | ˈWəɹ | ðə | jˈuzəɹ | ði | ˌɛfbˌiˈI"),
        ("a dog an owl", "ɐ | dˈɔɡ | ɐn | ˈWl"),
        ("grade A, plan A is", "ɡɹˈAd | ˈA, | plˈæn | ˈA | ɪz"),
        ("go to Oslo to Paris", "ɡˌO | tʊ | ˈɑzlˌO | tə | pˈɛɹəs"),
        ("come in, in there. I am", "kˈʌm | ˈɪn, | ɪn | ðˈɛɹ. | ˌI | æm"),
        ("I am here", "ˌI | ɐm | hˈɪɹ"),
    ],
)
def test_weak_forms_before_vowels_and_pauses(text: str, phonemes: str) -> None:
    assert said(text) == phonemes


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("to record a record", "tə | ɹəkˈɔɹd | ɐ | ɹˈɛkəɹd"),
        ("they use the use", "ðA | jˈuz | ðə | jˈus"),
        ("we live in a live show", "wi | lˈɪv | ɪn | ɐ | lˈIv | ʃˈO"),
        ("I read. I have read it", "ˌI | ɹˈid. | ˌI | hæv | ɹˈɛd | ɪt"),
        ("we used to go", "wi | jˈust | tə | ɡˌO"),
        ("it is used to go", "ɪt | ɪz | jˈuzd | tə | ɡˌO"),
        ("the close friend", "ðə | klˈOs | fɹˈɛnd"),
        ("Polish and polish", "pˈɑlɪʃ | ænd | pˈɑlɪʃ"),
        ("the Polish. Polish it", "ðə | pˈOlɪʃ. | pˈɑlɪʃ | ɪt"),
    ],
)
def test_words_with_several_pronunciations(text: str, phonemes: str) -> None:
    assert said(text) == phonemes


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("cats dogs boxes", "kˈæts | dˈɔɡz | bˈɑksᵻz"),
        ("the dogs' James's Kate's", "ðə | dˈɔɡz | ʤˈAmzᵻz | kˈAts"),
        ("googled tweeted liked", "ɡˈuɡᵊld | twˈiTᵻd | lˈIkt"),
        ("tweeting goin' there'll", "twˈiTɪŋ | ɡˈOən | ðˈɛɹᵊl"),
        ("well-known twenty-one and/or", "wˈɛl nˈOn | twˌɛntiwˈʌn | ænd ɔɹ"),
        ("better butter", "bˈɛTəɹ | bˈʌTəɹ"),
    ],
)
def test_forms_of_known_words(text: str, phonemes: str) -> None:
    assert said(text) == phonemes


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("FBI F.B.I. of", "ˌɛfbˌiˈI | ˌɛfbˌiˈI | ʌv"),
        ("the U.S. Army is in the U.S.", "ðə | jˌuˈɛs | ˈɑɹmi | ɪz | ɪn | ðə | jˌuˈɛs."),
        ("CEOs' DVDs, FBI's IDs", "sˌiˌiˈOz | dˌivˌidˈiz, | ˌɛfbˌiˈIz | ˌIdˈiz"),
        ("NASA and IT in Washington, DC", "nˈæsə | ænd | ˌItˈi | ɪn | wˈɔʃɪŋtən, | dˌisˈi"),
        ("I AM SO HAPPY NOW", "ˌI | ɐm | sˌO | hˈæpi | nˈW"),
        ("MP3s B2B 4K COVID-19", "ˌɛmpˈi θɹˈiz | bˈi tˈu bˈi | fˈɔɹ kˈA | kˈOvˌɪd nˌIntˈin"),
        ("OpenAI and ChatGPT on macOS", "ˈOpᵊn ˈAˌI | ænd | ʧˈæt ʤˌipˌitˈi | ˌɔn | mˈæk ˌOˈɛs"),
        ("AT&T rock 'n' roll", "ˌAtˈi ænd tˈi | ɹˈɑk | ænd | ɹˈOl"),
        ("World War II", "wˈɜɹld | wˈɔɹ | tˈu"),
    ],
)
def test_capitals(text: str, phonemes: str) -> None:
    assert said(text) == phonemes


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("in 1984, 2005 and 2024", "ɪn | nˌIntˈin ˈATi fˈɔɹ, | tˈu θˈWzᵊnd fˈIv | ænd | twˈɛnti twˈɛnti fˈɔɹ"),
        ("the 1990s", "ðə | nˌIntˈin nˈIndiz"),
        ("$3.50 $2 million", "θɹˈi dˈɑləɹz fˈɪfti sˈɛnts | tˈu | mˈɪljᵊn dˈɑləɹz"),
        ("25% 1st 3/4", "twˈɛnti fˈIv pəɹsˈɛnt | fˈɜɹst | θɹˈi kwˈɔɹTəɹz"),
        ("May 5 at 5:30 p.m.", "mˈA | fˈɪfθ | æt | fˈIv θˈɜɹTi | pˌiˈɛm."),
        ("5 kg 10 km/h", "fˈIv | kˈɪləɡɹˌæmz | tˈɛn | kəlˈɑməTəɹz pɜɹ ˈWəɹ"),
        ("221B 24/7 3.14", "tˈu hˈʌndɹəd twˈɛnti wˈʌn bˈi | twˈɛnti fˈɔɹ sˈɛvən | θɹˈi pˈYnt wˈʌn fˈɔɹ"),
        ("talk.come 1.2.1", "tˈɔk dˈɑt kˈʌm | wˈʌn pˈYnt tˈu pˈYnt wˈʌn"),
        ("10m $10m 50/50", "tˈɛn mˈiTəɹz | tˈɛn mˈɪljᵊn dˈɑləɹz | fˈɪfti fˈɪfti"),
        ("Mr. Smith, Dr. Brown", "mˈɪstəɹ | smˈɪθ, | dˈɑktəɹ | bɹˈWn"),
        ("Baker St. and St. Mary etc.", "bˈAkəɹ | stɹˈit | ænd | sˈAnt | mˈɛɹi | ɛtsˈɛTəɹə."),
        ("I said no. No. 5 sat. the", "ˌI | sˈɛd | nˈO. | nˈʌmbəɹ | fˈIv | sˈæt. | ðə"),
    ],
)
def test_numbers_and_abbreviations(text: str, phonemes: str) -> None:
    assert said(text) == phonemes


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("Kowalczyk's blorptastic McGonagall", "kˈWɔlkzˌɪks | blɔɹptˈAstɪk | məɡˈɑnAɡˌɔl"),
        ("café naïve Beyoncé", "kæfˈA | nIˈiv | bˌAənsˈA"),
        ("zxqv vlog 日本 α", "zˌiˌɛkskjˌuvˈi | vlˈɑɡ |  | ˈælfə"),
    ],
)
def test_unknown_words_are_read_by_rule(espeak: EspeakPhonemes, text: str, phonemes: str) -> None:
    assert " | ".join(phonemize(text.split(), "en", espeak)) == phonemes


def test_a_word_is_read_alike_wherever_it_stands(espeak: EspeakPhonemes) -> None:
    alone = phonemize(["blorptastic"], "en", espeak)[0]
    beside = phonemize(["blorptastic", "kowalczyk", "the", "blorptastic"], "en", espeak)
    assert beside[0] == beside[3] == alone


@pytest.mark.parametrize("word", ["a" * 10_000, "1" * 10_000, "a." * 5_000, "ab-" * 4_000, "é" * 10_000, "A" * 10_000])
def test_a_word_without_end_is_cut(espeak: EspeakPhonemes, word: str) -> None:
    (phonemes,) = phonemize([word], "en", espeak)
    assert 0 < len(phonemes) < 500
