"""Codecs of transformers as unit codecs, tiny and with random weights."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends.hf.tiny_codecs import CODECS, write_tiny_codec
from numpy.typing import NDArray

from hybrid_tok.backends.hf import codec_identity
from hybrid_tok.backends.hf.codec_identity import hf_codec_identity
from hybrid_tok.backends.hf.codecs import DacCodec, EncodecCodec, HfCodec, MimiCodec, Xcodec2Codec, XcodecCodec
from hybrid_tok.errors import ModelError
from hybrid_tok.testing import Check, checks_of

CLASSES: dict[str, type[HfCodec]] = {
    one.name: one for one in (EncodecCodec, DacCodec, MimiCodec, XcodecCodec, Xcodec2Codec)
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: write_tiny_codec(tmp_path_factory.mktemp(name), name) for name in CODECS}


@pytest.fixture(scope="module")
def loaded(folders: dict[str, Path]) -> dict[str, HfCodec]:
    return {name: CLASSES[name](str(folders[name])) for name in CODECS}


@pytest.fixture(params=CODECS)
def codec(request: pytest.FixtureRequest, loaded: dict[str, HfCodec]) -> HfCodec:
    return loaded[request.param]


@pytest.mark.parametrize("check", checks_of("codec"), ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Check, codec: HfCodec) -> None:
    check(codec)


def noise(count: int, seed: int = 0) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


def test_lengths_are_exact(codec: HfCodec) -> None:
    for count in (0, 1, codec.hop - 1, codec.hop, codec.hop + 1, int(3.3 * codec.sample_rate)):
        codes = codec.encode(noise(count))
        assert codes.dtype == np.int64 and codes.shape == (-(-count // codec.hop), codec.num_codebooks)
        assert not codes.size or (codes.min() >= 0 and codes.max() < codec.codebook_size)
        samples = codec.decode(codes)
        assert samples.dtype == np.float32 and samples.shape == (len(codes) * codec.hop,)
        assert np.isfinite(samples).all()
    assert len(np.unique(codes, axis=0)) > 20 and samples.std() > 1e-3, "the tiny model tells frames apart"


def test_identity_without_loading_is_that_of_the_codec(codec: HfCodec, folders: dict[str, Path]) -> None:
    """Its sizes are told by the configuration; here by the network itself."""
    identity = hf_codec_identity(codec.name, str(folders[codec.name]))
    assert identity == codec.identity
    assert identity == getattr(codec_identity, f"{codec.name}_identity")(str(folders[codec.name]))
    assert (identity.name, identity.fingerprint) == (codec.name, codec.fingerprint)
    config = codec.network.config
    assert identity.sample_rate == getattr(config, "sampling_rate", None) or config.sample_rate
    if hasattr(config, "hop_length"):
        assert identity.hop == config.hop_length
    assert identity.sample_rate / identity.hop == getattr(config, "frame_rate", 50)
    quantizers = {"dac": "n_codebooks", "xcodec2": None}.get(codec.name, "num_quantizers")
    assert identity.num_codebooks == (getattr(config, quantizers) if quantizers else 1)
    size = int(np.prod(config.quantization_levels)) if codec.name == "xcodec2" else config.codebook_size
    assert identity.codebook_size == size
    assert 1 <= identity.default_codebooks <= identity.num_codebooks


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("encodec", (24_000, 320, 32, 8, 1024)),
        ("dac", (16_000, 512, 9, 9, 1024)),
        ("mimi", (24_000, 1920, 32, 8, 2048)),
        ("xcodec", (16_000, 320, 8, 8, 1024)),
        ("xcodec2", (16_000, 320, 1, 1, 65_536)),
    ],
)
def test_what_a_configuration_leaves_out_is_the_default_of_the_library(
    name: str, expected: tuple[int, ...], tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": name}))
    one = hf_codec_identity(name, str(tmp_path))
    found = (one.sample_rate, one.hop, one.num_codebooks, one.default_codebooks, one.codebook_size)
    assert found == expected
    import transformers

    config: Any = transformers.AutoConfig.from_pretrained(tmp_path)
    if name in ("encodec", "dac", "xcodec", "xcodec2"):
        assert one.hop == config.hop_length
    if name in ("encodec", "mimi", "xcodec"):
        assert one.num_codebooks == config.num_quantizers
    if name == "mimi":
        assert one.sample_rate / one.hop == config.frame_rate


def test_identities_load_neither_torch_nor_transformers(folders: dict[str, Path]) -> None:
    code = (
        "import sys; from hybrid_tok.backends.hf.codec_identity import mimi_identity; "
        f"print(mimi_identity({str(folders['mimi'])!r}).hop, {{'torch', 'transformers'}} & set(sys.modules))"
    )
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert output.stdout.strip() == "1920 set()" and not output.stderr


def test_same_codes_whatever_came_before(codec: HfCodec, folders: dict[str, Path]) -> None:
    samples = noise(codec.sample_rate)
    first = codec.encode(samples)
    again = CLASSES[codec.name](str(folders[codec.name]))
    again.decode(again.encode(noise(7 * codec.hop + 3, seed=5))[:, :1])
    np.testing.assert_array_equal(first, again.encode(samples))
    np.testing.assert_array_equal(codec.decode(first), again.decode(first))
    assert again.fingerprint == codec.fingerprint


def test_codes_are_those_of_the_library(loaded: dict[str, HfCodec]) -> None:
    """Where a recording is of whole frames; of X-Codec 2, the library's features need torchaudio."""
    import torch

    for name, encode in _LIBRARY.items():
        codec = loaded[name]
        samples = noise(25 * codec.hop)
        with torch.inference_mode():
            expected = encode(codec.network, torch.from_numpy(samples)[None, None])
        np.testing.assert_array_equal(codec.encode(samples), expected.T.numpy())


