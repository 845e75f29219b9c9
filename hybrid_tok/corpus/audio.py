"""The samples of an entry: of a file here or at an address, of a tar's member, or of a row of an Arrow file."""

from __future__ import annotations

import importlib
import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio.decode import Readable, Reader, open_reader
from hybrid_tok.audio.resampling import join_blocks, resampled
from hybrid_tok.core.audio import Audio, SourceInfo, mix
from hybrid_tok.corpus.entries import AudioPlace
from hybrid_tok.corpus.rows import Reason
from hybrid_tok.corpus.store import MissingFileError, Store, local_path
from hybrid_tok.errors import AudioError, BackendError, CorpusError, first_line

SHORTER = 0.1
"""Seconds by which a file may end before the part does: durations are rounded, and encoders pad."""

LONGER = 0.5
"""Seconds by which a file may be longer than a duration that is said to be its whole."""

_TABLES = 8
"""Arrow files that a process keeps mapped."""


class PlaceError(CorpusError):
    """There is no audio where an entry says it is.

    Attributes:
        reason: of the failure.
    """

    reason: Reason = "unreadable"


class MissingAudioError(PlaceError):
    """There is no such file, or no right to read it."""

    reason: Reason = "missing"


class UnreadableAudioError(PlaceError):
    """The file is there and does not give its bytes."""


class DurationError(PlaceError):
    """The recording is not as long as the manifest says."""

    reason: Reason = "duration"


def load(place: AudioPlace, sample_rate: int) -> tuple[Audio, SourceInfo]:
    """The audio of an entry, mono at a rate, and what it was before.

    The ends of the part are the samples nearest to `offset` and to `offset + duration` at the file's own rate, so that
    parts that follow each other share none and miss none. They are cut before they are resampled. A part that is a
    whole file is exactly what `hybrid_tok.audio.read_mono` gives.

    Raises:
        PlaceError: the file is missing or cannot be read, or it is not as long as the entry says.
        AudioError: it is no audio, damaged, truncated, or lacks the channel.
        BackendError: what its address or Arrow files need is not installed.
    """
    with _opened(place) as source, open_reader(source, offset=place.offset) as reader:
        part = _Part(place, reader)
        blocks = resampled(part.blocks(), reader.sample_rate, sample_rate, channels=1)
        audio = Audio(join_blocks(blocks, channels=1)[0], sample_rate)
        return audio, SourceInfo(reader.sample_rate, part.read, 1 if place.channel is not None else reader.channels)


def probe_seconds(file: BinaryIO) -> float | None:
    """The length of a recording as its header has it; None where libsndfile cannot tell."""
    import soundfile

    try:
        info = soundfile.info(file)
    except (soundfile.LibsndfileError, OSError, ValueError, TypeError):
        return None
    seconds = info.frames / info.samplerate if info.samplerate > 0 else 0.0
    return seconds if 0.0 < seconds < 1e8 else None  # a stream of unknown length has an impossible one


class _Part:
    """The part of a recording that an entry names, mixed.

    Attributes:
        read: samples of it so far.
    """

    def __init__(self, place: AudioPlace, reader: Reader) -> None:
        self._place, self._reader = place, reader
        self.read = 0
        if place.channel is not None and place.channel >= reader.channels:
            raise AudioError(f"{reader.name} has {reader.channels} channels, and none with the number {place.channel}")

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Blocks (1, n).

        Raises:
            DurationError: the recording is shorter than the part, or longer than it should be.
        """
        place, rate = self._place, self._reader.sample_rate
        start = round(place.offset * rate)
        end = None if place.duration is None else round((place.offset + place.duration) * rate)
        whole = place.whole and place.duration is not None
        stop = None if whole else end  # the whole is wanted, and the duration may be rounded
        position = self._reader.start
        if stop is None or position < stop:
            for block in self._reader.blocks:
                first, position = position, position + block.shape[1]
                wanted = block[:, max(0, start - first) : None if stop is None else max(0, stop - first)]
                if wanted.shape[1]:
                    self.read += wanted.shape[1]
                    yield self._mixed(wanted)[np.newaxis]
                if whole and end is not None and position > end + LONGER * rate:
                    raise self._longer()
                if stop is not None and position >= stop:
                    return
        if max(start, end or 0) > position + SHORTER * rate:
            raise self._shorter(position / rate)

    def _mixed(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        channel = self._place.channel
        return mix(block) if channel is None else np.ascontiguousarray(block[channel])

    def _shorter(self, seconds: float) -> DurationError:
        place = self._place
        said = f"offset says {place.offset:g} s" if place.duration is None else f"duration says {place.duration:g} s"
        if place.duration is not None:
            said = f"{said} from {place.offset:g} s on"
        return DurationError(f"{self._reader.name}: {said}, the file has {seconds:g} s")

    def _longer(self) -> DurationError:
        return DurationError(
            f"{self._reader.name}: duration says {self._place.duration:g} s, the file is more than {LONGER:g} s "
            "longer: correct it, or give an offset if a part is meant"
        )


class _NamedBytes(io.BytesIO):
    """Bytes that messages can name."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


