"""The espeak-ng synthesizer."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from hybrid_tok.backends.espeak import EspeakOptions, EspeakSynthesizer, espeak_voice
from hybrid_tok.backends.espeak_worker import clauses, speak_all
from hybrid_tok.core.languages import LANGUAGES
from hybrid_tok.core.timeline import Span
from hybrid_tok.core.utterance import Phrase, Utterance
from hybrid_tok.errors import BackendError, OptionsError


@pytest.fixture(scope="module")
def espeak() -> Iterator[EspeakSynthesizer]:
    espeak = EspeakSynthesizer()
    yield espeak
    espeak.close()


def lengths(espeak: EspeakSynthesizer, text: str, language: str | None = None) -> dict[str, float]:
    words = text.split()
    speech = espeak.synthesize(Utterance.of(words, language))
    return {w: (b - a) / espeak.sample_rate for w, (a, b) in zip(words, speech.words, strict=True)}


def test_each_word_has_its_own_stretch(espeak: EspeakSynthesizer) -> None:
    """The sound at a word's place is that word: its length follows the word's."""
    seconds = lengths(espeak, "a internationalization is 1999 or 😀 -- end")
    assert seconds["--"] == 0
    assert seconds["a"] < 0.2 and seconds["is"] < 0.3 and seconds["or"] < 0.35
    assert seconds["internationalization"] > 0.8 and seconds["1999"] > 0.8 and seconds["😀"] > 0.4


def test_the_sound_of_a_word_is_where_it_is_said_to_be(espeak: EspeakSynthesizer) -> None:
    """A hiss is in "s" and nowhere in "m": found by its share of high frequencies, it tells the words apart."""
    words = ["mam", "siss", "mam", "siss", "mam"]
    speech = espeak.synthesize(Utterance.of(words))

    def hiss(start: int, end: int) -> float:
        power = np.abs(np.fft.rfft(speech.audio.samples[start:end])) ** 2
        return float(power[len(power) // 3 :].sum() / power.sum())

    shares = [hiss(*span) for span in speech.words]
    assert min(shares[1], shares[3]) > 5 * max(shares[0], shares[2], shares[4])


def test_words_said_as_one_share_their_stretch(espeak: EspeakSynthesizer) -> None:
    """espeak-ng says "of the" in one and marks only "of"."""
    words = ["the", "end", "of", "the", "line"]
    speech = espeak.synthesize(Utterance.of(words))
    (of_start, of_end), (the_start, the_end) = speech.words[2:4]
    assert of_start < of_end == the_start < the_end


def test_pauses_belong_to_no_word(espeak: EspeakSynthesizer) -> None:
    words = ["yes.", "And", "no."]
    speech = espeak.synthesize(Utterance.of(words))
    assert speech.words[1][0] - speech.words[0][1] > 0.05 * espeak.sample_rate


@pytest.mark.parametrize("text", ["Dr. 1999 said", "no. 5 is", "a.m. and", "St. 日本 --"])
def test_a_mark_that_espeak_loses(espeak: EspeakSynthesizer, text: str) -> None:
    """Regression: after an abbreviation with a dot, espeak-ng drops the mark of the next word."""
    speech = espeak.synthesize(Utterance.of(text.split()))
    assert all(b > a for word, (a, b) in zip(text.split(), speech.words, strict=True) if word != "--")


def test_more_words_than_a_clause_holds(espeak: EspeakSynthesizer) -> None:
    """Regression: given in one call, espeak-ng says the first fifty of these and drops the rest without a sign."""
    speech = espeak.synthesize(Utterance.of(["1999"] * 80))
    assert all(b - a > 0.8 * espeak.sample_rate for a, b in speech.words)


@pytest.mark.parametrize(
    "text", ['<break time="9s"/>', "<prosody rate='10'>", "[[h@'loU]]", "&lt;break/&gt;", "\x0110S", "\x01+9P"]
)
def test_text_gives_no_commands(espeak: EspeakSynthesizer, text: str) -> None:
    """A following word comes out as it would after any other word; nothing slows it down or breaks before it."""
    follow = [b - a for a, b in espeak.synthesize(Utterance.of([text, "hello", "world"])).words][1:]
    plain = [b - a for a, b in espeak.synthesize(Utterance.of(["well", "hello", "world"])).words][1:]
    np.testing.assert_allclose(follow, plain, rtol=0.25)
    assert espeak.synthesize(Utterance.of([text])).audio.seconds < 8


def test_languages_and_options_sound_different(espeak: EspeakSynthesizer) -> None:
    words = ["hallo", "welt"]
    seconds = {}
    for name, other in {
        "de": EspeakSynthesizer(EspeakOptions("de")),
        "fast": EspeakSynthesizer(EspeakOptions(rate=300)),
        "high": EspeakSynthesizer(EspeakOptions(pitch=90)),
    }.items():
        seconds[name] = other.synthesize(Utterance.of(words)).audio
        other.close()
    plain = espeak.synthesize(Utterance.of(words)).audio
    assert seconds["fast"].seconds < 0.8 * plain.seconds
    assert all(not np.array_equal(audio.samples, plain.samples) for audio in seconds.values())


@pytest.mark.parametrize("frames", [10, 40, 100, 300])
def test_a_run_lasts_as_long_as_its_place(espeak: EspeakSynthesizer, frames: int) -> None:
    speech = espeak.synthesize(Utterance((Phrase(("the", "quick", "brown", "fox"), Span(7, 7 + frames)),)))
    assert speech.body == (0, frames * 441) and speech.audio.num_samples == frames * 441
    heard = np.flatnonzero(np.abs(speech.audio.samples) > 1e-3)
    # Between 80 and 450 words a minute it can be fitted; the rest is silence, or cut off.
    assert heard[0] < 441 and (heard[-1] > 0.85 * frames * 441 or frames == 300)


@pytest.mark.parametrize("frame_rate", [Fraction(25, 2), Fraction(75), Fraction(44_100, 512), Fraction(22_050, 1024)])
def test_places_are_exact_at_any_frame_rate(espeak: EspeakSynthesizer, frame_rate: Fraction) -> None:
    first, second = (
        Span(3, 3 + math.ceil(frame_rate / 2)),
        Span(4 + math.ceil(frame_rate), 5 + math.ceil(2 * frame_rate)),
    )
    speech = espeak.synthesize(Utterance((Phrase(("stop",), first), Phrase(("go",), second)), frame_rate=frame_rate))
    borders = [(edge - 3) * 22_050 / frame_rate for edge in (first.end, second.start, second.end)]
    end, start, whole = (math.floor(border + Fraction(1, 2)) for border in borders)
    assert speech.body == (0, whole) and speech.audio.num_samples == whole
    samples = speech.audio.samples
    assert samples[:end].any() and not samples[end:start].any() and samples[start:].any()
    assert speech.words[0][1] <= end and start <= speech.words[1][0] <= speech.words[1][1] <= whole


def test_runs_lie_in_their_places_with_silence_between(espeak: EspeakSynthesizer) -> None:
    phrases = (Phrase(("stop",), Span(0, 30)), Phrase(("go",), Span(40, 60)), Phrase(("on",), Span(60, 80)))
    speech = espeak.synthesize(Utterance(phrases))
    samples = speech.audio.samples
    assert not samples[30 * 441 : 40 * 441].any()
    assert speech.words[1][0] >= 40 * 441 and speech.words[0][1] <= 30 * 441
    assert speech.words[1][1] <= speech.words[2][0] and speech.words[2][1] <= 80 * 441


def test_voices_by_name_are_refused(espeak: EspeakSynthesizer) -> None:
    with pytest.raises(OptionsError, match=r"^espeak-ng has no voice 'af_heart': leave --voice out"):
        espeak.synthesize(Utterance.of(["hi"], voice="af_heart"))


def test_unknown_voice_is_one_line() -> None:
    with pytest.raises(BackendError, match=r"^espeak worker failed on 'hi': espeak-ng has no voice 'xx-none'; try"):
        EspeakSynthesizer(EspeakOptions("xx-none")).synthesize(Utterance.of(["hi"]))


def _voices_installed() -> set[str]:
    """Names of the voices whose dictionary is there, from espeak-ng's data files."""
    import espeakng_loader

    data = Path(espeakng_loader.get_data_path())
    names: set[str] = set()
    for file in (data / "lang").rglob("*"):
        lines = [line.split() for line in file.read_text("utf-8").splitlines()] if file.is_file() else []
        languages = [line[1] for line in lines if line[:1] == ["language"]]
        stated = [line[1] for line in lines if line[:1] == ["dictionary"]]
        dictionary = (stated or [name.split("-")[0] for name in languages] or [""])[0]
        if (data / f"{dictionary}_dict").is_file():
            names.update(languages)
    return names


