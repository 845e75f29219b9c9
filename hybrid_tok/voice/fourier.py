"""Fourier transforms of many short frames in single precision, one per row.

SciPy's, which transform several frames at a time and need a tenth of numpy's time. A frame's result does not depend on
the frames beside it. SciPy is imported when first needed, as that takes a tenth of a second.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rfft(frames: NDArray[np.float32], size: int) -> NDArray[np.complex64]:
    """Spectra (T, size / 2 + 1) of frames (T, at most size), filled up with zeros."""
    from scipy import fft

    return np.asarray(fft.rfft(frames, size))


def irfft(spectra: NDArray[np.complexfloating] | NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Frames (T, size) of spectra (T, size / 2 + 1), complex64 or, for even frames, float32."""
    from scipy import fft

    return np.asarray(fft.irfft(spectra, size))


def even_fft(halves: NDArray[np.float32]) -> NDArray[np.float32]:
    """Transforms of real, even sequences: of each, and of its transform, values 0 to size / 2, (T, size / 2 + 1).

    Applied twice, it gives `size` times the input.
    """
    from scipy import fft

    return np.asarray(fft.dct(halves, type=1))
