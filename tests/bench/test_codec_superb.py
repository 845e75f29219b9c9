"""The tokenizer inside Codec-SUPERB's harness: a small stand-in has its interface, as its scripts use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hybrid_tok import HybridTokenizer
from hybrid_tok.bench import codec_superb
from hybrid_tok.bench.codec_superb import SETTINGS, add_codecs, codec_class, recording_of
from hybrid_tok.errors import BackendError, OptionsError

GENERAL = """
from abc import ABC, abstractmethod
from dataclasses import dataclass

@dataclass
class ExtractedUnit:
    unit: object
    stuff_for_synth: object

@dataclass
class BatchExtractedUnit:
    units: list
    stuff_for_synth: list
    batch_size: int

class BaseCodec(ABC):
    def __init__(self):
        self.sampling_rate = self.setting = None
        self.config()

    @abstractmethod
    def config(self): ...

    @abstractmethod
    def extract_unit(self, data): ...

    @abstractmethod
    def decode_unit(self, stuff): ...

    def synth(self, data):
        return self.decode_unit(self.extract_unit(data).stuff_for_synth)
"""
LOADING = """
def load_codec(name):
    return __import__(f"SoundCodec.codec.{name}", fromlist=[name]).Codec()
"""
SCRIPT = """
import sys
import numpy as np
import soundfile
from SoundCodec.codec import load_codec

if __name__ == "__main__":
    assert sys.argv[1] == "--models", sys.argv
    samples, rate = soundfile.read("in.wav")
    for name in sys.argv[2:]:
        codec = load_codec(name)
        entry = {"id": "0", "audio": {"array": samples, "sampling_rate": rate}}
        unit = codec.extract_unit(entry).unit
        rows = codec.batch_decode_unit(codec.batch_extract_unit([entry, entry]))
        one = codec.synth(entry)
        assert all((one == row).all() for row in rows)
        print(codec.setting, codec.supports_decode, unit.ndim, len(unit))
        soundfile.write(f"{name}.wav", one, codec.sampling_rate)
        for quiet in (np.zeros(16000), 0.1 * np.random.default_rng(0).standard_normal(16000)):
            assert len(codec.synth({"audio": {"array": quiet, "sampling_rate": 16000}})) == 16000
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in {
        "SoundCodec/__init__.py": "",
        "SoundCodec/base_codec/__init__.py": "",
        "SoundCodec/base_codec/general.py": GENERAL,
        "SoundCodec/codec/__init__.py": LOADING,
        "scripts/benchmarking.py": SCRIPT,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


def test_the_harness_runs_our_codecs(checkout: Path) -> None:
    hum = 0.1 * np.sin(2 * np.pi * 150 * np.arange(20_000) / 16_000)
    soundfile.write(checkout / "in.wav", hum, 16_000)
    command = [sys.executable, "-m", "hybrid_tok.bench.codec_superb", "scripts/benchmarking.py", "--models"]
    names = ["hybrid_tok_units_1", "hybrid_tok_units_2"]
    result = subprocess.run([*command, *names], capture_output=True, text=True, cwd=checkout)
    assert result.returncode == 0, result.stderr
    with HybridTokenizer.from_preset(**SETTINGS[names[1]]) as tokenizer:
        ids = tokenizer.encode(checkout / "in.wav")
        decoded = tokenizer.decode(ids).samples
    assert result.stdout.splitlines()[1] == f"{names[1]} True 1 {len(ids)}"
    written, _ = soundfile.read(checkout / f"{names[1]}.wav", dtype="float32")
    assert written == pytest.approx(decoded, abs=1e-4)
    assert soundfile.info(checkout / f"{names[0]}.wav").frames == 20_000


def test_a_recording_is_mixed_to_one_channel() -> None:
    two = np.stack([np.full(100, 0.2), np.full(100, 0.4)], axis=1)
    audio = recording_of({"audio": {"array": two, "sampling_rate": 8000}})
    assert audio.samples == pytest.approx(np.full(100, 0.3)) and audio.sample_rate == 8000


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionsError, match="no codec is called 'opus'; there are: hybrid_tok, "):
        codec_class("opus")
    with pytest.raises(BackendError, match="SoundCodec cannot be imported: run this in a checkout of Codec-SUPERB"):
        _ = codec_superb.Codec
    with pytest.raises(SystemExit, match=r"usage: python -m hybrid_tok\.bench\.codec_superb"):
        codec_superb.main([str(tmp_path / "absent.py")])
    with pytest.raises(AttributeError, match="has no attribute 'Decoder'"):
        _ = codec_superb.Decoder
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    add_codecs()
    with pytest.raises(AttributeError, match=r"'SoundCodec.codec.hybrid_tok' has no attribute 'Other'"):
        _ = sys.modules["SoundCodec.codec.hybrid_tok"].Other
