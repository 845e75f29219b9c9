"""What commands write: never over something else, never over what they read, and into pipes and through links."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import run

RATE = 16_000


def refused(result: subprocess.CompletedProcess[bytes], *parts: str) -> None:
    message = result.stderr.decode()
    assert result.returncode == 2, message
    assert message.count("\n") == 1 and all(part in message for part in parts), message


@pytest.fixture
def hum(tmp_path: Path) -> Path:
    path = tmp_path / "hum.wav"
    time = np.arange(RATE) / RATE
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 220 * time), RATE)
    return path


@pytest.fixture
def tokens(hum: Path) -> Path:
    result = run("encode", hum, "--layout", "units")
    assert result.returncode == 0, result.stderr.decode()
    return hum.with_suffix(".hyt")


def test_encode_and_decode_leave_the_recording_alone(hum: Path, tokens: Path) -> None:
    before = hum.read_bytes()
    assert run("decode", tokens).returncode == 0
    assert hum.read_bytes() == before
    assert soundfile.info(hum.with_name("hum.decoded.wav")).frames == RATE


def test_what_exists_is_replaced_only_by_force(hum: Path, tokens: Path) -> None:
    assert run("decode", tokens).returncode == 0
    decoded = hum.with_name("hum.decoded.wav")
    decoded.write_bytes(b"precious")
    refused(run("decode", tokens), "hum.decoded.wav exists", "--force")
    assert decoded.read_bytes() == b"precious"
    assert run("decode", tokens, "--force").returncode == 0
    assert decoded.read_bytes() != b"precious"
    refused(run("encode", hum), "hum.hyt exists")
    refused(run("roundtrip", hum), "hum.hyt exists")
    hum.with_name("hum.json").write_bytes(b"precious")
    refused(run("annotate", hum), "hum.json exists")


def test_two_recordings_of_one_name_do_not_share_a_result(hum: Path, tokens: Path) -> None:
    other = hum.with_suffix(".flac")
    soundfile.write(other, np.zeros(100), RATE)
    before = tokens.read_bytes()
    refused(run("encode", other, "--layout", "units"), "hum.hyt exists")
    assert tokens.read_bytes() == before


@pytest.mark.parametrize("how", ["same", "symbolic link", "hard link"])
def test_the_input_is_never_the_output(how: str, hum: Path) -> None:
    output, before = hum, hum.read_bytes()
    if how != "same":
        output = hum.with_name("other.wav")
        output.symlink_to(hum) if how == "symbolic link" else output.hardlink_to(hum)
    refused(run("encode", hum, "-o", output, "--force"), "is what is read")
    assert hum.read_bytes() == before


def test_links_are_followed(tokens: Path) -> None:
    folder = tokens.parent / "elsewhere"
    folder.mkdir()
    link = tokens.with_name("link.wav")
    link.symlink_to(folder / "real.wav")
    assert run("decode", tokens, "-o", link).returncode == 0
    assert link.is_symlink() and soundfile.info(folder / "real.wav").frames == RATE


def test_a_pipe_is_written_into(tokens: Path) -> None:
    pipe = tokens.with_name("pipe.wav")
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    assert run("decode", tokens, "-o", pipe).returncode == 0
    reader.join(10)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert read[0][:4] == b"RIFF" and len(read[0]) == 44 + 2 * RATE


def test_a_device_is_written_into(tokens: Path) -> None:
    assert run("decode", tokens, "-o", "/dev/null").returncode == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_standard_input_and_output_of_every_command(hum: Path, tokens: Path) -> None:
    encoded = run("encode", "-", "-o", "-", "--layout", "units", stdin=hum.read_bytes())
    assert encoded.stdout == tokens.read_bytes()
    assert run("show", "-", stdin=encoded.stdout).stdout == run("show", tokens).stdout
    decoded = run("decode", "-", "-o", "-", stdin=encoded.stdout)
    assert decoded.stdout[:4] == b"RIFF" and len(decoded.stdout) == 44 + 2 * RATE
    refused(run("show", "-", stdin=encoded.stdout[:-1]), "-: ", "cut off or damaged")
    assert not list(Path().glob("stdin*"))


@pytest.mark.skipif(not Path("/proc/sys/kernel").is_dir(), reason="a folder that nothing can be written to")
def test_a_folder_that_cannot_be_written_to_is_found_first_and_named(hum: Path) -> None:
    refused(run("encode", hum, "-o", "/proc/sys/kernel/hum.hyt"), "/proc/sys/kernel/hum.hyt")


def test_a_full_disk_is_named_and_leaves_nothing(tokens: Path) -> None:
    refused(run("decode", tokens, "-o", "/dev/full"), "/dev/full", "No space left")


_INTERRUPTED = """
import os, signal, sys, threading
import hybrid_tok.__main__ as command
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and so do ours
threading.Timer(float(sys.argv.pop(1)), lambda: os.kill(os.getpid(), signal.SIGINT)).start()
command.main()
"""


@pytest.mark.parametrize("seconds", [0.02, 0.1, 2.0, 4.0])
def test_ctrl_c_is_one_line_at_any_time(seconds: float, hum: Path) -> None:
    """While modules are imported, while models are loaded, and at work."""
    long = hum.with_name("long.wav")
    soundfile.write(long, np.random.default_rng(0).normal(0, 0.1, 1800 * RATE), RATE)
    command = [sys.executable, "-c", _INTERRUPTED, str(seconds), "encode", str(long), "--layout", "units"]
    result = subprocess.run(command, capture_output=True, timeout=120)
    assert result.returncode == 130, result.stderr.decode()
    assert result.stderr.decode() == "hybrid-tok: stopped; nothing half-written\n"
    assert sorted(path.name for path in hum.parent.iterdir()) == ["hum.wav", "long.wav"]
