"""Samples while they are being recorded: of a microphone, or raw ones of a pipe.

A thread puts them into a queue as they come; whoever encodes takes them out. The queue is bounded. A pipe waits for
room in it; a microphone cannot wait, so that a full queue ends the recording: nothing is dropped from its middle.
"""

from __future__ import annotations

import importlib
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import LOUDEST, RATES
from hybrid_tok.errors import AudioError, BackendError, HybridTokError, OptionsError, first_line

SampleFormat: TypeAlias = Literal["s16le", "f32le"]
"""Of raw samples: 16-bit integers or 32-bit floats, little-endian, channels in turn."""

LIMIT = 60.0
"""Seconds that a queue holds."""

SILENT = 3.0
"""Seconds without samples after which a microphone has gone; working ones deliver every tenth of a second."""

_MOST_CHANNELS = 64
_USUAL_RATE = 16_000
_HEADERS = {b"RIFF": "a WAV file", b"RF64": "a WAV file", b"fLaC": "a FLAC file", b"OggS": "an Ogg file", b"ID3": "MP3"}


class SampleQueue:
    """Samples between who hears them and who encodes them.

    Args:
        limit: samples per channel that it holds.

    Attributes:
        received: samples per channel that were put.
        fault: why there are no more, where that is an error.
    """

    def __init__(self, limit: int) -> None:
        self.received = 0
        self.fault: HybridTokError | None = None
        self._limit = limit
        self._blocks: deque[NDArray[np.float32]] = deque()
        self._waiting = 0
        self._ended = False
        self._changed = threading.Condition()

    @property
    def waiting(self) -> int:
        """Samples per channel that were not taken yet."""
        return self._waiting

    @property
    def ended(self) -> bool:
        """Whether nothing will be put any more."""
        return self._ended

    @property
    def empty(self) -> bool:
        """Whether nothing can be taken any more."""
        return self._ended and not self._waiting

    def put(self, block: NDArray[np.float32], wait: bool) -> bool:
        """Add a block (channels, n).

        Args:
            wait: for room.

        Returns:
            Whether it was added: there was room, and the recording goes on.
        """
        count = block.shape[1]
        with self._changed:
            while wait and not self._ended and self._waiting and self._waiting + count > self._limit:
                self._changed.wait()
            if self._ended or self._waiting + count > self._limit:
                return False
            self._blocks.append(block)
            self._waiting += count
            self.received += count
            self._changed.notify_all()
            return True

    def end(self, fault: HybridTokError | None = None) -> None:
        """Nothing follows; what waits can still be taken."""
        with self._changed:
            if not self._ended:
                self._ended, self.fault = True, fault
            self._changed.notify_all()

    def take(self, most: int, timeout: float) -> NDArray[np.float32] | None:
        """The next samples (channels, n), at most so many; None if there are none after `timeout` seconds."""
        with self._changed:
            if not self._waiting and not self._ended:
                self._changed.wait(timeout)
            taken: list[NDArray[np.float32]] = []
            left = most
            while self._blocks and left:
                block = self._blocks.popleft()
                if block.shape[1] > left:
                    self._blocks.appendleft(block[:, left:])
                    block = block[:, :left]
                left -= block.shape[1]
                taken.append(block)
            self._waiting -= most - left
            self._changed.notify_all()
        return np.concatenate(taken, axis=1) if taken else None

    def keep(self, count: int) -> None:
        """Forget all but the first of the samples that wait."""
        with self._changed:
            while self._blocks and self._waiting > count:
                last = self._blocks.pop()
                surplus = min(self._waiting - max(count, 0), last.shape[1])
                if surplus < last.shape[1]:
                    self._blocks.append(last[:, : last.shape[1] - surplus])
                self._waiting -= surplus
            self._changed.notify_all()


