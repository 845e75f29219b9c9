"""The ids of every layout, once and for all, and the pictures of them in the documentation."""

from __future__ import annotations

import json

import numpy as np
from aligned_speech import sample
from layout_pictures import DELAYS, DOCS, GOLDENS, call, document, goldens, layouts

from hybrid_tok.lm.layouts import (
    JointLayout,
    join_speech,
    parallel_speech,
    read_channels,
    read_coarse_to_fine,
    read_delayed,
    read_flat,
    read_parallel,
)
from hybrid_tok.tokens.blocks import read_blocks, stream_of_blocks


def test_golden_ids() -> None:
    assert goldens() == json.loads(GOLDENS.read_text("utf-8"))


def test_golden_ids_come_back() -> None:
    made = layouts()
    ours, speech = sample()
    space = ours.space
    for name in ("hybrid", "text", "units", "units, counted", "units, merged", "interleaved"):
        voc, ids = made.pop(name)
        assert voc.encode(voc.decode(ids)) == ids
    for order in ("text first", "units first"):
        assert JointLayout(ours, order).decode(made.pop(f"joint, {order}")[1]) == join_speech(speech, order)
    assert read_parallel(space, made.pop("parallel")[1]) == parallel_speech(space, speech)
    assert np.array_equal(read_flat(space, made.pop("flat")[1]), speech.codes)
    assert np.array_equal(read_delayed(space, made.pop("delayed")[1], DELAYS), speech.codes)
    assert np.array_equal(read_coarse_to_fine(space, made.pop("coarse to fine")[1]), speech.codes)
    channels = read_channels(space, made.pop("channels")[1], 2, 2)
    assert np.array_equal(channels[0], speech.codes[:6]) and np.array_equal(channels[1], (channels[0] + 1) % 8)
    stream, layout, images = call()
    blocks = [token for row in made.pop("blocks")[1] for token in row]
    assert stream_of_blocks(ours, blocks, layout) == stream
    assert read_blocks(ours, blocks, layout).outside == {"image": tuple(images)}
    assert not made, "every layout"


def test_the_pictures_in_the_documentation_are_what_the_code_gives() -> None:
    filled, complaints = document()
    assert complaints == []
    assert filled == DOCS.read_text("utf-8"), "python tests/layout_pictures.py"
