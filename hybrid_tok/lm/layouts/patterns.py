"""Codebook patterns: the order in which the units of frames are written. Codes (frames, codebooks) to ids and back.

- flat: frame by frame, all codebooks of each, (frames * codebooks,), as inside a `UnitItem`;
- delayed: rows (frames + longest delay, codebooks), each codebook later by its own delay (MusicGen, arXiv 2306.05284);
- coarse to fine: the first codebooks of all frames, then the others of all frames, (frames * codebooks,) (AudioLM,
  arXiv 2209.03143).

All are exact. A sequence that a model was stopped in is read with `partial=True`: it gives the frames that are whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybrid_tok.errors import GrammarError, OptionsError
from hybrid_tok.lm.layouts.rows import delay_units, read_integers, undelay_units, unit_ids
from hybrid_tok.tokens.idspace import IdSpace


def write_flat(space: IdSpace, codes: NDArray[np.integer]) -> NDArray[np.int64]:
    """Codes (frames, codebooks) to ids (frames * codebooks,).

    Raises:
        StreamError: they are not this vocabulary's.
    """
    return unit_ids(space, codes).ravel()


def read_flat(space: IdSpace, ids: ArrayLike, *, partial: bool = False) -> NDArray[np.int64]:
    """Ids to codes (frames, codebooks).

    Raises:
        GrammarError: an id is out of place, or, unless `partial`, the last frame is incomplete.
    """
    return _read_frames(space, read_integers(ids), range(len(space.units)), 0, partial)


def write_delayed(space: IdSpace, codes: NDArray[np.integer], delays: Sequence[int]) -> NDArray[np.int64]:
    """Codes (frames, codebooks) to rows of ids (frames + longest delay, codebooks); `<|pad|>` where there is no unit.

    Args:
        delays: rows by which each codebook is later; (0, 1, 2, ..) in MusicGen.

    Raises:
        StreamError: the codes are not this vocabulary's, or there are not as many delays as codebooks.
    """
    return delay_units(space, codes, delays)


def read_delayed(space: IdSpace, rows: ArrayLike, delays: Sequence[int], *, partial: bool = False) -> NDArray[np.int64]:
    """Rows of ids to codes (frames, codebooks); arguments as of `write_delayed`.

    Raises:
        GrammarError: an id is out of place, or, unless `partial`, the last frames are incomplete.
    """
    given = read_integers(rows, len(space.units))
    codes = undelay_units(space, given, delays, 0, partial)
    expected = len(codes) + max(delays) if len(codes) else 0
    if not partial and len(given) > expected:
        raise GrammarError(expected * len(space.units), "a row without units", ("the end of the rows",))
    return codes


def write_coarse_to_fine(space: IdSpace, codes: NDArray[np.integer], coarse: int = 1) -> NDArray[np.int64]:
    """Codes (frames, codebooks) to ids (frames * codebooks,): the first `coarse` codebooks of all frames, frame by
    frame, then the others in the same way.

    Raises:
        StreamError: the codes are not this vocabulary's.
        OptionsError: there are not as many codebooks.
    """
    _check_coarse(space, coarse)
    ids = unit_ids(space, codes)
    return np.concatenate([ids[:, :coarse].ravel(), ids[:, coarse:].ravel()])


def read_coarse_to_fine(space: IdSpace, ids: ArrayLike, coarse: int = 1, *, partial: bool = False) -> NDArray[np.int64]:
    """Ids to codes (frames, codebooks); `partial` gives the frames whose fine units are there too.

    Raises:
        GrammarError: an id is out of place, or, unless `partial`, there are not as many fine units as coarse ones.
    """
    _check_coarse(space, coarse)
    given, width = read_integers(ids), len(space.units)
    if coarse == width:
        return _read_frames(space, given, range(width), 0, partial)
    fine = np.flatnonzero((given >= space.units[coarse].start) & (given < space.units[-1].stop))
    split = int(fine[0]) if fine.size else len(given)
    first = _read_frames(space, given[:split], range(coarse), 0, partial and not fine.size)
    second = _read_frames(space, given[split:], range(coarse, width), split, partial)
    if len(second) > len(first):
        position = split + len(first) * (width - coarse)
        raise GrammarError(position, space.describe(int(given[position])), ("the end of the sequence",))
    if not partial and len(second) < len(first):
        raise GrammarError(len(given), "the end of the sequence", (space.units[coarse].describe(),))
    return np.concatenate([first[: len(second)], second], axis=1)


def _check_coarse(space: IdSpace, coarse: int) -> None:
    if not 1 <= coarse <= len(space.units):
        raise OptionsError(f"coarse must be 1..{len(space.units)} codebooks, not {coarse}")


def _read_frames(
    space: IdSpace, ids: NDArray[np.int64], codebooks: range, position: int, partial: bool
) -> NDArray[np.int64]:
    """Codes (frames, codebooks) of ids that go round some codebooks.

    Args:
        position: of the first id, for errors.
    """
    width = len(codebooks)
    ranges = [space.units[codebook] for codebook in codebooks]
    starts = np.array([part.start for part in ranges], np.int64)
    codes = ids - np.resize(starts, len(ids))
    wrong = np.flatnonzero((codes < 0) | (codes >= space.options.codebook_size))
    if wrong.size:
        first = int(wrong[0])
        raise GrammarError(position + first, space.describe(int(ids[first])), (ranges[first % width].describe(),))
    whole = len(ids) // width * width
    if whole < len(ids) and not partial:
        raise GrammarError(position + len(ids), "the end of the sequence", (ranges[len(ids) % width].describe(),))
    return codes[:whole].reshape(-1, width)
