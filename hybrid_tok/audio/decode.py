"""Recordings as blocks of samples: all formats of libsndfile and ffmpeg, from files and from streams.

A file with less audio than its header states is an error, unless that is allowed: otherwise a truncated recording would
be tokenized silently, without its end.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import BLOCK, LOUDEST, RATES
from hybrid_tok.errors import AudioError, AudioWarning

if TYPE_CHECKING:
    import soundfile

Readable: TypeAlias = "str | Path | BinaryIO"
"""A path, "-" for standard input, or a binary stream."""

_UNKNOWN_SIZE = 0x7FFF_F000
"""Sizes in a WAV header from here on mean "not known": ffmpeg, sox and arecord write them into pipes."""

_SMALL_BLOCK = 1024
"""Samples read at once where a recording may be damaged: a block with damage in it is lost."""

_SEEKABLE = frozenset({"WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC"})
"""Formats of libsndfile in which a sample can be found without what is before it."""

_DURATION_SLACK = 0.1
"""Seconds by which ffmpeg's output may be shorter than the declared duration: encoder delay and padding."""


@dataclass(frozen=True, slots=True)
class Reader:
    """An open recording.

    Attributes:
        name: for messages.
        sample_rate: in Hz.
        channels: how many.
        blocks: float32 arrays (channels, n), finite, to be read once and in order.
        start: samples of the recording before the first block.
    """

    name: str
    sample_rate: int
    channels: int
    blocks: Iterator[NDArray[np.float32]]
    start: int = 0


@contextmanager
def open_reader(source: Readable, allow_truncated: bool = False, offset: float = 0.0) -> Iterator[Reader]:
    """Open a recording for reading block by block.

    Args:
        allow_truncated: of a recording that is truncated, or damaged from somewhere on, give what is before, with an
            `AudioWarning`.
        offset: seconds that the reader does not need. It starts there, or at the end of a shorter recording, where the
            format gives exactly the samples that it gives from the start on, else at the start: see `Reader.start`.

    Raises:
        AudioError: there is no such file; it is a folder, empty, not audio, of an impossible rate, damaged or
            truncated; or (while reading) it has samples that are not finite.
    """
    with _open_file(source) as (name, file):
        if os.fstat(file.fileno()).st_size == 0:
            raise AudioError(f"{name} is empty: give a recording with audio in it")
        with _open_soundfile(name, file, _Faults(allow_truncated), offset) as reader:
            if reader is not None:
                yield _checked(reader)
                return
        file.seek(0)
        with _open_ffmpeg(name, file, _Faults(allow_truncated)) as reader:
            yield _checked(reader)


class _Faults:
    """What is missing in a recording: refused, or told and remembered.

    Attributes:
        allowed: give what there is.
        found: something is missing.
    """

    def __init__(self, allowed: bool) -> None:
        self.allowed = allowed
        self.found = False

    def report(self, message: str) -> None:
        if not self.allowed:
            raise AudioError(f"{message}; copy it again, or give allow_truncated=True (--allow-truncated)")
        self.found = True
        warnings.warn(message, AudioWarning, stacklevel=2)


@contextmanager
def _open_file(source: Readable) -> Iterator[tuple[str, BinaryIO]]:
    """A seekable file: streams and pipes are copied to a temporary one, on disk, whatever their length."""
    if isinstance(source, str | Path) and str(source) != "-":
        try:
            file = Path(source).open("rb")  # noqa: SIM115 - entered below, away from these errors
        except FileNotFoundError:
            raise AudioError(f"{source}: no such file") from None
        except IsADirectoryError:
            raise AudioError(f"{source} is a folder: give the recordings in it one by one") from None
        except (OSError, ValueError) as error:
            raise AudioError(f"{source} cannot be opened: {getattr(error, 'strerror', None) or error}") from None
        with file:
            if file.seekable():
                yield str(source), file
            else:
                with _spooled(file) as copy:
                    yield str(source), copy
        return
    stream = sys.stdin.buffer if isinstance(source, str | Path) else source
    name = "standard input" if isinstance(source, str | Path) else str(getattr(source, "name", "the stream"))
    with _spooled(stream) as copy:
        yield name, copy


