"""Reading finished corpora: everything once, from any row on, in one process or many."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from corpus_rows import PLAIN, make_row, same, write_corpus
from hybrid_tok.corpus import torch_dataset
from hybrid_tok.corpus.formats import FORMATS
from hybrid_tok.corpus.reading import Corpus, CorpusReader, read
from hybrid_tok.corpus.torch_dataset import ShardDataset
from hybrid_tok.errors import CorpusError, OptionsError, StateError

SHARDS = (("a", "b", "c", "d", "e"), (), ("f",), ("g", "h", "i"), ("j", "k"))
ALL = [name for shard in SHARDS for name in shard]
SEEDS = st.none() | st.integers(0, 5)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_corpus(tmp_path_factory.mktemp("c") / "c", SHARDS)


@pytest.mark.parametrize("format", FORMATS)
def test_all_rows_are_read_in_order(format: str, tmp_path: Path) -> None:
    address = write_corpus(tmp_path / "c", SHARDS, format)
    rows = list(read(address))
    assert [row.id for row in rows] == ALL and all(same(make_row(row.id), row) for row in rows)
    corpus = Corpus.open(address)
    assert (len(corpus), corpus.format, corpus.fingerprint, corpus.vocab_size) == (len(ALL), format, "f", 70_000)
    assert corpus.tokens == sum(len(row.ids) for row in rows) and corpus.seconds == 1.5 * len(ALL)
    assert corpus.facts["preset"] == "default"


def test_what_is_no_finished_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="this is no corpus"):
        Corpus.open(str(tmp_path / "nothing"))
    address = write_corpus(tmp_path / "c", SHARDS)
    (tmp_path / "c" / "shards.jsonl").rename(tmp_path / "kept")
    with pytest.raises(CorpusError, match="finish it with `hybrid-tok corpus encode`"):
        list(read(address))
    for damage in (b"{", b"[]\n", b"{}\n"):
        (tmp_path / "c" / "shards.jsonl").write_bytes(damage)
        with pytest.raises(CorpusError, match="damaged"):
            Corpus.open(address)
    (tmp_path / "kept").rename(tmp_path / "c" / "shards.jsonl")
    facts = json.loads((tmp_path / "c" / "corpus.json").read_bytes())
    (tmp_path / "c" / "corpus.json").write_text(json.dumps({**facts, "format": "csv"}))
    with pytest.raises(CorpusError, match="'csv' is none of webdataset"):
        Corpus.open(address)


def test_a_shard_with_other_rows_than_listed_is_noticed(tmp_path: Path) -> None:
    address = write_corpus(tmp_path / "c", [("a", "b"), ("c", "d")], "webdataset")
    write_corpus(tmp_path / "d", [("a", "b"), ("c", "d", "e")], "webdataset")
    (tmp_path / "c" / "shard-000001.tar").write_bytes((tmp_path / "d" / "shard-000001.tar").read_bytes())
    rows = read(address)
    assert [next(rows).id for _ in range(5)] == ["a", "b", "c", "d", "e"]
    with pytest.raises(CorpusError, match=r"shard-000001: has 3 rows, and shards\.jsonl says 2"):
        next(rows)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, world=st.integers(1, 7))
def test_readers_together_read_everything_once(address: str, seed: int | None, world: int) -> None:
    parts = [[row.id for row in read(address, shuffle_seed=seed, rank=rank, world=world)] for rank in range(world)]
    assert sorted(id for part in parts for id in part) == ALL


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, world=st.integers(1, 6), data=st.data())
def test_a_reader_goes_on_anywhere(address: str, seed: int | None, world: int, data: st.DataObject) -> None:
    """Two epochs, stopped at every row: the rest is the same, by way of JSON and a new reader."""
    rank = data.draw(st.integers(0, world - 1))

    def reader() -> CorpusReader:
        return CorpusReader(Corpus.open(address), shuffle_seed=seed, rank=rank, world=world)

    def ids(one: CorpusReader, epochs: int) -> Iterator[str]:
        for _ in range(epochs):
            for row in one:
                yield row.id
            yield "end"

    whole = list(ids(reader(), 2))
    for position in range(len(whole)):
        stopped = reader()
        taken = ids(stopped, 2)
        assert [next(taken) for _ in range(position)] == whole[:position]
        resumed = reader()
        state = json.loads(json.dumps(stopped.state_dict()))
        resumed.load_state_dict(state)
        assert resumed.state_dict() == state
        assert list(ids(resumed, 2 - whole[:position].count("end"))) == whole[position:]


def test_a_second_loop_goes_on(address: str) -> None:
    reader = CorpusReader(Corpus.open(address))
    for row in reader:
        if row.id == "c":
            break
    assert [row.id for row in reader] == ALL[3:]
    assert [row.id for row in reader] == ALL and reader.state_dict()["epoch"] == 2


def test_orders_differ_by_seed_and_epoch_and_stay_the_same(address: str) -> None:
    reader = CorpusReader(Corpus.open(address), shuffle_seed=0)
    first, second = ("".join(row.id for row in reader) for _ in range(2))
    other = "".join(row.id for row in read(address, shuffle_seed=1))
    assert len({first, second, other, "".join(ALL)}) == 4
    assert first == "".join(row.id for row in CorpusReader(Corpus.open(address), shuffle_seed=0))
    assert second == "".join(row.id for row in CorpusReader(Corpus.open(address), shuffle_seed=0, epoch=1))
    assert first == FIRST  # also by later releases: saved states depend on it


FIRST = "bdacegihkjf"


def test_states_of_others_are_refused(address: str, tmp_path: Path) -> None:
    state = CorpusReader(Corpus.open(address), shuffle_seed=1).state_dict()
    other = write_corpus(tmp_path / "other", SHARDS[:2])
    for reader, match in (
        (CorpusReader(Corpus.open(address), shuffle_seed=2), "seed 1, not 2"),
        (CorpusReader(Corpus.open(address), shuffle_seed=1, world=2), "world 1, not 2"),
        (CorpusReader(Corpus.open(other), shuffle_seed=1), "rows 11, not 5"),
    ):
        with pytest.raises(StateError, match=match):
            reader.load_state_dict(state)
    reader = CorpusReader(Corpus.open(address), shuffle_seed=1)
    for damaged in ({}, {**state, "row": -1}, {**state, "row": "1"}, {**state, "more": 1}):
        with pytest.raises(StateError, match="damaged"):
            reader.load_state_dict(damaged)
    assert reader.state_dict() == state


def test_shares_that_are_none_are_refused(address: str) -> None:
    for rank, world in ((1, 1), (-1, 2), (0, 0)):
        with pytest.raises(OptionsError, match="rank"):
            read(address, rank=rank, world=world)
    with pytest.raises(OptionsError, match="epoch"):
        CorpusReader(Corpus.open(address), epoch=-1)
    with pytest.raises(OptionsError, match="together"):
        ShardDataset(address, rank=1)
    with pytest.raises(OptionsError, match="rank"):
        ShardDataset(address, rank=2, world=2)
    with pytest.raises(OptionsError, match="epoch"):
        ShardDataset(address).set_epoch(-1)


def test_items_are_tensors_with_all_columns(address: str) -> None:
    item = next(iter(ShardDataset(address)))
    assert item["id"] == "a" and item["ids"].dtype == torch.int64
    assert item["ids"].tolist() == make_row("a").ids.tolist() and item["seconds"] == 1.5
    assert item["text"] == PLAIN.text and item["languages"] == ("en",) and item["snr"] is None


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_loader_reads_everything_once(address: str, workers: int) -> None:
    ids: list[str] = []
    for rank in range(2):
        dataset = ShardDataset(address, shuffle_seed=3, rank=rank, world=2)
        ids += [item["id"] for item in DataLoader(dataset, batch_size=None, num_workers=workers)]
    assert sorted(ids) == ALL


class _Worker:
    """What `get_worker_info` says in a worker."""

    def __init__(self, id: int, num_workers: int) -> None:
        self.id, self.num_workers = id, num_workers


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, world=st.integers(1, 3), workers=st.integers(1, 3), data=st.data())
def test_workers_resume_anywhere(address: str, seed: int | None, world: int, workers: int, data: st.DataObject) -> None:
    together: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for rank in range(world):
            for worker in range(workers):
                patch.setattr(torch_dataset, "get_worker_info", lambda worker=worker: _Worker(worker, workers))
                dataset = ShardDataset(address, shuffle_seed=seed, rank=rank, world=world)
                whole = [item["id"] for item in dataset]
                together += whole
                position = data.draw(st.integers(0, len(whole)))
                stopped: ShardDataset = pickle.loads(
                    pickle.dumps(ShardDataset(address, shuffle_seed=seed, rank=rank, world=world))
                )
                taken = iter(stopped)
                assert [next(taken)["id"] for _ in range(position)] == whole[:position]
                resumed = ShardDataset(address, shuffle_seed=seed, rank=rank, world=world)
                resumed.load_state_dict(json.loads(json.dumps(stopped.state_dict())))
                resumed.set_epoch(0)
                assert [item["id"] for item in resumed] == whole[position:]
                dataset.set_epoch(1)
                assert [item["id"] for item in resumed] == [item["id"] for item in dataset]
    assert sorted(together) == ALL


def test_a_loop_that_was_left_begins_again(address: str) -> None:
    dataset = ShardDataset(address, shuffle_seed=0)
    first = [item["id"] for item in dataset]
    dataset.set_epoch(0)
    next(iter(dataset))
    assert [item["id"] for item in dataset] == first
    second = [item["id"] for item in dataset]
    assert second != first and sorted(second) == ALL
    dataset.load_state_dict({**dataset.state_dict(), "epoch": 0, "shard": 1})
    dataset.set_epoch(2)
    other = ShardDataset(address, shuffle_seed=0)
    other.set_epoch(2)
    assert [item["id"] for item in dataset] == [item["id"] for item in other] != first


def test_a_worker_that_has_finished_stays_finished(address: str) -> None:
    """Its loader is resumed while other workers of the epoch are not done."""
    dataset = ShardDataset(address, shuffle_seed=0)
    first = [item["id"] for item in dataset]
    state = dataset.state_dict()
    second = [item["id"] for item in dataset]
    resumed = ShardDataset(address, shuffle_seed=0)
    resumed.load_state_dict(state)
    assert list(resumed) == [] and [item["id"] for item in resumed] == second != first
    resumed.load_state_dict(state)
    resumed.set_epoch(1)
    assert [item["id"] for item in resumed] == second


def test_ranks_of_torch_distributed_are_taken(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    facts: dict[str, Any] = {"is_initialized": True, "get_rank": 1, "get_world_size": 2}
    for name, value in facts.items():
        monkeypatch.setattr(torch.distributed, name, lambda value=value: value)
    state = ShardDataset(address).state_dict()
    assert (state["rank"], state["world"]) == (1, 2)
    state = ShardDataset(address, rank=0, world=1).state_dict()
    assert (state["rank"], state["world"]) == (0, 1)


def test_reading_needs_no_torch() -> None:
    code = "import sys, hybrid_tok.corpus.reading; assert 'torch' not in sys.modules and 'ray' not in sys.modules"
    assert run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_remote_corpus_is_read() -> None:
    fsspec = pytest.importorskip("fsspec")
    try:
        for format in FORMATS:
            address = write_corpus(f"memory://c/{format}", SHARDS, format)
            assert [row.id for row in read(address)] == ALL
    finally:
        fsspec.filesystem("memory").store.clear()
    with TemporaryDirectory() as folder:
        assert [row.id for row in read(f"file://{write_corpus(folder, SHARDS)}")] == ALL
