"""`--set`, `--preset`, `--device` and `preset`: what is chosen arrives, and what cannot be is refused in a line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import run

from hybrid_tok.cli.options import ENCODING, LISTENING, read_backends
from hybrid_tok.core.interfaces import STAGES
from hybrid_tok.errors import OptionsError
from hybrid_tok.registry import BACKENDS
from hybrid_tok.tokens.container import read_file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def test_each_command_sets_the_stages_it_has() -> None:
    assert set(ENCODING) & set(STAGES) == set(STAGES) - {"synthesizer"}
    assert set(LISTENING) & set(STAGES) == set(STAGES) - {"synthesizer", "codec"}
    assert read_backends(["voice-activity=silero", "codec=mimi:./a=b:c"]) == {
        "voice_activity": "silero",
        "codec": "mimi:./a=b:c",
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["mimi"], "--set takes STAGE=BACKEND or STAGE=BACKEND:MODEL"),
        (["codec="], "--set takes STAGE=BACKEND or STAGE=BACKEND:MODEL"),
        (["voice=x"], "the stages that can be set here are voice_activity, recognizer"),
        (["codec=mimi", "codec=dac"], "--set codec=.. was given twice"),
    ],
)
def test_what_is_no_choice_is_refused(given: list[str], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        read_backends(given)


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    path = tmp_path / "tone.wav"
    soundfile.write(path, np.sin(np.arange(16_000) / 9).astype(np.float32) / 4, 16_000)
    return path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("encode", "tone.wav", "--set", "codec=none"), "no codec is called 'none'; there are: builtin"),
        (("encode", "tone.wav", "--set", "synthesizer=espeak"), "the stages that can be set here are"),
        (("encode", "tone.wav", "--set", "recognizer=whisper:small"), "its model is the option model (--model)"),
        (("encode", "tone.wav", "--set", "codec=mimi:./nowhere"), "there is no file or folder ./nowhere"),
        (("encode", "tone.wav", "--device", "tpu"), "device must be cpu, cuda or cuda:N, not 'tpu'"),
        (("encode", "tone.wav", "--preset", "none"), "no preset is called 'none'; there are: conversation, default"),
        (("encode", "tone.wav", "--preset", "none.toml"), "none.toml cannot be read"),
        (("preset", "--set", "codec=mimi:./nowhere"), "there is no file or folder ./nowhere"),
    ],
)
def test_errors_are_one_line(tone: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments, cwd=tone.parent)
    told = done.stderr.decode()
    assert (done.returncode, told.count("\n")) == (2, 1), told
    assert message in told
    assert not list(tone.parent.glob("*.hyt"))


def test_a_preset_file_is_written_used_and_told_by_what_it_chooses(tone: Path) -> None:
    folder = tone.parent
    chosen = ("--layout", "units", "--codebooks", "1", "--set", "tagger=builtin")
    done = run("preset", "--base", "fast", *chosen, cwd=folder)
    assert done.returncode == 0, done.stderr.decode()
    held = tomllib.loads((folder / "hybrid_tok.toml").read_text("utf-8"))
    assert held["base"] == "fast"
    assert held["options"] == {"layout": "units", "num_codebooks": 1, "tagger": "builtin"}
    assert run("preset", cwd=folder).returncode == 2, "a file that exists is not replaced"
    done = run("preset", "--base", "hybrid_tok.toml", "--codebooks", "2", "-o", "other.toml", cwd=folder)
    assert done.returncode == 0, done.stderr.decode()
    other = tomllib.loads((folder / "other.toml").read_text("utf-8"))
    assert other["options"] == {**held["options"], "num_codebooks": 2}
    done = run("encode", "tone.wav", "--preset", "hybrid_tok.toml", cwd=folder)
    assert done.returncode == 0, done.stderr.decode()
    header = read_file(folder / "tone.hyt").header
    assert (header.preset, header.options["layout"], header.options["tagger"]) == ("fast", "units", "builtin")
    done = run("decode", "tone.hyt", cwd=folder)
    assert done.returncode == 0, done.stderr.decode()
    assert soundfile.info(folder / "tone.decoded.wav").frames == 16_000


def test_info_tells_of_each_backend() -> None:
    told = json.loads(run("info", "--json").stdout)["backends"]
    assert {(one["stage"], one["name"]) for one in told} >= set(BACKENDS)
    assert {one["stage"] for one in told if one["default"]} == set(STAGES)
    assert all(one["install"].startswith("pip install") for one in told)
    printed = run("info").stdout.decode()
    assert "* whisper" in printed
    for one in told:
        for model, where in one["models"].items():
            assert (f"model {model}: found in {where}" if where else f"hf download {model}") in printed
