"""The faster-whisper recognizer, on a tiny model with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from backends.tiny_whisper import write_tiny_whisper

from hybrid_tok.backends.whisper import WhisperOptions, WhisperRecognizer
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import BackendError, OptionsError

NOISE = Audio((0.1 * np.random.default_rng(0).standard_normal(32_000)).astype(np.float32), 16_000)


def test_words_come_with_times_and_probabilities(tmp_path: Path) -> None:
    words = WhisperRecognizer(str(write_tiny_whisper(tmp_path, seed=1))).recognize(NOISE, (Span(10, 90),))
    assert words
    assert all(set(word.text) <= set("abcdefg") for word in words)
    assert all(0 < word.confidence < 1 for word in words)


def test_fingerprint_follows_the_weights(tmp_path: Path) -> None:
    first = WhisperRecognizer(str(write_tiny_whisper(tmp_path, seed=1))).fingerprint
    second = WhisperRecognizer(str(write_tiny_whisper(tmp_path, seed=2))).fingerprint
    assert first != second


@pytest.mark.parametrize("model", ["no-such-size", "{folder}", "someone/no-such-model"])
def test_a_missing_model_is_one_line(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    name = model.format(folder=tmp_path)
    with pytest.raises(BackendError) as caught:
        WhisperRecognizer(name).recognize(NOISE, (Span(0, 50),))
    assert repr(name) in str(caught.value) and "\n" not in str(caught.value)


def test_damaged_weights_are_one_line(tmp_path: Path) -> None:
    folder = write_tiny_whisper(tmp_path)
    data = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(data[: len(data) // 2])
    with pytest.raises(BackendError, match="no Whisper model"):
        WhisperRecognizer(str(folder)).recognize(NOISE, (Span(0, 50),))


def test_options_are_checked() -> None:
    with pytest.raises(OptionsError):
        WhisperOptions("")
    with pytest.raises(OptionsError):
        WhisperOptions("base", beam_size=0)
