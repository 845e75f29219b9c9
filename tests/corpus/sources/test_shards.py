"""Shards and folders: Shar, WebDataset, Arrow files and folders of recordings, written by the libraries themselves."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.audio import read_mono
from hybrid_tok.core.annotations import Event, Segment, SpeakerTurn
from hybrid_tok.core.timeline import Span
from hybrid_tok.corpus.audio import load
from hybrid_tok.corpus.entries import AudioPlace, BadLine, Entry
from hybrid_tok.corpus.sources import read_entries
from hybrid_tok.corpus.sources.webdataset import expand
from hybrid_tok.errors import CorpusError

RATE = 16_000


def _audio(seconds: float = 1.0, seed: int = 0, format: str = "FLAC", channels: int = 1) -> bytes:
    file = io.BytesIO()
    samples = np.random.default_rng(seed).normal(0, 0.1, (round(seconds * RATE), channels))
    soundfile.write(file, samples, RATE, format=format)
    return file.getvalue()


def _samples(data: bytes) -> np.ndarray[Any, Any]:
    return read_mono(io.BytesIO(data), RATE)[0].samples


@pytest.fixture
def memory() -> Iterator[Any]:
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()


def _put(memory: Any, folder: Path) -> str:
    """A folder at an address."""
    for path in folder.iterdir():
        memory.pipe(f"/b/{path.name}", path.read_bytes())
    return "memory://b"


@pytest.fixture
def shar(tmp_path: Path) -> tuple[Path, list[Any]]:
    """Three cuts in two shards, and the same with their audio."""
    from lhotse import CutSet, MonoCut, Recording, SupervisionSegment

    (tmp_path / "a.wav").write_bytes(_audio(2.0, 0, "WAV", 2))
    recording = Recording.from_file(tmp_path / "a.wav")
    said = SupervisionSegment("s", recording.id, 0.1, 0.5, text="hi", speaker="ann", language="en")
    cuts: list[Any] = [
        MonoCut(f"x/c{start}.y", start, 1.0, 1, recording=recording, supervisions=[said]) for start in (0.25, 0.5)
    ]
    cuts.append(recording.to_cut())
    (tmp_path / "shar").mkdir()
    CutSet.from_cuts(cuts).to_shar(tmp_path / "shar", fields={"recording": "flac"}, shard_size=2)
    return tmp_path / "shar", cuts


@pytest.mark.parametrize("remote", [False, True])
def test_shar(shar: tuple[Path, list[Any]], memory: Any, remote: bool) -> None:
    folder, cuts = shar
    address = _put(memory, folder) if remote else str(folder)
    entries = list(read_entries(address))
    assert [entry.id for entry in entries if isinstance(entry, Entry)] == [cut.id for cut in cuts]
    for entry, cut in zip(entries, cuts, strict=True):
        assert isinstance(entry, Entry) and entry.audio.address.startswith(f"{address}/recording.00000")
        expected = cut.load_audio().mean(axis=0)
        assert np.allclose(load(entry.audio, RATE)[0].samples, expected, atol=1e-4)
    first = entries[0]
    assert isinstance(first, Entry) and first.where == "cuts.000000.jsonl.gz, line 1" and first.speakers == ("ann",)
    assert first.known.turns == (SpeakerTurn(0, Span(5, 30)),)


def test_shar_with_what_is_missing(shar: tuple[Path, list[Any]]) -> None:
    folder, _ = shar
    (folder / "recording.000001.tar").unlink()
    with gzip.open(folder / "cuts.000000.jsonl.gz", "rb") as file:
        lines = file.read().replace(b"c0.5", b"c0.6")
    (folder / "cuts.000000.jsonl.gz").write_bytes(gzip.compress(lines))
    one, two, three = read_entries(str(folder))
    assert isinstance(one, Entry)
    assert isinstance(two, BadLine) and two.message == "recording.000000.tar has no audio of the cut 'x/c0.6.y'"
    assert isinstance(three, BadLine) and "recording.000001.tar, which is not there" in three.message
    data = (folder / "recording.000000.tar").read_bytes()
    (folder / "recording.000000.tar").write_bytes(data[:30_000])
    _, two, _ = read_entries(str(folder))
    assert isinstance(two, BadLine) and "cut off after 2 files" in two.message
    (folder / "recording.000000.tar").rename(folder / "recording.000000.tar.gz")
    with pytest.raises(CorpusError, match=r"recording\.000000\.tar\.gz: compressed.*unpack it"):
        list(read_entries(str(folder)))
    with pytest.raises(CorpusError, match=r"has no cuts\.000000"):
        list(read_entries(str(folder.parent), "shar"))


_SAMPLES: list[dict[str, Any]] = [
    {
        "__key__": "d/a17",
        "flac": _audio(1.0, 1),
        "json": {"text": "hi", "language": "en", "speaker": "ann", "duration": 1},
    },
    {"__key__": "d/a18", "wav": _audio(1.0, 2, "WAV"), "txt": "only text"},
    {
        "__key__": "d/a19",
        "ogg": _audio(1.0, 3, "OGG"),
        "json": {"events": [{"label": "laugh", "start": 0, "end": 0.5}]},
    },
    {"__key__": "d/a20", "txt": "no audio"},
    {"__key__": "d/a21", "flac": _audio(), "wav": _audio(1.0, 4, "WAV")},
    {"__key__": "d/a22", "mp3": _audio(1.0, 5, "MP3"), "json": {"duration": -1}},
]


@pytest.fixture
def tars(tmp_path: Path) -> Path:
    import webdataset

    (tmp_path / "wds").mkdir()
    with webdataset.ShardWriter(f"{tmp_path}/wds/s-%06d.tar", maxcount=2, verbose=0) as writer:
        for sample in _SAMPLES:
            writer.write(sample)
    return tmp_path / "wds"


@pytest.mark.parametrize("form", ["folder", "pattern", "address", "addresses"])
def test_webdataset(tars: Path, memory: Any, form: str) -> None:
    address = _put(memory, tars) if form.startswith("address") else str(tars)
    if form in ("pattern", "addresses"):
        address += "/s-{000000..000002}.tar"
    one, two, three, four, five, six = read_entries(address)
    for entry, data in ((one, _SAMPLES[0]["flac"]), (two, _SAMPLES[1]["wav"]), (three, _SAMPLES[2]["ogg"])):
        assert isinstance(entry, Entry)
        assert np.array_equal(load(entry.audio, RATE)[0].samples, _samples(data))
    assert isinstance(one, Entry) and one.id == "d/a17" and one.where == "s-000000.tar, d/a17"
    assert one.known.segments == (Segment("hi", None, 0, one.where, "en"),) and one.speakers == ("ann",)
    assert one.audio.duration == 1.0 and one.audio.whole
    assert isinstance(two, Entry) and [part.text for part in two.known.segments or ()] == ["only text"]
    assert isinstance(three, Entry) and three.known.events == (Event("laugh", Span(0, 25), 1.0),)
    for bad, part in ((four, "has no recording"), (five, "more than one"), (six, "$.duration: must be seconds")):
        assert isinstance(bad, BadLine) and part in bad.message


def _tar(path: Path, *members: tuple[str, bytes], mode: Any = "w") -> str:
    with tarfile.open(path, mode) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return str(path)


def test_samples_that_are_wrong(tmp_path: Path) -> None:
    audio = _audio()
    address = _tar(
        tmp_path / "x.tar",
        ("./._a.flac", b"of macOS"),
        ("./a.flac", audio),
        ("./a.FLAC", audio),
        ("b.flac", audio),
        ("b.json", b"{"),
        ("c.flac", audio),
        ("c.json", b"[1]"),
        ("c2.flac", audio),
        ("c2.txt", b"\xff"),
        ("d.flac", audio),
    )
    *bad, good = read_entries(address)
    messages = [one.message for one in bad if isinstance(one, BadLine)]
    assert isinstance(good, Entry) and good.id == "d"
    for message, part in zip(messages, ("two files with", "not JSON", "must be an object", "not UTF-8"), strict=True):
        assert part in message


def test_tars_that_are_wrong_do_not_end_the_reading(tmp_path: Path) -> None:
    for name in ("a", "b", "d", "e"):
        _tar(tmp_path / f"{name}.tar", (f"{name}1.flac", _audio()), (f"{name}2.flac", _audio()))
    data = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(data[: 1024 + len(_audio())])  # in the second member
    ends = data.rstrip(b"\0")
    (tmp_path / "b.tar").write_bytes(data[: -(-len(ends) // 512) * 512])  # at the end of the last
    _tar(tmp_path / "d.tar", ("d.flac", _audio()), mode="w:gz")
    (tmp_path / "f.tar").write_bytes(b"no tar" * 1000)
    found = list(read_entries(f"{tmp_path}/{{a,b,c,d,e,f}}.tar"))
    bad = {one.where: one.message for one in found if isinstance(one, BadLine)}
    assert [one.id for one in found if isinstance(one, Entry)][-2:] == ["e1", "e2"]
    assert set(bad) == {"a.tar", "b.tar", "c.tar", "d.tar", "f.tar"}
    for name, part in (
        ("a", "after"),
        ("b", "cut off after 2"),
        ("c", "is not there"),
        ("d", "gzip"),
        ("f", "after 0"),
    ):
        assert part in bad[f"{name}.tar"], bad


def test_patterns() -> None:
    assert list(expand("s3://b/{x,y}-{08..11}.tar")) == [
        f"s3://b/{one}-{two}.tar" for one in "xy" for two in ("08", "09", "10", "11")
    ]
    assert list(expand("a{9..10}")) == ["a9", "a10"]
    for wrong in ("a{1}", "a{3..1}", "a{0..99999999999}"):
        with pytest.raises(CorpusError, match=r"braces must|must go up"):
            list(expand(wrong))


@given(st.integers(0, 2000), st.integers(0, 30), st.integers(1, 8))
def test_patterns_keep_zeros(first: int, count: int, width: int) -> None:
    from webdataset.shardlists import expand_urls

    last = first + count
    pattern = f"a{{{first:0{width}d}..{last:0{width}d}}}"
    assert list(expand(pattern)) == expand_urls(pattern)


@pytest.fixture
def dataset(tmp_path: Path) -> Any:
    import datasets

    for number in range(3):
        (tmp_path / f"{number}.flac").write_bytes(_audio(1.0 + number, number))
    columns = {
        "audio": [str(tmp_path / f"{number}.flac") for number in range(3)],
        "sentence": ["one", "two", None],
        "language": ["en", "de", "xx"],
        "speaker_id": [7, 8, 9],
        "loss": [0.1, 0.2, 0.3],
    }
    made = datasets.Dataset.from_dict(columns)
    return made.cast_column("audio", datasets.Audio(decode=False))


def test_a_dataset_on_disk(tmp_path: Path, dataset: Any) -> None:
    dataset.save_to_disk(tmp_path / "d", num_shards=2)
    one, two, three = read_entries(str(tmp_path / "d"))
    assert isinstance(one, Entry) and isinstance(two, Entry)
    assert one.id == "data-00000-of-00002/0" and one.where == "data-00000-of-00002.arrow, row 0"
    assert one.language == "en" and one.speakers == ("7",) and one.audio.duration == 1.0
    assert one.known.turns == (SpeakerTurn(0, Span(0, 50)),)
    assert [part.text for part in two.known.segments or ()] == ["two"]
    assert isinstance(three, BadLine) and "no known language is called 'xx'" in three.message
    for number, entry in enumerate((one, two)):
        assert np.array_equal(load(entry.audio, RATE)[0].samples, _samples(_audio(1.0 + number, number)))


def test_ids_and_paths_of_a_dataset(tmp_path: Path, dataset: Any) -> None:
    import datasets

    named = dataset.remove_columns(["language"]).add_column("id", ["a", "b", "a/c"])
    paths = [str(tmp_path / f"{number}.flac") for number in range(3)]
    plain = datasets.Dataset.from_dict({"file": paths, "id": ["a", "b", "a/c"]})
    for made, name in ((named, "n"), (plain, "p")):
        made.save_to_disk(tmp_path / name)
        entries = list(read_entries(str(tmp_path / name)))
        assert [entry.id for entry in entries if isinstance(entry, Entry)] == ["a", "b", "a/c"]
        for number, entry in enumerate(entries):
            assert isinstance(entry, Entry)
            assert np.array_equal(load(entry.audio, RATE)[0].samples, _samples(_audio(1.0 + number, number)))


def test_classes_of_languages_are_no_names(tmp_path: Path, dataset: Any) -> None:
    dataset.class_encode_column("language").save_to_disk(tmp_path / "d")
    assert all(isinstance(one, Entry) and one.language is None for one in read_entries(str(tmp_path / "d")))


def test_datasets_that_cannot_be_read(tmp_path: Path, dataset: Any) -> None:
    import datasets

    datasets.DatasetDict({"train": dataset, "test": dataset}).save_to_disk(tmp_path / "dict")
    with pytest.raises(CorpusError, match=r"several splits: give the folder of one \(train, test\)"):
        list(read_entries(str(tmp_path / "dict")))
    assert len(list(read_entries(str(tmp_path / "dict" / "train")))) == 3
    dataset.select_columns(["loss", "sentence"]).save_to_disk(tmp_path / "none")
    with pytest.raises(CorpusError, match=r"no recordings among its columns \(loss, sentence\)"):
        list(read_entries(str(tmp_path / "none")))
    arrow = next((tmp_path / "dict" / "test").glob("*.arrow"))
    arrow.write_bytes(arrow.read_bytes()[:40_000])
    with pytest.raises(CorpusError, match=r"\.arrow: cannot be read after row 0"):
        list(read_entries(str(tmp_path / "dict" / "test")))
    arrow.unlink()
    with pytest.raises(CorpusError, match=r"\.arrow: cannot be read"):
        list(read_entries(str(tmp_path / "dict" / "test")))
    with pytest.raises(CorpusError, match="copy them to a local disk"):
        list(read_entries("memory://d", "datasets"))
    (tmp_path / "dict" / "test" / "state.json").write_text("{}")
    with pytest.raises(CorpusError, match="has no '_data_files'"):
        list(read_entries(str(tmp_path / "dict" / "test")))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name in ("b/2.wav", "b/1.flac", "a.mp3", "Z.WAV", ".hidden/x.wav", "b/.x.wav", "notes.txt", "b/c/3.ogg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        format = {"wav": "WAV", "flac": "FLAC", "mp3": "MP3", "ogg": "OGG"}.get(name.lower()[-3:].strip("."), "FLAC")
        (root / name).write_bytes(b"text" if name.endswith(".txt") else _audio(1.5, 0, format))
    (root / "b" / "broken.wav").write_bytes(b"no audio")
    return root


def test_a_folder(tree: Path) -> None:
    (tree / "b" / "c" / "up").symlink_to(tree / "b")
    entries = [one for one in read_entries(str(tree)) if isinstance(one, Entry)]
    assert [one.id for one in entries] == ["Z.WAV", "a.mp3", "b/1.flac", "b/2.wav", "b/broken.wav", "b/c/3.ogg"]
    assert [one.seconds for one in entries] == [1.5, 1.5, 1.5, 1.5, None, 1.5]
    assert entries[2].audio == AudioPlace(str(tree / "b" / "1.flac"), duration=1.5)
    for entry in entries[:4]:
        assert load(entry.audio, RATE)[1].num_samples == 24_000


def test_a_folder_at_an_address(tree: Path, memory: Any) -> None:
    memory.put(str(tree), "/b/tree", recursive=True)
    entries = [one for one in read_entries("memory://b/tree") if isinstance(one, Entry)]
    assert [one.id for one in entries] == ["Z.WAV", "a.mp3", "b/1.flac", "b/2.wav", "b/broken.wav", "b/c/3.ogg"]
    assert entries[2].audio == AudioPlace("memory://b/tree/b/1.flac")
    assert load(entries[2].audio, RATE)[1].num_samples == 24_000


def test_a_folder_with_odd_names(tree: Path) -> None:
    shutil.copyfile(tree / "a.mp3", bytes(tree) + b"/\xff.mp3")
    bad = [one for one in read_entries(str(tree)) if isinstance(one, BadLine)]
    assert bad == [BadLine("\\udcff.mp3", "its name is not UTF-8: rename it")]


def test_a_folder_without_recordings(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text(json.dumps({}))
    with pytest.raises(CorpusError, match="no recordings below it"):
        list(read_entries(str(tmp_path)))