@contextmanager
def _opened(place: AudioPlace) -> Iterator[Readable]:
    """What the recording is read from."""
    if place.row is not None:
        kept = _in_table(place.address, place.row, place.column or "audio")
        if isinstance(kept, bytes):
            yield _NamedBytes(kept, f"{place.address}, row {place.row}")
        else:
            with _opened(replace(place, address=kept, row=None, column=None)) as source:
                yield source
        return
    path = local_path(place.address)
    if path is not None:
        _check_readable(path)
    if place.byte_range is not None:
        yield _NamedBytes(_member(place.address, *place.byte_range), f"{place.address}, byte {place.byte_range[0]}")
    elif path is not None:
        yield path
    else:
        yield _NamedBytes(_fetched(place.address), place.address)


def _check_readable(path: Path) -> None:
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            path.open("rb").close()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        raise MissingAudioError(f"{path}: no such file") from None
    except PermissionError:
        raise MissingAudioError(f"{path}: there is no right to read it") from None
    except OSError as error:
        raise UnreadableAudioError(f"{path}: {error.strerror or error}") from None
    if not stat.S_ISREG(mode):
        raise UnreadableAudioError(f"{path}: is no file, but a {'folder' if stat.S_ISDIR(mode) else 'device or pipe'}")


def _member(address: str, start: int, size: int) -> bytes:
    """Bytes of a tar."""
    folder, name = _split(address)
    with _failures():
        data = Store(folder).read_range(name, start, size)
    if len(data) != size:
        raise UnreadableAudioError(f"{address}: ends before byte {start + size}: it has changed since it was listed")
    return data


def _fetched(address: str) -> bytes:
    folder, name = _split(address)
    with _failures():
        return Store(folder).read(name)


@contextmanager
def _failures() -> Iterator[None]:
    """Errors of a store as those of an entry."""
    try:
        yield
    except MissingFileError as error:
        raise MissingAudioError(str(error)) from None
    except CorpusError as error:
        raise UnreadableAudioError(str(error)) from None


def _split(address: str) -> tuple[str, str]:
    """Folder and name."""
    path = local_path(address)
    if path is not None:
        return str(path.parent), path.name
    folder, _, name = address.rpartition("/")
    return folder, name


def _in_table(address: str, row: int, column: str) -> bytes | str:
    """The bytes or the path of a recording in an Arrow file."""
    where = f"{address}, row {row}"
    path = local_path(address)
    if path is None:
        raise UnreadableAudioError(f"{address}: Arrow files are mapped into memory: copy them to a local disk")
    _check_readable(path)
    try:
        value = _table(str(path)).column(column)[row].as_py()
    except (OSError, KeyError, IndexError, ValueError) as error:  # pyarrow's errors are among them
        raise UnreadableAudioError(f"{where}: {first_line(error)}") from None
    kept = value.get("bytes") or value.get("path") if isinstance(value, dict) else value
    if not isinstance(kept, bytes | str) or not kept:
        raise UnreadableAudioError(f"{where}: {column!r} has neither bytes nor a path")
    return kept


@lru_cache(maxsize=_TABLES)
def _table(path: str) -> Any:
    """An Arrow file, mapped; nothing of it is read yet."""
    arrow = import_arrow()
    with arrow.ipc.open_stream(arrow.memory_map(path)) as reader:
        return reader.read_all()


def import_arrow() -> Any:
    """pyarrow.

    Raises:
        BackendError: it is not installed.
    """
    try:
        importlib.import_module("pyarrow.ipc")
        return importlib.import_module("pyarrow")
    except ImportError:
        raise BackendError("Hugging Face datasets need pyarrow: pip install 'hybrid-tok[corpus]'") from None
