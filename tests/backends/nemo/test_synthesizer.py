"""FastPitch and HiFi-GAN: places, words and speakers."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hybrid_tok.backends.nemo.synthesizer import NemoSynthesizer, _joined
from hybrid_tok.core.timeline import Span
from hybrid_tok.core.utterance import Phrase, Utterance
from hybrid_tok.errors import BackendError, ModelError, OptionsError

FRAME = 441
"""Samples per 20 ms."""


@pytest.fixture(scope="module")
def synthesizer(tiny: Callable[[str], str]) -> NemoSynthesizer:
    return NemoSynthesizer(f"{tiny('fastpitch')}+{tiny('hifigan')}")


def placed(*phrases: tuple[str, int, int]) -> Utterance:
    return Utterance(tuple(Phrase(tuple(words.split()), Span(start, end)) for words, start, end in phrases))


def letters(synthesizer: NemoSynthesizer, *words: str) -> list[str]:
    tokens = synthesizer._pitch.vocab.tokens
    return ["".join(tokens[number] for number in word) for word in synthesizer._read(words)]


def test_words_are_spoken_as_they_are_said(synthesizer: NemoSynthesizer) -> None:
    assert letters(synthesizer, "Hello,", "Dr.", "10:30", "$5!", "don't", "--", "...", "世界", " ", "two words") == [
        "hello,",
        "doctor",
        "ten thirty",
        "five dollars!",
        "don't",
        "",
        "",
        "",
        "",
        "two words",
    ]


def test_phrases_lie_in_their_places(synthesizer: NemoSynthesizer) -> None:
    speech = synthesizer.synthesize(placed(("one two", 10, 60), ("three", 60, 90), ("four five", 150, 200)))
    assert speech.body == (0, 190 * FRAME) and len(speech.audio.samples) == 190 * FRAME
    one, two, three, four, five = speech.words
    assert 0 <= one[0] < 10 * FRAME and 35 * FRAME < two[1] <= 50 * FRAME + 128
    assert abs(three[0] - 50 * FRAME) <= 256 and three[1] <= 80 * FRAME + 256
    assert four[0] >= 140 * FRAME and five[1] <= 190 * FRAME
    silent = speech.audio.samples[80 * FRAME : 140 * FRAME]
    assert not silent.any() and speech.audio.samples[: 80 * FRAME].any()


def test_a_word_that_fills_its_place_is_as_long(synthesizer: NemoSynthesizer) -> None:
    for frames in (10, 25, 80):
        speech = synthesizer.synthesize(placed(("hello", 0, frames)))
        (start, end) = speech.words[0]
        assert 0.5 * frames * FRAME < end - start <= frames * FRAME == len(speech.audio.samples)


def test_a_place_that_is_too_short(synthesizer: NemoSynthesizer) -> None:
    for frames in (0, 1, 2):
        speech = synthesizer.synthesize(placed(("incomprehensibilities", 5, 5 + frames)))
        assert speech.body == (0, frames * FRAME) and len(speech.audio.samples) == frames * FRAME


def test_durations_are_fastpitchs_own(synthesizer: NemoSynthesizer) -> None:
    free = synthesizer.synthesize(Utterance.of(["hello", "world"]))
    tokens = _joined(synthesizer._read(["hello", "world"]), synthesizer._pitch.vocab.space)
    text, _ = synthesizer._inputs(tokens, 0)
    *_, durations, _, _, _, _, _, _, _, _, _ = synthesizer._pitch(text=text, durs=None, pitch=None, pace=1.0)
    np.testing.assert_allclose(synthesizer._widths(tokens, 0), durations[0].numpy(), rtol=1e-5)
    assert abs(len(free.audio.samples) / 256 - float(durations.sum())) <= 1


def test_silent_words_have_empty_ranges(synthesizer: NemoSynthesizer) -> None:
    speech = synthesizer.synthesize(Utterance.of(["--", "hello", "--", "world", "..."]))
    lengths = [end - start for start, end in speech.words]
    assert [length > 0 for length in lengths] == [False, True, False, True, False]


def test_nothing_to_say(synthesizer: NemoSynthesizer) -> None:
    assert len(synthesizer.synthesize(Utterance.of(["--"])).audio.samples) == 0
    speech = synthesizer.synthesize(placed(("--", 3, 13), ("...", 20, 30)))
    assert len(speech.audio.samples) == 27 * FRAME and not speech.audio.samples.any()
    assert speech.words == ((0, 0), (0, 0)) or all(start == end for start, end in speech.words)


def test_speakers_have_voices_of_their_own(tiny: Callable[[str], str], synthesizer: NemoSynthesizer) -> None:
    three = NemoSynthesizer(f"{tiny('fastpitch-3')}+{tiny('hifigan')}")

    def said(by: NemoSynthesizer, speaker: int) -> np.ndarray:
        return by.synthesize(Utterance((Phrase(("hello",), Span(0, 40)),), speaker=speaker)).audio.samples

    assert not np.allclose(said(three, 0), said(three, 1), atol=1e-6)
    np.testing.assert_array_equal(said(three, 0), said(three, 3))
    np.testing.assert_array_equal(said(synthesizer, 0), said(synthesizer, 1))


def test_what_it_cannot_speak(synthesizer: NemoSynthesizer) -> None:
    with pytest.raises(BackendError, match="speaks English, not de"):
        synthesizer.synthesize(Utterance.of(["hallo"], "de"))
    with pytest.raises(OptionsError, match="no voice 'af_heart'"):
        synthesizer.synthesize(Utterance.of(["hello"], "en", "af_heart"))


class TestModels:
    def test_two_are_needed(self, tiny: Callable[[str], str]) -> None:
        for model in (tiny("fastpitch"), "a+b+c", ""):
            with pytest.raises(ModelError, match=r"needs two models: give FASTPITCH\+HIFIGAN"):
                NemoSynthesizer(model)

    def test_nothing_is_downloaded(self, tiny: Callable[[str], str], tmp_path: Path) -> None:
        (tmp_path / "model_config.yaml").write_text(
            "target: nemo.collections.tts.models.fastpitch.FastPitchModel\n"
            "text_tokenizer: {g2p: {_target_: nemo.collections.tts.g2p.models.en_us_arpabet.EnglishG2p}}\n"
        )
        with tarfile.open(tmp_path / "x.nemo", "w") as archive:
            archive.add(tmp_path / "model_config.yaml", "model_config.yaml")
        with pytest.raises(ModelError, match="holds no dictionary, and NeMo would download one"):
            NemoSynthesizer(f"{tmp_path / 'x.nemo'}+{tiny('hifigan')}")

    def test_in_their_order(self, tiny: Callable[[str], str]) -> None:
        with pytest.raises(ModelError, match="of the kind HifiGanModel, and not FastPitchModel"):
            NemoSynthesizer(f"{tiny('hifigan')}+{tiny('fastpitch')}")

    def test_that_belong_together(self, tiny: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> None:
        from backends.nemo.tiny_models import hifigan, write

        other = write(lambda _: hifigan(mels=24), tmp_path_factory.mktemp("other") / "x.nemo")
        with pytest.raises(ModelError, match="do not belong together"):
            NemoSynthesizer(f"{tiny('fastpitch')}+{other}")

    def test_the_fingerprint_is_of_both(self, tiny: Callable[[str], str], synthesizer: NemoSynthesizer) -> None:
        other = NemoSynthesizer(f"{tiny('fastpitch-3')}+{tiny('hifigan')}")
        assert other.fingerprint != synthesizer.fingerprint
