"""Blocks of several channels."""

from __future__ import annotations

import numpy as np
import pytest
from aligned_speech import CODES, options
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.errors import GrammarError, OptionsError, StreamError
from hybrid_tok.lm.layouts.channels import read_channels, write_channels
from strategies import vocabulary

SPACE = vocabulary(options(2, max_channels=3)).space


@st.composite
def blocks(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    channels, frames = draw(st.integers(1, 3)), draw(st.integers(0, 9))
    size = channels * frames * 2
    codes = draw(st.lists(st.integers(0, CODES - 1), min_size=size, max_size=size))
    return np.array(codes, np.int64).reshape(channels, frames, 2), draw(st.integers(1, 4))


@given(blocks(), st.integers(0, 30))
def test_channels_come_back_and_stopped_ones_give_whole_blocks(made: tuple[np.ndarray, int], stop: int) -> None:
    codes, block = made
    rows = write_channels(SPACE, codes, block)
    assert rows.shape == (-(-codes.shape[1] // block) * len(codes), 1 + 2 * block)
    assert np.array_equal(read_channels(SPACE, rows, len(codes), block), codes)
    stop = min(stop, len(rows))
    read = read_channels(SPACE, rows[:stop], len(codes), block, partial=True)
    assert np.array_equal(read, codes[:, : stop // len(codes) * block])
    if stop % len(codes):
        with pytest.raises(GrammarError) as caught:
            read_channels(SPACE, rows[:stop], len(codes), block)
        assert caught.value.position == rows[:stop].size


@given(blocks(), st.data())
def test_changed_blocks_are_refused_or_spell_themselves(made: tuple[np.ndarray, int], data: st.DataObject) -> None:
    codes, block = made
    rows = write_channels(SPACE, codes, block)
    if rows.size:
        any_id = st.sampled_from([*rows.ravel().tolist(), -1, SPACE.size, SPACE.pad.start])
        for _ in range(data.draw(st.integers(1, 3))):
            rows.flat[data.draw(st.integers(0, rows.size - 1))] = data.draw(any_id)
    try:
        found = read_channels(SPACE, rows, len(codes), block)
    except GrammarError as error:
        assert 0 <= error.position < rows.size
    else:
        assert np.array_equal(write_channels(SPACE, found, block), rows)


def test_what_is_refused() -> None:
    codes = np.zeros((2, 3, 2), np.int64)
    with pytest.raises(OptionsError, match="at least 1 frame"):
        write_channels(SPACE, codes, 0)
    with pytest.raises(StreamError, match="4 channels"):
        write_channels(SPACE, np.zeros((4, 3, 2), np.int64), 1)
    with pytest.raises(StreamError, match="0 channels"):
        write_channels(SPACE, codes[0], 1)
    with pytest.raises(StreamError, match="unit 3 of codebook 1, frame 2"):
        write_channels(SPACE, codes + np.array([[[0, 0], [0, 0], [0, 3]]]), 2)
    rows = write_channels(SPACE, codes, 2)
    with pytest.raises(GrammarError, match=r"row 1, column 0, allowed here: channel"):
        read_channels(SPACE, rows[[0, 0, 2, 3]], 2, 2)