_LIBRARY: dict[str, Callable[[Any, Any], Any]] = {
    "encodec": lambda network, samples: network.encode(samples, None, 24.0).audio_codes[0, 0],
    "dac": lambda network, samples: network(samples).audio_codes[0],
    "mimi": lambda network, samples: network(samples).audio_codes[0],
    "xcodec": lambda network, samples: network(samples).audio_codes[0],
}


def test_any_prefix_of_the_codebooks_decodes(codec: HfCodec) -> None:
    codes = codec.encode(noise(codec.sample_rate))
    counts = sorted({1, min(2, codec.num_codebooks), codec.num_codebooks})
    decoded = [codec.decode(codes[:, :count]) for count in counts]
    assert all(one.shape == (len(codes) * codec.hop,) for one in decoded)
    assert all(not np.array_equal(a, b) for a, b in itertools.pairwise(decoded))


def test_the_tail_is_as_if_silence_followed(codec: HfCodec) -> None:
    samples = noise(4 * codec.hop + 7)
    padded = np.pad(samples, (0, codec.hop - 7))
    np.testing.assert_array_equal(codec.encode(samples), codec.encode(padded))


class TestBlocks:
    """With blocks of one second; what is seen around them is as it is, if not said otherwise."""

    @pytest.fixture(autouse=True)
    def short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for one in CLASSES.values():
            monkeypatch.setattr(one, "block", 1.0)

    def test_frames_are_in_one_block_each(self, codec: HfCodec) -> None:
        per_second = codec.sample_rate / codec.hop
        for frames in (0, 1, round(per_second) + 1, 1000):
            blocks = list(codec._blocks(frames))
            assert [k for start, end, _, _ in blocks for k in range(start, end)] == list(range(frames))
            for start, end, first, last in blocks:
                assert start - first == min(start, round(codec.before * per_second))
                assert last - end == min(frames - end, round(codec.after * per_second))

    def test_blocks_change_nothing_where_the_network_sees_no_farther(
        self, loaded: dict[str, HfCodec], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("encodec", "dac", "mimi"):
            codec = loaded[name]
            samples = noise(int(3.3 * codec.sample_rate))
            codes = codec.encode(samples)
            decoded = codec.decode(codes)
            monkeypatch.setattr(type(codec), "block", 60.0)
            np.testing.assert_array_equal(codes, codec.encode(samples))
            np.testing.assert_allclose(decoded, codec.decode(codes), atol=2e-6 * np.abs(decoded).max())

    def test_a_block_sees_its_context_and_no_more(self, codec: HfCodec, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(codec), "before", 0.4)
        monkeypatch.setattr(type(codec), "after", 0.4)
        samples = noise(2 * codec.sample_rate)
        block = round(codec.sample_rate / codec.hop)
        edge = block + round(0.4 * codec.sample_rate / codec.hop)
        other = np.concatenate([samples[: edge * codec.hop], noise(len(samples) - edge * codec.hop, seed=1)])
        one, two = codec.encode(samples), codec.encode(other)
        np.testing.assert_array_equal(one[:block], two[:block])
        assert not np.array_equal(one[block:], two[block:])
        np.testing.assert_array_equal(one, codec.encode(samples))
        two = np.concatenate([one[:edge], two[:1].repeat(len(one) - edge, 0)])
        spoken = [codec.decode(codes)[: (block + 1) * codec.hop] for codes in (one, two)]
        np.testing.assert_array_equal(*(each[: -codec.hop] for each in spoken))


class _Code:
    """What writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


class TestErrors:
    def test_a_model_that_is_not_there(self, codec: HfCodec) -> None:
        for model in ("/nowhere/at/all", "nobody/has-this", ""):
            with pytest.raises(ModelError, match="a codec of transformers"):
                CLASSES[codec.name](model)

    def test_another_type(self, folders: dict[str, Path]) -> None:
        with pytest.raises(ModelError, match=r"^codec mimi: .* is of type dac: choose the codec dac$"):
            MimiCodec(str(folders["dac"]))

    def test_no_codec(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text('{"model_type": "bert"}')
        with pytest.raises(ModelError, match="is of type bert, and must be of type dac"):
            DacCodec(str(tmp_path))
        (tmp_path / "config.json").unlink()
        with pytest.raises(ModelError, match=r"has no config\.json"):
            DacCodec(str(tmp_path))

    @pytest.mark.parametrize(
        "text",
        [
            "{",
            "[]",
            '{"model_type": "dac", "downsampling_ratios": 3}',
            '{"model_type": "dac", "n_codebooks": "many"}',
            '{"model_type": "dac", "codebook_size": 0}',
        ],
    )
    def test_a_damaged_configuration(self, text: str, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(ModelError, match="is damaged") as raised:
            hf_codec_identity("dac", str(tmp_path))
        assert "\n" not in str(raised.value) and str(tmp_path) in str(raised.value)

    def test_damaged_weights(self, folders: dict[str, Path], tmp_path: Path) -> None:
        shutil.copytree(folders["dac"], tmp_path / "dac")
        weights = tmp_path / "dac" / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1000])
        with pytest.raises(ModelError, match="cannot be loaded") as raised:
            DacCodec(str(tmp_path / "dac"))
        assert "\n" not in str(raised.value)
        weights.unlink()
        with pytest.raises(ModelError, match="cannot be loaded"):
            DacCodec(str(tmp_path / "dac"))

    def test_missing_weights_are_not_made_up(self, folders: dict[str, Path], tmp_path: Path) -> None:
        from safetensors.numpy import load_file, save_file

        shutil.copytree(folders["dac"], tmp_path / "dac")
        weights = tmp_path / "dac" / "model.safetensors"
        tensors = load_file(weights)
        del tensors["decoder.conv1.weight"]
        save_file(tensors, weights, {"format": "pt"})
        with pytest.raises(ModelError, match=r"lacks 1 of its weights, such as decoder\.conv1\.weight"):
            DacCodec(str(tmp_path / "dac"))

    def test_older_weights_are_read_without_running_code(self, folders: dict[str, Path], tmp_path: Path) -> None:
        import torch
        from safetensors.torch import load_file

        shutil.copytree(folders["dac"], tmp_path / "dac")
        weights = tmp_path / "dac" / "model.safetensors"
        torch.save(load_file(weights), tmp_path / "dac" / "pytorch_model.bin")
        weights.unlink()
        samples = noise(8_000)
        expected = DacCodec(str(folders["dac"])).encode(samples)
        np.testing.assert_array_equal(DacCodec(str(tmp_path / "dac")).encode(samples), expected)
        torch.save({"x": _Code(tmp_path / "ran")}, tmp_path / "dac" / "pytorch_model.bin")
        with pytest.raises(ModelError, match="cannot be loaded"):
            DacCodec(str(tmp_path / "dac"))
        assert not (tmp_path / "ran").exists()
        torch.load(tmp_path / "dac" / "pytorch_model.bin", weights_only=False)
        assert (tmp_path / "ran").exists(), "the file would have run code"

    @pytest.mark.parametrize("change", [{"audio_channels": 2}, {"normalize": True}, {"chunk_length_s": 1.0}])
    def test_encodec_in_stereo_or_chunks(self, change: dict[str, Any], tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(json.dumps({"model_type": "encodec", **change}))
        with pytest.raises(ModelError, match="give the model of 24 kHz"):
            EncodecCodec(str(tmp_path))


def test_the_device_reaches_every_parameter(codec: HfCodec, folders: dict[str, Path]) -> None:
    network = CLASSES[codec.name](str(folders[codec.name]), device="meta").network
    assert {one.device.type for one in (*network.parameters(), *network.buffers())} == {"meta"}


def test_fingerprints_follow_the_weights(folders: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(folders["dac"], tmp_path / "same")
    other = write_tiny_codec(tmp_path / "other", "dac", seed=1)
    here, same, another = (
        hf_codec_identity("dac", str(one)).fingerprint for one in (folders["dac"], tmp_path / "same", other)
    )
    assert here == same != another and here.startswith("dac:") and len(here) == 20
