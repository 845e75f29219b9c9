"""Faults brought about on purpose: processes killed anywhere, full disks, short reads, clocks that jump, lost caches.

All of them are drawn from seeds. What must hold: a result is there whole or not at all, it is the right one, and the
next run works as if nothing had happened.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count, cycle
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import run

import hybrid_tok
from hybrid_tok import HybridTokenizer
from hybrid_tok.audio import read_audio, read_channels
from hybrid_tok.backends.espeak import EspeakSynthesizer
from hybrid_tok.backends.kokoro_graphs import KokoroGraphs
from hybrid_tok.backends.protocol import Message, read_message, write_message
from hybrid_tok.core import atomic_write as atomic_write_module
from hybrid_tok.core import model_cache
from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.core.model_cache import cached_model, install_model
from hybrid_tok.core.model_files import KnownModel, ModelFile
from hybrid_tok.core.utterance import Phrase, Utterance
from hybrid_tok.errors import AudioError, BackendError, ModelError
from hybrid_tok.tokens.container import read_file
from hybrid_tok.voice.space import voice_space
from real_audio import recording

RATE = 16_000
KILLS_PER_COMMAND = 15
MODEL_DATA = {"model.bin": bytes(range(256)) * 300, "config.json": b"{}"}
MODEL = KnownModel(
    "small",
    "whisper",
    "Small",
    "MIT",
    "Org/small",
    "0123abcd",
    tuple(ModelFile(name, len(data), hashlib.sha256(data).hexdigest(), ()) for name, data in MODEL_DATA.items()),
)


def needs(possible: bool, what: str) -> None:
    """Skip a test that this system cannot run; in CI it fails."""
    if not possible:
        pytest.fail(what) if os.environ.get("CI") else pytest.skip(what)


# Killed at every line


def killed_at(number: int, act: Callable[[], object], files: tuple[str, ...]) -> bool:
    """Run `act` in a fork that is killed when it comes to a line of some files, counted over the run; False if it ended
    before."""
    child = os.fork()
    if child == 0:
        lines = count(1)

        def trace(frame: object, event: str, _: object) -> object:
            if frame.f_code.co_filename not in files:  # type: ignore[attr-defined]
                return None
            if event == "line" and next(lines) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)  # type: ignore[arg-type]
        try:
            act()
        except BaseException:
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


def test_killed_at_any_line_a_file_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    target, old, new = tmp_path / "talk.hyt", b"old" * 1000, b"new" * 5000

    def write(data: bytes) -> None:
        with atomic_write(target) as file:
            file.write(data)

    outcomes: list[bytes] = []
    for number in count(1):
        target.write_bytes(old)
        if not killed_at(number, lambda: write(new), (atomic_write_module.__file__,)):
            break
        outcomes.append(target.read_bytes())
        write(b"next")
        assert [path.name for path in tmp_path.iterdir()] == [target.name], "what was left is gone"
        assert target.read_bytes() == b"next"
    assert set(outcomes) == {old, new} and len(outcomes) > 30


def test_killed_at_any_line_a_model_is_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_TOK_CACHE", str(tmp_path))
    files = (atomic_write_module.__file__, model_cache.__file__)
    kept = 0
    for number in count(1):
        if not killed_at(number, install_small, files):
            break
        target = cached_model(MODEL)
        kept += target.exists()
        assert not target.exists() or contents(target) == MODEL_DATA
        assert contents(install_small()) == MODEL_DATA
        assert list(target.parent.iterdir()) == [target]
        shutil.rmtree(tmp_path / "models")
    assert number > 100 and 0 < kept < number


def test_a_model_that_was_deleted_in_part_is_whole_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was left of its folder kept the new one from getting its name."""
    monkeypatch.setenv("HYBRID_TOK_CACHE", str(tmp_path))
    next(iter(install_small().iterdir())).unlink()
    assert contents(install_small()) == MODEL_DATA


def install_small() -> Path:
    return install_model(MODEL, lambda file: [MODEL_DATA[file.name]], "here", "")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_another_living_process_writes_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "talk.hyt"
    with atomic_write(target) as first:
        first.write(b"first")
        with atomic_write(target) as second:
            second.write(b"second")
        assert target.read_bytes() == b"second"
        (tmp_path / ".talk.hyt.mine.part").write_bytes(b"precious")
    assert target.read_bytes() == b"first"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".talk.hyt.mine.part", "talk.hyt"]


# The command killed at random moments

_COMMANDS = """
import json, os, sys
from hybrid_tok.__main__ import main

def command(arguments):
    child = os.fork()
    if child == 0:
        sys.argv = ["hybrid-tok", *arguments]
        log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1), os.dup2(log, 2)
        status = 0
        try:
            main()
        except SystemExit as ended:
            status = ended.code or 0
        finally:
            os._exit(status)
    return child

import numba, scipy.signal, soundfile, torch  # once for all runs
import hybrid_tok.cli.main, hybrid_tok.codec.backend
for line in sys.stdin:
    child = command(json.loads(line))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Runs the command again and again, in forks of a process that has imported everything: a kill is to hit work."""


