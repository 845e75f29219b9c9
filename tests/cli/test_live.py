"""`hybrid-tok live`: a microphone and a pipe, with backends that take no time, and once with the real ones."""

from __future__ import annotations

import errno
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import Result
from command_line import run
from numpy.typing import NDArray
from typer.testing import CliRunner

from fakes import FakeCodec
from hybrid_tok.audio import listening
from hybrid_tok.backends.silero import WINDOW, SileroOptions, SileroState, SileroStream
from hybrid_tok.cli import live as command
from hybrid_tok.cli import live_screen
from hybrid_tok.cli.live import clock
from hybrid_tok.cli.main import app
from hybrid_tok.core.annotations import Event, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span
from hybrid_tok.core.windows import WindowOptions, cut_windows
from hybrid_tok.errors import AudioError, BackendError, HybridTokError, OptionsError
from hybrid_tok.presets import find_preset
from hybrid_tok.tokenizer import HybridTokenizer
from hybrid_tok.tokens.container import read_file
from real_audio import recording

RATE = 16_000


class LevelDetector:
    """Speech is what is louder than -26 dB."""

    name = "level"
    fingerprint = "level-1"

    def detect(self, audio: Audio) -> tuple[Span, ...]:
        stream = self.stream()
        return (*stream.push(audio.samples).spans, *stream.flush().spans)

    def stream(self, state: SileroState | None = None) -> SileroStream:
        def run(samples: NDArray[np.float32], state: SileroState) -> NDArray[np.float32]:
            return (np.abs(samples.reshape(-1, WINDOW)).mean(1) > 0.05).astype(np.float32)

        return SileroStream(run, SileroOptions(), state)


