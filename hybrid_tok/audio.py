"""Audio as a value: samples with their rate, and the one place where recordings are read, resampled and written."""

from __future__ import annotations

import mmap
import sys
import tempfile
import wave
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.errors import AudioError
from hybrid_tok.files import atomic_write
from hybrid_tok.readers import BLOCK, Readable, Reader, open_reader

_MAX_CHANNELS = 64
"""More channels than this are taken for samples whose array is the wrong way round."""


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """Samples and their rate.

    Attributes:
        samples: float32, shape (N,) for mono or (channels, N); nominally within [-1, 1], always finite.
        sample_rate: in Hz.
    """

    samples: NDArray[np.float32]
    sample_rate: int

    def __post_init__(self) -> None:
        if self.sample_rate < 1:
            raise AudioError(f"a sample rate must be at least 1 Hz, not {self.sample_rate}")
        if self.samples.dtype != np.float32 or self.samples.ndim not in (1, 2):
            raise AudioError(
                f"audio must be float32 of shape (N,) or (channels, N), not {self.samples.dtype} of shape "
                f"{self.samples.shape}: use Audio.from_samples"
            )

    @classmethod
    def from_samples(cls, samples: Any, sample_rate: int) -> Audio:
        """Audio from an array of (N,) or (channels, N): floats as they are, int16 and int32 scaled to [-1, 1).

        Raises:
            AudioError: another type or shape, samples that are not finite, or no sample rate.
        """
        array = np.asarray(samples)
        if array.dtype in (np.int16, np.int32):
            array = array / np.float64(-int(np.iinfo(array.dtype).min))
        if not np.issubdtype(array.dtype, np.floating):
            raise AudioError(f"samples must be floats, int16 or int32, not {array.dtype}")
        if array.ndim not in (1, 2) or (array.ndim == 2 and not 1 <= array.shape[0] <= _MAX_CHANNELS):
            raise AudioError(f"samples must have the shape (N,) or (channels, N), not {array.shape}")
        with np.errstate(over="ignore"):  # a float64 beyond float32's range becomes an infinity, refused below
            converted = np.ascontiguousarray(array, np.float32)
        if not np.isfinite(converted).all():
            raise AudioError("the samples given have NaN or infinite values: clean them first")
        return cls(converted, int(sample_rate))

    @property
    def num_samples(self) -> int:
        """Samples per channel."""
        return self.samples.shape[-1]

    @property
    def num_channels(self) -> int:
        return 1 if self.samples.ndim == 1 else self.samples.shape[0]

    @property
    def seconds(self) -> float:
        return self.num_samples / self.sample_rate

    def to_mono(self) -> Audio:
        """The mean of the channels; mono audio as it is."""
        if self.samples.ndim == 1:
            return self
        mono = np.empty(self.num_samples, np.float32)
        for start in range(0, self.num_samples, BLOCK):
            mono[start : start + BLOCK] = _mix(self.samples[:, start : start + BLOCK])
        return Audio(mono, self.sample_rate)


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a recording was before it was mixed and resampled.

    Attributes:
        sample_rate: in Hz.
        num_samples: samples per channel at that rate.
        channels: how many were mixed.
    """

    sample_rate: int
    num_samples: int
    channels: int


def read_audio(source: Readable) -> Audio:
    """Read a whole recording at its own rate, with all its channels: (N,) if it has one, else (channels, N).

    Args:
        source: a path, "-" for standard input, or a binary stream.

    Raises:
        AudioError: it cannot be read whole, or has samples that are not finite.
    """
    with open_reader(source) as reader:
        samples = _join(reader.blocks, channels=reader.channels)
        return Audio(samples[0] if reader.channels == 1 else samples, reader.sample_rate)


def read_mono(source: Readable, sample_rate: int = 16_000) -> tuple[Audio, SourceInfo]:
    """Read a recording as mono at a given rate, and say what it was before.

    Mixes and resamples block by block: memory is what the result takes, whatever the recording's own rate and
    channels. The result is that of `resample(read_audio(source).to_mono(), sample_rate)`, sample for sample.

    Args:
        source: a path, "-" for standard input, or a binary stream.
        sample_rate: of the result, in Hz.

    Raises:
        AudioError: it cannot be read whole, or has samples that are not finite.
    """
    with open_reader(source) as reader:
        return _read_mixed(reader, sample_rate)


def read_channels(
    source: Readable, sample_rate: int = 16_000, channel_rate: int = 16_000
) -> tuple[Audio, SourceInfo, tuple[Audio, ...]]:
    """Read a recording as `read_mono` does, and its channels by themselves, in one pass.

    The channels are kept in temporary files on disk (64 kB a second and channel at 16 kHz, gone with the arrays) and
    mapped into memory: the system pages them in as they are read, and takes the pages back when memory is short.

    Args:
        channel_rate: of the channels, in Hz.

    Returns:
        The mix, what the recording was, and a mono `Audio` per channel; none where there is only one channel.

    Raises:
        AudioError: it cannot be read whole, or there is no room on disk.
    """
    with open_reader(source) as reader:
        if reader.channels == 1:
            return *_read_mixed(reader, sample_rate), ()
        resampler = _Resampler(reader.sample_rate, channel_rate, reader.channels)
        with ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(reader.channels)]

            def kept() -> Iterator[NDArray[np.float32]]:
                for block in reader.blocks:
                    _append(files, resampler.push(block))
                    yield block
                _append(files, resampler.finish())

            mono, info = _read_mixed(Reader(reader.name, reader.sample_rate, reader.channels, kept()), sample_rate)
            return mono, info, tuple(Audio(_mapped(file), channel_rate) for file in files)


def _read_mixed(reader: Reader, sample_rate: int) -> tuple[Audio, SourceInfo]:
    read = 0

    def mixed() -> Iterator[NDArray[np.float32]]:
        nonlocal read
        for block in reader.blocks:
            read += block.shape[1]
            yield _mix(block)[np.newaxis]

    blocks = _resampled(mixed(), reader.sample_rate, sample_rate, channels=1)
    audio = Audio(_join(blocks, channels=1)[0], sample_rate)
    return audio, SourceInfo(reader.sample_rate, read, reader.channels)


def _append(files: Sequence[BinaryIO], block: NDArray[np.float32]) -> None:
    """Each channel of (channels, n) to its file."""
    for file, channel in zip(files, block, strict=True):
        try:
            file.write(channel.tobytes())
        except OSError as error:
            raise AudioError(
                f"no room for the recording's channels in {tempfile.gettempdir()} ({error.strerror}): set TMPDIR to "
                "another folder, or have speakers told apart in the mix (channels='mix')"
            ) from None


def _mapped(file: BinaryIO) -> NDArray[np.float32]:
    """The samples in a file, which may be closed afterwards. Writing to the array changes nothing on disk."""
    file.flush()
    if file.tell() == 0:  # nothing cannot be mapped
        return np.zeros(0, np.float32)
    return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY), np.float32)


def resampled_length(num_samples: int, sample_rate: int, new_rate: int) -> int:
    """How many samples a recording has at another rate: ceil(N * new / old).

    Rounded up, so that nothing of a tail is lost, and so that there and back again is never shorter than before.
    """
    return -(-num_samples * new_rate // sample_rate)


def resample(audio: Audio, sample_rate: int, length: int | None = None) -> Audio:
    """The audio at another rate (soxr, high quality), with exactly `resampled_length` samples.

    Args:
        length: the exact length wanted, where rounding has lost it: that of a recording which went to this audio's
            rate and now comes back. At most as long as `resampled_length`.

    Raises:
        AudioError: `length` is another recording's.
    """
    expected = resampled_length(audio.num_samples, audio.sample_rate, sample_rate)
    length = expected if length is None else length
    if length != expected and resampled_length(length, sample_rate, audio.sample_rate) != audio.num_samples:
        raise AudioError(
            f"{audio.num_samples} samples at {audio.sample_rate} Hz make {expected} at {sample_rate} Hz, not {length}"
        )
    if sample_rate == audio.sample_rate and length == audio.num_samples:
        return audio
    samples = np.atleast_2d(audio.samples)
    pieces = (samples[:, start : start + BLOCK] for start in range(0, audio.num_samples, BLOCK))
    blocks = _resampled(pieces, audio.sample_rate, sample_rate, audio.num_channels)
    result = _join(blocks, channels=audio.num_channels)[:, :length]
    return Audio(np.ascontiguousarray(result[0] if audio.samples.ndim == 1 else result), sample_rate)


def write_wav(target: str | Path | BinaryIO, audio: Audio, *, clip: bool = False) -> None:
    """Write a 16-bit PCM WAV file, whole or not at all.

    Reading a 16-bit file and writing it again gives the same samples. No dither, no time stamp: the same audio gives
    the same bytes.

    Args:
        target: a path, "-" for standard output, or a binary stream (which need not be seekable).
        clip: cut samples beyond [-1, 1] off; otherwise they are an error.

    Raises:
        AudioError: samples beyond [-1, 1] or not finite, or more than a WAV file can hold (4 GiB).
        OSError: the file cannot be written.
    """
    for block in _slices(audio):
        if not np.isfinite(block).all():
            raise AudioError(f"audio for {target} has NaN or infinite samples")
        if not clip and np.abs(block).max(initial=0.0) > 1.0:
            raise AudioError(f"audio for {target} goes beyond full scale ({np.abs(block).max():.3f}): scale it down")
    if audio.num_samples * audio.num_channels * 2 > 0xFFFF_FFFF - 64:
        raise AudioError(f"audio for {target} is longer than a WAV file can be (4 GiB): write it in parts")
    if not isinstance(target, str | Path):
        _write_pcm(target, audio)
    elif str(target) == "-":
        _write_pcm(sys.stdout.buffer, audio)
        sys.stdout.buffer.flush()
    else:
        with atomic_write(target) as file:
            _write_pcm(file, audio)


def _write_pcm(file: BinaryIO, audio: Audio) -> None:
    with wave.open(file, "wb") as out:
        out.setnchannels(audio.num_channels)
        out.setsampwidth(2)
        out.setframerate(audio.sample_rate)
        out.setnframes(audio.num_samples)  # known in advance, so that the header is right also in a pipe
        for block in _slices(audio):
            scaled = np.clip(np.rint(block.astype(np.float64) * 32768.0), -32768, 32767)
            out.writeframesraw(scaled.T.astype("<i2").tobytes())


def _slices(audio: Audio) -> Iterator[NDArray[np.float32]]:
    samples = np.atleast_2d(audio.samples)
    return (samples[:, start : start + BLOCK] for start in range(0, audio.num_samples, BLOCK))


def _mix(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over the channels of (channels, n).

    In double precision from contiguous rows, so that the sum does not depend on how the block lies in memory.
    """
    return np.ascontiguousarray(block).mean(axis=0, dtype=np.float64).astype(np.float32)


