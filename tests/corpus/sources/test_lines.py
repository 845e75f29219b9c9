"""Manifests of lines: NeMo's and lhotse's, the latter written by lhotse itself."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.core.annotations import Event, KnownAnnotations, Segment, SpeakerTurn, Word
from hybrid_tok.core.timeline import Span
from hybrid_tok.corpus.audio import load
from hybrid_tok.corpus.entries import AudioPlace, BadLine, Entry
from hybrid_tok.corpus.sources import files, nemo, read_entries
from hybrid_tok.errors import CorpusError


def _manifest(path: Path, *lines: Any) -> str:
    path.write_bytes(b"".join(one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in lines))
    return str(path)


def _line(value: Any) -> Entry:
    entry = nemo.read_line(value, "m.jsonl, line 1", "/data")
    assert isinstance(entry, Entry), entry
    assert Entry.from_json(json.loads(json.dumps(entry.to_json()))) == entry
    return entry


def _fault(value: Any) -> str:
    entry = nemo.read_line(value, "m.jsonl, line 1", "/data")
    assert isinstance(entry, BadLine) and entry.where == "m.jsonl, line 1"
    return entry.message


@pytest.mark.parametrize("packed", [False, True])
def test_a_nemo_manifest(tmp_path: Path, packed: bool) -> None:
    first = {"audio_filepath": "sub/a.wav", "duration": 2.0, "text": "hello there", "lang": "English", "speaker": "ann"}
    parts = [{"audio_filepath": "b.flac", "offset": offset, "duration": 1.5} for offset in (0, 12.25)]
    address = _manifest(tmp_path / "m.jsonl", first, b"\n", *parts, {"audio_filepath": "s3://b/c.mp3", "utt_id": 7})
    if packed:
        address += ".gz"
        Path(address).write_bytes(gzip.compress((tmp_path / "m.jsonl").read_bytes()))
    name = Path(address).name
    one, two, three, four = read_entries(address)
    assert one == Entry(
        "sub/a",
        AudioPlace(f"{tmp_path}/sub/a.wav", duration=2.0, whole=True),
        f"{name}, line 1",
        KnownAnnotations(
            segments=(Segment("hello there", None, 0, f"{name}, line 1", "en"),),
            turns=(SpeakerTurn(0, Span(0, 100)),),
        ),
        "en",
        ("ann",),
    )
    place = AudioPlace(f"{tmp_path}/b.flac", duration=1.5)
    assert two == Entry("b@0", place, f"{name}, line 3")
    assert isinstance(three, Entry) and three.id == "b@12.25" and three.audio.offset == 12.25
    assert four == Entry("7", AudioPlace("s3://b/c.mp3"), f"{name}, line 5")


def test_words_and_events_are_from_the_start_of_the_part() -> None:
    words = {"word": [{"word": "hi", "start": 0.1, "end": 0.3}, {"word": "you", "start": 0.4, "end": 0.6}]}
    events = [{"label": "[laughter]", "start": 0.7, "end": 0.9}, {"label": "laugh", "start": 0.0, "end": 0.1}]
    line = {"audio_filepath": "a.wav", "offset": 60.0, "duration": 1.0, "text": "hi you", "language": "en"}
    entry = _line({**line, "timestamps": words, "word_confidence": [0.5, 1.0], "events": events})
    assert entry.known.words == (
        Word("hi", Span(5, 15), 0.5, None, "en"),
        Word("you", Span(20, 30), 1.0, None, "en"),
    )
    assert entry.known.segments is None and entry.known.turns is None
    assert entry.known.events == (Event("laugh", Span(0, 5), 1.0), Event("laugh", Span(35, 45), 1.0))


def test_words_with_speakers() -> None:
    words = [
        {"word": "hi", "start_time": 0.1, "end_time": 0.3, "speaker": "bob"},
        {"word": "yes", "start_time": 0.4, "end_time": 0.6, "speaker": "ann"},
    ]
    entry = _line({"audio_filepath": "a.wav", "words": words, "speaker": "both"})
    assert entry.speakers == ("bob", "ann")
    assert entry.known.turns == (SpeakerTurn(0, Span(5, 15)), SpeakerTurn(1, Span(20, 30)))


def test_other_uses_of_names_are_left() -> None:
    entry = _line({"audio_filepath": "a.wav", "words": 12, "timestamp": "2024-01-01", "text": "hi"})
    assert entry.known.segments is not None
    assert _line({"audio_filepath": "a.wav", "words": ["hi"], "timestamps": {}}).known == KnownAnnotations()


def test_nothing_known_is_told_from_known_nothing() -> None:
    assert _line({"audio_filepath": "a.wav", "text": "  ", "language": "und", "events": None}).known == (
        KnownAnnotations()
    )
    assert _line({"audio_filepath": "a.wav", "events": []}).known.events == ()


def test_a_speaker_without_a_duration_speaks_until_the_end() -> None:
    (turn,) = _line({"audio_filepath": "a.wav", "speaker": 3}).known.turns or ()
    assert turn.speaker == 0 and turn.span.start == 0 and turn.span.end > 50 * 86_400 * 365


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"audio_filepath": None}, "has no 'audio_filepath'"),
        ({"audio_filepath": ["a", "b"]}, r"$.audio_filepath: must be a string, not an array"),
        ({"audio_filepath": ""}, "is no path"),
        ({"audio_filepath": "\ud800.wav"}, "is not UTF-8"),
        ({"duration": -1}, r"$.duration: must be seconds, 0 or more, not -1"),
        ({"duration": float("nan")}, "must be a number, not nan"),
        ({"duration": "3.2"}, "must be a number, not a string"),
        ({"duration": True}, "must be a number, not true or false"),
        ({"duration": 10**400}, "too large"),
        ({"offset": -0.5}, r"$.offset: must be seconds"),
        ({"offset": float("inf")}, "must be a number, not inf"),
        ({"text": 5}, "must be a string, not a number"),
        ({"text": "word " * 1000}, "cannot be said in 3.0 s"),
        ({"lang": "klingon"}, "no known language is called 'klingon'"),
        ({"speaker": {}}, "must be a string, not an object"),
        ({"id": ""}, "$.id: is empty"),
        ({"events": "laugh"}, "must be an array"),
        ({"events": [{"label": "laugh", "start": 1}]}, "$.events[0]: has no 'end'"),
        ({"events": ["laugh"]}, "has no 'label'"),
        ({"timestamps_word": [{"word": "a", "start": 9.0, "end": 9.5}]}, "after the end of the recording (3 s)"),
    ],
)
def test_bad_values(change: dict[str, Any], message: str) -> None:
    assert message in _fault({"audio_filepath": "a.wav", "duration": 3.0, **change})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["en", "laugh"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["word", "start", "end"]), inner),
)
_NAMES = ["duration", "offset", "text", "lang", "speaker", "id", "words", "timestamps", "timestamps_word", "events"]


@given(st.dictionaries(st.sampled_from(_NAMES), _JSON), st.text(max_size=4))
def test_no_value_ends_the_reading(values: dict[str, Any], path: str) -> None:
    entry = nemo.read_line({"audio_filepath": path, **values}, "m.jsonl, line 1", "/data")
    if isinstance(entry, Entry):
        json.dumps(entry.to_json(), ensure_ascii=False).encode()
    else:
        assert entry.message


def test_broken_lines_do_not_end_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_LINE", 3 << 20)
    good = {"audio_filepath": "a.wav"}
    address = _manifest(
        tmp_path / "m.jsonl",
        b"\xef\xbb\xbf" + json.dumps(good).encode() + b"\n",
        b'{"audio_filepath": "b.wav", \n',
        b"[" * 100_000 + b"\n",
        b'{"audio_filepath": "' + b"x" * (5 << 20) + b'.wav"}\n',
        b'{"audio_filepath": "\xff.wav"}\n',
        b'{"audio_filepath": "c.wav", "duration": ' + b"9" * 5000 + b"}\n",
        [1],
        b"{" * (1 << 20) + b"[\n",
        json.dumps({"audio_filepath": "z.wav"}).encode(),  # without an end of line
    )
    found = list(read_entries(address))
    assert [type(one) for one in found] == [Entry, *[BadLine] * 7, Entry]
    assert [one.where.rpartition(" ")[2] for one in found] == [str(number) for number in range(1, 10)]
    messages = [one.message for one in found if isinstance(one, BadLine)]
    for message, part in zip(
        messages,
        ("not JSON (", "not JSON", "longer than 3 MB", "not UTF-8", "too many digits", "must be an object", "objects"),
        strict=True,
    ):
        assert part in message


@given(st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=8), st.integers(1, 20))
def test_lines_are_split_as_python_splits_them(lines: list[bytes], chunk: int) -> None:
    import io
    from unittest import mock

    text = b"\n".join(lines)
    with mock.patch.object(files, "_CHUNK", chunk), mock.patch.object(files, "MAX_LINE", 20):
        found = list(files._split(io.BytesIO(text)))
    expected = [line if len(line) <= 20 else None for line in text.split(b"\n")]
    if expected[-1] == b"":
        expected.pop()
    assert found == expected


def test_a_file_of_something_else_is_given_up(tmp_path: Path) -> None:
    address = _manifest(tmp_path / "m.jsonl", *[{"path": "a.wav"}] * 50)
    with pytest.raises(CorpusError, match=r"of no kind that is known .*nemo, lhotse, shar, webdataset.*--kind"):
        list(read_entries(address))
    with pytest.raises(CorpusError, match=r"the first 11 lines name no recording.* line 11\): has no 'audio_filepath'"):
        list(read_entries(address, "nemo", patience=10))
    with pytest.raises(CorpusError, match=r"none\.jsonl: is not there"):
        list(read_entries(str(tmp_path / "none.jsonl")))
    with pytest.raises(CorpusError, match="kinds nemo"):
        list(read_entries(address, "csv"))  # pyright: ignore[reportArgumentType]


def test_a_packed_manifest_that_is_cut_off(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    lines = [{"audio_filepath": f"{noise.integers(1 << 60)}.wav"} for _ in range(5_000)]
    packed = gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode())
    (tmp_path / "m.jsonl.gz").write_bytes(packed[:-1000])
    with pytest.raises(CorpusError, match=r"m\.jsonl\.gz: damaged after line \d+"):
        list(read_entries(str(tmp_path / "m.jsonl.gz")))


def test_a_manifest_at_an_address() -> None:
    memory = fsspec.filesystem("memory")
    try:
        memory.pipe("/b/x/m.jsonl", b'{"audio_filepath": "a.wav"}\n{"audio_filepath": "/data/b.wav"}\n')
        one, two = read_entries("memory://b/x/m.jsonl")
        assert isinstance(one, Entry) and isinstance(two, Entry)
        assert one.audio.address == "memory://b/x/a.wav" and one.id == "a" and two.audio.address == "/data/b.wav"
    finally:
        memory.store.clear()


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Any]:
    from lhotse import Recording

    samples = np.random.default_rng(0).normal(0, 0.1, (32_000, 2))
    soundfile.write(tmp_path / "a.wav", samples, 16_000)
    yield Recording.from_file(tmp_path / "a.wav")


def _supervision(recording: Any, start: float, **fields: Any) -> Any:
    from lhotse import SupervisionSegment

    return SupervisionSegment(id=f"s{start}", recording_id=recording.id, start=start, duration=0.5, channel=0, **fields)


def _read_cuts(folder: Path, *cuts: Any) -> list[Entry | BadLine]:
    from lhotse import CutSet

    CutSet.from_cuts(cuts).to_file(folder / "cuts.jsonl.gz")
    return list(read_entries(str(folder / "cuts.jsonl.gz")))


def test_cuts(tmp_path: Path, recording: Any) -> None:
    from lhotse import MonoCut

    said = [
        _supervision(recording, 0.1, text="hi you", speaker="bob", language="English"),
        _supervision(recording, 0.8, text="yes", speaker="ann", language="English"),
    ]
    events = {"events": [{"label": "cough", "start": 0.5, "end": 0.7}]}
    cut = MonoCut("c", 0.25, 1.5, 1, recording=recording, supervisions=said, custom=events)
    both = recording.to_cut()
    one, two = _read_cuts(tmp_path, cut, both)
    assert isinstance(one, Entry) and isinstance(two, Entry)
    assert one.audio == AudioPlace(str(tmp_path / "a.wav"), offset=0.25, duration=1.5, channel=1)
    assert one.speakers == ("bob", "ann") and one.language == "en" and one.where == "cuts.jsonl.gz, line 1"
    assert one.known.turns == (SpeakerTurn(0, Span(5, 30)), SpeakerTurn(1, Span(40, 65)))
    assert [(part.text, part.span, part.speaker, part.language) for part in one.known.segments or ()] == [
        ("hi you", Span(5, 30), 0, "en"),
        ("yes", Span(40, 65), 1, "en"),
    ]
    assert one.known.events == (Event("cough", Span(25, 35), 1.0),)
    assert two == Entry("a", AudioPlace(str(tmp_path / "a.wav"), duration=2.0, whole=True), "cuts.jsonl.gz, line 2")
    for entry, source in ((one, cut), (two, both)):
        expected = source.load_audio().mean(axis=0)
        assert np.allclose(load(entry.audio, 16_000)[0].samples, expected, atol=1e-6)


def test_aligned_cuts(tmp_path: Path, recording: Any) -> None:
    from lhotse.supervision import AlignmentItem

    items = [AlignmentItem("hi", 0.1, 0.2, -7.5), AlignmentItem("", 0.3, 0.1), AlignmentItem("you", 0.4, 0.2, 0.5)]
    aligned = _supervision(recording, 0.1, text="hi you", alignment={"word": items})
    cut = recording.to_cut()
    cut.supervisions = [aligned]
    (one,) = _read_cuts(tmp_path, cut)
    assert isinstance(one, Entry) and one.known.turns is None
    assert one.known.words == (Word("hi", Span(5, 15), 0.9), Word("you", Span(20, 30), 0.5))
    cut.supervisions = [aligned, _supervision(recording, 1.0, text="not aligned", language="xx")]
    (one,) = _read_cuts(tmp_path, cut)
    assert isinstance(one, Entry) and one.known.words is None and one.language is None
    assert [part.text for part in one.known.segments or ()] == ["hi you", "not aligned"]


def test_a_file_per_channel(tmp_path: Path, recording: Any) -> None:
    from lhotse import AudioSource, MonoCut, MultiCut, Recording

    for channel in (0, 1):
        soundfile.write(tmp_path / f"{channel}.wav", np.zeros(16_000), 16_000)
    sources = [AudioSource("file", [channel], str(tmp_path / f"{channel}.wav")) for channel in (0, 1)]
    apart = Recording("r", sources, 16_000, 16_000, 1.0)
    one, two = _read_cuts(
        tmp_path, MonoCut("c", 0, 1.0, 1, recording=apart), MultiCut("d", 0, 1.0, [0, 1], [], None, apart)
    )
    assert isinstance(one, Entry) and one.audio == AudioPlace(str(tmp_path / "1.wav"), duration=1.0, whole=True)
    assert isinstance(two, BadLine) and "not one file with the channels [0, 1]" in two.message


def test_cuts_that_only_lhotse_can_read(tmp_path: Path, recording: Any) -> None:
    from lhotse import AudioSource, MonoCut, Recording

    command = Recording("r", [AudioSource("command", [0], "touch /tmp/x; cat a.wav")], 16_000, 16_000, 1.0)
    mono = MonoCut("c", 0, 1.0, 0, recording=recording)
    memory = Recording("r", [AudioSource("memory", [0], "")], 16_000, 16_000, 1.0)
    found = _read_cuts(
        tmp_path,
        MonoCut("c", 0, 1.0, 0, recording=command),
        mono.pad(3.0),
        mono.perturb_speed(1.1),
        MonoCut("d", 0, 1.0, 0),
        MonoCut("e", 0, 1.0, 0, recording=memory),
        mono,
    )
    messages = [one.message for one in found if isinstance(one, BadLine)]
    assert len(messages) == 5 and isinstance(found[-1], Entry)
    for message, part in zip(
        messages, ("not run here", "MixedCut", "changed by", "no recording", "memory"), strict=True
    ):
        assert part in message


def test_cuts_at_an_url(tmp_path: Path) -> None:
    line = {"id": "c", "type": "MonoCut", "start": 1, "duration": 2, "channel": 0, "supervisions": []}
    source = {"type": "url", "channels": [0], "source": "s3://b/a.flac"}
    recording = {"id": "r", "sources": [source], "sampling_rate": 8000, "num_samples": 80_000, "duration": 10}
    address = _manifest(tmp_path / "x.jsonl", {**line, "recording": recording}, {**line, "duration": "2"}, {"id": 1})
    one, two, three = read_entries(address)
    assert isinstance(one, Entry) and one.audio == AudioPlace("s3://b/a.flac", offset=1.0, duration=2.0)
    assert isinstance(two, BadLine) and two.message == "$.duration: must be a number, not a string"
    assert isinstance(three, BadLine) and three.message == "$.id: must be a string, not a number"
