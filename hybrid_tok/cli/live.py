"""`hybrid-tok live`: a microphone or a pipe to text and tokens, as they become final."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
import typer

from hybrid_tok.audio.listening import Listener, Microphone, RawFormat, RawPipe, SampleFormat
from hybrid_tok.cli.live_screen import Screen, open_screen
from hybrid_tok.cli.options import ENCODING, takes_options
from hybrid_tok.cli.paths import STANDARD, Force, check_target
from hybrid_tok.core.audio import Audio, SourceInfo
from hybrid_tok.core.timeline import FRAME_RATE, Span
from hybrid_tok.encode.annotate import ANALYSIS_RATE
from hybrid_tok.encode.streaming import StreamEncoder
from hybrid_tok.errors import AudioError, HybridTokError, OptionsError, printable
from hybrid_tok.tokenizer import HybridTokenizer
from hybrid_tok.tokens.items import ItemReader, TimedItem, joined_texts

Form: TypeAlias = Literal["text", "ids", "json"]
"""What is printed."""

_OF_FILES = ("allow_truncated", "diarize_channels", "speakers")
"""Options that a stream cannot follow."""

_STEP, _LONG_STEP = 0.1, 1.0
"""Seconds of samples encoded at a time: the display follows the first; what is behind is encoded in larger steps."""

_BEHIND = 2.0
"""Seconds behind real time from which it is said."""

_SHOWN_PAUSE = 2.0
"""Seconds of the shortest pause that is shown as text."""


@takes_options(*(name for name in ENCODING if name not in _OF_FILES))
def live(
    source: Annotated[
        str | None,
        typer.Argument(
            help="- is raw samples on standard input. Default: the microphone on a terminal, else standard input.",
            show_default=False,
        ),
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option(help="Samples per second; of a microphone that cannot have 16000, its own.", show_default="16000"),
    ] = None,
    sample_format: Annotated[
        SampleFormat | None, typer.Option("--format", help="Of raw samples.", show_default="s16le")
    ] = None,
    channels: Annotated[int, typer.Option(help="Of the samples; they are mixed to one.")] = 1,
    microphone: Annotated[
        str | None, typer.Option(help="Part of a microphone's name, or its number.", show_default="the system's choice")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Token file (.hyt) to write at the end.", show_default="none")
    ] = None,
    force: Force = False,
    ids: Annotated[bool, typer.Option("--ids", help="Print ids in place of text, a line per batch.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: a JSON object per item.")] = False,
    preset: Annotated[str, typer.Option(help="Choice of backends, or a preset file.")] = "live",
    **options: Any,
) -> None:
    """Encode a microphone or a pipe while it is heard: words and tokens as they become final.

    ffmpeg -i talk.mp3 -f s16le -ar 16000 -ac 1 - | hybrid-tok live -

    Ctrl-C ends the recording: what was heard is encoded and written, exit code 0.

    A second Ctrl-C gives up: nothing is written, exit code 130.

    Where the microphone goes or the encoder fails, what was final is kept, exit code 2.
    """
    if ids and as_json:
        raise OptionsError("--ids and --json are two forms of the same: give one of them")
    piped = _is_piped(source, microphone)
    if not piped and sample_format is not None:
        raise OptionsError("--format is of raw samples: leave it out for a microphone")
    written = RawFormat(rate or 16_000, sample_format or "s16le", channels) if piped else None
    if output == STANDARD:
        raise OptionsError("-o - would mix tokens with text on standard output: give the name of a file")
    target = None if output is None else check_target(output, (), force)
    with HybridTokenizer.from_preset(preset, **options) as tokenizer, _stopped_by_ctrl_c() as stop:
        if written is not None:
            opened: Any = RawPipe(_standard_input(), written)
            _load(tokenizer)
        else:
            _load(tokenizer)
            opened = Microphone(microphone, rate, channels)
        with closing(opened) as listener:
            form: Form = "ids" if ids else "json" if as_json else "text"
            ended_well = Session(tokenizer, listener, stop, form, target).run()
    if not ended_well:
        raise typer.Exit(2)


@dataclass(slots=True)
class Stop:
    """Whether Ctrl-C was pressed. A signal handler sets it, which must not wait for a lock."""

    asked: bool = False


@dataclass(slots=True)
class Status:
    """What the status line shows.

    Attributes:
        heard: seconds encoded.
        speaking: whether speech goes on.
        tokens: that are final.
        final: seconds that are final.
        words: recognized, and not final yet.
    """

    heard: float = 0.0
    speaking: bool = False
    tokens: int = 0
    final: float = 0.0
    words: str = ""


@dataclass(slots=True)
class Session:
    """One recording.

    Attributes:
        stop: set by Ctrl-C.
        form: of what is printed.
        target: of the tokens; None writes none.
    """

    tokenizer: HybridTokenizer
    listener: Listener
    stop: Stop
    form: Form
    target: Path | None
    _encoder: StreamEncoder = field(init=False)
    _reader: ItemReader = field(init=False)
    _status: Status = field(default_factory=Status)
    _ids: list[int] = field(default_factory=list)
    _encoded: int = 0
    """Samples."""
    _fault: HybridTokError | None = None
    """Why it did not end as it should."""
    _stopped: bool = False
    """Whether Ctrl-C has ended it."""
    _whole: bool = False
    """Whether the encoder gave all tokens."""
    _begun: float = 0.0
    """When encoding began, by the monotonic clock."""
    _told: float = _BEHIND
    """Seconds behind from which it is said again."""

    def __post_init__(self) -> None:
        self._encoder = self.tokenizer.stream_encoder(self.listener.sample_rate, channels=self.listener.channels)
        self._reader = ItemReader(self.tokenizer.vocabulary.grammar)

    def run(self) -> bool:
        """Encode until the recording ends.

        Returns:
            Whether it ended as it should; if not, a line has said why.

        Raises:
            BrokenPipeError: nothing reads what is printed; what was heard is written all the same.
        """
        broken: BrokenPipeError | None = None
        self._begun = time.monotonic()
        with open_screen(self._line) as screen:
            if not self.listener.waits:
                screen.say("listening; Ctrl-C ends the recording")
            try:
                self._encode(screen)
                self._finish(screen)
            except BrokenPipeError as error:
                broken = error
                self.listener.close()
                self._finish(None)
        if self._encoded or self._fault is None:
            self._save()
        if broken is not None:
            raise broken
        return self._fault is None

    def _encode(self, screen: Screen) -> None:
        """Encode and show what is heard until it ends, or fails."""
        queue = self.listener.queue
        while not queue.empty:
            if self.stop.asked and not self._stopped:
                self._end()
            lost = self.listener.check()
            if lost is not None:
                screen.say(f"hybrid-tok: warning: {lost}")
            self._say_fault(queue.fault, screen)  # before what waits is encoded, which takes its time
            ahead = queue.waiting > 2 * _STEP * self.listener.sample_rate
            samples = queue.take(round((_LONG_STEP if ahead else _STEP) * self.listener.sample_rate), timeout=0.1)
            if samples is None:
                continue
            try:
                self._push(samples, screen)
            except HybridTokError as error:
                self._say_fault(error, screen)
                self.listener.close()
                return
            self._say_behind(screen)
        self._say_fault(queue.fault, screen)
        if self.listener.left_over:
            screen.say("hybrid-tok: warning: standard input ended in the middle of a sample, which is left out")

    def _say_fault(self, fault: HybridTokError | None, screen: Screen | None) -> None:
        """Say why the recording ends, once: what follows from it is not said."""
        if self._fault is None and fault is not None:
            self._fault = fault
            if screen is not None:
                screen.say(f"hybrid-tok: {fault}")

    def _push(self, samples: np.ndarray, screen: Screen) -> None:
        ids = self._encoder.push(samples[0] if self.listener.channels == 1 else samples)
        self._encoded += samples.shape[1]
        self._show(ids, screen)

    def _finish(self, screen: Screen | None) -> None:
        """The end of the recording."""
        try:
            self._show(self._encoder.flush(), screen)
        except HybridTokError as error:
            self._say_fault(error, screen)
        else:
            self._whole = True

    def _end(self) -> None:
        """Listen no more, and keep what was heard until now; of a pipe that came faster, as much as time has passed."""
        self._stopped = True
        behind = self._behind()
        self.listener.queue.keep(round(behind * self.listener.sample_rate))
        self.listener.close()

    def _behind(self) -> float:
        """Seconds between what was heard and what is encoded. A pipe's samples are heard in real time at most."""
        heard = self.listener.queue.received / self.listener.sample_rate
        if self.listener.waits:
            heard = min(heard, time.monotonic() - self._begun)
        return max(heard - self._encoded / self.listener.sample_rate, 0.0)

    def _say_behind(self, screen: Screen) -> None:
        behind = self._behind()
        if behind <= self._told:
            return
        self._told = 2 * behind
        screen.say(
            f"hybrid-tok: {behind:.1f} s behind real time: a smaller model (--model tiny.en), --no-events or longer "
            "windows (--windows segment) take less work"
        )

    def _show(self, ids: Sequence[int], screen: Screen | None) -> None:
        """Print what has become final."""
        self._ids += ids
        rate = float(self.tokenizer.codec_identity.grid.frame_rate)
        items = self._reader.push(ids)
        pending = self._encoder.pending
        words = " ".join(word.text for word in pending.words)
        final = self._reader.frames / rate
        self._status = Status(self._encoder.seconds, pending.speaking, len(self._ids), final, words)
        if screen is None:
            return
        if self.form == "ids":
            lines = [" ".join(map(str, ids))] if ids else []
        elif self.form == "json":
            locked = self.tokenizer.options.timing == "locked"
            lines = [json.dumps(_as_json(item, rate, locked), ensure_ascii=False) for item in items]
        else:
            lines = list(_as_text(items, rate, self.tokenizer.options.diarize))
        for line in lines:
            screen.print(line)

    def _line(self) -> str:
        """The status line; it is asked for by another thread."""
        status = self._status
        parts = [
            f"{clock(status.heard)} heard",
            "speaking" if status.speaking else "quiet",
            f"{self._behind():.1f} s behind",
            f"{status.tokens / max(status.final, 1e-9):.1f} tokens/s" if status.final else "no tokens yet",
        ]
        return " | ".join(parts) + (f" | {printable(status.words)}" if status.words else "")

    def _save(self) -> None:
        """Write the tokens, and say what they are."""
        listener, tokenizer = self.listener, self.tokenizer
        ids, count = self._ids, self._encoded
        if not self._whole:  # the stream ends where its tokens do
            stream = tokenizer.vocabulary.decode(ids, errors="repair")
            ids = tokenizer.vocabulary.encode(stream)
            count = round(stream.frames / tokenizer.codec_identity.grid.frame_rate * listener.sample_rate)
        seconds = count / listener.sample_rate
        if self.target is not None:
            tokenizer.save_ids(self.target, ids, SourceInfo(listener.sample_rate, count, listener.channels))
            typer.echo(f"wrote {self.target}", err=True)
        stages = ", ".join(f"{stage} {spent:.2f} s" for stage, spent in self._encoder.stage_seconds.items())
        per_second = f": {len(ids) / seconds:.1f} tokens/s" if seconds else ""
        typer.echo(f"{seconds:.2f} s of audio, {len(ids)} tokens{per_second}; {stages}", err=True)


