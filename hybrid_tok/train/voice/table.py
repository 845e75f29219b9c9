"""The table of voices of `voice.space`, from the files in which Kokoro's voices are published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.errors import OptionsError
from hybrid_tok.voice.space import STYLE, TIMBRE

ROWS = 510
_COMMON = 2
"""Curves over the row that all voices share: two hold 99.9% of what is common."""


def read_voices(folder: Path) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Names, sorted, and styles (voices, 510, 256) of the files NAME.bin in a folder: 32-bit floats, row by row.

    Raises:
        OptionsError: there are none, or one is not of that size.
    """
    paths = sorted(folder.glob("*_*.bin"))
    if len(paths) < 2:
        raise OptionsError(f"{folder} has no voices (NAME.bin); npm's kokoro-js 1.2.1 has a folder of them")
    styles: list[NDArray[np.float32]] = []
    for path in paths:
        values = np.frombuffer(path.read_bytes(), "<f4")
        if values.size != ROWS * STYLE:
            raise OptionsError(f"{path} has {values.size} numbers, not {ROWS} styles of {STYLE}")
        styles.append(values.reshape(ROWS, STYLE))
    return tuple(path.stem for path in paths), np.stack(styles)


def voice_table(styles: NDArray[np.float32], coordinates: int) -> dict[str, NDArray[np.float32]]:
    """The arrays of `voice.space` for styles (voices, 510, 256), with so many coordinates."""
    means = styles.mean(axis=1, dtype=np.float64)
    rows = (styles - means[:, None]).mean(axis=0)
    weights, sizes, curves = np.linalg.svd(rows, full_matrices=False)
    root = np.sqrt(sizes[:_COMMON])
    timbres = means[:, :TIMBRE] - means[:, :TIMBRE].mean(axis=0)
    _, deviations, components = np.linalg.svd(timbres, full_matrices=False)
    table = {
        "styles": means,
        "row_weights": weights[:, :_COMMON] * root,
        "row_basis": root[:, None] * curves[:_COMMON],
        "basis": (deviations[:, None] * components)[:coordinates] / np.sqrt(len(means)),
    }
    return {name: np.asarray(array, np.float32) for name, array in table.items()}