@dataclass
class OneWord:
    """A sure word in each window of speech, whose number is its text.

    Attributes:
        fails: number of the first window that it fails at.
    """

    fails: int | None = None
    heard: int = 0

    name = "one word"
    fingerprint = "one-word-1"

    def recognize(
        self, audio: Audio, speech: Sequence[Span], events: Sequence[Event] = (), progress: Any = None
    ) -> tuple[Word, ...]:
        words: list[Word] = []
        for window in cut_windows(audio, speech, WindowOptions.of("live")):
            if not np.abs(audio.samples).any():  # what models are loaded with
                continue
            self.heard += 1
            if self.fails is not None and self.heard >= self.fails:
                raise BackendError("the recognizer is out of order")
            edge = min(8, window.span.frames // 3)  # a window may end where listening does
            span = Span(window.span.start + edge, window.span.end - edge)
            words.append(Word(f"word{self.heard}", span, 0.99, language="en"))
        return tuple(words)


def tokenizer(recognizer: Any = None, **options: Any) -> HybridTokenizer:
    backends: dict[Any, Any] = {
        "voice_activity": LevelDetector(),
        "recognizer": recognizer or OneWord(),
        "codec": FakeCodec(),
    }
    chosen = find_preset("live").with_options({"events": False, "voice": False, **options})
    return HybridTokenizer(find_preset("live"), chosen, backends=backends)


def speech(*seconds: float) -> NDArray[np.int16]:
    """Noise of these lengths, in turn with a second of silence."""
    noise = np.random.default_rng(5)
    parts = [np.zeros(RATE, np.int16)]
    for length in seconds:
        parts += [noise.integers(-9_000, 9_000, round(length * RATE)).astype(np.int16), np.zeros(RATE, np.int16)]
    return np.concatenate(parts)


class Interrupting(OneWord):
    """Ctrl-C is pressed while the second window is recognized, `presses` times."""

    def __init__(self, presses: int) -> None:
        super().__init__()
        self.presses = presses

    def recognize(
        self, audio: Audio, speech: Sequence[Span], events: Sequence[Event] = (), progress: Any = None
    ) -> tuple[Word, ...]:
        words = super().recognize(audio, speech, events, progress)
        if [word.text for word in words] == ["word2"]:
            for _ in range(self.presses):
                signal.raise_signal(signal.SIGINT)
        return words


@dataclass
class Given:
    """What the command is run with."""

    recognizer: Any = None
    presets: list[str] = field(default_factory=list)

    def from_preset(self, preset: str, **options: Any) -> HybridTokenizer:
        self.presets.append(preset)
        return tokenizer(self.recognizer, **options)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Iterator[Given]:
    made = Given()
    monkeypatch.setattr(command, "HybridTokenizer", made)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
    yield made
    signal.signal(signal.SIGINT, before)


def live(*arguments: str | Path, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(app, ["live", *map(str, arguments)], input=stdin)


def refusal(*arguments: str | Path, stdin: bytes = b"") -> HybridTokError:
    result = live(*arguments, stdin=stdin)
    assert isinstance(result.exception, HybridTokError), result.output
    assert result.stdout == "" and "\n" not in str(result.exception)
    return result.exception


# A pipe


def test_text_is_shown_with_its_times_and_the_file_is_that_of_encode(given: Given, tmp_path: Path) -> None:
    samples = speech(1.0, 2.0)
    result = live("-", "-o", tmp_path / "call.hyt", stdin=samples.tobytes())
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert [line[2] for line in lines if line[2].startswith("word")] == ["word1", "word2"]
    assert all(line[2].startswith(("word", "<units>", "(pause)")) for line in lines)
    assert 0.8 <= float(lines[0][0].partition(":")[2]) <= 1.2
    assert "wrote" in result.stderr and "tokens/s" in result.stderr and "behind" not in result.stderr
    assert given.presets == ["live"]
    other = tokenizer()
    other.save(tmp_path / "file.hyt", other.analyze((samples, RATE)))
    assert (tmp_path / "call.hyt").read_bytes() == (tmp_path / "file.hyt").read_bytes()


def test_ids_are_those_of_encode_in_several_batches(given: Given) -> None:
    samples = speech(1.0, 1.0, 1.0)
    result = live("--ids", stdin=samples.tobytes())
    assert len(result.stdout.splitlines()) >= 3
    assert [int(one) for one in result.stdout.split()] == tokenizer().encode((samples, RATE))


def test_json_has_every_item_and_counts_every_token(given: Given) -> None:
    samples = speech(1.0, 1.0)
    result = live("-", "--json", stdin=samples.tobytes())
    items = [json.loads(line) for line in result.stdout.splitlines()]
    assert [item["text"] for item in items if item["kind"] == "text"] == ["word1", "word2"]
    assert sum(item["tokens"] for item in items) == len(tokenizer().encode((samples, RATE)))
    assert [item["end"] for item in items][:-1] == [item["start"] for item in items][1:]
    assert items[-1] == {"start": 5.0, "end": 5.0, "kind": "end", "text": "", "speaker": 0, "tokens": 3}


def test_free_timing_has_no_times(given: Given) -> None:
    result = live("-", "--json", "--timing", "free", stdin=speech(1.0).tobytes())
    items = [json.loads(line) for line in result.stdout.splitlines()]
    assert "word1" in [item["text"] for item in items]
    assert {(item["start"], item["end"]) for item in items} == {(None, None)}


def test_floats_and_channels_and_another_rate(given: Given, tmp_path: Path) -> None:
    samples = np.stack([speech(1.0), speech(1.0) // 2])
    floats = np.ascontiguousarray(samples.T / 32768, "<f4")
    arguments = ("-", "--format", "f32le", "--channels", "2", "--rate", "8000", "-o", tmp_path / "call.hyt")
    assert live(*arguments, stdin=floats.tobytes()).exit_code == 0
    file = read_file(tmp_path / "call.hyt")
    assert (file.header.source.sample_rate, file.header.source.channels) == (8_000, 2)
    assert file.header.source.num_samples == samples.shape[1]
    assert list(file.ids) == tokenizer().encode((floats.T, 8_000))


def test_nothing_is_a_recording_of_no_length(given: Given, tmp_path: Path) -> None:
    result = live("-", "-o", tmp_path / "call.hyt")
    assert result.exit_code == 0 and result.stdout == ""
    assert list(read_file(tmp_path / "call.hyt").ids) == tokenizer().encode((np.zeros(0, np.int16), RATE))


def test_a_sample_that_is_cut_off_is_left_out_with_a_warning(given: Given, tmp_path: Path) -> None:
    samples = speech(1.0)
    result = live("-", "-o", tmp_path / "call.hyt", stdin=samples.tobytes()[:-1])
    assert result.exit_code == 0
    assert result.stderr.count("warning: standard input ended in the middle of a sample, which is left out") == 1
    assert list(read_file(tmp_path / "call.hyt").ids) == tokenizer().encode((samples[:-1], RATE))


def test_what_is_no_sound_ends_it_and_what_was_before_stays(given: Given, tmp_path: Path) -> None:
    floats = speech(1.0).astype("<f4") / 32768
    floats[-100] = np.nan
    result = live("-", "--format", "f32le", "-o", tmp_path / "call.hyt", stdin=floats.tobytes())
    assert result.exit_code == 2 and "word1" in result.stdout
    assert [line for line in result.stderr.splitlines() if "no sound" in line] == [
        "hybrid-tok: the sample at 2.994 s of standard input is no sound (nan): is it of another --format than f32le?"
    ]
    assert read_file(tmp_path / "call.hyt").header.source.num_samples == len(floats) - 100


def test_a_pipe_that_breaks_keeps_what_was_heard(given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = speech(1.0).tobytes()

    class Breaking:
        at = 0

        def read(self, size: int) -> bytes | None:
            if self.at >= len(data):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            self.at += size
            return data[self.at - size : self.at] or None

    monkeypatch.setattr(command, "_standard_input", Breaking)
    result = live("-", "-o", tmp_path / "call.hyt")
    assert result.exit_code == 2 and "word1" in result.stdout
    assert result.stderr.count("hybrid-tok: standard input cannot be read any more: Input/output error\n") == 1
    assert read_file(tmp_path / "call.hyt").header.source.num_samples == len(data) // 2


def test_a_file_in_place_of_raw_samples_is_named_and_nothing_is_written(given: Given, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "talk.wav", speech(1.0), RATE)
    result = live("-", "-o", tmp_path / "call.hyt", stdin=(tmp_path / "talk.wav").read_bytes())
    assert result.exit_code == 2 and result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("hybrid-tok: standard input is a WAV file, not raw samples: use `hybrid-tok encode -`")
    assert not (tmp_path / "call.hyt").exists()


def test_a_recognizer_that_fails_leaves_what_was_final(given: Given, tmp_path: Path) -> None:
    given.recognizer = OneWord(fails=2)
    result = live("-", "-o", tmp_path / "call.hyt", stdin=speech(1.0, 1.0).tobytes())
    assert result.exit_code == 2 and "word1" in result.stdout and "word2" not in result.stdout
    assert result.stderr.count("out of order") == 1
    with tokenizer() as other:
        file = other.load(tmp_path / "call.hyt")
        assert 2.0 <= other.vocabulary.decode(file.ids).frames / 50 < 4.0
        assert other.decode_file(file).audio.num_samples == file.header.source.num_samples


def test_a_reader_that_has_gone_ends_it_and_the_file_is_written(
    given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    monkeypatch.setattr(live_screen._Lines, "print", gone)
    result = live("-", "-o", tmp_path / "call.hyt", stdin=speech(1.0, 1.0).tobytes())
    assert isinstance(result.exception, BrokenPipeError) or result.exit_code == 1
    assert read_file(tmp_path / "call.hyt").header.source.num_samples > RATE


def test_ctrl_c_ends_a_pipe_where_it_would_be_in_real_time(given: Given, tmp_path: Path) -> None:
    given.recognizer = Interrupting(1)
    samples = speech(*[1.0] * 20)
    result = live("-", "-o", tmp_path / "call.hyt", stdin=samples.tobytes())
    assert result.exit_code == 0 and "word2" in result.stdout
    file = read_file(tmp_path / "call.hyt")
    heard = file.header.source.num_samples
    assert 4 * RATE < heard < len(samples)
    assert list(file.ids) == tokenizer().encode((samples[:heard], RATE))


def test_a_second_ctrl_c_writes_nothing(given: Given, tmp_path: Path) -> None:
    given.recognizer = Interrupting(2)
    result = live("-", "-o", tmp_path / "call.hyt", stdin=speech(1.0, 1.0).tobytes())
    assert result.exit_code == 130 and "word2" not in result.stdout
    assert list(tmp_path.iterdir()) == []


# Options


def test_options_that_would_be_ignored_are_refused(given: Given, tmp_path: Path) -> None:
    assert "give one of them" in str(refusal("-", "--ids", "--json"))
    assert "two sources" in str(refusal("-", "--microphone", "1"))
    assert "--format is of raw samples" in str(refusal("--microphone", "1", "--format", "s16le"))
    assert "for a recording: hybrid-tok encode talk.wav" in str(refusal("talk.wav"))
    assert "give the name of a file" in str(refusal("-", "-o", "-"))
    assert "windows='packed' needs the whole recording" in str(refusal("-", "--windows", "packed"))
    assert "--rate must be 1000 to 384000 Hz, not 10" in str(refusal("-", "--rate", "10"))
    assert "--channels must be 1 to 64, not 0" in str(refusal("-", "--channels", "0"))
    for option in ("--allow-truncated", "--speakers"):
        assert live("-", option, "1").exit_code == 2


def test_a_file_that_exists_is_refused_before_anything_is_heard(given: Given, tmp_path: Path) -> None:
    (tmp_path / "call.hyt").write_text("mine")
    assert "exists: give --force" in str(refusal("-", "-o", tmp_path / "call.hyt"))
    assert given.presets == [] and (tmp_path / "call.hyt").read_text() == "mine"
    assert live("-", "-o", tmp_path / "call.hyt", "--force").exit_code == 0


def test_a_terminal_is_no_pipe(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    with pytest.raises(OptionsError, match="standard input is a terminal"):
        command._is_piped("-", None)
    assert not command._is_piped(None, None)


# A microphone


@dataclass
class FakeSounddevice:
    """A sounddevice whose microphone hears these blocks as soon as it is started, and then does something."""

    blocks: Sequence[NDArray[np.float32]]
    then: str = "go"
    rates: tuple[int, ...] = (16_000,)
    made: list[dict[str, Any]] = field(default_factory=list)
    closed: int = 0

    class PortAudioError(Exception):
        pass

    def check_input_settings(self, *, samplerate: int, **_: Any) -> None:
        if samplerate not in self.rates:
            raise self.PortAudioError("Invalid sample rate")

    def query_devices(self, device: Any, kind: str) -> dict[str, float]:
        return {"default_samplerate": float(self.rates[0])}

    def InputStream(self, **settings: Any) -> Any:
        self.made.append(settings)
        if settings["device"] == "nobody's":
            raise ValueError('No input device matching "nobody\'s"')
        if settings["samplerate"] not in self.rates:
            raise self.PortAudioError("Error opening InputStream: Invalid sample rate [PaErrorCode -9997]")
        return SimpleNamespace(start=lambda: self.start(settings), close=self.close)

    def start(self, settings: Any) -> None:
        for number, block in enumerate(self.blocks):
            lost = self.then == "lose" and number == 1
            settings["callback"](block.reshape(-1, 1), len(block), None, SimpleNamespace(input_overflow=lost))
        if self.then == "go":
            settings["finished_callback"]()
        elif self.then in ("interrupt", "lose"):
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()

    def close(self) -> None:
        self.closed += 1
        self.made[-1]["finished_callback"]()


def blocks(samples: NDArray[np.int16]) -> list[NDArray[np.float32]]:
    floats = (samples / 32768).astype(np.float32)
    return [floats[start : start + 1_600] for start in range(0, len(floats), 1_600)]


def listen(monkeypatch: pytest.MonkeyPatch, then: str, samples: NDArray[np.int16], **others: Any) -> FakeSounddevice:
    made = FakeSounddevice(blocks(samples), then, **others)
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


def test_ctrl_c_ends_a_recording_and_all_that_was_heard_is_written(
    given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, before = speech(1.0, 1.0), signal.getsignal(signal.SIGINT)
    made = listen(monkeypatch, "interrupt", samples)
    result = live("--microphone", "3", "-o", tmp_path / "call.hyt")
    assert result.exit_code == 0, result.output
    assert "word1" in result.stdout and "word2" in result.stdout
    assert result.stderr.startswith("listening; Ctrl-C ends the recording\n") and "gone" not in result.stderr
    assert list(read_file(tmp_path / "call.hyt").ids) == tokenizer().encode((samples, RATE))
    assert made.made[0]["device"] == 3 and made.closed and signal.getsignal(signal.SIGINT) is before


def test_samples_that_the_system_lost_are_said(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    listen(monkeypatch, "lose", speech(1.0))
    result = live("--microphone", "mic")
    assert result.exit_code == 0
    assert result.stderr.count("warning: the microphone lost samples before ") == 1


@pytest.mark.parametrize("then", ["go", "be silent"])
def test_a_microphone_that_goes_keeps_what_was_heard(
    then: str, given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = speech(1.0)
    made = listen(monkeypatch, then, samples)
    monkeypatch.setattr(listening, "SILENT", 0.2)
    result = live("--microphone", "mic", "-o", tmp_path / "call.hyt")
    assert result.exit_code == 2 and "word1" in result.stdout
    assert result.stderr.count("hybrid-tok: the microphone has gone at 3.0 s: what was heard until then is kept") == 1
    assert list(read_file(tmp_path / "call.hyt").ids) == tokenizer().encode((samples, RATE))
    assert made.closed


def test_a_queue_that_is_full_stops_it_with_nothing_lost_before(
    given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = speech(1.0, 1.0)
    listen(monkeypatch, "be silent", samples)
    monkeypatch.setattr(listening, "LIMIT", 3.0)
    result = live("--microphone", "mic", "-o", tmp_path / "call.hyt")
    assert result.exit_code == 2 and "word1" in result.stdout
    assert "hybrid-tok: 3 s were waiting to be encoded: listening stopped at 3.0 s, and what was" in result.stderr
    assert list(read_file(tmp_path / "call.hyt").ids) == tokenizer().encode((samples[: 3 * RATE], RATE))


def test_it_is_said_how_far_behind_it_is_and_what_to_choose(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    listen(monkeypatch, "go", speech(8.0))
    result = live("--microphone", "mic")
    lines = [line for line in result.stderr.splitlines() if "behind real time" in line]
    assert len(lines) == 1 and lines[0].startswith("hybrid-tok: 9.0 s behind real time: a smaller model (--model ")


def test_a_microphone_without_16_khz_is_heard_at_its_own_rate(
    given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(monkeypatch, "interrupt", speech(1.0), rates=(44_100,))
    assert live("--microphone", "mic", "-o", tmp_path / "call.hyt").exit_code == 0
    assert read_file(tmp_path / "call.hyt").header.source.sample_rate == 44_100
    error = refusal("--microphone", "mic", "--rate", "16000")
    assert isinstance(error, AudioError)
    assert "'mic' cannot be opened: Error opening InputStream: Invalid sample rate" in str(error)
    assert 'microphone "nobody\'s" cannot be opened: No input device' in str(refusal("--microphone", "nobody's"))


def test_what_is_missing_is_named(given: Given, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert 'needs sounddevice: pip install "hybrid-tok[live]"' in str(refusal("--microphone", "mic"))
    monkeypatch.delitem(sys.modules, "sounddevice")
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    assert "PortAudio (PortAudio library not found): apt install libportaudio2" in str(refusal("--microphone", "mic"))


# The queue, the clock, the screen


def test_a_queue_gives_what_was_put_in_the_order_of_putting() -> None:
    queue = listening.SampleQueue(10)
    numbers = np.arange(10, dtype=np.float32)[np.newaxis]
    assert queue.put(numbers[:, :6], wait=False) and queue.put(numbers[:, 6:], wait=False)
    assert not queue.put(numbers[:, :1], wait=False) and queue.received == queue.waiting == 10
    taken = queue.take(4, 0.0)
    assert taken is not None and taken.tolist() == [[0, 1, 2, 3]]
    queue.keep(3)
    queue.end()
    assert not queue.put(numbers[:, :1], wait=True) and not queue.empty
    rest = queue.take(100, 0.0)
    assert rest is not None and rest.tolist() == [[4, 5, 6]]
    assert queue.empty and queue.take(1, 0.0) is None


def test_who_fills_a_pipe_waits_for_room() -> None:
    queue = listening.SampleQueue(4)
    block = np.zeros((1, 3), np.float32)
    added: list[bool] = []

    def fill() -> None:
        for _ in range(5):
            added.append(queue.put(block, wait=True))
        queue.end()

    filler = threading.Thread(target=fill)
    filler.start()
    count = 0
    while not queue.empty:
        taken = queue.take(100, 1.0)
        count += 0 if taken is None else taken.shape[1]
        assert taken is None or taken.shape[1] <= 4
    filler.join()
    assert added == [True] * 5 and count == 15


def test_times_are_as_people_write_them() -> None:
    times = {0: "0:00.00", 1.234: "0:01.23", 59.996: "1:00.00", 61: "1:01.00", 3723.5: "1:02:03.50"}
    assert {seconds: clock(seconds) for seconds in times} == times


# With the real backends


def test_a_terminal_shows_a_status_line_and_ctrl_c_ends_a_pipe_that_goes_on(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hybrid_tok", "live", "-", "--layout", "units", "-o", str(tmp_path / "a.hyt")]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "24"}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    assert process.stdin is not None
    guard = threading.Timer(240, process.kill)  # without the line that is waited for, the test fails and does not hang
    guard.start()
    process.stdin.write(speech(1.0).tobytes())
    process.stdin.flush()
    shown, asked = b"", False
    while True:
        try:
            data = os.read(ours, 1 << 16)
        except OSError:  # closed at the other end
            break
        shown += data
        if not data:
            break
        if b"0:03.00 heard | quiet | " in shown and not asked:
            process.send_signal(signal.SIGINT)
            asked = True
    assert process.wait(60) == 0, shown
    guard.cancel()
    os.close(ours)
    process.stdin.close()
    assert b"<units> 3.00 s" in shown and b"wrote " in shown
    assert read_file(tmp_path / "a.hyt").header.source.num_samples == 3 * RATE


def test_a_real_recording_through_a_pipe_is_the_file_of_encode(tmp_path: Path) -> None:
    samples, rate = soundfile.read(recording("dev/librispeech/2414-128291-0008.flac"), dtype="int16")
    soundfile.write(tmp_path / "talk.wav", samples, rate)
    result = run("live", "-o", tmp_path / "live.hyt", stdin=samples.astype("<i2").tobytes())
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.decode().split()) > 5
    assert run("encode", tmp_path / "talk.wav", "--preset", "live", "-o", tmp_path / "talk.hyt").returncode == 0
    assert (tmp_path / "live.hyt").read_bytes() == (tmp_path / "talk.hyt").read_bytes()
