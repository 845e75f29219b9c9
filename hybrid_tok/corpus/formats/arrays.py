"""Ids as `.npy` files of int32, the same bytes on machines of either byte order."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray


def npy_bytes(ids: NDArray[np.int32]) -> bytes:
    """Ids (n,) as a file."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(ids, "<i4"), allow_pickle=False)
    return file.getvalue()


def load_npy(data: bytes) -> NDArray[np.int32]:
    """Ids (n,) from a file.

    Raises:
        ValueError: it holds something else.
    """
    ids = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise ValueError(f"{ids.dtype} of shape {ids.shape}, not a list of ids")
    return ids.astype(np.int32)
