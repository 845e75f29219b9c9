"""A smoke run of the speaker recipe: it decodes, learns from pairs of scenes, exports, and what it exports loads."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from hybrid_tok.diarizer.network import SpeakerConfig, SpeakerNetwork
from hybrid_tok.diarizer.speaker_encoder import SpeakerEncoder
from hybrid_tok.errors import OptionsError
from hybrid_tok.train.speaker.crops import CropMaker
from hybrid_tok.train.speaker.data import load_material
from hybrid_tok.train.speaker.recipe import TrainSpeakerOptions, crossing, train
from hybrid_tok.train.speaker.scenes import IGNORED, SceneMaker

TINY = SpeakerConfig(width=8, voice_dilations=(1,), scene_dilations=(2,), hidden=8, heads=2, embedding=6)


def buzz(pitch: float, seconds: float = 3.0) -> np.ndarray:
    time = np.arange(int(seconds * 16_000)) / 16_000
    return (0.2 * np.sign(np.sin(2 * np.pi * pitch * time)) * np.abs(np.sin(2 * np.pi * 2 * time))).astype(np.float32)


@pytest.fixture
def options(tmp_path: Path) -> TrainSpeakerOptions:
    data = tmp_path / "data"
    data.mkdir()
    lines = []
    for k in range(4):
        soundfile.write(data / f"{k}.wav", buzz(100 + 30 * k), 16_000)
        lines.append({"audio": f"{k}.wav", "source": "librispeech", "speaker": str(k)})
    soundfile.write(data / "rain.wav", np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32), 16_000)
    soundfile.write(data / "cry.wav", buzz(400, 1.0), 16_000)
    lines += [{"audio": f"{name}.wav", "source": "esc10", "label": name} for name in ("rain", "cry")]
    (data / "manifest.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    return TrainSpeakerOptions(data=data, out=tmp_path / "out", steps=3, scene_every=2, batch=4, hold_out=1, model=TINY)


def test_recipe_end_to_end(options: TrainSpeakerOptions, tmp_path: Path) -> None:
    weights = train(options)
    encoder = SpeakerEncoder(weights)
    voice = encoder.embed(buzz(150))
    assert voice.shape == (6,) and np.linalg.norm(voice) == pytest.approx(float(voice.any()), abs=1e-5)
    again = train(dataclasses.replace(options, out=tmp_path / "again"))
    other = train(dataclasses.replace(options, out=tmp_path / "other", seed=1))
    assert weights.read_bytes() == again.read_bytes() != other.read_bytes()


def test_material_is_sorted(options: TrainSpeakerOptions) -> None:
    material = load_material(options.data, options.out / "cache", hold_out=1)
    assert material.num_speakers == 3 * 3 and len(material.held_out) == 1  # three speeds of three speakers
    assert len(material.vocal) == len(material.noise) == 1
    assert material.talking.shape == (len(material.spectra),)


def test_scenes_say_what_is_in_them(options: TrainSpeakerOptions) -> None:
    maker = SceneMaker(load_material(options.data, options.out / "cache"), frames=50)
    known = 0
    for seed in range(20):
        first, second = maker.draw_pair(np.random.default_rng(seed))
        assert np.isfinite(first.mel).all() and first.mel.shape == (200, 64)
        for scene in (first, second):
            for mask, speaker in zip(scene.masks, scene.speakers, strict=True):
                assert (mask.sum() > 0) == (speaker != IGNORED)
                assert (scene.activity[mask > 0] == 2).all()
        known += int(((first.speakers != IGNORED) & (second.speakers != IGNORED)).sum())
        agree = (first.speakers == second.speakers) | (first.speakers == IGNORED) | (second.speakers == IGNORED)
        assert agree.all()
    assert known > 0


def test_crops_come_in_pairs_of_one_person_over_two_channels(options: TrainSpeakerOptions) -> None:
    material = load_material(options.data, options.out / "cache")
    maker = CropMaker(material, people=6, seconds=(0.8, 1.2))
    crops, again, other = (maker.draw(np.random.default_rng(seed)) for seed in (0, 0, 1))
    count = len(crops.speakers)
    assert 2 <= count <= 12 and crops.mel.shape[0] == crops.masks.shape[0] == count
    assert crops.mel.shape[1] == 4 * crops.masks.shape[1] and crops.mel.shape[2] == 64
    assert np.isfinite(crops.mel).all() and (crops.masks.sum(1) > 0).all()
    assert (crops.speakers[0::2] == crops.speakers[1::2]).all() and len(set(crops.speakers[0::2])) == count // 2
    assert np.abs(crops.mel[0::2] - crops.mel[1::2]).mean() > 0.1
    assert (crops.mel == again.mel).all()
    assert crops.mel.shape != other.mel.shape or (crops.mel != other.mel).any()


def test_the_network_hears_no_level() -> None:
    torch.manual_seed(0)
    network = SpeakerNetwork(TINY).eval()
    mel = torch.randn(1, 200, 64)
    with torch.inference_mode():
        for loud, quiet in zip(network(mel), network(mel - 5.0), strict=True):
            assert torch.allclose(loud, quiet, atol=1e-3)


def test_equal_error_rate() -> None:
    scores = np.array([0.9, 0.8, 0.2, 0.1])
    assert crossing(scores, np.array([True, True, False, False])) == 0.0
    assert crossing(scores, np.array([False, False, True, True])) == 1.0
    assert crossing(scores, np.array([True, False, True, False])) == pytest.approx(0.5)


def test_what_is_wrong_is_said(options: TrainSpeakerOptions, tmp_path: Path) -> None:
    for wrong in ({"minutes": 0}, {"steps": 0}, {"batch": 3}, {"batch": 2}):
        with pytest.raises(OptionsError):
            dataclasses.replace(options, **wrong)
    with pytest.raises(OptionsError, match=r"manifest\.jsonl: no such file"):
        load_material(tmp_path / "nowhere", tmp_path / "cache")