class Commands:
    """The command, run in a folder by forks of one process.

    Attributes:
        mark: in the environment of all that it starts.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = f"HYBRID_TOK_TEST={folder}"
        self._process = subprocess.Popen(
            [sys.executable, "-c", _COMMANDS],
            cwd=folder,
            env={**os.environ, "HYBRID_TOK_TEST": str(folder), "HYBRID_TOK_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments: list[str], kill: Callable[[], None] | None = None) -> int:
        """Exit code of a run; it is killed when `kill` returns."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps(arguments), file=self._process.stdin, flush=True)
        child = int(self._process.stdout.readline())
        if kill is not None:
            kill()
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def processes(self) -> list[int]:
        """Processes that it started, directly or not, and that still run."""
        found: list[int] = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if self.mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    commands = Commands(tmp_path_factory.mktemp("killed"))
    sound = 0.3 * np.sin(2 * np.pi * 220 * np.arange(2 * RATE) / RATE)
    soundfile.write(commands.folder / "hum.wav", sound, RATE)
    assert commands.run(["encode", "hum.wav", "-o", "given.hyt", "--layout", "units"]) == 0
    yield commands
    commands.close()


@pytest.mark.parametrize(
    "arguments, outputs",
    [
        (["encode", "hum.wav", "--layout", "units"], ["hum.hyt"]),
        (["decode", "given.hyt"], ["given.decoded.wav"]),
        (
            ["roundtrip", "hum.wav", "--layout", "units", "-o", "both"],
            ["both/hum.hyt", "both/hum.roundtrip.wav", "both/hum.transcript.txt"],
        ),
        (["say", "One and two. Three and four.", "--set", "synthesizer=espeak", "-o", "said.wav"], ["said.wav"]),
    ],
    ids=lambda value: value[0] if value[0].isalpha() else None,
)
def test_killed_at_any_moment_results_are_whole_or_absent(
    arguments: list[str], outputs: list[str], commands: Commands
) -> None:
    folder = commands.folder
    started = time.perf_counter()
    assert commands.run(arguments) == 0, (folder / "log").read_text()
    seconds = time.perf_counter() - started
    expected = {name: (folder / name).read_bytes() for name in outputs}
    draw = random.Random(arguments[0])

    def wait() -> None:
        """Half of the time until anything at work, else until something is being written."""
        if draw.random() < 0.5:
            time.sleep(draw.uniform(0, seconds))
            return
        deadline = time.perf_counter() + 2 * seconds
        while time.perf_counter() < deadline and not any(folder.rglob("*.part")):
            time.sleep(0.0002)
        time.sleep(draw.uniform(0, 0.003))

    killed = 0
    for _ in range(KILLS_PER_COMMAND):
        for name in outputs:
            (folder / name).unlink(missing_ok=True)
        killed += commands.run(arguments, wait) == -signal.SIGKILL
        found = {name: (folder / name).read_bytes() for name in outputs if (folder / name).exists()}
        assert found == {name: expected[name] for name in found}
    assert killed >= KILLS_PER_COMMAND // 3
    assert commands.run([*arguments, "--force"]) == 0, (folder / "log").read_text()
    assert {name: (folder / name).read_bytes() for name in outputs} == expected
    assert not list(folder.rglob("*.part"))
    deadline = time.perf_counter() + 10
    while len(commands.processes()) > 1 and time.perf_counter() < deadline:
        time.sleep(0.05)
    assert len(commands.processes()) == 1, "workers end when whoever started them is killed"


# Workers killed at random moments


def test_workers_killed_at_random_moments() -> None:
    draw = random.Random(0)
    utterances = [Utterance((Phrase((f"number{i}", "two,", "three.")),), "en") for i in range(4)]
    synthesizer = EspeakSynthesizer()
    started = time.perf_counter()
    synthesizer.synthesize(utterances[0])
    start = time.perf_counter() - started  # kills come seldom enough that a process can start in between
    expected = [synthesizer.synthesize(one).audio.samples.tobytes() for one in utterances]
    done, kills = threading.Event(), 0

    def kill() -> None:
        nonlocal kills
        while not done.wait(draw.uniform(0.2 * start, 6 * start)):
            pid = synthesizer._worker.pid
            if pid is None:
                continue
            with suppress(OSError, ValueError):  # it has gone meanwhile
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                os.kill(int(draw.choice([str(pid), *children])), signal.SIGKILL)
                kills += 1

    killer = threading.Thread(target=kill)
    killer.start()
    right = failed = 0
    deadline = time.perf_counter() + 200
    while kills < 15 and time.perf_counter() < deadline:
        number = draw.randrange(len(utterances))
        try:
            assert synthesizer.synthesize(utterances[number]).audio.samples.tobytes() == expected[number]
            right += 1
        except BackendError as error:
            assert "\n" not in str(error) and "died on" in str(error)
            failed += 1
    done.set()
    killer.join()
    assert kills >= 15 and right > kills
    assert failed < kills / 2, "only a request during which the process is killed twice fails"
    assert [synthesizer.synthesize(one).audio.samples.tobytes() for one in utterances] == expected
    synthesizer.close()


