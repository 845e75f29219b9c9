"""CAM++ with random weights, against torch where it pools; files that are not its weights; the features it reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hybrid_tok.diarizer.campplus import CampPlus, CampPlusNetwork, Projection, kaldi_features
from hybrid_tok.errors import WeightsError
from hybrid_tok.nn.logmel import SAMPLE_RATE


@pytest.fixture(scope="module")
def network() -> CampPlusNetwork:
    """Random weights; those of the normalizations too, so that none is the identity."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = CampPlusNetwork()
        for module in network.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                assert module.running_mean is not None and module.running_var is not None
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 1.5)
    return network.eval()


@pytest.fixture(scope="module")
def weights(network: CampPlusNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("campplus") / "weights.pt"
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def campplus(weights: Path) -> CampPlus:
    return CampPlus(weights)


def features(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(5, 3, (frames, 80)).astype(np.float32)


@pytest.mark.parametrize("frames", [1, 2, 99, 200, 201, 431])
def test_the_whole_network_is_that_of_torch(campplus: CampPlus, network: CampPlusNetwork, frames: int) -> None:
    """Mean and unbiased deviation of the hidden vectors, and the dense layer with its normalization."""
    given = features(frames)
    hidden = campplus.frames(given)
    assert hidden.shape == (-(-frames // 2), 512) and hidden.dtype == np.float32
    with torch.inference_mode():
        x = network(torch.from_numpy(given - given.mean(axis=0)).T[None])
        deviation = x.std(dim=2) if x.shape[2] > 1 else torch.full_like(x[..., 0], 0.01)
        dense = network.xvector["dense"]
        assert isinstance(dense, Projection)
        voice = dense.nonlinear(dense.linear(torch.cat([x.mean(dim=2), deviation], dim=1)[..., None]))[0, :, 0]
        expected = nn.functional.normalize(voice, dim=0).numpy()
    assert np.linalg.norm(expected) == pytest.approx(1)
    assert campplus.embed(given) == pytest.approx(expected, abs=1e-5)
    assert campplus.pool(hidden, np.ones((1, len(hidden)), bool))[0] == pytest.approx(expected, abs=1e-5)


def test_a_mask_chooses_its_frames(campplus: CampPlus) -> None:
    hidden = campplus.frames(features(200))
    masks = np.zeros((4, 100), bool)
    masks[0, 10:60] = masks[1, ::3] = masks[2, 7] = True
    voices = campplus.pool(hidden, masks)
    assert voices.shape == (4, 192) and voices.dtype == np.float32
    for voice, mask in zip(voices[:3], masks[:3], strict=True):
        assert voice == pytest.approx(campplus.pool(hidden[mask], np.ones((1, mask.sum())))[0], abs=1e-6)
    assert np.linalg.norm(voices, axis=1) == pytest.approx([1, 1, 1, 0])
    assert np.abs(voices[0] - voices[1]).max() > 1e-4


def test_the_length_of_an_embedding_is_kept_only_where_asked(campplus: CampPlus) -> None:
    hidden, mask = campplus.frames(features(100)), np.ones((1, 50))
    raw = campplus.project(hidden, mask)[0]
    assert raw / np.linalg.norm(raw) == pytest.approx(campplus.pool(hidden, mask)[0], abs=1e-6)
    assert abs(np.linalg.norm(raw) - 1) > 1e-3


def test_the_context_reaches_over_the_whole_and_over_a_segment(campplus: CampPlus) -> None:
    """Frames far from a change differ through the mean of all; those of the changed segment differ more."""
    given = features(1_200)
    changed = given.copy()
    changed[:80] = changed[:80][::-1]  # the mean of the features stays
    difference = np.abs(campplus.frames(given) - campplus.frames(changed)).mean(axis=1)
    assert 0 < difference[500:].mean() < difference[70:95].mean()


def test_other_input_between_changes_nothing(campplus: CampPlus, weights: Path) -> None:
    given = features(300)
    first = campplus.embed(given)
    campplus.embed(features(77, seed=1))
    assert np.array_equal(campplus.embed(given), first)
    assert np.array_equal(CampPlus(weights).embed(given), first)


def test_no_frames_have_no_voice(campplus: CampPlus) -> None:
    assert campplus.frames(features(0)).shape == (0, 512)
    assert np.array_equal(campplus.embed(features(0)), np.zeros(192))


def test_another_file_is_one_line(weights: Path, tmp_path: Path) -> None:
    state = torch.load(weights, weights_only=True)
    name = "xvector.dense.linear.weight"
    wrong = {
        "missing": None,
        "cut": weights.read_bytes()[:100_000],
        "text": b"not weights",
        "shape": {**state, name: state[name][:100]},
        "less": {key: value for key, value in state.items() if key != name},
        "more": {**state, "head.conv3.weight": state[name]},
        "list": [1, 2],
    }
    for kind, content in wrong.items():
        path = tmp_path / f"{kind}.pt"
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            torch.save(content, path)
        with pytest.raises(WeightsError, match=rf"{kind}\.pt .*: give campplus_cn_en_common\.pt") as raised:
            CampPlus(path)
        assert "\n" not in str(raised.value)


def test_kaldi_features_of_a_tone() -> None:
    """The band around 1 kHz is the loudest, ten times the amplitude adds 2 ln 10, and frames are every 10 ms."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tone = (0.05 * np.sin(2 * np.pi * 1000.0 * time)).astype(np.float32)
    features = kaldi_features(tone)
    assert features.shape == (98, 80)
    edges = np.linspace(1127 * np.log1p(20 / 700), 1127 * np.log1p(8000 / 700), 82)
    nearest = int(np.argmin(np.abs(edges[1:-1] - 1127 * np.log1p(1000 / 700))))
    assert (features.argmax(axis=1) == nearest).all()
    louder = kaldi_features(10 * tone)
    assert louder[:, nearest] - features[:, nearest] == pytest.approx(2 * np.log(10), abs=1e-3)


def test_features_of_less_than_a_frame() -> None:
    assert kaldi_features(np.zeros(399, np.float32)).shape == (0, 80)
    assert kaldi_features(np.zeros(400, np.float32)).shape == (1, 80)


def test_rectified_embeddings_are_the_same_without_negative_values(campplus: CampPlus, weights: Path) -> None:
    hidden, mask = campplus.frames(features(120)), np.ones((1, 60), bool)
    plain, rectified = campplus.project(hidden, mask), CampPlus(weights, rectified=True).project(hidden, mask)
    assert plain.min() < 0
    np.testing.assert_array_equal(rectified, np.maximum(plain, 0))
