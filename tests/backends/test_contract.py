"""What every detector, recognizer and synthesizer must keep, whichever library is behind it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from hybrid_tok.audio import resample
from hybrid_tok.backends.espeak import EspeakOptions, EspeakSynthesizer
from hybrid_tok.backends.kokoro import KokoroSynthesizer
from hybrid_tok.backends.silero import SileroDetector, SileroOptions
from hybrid_tok.backends.whisper import WhisperRecognizer
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import Backend
from hybrid_tok.core.timeline import Span
from hybrid_tok.core.utterance import Phrase, Utterance
from hybrid_tok.errors import BackendError

Make = Callable[[], Any]

DETECTORS: dict[str, Make] = {"silero": SileroDetector}
RECOGNIZERS: dict[str, Make] = {
    "whisper base": WhisperRecognizer,
    "whisper tiny.en": lambda: WhisperRecognizer("tiny.en"),
}
SYNTHESIZERS: dict[str, Make] = {
    "espeak": EspeakSynthesizer,
    "kokoro": KokoroSynthesizer,
}


def made(makers: dict[str, Make], request: pytest.FixtureRequest) -> Iterator[Any]:
    backend = makers[request.param]()
    yield backend
    if hasattr(backend, "close"):
        backend.close()


@pytest.fixture(scope="module", params=DETECTORS)
def detector(request: pytest.FixtureRequest) -> Iterator[Any]:
    yield from made(DETECTORS, request)


@pytest.fixture(scope="module", params=RECOGNIZERS)
def recognizer(request: pytest.FixtureRequest) -> Iterator[Any]:
    yield from made(RECOGNIZERS, request)


@pytest.fixture(scope="module", params=SYNTHESIZERS)
def synthesizer(request: pytest.FixtureRequest) -> Iterator[Any]:
    yield from made(SYNTHESIZERS, request)


SPEECH = (Span(25, 75), Span(232, 282))
"""Where speech is in `talk`, at least."""


@pytest.fixture(scope="module")
def talk() -> Audio:
    """Six seconds and a bit: someone speaks in the first second and a half, and after the fourth."""
    synthesizer = EspeakSynthesizer()
    words = Utterance.of(["one", "two", "three", "four", "five", "six"])
    said = resample(synthesizer.synthesize(words).audio, 16_000).samples[:20_000]
    synthesizer.close()
    hiss = np.random.default_rng(0).normal(0, 1e-3, 98_123).astype(np.float32)
    hiss[6_000 : 6_000 + len(said)] += said
    hiss[72_000 : 72_000 + len(said)] += said
    return Audio(hiss, 16_000)


def test_every_backend_has_a_name_and_a_fingerprint(detector: Any, recognizer: Any, synthesizer: Any) -> None:
    for backend in (detector, recognizer, synthesizer):
        assert isinstance(backend, Backend)
        assert backend.name and backend.fingerprint == backend.fingerprint
        assert "\n" not in backend.fingerprint and "0x" not in backend.fingerprint


def test_fingerprints_follow_the_options() -> None:
    assert SileroDetector().fingerprint != SileroDetector(SileroOptions(threshold=0.6)).fingerprint
    assert EspeakSynthesizer().fingerprint != EspeakSynthesizer(EspeakOptions("de")).fingerprint
    assert WhisperRecognizer().fingerprint != WhisperRecognizer(language="en").fingerprint
    assert WhisperRecognizer().fingerprint == WhisperRecognizer(workers=7).fingerprint


class TestDetector:
    def test_sorted_disjoint_inside(self, detector: Any, talk: Audio) -> None:
        spans = detector.detect(talk)
        frames = -(-talk.num_samples // 320)
        assert spans and all(0 <= span.start < span.end <= frames for span in spans)
        assert all(a.end < b.start for a, b in itertools.pairwise(spans))
        heard = {frame for span in spans for frame in range(span.start, span.end)}
        assert heard >= {frame for span in SPEECH for frame in range(span.start, span.end)}
        assert not heard & set(range(110, 135))

    def test_deterministic(self, detector: Any, talk: Audio) -> None:
        assert detector.detect(talk) == detector.detect(talk)

    @pytest.mark.parametrize("count", [0, 1, 160, 511, 513])
    def test_next_to_nothing(self, detector: Any, count: int) -> None:
        assert detector.detect(Audio(np.zeros(count, np.float32), 16_000)) == ()

    def test_refuses_other_rates_and_channels(self, detector: Any) -> None:
        for audio in (Audio(np.zeros(100, np.float32), 8_000), Audio(np.zeros((2, 100), np.float32), 16_000)):
            with pytest.raises(BackendError, match="mono at 16000 Hz"):
                detector.detect(audio)


class TestRecognizer:
    def test_words_are_in_order_in_range_and_told_of(self, recognizer: Any, talk: Audio) -> None:
        told: list[tuple[float, float]] = []
        words = recognizer.recognize(talk, SPEECH, progress=lambda done, total: told.append((done, total)))
        frames = -(-talk.num_samples // 320)
        assert words and all(0 <= word.span.start < word.span.end <= frames for word in words)
        assert all(a.span.end <= b.span.start for a, b in itertools.pairwise(words))
        assert all(type(word.confidence) is float and 0 <= word.confidence <= 1 for word in words)
        assert all(any(word.span.overlap(span) for span in SPEECH) for word in words)
        assert [done for done, _ in told] == sorted(done for done, _ in told)
        assert told[-1][0] == pytest.approx(told[-1][1])

    def test_deterministic(self, recognizer: Any, talk: Audio) -> None:
        assert recognizer.recognize(talk, SPEECH) == recognizer.recognize(talk, SPEECH)

    def test_a_segment_is_heard_alike_alone_and_after_another(self, recognizer: Any, talk: Audio) -> None:
        both = recognizer.recognize(talk, SPEECH)
        alone = [recognizer.recognize(talk, (span,)) for span in SPEECH]
        assert all(alone)
        assert [(word.text, word.span) for word in both] == [(word.text, word.span) for part in alone for word in part]

    def test_no_speech_no_words(self, recognizer: Any, talk: Audio) -> None:
        assert recognizer.recognize(talk, ()) == ()
        assert recognizer.recognize(Audio(np.zeros(0, np.float32), 16_000), ()) == ()

    def test_next_to_nothing(self, recognizer: Any) -> None:
        words = recognizer.recognize(Audio(np.zeros(100, np.float32), 16_000), (Span(0, 1),))
        assert len(words) <= 1

    def test_refuses_other_rates_and_channels(self, recognizer: Any) -> None:
        for audio in (Audio(np.zeros(100, np.float32), 8_000), Audio(np.zeros((2, 100), np.float32), 16_000)):
            with pytest.raises(BackendError, match="mono at 16000 Hz"):
                recognizer.recognize(audio, ())


class TestSynthesizer:
    @pytest.mark.parametrize(
        "words",
        [
            ["a"],
            ["--"],
            ["hello", "world"],
            ["In", "1999,", "she", "--", "well-known", "--", "didn't", "pay", "$3.50", "at", "10:30", "a.m."],
            ["Dr.", "1999", "Smith", "said", "你好", "世界", "😀", "...", "and", "left."],
            ["two words", " ", "\n", "x"],
        ],
        ids=lambda words: " ".join(words)[:20].strip() or "nothing",
    )
    @pytest.mark.parametrize("locked", [False, True], ids=["free", "locked"])
    def test_the_body_is_exact_and_ranges_are_in_order(self, synthesizer: Any, words: list[str], locked: bool) -> None:
        utterance = Utterance.of(words)
        if locked:  # a phrase per word, some of which touch
            spans = itertools.accumulate(range(len(words)), lambda at, k: at + 25 + 10 * (k % 2), initial=7)
            utterance = Utterance(
                tuple(Phrase((word,), Span(at, at + 25)) for word, at in zip(words, spans, strict=False))
            )
        speech = synthesizer.synthesize(utterance)
        samples, (start, end) = speech.audio.samples, speech.body
        assert speech.audio.sample_rate == synthesizer.sample_rate and synthesizer.sample_rate % 50 == 0
        assert samples.dtype == np.float32 and samples.ndim == 1 and np.isfinite(samples).all()
        assert 0 <= start <= end <= len(samples)
        if utterance.span is not None:
            assert end - start == utterance.span.frames * synthesizer.sample_rate // 50
        assert len(speech.words) == len(words)
        bounds = [bound for word in speech.words for bound in word]
        assert bounds == sorted(bounds) and all(0 <= bound <= len(samples) for bound in bounds)

    def test_deterministic_whatever_came_before(self, synthesizer: Any) -> None:
        first = synthesizer.synthesize(Utterance.of(["hello", "world"]))
        synthesizer.synthesize(Utterance.of(["something", "else", "1999"]))
        second = synthesizer.synthesize(Utterance.of(["hello", "world"]))
        np.testing.assert_array_equal(first.audio.samples, second.audio.samples)
        assert first.words == second.words
