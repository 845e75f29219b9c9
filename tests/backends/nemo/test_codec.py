"""Codecs: identities without torch, blocks, and codebooks that are missing."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hybrid_tok.audio import resample
from hybrid_tok.backends.nemo.codec import NemoCodec, nemo_codec_identity
from hybrid_tok.core.interfaces import CodecIdentity
from hybrid_tok.errors import BackendError, ModelError
from hybrid_tok.testing import talk


@pytest.fixture(scope="module", params=["fsq", "rvq"])
def codec(request: pytest.FixtureRequest, tiny: Callable[[str], str]) -> NemoCodec:
    return NemoCodec(tiny(request.param))


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    return resample(talk(), 22_050).samples[:100_001]


class TestIdentity:
    @pytest.mark.parametrize(("name", "codebooks", "size"), [("fsq", 3, 100), ("rvq", 4, 32)])
    def test_is_the_codecs_own(self, tiny: Callable[[str], str], name: str, codebooks: int, size: int) -> None:
        identity = nemo_codec_identity(tiny(name))
        codec = NemoCodec(tiny(name))
        assert identity == CodecIdentity.of(codec)
        model = codec._model
        assert (identity.sample_rate, identity.hop) == (model.sample_rate, model.samples_per_frame)
        assert (identity.num_codebooks, identity.codebook_size) == (model.num_codebooks, model.codebook_size)
        assert (identity.sample_rate, identity.hop) == (22_050, 512)
        assert (identity.num_codebooks, identity.default_codebooks, identity.codebook_size) == (
            codebooks,
            codebooks,
            size,
        )

    def test_needs_neither_torch_nor_nemo(self, tiny: Callable[[str], str]) -> None:
        code = (
            "import sys; from hybrid_tok.backends.nemo.codec import nemo_codec_identity\n"
            f"print(nemo_codec_identity({tiny('fsq')!r}).hop, {{'torch', 'nemo'}} & set(sys.modules))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout == "512 set()\n"

    def test_of_what_is_no_codec(self, tiny: Callable[[str], str]) -> None:
        with pytest.raises(ModelError, match="of the kind EncDecCTCModel, and not an AudioCodecModel"):
            nemo_codec_identity(tiny("ctc"))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"output_sample_rate": 44_100}, "does not give audio at the rate it takes"),
            ({"vector_quantizer": None}, "has the quantizer none, and not one of FiniteScalarQuantizer"),
        ],
    )
    def test_of_codecs_that_fit_no_stream(self, tmp_path: Path, options: dict[str, object], message: str) -> None:
        from backends.nemo.tiny_models import fsq_codec, write
        from omegaconf import open_dict

        def make(folder: Path) -> object:
            model = fsq_codec()
            with open_dict(model.cfg):
                model.cfg.update(options)
            return model

        path = write(make, tmp_path / "x.nemo")
        for read in (nemo_codec_identity, NemoCodec):
            with pytest.raises(ModelError, match=message) as caught:
                read(str(path))
            assert "\n" not in str(caught.value)


def test_codes_follow_the_sound(codec: NemoCodec, voice: np.ndarray) -> None:
    codes = codec.encode(voice)
    assert all(len(np.unique(column)) > 5 for column in codes.T)


def test_blocks_change_nothing(codec: NemoCodec, voice: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    codes, samples = codec.encode(voice), codec.decode(codec.encode(voice))
    assert len(codes) < codec._block
    monkeypatch.setattr(codec, "_block", 37)
    np.testing.assert_array_equal(codec.encode(voice), codes)
    np.testing.assert_allclose(codec.decode(codes), samples, atol=1e-5)
    monkeypatch.setattr(codec, "_context", 0)
    assert not np.allclose(codec.decode(codes), samples, atol=1e-5)


def test_memory_is_that_of_a_block(codec: NemoCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    encode = codec._model.encode

    def watched(audio: object, audio_len: object) -> object:
        heard.append(audio.shape[1])  # type: ignore[attr-defined]
        return encode(audio=audio, audio_len=audio_len)

    monkeypatch.setattr(codec._model, "encode", watched)
    monkeypatch.setattr(codec, "_block", 50)
    codec.encode(np.zeros(400 * 512 + 1, np.float32))
    assert len(heard) == 9 and max(heard) <= (50 + 2 * codec._context) * 512


class TestPrefixes:
    def test_each_codebook_changes_the_sound(self, codec: NemoCodec, voice: np.ndarray) -> None:
        codes = codec.encode(voice)
        decoded = [codec.decode(codes[:, :width]) for width in range(1, codec.num_codebooks + 1)]
        for one, other in itertools.pairwise(decoded):
            assert np.abs(one - other).max() > 1e-6

    def test_missing_groups_are_zero(self, tiny: Callable[[str], str]) -> None:
        import torch

        codec = NemoCodec(tiny("fsq"))
        tokens = torch.tensor([[[7, 99], [3, 0], [50, 1]]])
        length = torch.tensor([2])
        whole = codec._points(tokens, length, 3)
        assert whole.shape == (1, 9, 2)
        for used in (1, 2):
            part = codec._points(tokens[:, :used], length, used)
            assert torch.equal(part[:, : 3 * used], whole[:, : 3 * used])
            assert not part[:, 3 * used :].any() and part.shape == whole.shape

    def test_missing_stages_of_a_group_add_nothing(self, tiny: Callable[[str], str]) -> None:
        import torch

        codec = NemoCodec(tiny("rvq"))
        tokens = torch.tensor([[[7, 9], [3, 0], [5, 1], [2, 2]]])
        length = torch.tensor([2])
        whole = codec._points(tokens, length, 4)
        three = codec._points(tokens[:, :3], length, 3)
        assert torch.equal(three[:, :4], whole[:, :4]) and three.shape == whole.shape == (1, 8, 2)
        first = codec._model.vector_quantizer.rvqs[1].decode(indices=tokens[:, 2:3].transpose(0, 1), input_len=length)
        assert torch.equal(three[:, 4:], first)


def test_nemos_errors_are_one_line(codec: NemoCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("out of memory\nand more")

    monkeypatch.setattr(codec._model, "encode", fail)
    with pytest.raises(BackendError, match=r"^the codec of NeMo failed: out of memory$"):
        codec.encode(np.zeros(1_000, np.float32))
