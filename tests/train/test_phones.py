"""The recipe of the phone network: what is trained is what is run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hybrid_tok.align.phones import PHONES, SILENCE, PhoneNetwork
from hybrid_tok.core.manifest import Clip
from hybrid_tok.errors import OptionsError
from hybrid_tok.nn.logmel import BANDS
from hybrid_tok.train.align.phone_labels import UNKNOWN, held_out
from hybrid_tok.train.align.phone_network import PhoneNetworkConfig, TrainablePhoneNetwork
from hybrid_tok.train.align.phones import Pool, TrainPhonesOptions, frame_loss, label_by_model

CONFIG = PhoneNetworkConfig(width=12, dilations=(1, 2, 3), dropout=0.3)


@pytest.fixture(scope="module")
def network() -> TrainablePhoneNetwork:
    """A small network that has seen something, so that its normalizations are not those it began with."""
    torch.manual_seed(0)
    network = TrainablePhoneNetwork(CONFIG)
    for _ in range(5):
        network(3.0 * torch.randn(4, 60, BANDS) + 1.0)
    return network.eval()


def test_the_folded_network_answers_as_the_trained_one(network: TrainablePhoneNetwork) -> None:
    folded = PhoneNetwork(network.folded(), CONFIG.dilations)
    context = 2 * folded.reach + 2
    mel = np.random.default_rng(1).normal(size=(120, BANDS)).astype(np.float32)
    with torch.no_grad():
        trained = network(torch.from_numpy(mel)[None])[0].numpy()
    # Where no zero that the trained one pads with is within reach.
    answered = folded(mel)
    assert answered.shape == (120 - 2 * context, len(PHONES))
    assert answered == pytest.approx(trained[context:-context], abs=1e-4)


def test_unknown_frames_do_not_count_and_silence_counts_less() -> None:
    posteriors = torch.log_softmax(torch.randn(1, 6, len(PHONES), generator=torch.Generator().manual_seed(2)), -1)
    labels = torch.tensor([[1, 2, SILENCE, UNKNOWN, UNKNOWN, 3]])
    each = [-float(posteriors[0, t, labels[0, t]]) for t in (0, 1, 2, 5)]
    expected = (each[0] + each[1] + 0.5 * each[2] + each[3]) / 3.5
    assert float(frame_loss(posteriors, labels, 0.5)) == pytest.approx(expected, abs=1e-5)


def test_labels_stay_where_they_are_possible(network: TrainablePhoneNetwork) -> None:
    mel = np.random.default_rng(3).normal(size=(101, BANDS)).astype(np.float16)
    given = np.full(101, 5, np.uint8)
    given[:20] = UNKNOWN
    everything = label_by_model(Pool(mel, given), network, sure=0.999, possible=0.0).labels
    assert (everything[20:] == 5).all() and (everything[:20] == UNKNOWN).all()
    nothing = label_by_model(Pool(mel, given), network, sure=0.999, possible=1.0).labels
    assert (nothing == UNKNOWN).all()
    own = label_by_model(Pool(mel, given), network, sure=0.0, possible=1.0).labels
    assert (own < len(PHONES)).all()


def test_held_out_speakers() -> None:
    clips = [Clip(Path("a.wav"), "a.wav", "x", speaker=str(k % 7)) for k in range(30)]
    assert held_out(clips, 3) == ["0", "3", "6"]
    assert held_out(clips, 0) == []
    assert held_out(clips, 1) == [str(k) for k in range(7)]


def test_options_are_checked() -> None:
    for wrong in ({"frames": 51}, {"minutes": 0.0}, {"sure": 1.0}, {"batch": 0}):
        with pytest.raises(OptionsError):
            TrainPhonesOptions(data=Path("data"), out=Path("out"), **wrong)
