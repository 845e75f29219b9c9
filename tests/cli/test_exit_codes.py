"""What the command ends with, and that `--help` and docs/reliability.md say the same."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import run

from hybrid_tok import __main__ as command
from hybrid_tok import errors

RELIABILITY = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"


def table(heading: str) -> list[tuple[str, ...]]:
    """The rows of a table of docs/reliability.md, by the heading over it."""
    section = RELIABILITY.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]


def reader_gone(*arguments: str | Path) -> tuple[int, str]:
    """Exit code and messages of the command when nothing reads what it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hybrid_tok", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    _, messages = process.communicate(timeout=120)
    return process.returncode, messages.decode()


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokens") / "hum.wav"
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 220 * np.arange(16_000) / 16_000), 16_000)
    assert run("encode", path, "--layout", "units").returncode == 0
    return path.with_suffix(".hyt")


def test_the_page_lists_the_exit_codes_and_so_does_help() -> None:
    listed = [row[0] for row in table("Exit codes")]
    assert listed == ["0", "1", "2", str(command.STOPPED), str(command.READER_GONE)]
    result = run("--help")
    text = " ".join(result.stdout.decode().split())
    assert re.findall(r"(?:Exit codes:|;) (\d+) ", text) == listed
    assert result.returncode == 0


def test_the_page_lists_every_error_type_with_what_its_class_says() -> None:
    classes = [made for made in vars(errors).values() if inspect.isclass(made) and made.__module__ == errors.__name__]
    assert table("Error types") == [
        (
            f"`{made.__name__}`",
            (made.__doc__ or "").splitlines()[0],
            ", ".join(f"`{base.__name__}`" for base in made.__bases__),
        )
        for made in classes
    ]


def test_every_test_that_the_page_names_exists() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in RELIABILITY.parents[1].glob("tests/**/*.py"))
    page = RELIABILITY.read_text("utf-8")
    named = re.findall(r"(?:::test_|\.\.)(\w+)`", page)
    assert len(named) > 40
    assert [name for name in named if not re.search(rf"def test_\w*{name}\b", sources)] == []
    assert all((RELIABILITY.parents[1] / path).is_file() for path in re.findall(r"`(tests/[\w/]+\.py)", page))


@pytest.mark.parametrize("arguments", [["nonsense"], ["encode"], ["encode", "absent.wav"], ["encode", "x", "--preset"]])
def test_a_fault_of_the_input_or_the_options_is_2(arguments: list[str]) -> None:
    assert run(*arguments).returncode == 2


def test_a_bug_is_1() -> None:
    script = (
        "from hybrid_tok.cli import main\n"
        "def broken(*_, **__): raise RuntimeError('a bug')\n"
        "main.collect_info = broken\n"
        "import sys; sys.argv[1:] = ['info']\n"
        "from hybrid_tok.__main__ import main; main()\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert result.returncode == 1 and "RuntimeError: a bug" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        lambda tokens: ["show", tokens],
        lambda tokens: ["show", tokens, "--json"],
        lambda tokens: ["decode", tokens, "-o", "-"],
        lambda tokens: ["--help"],
        lambda tokens: ["info"],
    ],
)
def test_a_reader_that_has_gone_ends_it_quietly(arguments: Callable[[Path], list[str | Path]], tokens: Path) -> None:
    assert reader_gone(*arguments(tokens)) == (command.READER_GONE, "")


def test_a_named_pipe_whose_reader_goes_is_named(tokens: Path) -> None:
    """What was asked for was not written, unlike lines that were not wanted."""
    pipe = tokens.with_name("pipe.wav")
    os.mkfifo(pipe)
    long = tokens.with_name("long.hyt")
    reader = threading.Thread(target=lambda: pipe.open("rb").close())
    soundfile.write(tokens.with_name("long.wav"), np.zeros(160_000), 16_000)  # more than a pipe takes up
    assert run("encode", tokens.with_name("long.wav"), "--layout", "units").returncode == 0
    reader.start()
    result = run("decode", long, "-o", pipe)
    reader.join()
    assert (result.returncode, result.stderr.decode()) == (2, f"hybrid-tok: {pipe}: Broken pipe\n")


def test_without_standard_output_it_still_works(tokens: Path) -> None:
    shell = 'exec "$@" >&-'
    command = ["sh", "-c", shell, "sh", sys.executable, "-m", "hybrid_tok", "show", str(tokens)]
    result = subprocess.run(command, stderr=subprocess.PIPE, timeout=120)
    assert (result.returncode, result.stderr) == (0, b"")
