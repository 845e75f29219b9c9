"""Our codec as an audio tokenizer of transformers: the same codes, saved, loaded and in batches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from hybrid_tok.codec import network
from hybrid_tok.codec.backend import BuiltinCodec
from hybrid_tok.codec.hf import HybridTokCodec, HybridTokCodecConfig
from hybrid_tok.codec.identity import codec_identity
from hybrid_tok.codec.network import CodecConfig


@pytest.fixture(scope="module")
def ours() -> BuiltinCodec:
    return BuiltinCodec()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("codec")
    HybridTokCodec.from_builtin().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Any:
    from transformers import AutoModelForAudioTokenization

    return AutoModelForAudioTokenization.from_pretrained(folder)


def noise(count: int, seed: int = 0) -> NDArray[np.float32]:
    """With silence in it, which the codec writes in its own way."""
    samples = (0.1 * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)
    samples[1_600:4_800] = 0
    return samples


def batch(*rows: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(np.stack(rows))[:, None]


def test_the_auto_classes_find_it_by_its_type(folder: Path, loaded: Any) -> None:
    from transformers import AutoConfig, AutoModel
    from transformers.modeling_utils import PreTrainedAudioTokenizerBase

    assert json.loads((folder / "config.json").read_text())["model_type"] == "hybrid_tok_codec"
    assert {one.name for one in folder.iterdir()} == {"config.json", "model.safetensors"}
    assert type(loaded) is HybridTokCodec and isinstance(loaded, PreTrainedAudioTokenizerBase)
    assert type(AutoConfig.from_pretrained(folder)) is HybridTokCodecConfig
    assert type(AutoModel.from_pretrained(folder)) is HybridTokCodec


def test_its_configuration_has_the_names_of_the_others(loaded: Any, ours: BuiltinCodec) -> None:
    config = loaded.config
    assert (config.sampling_rate, config.hop_length, config.frame_rate) == (ours.sample_rate, ours.hop, 50)
    assert (config.num_quantizers, config.num_codebooks) == (ours.num_codebooks, ours.num_codebooks)
    assert (config.codebook_size, config.audio_channels) == (ours.codebook_size, 1)
    assert config.default_quantizers == codec_identity().default_codebooks
    assert config.fingerprint == ours.fingerprint
    assert config.network == ours.network.config
    assert HybridTokCodecConfig().network == CodecConfig(), "the defaults are the network's"


@pytest.mark.parametrize("count", [1, 319, 320, 321, 52_801])
def test_codes_and_samples_are_those_of_the_backend(loaded: Any, ours: BuiltinCodec, count: int) -> None:
    samples = noise(count)
    codes = ours.encode(samples)
    encoded = loaded.encode(batch(samples))
    assert encoded.audio_codes.dtype == torch.int64 and encoded.audio_codes_mask is None
    np.testing.assert_array_equal(encoded.audio_codes.numpy(), codes.T[None])
    decoded = loaded.decode(encoded.audio_codes).audio_values
    assert decoded.shape == (1, 1, len(codes) * 320)
    np.testing.assert_array_equal(decoded[0, 0].numpy(), ours.decode(codes))
    two = loaded.encode(batch(samples), num_quantizers=2).audio_codes
    np.testing.assert_array_equal(two.numpy(), codes.T[None, :2])
    np.testing.assert_array_equal(loaded.decode(two).audio_values[0, 0].numpy(), ours.decode(codes[:, :2]))


def test_a_new_network_is_saved_and_loaded_too(tmp_path: Path) -> None:
    torch.manual_seed(0)
    small = HybridTokCodec(HybridTokCodecConfig(encoder_width=8, decoder_width=8, head_width=8, num_codebooks=2))
    small.save_pretrained(tmp_path)
    loaded = HybridTokCodec.from_pretrained(tmp_path)
    samples = batch(noise(8_000))
    codes = small.encode(samples).audio_codes
    assert codes.shape == (1, 2, 25)
    assert torch.equal(codes, loaded.encode(samples).audio_codes)
    assert torch.equal(small.decode(codes).audio_values, loaded.decode(codes).audio_values)


@pytest.mark.parametrize("side", ["right", "left"])
def test_each_row_of_a_batch_gets_its_own_codes(loaded: Any, ours: BuiltinCodec, side: str) -> None:
    from transformers import EncodecFeatureExtractor

    rows = [noise(16_001), noise(8_000, seed=1), noise(11_111, seed=2)]
    extract = EncodecFeatureExtractor(sampling_rate=16_000, padding_side=side)
    inputs = extract(rows, sampling_rate=16_000, padding=True, return_tensors="pt")
    encoded = loaded.encode(**inputs)
    assert encoded.audio_codes.shape == (3, 4, 51) and encoded.audio_codes_mask.shape == (3, 51)
    decoded = loaded.decode(encoded.audio_codes, audio_codes_mask=encoded.audio_codes_mask).audio_values
    for k, row in enumerate(rows):
        codes = ours.encode(row)
        np.testing.assert_array_equal(encoded.audio_codes[k, :, : len(codes)].T.numpy(), codes)
        assert encoded.audio_codes_mask[k].tolist() == [1] * len(codes) + [0] * (51 - len(codes))
        assert (encoded.audio_codes[k, :, len(codes) :] == ours.codebook_size - 1).all()
        np.testing.assert_array_equal(decoded[k, 0, : len(codes) * 320].numpy(), ours.decode(codes))
        assert not decoded[k, 0, len(codes) * 320 :].any()


def test_forward_is_as_long_as_what_went_in(loaded: Any, ours: BuiltinCodec) -> None:
    samples = noise(5_000)
    output = loaded(batch(samples), num_quantizers=2)
    assert output.audio_codes.shape == (1, 2, 16)
    np.testing.assert_array_equal(output.audio_values[0, 0].numpy(), ours.decode(ours.encode(samples)[:, :2])[:5_000])
    cut = loaded.decode(output.audio_codes, padding_mask=torch.ones(1, 4_000)).audio_values
    assert torch.equal(cut, output.audio_values[..., :4_000])
    codes, values = loaded(batch(samples), num_quantizers=2, return_dict=False)
    assert torch.equal(codes, output.audio_codes) and torch.equal(values, output.audio_values)


def test_nothing_and_empty_rows(loaded: Any) -> None:
    assert loaded.encode(torch.zeros(1, 1, 0)).audio_codes.shape == (1, 4, 0)
    assert loaded.decode(torch.zeros(1, 4, 0, dtype=torch.int64)).audio_values.shape == (1, 1, 0)
    encoded = loaded.encode(torch.zeros(2, 1, 640), torch.tensor([[1] * 640, [0] * 640]))
    assert encoded.audio_codes_mask.tolist() == [[1, 1], [0, 0]]


def test_what_is_no_mono_audio_and_no_codes(loaded: Any) -> None:
    for wrong in (torch.zeros(1, 2, 320), torch.zeros(1, 320)):
        with pytest.raises(ValueError, match=r"of shape \(B, 1, N\)"):
            loaded.encode(wrong)
    for count in (0, 5):
        with pytest.raises(ValueError, match="num_quantizers must be 1 to 4"):
            loaded.encode(torch.zeros(1, 1, 320), num_quantizers=count)
    with pytest.raises(ValueError, match=r"of shape \(B, K, T\)"):
        loaded.decode(torch.zeros(4, 3, dtype=torch.int64))


def test_weights_of_16_bits_are_refused(folder: Path, loaded: Any) -> None:
    with pytest.raises(ValueError, match=r"32-bit weights, not torch\.float16"):
        HybridTokCodec.from_pretrained(folder).half().encode(torch.zeros(1, 1, 320))
    asked = HybridTokCodec.from_pretrained(folder, dtype=torch.float16)
    assert asked.dtype == torch.float32
    samples = batch(noise(16_000))
    assert torch.equal(asked.encode(samples).audio_codes, loaded.encode(samples).audio_codes)
    asked_samples = asked.decode(asked.encode(samples).audio_codes).audio_values
    assert torch.equal(asked_samples, loaded.decode(loaded.encode(samples).audio_codes).audio_values)


def test_nothing_else_of_the_codec_needs_transformers() -> None:
    others = [one for one in Path(network.__file__).parent.glob("*.py") if one.name != "hf.py"]
    assert len(others) > 5
    assert not [one.name for one in others if "transformers" in one.read_text() or "codec.hf" in one.read_text()]
