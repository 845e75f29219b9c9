"""What every codec asks of samples and codes before it works on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def checked_samples(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mono float32 samples (n,); ValueError for any others."""
    samples = np.asarray(samples)
    if samples.ndim != 1 or samples.dtype.kind != "f":
        raise ValueError(f"samples must be one-dimensional floats, got {samples.dtype} of shape {samples.shape}")
    samples = samples.astype(np.float32, copy=False)
    if not np.isfinite(samples).all():
        raise ValueError(f"sample {int(np.flatnonzero(~np.isfinite(samples))[0])} is not finite")
    return samples


def checked_codes(codes: NDArray[np.integer], num_codebooks: int, codebook_size: int) -> NDArray[np.int64]:
    """Codes (t, K), 1 <= K <= num_codebooks, all within the codebook; ValueError for any others."""
    codes = np.asarray(codes)
    if codes.ndim != 2 or not 1 <= codes.shape[1] <= num_codebooks or codes.dtype.kind not in "iu":
        raise ValueError(
            f"codes must be integers of shape (frames, codebooks), 1 to {num_codebooks} codebooks; "
            f"got {codes.dtype} of shape {codes.shape}"
        )
    outside = (codes < 0) | (codes >= codebook_size)
    if outside.any():
        frame, codebook = (int(v[0]) for v in np.nonzero(outside))
        value = int(codes[frame, codebook])
        raise ValueError(f"code {value} at frame {frame}, codebook {codebook} is outside 0..{codebook_size - 1}")
    return codes.astype(np.int64)
