"""Merged units: one spelling, exactly as byte-pair encoding gives it, and a grammar that accepts no other."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.errors import GrammarError, OptionsError
from hybrid_tok.tokens.stream import Channel, EventItem, Frame, HybridStream, Turn, UnitItem
from hybrid_tok.tokens.unit_merges import MAX_FRAMES, Unit, UnitMerges
from hybrid_tok.tokens.vocabulary import Vocabulary, VocabularyOptions
from strategies import vocabulary


@st.composite
def unit_merges(draw: st.DrawFn, width: int | None = None, codes: int = 3) -> UnitMerges:
    """Random merges over few frames, so that they overlap in every way; those that never come about are left out."""
    width = width or draw(st.integers(1, 2))
    every = list(product(range(codes), repeat=width))
    frames = tuple(draw(st.lists(st.sampled_from(every), min_size=1, max_size=4, unique=True)))
    merges: tuple[tuple[int, int], ...] = ()
    for _ in range(draw(st.integers(1, 8))):
        symbol = st.integers(0, len(frames) + len(merges) - 1)
        try:
            UnitMerges("test", frames, (*merges, pair := draw(st.tuples(symbol, symbol))))
        except OptionsError:
            continue
        merges = (*merges, pair)
    return UnitMerges("test", frames, merges or ((0, 0),))


def frame_runs(merges: UnitMerges, codes: int = 3) -> st.SearchStrategy[list[Frame]]:
    """Runs of frames, most of which may be merged."""
    any_frame = st.tuples(*[st.integers(0, codes - 1)] * merges.num_codebooks)
    return st.lists(st.sampled_from(merges.frames) | any_frame, max_size=30)


def by_definition(merges: UnitMerges, frames: list[Frame]) -> list[Unit]:
    """Byte-pair encoding as it is defined: the first merge, leftmost first, until there is none."""
    symbols: list[int | Frame] = [merges.frames.index(f) if f in merges.frames else f for f in frames]
    for rank, pair in enumerate(merges.merges):
        at = 0
        while at < len(symbols) - 1:
            if (symbols[at], symbols[at + 1]) == pair:
                symbols[at : at + 2] = [len(merges.frames) + rank]
            at += 1
    count = len(merges.frames)
    return [s if isinstance(s, tuple) else merges.frames[s] if s < count else s - count for s in symbols]


@st.composite
def merges_and_frames(draw: st.DrawFn) -> tuple[UnitMerges, list[Frame]]:
    merges = draw(unit_merges())
    return merges, draw(frame_runs(merges))


@given(merges_and_frames())
def test_frames_come_back_and_are_merged_as_defined(made: tuple[UnitMerges, list[Frame]]) -> None:
    merges, frames = made
    spelled = merges.encode(frames)
    assert spelled == by_definition(merges, frames)
    assert merges.decode(spelled) == frames


@given(unit_merges(), st.data())
def test_a_spelling_is_one_whose_neighbours_are(merges: UnitMerges, data: st.DataObject) -> None:
    """What the grammar relies on: pairs decide."""
    any_unit = st.sampled_from([*merges.frames, *range(len(merges.merges)), (2,) * merges.num_codebooks])
    units = data.draw(st.lists(any_unit, max_size=8))
    allowed = all(right not in merges.not_after(left) for left, right in pairwise(units))
    assert allowed == (merges.encode(merges.decode(units)) == units)


def merged_vocabulary(merges: UnitMerges, **options: object) -> Vocabulary:
    sizes = {"codebook_size": 3, "num_codebooks": merges.num_codebooks, "max_speakers": 2}
    return vocabulary(VocabularyOptions("test", **{**sizes, "unit_merges": merges, **options}))  # pyright: ignore[reportArgumentType]


@given(merges_and_frames(), st.sampled_from(["hybrid", "units"]), st.sampled_from(["locked", "free"]))
def test_streams_come_back_from_merged_ids(made: tuple[UnitMerges, list[Frame]], layout: str, timing: str) -> None:
    merges, frames = made
    ours = merged_vocabulary(merges, layout=layout, timing=timing)
    items = (UnitItem(((0,) * merges.num_codebooks, *frames)),)
    if layout == "hybrid":
        items = (EventItem("laugh", tuple(frames)), *items)
    stream = HybridStream((Channel((Turn(0, items),)),), timing, 0 if timing == "locked" else None)
    ids = ours.encode(stream)
    assert ours.decode(ids) == stream
    assert ours.repair(ids).actions == ()
    plain = vocabulary(VocabularyOptions("test", 3, num_codebooks=merges.num_codebooks, layout=layout, timing=timing))
    assert len(ids) <= len(plain.encode(stream))


@given(unit_merges(), st.data())
def test_what_the_grammar_samples_has_one_spelling_and_no_dead_end(merges: UnitMerges, data: st.DataObject) -> None:
    ours = merged_vocabulary(merges, layout="units", timing="free")
    grammar, ids = ours.grammar, [ours.space.speakers.start, ours.space.units_open.start]
    state = grammar.read(grammar.start, ids)
    for _ in range(data.draw(st.integers(0, 20))):
        ranges = grammar.allowed(state)
        assert ranges, "a dead end"
        chosen = data.draw(st.sampled_from(ranges))
        ids.append(data.draw(st.integers(chosen.start, chosen.stop - 1)))
        state = grammar.advance(state, ids[-1])
    if grammar.accepts_end(state):
        assert ours.encode(ours.decode(ids)) == ids
    repaired = ours.repair(ids)
    assert ours.encode(ours.decode(repaired.ids)) == list(repaired.ids)


def test_a_merged_sequence_spelled_out_is_refused() -> None:
    merges = UnitMerges("test", ((0,), (1,)), ((0, 1), (2, 0)))
    ours = merged_vocabulary(merges, layout="units")
    space = ours.space
    assert space.token_name(space.merged.start + 1) == "<|merged-unit:1|>"
    speaker, opened, zero = space.speakers.start, space.units_open.start, space.units[0].start
    with pytest.raises(GrammarError) as caught:
        ours.decode([speaker, opened, zero, zero + 1])
    assert caught.value.position == 3
    with pytest.raises(GrammarError) as caught:
        ours.decode([speaker, opened, space.merged.start, zero])
    assert caught.value.position == 3
    ids = [speaker, opened, space.merged.start + 1, zero + 2, space.units_close.start, space.end.start]
    ids += [space.numbers.start] * 2
    assert ours.decode(ids) == HybridStream((Channel((Turn(0, (UnitItem(((0,), (1,), (0,), (2,))),)),)),))


def test_a_merged_unit_that_fills_every_way_to_go_on_leaves_no_dead_end() -> None:
    """After frame (0, 0) both frames that begin with 1 are merged: a first unit 1 could not be completed."""
    merges = UnitMerges("test", ((0, 0), (1, 0), (1, 1)), ((0, 1), (0, 2)))
    ours = merged_vocabulary(merges, codebook_size=2, layout="units")
    space = ours.space
    zero = [units.start for units in space.units]
    state = ours.grammar.read(ours.grammar.start, [space.speakers.start, space.units_open.start, *zero])
    assert not ours.grammar.admits(state, zero[0] + 1)
    assert ours.grammar.admits(state, zero[0])
    assert ours.grammar.admits(state, space.merged.start)


@pytest.mark.parametrize(
    "frames, merges, message",
    [
        ((), ((0, 0),), "without any merge"),
        (((0,),), (), "without any merge"),
        (((0,), (0,)), ((0, 1),), "must differ"),
        (((0,), (0, 1)), ((0, 1),), "same number"),
        (((0,),), ((0, 1),), "not both come before"),
        (((0,),), ((0, -1),), "not both come before"),
        (((0,),), ((0, 0), (0, 0)), "same pair twice"),
        (((0,), (1,)), ((0, 1), (1, 0), (0, 3)), "never comes about"),
        (((0,),), tuple((number, number) for number in range(7)), f"more than {MAX_FRAMES}"),
    ],
)
def test_merges_that_are_none(frames: tuple[Frame, ...], merges: tuple[tuple[int, int], ...], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        UnitMerges("test", frames, merges)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"run_length": True}, "choose one"),
        ({"codec": "other"}, "of the codec test"),
        ({"num_codebooks": 2}, "1 codebooks"),
        ({"codebook_size": 2}, "outside 0..1"),
    ],
)
def test_merges_that_do_not_fit_a_vocabulary(options: dict[str, object], message: str) -> None:
    fitting = {"codec": "test", "codebook_size": 3, "num_codebooks": 1}
    with pytest.raises(OptionsError, match=message):
        VocabularyOptions(**{**fitting, "unit_merges": UnitMerges("test", ((2,),), ((0, 0),)), **options})  # pyright: ignore[reportArgumentType]


def test_merges_are_of_whole_frames() -> None:
    with pytest.raises(OptionsError, match="leave event_codebooks out"):
        VocabularyOptions(
            "test", 3, num_codebooks=2, event_codebooks=1, unit_merges=UnitMerges("test", ((0, 0),), ((0, 0),))
        )


def test_merges_are_in_the_fingerprint_and_only_where_there_are_some() -> None:
    plain = VocabularyOptions("test", 3, num_codebooks=1)
    first, second = (
        merged_vocabulary(UnitMerges("test", ((0,), (1,)), (pair,))).fingerprint for pair in ((0, 1), (1, 0))
    )
    assert first["vocabulary"] != second["vocabulary"] != vocabulary(plain).fingerprint["vocabulary"]
    assert vocabulary(plain).space.merged.size == 0
    assert "merged unit" not in [part.name for part in vocabulary(plain).ranges]
