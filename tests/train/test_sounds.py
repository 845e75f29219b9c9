"""The recipe of the bank of sounds, on a few clips."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fakes import FakeCodec
from hybrid_tok.errors import OptionsError
from hybrid_tok.sounds.bank import load_bank
from hybrid_tok.train.sounds.recipe import TrainSoundsOptions, train


def write_data(folder: Path) -> None:
    """Twenty speakers who hum, hisses, and three of each recorded sound: bursts of noise of 0.6 s in silence. The
    first of each is in noise."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    lines = []

    def write(name: str, samples: np.ndarray, **about: str) -> None:
        soundfile.write(folder / name, samples, 16_000)
        lines.append(json.dumps({"audio": name, **about}))

    time = np.arange(48_000) / 16_000
    for speaker in range(20):
        hum = sum(np.sin(2 * np.pi * (100 + 8 * speaker) * k * time) / k for k in range(1, 20))
        write(
            f"s{speaker}.wav",
            0.1 * hum * (np.sin(2 * np.pi * 1.5 * time) > -0.5),
            source="speech",
            speaker=f"s{speaker}",
        )
        write(f"rain{speaker}.wav", 0.05 * rng.standard_normal(16_000), source="noises", label="rain")
    for label in ("cough", "sneeze", "cry"):
        for number in range(3):
            samples = 1e-4 * rng.standard_normal(32_000)
            samples[8_000:17_600] += 0.2 * rng.standard_normal(9_600) * np.hanning(9_600)
            if number == 0:
                samples += 0.02 * rng.standard_normal(32_000)
            write(f"{label}{number}.wav", samples, source="sounds", label=label, licence="CC0")
    (folder / "manifest.jsonl").write_text("\n".join(lines))


def test_recipe_end_to_end(tmp_path: Path) -> None:
    write_data(tmp_path / "data")
    options = TrainSoundsOptions(
        tmp_path / "data", tmp_path / "out", ("laugh", "cough", "sniff"), examples=2, candidates=4
    )
    path = train(options, FakeCodec())
    bank = load_bank(path)
    assert bank.codec == "fake-codec-1" and list(bank.sounds) == ["laugh", "cough", "sniff"]
    assert {sound.source for sound in bank.sounds["cough"]} == {"cough1.wav, CC0", "cough2.wav, CC0"}
    assert all(sound.source is None for sound in bank.sounds["laugh"])
    for sounds in bank.sounds.values():
        assert len(sounds) == 2
        assert all(20 <= len(sound.units) <= 100 and len(sound.units[0]) == 4 for sound in sounds)
    first = path.read_bytes()
    assert train(options, FakeCodec()).read_bytes() == first
    assert train(dataclasses.replace(options, seed=1), FakeCodec()).read_bytes() != first
    with pytest.raises(OptionsError, match="'cough' are too few for 3 sounds"):
        train(dataclasses.replace(options, labels=("cough",), examples=3), FakeCodec())


def test_wrong_options(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="examples must be 1 to 150"):
        TrainSoundsOptions(tmp_path, tmp_path, examples=0)
