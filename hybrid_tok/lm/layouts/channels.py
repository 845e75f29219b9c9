"""The channels layout: blocks of fixed length, a row per channel, so that a model listens and speaks at once.

A block is some frames of each channel in turn: `(<|channel:k|>, units of the block)` for k = 0, 1, .., then the next
block. Two speakers in two channels are heard and said at the same time, as in dGSLM (arXiv 2203.16502) and Moshi (arXiv
2410.00037); the longer a block, the later an answer may begin.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybrid_tok.errors import OptionsError, StreamError
from hybrid_tok.lm.layouts.rows import misplaced, read_integers, unit_ids, unit_starts
from hybrid_tok.tokens.idspace import IdSpace


def write_channels(space: IdSpace, codes: NDArray[np.integer], block: int) -> NDArray[np.int64]:
    """Codes (channels, frames, codebooks) to rows of ids (blocks * channels, 1 + block * codebooks).

    The last block is filled up with `<|pad|>`.

    Args:
        block: frames of each channel in a block.

    Raises:
        OptionsError: a block without frames.
        StreamError: the codes are not this vocabulary's, or of more channels than it has.
    """
    codes = np.asarray(codes)
    _check(space, len(codes) if codes.ndim == 3 else 0, block)
    width, frames = len(space.units), codes.shape[1]
    blocks = -(-frames // block)
    rows = np.full((blocks, len(codes), 1 + block * width), space.pad.start, np.int64)
    for channel, one in enumerate(codes):
        ids = np.full(blocks * block * width, space.pad.start, np.int64)
        ids[: frames * width] = unit_ids(space, one).ravel()
        rows[:, channel, 0] = space.channels.start + channel
        rows[:, channel, 1:] = ids.reshape(blocks, block * width)
    return rows.reshape(-1, 1 + block * width)


def read_channels(
    space: IdSpace, rows: ArrayLike, channels: int, block: int, *, partial: bool = False
) -> NDArray[np.int64]:
    """Rows of ids to codes (channels, frames, codebooks); arguments as of `write_channels`.

    Args:
        partial: accept rows that stop within a block: it is left out.

    Raises:
        GrammarError: an id is out of place; its position counts ids row by row.
    """
    _check(space, channels, block)
    width = len(space.units)
    given = read_integers(rows, 1 + block * width)
    whole = len(given) // channels * channels
    turn = np.arange(len(given)) % channels
    wrong = np.flatnonzero(given[:, 0] != space.channels.start + turn)
    if wrong.size:
        row = int(wrong[0])
        raise misplaced(space, given, row, 0, f"channel (id {space.channels.start + row % channels})")
    if whole < len(given) and not partial:
        raise misplaced(space, given, len(given), 0, f"channel (id {space.channels.start + len(given) % channels})")
    ids = given[:whole, 1:].reshape(whole // channels, channels, block, width)
    # Channel 0 says how long the last block is; before it all are full.
    first = ids[:, 0, :, 0].ravel()
    padding = np.flatnonzero(first == space.pad.start)
    last = max(len(ids) - 1, 0) * block + 1
    frames = len(first) if not padding.size else max(int(padding[0]), min(last, len(first)))
    due = (np.arange(len(first)) < frames).reshape(len(ids), 1, block, 1)
    codes = ids - unit_starts(space)
    inside = (codes >= 0) & (codes < space.options.codebook_size)
    misfits = np.argwhere(np.where(due, ~inside, ids != space.pad.start))
    if misfits.size:
        number, channel, frame, codebook = misfits[0].tolist()
        wanted = space.units[codebook] if due[number, 0, frame, 0] else space.pad
        raise misplaced(space, given, number * channels + channel, 1 + frame * width + codebook, wanted.describe())
    return codes.transpose(1, 0, 2, 3).reshape(channels, len(first), width)[:, :frames]


def _check(space: IdSpace, channels: int, block: int) -> None:
    if block < 1:
        raise OptionsError(f"block must be at least 1 frame, not {block}")
    if not 1 <= channels <= space.channels.size:
        raise StreamError(f"{channels} channels; codes (channels, frames, codebooks) have 1..{space.channels.size}")