class _Resampler:
    """Blocks (channels, n) to another rate, `resampled_length` samples in all whatever the blocks' sizes."""

    def __init__(self, sample_rate: int, new_rate: int, channels: int) -> None:
        self._sample_rate, self._new_rate, self._channels = sample_rate, new_rate, channels
        self._read = self._written = 0
        self._stream = None
        if sample_rate == new_rate:
            return
        import soxr

        try:
            self._stream = soxr.ResampleStream(sample_rate, new_rate, channels, dtype="float32", quality="HQ")
        except (RuntimeError, ValueError) as error:
            raise AudioError(f"cannot resample from {sample_rate} Hz to {new_rate} Hz: {error}") from None

    def push(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._stream is None:
            return block
        out = self._stream.resample_chunk(np.ascontiguousarray(block.T))
        self._read += block.shape[1]
        self._written += len(out)
        return out.T

    def finish(self) -> NDArray[np.float32]:
        """What is left once all blocks have been pushed."""
        if self._stream is None:
            return np.zeros((self._channels, 0), np.float32)
        # soxr rounds the length to nearest: two more output samples' worth of silence makes sure of the last one
        silence = np.zeros((2 * -(-self._sample_rate // self._new_rate), self._channels), np.float32)
        out = self._stream.resample_chunk(silence, last=True)
        return out[: resampled_length(self._read, self._sample_rate, self._new_rate) - self._written].T


def _resampled(
    blocks: Iterable[NDArray[np.float32]], sample_rate: int, new_rate: int, channels: int
) -> Iterator[NDArray[np.float32]]:
    """Blocks (channels, n) at another rate."""
    resampler = _Resampler(sample_rate, new_rate, channels)
    for block in blocks:
        yield resampler.push(block)
    yield resampler.finish()


def _join(blocks: Iterable[NDArray[np.float32]], channels: int) -> NDArray[np.float32]:
    """All blocks (channels, n) in one array, letting go of each as it is copied: an hour fits only once."""
    held = list(blocks)
    joined = np.empty((channels, sum(block.shape[1] for block in held)), np.float32)
    position = joined.shape[1]
    while held:
        block = held.pop()
        joined[:, position - block.shape[1] : position] = block
        position -= block.shape[1]
    return joined
