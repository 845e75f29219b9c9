"""`hybrid-tok report` of recordings, token files and results: what it writes, and what it refuses in one line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from command_line import run

from report_pages import write_results

RATE = 16_000


@pytest.fixture(scope="module")
def hum(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hum") / "hum.wav"
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE), RATE)
    return path


@pytest.fixture(scope="module")
def tokens(hum: Path) -> Path:
    assert run("encode", hum, "--layout", "units").returncode == 0
    return hum.with_suffix(".hyt")


def data_of(page: bytes) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.decode())
    assert found is not None
    return json.loads(found[1])


def refused(result: Any, *parts: str) -> None:
    message = result.stderr.decode()
    assert result.returncode == 2 and message.count("\n") == 1, message
    assert all(part in message for part in parts), message


def test_a_recording_beside_itself_and_only_once_without_force(hum: Path, tmp_path: Path) -> None:
    source = tmp_path / "talk.wav"
    source.write_bytes(hum.read_bytes())
    made = run("report", source, "--layout", "units")
    assert made.returncode == 0 and b"wrote" in made.stderr, made.stderr.decode()
    first = (tmp_path / "talk.html").read_bytes()
    data = data_of(first)
    assert data["name"] == "talk.wav" and [track["name"] for track in data["tracks"]] == ["Original", "Decoded"]
    assert data["forms"][0]["segments"][0][:3] == [0, 50, "units"]
    refused(run("report", source, "--layout", "units"), "talk.html exists", "--force")
    assert run("report", source, "--layout", "units", "--force").returncode == 0
    assert (tmp_path / "talk.html").read_bytes() == first, "the same recording is the same page"


def test_a_token_file_alone_and_with_its_recording(tokens: Path, hum: Path) -> None:
    alone = run("report", tokens, "-o", "-")
    assert alone.returncode == 0, alone.stderr.decode()
    assert [track["name"] for track in data_of(alone.stdout)["tracks"]] == ["Decoded"]
    both = run("report", tokens, "--recording", hum, "-o", "-")
    assert [track["name"] for track in data_of(both.stdout)["tracks"]] == ["Original", "Decoded"]
    piped = run("report", "-", "-o", "-", stdin=tokens.read_bytes())
    assert data_of(piped.stdout)["name"] == "standard input"


def test_results(tmp_path: Path) -> None:
    made = run("report", write_results(tmp_path))
    assert made.returncode == 0, made.stderr.decode()
    assert data_of((tmp_path / "r.html").read_bytes())["suite"] == "speech"


def test_what_would_be_ignored_is_refused(tokens: Path, hum: Path, tmp_path: Path) -> None:
    results, page = write_results(tmp_path), tmp_path / "a.html"
    refused(run("report", tokens, "-o", page, "--rate-weight", "0.1"), "hum.hyt is a .hyt file", "rate_weight")
    refused(run("report", tokens, "-o", page, "--transcript", results), "r.json would change nothing")
    refused(run("report", results, "-o", page, "--layout", "text"), "r.json is results", "layout")
    refused(run("report", results, "-o", page, "--recording", hum), "--recording")
    refused(run("report", results, "-o", page, "--voice", "0=af_heart"), "--voice")
    refused(run("report", hum, "-o", page, "--recording", hum), "is a recording itself")
    assert not page.exists()


def test_what_is_read_is_never_replaced(tokens: Path, hum: Path) -> None:
    refused(run("report", tokens, "--recording", hum, "-o", hum, "--force"), "is what is read")
    refused(run("report", hum, "-o", hum, "--force"), "is what is read")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b'{"format": "other"}', "a.json: not results of"),
        ("a.json", b"", "a.json: not JSON"),
        ("a.hyt", b"RIFF", "a.hyt"),
        ("a.wav", b"no sound", "a.wav"),
    ],
)
def test_what_is_nothing_of_the_kind_is_one_line(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    refused(run("report", tmp_path / name), message)
    refused(run("report", tmp_path / "nothing.wav"), "nothing.wav")
    assert [path.name for path in tmp_path.iterdir()] == [name]