def clock(seconds: float) -> str:
    """As 1:02.34 or 1:00:02.34."""
    minutes, hundredths = divmod(round(100 * seconds), 6000)
    hours, minutes = divmod(minutes, 60)
    rest = f"{hundredths // 100:02d}.{hundredths % 100:02d}"
    return f"{hours}:{minutes:02d}:{rest}" if hours else f"{minutes}:{rest}"


def _as_text(items: Sequence[TimedItem], rate: float, name_speakers: bool) -> Iterator[str]:
    """A line per item that people want to see."""
    for item in joined_texts(items):
        seconds = (item.end - item.start) / rate
        if item.kind == "text":
            shown = printable(item.text)
        elif item.kind in ("event", "units"):
            shown = f"<{item.text or 'units'}> {seconds:.2f} s"
        elif item.kind == "pause" and seconds >= _SHOWN_PAUSE:
            shown = f"(pause) {seconds:.2f} s"
        else:
            continue
        speaker = f"speaker {item.speaker}: " if name_speakers and item.kind != "pause" else ""
        yield f"{clock(item.start / rate):>8} {clock(item.end / rate):>8}  {speaker}{shown}"


def _as_json(item: TimedItem, rate: float, locked: bool) -> dict[str, Any]:
    """An item for programs; free timing knows no times."""
    return {
        "start": round(item.start / rate, 6) if locked else None,
        "end": round(item.end / rate, 6) if locked else None,
        "kind": item.kind,
        "text": item.text,
        "speaker": item.speaker,
        "tokens": item.tokens,
    }


