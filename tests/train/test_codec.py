"""A smoke run of the recipe: it learns, resumes, evaluates, exports, and what it exports loads."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hybrid_tok.codec.backend import BuiltinCodec
from hybrid_tok.codec.network import CodecConfig
from hybrid_tok.errors import AudioError, OptionsError, WeightsError
from hybrid_tok.train.codec.recipe import train
from hybrid_tok.train.codec.trainer import TrainCodecOptions, load_checkpoint
from hybrid_tok.train.data import load_clips

TINY = CodecConfig(
    pitch_places=4,
    voiced_levels=(4,),
    unvoiced_levels=(4,),
    levels=(4, 4),
    codebook_size=16,
    encoder_width=16,
    encoder_blocks=1,
    decoder_width=16,
    decoder_blocks=1,
    head_width=16,
    head_blocks=1,
)


def write_data(folder: Path, source: str, count: int) -> None:
    folder.mkdir(parents=True)
    lines = []
    for k in range(count):
        time = np.arange(16_000 + 1_000 * k) / 16_000
        wave = 0.2 * np.sign(np.sin(2 * np.pi * (110 + 20 * k) * time)) * np.sin(2 * np.pi * 3 * time) ** 2
        soundfile.write(folder / f"{k}.wav", wave.astype(np.float32), 16_000)
        lines.append(json.dumps({"audio": f"{k}.wav", "source": source, "seconds": len(time) / 16_000}))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture
def options(tmp_path: Path) -> TrainCodecOptions:
    write_data(tmp_path / "data", "librispeech", 4)
    return TrainCodecOptions(
        data=tmp_path / "data", out=tmp_path / "out", steps=4, batch=2, frames=50, model=TINY, minutes=5, hearing=0
    )


def losses(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_recipe_end_to_end(options: TrainCodecOptions, tmp_path: Path) -> None:
    pytest.importorskip("pesq")
    pytest.importorskip("pystoi")
    write_data(tmp_path / "dev", "librispeech", 1)
    options = dataclasses.replace(options, dev=tmp_path / "dev", hearing=3.0)
    weights = train(options)
    (line,) = losses(options.out)
    assert line["step"] == 4 and set(line["dev"]) == {"1", "2", "4"}  # type: ignore[call-overload]
    codec = BuiltinCodec(weights)
    codes = codec.encode(np.zeros(1_000, np.float32))
    assert codes.shape == (4, 4) and codec.decode(codes).shape == (1_280,)

    # Resumed with a larger budget it goes on where it stopped.
    train(dataclasses.replace(options, steps=6))
    assert losses(options.out)[-1]["step"] == 6
    with pytest.raises(OptionsError, match="another model configuration"):
        train(dataclasses.replace(options, model=dataclasses.replace(TINY, encoder_blocks=2)))
    (options.out / "latest.safetensors").write_bytes(b"nonsense")
    with pytest.raises(WeightsError, match="is not a checkpoint"):
        train(options)


def test_one_seed_gives_the_same_weights(options: TrainCodecOptions, tmp_path: Path) -> None:
    first = train(dataclasses.replace(options, steps=2)).read_bytes()
    again = train(dataclasses.replace(options, steps=2, out=tmp_path / "again")).read_bytes()
    other = train(dataclasses.replace(options, steps=2, out=tmp_path / "other", seed=1)).read_bytes()
    assert first == again != other


def test_slices_train_the_weights_that_one_call_does(options: TrainCodecOptions, tmp_path: Path) -> None:
    whole = train(options).read_bytes()
    sliced = dataclasses.replace(options, slice_minutes=1e-6, out=tmp_path / "sliced")
    steps = []
    while not steps or steps[-1] < options.steps:
        weights = train(sliced)
        steps.append(int(load_checkpoint(sliced.out / "latest.safetensors")[1]["step"]))
    assert steps == sorted(set(steps)) and len(steps) > 1
    assert weights.read_bytes() == whole


def test_data_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match=r"manifest\.jsonl: no such file"):
        load_clips(tmp_path, tmp_path / "cache")
    (tmp_path / "manifest.jsonl").write_text('{"audio": "gone.wav", "source": "x"}\n')
    with pytest.raises(AudioError, match=r"gone\.wav: no such file"):
        load_clips(tmp_path, tmp_path / "cache")


def test_options_are_checked(tmp_path: Path) -> None:
    good = TrainCodecOptions(data=tmp_path, out=tmp_path)
    for wrong in (
        {"minutes": 0},
        {"steps": 0},
        {"slice_minutes": 0},
        {"frames": 10},
        {"workers": 3},
        {"prefix_shares": (1.0,)},
    ):
        with pytest.raises(OptionsError):
            dataclasses.replace(good, **wrong)
