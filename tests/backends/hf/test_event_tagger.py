"""An audio classifier of transformers as an event tagger: a tiny AST with random weights, and known logits."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid_tok.backends.hf.event_tagger import HfEventTagger, HfTaggerOptions
from hybrid_tok.core.annotations import Event
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.event_spans import TaggerOptions
from hybrid_tok.core.events import EVENT_LABELS
from hybrid_tok.core.interfaces import Backend
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import BackendError, ModelError, OptionsError

LABELS = ("Speech", "Laughter", "Giggle", "Cough", "Dog", "Music")


def write_tiny_ast(folder: Path, labels: tuple[str, ...] = LABELS, rate: int = 16_000) -> Path:
    import torch
    from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

    torch.manual_seed(0)
    config = ASTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_length=256,
        num_mel_bins=32,
        id2label=dict(enumerate(labels)),
    )
    ASTForAudioClassification(config).save_pretrained(folder)
    ASTFeatureExtractor(max_length=256, num_mel_bins=32, sampling_rate=rate).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_ast(tmp_path_factory.mktemp("ast"))


@pytest.fixture(scope="module")
def tagger(folder: Path) -> HfEventTagger:
    return HfEventTagger(str(folder))


def noise(seconds: float) -> Audio:
    samples = 0.1 * np.random.default_rng(0).standard_normal(round(seconds * 16_000))
    return Audio(samples.astype(np.float32), 16_000)


class Heard:
    """In place of the network: a laugh and a cough, each heard by the windows that overlap it, at a known level."""

    def __init__(self, window_starts: list[int], events: list[tuple[str, float, float, float]]) -> None:
        self.starts, self.events, self.calls = window_starts, events, 0
        self.config = SimpleNamespace(problem_type=None)

    def __call__(self, input_values: Any) -> Any:
        import torch

        start = self.starts[self.calls]
        self.calls += 1
        logits = torch.full((1, len(LABELS)), -20.0)
        for label, first, last, probability in self.events:
            if first < start + 2.0 and last > start:
                logits[0, LABELS.index(label)] = float(np.log(probability / (1 - probability)))
        return SimpleNamespace(logits=logits)


def test_known_logits_become_events_where_they_are(tagger: HfEventTagger, monkeypatch: pytest.MonkeyPatch) -> None:
    """All windows around an event hear it, and it is no longer than the hops it lies in."""
    audio = Audio(np.full(10 * 16_000, 0.1, np.float32), 16_000)
    starts = [k / 2 for k in range(17)]
    heard = Heard(starts, [("Laughter", 3.0, 4.0, 0.9), ("Giggle", 3.0, 4.0, 0.8), ("Cough", 7.0, 7.5, 0.6)])  # type: ignore[arg-type]
    monkeypatch.setattr(tagger, "network", heard)
    posteriors = tagger.posteriors(audio)
    assert heard.calls == len(starts)
    laugh, cough = (posteriors[:, EVENT_LABELS.index(label)] for label in ("laugh", "cough"))
    # All four windows over 3.0 to 4.0 s hear the laugh: the louder of its two names counts.
    np.testing.assert_allclose(laugh[150:200], 0.9, rtol=1e-6)
    np.testing.assert_allclose(cough[350:375], 0.6, rtol=1e-6)
    # Half a second farther, one of four does not, and counts as 1e-6.
    np.testing.assert_allclose(laugh[125:150], (0.9**3 * 1e-6) ** 0.25, rtol=1e-5)
    heard.calls = 0
    sharp = HfTaggerOptions(events=TaggerOptions(threshold=0.25, stay=0.15, smooth=0.0, reach=0.0, bridge=0.0))
    monkeypatch.setattr(tagger, "options", sharp)
    assert tagger.tag(audio) == (Event("laugh", Span(150, 200), 0.9), Event("cough", Span(350, 375), 0.6))


def test_speech_is_told_apart(tagger: HfEventTagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tagger, "network", Heard([0], [("Speech", 0.0, 1.0, 0.7)]))
    posteriors = tagger.posteriors(noise(1.0))
    np.testing.assert_allclose(posteriors[:, -1], 0.7, rtol=1e-6)
    assert posteriors[:, :-1].max() < 1e-5


def test_softmax_where_the_model_has_one_label_per_clip(tagger: HfEventTagger, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard([0], [("Laughter", 0.0, 1.0, 0.5), ("Dog", 0.0, 1.0, 0.5)])
    heard.config.problem_type = "single_label_classification"
    monkeypatch.setattr(tagger, "network", heard)
    posteriors = tagger.posteriors(noise(1.0))
    np.testing.assert_allclose(posteriors[:, EVENT_LABELS.index("laugh")], 0.5, rtol=1e-6)


def test_events_of_a_real_network_are_in_order_and_in_range(tagger: HfEventTagger) -> None:
    """Random weights give every label about one half."""
    audio = noise(3.3)
    posteriors = tagger.posteriors(audio)
    assert posteriors.shape == (165, 16) and posteriors.dtype == np.float32
    assert (posteriors[:, EVENT_LABELS.index("laugh")] > 0.1).all()
    assert posteriors[:, EVENT_LABELS.index("yawn")].max() < 1e-5, "the model has no such label"
    events = tagger.tag(audio)
    assert events and all(0 <= event.span.start < event.span.end <= 165 for event in events)
    assert all(a.span.end <= b.span.start for a, b in itertools.pairwise(events))
    assert events == tagger.tag(audio)
    assert isinstance(tagger, Backend)


@pytest.mark.parametrize("count", [0, 1, 160, 32_000, 32_001])
def test_short_recordings(tagger: HfEventTagger, count: int) -> None:
    audio = Audio(np.zeros(count, np.float32), 16_000)
    frames = -(-count // 320)
    assert tagger.posteriors(audio).shape == (frames, 16)
    assert all(event.span.end <= frames for event in tagger.tag(audio))


def test_what_is_after_the_windows_of_a_frame_does_not_matter(tagger: HfEventTagger) -> None:
    def joined(end: NDArray[np.float32]) -> Audio:
        return Audio(np.concatenate([noise(4.0).samples, end]), 16_000)

    one, two = (tagger.posteriors(joined(np.full(32_000, level, np.float32))) for level in (0.0, 0.5))
    np.testing.assert_array_equal(one[:100], two[:100])
    assert not np.array_equal(one[200:], two[200:])


def test_refuses_other_rates_and_channels(tagger: HfEventTagger) -> None:
    for audio in (Audio(np.zeros(100, np.float32), 8_000), Audio(np.zeros((2, 100), np.float32), 16_000)):
        with pytest.raises(BackendError, match="mono at 16000 Hz"):
            tagger.tag(audio)


def test_a_model_without_vocal_events_says_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="knows no vocal event of AudioSet; it has Dog, Music") as raised:
        HfEventTagger(str(write_tiny_ast(tmp_path, ("Dog", "Music"))))
    assert "\n" not in str(raised.value)


def test_a_model_at_another_rate(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="takes 8000 Hz, not 16000 Hz"):
        HfEventTagger(str(write_tiny_ast(tmp_path, rate=8_000)))


def test_missing_and_incomplete_models(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"an event tagger of transformers: .* is not in the Hugging Face cache"):
        HfEventTagger("nobody/has-this")
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(ModelError, match="cannot be loaded") as raised:
        HfEventTagger(str(tmp_path))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("window", "hop"), [(2.0, 0.0), (1.0, 2.0), (2.0, 0.3), (1.0, 0.015), (31.0, 1.0)])
def test_windows_that_do_not_fit(window: float, hop: float) -> None:
    with pytest.raises(OptionsError, match="a whole number of hops"):
        HfTaggerOptions(window, hop)


def test_fingerprints_and_devices(folder: Path, tagger: HfEventTagger) -> None:
    other = HfEventTagger(str(folder), device="meta", options=HfTaggerOptions(hop=1.0))
    assert other.fingerprint != tagger.fingerprint == HfEventTagger(str(folder), device="meta").fingerprint
    assert {one.device.type for one in other.network.parameters()} == {"meta"}