@contextmanager
def temporary_file() -> Iterator[BinaryIO]:
    """A temporary file whose end raises nothing: on a full disk closing fails as the write before did."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
    try:
        yield file
    finally:
        with suppress(OSError):
            file.close()


@contextmanager
def _spooled(stream: BinaryIO) -> Iterator[BinaryIO]:
    with temporary_file() as copy:
        try:
            shutil.copyfileobj(stream, copy, 1 << 20)
            copy.flush()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise AudioError(
                f"no room for a copy of the recording in {tempfile.gettempdir()} ({error.strerror}): set TMPDIR to "
                "another folder, or give a file in place of a stream"
            ) from None
        copy.seek(0)
        yield copy


def _checked(reader: Reader) -> Reader:
    """The same reader, of a rate that recordings have: at 1 Hz a few bytes are hours. It stops at the first sample that
    is not finite."""
    if not RATES[0] <= reader.sample_rate <= RATES[1]:
        raise AudioError(
            f"{reader.name} has a sample rate of {reader.sample_rate} Hz, not from {RATES[0]} to {RATES[1]} Hz: export "
            "it again"
        )

    def blocks() -> Iterator[NDArray[np.float32]]:
        position = reader.start
        for block in reader.blocks:
            finite = np.abs(block) <= LOUDEST  # NaN is not
            if not finite.all():
                where = (position + int(np.argmin(finite.all(axis=0)))) / reader.sample_rate
                raise AudioError(
                    f"{reader.name} has NaN or infinite samples, or some beyond {LOUDEST:g}, the first at {where:.3f} "
                    "s: export it again"
                )
            position += block.shape[1]
            yield block

    return Reader(reader.name, reader.sample_rate, reader.channels, blocks(), reader.start)


@contextmanager
def _open_soundfile(name: str, file: BinaryIO, faults: _Faults, offset: float) -> Iterator[Reader | None]:
    """The recording by libsndfile; None if it does not know the format."""
    import soundfile

    try:
        # By descriptor: given a name, soundfile takes ".raw" for headerless audio whatever the file holds.
        sound = soundfile.SoundFile(file.fileno(), closefd=False)
    except soundfile.LibsndfileError as error:
        # 1: not recognized, 4: an encoding it lacks. ffmpeg may know better; everything else is damage.
        if error.code not in (1, 4) and not _is_ogg(file):
            faults.report(f"{name} is damaged or truncated: {error.error_string.rstrip('.')}")
        yield None
        return
    with sound:
        _check_promised_size(name, sound, faults)
        if sound.format == "OGG":
            _check_last_ogg_page(name, file, faults)
            sound.seek(0)
        start = _skip(name, sound, offset) if offset else 0
        yield Reader(name, sound.samplerate, sound.channels, _soundfile_blocks(name, sound, faults, start), start)


def _skip(name: str, sound: soundfile.SoundFile, offset: float) -> int:
    """Go to a time where that is exact: decoders of Vorbis, Opus and MP3 need what is before. Gives the sample."""
    import soundfile

    linear = sound.subtype.startswith("PCM_") or sound.subtype in ("FLOAT", "DOUBLE", "ULAW", "ALAW")
    if not linear or sound.format not in _SEEKABLE:
        return 0
    start = min(round(offset * sound.samplerate), sound.frames)
    try:
        return sound.seek(start)
    except soundfile.LibsndfileError as error:
        where = f"before {start / sound.samplerate:.3f} s: {error.error_string.rstrip('.')}"
        raise AudioError(f"{name} is damaged or truncated {where}; copy it again") from None


def _soundfile_blocks(
    name: str, sound: soundfile.SoundFile, faults: _Faults, start: int
) -> Iterator[NDArray[np.float32]]:
    import soundfile

    promised, read = sound.frames, start
    size = _SMALL_BLOCK if faults.allowed else BLOCK
    while True:
        try:
            block = sound.read(size, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            cause = error.error_string.rstrip(".")
            faults.report(f"{name} is damaged or truncated after {read / sound.samplerate:.3f} s: {cause}")
            return
        if not len(block):
            break
        read += len(block)
        yield np.ascontiguousarray(block.T)
    if not faults.found and read < promised:
        faults.report(_truncated(name, read / sound.samplerate, promised / sound.samplerate))


def _check_promised_size(name: str, sound: soundfile.SoundFile, faults: _Faults) -> None:
    """libsndfile reads a truncated file without an error, but it logs "data : PROMISED (should be HELD)"."""
    for promised, held in re.findall(
        r"^\s*(?:data|SSND|Data Size|riff|Riff size)\s*:\s*(\d+) \(should be (\d+)\)", sound.extra_info, re.MULTILINE
    ):
        if int(held) < int(promised) < _UNKNOWN_SIZE:
            faults.report(f"{name} is truncated: its header promises {promised} bytes of audio and it holds {held}")
            return


def _is_ogg(file: BinaryIO) -> bool:
    return os.pread(file.fileno(), 4, 0) == b"OggS"


def _check_last_ogg_page(name: str, file: BinaryIO, faults: _Faults) -> None:
    """An Ogg stream ends with a page that is flagged as its last (RFC 3533); a truncated file does not."""
    size = os.fstat(file.fileno()).st_size
    tail = os.pread(file.fileno(), 1 << 17, max(0, size - (1 << 17)))  # a page is at most 65,307 bytes long
    start = tail.rfind(b"OggS")
    page = tail[start:] if start >= 0 else b""
    whole = len(page) >= 27 and len(page) >= 27 + page[26] + sum(page[27 : 27 + page[26]])
    if not whole or not page[5] & 4:
        faults.report(f"{name} is truncated: its last Ogg page is missing")


def _check_riff_size(name: str, file: BinaryIO, faults: _Faults) -> None:
    """ffmpeg reads a truncated AVI, or WAV with an encoding that libsndfile lacks, without an error."""
    head, size = os.pread(file.fileno(), 8, 0), os.fstat(file.fileno()).st_size
    promised = int.from_bytes(head[4:8], "little") + 8
    if head[:4] == b"RIFF" and size < promised < _UNKNOWN_SIZE:
        faults.report(f"{name} is truncated: its header promises {promised} bytes and it holds {size}")


@contextmanager
def _open_ffmpeg(name: str, file: BinaryIO, faults: _Faults) -> Iterator[Reader]:
    """The recording by ffmpeg (PyAV), for formats that libsndfile lacks: m4a, mp4, webm, wma..."""
    import av.error

    try:
        # No protocols: a playlist must not make ffmpeg open other files or the network.
        container: Any = av.open(file, mode="r", metadata_errors="ignore", options={"protocol_whitelist": "none"})
    except (av.error.FFmpegError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise AudioError(f"{name} is no audio file that libsndfile or ffmpeg can read ({cause})") from None
    with container:
        if not container.streams.audio:
            raise AudioError(f"{name} holds no audio stream")
        if _is_ogg(file):
            _check_last_ogg_page(name, file, faults)
        _check_riff_size(name, file, faults)
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise AudioError(f"{name} has audio of a kind that ffmpeg does not know: export it in another format")
        if not stream.rate or not stream.channels:
            raise AudioError(f"{name} is damaged: its audio stream states no sample rate or channels")
        yield Reader(name, stream.rate, stream.channels, _ffmpeg_blocks(name, container, stream, faults))


def _ffmpeg_blocks(name: str, container: Any, stream: Any, faults: _Faults) -> Iterator[NDArray[np.float32]]:
    import av.error

    read = 0
    convert = av.AudioResampler(format="fltp", layout=stream.layout.name, rate=stream.rate)
    try:
        for frame in container.decode(stream):
            for converted in convert.resample(frame):
                read += converted.samples
                yield np.asarray(converted.to_ndarray(), np.float32)
        for converted in convert.resample(None):
            read += converted.samples
            yield np.asarray(converted.to_ndarray(), np.float32)
    except (av.error.FFmpegError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        faults.report(f"{name} is damaged or truncated after {read / stream.rate:.3f} s: {cause}")
        return
    promised = _promised_seconds(container, stream)
    if not faults.found and promised is not None and read / stream.rate < promised - _DURATION_SLACK:
        faults.report(_truncated(name, read / stream.rate, promised))


def _promised_seconds(container: Any, stream: Any) -> float | None:
    """The duration a container declares; None where ffmpeg only guesses it from the bit rate (raw AAC, AC-3...)."""
    if not {"mov", "matroska", "asf", "avi", "flac", "wav"} & set(container.format.name.split(",")):
        return None
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / 1e6
    return None


def _truncated(name: str, held: float, promised: float) -> str:
    return f"{name} is truncated: it promises {promised:.3f} s of audio and holds {held:.3f} s"