def test_every_language_has_a_voice_or_is_said_to_have_none() -> None:
    installed = _voices_installed()
    lacking = []
    for code in LANGUAGES:
        try:
            assert espeak_voice(code).lower() in {name.lower() for name in installed}, code
        except BackendError as error:
            assert code not in installed and f"({code}): have it spoken as another" in str(error)
            lacking.append(code)
    assert len(LANGUAGES) - len(lacking) == 78


def test_voices_of_codes_and_by_name() -> None:
    assert [espeak_voice(name) for name in (None, "en", "zh", "no", "de", "en-us+f3")] == [
        *("en-us", "en-us", "cmn", "nb", "de", "en-us+f3"),
    ]
    with pytest.raises(BackendError, match=r"^espeak-ng has no voice for Lao \(lo\): .*, such as --speak-as en$"):
        EspeakSynthesizer().synthesize(Utterance.of(["hi"], "lo"))


@pytest.mark.parametrize("language, text", [("zh", "你 好， 我 叫 Python"), ("yue", "你 好"), ("ja", "こ ん に ち は")])
def test_characters_have_their_own_stretches(espeak: EspeakSynthesizer, language: str, text: str) -> None:
    seconds = lengths(espeak, text, language)
    assert all(0.05 < length < 0.7 for length in seconds.values()), seconds


