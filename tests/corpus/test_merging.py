"""Several corpora as one: order, formats, shards, failures, and what cannot be merged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_rows import make_row, same, write_corpus
from hybrid_tok.corpus import merging
from hybrid_tok.corpus.formats import FLAT, FORMATS
from hybrid_tok.corpus.merging import merge
from hybrid_tok.corpus.models import check_models, read_models
from hybrid_tok.corpus.reading import Corpus, read
from hybrid_tok.corpus.store import Store
from hybrid_tok.errors import CorpusError, OptionsError

FIRST, SECOND = (("a", "b", "c"), (), ("d",)), (("e",), ("f", "g"))


def ids(address: str) -> list[str]:
    rows = list(read(address))
    assert all(same(make_row(row.id), row) for row in rows)
    return [row.id for row in rows]


@pytest.fixture
def sources(tmp_path: Path) -> list[str]:
    first = write_corpus(tmp_path / "1", FIRST, "webdataset", failed=(("x",), ("y", "z"), ()), hybrid_tok="0.1")
    return [first, write_corpus(tmp_path / "2", SECOND, "parquet", failed=((), ("w",)))]


@pytest.mark.parametrize("format", FORMATS)
def test_shards_stay_as_they_are_and_get_new_numbers(format: str, sources: list[str], tmp_path: Path) -> None:
    infos = merge(sources, str(tmp_path / "m"), format=format)
    corpus = Corpus.open(str(tmp_path / "m"))
    assert ids(str(tmp_path / "m")) == list("abcdefg") and corpus.shards == infos and corpus.format == format
    assert [info.name for info in infos] == [f"shard-00000{number}" for number in range(5)]
    assert [info.rows for info in infos] == [3, 0, 1, 1, 2]
    assert [[failure.id for failure in info.failures] for info in infos] == [["x"], ["y", "z"], [], [], ["w"]]
    errors = (tmp_path / "m" / "errors.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in errors] == ["x", "y", "z", "w"]
    assert (tmp_path / "m" / "data.lst").exists() == (format == "webdataset")
    assert {info.fingerprint for info in infos} == {"f"}


def test_the_new_corpus_is_that_of_an_undivided_run(tmp_path: Path) -> None:
    """The same bytes as if all had been written at once, in any format, by way of any other."""
    whole = write_corpus(tmp_path / "whole", [("a", "b"), ("c", "d"), ("e",)], "shar")
    parts = [write_corpus(tmp_path / name, [tuple(name)], "parquet") for name in ("abc", "de")]
    merge(parts, str(tmp_path / "m"), format="shar", shard_rows=2)
    assert Corpus.open(str(tmp_path / "m")).shards == Corpus.open(whole).shards


def test_the_format_is_that_of_the_first(sources: list[str], tmp_path: Path) -> None:
    merge(sources[::-1], str(tmp_path / "m"))
    assert Corpus.open(str(tmp_path / "m")).format == "parquet" and ids(str(tmp_path / "m")) == list("efgabcd")


def test_where_it_came_from_is_kept(sources: list[str], tmp_path: Path) -> None:
    merge(sources, str(tmp_path / "m"))
    third = write_corpus(tmp_path / "3", [("h",)])
    merge([str(tmp_path / "m"), third], str(tmp_path / "n"))
    facts = Corpus.open(str(tmp_path / "n")).facts
    assert [(Path(one["manifest"]).name, one["rows"]) for one in facts["merged"]] == [
        ("1.jsonl", 4),
        ("2.jsonl", 3),
        ("3.jsonl", 1),
    ]
    assert (
        "manifest" not in facts and facts["preset"] == "default" and facts["vocabulary"] == {"text": "a", "units": "b"}
    )


SHARDS = st.lists(st.integers(0, 4), max_size=4)
"""Numbers of rows, and of failures."""


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(SHARDS, min_size=1, max_size=3),
    fails=SHARDS,
    shard_rows=st.none() | st.integers(1, 5),
    format=st.sampled_from(sorted(FORMATS)),
    single=st.booleans(),
)
def test_nothing_is_lost(
    counts: Sequence[Sequence[int]], fails: Sequence[int], shard_rows: int | None, format: str, single: bool
) -> None:
    single = single and format in FLAT and shard_rows is None
    with TemporaryDirectory() as folder:
        names, failed, sources = [], [], []
        for number, shards in enumerate(counts):
            made = [[f"{number}.{shard}/{row}" for row in range(count)] for shard, count in enumerate(shards)]
            bad = [[f"{number}.{shard}!{one}" for one in range(count)] for shard, count in enumerate(fails)][
                : len(made)
            ]
            sources.append(write_corpus(Path(folder) / str(number), made, failed=bad))
            names += [name for shard in made for name in shard]
            failed += [name for shard in bad for name in shard]
        infos = merge(sources, f"{folder}/m", format=format, shard_rows=shard_rows, single_file=single)
        assert ids(f"{folder}/m") == names
    assert [failure.id for info in infos for failure in info.failures] == failed
    if single:
        assert len(infos) == bool(names or failed)
    elif shard_rows is not None and names:
        full, rest = divmod(len(names), shard_rows)
        assert [info.rows for info in infos] == [shard_rows] * full + [rest] * bool(rest)


@pytest.mark.parametrize("format, suffix", [("datatrove", ".ds"), ("megatron", ".bin")])
def test_all_in_one_file(format: str, suffix: str, sources: list[str], tmp_path: Path) -> None:
    (info,) = merge(sources, str(tmp_path / "m"), format=format, single_file=True)
    assert info.rows == 7 and [failure.id for failure in info.failures] == ["x", "y", "z", "w"]
    dtype = "<u4" if format == "datatrove" else "<i4"
    flat = np.fromfile(tmp_path / "m" / f"shard-000000{suffix}", dtype)
    assert np.array_equal(flat, np.concatenate([make_row(name).ids for name in "abcdefg"]))
    assert ids(str(tmp_path / "m")) == list("abcdefg")


def test_an_id_that_is_there_twice_is_named(sources: list[str], tmp_path: Path) -> None:
    third = write_corpus(tmp_path / "3", [("h", "c")], "shar")
    for options in ({}, {"shard_rows": 2}, {"format": "megatron", "single_file": True}):
        with pytest.raises(CorpusError) as caught:
            merge([*sources, third], str(tmp_path / "m"), **options)
        assert str(caught.value).startswith(f"id 'c' is in {sources[0]} and {third}: ")
        assert Store(tmp_path / "m").names() == []
    with pytest.raises(CorpusError, match=f"id 'a' is in {sources[0]} and {sources[0]}"):
        merge([sources[0]] * 2, str(tmp_path / "m"))


@pytest.mark.parametrize(
    "facts, message",
    [
        ({"fingerprint": "g"}, "fingerprint is 'g', not 'f'"),
        ({"vocab_size": 71_000}, "vocab_size is 71000, not 70000"),
        ({"options": {"layout": "units"}}, "options.layout is 'units', not None"),
        ({"vocabulary": {"text": "a", "units": "c"}, "fingerprint": "g"}, "vocabulary.units is 'c', not 'b'"),
        ({"preset": "other", "fingerprint": "g"}, "preset is 'other', not 'default'"),
    ],
)
def test_other_tokenizers_are_refused(facts: dict[str, Any], message: str, tmp_path: Path) -> None:
    sources = [write_corpus(tmp_path / "1", FIRST), write_corpus(tmp_path / "2", SECOND, **facts)]
    with pytest.raises(CorpusError) as caught:
        merge(sources, str(tmp_path / "m"))
    assert str(caught.value).startswith(f"{sources[1]}: {message}, as in {sources[0]}")
    assert not (tmp_path / "m").exists()


def test_other_models_are_refused(sources: list[str], tmp_path: Path) -> None:
    check_models(Store(sources[1]), "a")
    merge(sources, str(tmp_path / "m"))
    assert read_models(Store(tmp_path / "m")) == "a"
    third = write_corpus(tmp_path / "3", [("h",)])
    check_models(Store(third), "b")
    with pytest.raises(CorpusError, match="other models than"):
        merge([str(tmp_path / "m"), third], str(tmp_path / "n"))


def test_targets_that_are_not_empty_are_refused(sources: list[str], tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "mine").write_text("x")
    for target in (str(tmp_path / "m"), sources[0]):
        before = Store(target).names()
        with pytest.raises(CorpusError, match="is not empty"):
            merge(sources, target)
        assert Store(target).names() == before


def test_options_that_make_no_sense_are_refused(sources: list[str], tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"format": "csv"}, "format must be"),
        ({"shard_rows": 0}, "1 row or more"),
        ({"single_file": True}, "datatrove, megatron, not webdataset"),
        ({"single_file": True, "shard_rows": 3, "format": "megatron"}, "leave out"),
    ]
    for options, match in cases:
        with pytest.raises(OptionsError, match=match):
            merge(sources, str(tmp_path / "m"), **options)
    with pytest.raises(OptionsError, match="nothing to merge"):
        merge([], str(tmp_path / "m"))
    assert not (tmp_path / "m").exists()


def test_a_merge_that_fails_leaves_nothing(sources: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "2" / "shard-000001.parquet").write_bytes(b"PAR1")
    for format in FORMATS:
        with pytest.raises(CorpusError, match="damaged"):
            merge(sources, str(tmp_path / "m"), format=format)
        assert Store(tmp_path / "m").names() == []

    def stop(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(merging, "_facts", stop)
    with pytest.raises(KeyboardInterrupt):
        merge(sources[:1], str(tmp_path / "m"))
    assert Store(tmp_path / "m").names() == []


def test_failures_without_a_row_are_kept(tmp_path: Path) -> None:
    source = write_corpus(tmp_path / "1", [()], failed=[("x",)])
    for options in ({}, {"shard_rows": 5}, {"single_file": True}):
        target = tmp_path / f"m{len(options)}{options.get('shard_rows')}"
        (info,) = merge([source], str(target), **options)
        assert info.rows == 0 and info.files == {} and [failure.id for failure in info.failures] == ["x"]
        assert replace(info, failures=()) == replace(Corpus.open(str(target)).shards[0], failures=())


def test_a_remote_target(sources: list[str]) -> None:
    fsspec = pytest.importorskip("fsspec")
    try:
        merge(sources, "memory://merged/m", format="megatron", single_file=True)
        assert ids("memory://merged/m") == list("abcdefg")
    finally:
        fsspec.filesystem("memory").store.clear()
