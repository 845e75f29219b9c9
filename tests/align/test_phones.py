"""The phone network: what it is told, in which blocks, and on real speech."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hybrid_tok.align.phones import MEAN_REACH, PHONE_WEIGHTS, PHONES, SILENCE, PhoneModel, subtract_mean
from hybrid_tok.audio import read_mono
from hybrid_tok.errors import WeightsError
from real_audio import recording


@pytest.fixture(scope="module")
def model() -> PhoneModel:
    return PhoneModel()


def test_the_mean_is_that_of_the_frames_around() -> None:
    mel = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    centred = subtract_mean(mel)
    for t in (0, 10, 200, 399):
        around = mel[max(0, t - MEAN_REACH) : t + MEAN_REACH + 1]
        assert centred[t] == pytest.approx(mel[t] - around.mean(0), abs=1e-5)
    assert subtract_mean(mel + 7.0) == pytest.approx(centred, abs=1e-4)  # loudness and microphone are gone
    assert len(subtract_mean(mel[:0])) == 0


@pytest.mark.parametrize("count", [0, 1, 159, 160, 161, 4_000, 16_000 * 3 + 7])
def test_a_posterior_for_every_10_ms(model: PhoneModel, count: int) -> None:
    samples = (0.1 * np.random.default_rng(1).standard_normal(count)).astype(np.float32)
    posteriors = model.log_posteriors(samples)
    assert posteriors.shape == (-(-count // 160), len(PHONES))
    assert np.exp(posteriors).sum(1) == pytest.approx(np.ones(len(posteriors)), abs=1e-4)


def test_blocks_change_nothing_but_rounding(model: PhoneModel) -> None:
    samples = (0.1 * np.random.default_rng(2).standard_normal(16_000 * 5 + 333)).astype(np.float32)
    whole = model.log_posteriors(samples)
    for block in (16, 50, 133):
        assert model.log_posteriors(samples, block) == pytest.approx(whole, abs=2e-3)


def test_loudness_changes_little(model: PhoneModel) -> None:
    path = recording("dev/manifest.jsonl").parent
    clip = next(json.loads(line) for line in (path / "manifest.jsonl").read_text("utf-8").splitlines())
    samples = read_mono(path / clip["audio"], 16_000)[0].samples
    loud, quiet = model.log_posteriors(samples), model.log_posteriors(samples / 4)
    assert np.mean(loud.argmax(1) == quiet.argmax(1)) > 0.95


def test_hears_silence_and_speech(model: PhoneModel) -> None:
    manifest = recording("dev/manifest.jsonl")
    lines = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    clip = next(line for line in lines if line["source"] == "ljspeech")
    speech = model.log_posteriors(read_mono(manifest.parent / clip["audio"], 16_000)[0].samples)
    assert np.mean(speech.argmax(1) != SILENCE) > 0.6
    hiss = (1e-3 * np.random.default_rng(3).standard_normal(32_000)).astype(np.float32)
    assert np.mean(model.log_posteriors(hiss).argmax(1) == SILENCE) > 0.9


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "phones.safetensors"
    with pytest.raises(WeightsError, match="cannot be read"):
        PhoneModel(weights)
    weights.write_bytes(PHONE_WEIGHTS.read_bytes()[:-1])
    weights.with_suffix(".json").write_bytes(PHONE_WEIGHTS.with_suffix(".json").read_bytes())
    with pytest.raises(WeightsError, match="SHA-256"):
        PhoneModel(weights)
    weights.write_bytes(PHONE_WEIGHTS.read_bytes())
    about = json.loads(PHONE_WEIGHTS.with_suffix(".json").read_text("utf-8"))
    del about["dilations"]
    weights.with_suffix(".json").write_text(json.dumps(about), "utf-8")
    with pytest.raises(WeightsError, match="no phone network"):
        PhoneModel(weights)