def test_a_word_of_several_characters_is_said_as_one(espeak: EspeakSynthesizer) -> None:
    """银行 is yínháng, though 行 alone is xíng: character by character it is still the word, shared between them."""
    apart, together = (espeak.synthesize(Utterance.of(words, "zh")) for words in (["银", "行"], ["银行"]))
    assert apart.audio.seconds == pytest.approx(together.audio.seconds, abs=0.05)
    assert apart.words[0][1] == apart.words[1][0]


def test_kanji_are_refused() -> None:
    """espeak-ng would say "Chinese letter" for each."""
    with pytest.raises(BackendError, match=r"^espeak-ng reads no kanji such as '語'"):
        EspeakSynthesizer().synthesize(Utterance.of(["語", "を"], "ja"))


def test_a_killed_worker_is_started_again() -> None:
    espeak = EspeakSynthesizer()
    before = espeak.synthesize(Utterance.of(["hello"]))
    pid = espeak._worker.pid
    assert pid is not None
    os.kill(pid, 9)
    np.testing.assert_array_equal(espeak.synthesize(Utterance.of(["hello"])).audio.samples, before.audio.samples)
    espeak.close()
    np.testing.assert_array_equal(espeak.synthesize(Utterance.of(["hello"])).audio.samples, before.audio.samples)
    espeak.close()


def test_the_library_is_never_loaded_in_this_process() -> None:
    """espeak-ng is under GPL-3: only the worker process may load it."""
    code = (
        "from hybrid_tok.backends.espeak import EspeakSynthesizer; e = EspeakSynthesizer();"
        "from hybrid_tok.core.utterance import Utterance; e.synthesize(Utterance.of(['hi']));"
        "maps = open('/proc/self/maps').read(); import sys; e.close();"
        "sys.exit('espeak' in maps or 'espeakng_loader' in sys.modules)"
    )
    if not Path("/proc/self/maps").exists():
        pytest.skip("this system does not list a process's libraries in /proc")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_clauses_end_after_sentences_and_before_they_are_too_long() -> None:
    assert clauses(["It", "ends.", "And", "Dr.", "no", "5", "begins"]) == [
        ["It", "ends."],
        ["And", "Dr.", "no", "5", "begins"],
    ]
    long = clauses(["1234"] * 100)
    assert [word for clause in long for word in clause] == ["1234"] * 100
    assert max(map(len, long)) == 24
    assert clauses([]) == []


def test_a_lost_mark_divides_the_words() -> None:
    calls: list[list[str]] = []

    def speak(words: Sequence[str]) -> tuple[bytes, dict[int, int]]:
        """Two samples per word; the mark of "lost" comes only when nothing is before it."""
        calls.append(list(words))
        return bytes(4 * len(words)), {i: 2 * i for i, word in enumerate(words) if i == 0 or word not in ("lost", "--")}

    sound, starts = speak_all(["a", "--", "b", "lost", "c"], speak)
    assert starts == [0, 4, 4, 6, 8] and len(sound) == 20
    assert calls == [["a", "--", "b", "lost", "c"], ["a", "--", "b"], ["lost", "c"]]


def test_options_are_checked() -> None:
    for wrong in ({"voice": "../../etc"}, {"voice": ""}, {"rate": 10}, {"pitch": 101}):
        with pytest.raises(OptionsError):
            EspeakOptions(**wrong)
