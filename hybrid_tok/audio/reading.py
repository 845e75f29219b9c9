"""Recordings as `Audio`, mixed and resampled block by block as they are decoded."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio.decode import Readable, Reader, open_reader, temporary_file
from hybrid_tok.audio.resampling import Resampler, join_blocks, resampled
from hybrid_tok.core.audio import Audio, SourceInfo, mix
from hybrid_tok.errors import AudioError


def read_audio(source: Readable) -> Audio:
    """Read a whole recording at its own rate, with all its channels: (N,) if it has one, else (channels, N).

    Args:
        source: a path, "-" for standard input, or a binary stream.

    Raises:
        AudioError: it cannot be read whole, or has samples that are not finite.
    """
    with open_reader(source) as reader:
        samples = join_blocks(reader.blocks, channels=reader.channels)
        return Audio(samples[0] if reader.channels == 1 else samples, reader.sample_rate)


def read_mono(
    source: Readable, sample_rate: int = 16_000, *, allow_truncated: bool = False
) -> tuple[Audio, SourceInfo]:
    """Read a recording as mono at a given rate, with the properties of the original.

    Mixes and resamples block by block: memory is that of the result, whatever the recording's own rate and
    channels. The result is that of `resample(read_audio(source).to_mono(), sample_rate)`, sample for sample.

    Args:
        source: a path, "-" for standard input, or a binary stream.
        sample_rate: of the result, in Hz.
        allow_truncated: of a recording that is not whole, give what there is, with an `AudioWarning`.

    Raises:
        AudioError: it cannot be read whole, or has samples that are not finite.
    """
    with open_reader(source, allow_truncated) as reader:
        return _read_mixed(reader, sample_rate)


def read_channels(
    source: Readable, sample_rate: int = 16_000, channel_rate: int = 16_000, *, allow_truncated: bool = False
) -> tuple[Audio, SourceInfo, tuple[Audio, ...]]:
    """Read a recording as `read_mono` does, and each of its channels, in one pass.

    The channels are kept in temporary files on disk (64 kB per second and channel at 16 kHz, deleted with the arrays)
    and mapped into memory: the system loads pages as they are read, and frees them when memory is short.

    Args:
        channel_rate: of the channels, in Hz.
        allow_truncated: as of `read_mono`.

    Returns:
        The mix, the properties of the original, and a mono `Audio` per channel; none if there is only one channel.

    Raises:
        AudioError: it cannot be read whole, or there is no room on disk.
    """
    with open_reader(source, allow_truncated) as reader:
        if reader.channels == 1:
            return *_read_mixed(reader, sample_rate), ()
        resampler = Resampler(reader.sample_rate, channel_rate, reader.channels)
        with ExitStack() as stack:
            files = [stack.enter_context(temporary_file()) for _ in range(reader.channels)]

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
            yield mix(block)[np.newaxis]

    blocks = resampled(mixed(), reader.sample_rate, sample_rate, channels=1)
    audio = Audio(join_blocks(blocks, channels=1)[0], sample_rate)
    return audio, SourceInfo(reader.sample_rate, read, reader.channels)


def _append(files: Sequence[BinaryIO], block: NDArray[np.float32]) -> None:
    """Each channel of (channels, n) to its file."""
    for file, channel in zip(files, block, strict=True):
        try:
            file.write(channel.tobytes())
            file.flush()  # here, where a full disk is named
        except OSError as error:
            raise AudioError(
                f"no room for the recording's channels in {tempfile.gettempdir()} ({error.strerror}): set TMPDIR to "
                "another folder, or give diarize_channels='mix' (--diarize-channels mix)"
            ) from None


def _mapped(file: BinaryIO) -> NDArray[np.float32]:
    """The samples in a file, which may be closed afterwards. Writing to the array changes nothing on disk."""
    file.flush()
    if file.tell() == 0:  # nothing cannot be mapped
        return np.zeros(0, np.float32)
    return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY), np.float32)
