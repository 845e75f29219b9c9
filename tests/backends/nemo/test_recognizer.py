"""From NeMo's tokens to words on the time grid."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hybrid_tok.backends.nemo.recognizer import NemoRecognizer
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import BackendError, ModelError, OptionsError
from hybrid_tok.testing import SPEECH, talk


def hypothesis(words: list[tuple[str, int, int]], tokens: list[tuple[int, float]]) -> Any:
    return SimpleNamespace(
        timestamp={
            "word": [{"word": text, "start_offset": start, "end_offset": end} for text, start, end in words],
            "char": [{"char": "x", "start_offset": start, "end_offset": start + 1} for start, _ in tokens],
        },
        token_confidence=[confidence for _, confidence in tokens],
    )


@pytest.fixture
def recognizer(tiny: Callable[[str], str]) -> NemoRecognizer:
    return NemoRecognizer(tiny("ctc"), language="en")


def heard(recognizer: NemoRecognizer, monkeypatch: pytest.MonkeyPatch, found: Any) -> tuple[Any, ...]:
    monkeypatch.setattr(recognizer, "_decode", lambda samples: found)
    loud = np.random.default_rng(0).normal(0, 0.1, 16_000 * 4).astype(np.float32)
    return recognizer.recognize(Audio(loud, 16_000), [Span(50, 150)])


def test_times_and_confidences(recognizer: NemoRecognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    # The window starts 0.3 s before the speech; this model's frames last 40 ms.
    found = hypothesis(
        [("hello", 10, 20), ("world", 25, 40), ("--", 41, 43)],
        [(10, 0.9), (15, 0.7), (24, 0.1), (25, 0.5), (39, 0.6), (41, 0.2)],
    )
    words = heard(recognizer, monkeypatch, found)
    assert [(word.text, word.span, word.confidence, word.language) for word in words] == [
        ("hello", Span(55, 75), 0.7, "en"),
        ("world", Span(85, 115), 0.5, "en"),
    ]


def test_words_outside_the_speech_are_left_out(recognizer: NemoRecognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    found = hypothesis([("um", 0, 5), ("yes", 30, 40), ("no", 60, 65)], [(0, 0.5), (30, 0.5), (60, 0.5)])
    assert [word.text for word in heard(recognizer, monkeypatch, found)] == ["yes"]


def test_characters_of_chinese_are_words(recognizer: NemoRecognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    words = heard(recognizer, monkeypatch, hypothesis([("你好世界", 10, 30)], [(10, 1.5), (20, 0.9)]))
    assert [word.text for word in words] == list("你好世界")
    assert [word.span for word in words] == [Span(55 + 10 * k, 65 + 10 * k) for k in range(4)]
    assert {word.confidence for word in words} == {0.9}


def test_nothing_heard(recognizer: NemoRecognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert heard(recognizer, monkeypatch, hypothesis([], [])) == ()


def test_confidences_must_be_of_the_tokens(recognizer: NemoRecognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    found = hypothesis([("a", 1, 2)], [(1, 0.5)])
    found.token_confidence = None
    with pytest.raises(BackendError, match="0 confidences for 1 tokens"):
        heard(recognizer, monkeypatch, found)


@pytest.mark.parametrize("name", ["ctc", "rnnt", "tdt", "hybrid"])
def test_every_kind_of_model_is_decoded(tiny: Callable[[str], str], name: str) -> None:
    recognizer = NemoRecognizer(tiny(name))
    found = recognizer._decode(talk().samples[6_000:26_000])
    assert found.timestamp["word"] and len(found.timestamp["char"]) == len(found.token_confidence) > 0
    assert all(0 <= float(value) <= 1 for value in found.token_confidence)
    words = recognizer.recognize(talk(), SPEECH)
    assert words and {word.language for word in words} == {None}


def test_options_are_in_the_fingerprint(tiny: Callable[[str], str]) -> None:
    path = tiny("ctc")
    told = {
        NemoRecognizer(path).fingerprint,
        NemoRecognizer(path, language="en").fingerprint,
        NemoRecognizer(path, windows="packed").fingerprint,
    }
    assert len(told) == 3


def test_what_is_refused(tiny: Callable[[str], str]) -> None:
    with pytest.raises(OptionsError):
        NemoRecognizer(tiny("ctc"), language="xx")
    with pytest.raises(ModelError, match="and not ASRModel of NeMo"):
        NemoRecognizer(tiny("fsq"))
