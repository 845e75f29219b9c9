"""The sample of `aligned_speech` in every layout: golden ids, and the pictures of `docs/layouts.md`.

python tests/layout_pictures.py      # rewrites both
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from aligned_speech import sample

from hybrid_tok.bench.markdown import fill
from hybrid_tok.encode.assemble import AssembleOptions, write_decisions
from hybrid_tok.encode.gate import GateOptions, gate
from hybrid_tok.lm.layouts import (
    InterleaveOptions,
    JointLayout,
    interleave,
    join_speech,
    parallel_speech,
    write_channels,
    write_coarse_to_fine,
    write_delayed,
    write_flat,
    write_parallel,
)
from hybrid_tok.tokens.blocks import BlockLayout, OutsideChannel, blocks_of
from hybrid_tok.tokens.idspace import IdSpace
from hybrid_tok.tokens.stream import Channel, EventItem, HybridStream, Pause, TextItem, Turn
from hybrid_tok.tokens.unit_merges import UnitMerges
from hybrid_tok.tokens.vocabulary import Vocabulary, VocabularyOptions

GOLDENS = Path(__file__).parent / "lm" / "goldens" / "layouts.json"
DOCS = Path(__file__).parent.parent / "docs" / "layouts.md"
DELAYS = (0, 1)
WIDTH = 100


def layouts() -> dict[str, tuple[Vocabulary, list[Any]]]:
    """Ids, or rows of ids, by the name of the layout, and the vocabulary they are of."""
    ours, speech = sample()
    space = ours.space
    made: dict[str, tuple[Vocabulary, list[Any]]] = {}

    def gated(name: str, options: VocabularyOptions) -> None:
        decisions = gate(speech.annotations, GateOptions(layout=options.layout))
        assemble = AssembleOptions(timing=options.timing, layout=options.layout)
        stream = write_decisions(decisions, speech.num_samples, speech.grid, speech.cut, assemble)
        voc = Vocabulary(options, space.text)
        made[name] = (voc, voc.encode(stream))

    gated("hybrid", ours.options)
    gated("text", replace(ours.options, layout="text"))
    gated("units", replace(ours.options, layout="units"))
    # Of a codec with three codes, so that they repeat.
    first = replace(speech, units=tuple((frame[0] // 3,) for frame in speech.units))
    few = replace(ours.options, layout="units", num_codebooks=1, codebook_size=3)
    counted = Vocabulary(replace(few, run_length=True), space.text)
    units = gate(first.annotations, GateOptions(layout="units"))
    stream = write_decisions(units, first.num_samples, first.grid, first.cut, AssembleOptions(layout="units"))
    made["units, counted"] = (counted, counted.encode(stream))
    merges = UnitMerges("test", ((0,), (1,), (2,)), ((1, 1), (3, 2), (2, 0)))
    merged = Vocabulary(replace(few, unit_merges=merges), space.text)
    made["units, merged"] = (merged, merged.encode(stream))
    mixed = interleave(speech, np.random.default_rng(1), InterleaveOptions(1.0, 1.0))
    made["interleaved"] = (ours, ours.encode(mixed))
    for order in ("text first", "units first"):
        made[f"joint, {order}"] = (ours, JointLayout(ours, order).encode(join_speech(speech, order)))
    made["parallel"] = (ours, write_parallel(space, parallel_speech(space, speech)).tolist())
    made["flat"] = (ours, write_flat(space, speech.codes).tolist())
    made["delayed"] = (ours, write_delayed(space, speech.codes, DELAYS).tolist())
    made["coarse to fine"] = (ours, write_coarse_to_fine(space, speech.codes).tolist())
    both = np.stack([speech.codes, (speech.codes + 1) % 8])[:, :6]
    made["channels"] = (ours, write_channels(space, both, 2).tolist())
    stream, layout, images = call()
    written = blocks_of(ours, stream, layout, {"image": images})
    starts = [at for at, token in enumerate(written) if token in space.channels]
    made["blocks"] = (ours, [written[start:end] for start, end in pairwise([*starts, len(written)])])
    return made


def call() -> tuple[HybridStream, BlockLayout, list[tuple[int, int]]]:
    """The sample as a call, each speaker in a channel, in blocks of 4 frames; and an image that was seen in it."""
    ours, speech = sample()
    laugh = EventItem("laugh", speech.units[7:12])
    first = (Pause(1), TextItem("so funny", 5, language="en"), Pause(1), laugh, Pause(4))
    second = (Pause(13), TextItem("ja", 2, language="de"), Pause(1))
    channels = (Channel((Turn(0, first),)), Channel((Turn(1, second),)))
    layout = BlockLayout(2, 4, (OutsideChannel("image", 10, ours.size),))
    return HybridStream(channels, remainder=speech.remainder), layout, [(4, 3), (4, 7)]


def token_name(space: IdSpace, token: int) -> str:
    """An id in a picture: units by the letter of their codebook, numbers as they are."""
    for letter, units in zip("abcdefgh", space.units, strict=False):
        if token in units:
            return f"{letter}{token - units.start}"
    if token >= space.size:
        return f"image:{token - space.size}"
    if token in space.merged:
        return f"m{token - space.merged.start}"
    return str(token - space.numbers.start) if token in space.numbers else space.token_name(token)


def picture(space: IdSpace, ids: list[Any]) -> str:
    """A row of tokens, wrapped; of rows, a line per column, so that time goes to the right; of channels, a line per
    row."""
    if ids and isinstance(ids[0], list) and ids[0][0] in space.channels:
        return "\n".join(" ".join(token_name(space, token) for token in row) for row in ids)
    if ids and isinstance(ids[0], list):
        names = [[token_name(space, token) for token in row] for row in ids]
        widths = [max(map(len, row)) for row in names]
        columns = range(len(names[0]))
        return "\n".join(
            " ".join(row[column].ljust(width) for row, width in zip(names, widths, strict=True)).rstrip()
            for column in columns
        )
    lines = [""]
    for token in ids:
        name = token_name(space, token)
        if len(lines[-1]) + 1 + len(name) > WIDTH:
            lines.append("")
        lines[-1] += f" {name}" if lines[-1] else name
    return "\n".join(lines)


def pictures() -> dict[str, str]:
    """The blocks of `docs/layouts.md` by name."""
    return {name: f"```text\n{picture(voc.space, ids)}\n```" for name, (voc, ids) in layouts().items()}


def document() -> tuple[str, list[str]]:
    """`docs/layouts.md` with its pictures made again, and what is wrong with its places."""
    made = pictures()
    places = {re.sub(r"\W+", "_", name): lambda name=name: made[name] for name in made}
    return fill(DOCS.read_text("utf-8"), places)


def goldens() -> dict[str, list[Any]]:
    return {name: ids for name, (_, ids) in layouts().items()}


if __name__ == "__main__":
    GOLDENS.write_text(json.dumps(goldens()).replace('], "', '],\n"') + "\n", "utf-8")
    filled, complaints = document()
    print("\n".join(complaints))
    DOCS.write_text(filled, "utf-8")
