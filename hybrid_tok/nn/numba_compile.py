"""Functions compiled by numba, which takes half a second to import: call `compiled` when first needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as machine code, cached on disk for the next process if numba finds a folder for it."""
    from numba import njit

    try:
        return njit(cache=True)(function)
    except RuntimeError:  # numba finds no folder that it may cache in
        return njit(function)