class Listener(Protocol):
    """What samples come from.

    Attributes:
        queue: that they come through.
        sample_rate: in Hz.
        channels: of the samples.
        waits: whether it waits while the queue is full.
        left_over: bytes at the end that are no whole sample.
    """

    queue: SampleQueue
    sample_rate: int
    channels: int
    waits: bool
    left_over: int

    def check(self) -> str | None:
        """Look after it now and then: ends the queue if it has gone; what was lost since the last look, in words."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class RawFormat:
    """How raw samples are written.

    Raises:
        OptionsError: a rate or number of channels that no recording has.
    """

    sample_rate: int = _USUAL_RATE
    kind: SampleFormat = "s16le"
    channels: int = 1

    def __post_init__(self) -> None:
        check_shape(self.sample_rate, self.channels)

    @property
    def frame_bytes(self) -> int:
        """Bytes of a sample of every channel."""
        return (2 if self.kind == "s16le" else 4) * self.channels

    def read(self, data: bytes) -> NDArray[np.float32]:
        """Whole samples as (channels, n)."""
        if self.kind == "s16le":
            samples = (np.frombuffer(data, "<i2") / np.float64(1 << 15)).astype(np.float32)
        else:
            samples = np.frombuffer(data, "<f4").astype(np.float32)
        return np.ascontiguousarray(samples.reshape(-1, self.channels).T)


def check_shape(sample_rate: int, channels: int) -> None:
    """Refuse what no recording has.

    Raises:
        OptionsError: see above.
    """
    if not RATES[0] <= sample_rate <= RATES[1]:
        raise OptionsError(f"--rate must be {RATES[0]} to {RATES[1]} Hz, not {sample_rate}")
    if not 1 <= channels <= _MOST_CHANNELS:
        raise OptionsError(f"--channels must be 1 to {_MOST_CHANNELS}, not {channels}")


class RawPipe:
    """Raw samples of a pipe, read by a thread of its own.

    Args:
        file: unbuffered, so that what has come is read at once.
        written: how samples are written.
    """

    def __init__(self, file: BinaryIO, written: RawFormat) -> None:
        self.queue = SampleQueue(round(LIMIT * written.sample_rate))
        self.sample_rate, self.channels, self.waits = written.sample_rate, written.channels, True
        self.left_over = 0
        self._file, self._written = file, written
        self._thread = threading.Thread(target=self._read, name="raw samples", daemon=True)
        self._thread.start()

    def check(self) -> str | None:
        """Nothing is lost in a pipe, and its end is seen."""
        return None

    def close(self) -> None:
        """Take no more. A read that waits for who writes is left to itself."""
        self.queue.end()

    def _read(self) -> None:
        try:
            self._pass_on()
        except HybridTokError as error:
            self.queue.end(error)
        except OSError as error:
            self.queue.end(AudioError(f"standard input cannot be read any more: {error.strerror or error}"))
        else:
            self.queue.end()

    def _pass_on(self) -> None:
        size = self._written.frame_bytes
        block = size * max(self.sample_rate // 10, 1)
        kept, begun = b"", False
        while not self.queue.ended:
            data = self._file.read(block - len(kept))
            if data is None:  # a pipe that does not wait, and has nothing yet
                time.sleep(0.01)
                continue
            kept += data
            if not begun and (len(kept) >= 4 or not data):
                begun = True
                _refuse_file(kept)
            whole = len(kept) // size * size if begun else 0
            if whole:
                samples = self._written.read(kept[:whole])
                kept = kept[whole:]
                self._refuse_noise(samples)
                self.queue.put(samples, wait=True)
            if not data:
                self.left_over = len(kept)
                return

    def _refuse_noise(self, samples: NDArray[np.float32]) -> None:
        """Refuse what is no sound; the samples before it are passed on."""
        wrong = ~(np.abs(samples) <= LOUDEST).all(axis=0)
        if not wrong.any():
            return
        at = int(wrong.argmax())
        self.queue.put(samples[:, :at], wait=True)
        raise AudioError(
            f"the sample at {self.queue.received / self.sample_rate:.3f} s of standard input is no sound "
            f"({samples[:, at].max():.3g}): is it of another --format than {self._written.kind}?"
        )


def _refuse_file(head: bytes) -> None:
    for magic, name in _HEADERS.items():
        if head.startswith(magic):
            raise AudioError(
                f"standard input is {name}, not raw samples: use `hybrid-tok encode -`, or "
                "ffmpeg -i - -f s16le -ar 16000 -ac 1 - before it"
            )


class Microphone:
    """A microphone, by sounddevice.

    Args:
        name: part of its name, or its number; None is the system's choice.
        sample_rate: in Hz; None is 16 kHz, or the microphone's own rate where it cannot have that.
        channels: that are recorded.

    Raises:
        BackendError: sounddevice or PortAudio is missing.
        AudioError: there is no such microphone, or it cannot be opened like this.
        OptionsError: a rate or number of channels that no recording has.
    """

    def __init__(self, name: str | None = None, sample_rate: int | None = None, channels: int = 1) -> None:
        check_shape(sample_rate or _USUAL_RATE, channels)
        library = _import_sounddevice()
        device = int(name) if name is not None and name.isdecimal() else name
        try:
            self.sample_rate = sample_rate or _find_rate(library, device, channels)
            self.channels, self.waits, self.left_over = channels, False, 0
            self.queue = SampleQueue(round(LIMIT * self.sample_rate))
            self._heard_at, self._lost, self._closing = time.monotonic(), 0, False
            self._stream = library.InputStream(
                device=device,
                samplerate=self.sample_rate,
                channels=channels,
                dtype="float32",
                blocksize=self.sample_rate // 10,
                callback=self._hear,
                finished_callback=self._gone,
            )
            self._stream.start()
        except (library.PortAudioError, ValueError) as error:
            named = "no microphone can" if name is None else f"microphone {name!r} cannot"
            raise AudioError(
                f"{named} be opened: {first_line(error)}; `python -m sounddevice` lists what there is"
            ) from None

    def check(self) -> str | None:
        """See `Listener`."""
        if time.monotonic() - self._heard_at > SILENT:
            self._gone()
        lost, self._lost = self._lost, 0
        if not lost:
            return None
        return f"the microphone lost samples before {self.queue.received / self.sample_rate:.1f} s: the system was busy"

    def close(self) -> None:
        """Stop listening; what was heard can still be taken."""
        self._closing = True
        self.queue.end()
        self._stream.close()  # of one that has gone, sounddevice ignores the errors

    def _hear(self, samples: NDArray[np.float32], count: int, when: Any, status: Any) -> None:
        """Called by PortAudio with (n, channels)."""
        self._heard_at = time.monotonic()
        self._lost += bool(status.input_overflow)
        if not self.queue.put(np.ascontiguousarray(samples.T), wait=False) and not self.queue.ended:
            self.queue.end(
                AudioError(
                    f"{LIMIT:.0f} s were waiting to be encoded: listening stopped at "
                    f"{self.queue.received / self.sample_rate:.1f} s, and what was heard until then is kept"
                )
            )

    def _gone(self) -> None:
        """Called by PortAudio when the stream has ended, by itself or by us."""
        if not self._closing:
            at = self.queue.received / self.sample_rate
            self.queue.end(AudioError(f"the microphone has gone at {at:.1f} s: what was heard until then is kept"))


def _find_rate(library: Any, device: int | str | None, channels: int) -> int:
    """16 kHz, or the microphone's own rate."""
    try:
        library.check_input_settings(device=device, channels=channels, dtype="float32", samplerate=_USUAL_RATE)
    except (library.PortAudioError, ValueError):
        return int(library.query_devices(device, "input")["default_samplerate"])
    return _USUAL_RATE


def _import_sounddevice() -> Any:
    try:
        return importlib.import_module("sounddevice")
    except ImportError:
        raise BackendError(
            'the microphone needs sounddevice: pip install "hybrid-tok[live]"; or pipe raw samples in (see --help)'
        ) from None
    except OSError as error:
        raise BackendError(
            f"the microphone needs the system's PortAudio ({first_line(error)}): apt install libportaudio2, or "
            "brew install portaudio; or pipe raw samples in (see --help)"
        ) from None
