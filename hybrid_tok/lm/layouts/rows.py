"""Reading rows of ids: each column has ranges of its own, and errors say in which row and column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybrid_tok.errors import GrammarError, StreamError
from hybrid_tok.tokens.idspace import IdSpace


def read_integers(ids: ArrayLike, columns: int | None = None) -> NDArray[np.int64]:
    """Ids as an array: (n,), or (rows, columns).

    Raises:
        GrammarError: they are no integers, or not as many to a row.
    """
    array = np.asarray(ids)
    if array.size == 0:
        return np.zeros((0,) if columns is None else (0, columns), np.int64)
    if not (np.issubdtype(array.dtype, np.integer) and array.ndim == (1 if columns is None else 2)):
        wanted = "a sequence of integers" if columns is None else f"rows of {columns} integers"
        raise GrammarError(0, f"an array {array.shape} of {array.dtype}", (wanted,))
    if columns is not None and array.shape[1] != columns:
        raise GrammarError(0, f"rows of {array.shape[1]} ids", (f"rows of {columns}",))
    return array.astype(np.int64)


def misplaced(space: IdSpace, rows: NDArray[np.int64], row: int, column: int, *allowed: str) -> GrammarError:
    """The error for an id in a row; its position counts ids row by row."""
    width = rows.shape[1]
    if row >= len(rows):
        return GrammarError(rows.size, f"the end of the rows, at column {column}", allowed)
    found = f"{space.describe(int(rows[row, column]))} in row {row}, column {column}"
    return GrammarError(row * width + column, found, allowed)


def unit_ids(space: IdSpace, codes: NDArray[np.integer]) -> NDArray[np.int64]:
    """Codes (frames, codebooks) as ids.

    Raises:
        StreamError: they are of another number of codebooks, or outside the codebooks.
    """
    codes = np.asarray(codes, np.int64)
    width, size = len(space.units), space.options.codebook_size
    if codes.ndim != 2 or (codes.shape[1] != width and codes.size):
        raise StreamError(f"codes {codes.shape}, but this vocabulary has frames of {width} units")
    outside = np.argwhere((codes < 0) | (codes >= size))
    if outside.size:
        frame, codebook = outside[0].tolist()
        raise StreamError(
            f"unit {codes[frame, codebook]} of codebook {codebook}, frame {frame}, is not in 0..{size - 1}"
        )
    return codes.reshape(-1, width) + unit_starts(space)


def unit_starts(space: IdSpace) -> NDArray[np.int64]:
    """The first id of each codebook."""
    return np.array([codebook.start for codebook in space.units], np.int64)


def check_delays(delays: Sequence[int], columns: int) -> tuple[int, ...]:
    """Delays in rows, one per codebook.

    Raises:
        StreamError: there are not as many as codebooks, or one is below 0.
    """
    if len(delays) != columns or min(delays) < 0:
        raise StreamError(f"delays {tuple(delays)}: {columns} codebooks need as many delays of at least 0 rows")
    return tuple(delays)


def delay_units(space: IdSpace, codes: NDArray[np.integer], delays: Sequence[int], rows: int = 0) -> NDArray[np.int64]:
    """Codes (frames, codebooks) as rows of ids (at least `rows`, codebooks), codebook k `delays[k]` rows later and
    `<|pad|>` where it has none."""
    ids = unit_ids(space, codes)
    delays = check_delays(delays, ids.shape[1])
    frames = len(ids)
    written = np.full((max(rows, frames + max(delays) if frames else 0), ids.shape[1]), space.pad.start, np.int64)
    for column, delay in enumerate(delays):
        written[delay : delay + frames, column] = ids[:, column]
    return written


def undelay_units(
    space: IdSpace, rows: NDArray[np.int64], delays: Sequence[int], first: int, partial: bool
) -> NDArray[np.int64]:
    """The codes (frames, codebooks) of the columns from `first` on of rows; the inverse of `delay_units`.

    Args:
        partial: accept rows that stop in the middle; frames of which units are missing are left out.

    Raises:
        GrammarError: an id out of place.
    """
    width = len(space.units)
    delays = check_delays(delays, width)
    ids = rows[:, first:] - unit_starts(space)
    inside = (ids >= 0) & (ids < space.options.codebook_size)
    padding = rows[:, first:] == space.pad.start
    counts = [_count_units(inside[delay:, column]) for column, delay in enumerate(delays)]
    # The codebook with the least delay says how many frames there are.
    frames = counts[int(np.argmin(delays))]
    index = np.arange(len(rows))[:, None]
    due = (index >= np.array(delays)) & (index < np.array(delays) + frames)
    wrong = np.argwhere(np.where(due, ~inside, ~padding))
    if wrong.size:
        row, column = wrong[0].tolist()
        wanted = space.units[column].describe() if due[row, column] else space.pad.describe()
        more = (space.units[column].describe(),) if not due[row, column] and row == delays[column] + frames else ()
        raise misplaced(space, rows, row, column + first, wanted, *more)
    whole = min(counts)
    if not partial and whole < frames:
        column = int(np.argmin(counts))
        raise misplaced(space, rows, len(rows), column + first, space.units[column].describe())
    return np.stack([ids[delay : delay + whole, column] for column, delay in enumerate(delays)], axis=1)


def _count_units(inside: NDArray[np.bool_]) -> int:
    """Length of the run of units at the start of a column."""
    return len(inside) if inside.all() else int(inside.argmin())
