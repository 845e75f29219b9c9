"""16-bit WAV files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.core.audio import BLOCK, Audio
from hybrid_tok.errors import AudioError


def write_wav(target: str | Path | BinaryIO, audio: Audio, *, clip: bool = False) -> None:
    """Write a 16-bit PCM WAV file, atomically.

    Reading a 16-bit file and writing it again gives the same samples. No dither, no time stamp: the same audio gives
    the same bytes.

    Args:
        target: a path (see `atomic_write`; "-" is standard output), or a binary stream (which need not be seekable).
        clip: clip samples beyond [-1, 1]; otherwise they are an error.

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
    else:
        with atomic_write(target) as file:
            _write_pcm(file, audio)


def _write_pcm(file: BinaryIO, audio: Audio) -> None:
    """Header and samples in one pass: `wave` would seek back when a write fails, and hide why it failed."""
    frame, size = 2 * audio.num_channels, 2 * audio.num_channels * audio.num_samples
    form = (b"fmt ", 16, 1, audio.num_channels, audio.sample_rate, audio.sample_rate * frame, frame, 16)
    file.write(struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", *form, b"data", size))
    for block in _slices(audio):
        scaled = np.clip(np.rint(block.astype(np.float64) * 32768.0), -32768, 32767)
        file.write(scaled.T.astype("<i2").tobytes())


def _slices(audio: Audio) -> Iterator[NDArray[np.float32]]:
    samples = np.atleast_2d(audio.samples)
    return (samples[:, start : start + BLOCK] for start in range(0, audio.num_samples, BLOCK))
