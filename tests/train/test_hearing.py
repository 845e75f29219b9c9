"""The recognizer's encoder in torch is the recognizer's, and its distance grows with what is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hybrid_tok.audio import read_mono
from hybrid_tok.core.model_sources import find_model
from hybrid_tok.errors import WeightsError
from hybrid_tok.train.codec.hearing import HearingLoss, Listener, read_encoder
from real_audio import recording


@pytest.fixture(scope="module")
def model() -> Path:
    return find_model("tiny.en") / "model.bin"


@pytest.fixture(scope="module")
def speech() -> torch.Tensor:
    audio, _ = read_mono(recording("dev/ljspeech/LJ001-0002.flac"), 16_000)
    return torch.from_numpy(audio.samples)[None]


def test_it_computes_what_the_recognizer_computes(model: Path, speech: torch.Tensor) -> None:
    from ctranslate2 import StorageView
    from ctranslate2.models import Whisper
    from faster_whisper.feature_extractor import FeatureExtractor

    whole = F.pad(speech, (0, 30 * 16_000 - speech.shape[1]))
    features = FeatureExtractor(feature_size=80)(whole[0].numpy(), padding=0)[:, :3000]
    whisper = Whisper(str(model.parent), device="cpu", compute_type="float32")
    theirs = np.array(whisper.encode(StorageView.from_array(features[None].astype(np.float32))))
    weights = read_encoder(model)
    last = Listener(model, 4)(whole)[-1]
    ours = F.layer_norm(last, last.shape[-1:], weights["layer_norm/gamma"], weights["layer_norm/beta"]).numpy()
    assert ours.shape == theirs.shape == (1, 1500, 384)
    assert np.abs(ours - theirs).max() < 2e-3 * np.abs(theirs).max()


def test_the_distance_grows_with_what_is_lost_and_has_a_gradient(model: Path, speech: torch.Tensor) -> None:
    loss = HearingLoss(model)
    noise = torch.randn(speech.shape, generator=torch.Generator().manual_seed(0))
    distances = [float(loss(speech + level * noise, speech)) for level in (0.0, 0.003, 0.03, 0.3)]
    assert distances == sorted(distances) and distances[0] < 1e-5 < 0.02 < distances[1]
    noisy = (speech + 0.01 * noise).requires_grad_()
    loss(noisy, speech).backward()
    assert noisy.grad is not None and bool(noisy.grad.abs().sum() > 0)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    for data in (b"", b"nonsense", b"\x06\x00\x00\x00" + b"\xff" * 40):
        path.write_bytes(data)
        with pytest.raises(WeightsError, match=r"model\.bin is not a CTranslate2 model"):
            read_encoder(path)
    with pytest.raises(WeightsError, match="is not a CTranslate2 model"):
        read_encoder(tmp_path / "gone.bin")
