"""`encode --duplex`: two channels as blocks, and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import run

from hybrid_tok.tokens.container import read_file

RATE = 16_000


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, one side after the other."""
    rng = np.random.default_rng(0)
    samples = 0.1 * rng.standard_normal((2 * RATE + 7, 2)).astype(np.float32)
    samples[:RATE, 1] = samples[RATE:, 0] = 0.0
    path = tmp_path_factory.mktemp("call") / "call.wav"
    soundfile.write(path, samples, RATE)
    return path


def test_a_call_becomes_blocks_and_two_channels_again(call: Path) -> None:
    result = run("encode", call, "--duplex", "--layout", "units", "--block", "0.2")
    assert result.returncode == 0, result.stderr
    assert b"2 channels, 2.00 s in blocks of 0.2 s" in result.stderr
    layout = read_file(call.with_suffix(".hyt")).header.blocks
    assert layout is not None and (layout.channels, layout.frames) == (2, 10)
    result = run("decode", call.with_suffix(".hyt"))
    assert result.returncode == 0, result.stderr
    decoded, rate = soundfile.read(call.with_suffix(".decoded.wav"))
    assert decoded.shape == (2 * RATE + 7, 2) and rate == RATE
    first, second = np.abs(decoded[: RATE - 2_000]).mean(0), np.abs(decoded[RATE + 2_000 :]).mean(0)
    assert first[0] > 20 * first[1] and second[1] > 20 * second[0]
    shown = run("show", call.with_suffix(".hyt"))
    assert shown.returncode == 0 and b"<|channel:1|>" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--block", "0.2"], "--block is the length of the blocks that --duplex writes"),
        (["--duplex", "--block", "0"], "a block must last more than 0 s"),
        (["--duplex", "--diarize"], "leave --diarize and --diarize-channels out"),
        (["--duplex", "--timing", "free"], "free timing has no times"),
        (["--duplex", "--windows", "packed"], "'packed' is not for blocks"),
        (["--duplex", "--speakers", "3"], "each channel is one speaker"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(call: Path, arguments: list[str], said: str) -> None:
    result = run("encode", call, *arguments, "-o", call.with_name("other.hyt"))
    assert result.returncode == 2 and said in result.stderr.decode() and len(result.stderr.splitlines()) == 1
    assert not call.with_name("other.hyt").exists()


def test_one_channel_is_none(call: Path) -> None:
    mono = call.with_name("mono.wav")
    soundfile.write(mono, np.zeros(RATE), RATE)
    result = run("encode", mono, "--duplex")
    assert result.returncode == 2 and b"two channels or more" in result.stderr