# Full disks


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recording of 4 s and its tokens, of which the decoded recording is 128 kB."""
    folder = tmp_path_factory.mktemp("given")
    soundfile.write(folder / "hum.wav", 0.3 * np.sin(np.arange(4 * RATE) / 12), RATE)
    assert run("encode", folder / "hum.wav", "--layout", "units").returncode == 0
    return folder


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["decode", "GIVEN/hum.hyt", "-o", "FULL/hum.wav"], "hybrid-tok: FULL/hum.wav: No space left on device"),
        (
            ["encode", "GIVEN/hum.wav", "--layout", "units", "-o", "FULL/a"],
            "hybrid-tok: FULL/a: No space left on device",
        ),
        (
            ["roundtrip", "GIVEN/hum.wav", "--layout", "units", "-o", "FULL"],
            "hybrid-tok: FULL/hum.hyt: No space left on device",
        ),
        (
            ["say", "Hello.", "-o", "GIVEN/said.wav"],
            "hybrid-tok: model cache FULL/cache cannot be written to (No space left on device): make 92 MB of space "
            "there, or set HYBRID_TOK_CACHE to another folder",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_full_disk(arguments: list[str], message: str, given: Path, tmp_path: Path) -> None:
    """A file system of 64 kB without a free page, in a mount namespace of its own; temporary files and the cache are
    there too."""
    possible = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", tmp_path], capture_output=True)
    needs(possible.returncode == 0, "no file system can be mounted here")
    full = tmp_path / "full"
    full.mkdir()
    script = (
        'mount -t tmpfs -o size=64k tmpfs "$1"; head -c 99999 /dev/zero > "$1/other" 2> /dev/null; shift 2; '
        '"$@"; code=$?; find "$TMPDIR" -type f | sort >&2; exit $code'
    )
    filled = [one.replace("FULL", str(full)).replace("GIVEN", str(given)) for one in arguments]
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(full), "--", sys.executable, "-m", "hybrid_tok", *filled]
    environment = {**os.environ, "TMPDIR": str(full)}
    if "cache" in message:
        environment["HYBRID_TOK_CACHE"] = str(full / "cache")
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert result.stderr.splitlines() == [message.replace("FULL", str(full)), f"{full}/other"]
    assert result.returncode == 2
    assert sorted(path.name for path in given.iterdir()) == ["hum.hyt", "hum.wav"]


def test_no_room_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "both.wav"
    soundfile.write(path, np.zeros((RATE, 2)), RATE)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: Path("/dev/full").open("w+b", buffering=1 << 20))  # noqa: SIM115
    with pytest.raises(AudioError, match=r"^no room for a copy of the recording in .* \(No space left on device\)"):
        read_audio(io.BytesIO(path.read_bytes()))
    with pytest.raises(AudioError, match=r"^no room for the recording's channels in .* \(No space left on device\)"):
        read_channels(path)


# Short reads


class Dribble(io.RawIOBase):
    """A stream that gives one to three bytes, however many are asked for."""

    def __init__(self, data: bytes) -> None:
        self._left, self._sizes = memoryview(data), cycle((1, 3, 2))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = min(next(self._sizes), len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


@contextmanager
def dribbling_pipe(data: bytes) -> Iterator[io.BufferedReader]:
    """The reading end of a pipe into which the bytes come one by one."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            for start in range(len(data)):
                pipe.write(data[start : start + 1])

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(reading, "rb") as pipe:
        yield pipe
    writer.join()


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3"])
def test_a_recording_that_comes_byte_by_byte(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"hum.{suffix}"
    soundfile.write(path, 0.3 * np.sin(np.arange(RATE) / 12), RATE)
    expected, data = read_audio(path).samples, path.read_bytes()
    np.testing.assert_array_equal(read_audio(Dribble(data)).samples, expected)  # type: ignore[arg-type]
    with dribbling_pipe(data) as pipe:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(pipe))
        np.testing.assert_array_equal(read_audio("-").samples, expected)


def test_tokens_that_come_byte_by_byte(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with dribbling_pipe((given / "hum.hyt").read_bytes()) as pipe:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(pipe))
        assert read_file("-").ids == read_file(given / "hum.hyt").ids


