"""Codecs of transformers as peers, with random weights: what they write is counted, and comes back as long."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from hybrid_tok.bench.peers import CODEC2_DELAY, PEERS, codec2, neural
from hybrid_tok.errors import BackendError

SAMPLES = 0.1 * np.random.default_rng(0).standard_normal(16_000, np.float32)


@pytest.fixture(scope="module")
def encodec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import EncodecConfig, EncodecModel

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("encodec")
    config = EncodecConfig(num_filters=4, hidden_size=16, codebook_dim=16, num_lstm_layers=1, codebook_size=64)
    EncodecModel(config).save_pretrained(folder)
    return folder


def test_codes_are_counted_at_each_bandwidth(encodec: Path) -> None:
    frames = math.ceil(24_000 / 320)
    for bandwidth in (1.5, 6.0):
        coded = neural(SAMPLES, str(encodec), bandwidth)
        assert coded.tokens == frames * int(bandwidth * 1000 / 75 / 6)
        assert coded.bits == coded.tokens * 6  # 64 codes
        assert coded.samples.shape == SAMPLES.shape and coded.samples.dtype == np.float32


def test_titles_have_the_options_chosen() -> None:
    assert PEERS["encodec"].title({"bandwidth": 1.5}) == "EnCodec 1.5 kbps"
    assert PEERS["opus"].title({}) == "Opus 6 kbps"


def test_a_mode_that_codec2_does_not_have() -> None:
    with pytest.raises(BackendError, match=f"no mode '9999' here; there are: {', '.join(CODEC2_DELAY)}"):
        codec2(SAMPLES, "9999")
