"""The plan: which entry is in which shard and batch, by the manifest alone."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.core.annotations import Event, KnownAnnotations, Segment, SpeakerTurn, Word
from hybrid_tok.core.timeline import DEFAULT_GRID, Grid, Span
from hybrid_tok.corpus.batches import BatchOptions, batches_of, count_pieces, grid_step
from hybrid_tok.corpus.entries import AudioPlace, BadLine, Entry
from hybrid_tok.corpus.plan import Plan, ShardOptions, load_entries, load_plan, make_plan
from hybrid_tok.corpus.store import Store
from hybrid_tok.errors import CorpusError, OptionsError

LENGTHS = st.one_of(st.none(), st.floats(0.01, 7200.0))


def entry(number: int, seconds: float | None = 1.0, known: KnownAnnotations | None = None) -> Entry:
    audio = AudioPlace(f"r{number}.wav", duration=seconds)
    return Entry(f"r{number}", audio, f"manifest, line {number + 1}", known or KnownAnnotations())


def plan_of(folder: Path, found: list[Entry | BadLine], options: ShardOptions) -> Plan:
    return make_plan(Store(folder), found, options, BatchOptions(), DEFAULT_GRID)


def test_an_entry_goes_through_json() -> None:
    known = KnownAnnotations(
        words=(Word("hello", Span(1, 3), 0.5, 1, "en"),),
        events=(Event("laugh", Span(4, 6), 0.25),),
        turns=(SpeakerTurn(0, Span(0, 9)),),
        speech=(Span(1, 9),),
    )
    audio = AudioPlace("s3://b/x.tar", (512, 999), offset=0.25, duration=1.5, whole=True)
    whole = Entry("a/b.c", audio, "x.tar, a", known, "en", ("Ann", "Bo"))
    assert Entry.from_json(whole.to_json()) == whole
    untimed = entry(0, None, KnownAnnotations(segments=(Segment("text", source="line 1"),)))
    assert Entry.from_json(untimed.to_json()) == untimed
    row = Entry("r", AudioPlace("x.arrow", row=0, column="audio"), "row 0")
    assert Entry.from_json(row.to_json()) == row


@given(st.lists(LENGTHS, min_size=1, max_size=40), st.integers(1, 7))
def test_every_entry_is_in_one_shard_in_order(tmp_path_factory: pytest.TempPathFactory, seconds, size) -> None:
    folder = tmp_path_factory.mktemp("plan")
    entries = [entry(number, length) for number, length in enumerate(seconds)]
    plan = plan_of(folder, [*entries], ShardOptions(size, 1.0))
    loaded = [load_entries(Store(folder), shard) for shard in range(len(plan.shards))]
    assert [one for shard in loaded for one in shard] == entries
    for planned, shard in zip(plan.shards, loaded, strict=True):
        assert planned.entries == len(shard) <= size
        total = sum(one.seconds or 0.0 for one in shard)
        assert len(shard) == 1 or total <= 3600.0
        assert planned.batches == len(batches_of(shard, BatchOptions(), DEFAULT_GRID))
    assert load_plan(Store(folder)) == plan


@given(st.lists(LENGTHS, min_size=1, max_size=60))
def test_batches_hold_every_part_once(seconds: list[float | None]) -> None:
    options = BatchOptions()
    entries = [entry(number, length) for number, length in enumerate(seconds)]
    batches = batches_of(entries, options, DEFAULT_GRID)
    parts = sorted((part.entry, part.piece) for batch in batches for part in batch)
    pieces = [count_pieces(one, options, DEFAULT_GRID) for one in entries]
    assert parts == [(place, piece) for place, count in enumerate(pieces) for piece in range(count)]
    for batch in batches:
        assert len(batch) <= options.recordings
        assert len(batch) == 1 or sum(entries[part.entry].seconds or 0.0 for part in batch) <= options.seconds


def test_recordings_of_like_length_are_encoded_together() -> None:
    entries = [entry(number, length) for number, length in enumerate([2.0, 60.0, 2.0, 60.0, 2.0])]
    batches = batches_of(entries, BatchOptions(), DEFAULT_GRID)
    assert [[part.entry for part in batch] for batch in batches] == [[1, 3], [0, 2, 4]]


def test_what_cannot_be_cut_stays_whole() -> None:
    options = BatchOptions()
    assert count_pieces(entry(0, 3600.0), options, DEFAULT_GRID) == 6
    assert count_pieces(entry(0, None), options, DEFAULT_GRID) == 1
    text = KnownAnnotations(segments=(Segment("without times"),))
    assert count_pieces(entry(0, 3600.0, text), options, DEFAULT_GRID) == 1
    turns = tuple(SpeakerTurn(speaker, Span(0, 180_000)) for speaker in (0, 1))
    assert count_pieces(entry(0, 3600.0, KnownAnnotations(turns=turns)), options, DEFAULT_GRID) == 1
    assert count_pieces(entry(0, 3600.0, KnownAnnotations(turns=turns[:1])), options, DEFAULT_GRID) == 6
    timed = KnownAnnotations(segments=(Segment("with times", Span(0, 9)),))
    assert count_pieces(entry(0, 3600.0, timed), options, DEFAULT_GRID) == 6


@pytest.mark.parametrize(
    ("grid", "step"), [(DEFAULT_GRID, "1/50"), (Grid(24_000, 1920), "2/25"), (Grid(16_000, 256), "2/125")]
)
def test_pieces_begin_on_both_grids(grid: Grid, step: str) -> None:
    found = grid_step(grid)
    assert (found * 50).denominator == 1 and (found * grid.frame_rate).denominator == 1
    assert found >= Fraction(step)


def test_broken_lines_and_ids_that_were_there_before_are_failures(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, [entry(0), BadLine("m, line 2", "no JSON"), entry(1), entry(0)], ShardOptions())
    assert plan.entries == 2
    assert [(one.reason, one.where, one.id) for one in plan.failures] == [
        ("line", "m, line 2", None),
        ("duplicate", "manifest, line 1", "r0"),
    ]
    assert load_plan(Store(tmp_path)) == plan


def test_no_recording_is_an_error_with_the_first_cause(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="names no recording that could be encoded: m, line 1: no JSON"):
        plan_of(tmp_path, [BadLine("m, line 1", "no JSON")], ShardOptions())
    assert load_plan(Store(tmp_path)) is None


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(OptionsError, match="1 recording or more, not 0"):
        ShardOptions(recordings=0)
    with pytest.raises(OptionsError, match="more than 0 hours, not 0"):
        ShardOptions(hours=0.0)
    with pytest.raises(OptionsError, match="pieces"):
        BatchOptions(piece=10.0)