def test_a_workers_answer_that_comes_byte_by_byte() -> None:
    sent = io.BytesIO()
    message = Message({"text": "é你😀"}, bytes(range(256)) * 20)
    write_message(sent, message)
    with dribbling_pipe(sent.getvalue()) as pipe:
        assert read_message(pipe) == message
        assert read_message(pipe) is None


# Clocks


def test_no_module_asks_for_the_time_of_day() -> None:
    wall = {"time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime", "datetime.now", "date.today"}
    for path in Path(hybrid_tok.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                assert ".".join(ast.unparse(node).split(".")[-2:]) not in wall, path
            if isinstance(node, ast.ImportFrom) and node.module in ("time", "datetime"):
                assert not {alias.name for alias in node.names} & {"time", "time_ns", "datetime", "date"}, path


def test_a_clock_that_jumps_changes_nothing(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read_file(given / "hum.hyt").ids
    jumps = cycle((0.0, 4e9, 1e9, -5.0))
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    heard: list[str] = []
    with HybridTokenizer.from_preset(layout="units") as tokenizer:
        analysis = tokenizer.analyze(given / "hum.wav", on_progress=lambda stage, done, total: heard.append(stage))
        assert analysis.ids == expected
    assert all(seconds >= 0 for seconds in analysis.stage_seconds.values())


@pytest.mark.parametrize("when", [-(10**9), 0, 10**10])
def test_a_cached_model_of_any_date(when: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_TOK_CACHE", str(tmp_path))
    folder = install_small()
    os.utime(folder / "model.bin", (when, when))
    model_cache.check_files(MODEL, folder, "")
    (folder / "model.bin").write_bytes(MODEL_DATA["model.bin"][:-1] + b"!")
    os.utime(folder / "model.bin", (when + 1, when + 1))
    with pytest.raises(ModelError, match="SHA-256"):
        model_cache.check_files(MODEL, folder, "")


# The cache


def test_a_cache_that_is_deleted_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_TOK_CACHE", str(tmp_path / "cache"))
    done, draw = threading.Event(), random.Random(0)

    def delete() -> None:
        while not done.wait(draw.uniform(0, 0.04)):
            shutil.rmtree(tmp_path / "cache", ignore_errors=True)

    deleter = threading.Thread(target=delete)
    deleter.start()
    made = failed = 0
    try:
        while made + failed < 1000 and min(made, failed) < 20:
            try:
                install_small()
                made += 1
            except ModelError as error:
                assert "\n" not in str(error)
                failed += 1
    finally:
        done.set()
        deleter.join()
    assert min(made, failed) >= 20
    assert contents(install_small()) == MODEL_DATA


def test_kokoro_whose_cache_is_deleted_between_its_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut by two processes at once; then deleted before each graph is loaded."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("HYBRID_TOK_CACHE", str(cache))
    script = "import hashlib; from test_faults import spoken; print(hashlib.sha256(b''.join(spoken(None))).hexdigest())"
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=300) for process in runs]
    assert answers[0][0] == answers[1][0] != "", answers
    models = sorted(one.name for one in (cache / "models").iterdir())
    assert len(models) == 2 and not any(name.startswith(".") for name in models)
    steps = spoken(cache)
    assert hashlib.sha256(b"".join(steps)).hexdigest() == answers[0][0].strip()
    assert sorted(one.name for one in (cache / "models").iterdir()) == models


def spoken(cache: Path | None) -> list[bytes]:
    """What each of Kokoro's graphs makes of some phonemes; a cache given is deleted before each."""
    tokens, style = [0, 50, 83, 54, 156, 31, 0], voice_space().style({"af_heart": 1.0}, 5)
    graphs = KokoroGraphs(threads=1)

    def lose() -> None:
        if cache is not None:
            shutil.rmtree(cache)

    lose()
    durations = graphs.durations(tokens, style)
    lose()
    contours = graphs.contours(tokens, style, np.full(len(tokens), 3))
    lose()
    return [durations.tobytes(), contours.pitch.tobytes(), graphs.speak(contours, style).tobytes()]


def test_a_tokenizer_whose_cache_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_TOK_CACHE", str(tmp_path))
    speech = read_audio(recording("dev/ljspeech/LJ001-0014.flac"))
    source = (speech.samples[: 2 * speech.sample_rate], speech.sample_rate)
    with HybridTokenizer.from_preset(events=False, diarize=False) as tokenizer:
        ids = tokenizer.encode(source)
        shutil.rmtree(tmp_path / "models")
        assert tokenizer.encode(source) == ids, "what is loaded stays"
        with copy.copy(tokenizer) as other:
            assert other.encode(source) == ids, "what is not is made again"
    assert list((tmp_path / "models").iterdir())
