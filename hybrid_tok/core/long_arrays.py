"""Arrays of samples that may be hours long: those too large for memory lie in a temporary file."""

from __future__ import annotations

import mmap
import os
import tempfile

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.errors import AudioError

IN_MEMORY = 256 << 20
"""Bytes up to which an array is in memory: 70 minutes at 16 kHz."""


def silence(channels: int, num_samples: int) -> NDArray[np.float32]:
    """Zeros (channels, num_samples), to be written to. The system writes their pages to disk when memory is short.

    Raises:
        AudioError: there is no room for the file.
    """
    size = 4 * channels * num_samples
    if size <= IN_MEMORY:
        return np.zeros((channels, num_samples), np.float32)
    with tempfile.TemporaryFile() as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)  # now: a page without room would end the process
        except OSError as error:
            raise AudioError(
                f"no room for {size / 1e9:.1f} GB of decoded audio in {tempfile.gettempdir()} ({error.strerror}): set "
                "TMPDIR to a folder with room"
            ) from None
        return np.frombuffer(mmap.mmap(file.fileno(), size), np.float32).reshape(channels, num_samples)
