"""The recipe of unit merges, on a few clips and on random codes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from fakes import FakeCodec
from hybrid_tok.errors import OptionsError
from hybrid_tok.lm.unit_bpe import UnitBpe
from hybrid_tok.tokens.merges_file import load_merges
from hybrid_tok.train.units.recipe import TrainUnitsOptions, learn_merges, measure, train


def write_data(folder: Path) -> None:
    """Tones that begin at different moments, so that frames repeat."""
    folder.mkdir()
    time = np.arange(16_000) / 16_000
    lines = []
    for number in range(8):
        tone = 0.3 * np.sin(2 * np.pi * 50 * time) * (time > number * 0.02)
        soundfile.write(folder / f"{number}.wav", tone, 16_000)
        lines.append(json.dumps({"audio": f"{number}.wav"}))
    (folder / "manifest.jsonl").write_text("\n".join(lines))


@pytest.mark.parametrize("codebooks", [1, 4])
def test_recipe_end_to_end(tmp_path: Path, codebooks: int) -> None:
    write_data(tmp_path / "data")
    options = TrainUnitsOptions(
        tmp_path / "data", tmp_path / "out", codebooks=codebooks, merges=5, max_frames=8, held_out=4
    )
    codec = FakeCodec()
    path = train(options, codec)
    merges = load_merges(path)
    assert merges.codec == "fake-codec-1" and merges.num_codebooks == codebooks
    assert len(merges.merges) == 5 and 2 < max(merges.lengths) <= 8
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["held_out"]["seconds"] == 2.0
    assert report["held_out"]["ids_per_second"] < 0.5 * report["held_out"]["ids_per_second_unmerged"]
    again = path.read_bytes()
    assert len(codec.encoded) == 8
    assert train(options, codec).read_bytes() == again
    assert len(codec.encoded) == 8, "codes are used again"
    assert set(load_merges(train(replace(options, max_frames=2), codec)).lengths) == {2}


@given(st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=40), min_size=1, max_size=4), st.integers(1, 20))
def test_the_trainer_gives_merges_that_come_about_most_frequent_first(runs: list[list[int]], count: int) -> None:
    """`UnitMerges` refuses merges that never come about; what the trainer learns is never refused."""
    codes = [np.array(run)[:, None] for run in runs]
    pairs = Counter(pair for run in runs for pair in pairwise(run))
    counts = Counter(code for run in runs for code in run)
    try:
        merges = learn_merges(codes, "test", count, 16)
    except OptionsError:
        assert not any(pairs[a, b] > 1 and a != b for a, b in pairs if counts[a] > 1 and counts[b] > 1)
        return
    assert len(merges.merges) <= count
    left, right = (merges.frames[part][0] for part in merges.merges[0])
    assert pairs[left, right] > 1
    bpe = UnitBpe(merges, 4)
    for run in codes:
        assert np.array_equal(bpe.decode(bpe.encode(run)), run)
    figures = measure(merges, codes)
    assert figures["ids_per_second"] <= figures["ids_per_second_unmerged"]


def test_options_that_are_none(tmp_path: Path) -> None:
    for chosen in (
        {"codebooks": 0},
        {"merges": 0},
        {"max_frames": 1},
        {"max_frames": 65},
        {"every": 0},
        {"held_out": 1},
    ):
        with pytest.raises(OptionsError):
            TrainUnitsOptions(tmp_path, tmp_path, **chosen)
    write_data(tmp_path / "data")
    with pytest.raises(OptionsError, match="9 codebooks asked for"):
        train(TrainUnitsOptions(tmp_path / "data", tmp_path / "out", codebooks=9), FakeCodec())
    with pytest.raises(OptionsError, match="no two frames occur twice"):
        learn_merges([np.arange(9)[:, None]], "test", 5)
