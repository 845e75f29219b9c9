"""A CTC model of transformers as a recognizer: a tiny wav2vec 2.0 with random weights, and known logits."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hybrid_tok.backends.hf.ctc_recognizer import HfCtcRecognizer
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import Backend
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import BackendError, ModelError, OptionsError

CAPITALS = ("<pad>", "<s>", "</s>", "<unk>", "|", "A", "B", "C", "'", "我", "写")
SPEECH = (Span(25, 75), Span(232, 282))


def write_tiny_wav2vec2(folder: Path, tokens: tuple[str, ...] = CAPITALS, rate: int = 16_000) -> Path:
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

    folder.mkdir(exist_ok=True)
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        vocab_size=len(tokens),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=[8] * 7,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
        pad_token_id=0,
    )
    network = Wav2Vec2ForCTC(config)
    with torch.no_grad():
        network.lm_head.weight.mul_(50)  # so that outputs change from frame to frame
    network.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({token: k for k, token in enumerate(tokens)}))
    Wav2Vec2CTCTokenizer(str(folder / "vocab.json")).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(sampling_rate=rate).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_wav2vec2(tmp_path_factory.mktemp("ctc"))


@pytest.fixture(scope="module")
def recognizer(folder: Path) -> HfCtcRecognizer:
    return HfCtcRecognizer(str(folder), language="en")


@pytest.fixture(scope="module")
def talk() -> Audio:
    """Six seconds of hiss, loud where there is speech."""
    samples = np.random.default_rng(0).normal(0, 1e-3, 98_123)
    for span in SPEECH:
        samples[span.start * 320 : span.end * 320] *= 200
    return Audio(samples.astype(np.float32), 16_000)


def heard(outputs: str | list[int], tokens: tuple[str, ...] = CAPITALS, sure: float = 0.9) -> Any:
    """In place of the network: one output per 20 ms, `_` for the blank, each at the same probability."""
    import torch

    names = {"_": "<pad>", "?": "<unk>"}
    ids = [tokens.index(names.get(one, one)) for one in outputs] if isinstance(outputs, str) else outputs
    logits = torch.full((1, len(ids), len(tokens)), float(np.log((1 - sure) / (len(tokens) - 1))))
    logits[0, range(len(ids)), ids] = float(np.log(sure))

    def network(**inputs: Any) -> Any:
        return SimpleNamespace(logits=logits)

    network.config = SimpleNamespace(inputs_to_logits_ratio=320)  # type: ignore[attr-defined]
    return network


def loud(frames: int) -> Audio:
    return Audio(np.tile(np.float32([0.1, -0.1]), frames * 160), 16_000)


class TestKnownLogits:
    """Windows without padding: the speech is the whole recording."""

    def test_repetitions_are_one_and_blanks_tell_letters_apart(
        self, recognizer: HfCtcRecognizer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(recognizer, "network", heard("__AAB_B?_||_C'_A__" + "_" * 32))
        words = recognizer.recognize(loud(50), (Span(0, 50),))
        assert [word.text for word in words] == ["abb", "c'a"]
        assert [word.confidence for word in words] == pytest.approx([0.9, 0.9])
        assert [word.language for word in words] == ["en", "en"]
        # Letters in frames 2 to 7 and 12 to 16; between words in the middle, at the edges up to 10 frames farther.
        assert [word.span for word in words] == [Span(0, 9), Span(10, 26)]

    def test_the_least_certain_letter_counts(
        self, recognizer: HfCtcRecognizer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        network = heard("A_B_C" + "_" * 45)
        logits = network().logits
        logits[0, 2] = np.log(0.6 / 10)
        logits[0, 2, CAPITALS.index("B")] = np.log(0.4)
        monkeypatch.setattr(recognizer, "network", network)
        (word,) = recognizer.recognize(loud(50), (Span(0, 50),))
        assert word.text == "abc" and word.confidence == pytest.approx(0.4, rel=1e-5)

    def test_chinese_characters_are_words(self, recognizer: HfCtcRecognizer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(recognizer, "network", heard("_我__AB_写__" + "_" * 39))
        words = recognizer.recognize(loud(50), (Span(0, 50),))
        assert [word.text for word in words] == ["我", "ab", "写"]
        assert all(a.span.end <= b.span.start for a, b in itertools.pairwise(words))

    def test_words_are_where_their_window_is(
        self, recognizer: HfCtcRecognizer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A window begins 0.3 s before its speech, and words keep to the speech."""
        monkeypatch.setattr(recognizer, "network", heard("_" * 20 + "AB" + "_" * 78))
        (word,) = recognizer.recognize(loud(300), (Span(100, 140),))
        assert word.span == Span(100, 117)

    def test_nothing_but_blanks(self, recognizer: HfCtcRecognizer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(recognizer, "network", heard("_|_?'|" * 8))
        assert recognizer.recognize(loud(50), (Span(0, 50),)) == ()


def test_pieces_of_words_and_lower_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vocabulary with small letters is written as it is; ▁ begins a word."""
    tokens = ("<pad>", "<s>", "</s>", "<unk>", "▁Mc", "Do", "▁a", "b")
    recognizer = HfCtcRecognizer(str(write_tiny_wav2vec2(tmp_path, tokens)))
    monkeypatch.setattr(recognizer, "network", heard([0, 4, 5, 0, 6, 0, 7, 0, *[0] * 42], tokens))
    words = recognizer.recognize(loud(50), (Span(0, 50),))
    assert [word.text for word in words] == ["McDo", "ab"]
    assert [word.language for word in words] == [None, None]


class TestContract:
    def test_words_are_in_order_in_range_and_told_of(self, recognizer: HfCtcRecognizer, talk: Audio) -> None:
        told: list[tuple[float, float]] = []
        words = recognizer.recognize(talk, SPEECH, progress=lambda done, total: told.append((done, total)))
        frames = -(-talk.num_samples // 320)
        assert len(words) > 3 and all(0 <= word.span.start < word.span.end <= frames for word in words)
        assert all(a.span.end <= b.span.start for a, b in itertools.pairwise(words))
        assert all(type(word.confidence) is float and 0 <= word.confidence <= 1 for word in words)
        assert all(any(word.span.overlap(span) for span in SPEECH) for word in words)
        assert [done for done, _ in told] == sorted(done for done, _ in told) and len(told) == 2
        assert told[-1][0] == pytest.approx(told[-1][1])
        assert all(word.text == word.text.lower() for word in words), "capitals only are written small"

    def test_a_segment_is_heard_alike_alone_and_after_another(self, recognizer: HfCtcRecognizer, talk: Audio) -> None:
        both = recognizer.recognize(talk, SPEECH)
        alone = [recognizer.recognize(talk, (span,)) for span in SPEECH]
        assert all(alone) and both == tuple(word for part in alone for word in part)
        assert both == recognizer.recognize(talk, SPEECH)

    def test_no_speech_no_words(self, recognizer: HfCtcRecognizer, talk: Audio) -> None:
        assert recognizer.recognize(talk, ()) == ()
        assert recognizer.recognize(Audio(np.zeros(0, np.float32), 16_000), ()) == ()

    @pytest.mark.parametrize("count", [1, 100, 160, 16_000])
    def test_next_to_nothing(self, recognizer: HfCtcRecognizer, count: int) -> None:
        frames = -(-count // 320)
        words = recognizer.recognize(Audio(np.zeros(count, np.float32), 16_000), (Span(0, frames),))
        assert len(words) <= frames and all(word.span.end <= frames for word in words)

    def test_refuses_other_rates_and_channels(self, recognizer: HfCtcRecognizer) -> None:
        for audio in (Audio(np.zeros(100, np.float32), 8_000), Audio(np.zeros((2, 100), np.float32), 16_000)):
            with pytest.raises(BackendError, match="mono at 16000 Hz"):
                recognizer.recognize(audio, ())


def test_windows_packed_hold_all_speech_at_once(folder: Path, talk: Audio) -> None:
    told: list[float] = []
    packed = HfCtcRecognizer(str(folder), windows="packed")
    words = packed.recognize(talk, SPEECH, progress=lambda done, total: told.append(done))
    assert len(told) == 1 and {word.span.start > 200 for word in words} == {True, False}


def test_missing_incomplete_and_other_models(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"a CTC recognizer of transformers: .* is not in the Hugging Face cache"):
        HfCtcRecognizer("nobody/has-this")
    with pytest.raises(ModelError, match="takes 8000 Hz, not 16000 Hz"):
        HfCtcRecognizer(str(write_tiny_wav2vec2(tmp_path / "narrow", rate=8_000)))
    (tmp_path / "config.json").write_text('{"model_type": "dac"}')
    with pytest.raises(ModelError, match="cannot be loaded") as raised:
        HfCtcRecognizer(str(tmp_path))
    assert "\n" not in str(raised.value)
    (tmp_path / "narrow" / "vocab.json").unlink()
    for one in (tmp_path / "narrow").glob("*token*"):
        one.unlink()
    with pytest.raises(ModelError, match="cannot be loaded"):
        HfCtcRecognizer(str(tmp_path / "narrow"))


def test_options(folder: Path, recognizer: HfCtcRecognizer) -> None:
    with pytest.raises(OptionsError):
        HfCtcRecognizer(str(folder), language="xx")
    with pytest.raises(OptionsError, match="windows must be"):
        HfCtcRecognizer(str(folder), windows="all")  # type: ignore[arg-type]
    others = [
        HfCtcRecognizer(str(folder), device="meta", language=language, windows=windows).fingerprint
        for language, windows in (("en", "segment"), ("de", "segment"), ("en", "packed"))
    ]
    assert others[0] == recognizer.fingerprint and len(set(others)) == 3
    assert isinstance(recognizer, Backend) and recognizer.fingerprint.startswith("ctc:")


def test_the_device_reaches_every_parameter(folder: Path) -> None:
    network = HfCtcRecognizer(str(folder), device="meta").network
    assert {one.device.type for one in network.parameters()} == {"meta"}


def test_a_failing_network_is_named(folder: Path, recognizer: HfCtcRecognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**inputs: Any) -> Any:
        raise RuntimeError("out of memory\nand much more")

    monkeypatch.setattr(recognizer, "network", fail)
    with pytest.raises(
        BackendError, match=r"^a CTC recognizer of transformers: .* failed \(out of memory\)$"
    ) as raised:
        recognizer.recognize(loud(50), (Span(0, 50),))
    assert str(folder) in str(raised.value)
