"""Resampling by soxr, in blocks, with one rule for the length of the result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import BLOCK, Audio
from hybrid_tok.core.long_arrays import silence
from hybrid_tok.errors import AudioError


def resampled_length(num_samples: int, sample_rate: int, new_rate: int) -> int:
    """How many samples a recording has at another rate: ceil(N * new / old).

    Rounded up, so that no samples are lost at the end, and so that resampling there and back is never shorter.
    """
    return -(-num_samples * new_rate // sample_rate)


def resample(audio: Audio, sample_rate: int, length: int | None = None) -> Audio:
    """The audio at another rate (soxr, high quality), with exactly `resampled_length` samples.

    Args:
        length: the exact length wanted, at most `resampled_length`: that of the recording that this audio was
            resampled from, which rounding has lost.

    Raises:
        AudioError: `length` does not belong to this recording.
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
    blocks = resampled(pieces, audio.sample_rate, sample_rate, audio.num_channels)
    result, position = silence(audio.num_channels, length), 0
    for block in blocks:
        end = min(position + block.shape[1], length)
        result[:, position:end] = block[:, : end - position]
        position = end
    return Audio(result[0] if audio.samples.ndim == 1 else result, sample_rate)


class Resampler:
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
        """The rest, once all blocks have been pushed."""
        if self._stream is None:
            return np.zeros((self._channels, 0), np.float32)
        # soxr rounds the length to nearest: two more output samples' worth of silence makes sure of the last one
        silence = np.zeros((2 * -(-self._sample_rate // self._new_rate), self._channels), np.float32)
        out = self._stream.resample_chunk(silence, last=True)
        return out[: resampled_length(self._read, self._sample_rate, self._new_rate) - self._written].T


def resampled(
    blocks: Iterable[NDArray[np.float32]], sample_rate: int, new_rate: int, channels: int
) -> Iterator[NDArray[np.float32]]:
    """Blocks (channels, n) at another rate."""
    resampler = Resampler(sample_rate, new_rate, channels)
    for block in blocks:
        yield resampler.push(block)
    yield resampler.finish()


def join_blocks(blocks: Iterable[NDArray[np.float32]], channels: int) -> NDArray[np.float32]:
    """All blocks (channels, n) in one array; each is freed once it is copied, to halve the memory of long audio."""
    held = list(blocks)
    joined = np.empty((channels, sum(block.shape[1] for block in held)), np.float32)
    position = joined.shape[1]
    while held:
        block = held.pop()
        joined[:, position - block.shape[1] : position] = block
        position -= block.shape[1]
    return joined
