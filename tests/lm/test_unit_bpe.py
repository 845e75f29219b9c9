"""Unit BPE over arrays of codes, and its file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import FakeCodec
from hybrid_tok.errors import FingerprintError, GrammarError, OptionsError, StreamError, WeightsError
from hybrid_tok.lm.unit_bpe import UnitBpe
from hybrid_tok.options import TokenizerOptions
from hybrid_tok.presets import find_preset
from hybrid_tok.tokenizer import HybridTokenizer
from hybrid_tok.tokens.merges_file import load_merges, save_merges
from hybrid_tok.tokens.stream import Channel, HybridStream, Turn, UnitItem
from hybrid_tok.tokens.unit_merges import UnitMerges
from hybrid_tok.tokens.vocabulary import VocabularyOptions
from strategies import vocabulary

PAIRS = UnitMerges("test", ((0, 0), (1, 1), (0, 1)), ((0, 0), (3, 3), (1, 2)))
SINGLE = UnitMerges("test", ((0,), (2,)), ((0, 0), (2, 1)))


@given(st.sampled_from([PAIRS, SINGLE]), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=40))
def test_codes_come_back_and_ids_are_those_of_a_vocabulary(merges: UnitMerges, frames: list[tuple[int, int]]) -> None:
    bpe = UnitBpe(merges, 3)
    codes = np.array(frames, np.int64).reshape(-1, 2)[:, : merges.num_codebooks]
    ids = bpe.encode(codes)
    assert np.array_equal(bpe.decode(ids), codes)
    assert bpe.durations(ids).sum() == len(codes) and bpe.durations(ids).shape == ids.shape
    if len(codes):
        options = VocabularyOptions("test", 3, num_codebooks=merges.num_codebooks, unit_merges=merges, layout="units")
        ours = vocabulary(options)
        item = UnitItem(tuple(map(tuple, codes.tolist())))
        written = ours.encode(HybridStream((Channel((Turn(0, (item,)),)),)))
        assert written[2:-4] == (ids + ours.space.units[0].start).tolist()
        assert ours.space.merged.stop - ours.space.units[0].start == bpe.size


def test_durations_are_of_what_an_id_ends() -> None:
    bpe = UnitBpe(PAIRS, 3)
    ids = bpe.encode([[0, 0]] * 4 + [[1, 1], [0, 1], [2, 2]])
    assert ids.tolist() == [7, 8, 2, 5]
    assert bpe.durations(ids).tolist() == [4, 2, 0, 1]


def test_what_is_refused() -> None:
    bpe = UnitBpe(PAIRS, 3)
    for ids, position in [([0], 1), ([0, 0], 1), ([3], 0), ([9], 0), ([-1], 0), ([0, 6], 1), ([0.5], 0)]:
        with pytest.raises(GrammarError) as caught:
            bpe.decode(ids)
        assert caught.value.position == position
    for codes in ([[0]], [[0, 3]], [[-1, 0]], [[0.0, 0.0]], [0, 0]):
        with pytest.raises(StreamError):
            bpe.encode(codes)
    with pytest.raises(OptionsError, match=r"outside 0\.\.0"):
        UnitBpe(PAIRS, 1)


def test_files_come_back_and_damage_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "units.json"
    save_merges(path, PAIRS)
    assert load_merges(path) == PAIRS and load_merges(path).fingerprint == PAIRS.fingerprint
    held = json.loads(path.read_text())
    for change in ({"merges": [[0, 1]]}, {"codec": "x"}, {"version": 2}, {"sha256": ""}, {"frames": 3}):
        path.write_text(json.dumps({**held, **change}))
        with pytest.raises(WeightsError, match=r"damaged|of version 2"):
            load_merges(path)
    for text in ("", "[]", "{}", '{"version": 1}'):
        path.write_text(text)
        with pytest.raises(WeightsError, match="holds no unit merges"):
            load_merges(path)
    with pytest.raises(WeightsError, match="No such file"):
        load_merges(tmp_path / "none.json")


def test_a_tokenizer_writes_merged_units_and_its_files_need_the_same_merges(tmp_path: Path) -> None:
    samples = np.zeros(6500, np.float32)
    samples[1600:1700] = 0.5
    frames = FakeCodec().encode(samples)[:, :1].tolist()
    merges = UnitMerges("fake-codec-1", (tuple(frames[0]),), ((0, 0), (1, 1)))
    save_merges(tmp_path / "units.json", merges)

    def tokenizer(path: str | None) -> HybridTokenizer:
        options = TokenizerOptions(layout="units", num_codebooks=1, unit_merges=path)
        return HybridTokenizer(find_preset("default"), options, backends={"codec": FakeCodec(num_codebooks=4)})

    merging, plain = tokenizer(str(tmp_path / "units.json")), tokenizer(None)
    analysis = merging.analyze((samples, 16_000))
    assert len(analysis.ids) < len(frames) < len(plain.encode((samples, 16_000)))
    merging.save(tmp_path / "a.hyt", analysis)
    decoded = merging.decode_file(tmp_path / "a.hyt").audio
    assert np.array_equal(decoded.samples, plain.decode(plain.encode((samples, 16_000))).samples)
    with pytest.raises(FingerprintError, match="vocabulary"):
        plain.load(tmp_path / "a.hyt")
    with pytest.raises(OptionsError, match="of frames of 1 codebooks"):
        _ = HybridTokenizer(
            find_preset("default"),
            TokenizerOptions(num_codebooks=2, unit_merges=str(tmp_path / "units.json")),
            backends={"codec": FakeCodec()},
        ).vocabulary
