"""Formats of shards: what is written comes back, by us and by the libraries that the formats are of."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_rows import PLAIN, VOCAB, same
from hybrid_tok.corpus.formats import FORMATS, write_shard
from hybrid_tok.corpus.formats.webdataset import list_shards
from hybrid_tok.corpus.rows import Columns, Failure, Row, ShardInfo
from hybrid_tok.corpus.store import Store
from hybrid_tok.errors import BackendError, CorpusError

ODD_IDS = (
    "a/b.c.flac",
    "a.b",
    "a_b",
    "",
    ".",
    "..",
    "/a",
    "a//b",
    "a/",
    "a%2Fb",
    "../up",
    "x" * 300,
    "x" * 301,
    "日本",
    "a\nb",
)
NAMES = st.text(st.characters(codec="utf-8"), max_size=12)
SHARES = st.floats(0.0, 1.0)
COUNTS = st.integers(0, 2**40)
COLUMNS = st.builds(
    Columns,
    text_share=SHARES,
    unit_share=SHARES,
    silence_share=SHARES,
    words=st.integers(0, 10_000),
    text=NAMES,
    languages=st.lists(st.sampled_from(["en", "de", "ja"]), max_size=3, unique=True).map(tuple),
    speakers=st.lists(NAMES, max_size=3).map(tuple),
    events=st.lists(NAMES, max_size=3).map(tuple),
    confidence=st.none() | SHARES,
    snr=st.none() | st.floats(-60.0, 120.0),
    sample_rate=st.integers(8_000, 192_000),
    num_samples=COUNTS,
    channels=st.integers(1, 8),
    codec_samples=COUNTS,
)
IDS = st.lists(st.integers(0, VOCAB - 1), max_size=30).map(lambda ids: np.array(ids, np.int32))
ROWS = st.lists(
    st.builds(Row, id=NAMES | st.sampled_from(ODD_IDS), ids=IDS, seconds=st.floats(0.0, 1e5), columns=COLUMNS),
    min_size=1,
    max_size=6,
    unique_by=lambda row: row.id,
)


def rows_of(names: Sequence[str], vocab_size: int = VOCAB) -> list[Row]:
    generator = np.random.default_rng(len(names))
    return [
        Row(name, generator.integers(0, vocab_size, 3 + 4 * place).astype(np.int32), 1.5 + place, PLAIN)
        for place, name in enumerate(names)
    ]


def written(folder: Path | str, format: str, rows: Sequence[Row], vocab_size: int = VOCAB) -> tuple[Store, ShardInfo]:
    store = Store(folder)
    return store, write_shard(store, FORMATS[format], "shard-000003", rows, "f", (), vocab_size)


@contextmanager
def hidden_module(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setitem(__import__("sys").modules, name, None)
        yield


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=40, deadline=None)
@given(rows=ROWS)
def test_rows_come_back(format: str, rows: list[Row]) -> None:
    with TemporaryDirectory() as folder:
        store, info = written(folder, format, rows)
        read = list(FORMATS[format].read(store, info.name))
    assert len(read) == len(rows) and all(map(same, rows, read))
    assert (info.rows, info.tokens) == (len(rows), sum(len(row.ids) for row in rows))
    assert info.seconds == pytest.approx(sum(row.seconds for row in rows))


@pytest.mark.parametrize("format", FORMATS)
def test_files_are_listed_with_size_and_hash(format: str, tmp_path: Path) -> None:
    store, info = written(tmp_path, format, rows_of("abc"))
    assert tuple(info.files) == FORMATS[format].files(info.name) and sorted(info.files) == store.names()
    for name, (size, digest) in info.files.items():
        data = (tmp_path / name).read_bytes()
        assert (size, digest) == (len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("format", FORMATS)
def test_bytes_depend_on_the_rows_alone(format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(["a/b.flac", "日本", "x" * 150])
    first = written(tmp_path / "1", format, rows)[1]
    monkeypatch.setenv("TZ", "Pacific/Chatham")
    monkeypatch.setenv("USER", "somebody")
    monkeypatch.setattr("time.time", lambda: 2e9)
    monkeypatch.setattr("os.getuid", lambda: 4711)
    assert written(tmp_path / "2", format, rows)[1] == first
    changed = [*rows[:2], replace(rows[2], seconds=9.0)]
    assert written(tmp_path / "3", format, changed)[1].files != first.files


@pytest.mark.parametrize("format", FORMATS)
def test_a_shard_without_rows_has_no_files(format: str, tmp_path: Path) -> None:
    failures = (Failure("m, line 1", "missing", "is not there", "a"),)
    info = write_shard(Store(tmp_path), FORMATS[format], "shard-000000", (), "f", failures, VOCAB)
    assert info == ShardInfo("shard-000000", {}, 0, 0, 0, "f", failures) and not Store(tmp_path).names()
    assert list_shards([info]) == b""


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("bad", [-1, VOCAB])
def test_an_id_outside_of_the_vocabulary_is_refused(format: str, bad: int, tmp_path: Path) -> None:
    rows = [*rows_of("ab"), Row("c", np.array([1, bad], np.int32), 1.0, PLAIN)]
    with pytest.raises(CorpusError, match="shard-000003, c: ids"):
        written(tmp_path, format, rows)
    assert Store(tmp_path).names() == []


@pytest.mark.parametrize("format", FORMATS)
def test_damaged_files_are_named(format: str, tmp_path: Path) -> None:
    store, info = written(tmp_path, format, rows_of("abcdef"))
    unread = {"shard-000003.jsonl"} if format == "webdataset" else set()
    for name in info.files:
        whole = (tmp_path / name).read_bytes()
        end = 5 if name.endswith(".metadata") else len(whole) * 2 // 5 + 100
        (tmp_path / name).write_bytes(whole[: min(end, len(whole) - 1)])
        if name in unread:
            continue
        with pytest.raises(CorpusError, match="damaged") as caught:
            list(FORMATS[format].read(store, info.name))
        assert str(tmp_path / "") in str(caught.value) and "\n" not in str(caught.value)
        (tmp_path / name).unlink()
        with pytest.raises(CorpusError, match=f"{name}: is not there"):
            list(FORMATS[format].read(store, info.name))
        (tmp_path / name).write_bytes(whole)


@pytest.mark.parametrize("format", ["datatrove", "megatron", "shar"])
def test_files_of_other_rows_are_noticed(format: str, tmp_path: Path) -> None:
    """One file of a shard taken from another one."""
    _, info = written(tmp_path / "a", format, rows_of("abc"))
    for swapped in info.files:
        for others in ("abcd", "ab"):
            store, _ = written(tmp_path / "b", format, rows_of(others))
            (tmp_path / "b" / swapped).write_bytes((tmp_path / "a" / swapped).read_bytes())
            if swapped.endswith(".metadata"):
                continue
            with pytest.raises(CorpusError, match="damaged"):
                list(FORMATS[format].read(store, info.name))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves its files open
def test_webdataset_reads_it(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    names = [*ODD_IDS, "plain"]
    rows = rows_of(names)
    written(tmp_path, "webdataset", rows)
    samples = list(webdataset.WebDataset(str(tmp_path / "shard-000003.tar"), shardshuffle=False).decode())
    assert [sample["json"]["id"] for sample in samples] == names
    assert all(np.array_equal(sample["npy"], row.ids) for sample, row in zip(samples, rows, strict=True))
    assert samples[-1]["__key__"] == "plain" and samples[-1]["npy"].dtype == np.int32
    assert samples[0]["json"]["text"] == "hello there"
    listed = (tmp_path / "shard-000003.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in listed] == [sample["json"] for sample in samples]


def test_shards_of_webdataset_are_listed() -> None:
    infos = [ShardInfo(f"shard-00000{n}", {"a": (1, "")}, n, n / 3, 5, "f") for n in (1, 2)]
    assert list_shards(infos) == (
        b"shard-000001.tar\tshard-000001.jsonl\t1\t0.333\nshard-000002.tar\tshard-000002.jsonl\t2\t0.667\n"
    )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves its files open
def test_lhotse_reads_it(tmp_path: Path) -> None:
    lhotse = pytest.importorskip("lhotse")
    rows = rows_of([*ODD_IDS, "plain"])
    written(tmp_path, "shar", rows)
    fields = {"cuts": [str(tmp_path / "cuts.000003.jsonl.gz")], "tokens": [str(tmp_path / "tokens.000003.tar")]}
    cuts = list(lhotse.CutSet.from_shar(fields=fields))
    assert [cut.custom.get("hybrid_tok_id", cut.id) for cut in cuts] == [row.id for row in rows]
    for cut, row in zip(cuts, rows, strict=True):
        assert np.array_equal(cut.load_tokens(), row.ids) and cut.duration == row.seconds
        supervision = cut.supervisions[0]
        assert (supervision.text, supervision.language, supervision.speaker) == ("hello there", "en", "ann")
        assert cut.custom["words"] == 2 and cut.unit_share == 0.25
        assert cut.sampling_rate == 16_000
    assert {cut.id for cut in cuts} >= {"a/b.c.flac", "a.b", "日本", "plain"}


def test_the_tar_of_shar_is_that_of_lhotse(tmp_path: Path) -> None:
    lhotse = pytest.importorskip("lhotse")
    from lhotse.shar import ArrayTarWriter

    rows = rows_of(["a/b.c", "b", "x" * 150])
    written(tmp_path, "shar", rows)
    with ArrayTarWriter(str(tmp_path / "theirs.tar"), shard_size=None, compression="numpy") as writer:
        for row in rows:
            writer.write(row.id, row.ids, lhotse.array.Array("numpy_files", "x", "y", [len(row.ids)]))
    assert (tmp_path / "theirs.tar").read_bytes() == (tmp_path / "tokens.000003.tar").read_bytes()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves its files open
def test_cuts_without_text_have_no_supervision(tmp_path: Path) -> None:
    lhotse = pytest.importorskip("lhotse")
    rows = [replace(rows_of("a")[0], columns=replace(PLAIN, text="", languages=("en", "de"), speakers=()))]
    store, _ = written(tmp_path, "shar", rows)
    fields = {"cuts": [str(tmp_path / "cuts.000003.jsonl.gz")], "tokens": [str(tmp_path / "tokens.000003.tar")]}
    assert not next(iter(lhotse.CutSet.from_shar(fields=fields))).supervisions
    assert same(rows[0], next(iter(FORMATS["shar"].read(store, "shard-000003"))))


def test_datasets_and_arrow_read_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = rows_of("abcd")
    written(tmp_path, "parquet", rows)
    table = parquet.read_table(tmp_path / "shard-000003.parquet")
    assert table.column("ids").to_pylist() == [row.ids.tolist() for row in rows]
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds["ids"] == "list<element: int32 not null>" and kinds["languages"].startswith("list<")
    assert kinds["confidence"] == "double" and kinds["num_samples"] == "int64"
    datasets = pytest.importorskip("datasets")
    loaded = datasets.Dataset.from_parquet(str(tmp_path / "shard-000003.parquet"), cache_dir=str(tmp_path / "cache"))
    assert loaded[2]["ids"] == rows[2].ids.tolist() and loaded[2]["speakers"] == ["ann"]


def test_parquet_has_groups_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hybrid_tok.corpus.formats import parquet as module

    pyarrow = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(module, "_GROUP_ROWS", 3)
    monkeypatch.setattr(module, "_GROUP_TOKENS", 40)
    rows = rows_of("abcdefgh")  # 3, 7, 11 | 15, 19, 23 | 27, 31
    store, _ = written(tmp_path, "parquet", rows)
    file = pyarrow.ParquetFile(tmp_path / "shard-000003.parquet")
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [3, 3, 2]
    assert all(map(same, rows, FORMATS["parquet"].read(store, "shard-000003")))


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hidden_module(monkeypatch, "pyarrow"), pytest.raises(BackendError, match=r"hybrid-tok\[corpus\]"):
        written(tmp_path, "parquet", rows_of("a"))


@pytest.mark.parametrize("vocab_size, dtype", [(65_536, "<u2"), (65_537, "<u4")])
def test_layout_of_datatrove(vocab_size: int, dtype: str, tmp_path: Path) -> None:
    rows = rows_of("abc", vocab_size)
    written(tmp_path, "datatrove", rows, vocab_size)
    flat = np.fromfile(tmp_path / "shard-000003.ds", dtype)
    assert np.array_equal(flat, np.concatenate([row.ids for row in rows]))
    ends = struct.unpack("<3Q", (tmp_path / "shard-000003.ds.index").read_bytes())
    assert ends == (3, 10, 21)
    size = np.dtype(dtype).itemsize
    assert (tmp_path / "shard-000003.ds.metadata").read_text().splitlines() == [f"hybrid-tok|{size}", "21", "21.0 T"]


@pytest.mark.parametrize(
    "count, text",
    [
        (0, "0.00 T"),
        (150, "150 T"),
        (1000, "1.00 kT"),
        (999_999, "1.00 MT"),
        (3 * 10**9, "3.00 GT"),
        (10**17, "100 PT"),
    ],
)
def test_counts_for_people_are_those_of_datatrove(count: int, text: str) -> None:
    from hybrid_tok.corpus.formats.datatrove import _rounded

    assert _rounded(count) == text


@pytest.mark.parametrize("vocab_size, dtype", [(65_499, np.uint16), (65_500, np.int32)])
def test_layout_of_megatron(vocab_size: int, dtype: type, tmp_path: Path) -> None:
    rows = [*rows_of("abc", vocab_size), Row("empty", np.zeros(0, np.int32), 0.0, PLAIN)]
    written(tmp_path, "megatron", rows, vocab_size)
    sequences, documents, found = read_megatron(tmp_path / "shard-000003")
    assert found == np.dtype(dtype) and documents == [0, 1, 2, 3, 4]
    assert [one.tolist() for one in sequences] == [row.ids.tolist() for row in rows]


def read_megatron(prefix: Path) -> tuple[list[Any], list[int], np.dtype]:
    """A reader made from the layout of `IndexedDataset` alone: (sequences, document indices, type of the ids)."""
    index = io.BytesIO(prefix.with_suffix(".idx").read_bytes())
    assert index.read(9) == b"MMIDIDX\x00\x00"
    assert struct.unpack("<Q", index.read(8)) == (1,)
    (code,) = struct.unpack("<B", index.read(1))
    dtype = np.dtype({4: "<i4", 8: "<u2"}[code])
    count, documents = struct.unpack("<QQ", index.read(16))
    lengths = struct.unpack(f"<{count}i", index.read(4 * count))
    pointers = struct.unpack(f"<{count}q", index.read(8 * count))
    indices = struct.unpack(f"<{documents}q", index.read(8 * documents))
    assert not index.read()
    data = prefix.with_suffix(".bin").read_bytes()
    pairs = zip(pointers, lengths, strict=True)
    return [np.frombuffer(data, dtype, length, start) for start, length in pairs], list(indices), dtype


@given(ids=st.lists(NAMES | st.sampled_from(ODD_IDS) | st.text("a/.%", max_size=8), unique=True, max_size=12))
def test_keys_are_unique_and_safe(ids: list[str]) -> None:
    from hybrid_tok.corpus.formats.tar_files import flat_key, path_key

    flat, paths = [flat_key(id) for id in ids], [path_key(id) for id in ids]
    assert len(set(flat)) == len(set(paths)) == len(ids)
    assert all(key and key.isascii() and not set(key) & set("./\n") and len(key) < 240 for key in flat)
    assert all(Path(f"{key}.npy").parent / Path(f"{key}.npy").stem == Path(key) for key in paths)


def test_tars_have_no_times_and_no_users(tmp_path: Path) -> None:
    for format, name in (("webdataset", "shard-000003.tar"), ("shar", "tokens.000003.tar")):
        written(tmp_path, format, rows_of("ab"))
        with tarfile.open(tmp_path / name) as tar:
            assert {(one.mtime, one.uid, one.gid, one.uname, one.gname) for one in tar} == {(0, 0, 0, "", "")}


def test_packed_cuts_have_neither_time_nor_name(tmp_path: Path) -> None:
    written(tmp_path, "shar", rows_of("ab"))
    flags, seconds = struct.unpack("<xxxBI", (tmp_path / "cuts.000003.jsonl.gz").read_bytes()[:8])
    assert (flags, seconds) == (0, 0)


def test_rows_are_taken_one_after_the_other(tmp_path: Path) -> None:
    """Flat files of any size: no row is kept once the next one is asked for."""
    alive: list[int] = []

    def made() -> Iterator[Row]:
        import weakref

        for number in range(30):
            ids = np.full(5, number, np.int32)
            weakref.finalize(ids, alive.remove, number)
            alive.append(number)
            assert len(alive) <= 3
            yield Row(str(number), ids, 1.0, PLAIN)

    for format in ("datatrove", "megatron"):
        info = write_shard(Store(tmp_path), FORMATS[format], "shard-000000", made(), "f", (), VOCAB)
        assert info.rows == 30


def test_columns_are_all_kept() -> None:
    """A new figure must be thought of in parquet's types: a schema is made of `Columns` alone."""
    arrow = pytest.importorskip("pyarrow")
    from hybrid_tok.corpus.formats.parquet import _schema

    assert set(_schema(arrow).names) == {"id", "ids", "seconds", "tokens", *asdict(PLAIN)}
