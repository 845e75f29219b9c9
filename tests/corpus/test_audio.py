"""Loading the audio of entries: parts, places of every kind, and durations that lie."""

from __future__ import annotations

import errno
import io
import tarfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.audio import read_audio, read_mono, resample
from hybrid_tok.audio.decode import open_reader
from hybrid_tok.core.audio import Audio
from hybrid_tok.corpus import audio as module
from hybrid_tok.corpus import store
from hybrid_tok.corpus.audio import DurationError, MissingAudioError, PlaceError, UnreadableAudioError, load
from hybrid_tok.corpus.entries import AudioPlace
from hybrid_tok.errors import AudioError

RATE = 22_050
_FORMATS = {"a.wav": "PCM_16", "a.flac": "PCM_16", "a.ogg": "VORBIS", "a.mp3": "MPEG_LAYER_III"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of two channels in several formats."""
    folder = tmp_path_factory.mktemp("audio")
    samples = np.random.default_rng(0).normal(0, 0.1, (2 * RATE, 2))
    for name, subtype in _FORMATS.items():
        soundfile.write(folder / name, samples, RATE, subtype=subtype)
    return folder


@pytest.fixture
def memory() -> Iterator[Any]:
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()


@pytest.mark.parametrize("name", _FORMATS)
@pytest.mark.parametrize("rate", [16_000, RATE])
def test_a_whole_file_is_what_read_mono_gives(folder: Path, name: str, rate: int) -> None:
    expected, source = read_mono(folder / name, rate)
    for place in (
        AudioPlace(str(folder / name)),
        AudioPlace(f"file://{folder / name}"),
        AudioPlace(str(folder / name), duration=1.99, whole=True),
        AudioPlace(str(folder / name), duration=source.num_samples / source.sample_rate),
    ):
        audio, info = load(place, rate)
        assert info == source and np.array_equal(audio.samples, expected.samples) and audio.sample_rate == rate


@pytest.mark.parametrize("name", _FORMATS)
@given(st.floats(0, 2), st.floats(0, 2))
def test_a_part_is_cut_at_the_files_own_rate(folder: Path, name: str, offset: float, duration: float) -> None:
    duration = min(duration, 2.0 - offset)
    whole = read_audio(folder / name).to_mono().samples
    part = whole[round(offset * RATE) : round((offset + duration) * RATE)]
    audio, info = load(AudioPlace(str(folder / name), offset=offset, duration=duration), 16_000)
    assert info.num_samples == len(part) and info.channels == 2
    assert np.array_equal(audio.samples, resample(Audio(part, RATE), 16_000).samples)


@given(st.lists(st.floats(0, 2), min_size=1, max_size=5).map(sorted))
def test_parts_that_follow_each_other_tile_the_file(folder: Path, cuts: list[float]) -> None:
    edges = [0.0, *cuts, 2.0]
    parts = [
        load(AudioPlace(str(folder / "a.flac"), offset=a, duration=b - a), RATE)[0].samples for a, b in pairwise(edges)
    ]
    assert np.array_equal(np.concatenate(parts), read_mono(folder / "a.flac", RATE)[0].samples)


def test_the_rest_of_a_file(folder: Path) -> None:
    _, info = load(AudioPlace(str(folder / "a.wav"), offset=1.5), 16_000)
    assert info.num_samples == RATE // 2


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_reader_starts_at_an_offset_where_that_is_exact(folder: Path, name: str) -> None:
    with open_reader(folder / name, offset=1.25) as reader:
        assert reader.start == round(1.25 * RATE)
        assert sum(block.shape[1] for block in reader.blocks) == 2 * RATE - reader.start
    with open_reader(folder / name, offset=99.0) as reader:
        assert reader.start == 2 * RATE and list(reader.blocks) == []


def test_a_reader_of_vorbis_starts_at_the_start(folder: Path) -> None:
    with open_reader(folder / "a.ogg", offset=1.25) as reader:
        assert reader.start == 0


def test_a_channel(folder: Path) -> None:
    both = read_audio(folder / "a.wav").samples
    audio, info = load(AudioPlace(str(folder / "a.wav"), channel=1), RATE)
    assert np.array_equal(audio.samples, both[1]) and info.channels == 1
    with pytest.raises(AudioError, match="has 2 channels, and none with the number 2"):
        load(AudioPlace(str(folder / "a.wav"), channel=2), RATE)


def test_an_address(folder: Path, memory: Any) -> None:
    memory.pipe("/b/a.flac", (folder / "a.flac").read_bytes())
    expected, _ = read_mono(folder / "a.flac", 16_000)
    audio, _ = load(AudioPlace("memory://b/a.flac"), 16_000)
    assert np.array_equal(audio.samples, expected.samples)
    with pytest.raises(MissingAudioError, match=r"memory://b/b\.flac: is not there") as raised:
        load(AudioPlace("memory://b/b.flac"), 16_000)
    assert raised.value.reason == "missing"


@pytest.mark.parametrize("remote", [False, True])
def test_a_member_of_a_tar(folder: Path, tmp_path: Path, memory: Any, remote: bool) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(folder / "a.mp3", "x.mp3")
        tar.add(folder / "a.wav", "x.wav")
    with tarfile.open(tmp_path / "a.tar") as tar:
        member = tar.getmember("x.wav")
    memory.pipe("/b/a.tar", (tmp_path / "a.tar").read_bytes())
    address = "memory://b/a.tar" if remote else str(tmp_path / "a.tar")
    place = AudioPlace(address, byte_range=(member.offset_data, member.size), offset=0.5, duration=1.0)
    assert load(place, RATE)[1].num_samples == RATE
    with pytest.raises(UnreadableAudioError, match="it has changed since it was listed"):
        load(AudioPlace(address, byte_range=(member.offset_data, 1 << 30)), RATE)
    with pytest.raises(AudioError, match=r"a\.tar, byte 0"):
        load(AudioPlace(address, byte_range=(0, 512)), RATE)


def test_rows_of_an_arrow_file(folder: Path, tmp_path: Path) -> None:
    import pyarrow as pa

    kept = [
        {"bytes": (folder / "a.flac").read_bytes(), "path": None},
        {"bytes": None, "path": str(folder / "a.wav")},
        {"bytes": None, "path": None},
    ]
    table = pa.table({"audio": kept, "file": [str(folder / "a.mp3")] * 3})
    address = str(tmp_path / "data.arrow")
    with pa.OSFile(address, "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    for row, column, name in ((0, "audio", "a.flac"), (1, "audio", "a.wav"), (2, "file", "a.mp3")):
        audio, _ = load(AudioPlace(address, row=row, column=column), 16_000)
        assert np.array_equal(audio.samples, read_mono(folder / name, 16_000)[0].samples)
    for row, column, message in (
        (2, "audio", "'audio' has neither bytes nor a path"),
        (3, "audio", "row 3"),
        (0, "sound", "sound"),
    ):
        with pytest.raises(UnreadableAudioError, match=message):
            load(AudioPlace(address, row=row, column=column), 16_000)
    with pytest.raises(MissingAudioError, match="no such file"):
        load(AudioPlace(str(tmp_path / "none.arrow"), row=0, column="audio"), 16_000)
    (tmp_path / "bad.arrow").write_bytes(b"ARROW" * 10)
    with pytest.raises(UnreadableAudioError, match=r"bad\.arrow, row 0"):
        load(AudioPlace(str(tmp_path / "bad.arrow"), row=0, column="audio"), 16_000)


@pytest.mark.parametrize(
    ("offset", "duration", "whole", "message"),
    [
        (0.0, 9.0, True, r"duration says 9 s from 0 s on, the file has 2 s"),
        (0.0, 2.11, False, r"duration says 2\.11 s from 0 s on, the file has 2 s"),
        (1.0, 9.0, False, r"duration says 9 s from 1 s on, the file has 2 s"),
        (5.0, 0.5, False, r"duration says 0\.5 s from 5 s on, the file has 2 s"),
        (5.0, None, False, r"offset says 5 s, the file has 2 s"),
        (0.0, 1.0, True, r"duration says 1 s, the file is more than 0\.5 s longer: .*give an offset"),
    ],
)
@pytest.mark.parametrize("name", _FORMATS)
def test_durations_that_lie(
    folder: Path, name: str, offset: float, duration: float | None, whole: bool, message: str
) -> None:
    with pytest.raises(DurationError, match=message) as raised:
        load(AudioPlace(str(folder / name), offset=offset, duration=duration, whole=whole), 16_000)
    assert raised.value.reason == "duration"


@pytest.mark.parametrize("name", _FORMATS)
@pytest.mark.parametrize(("offset", "duration", "samples"), [(0.0, 2.09, 2 * RATE), (1.0, 1.09, RATE), (2.05, 0.0, 0)])
def test_durations_that_are_rounded(folder: Path, name: str, offset: float, duration: float, samples: int) -> None:
    audio, info = load(AudioPlace(str(folder / name), offset=offset, duration=duration), RATE)
    assert info.num_samples == audio.num_samples == samples


def test_what_is_missing_or_no_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("no audio")
    for address, kind, reason in (
        (tmp_path / "none.wav", MissingAudioError, "missing"),
        (tmp_path / "x" / "none.wav", MissingAudioError, "missing"),
        (tmp_path / "nul\0.wav", MissingAudioError, "missing"),
        (tmp_path, UnreadableAudioError, "unreadable"),
        (tmp_path / ("y" * 300), UnreadableAudioError, "unreadable"),
        ("/dev/zero", UnreadableAudioError, "unreadable"),
    ):
        with pytest.raises(kind) as raised:
            load(AudioPlace(str(address)), 16_000)
        assert isinstance(raised.value, PlaceError) and raised.value.reason == reason
    with pytest.raises(AudioError, match="no audio file"):
        load(AudioPlace(str(tmp_path / "x")), 16_000)


def test_no_right_to_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **named: Any) -> Any:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(MissingAudioError, match="there is no right to read it"):
        load(AudioPlace(str(folder / "a.wav")), 16_000)


def test_a_bucket_that_throws_is_not_a_missing_file(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def throw(*arguments: Any, **named: Any) -> Any:
        raise OSError(errno.EIO, "the bucket throws")

    monkeypatch.setattr(type(memory), "cat_file", throw)
    monkeypatch.setattr(store, "_WAIT", 0.0)
    with pytest.raises(UnreadableAudioError, match="the bucket throws"):
        load(AudioPlace("memory://b/a.flac"), 16_000)


def test_lengths_by_header(folder: Path) -> None:
    for name in _FORMATS:
        seconds = module.probe_seconds(io.BytesIO((folder / name).read_bytes()))
        assert seconds == pytest.approx(read_audio(folder / name).seconds, abs=1e-9)
    assert module.probe_seconds(io.BytesIO(b"no audio")) is None