def _is_piped(source: str | None, microphone: str | None) -> bool:
    """Whether raw samples are read.

    Raises:
        OptionsError: another source, or both.
    """
    if source not in (None, "-"):
        raise OptionsError(
            f"live hears a microphone, or - for raw samples; for a recording: hybrid-tok encode {source}"
        )
    if source == "-" and microphone is not None:
        raise OptionsError("--microphone and - are two sources: give one of them")
    if microphone is not None:
        return False
    if source is None:
        return not (sys.stdin is None or sys.stdin.isatty())
    if sys.stdin is not None and sys.stdin.isatty():
        raise OptionsError("- reads raw samples from a pipe, and standard input is a terminal: see --help")
    return True


def _standard_input() -> Any:
    """Without a buffer: a thread that waits in it would keep the process from ending."""
    if sys.stdin is None:
        raise AudioError("standard input is closed: pipe raw samples into it")
    return getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)


def _load(tokenizer: HybridTokenizer) -> None:
    """Refuse options that a stream cannot follow, and have models loaded before anything is heard: they are run once.

    Raises:
        OptionsError: packed windows, which need the whole recording.
        BackendError: a backend hears whole recordings only.
    """
    encoder = tokenizer.stream_encoder()
    encoder.push(np.zeros(tokenizer.codec_identity.sample_rate, np.float32))
    encoder.flush()
    if tokenizer.options.layout == "units":
        return
    silence = Audio(np.zeros(ANALYSIS_RATE, np.float32), ANALYSIS_RATE)
    tokenizer.encoder.annotator.recognizer().recognize(silence, (Span(0, FRAME_RATE),))
    if tokenizer.options.voice:
        tokenizer.encoder.embed(silence.samples)


@contextmanager
def _stopped_by_ctrl_c() -> Iterator[Stop]:
    """The first Ctrl-C sets the flag, the second one stops the command as elsewhere."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(*_: Any) -> None:
        stop.asked = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
