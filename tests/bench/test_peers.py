"""Codecs of transformers as peers, with random weights: what they write is counted, and comes back as long."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from backends.hf.tiny_codecs import CODECS, write_tiny_codec

from hybrid_tok.backends.hf.codecs import CLASSES
from hybrid_tok.bench.peers import CODEC2_DELAY, PEERS, codec2
from hybrid_tok.errors import BackendError

SAMPLES = 0.1 * np.random.default_rng(0).standard_normal(16_000, np.float32)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: write_tiny_codec(tmp_path_factory.mktemp(name), name) for name in CODECS}


def test_codes_are_counted_at_each_bandwidth(folders: dict[str, Path]) -> None:
    frames = math.ceil(24_000 / 320)
    for bandwidth in (1.5, 6.0):
        coded = PEERS["encodec"].transcode(SAMPLES, str(folders["encodec"]), bandwidth=bandwidth)
        assert coded.tokens == frames * int(bandwidth * 1000 / 75 / 6)
        assert coded.bits == coded.tokens * 6  # 64 codes
        assert coded.samples.shape == SAMPLES.shape and coded.samples.dtype == np.float32


def test_codecs_take_the_codebooks_that_are_usual_or_those_chosen(folders: dict[str, Path]) -> None:
    for name, usual in (("mimi", 8), ("dac", 3), ("xcodec", 3), ("xcodec2", 1)):
        peer, model = PEERS[name], str(folders[name])
        codec = CLASSES[name](model)
        frames = math.ceil(codec.sample_rate / codec.hop)
        coded = peer.transcode(SAMPLES, **{**peer.options, "model": model})
        assert coded.tokens == usual * frames
        assert coded.bits == coded.tokens * math.log2(codec.codebook_size)
        assert coded.samples.shape == SAMPLES.shape and np.isfinite(coded.samples).all()
        if name != "xcodec2":
            assert peer.transcode(SAMPLES, model, num_codebooks=1).tokens == frames
            with pytest.raises(BackendError, match=rf"has 1 to {codec.num_codebooks} codebooks, and not 99"):
                peer.transcode(SAMPLES, model, num_codebooks=99)


def test_a_model_of_another_type(folders: dict[str, Path]) -> None:
    with pytest.raises(BackendError, match="is of type dac: choose the codec dac"):
        PEERS["mimi"].transcode(SAMPLES, str(folders["dac"]))


def test_titles_have_the_options_chosen() -> None:
    assert PEERS["encodec"].title({"bandwidth": 1.5}) == "EnCodec 1.5 kbps"
    assert PEERS["opus"].title({}) == "Opus 6 kbps"
    assert PEERS["mimi"].title({}) == "Mimi, 8 codebooks"
    assert PEERS["dac"].title({}) == "DAC"
    assert PEERS["dac"].title({"num_codebooks": 4}) == "DAC, 4 codebooks"


def test_a_mode_that_codec2_does_not_have() -> None:
    with pytest.raises(BackendError, match=f"no mode '9999' here; there are: {', '.join(CODEC2_DELAY)}"):
        codec2(SAMPLES, "9999")
