"""What every backend must keep, whichever library is behind it: a new one is tested by adding a line."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hybrid_tok.align.aligner import BuiltinAligner
from hybrid_tok.backends.espeak import EspeakOptions, EspeakSynthesizer
from hybrid_tok.backends.kokoro import KokoroSynthesizer
from hybrid_tok.backends.silero import SileroDetector, SileroOptions
from hybrid_tok.backends.transcript_aligner import TranscriptAligner
from hybrid_tok.backends.whisper import WhisperRecognizer
from hybrid_tok.backends.whisper_aligner import WhisperAligner
from hybrid_tok.codec.backend import BuiltinCodec
from hybrid_tok.core.interfaces import Stage
from hybrid_tok.diarizer.backend import BuiltinDiarizer
from hybrid_tok.tagger.backend import BuiltinTagger
from hybrid_tok.testing import SPEECH, Check, checks_of, talk

BACKENDS: dict[tuple[Stage, str], Callable[[], Any]] = {
    ("voice_activity", "silero"): SileroDetector,
    ("recognizer", "whisper base"): WhisperRecognizer,
    ("recognizer", "whisper tiny.en"): lambda: WhisperRecognizer("tiny.en"),
    ("aligner", "builtin"): TranscriptAligner,
    ("aligner", "english"): BuiltinAligner,
    ("aligner", "whisper"): WhisperAligner,
    ("tagger", "builtin"): BuiltinTagger,
    ("diarizer", "builtin"): BuiltinDiarizer,
    ("codec", "builtin"): BuiltinCodec,
    ("synthesizer", "espeak"): EspeakSynthesizer,
    ("synthesizer", "kokoro"): KokoroSynthesizer,
}
CASES = [(backend, check) for backend in BACKENDS for check in checks_of(backend[0])]


@pytest.fixture(scope="module")
def backend(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = BACKENDS[request.param]()
    yield made
    if hasattr(made, "close"):
        made.close()


@pytest.mark.parametrize(
    ("backend", "check"),
    CASES,
    indirect=["backend"],
    ids=[f"{stage} {name}, {check.__name__}" for (stage, name), check in CASES],
)
def test_contract(backend: Any, check: Check) -> None:
    check(backend)


def test_fingerprints_follow_the_options() -> None:
    assert SileroDetector().fingerprint != SileroDetector(SileroOptions(threshold=0.6)).fingerprint
    assert EspeakSynthesizer().fingerprint != EspeakSynthesizer(EspeakOptions("de")).fingerprint
    assert WhisperRecognizer().fingerprint != WhisperRecognizer(language="en").fingerprint
    assert WhisperRecognizer().fingerprint == WhisperRecognizer(workers=7).fingerprint


def test_speech_is_found_where_it_is() -> None:
    spans = SileroDetector().detect(talk())
    heard = set(itertools.chain.from_iterable(range(span.start, span.end) for span in spans))
    assert heard >= set(itertools.chain.from_iterable(range(span.start, span.end) for span in SPEECH))
    assert not heard & set(range(110, 135))


@pytest.mark.parametrize("model", ["base", "tiny.en"])
def test_words_are_recognized(model: str) -> None:
    words = WhisperRecognizer(model).recognize(talk(), SPEECH)
    assert {word.text.strip(",.").lower() for word in words} & {"one", "two", "three", "1", "2", "3"}
