"""Suites: any folder of audio, and what lies beside its recordings."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import numpy as np
import pytest

from hybrid_tok.audio import write_wav
from hybrid_tok.bench.suites import SUITES, Entry, SuiteError, guess_suite, read_suite
from hybrid_tok.bench.truth import Truth
from hybrid_tok.core.annotations import Event, SpeakerTurn
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import AnnotationError


def wav(path: Path, seconds: float = 2.0, rate: int = 16_000, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = 0.1 * np.sin(2 * np.pi * 220 * np.arange(int(seconds * rate)) / rate, dtype=np.float32)
    write_wav(path, Audio.from_samples(np.stack([tone] * channels), rate))
    return path


def truth_of(path: Path) -> Truth:
    (entry,) = read_suite(path.parent)
    return entry.truth(entry.read())


def test_all_audio_below_a_folder_is_found_in_order(tmp_path: Path) -> None:
    for name in ("b/two.wav", "a/one.wav", "root.wav"):
        wav(tmp_path / name)
    (tmp_path / "a" / "notes.md").write_text("no audio")
    assert [(entry.name, entry.category) for entry in read_suite(tmp_path)] == [
        ("a/one.wav", "a"),
        ("b/two.wav", "b"),
        ("root.wav", ""),
    ]


def test_any_rate_and_channels_are_read_alike(tmp_path: Path) -> None:
    wav(tmp_path / "x.wav", 1.0, 44_100, 2)
    (entry,) = read_suite(tmp_path)
    audio = entry.read()
    assert (audio.sample_rate, audio.num_channels, audio.num_samples) == (16_000, 1, 16_000)


def test_limit_and_categories(tmp_path: Path) -> None:
    for name in ("a/1.wav", "a/2.wav", "b/1.wav"):
        wav(tmp_path / name)
    assert [entry.name for entry in read_suite(tmp_path, 1)] == ["a/1.wav", "b/1.wav"]
    assert [entry.name for entry in read_suite(tmp_path, None, ["b"])] == ["b/1.wav"]
    with pytest.raises(SuiteError, match="no category 'c'; there are: a, b"):
        read_suite(tmp_path, None, ["c"])


def test_a_transcript_beside(tmp_path: Path) -> None:
    wav(tmp_path / "x.wav").with_suffix(".txt").write_text("hello there\n")
    assert truth_of(tmp_path / "x.wav") == Truth("hello there", "en")


def test_transcripts_as_librispeech_has_them(tmp_path: Path) -> None:
    wav(tmp_path / "1-2-0003.flac.wav")
    wav(tmp_path / "1-2-0004.wav")
    (tmp_path / "1-2.trans.txt").write_text("1-2-0003 NOT THIS\n1-2-0004 BUT THIS ONE\n")
    last = read_suite(tmp_path)[-1]
    assert last.truth(last.read()).text == "BUT THIS ONE"


def test_turns_and_labels_beside(tmp_path: Path) -> None:
    path = wav(tmp_path / "x.wav")
    path.with_suffix(".rttm").write_text("SPEAKER x 1 0.5 1.0 <NA> <NA> ann <NA> <NA>\n")
    path.with_suffix(".labels.txt").write_text("1.0\t1.5\tlaugh\n")
    truth = truth_of(path)
    assert truth.turns == (SpeakerTurn(0, Span(25, 75)),)
    assert truth.events is not None and [(e.label, e.span) for e in truth.events] == [("laugh", Span(50, 75))]


def test_subtitles_beside_are_a_transcript(tmp_path: Path) -> None:
    wav(tmp_path / "x.wav").with_suffix(".srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nso it goes\n")
    assert truth_of(tmp_path / "x.wav").text == "so it goes"


def test_a_conversation_with_turns_texts_and_events(tmp_path: Path) -> None:
    path = wav(tmp_path / "talk.wav")
    turns = [
        {"start": 1.0, "end": 1.9, "speaker": "b", "text": "hello yourself"},
        {"start": 0.0, "end": 0.9, "speaker": "a", "text": "hello"},
    ]
    events = [{"start": 0.9, "end": 9.0, "label": "laugh"}]
    path.with_suffix(".json").write_text(json.dumps({"turns": turns, "events": events}))
    truth = truth_of(path)
    assert truth.text == "hello hello yourself"
    assert truth.turns == (SpeakerTurn(0, Span(0, 45)), SpeakerTurn(1, Span(50, 95)))
    assert dict(truth.speaker_texts or {}) == {0: "hello", 1: "hello yourself"}
    assert truth.events == (Event("laugh", Span(45, 100), 1.0),)  # cut where the recording ends


def test_a_damaged_file_beside_says_where(tmp_path: Path) -> None:
    wav(tmp_path / "x.wav").with_suffix(".json").write_text('{"turns": [{"start": 0}]}')
    with pytest.raises(AnnotationError, match=r"x\.json: no turns with start, end, speaker and text"):
        truth_of(tmp_path / "x.wav")


def manifest(folder: Path, *lines: object) -> Path:
    path = folder / "manifest.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_manifest_of_ours(tmp_path: Path) -> None:
    wav(tmp_path / "esc/1.wav", 1.0)
    wav(tmp_path / "libri/2.wav")
    manifest(
        tmp_path,
        {"audio": "esc/1.wav", "label": "sneezing"},
        {"audio": "libri/2.wav", "text": "你好", "source": "speech"},
        {"audio": "esc/1.wav", "label": "rain"},
    )
    sneeze, speech, rain = read_suite(tmp_path)
    assert sneeze.truth(sneeze.read()).events == (Event("sneeze", Span(0, 50), 1.0),)
    assert (speech.category, speech.truth(speech.read())) == ("speech", Truth("你好", "zh"))
    assert rain.truth(rain.read()).events == ()


def test_a_manifest_of_nemo(tmp_path: Path) -> None:
    wav(tmp_path / "x.wav")
    path = manifest(tmp_path, {"audio_filepath": "x.wav", "duration": 2.0, "text": "ja", "lang": "de"})
    assert [(entry.audio.name, entry.known) for entry in read_suite(path)] == [("x.wav", Truth("ja", "de"))]


def test_a_list_of_wesr_bench(tmp_path: Path) -> None:
    wav(tmp_path / "x.wav")
    path = manifest(tmp_path, {"audio": {"path": "x.wav"}, "sentence": "so [laughter] funny"})
    (entry,) = read_suite(path)
    assert (entry.known.text, entry.known.tagged) == ("so funny", "so [laughter] funny")
    assert guess_suite([entry]) == "wesr"


@pytest.mark.parametrize("line", ['{"text": "no audio"}', "[1]", "{", '"x"', '{"audio": {}}'])
def test_a_damaged_manifest_says_where(tmp_path: Path, line: str) -> None:
    (tmp_path / "manifest.jsonl").write_text('{"audio": "x.wav"}\n' + line + "\n")
    with pytest.raises(SuiteError, match=r"manifest\.jsonl, line 2: not a recording"):
        read_suite(tmp_path)


@pytest.mark.parametrize("decoded", [True, False])
def test_a_data_set_that_was_saved(tmp_path: Path, decoded: bool) -> None:
    path = wav(tmp_path / "x.wav", 1.0)
    samples = np.zeros(8000, np.float32).tolist()
    audio = {"array": samples, "sampling_rate": 8000} if decoded else {"path": "x.wav", "bytes": path.read_bytes()}
    table = datasets.Dataset.from_list([{"id": "1", "audio": audio, "category": "speech"}])
    if not decoded:
        table = table.cast_column("audio", datasets.Audio(decode=False))
    datasets.DatasetDict({"tiny": table}).save_to_disk(str(tmp_path / "saved"))
    (entry,) = read_suite(tmp_path / "saved")
    assert (entry.name, entry.category) == ("tiny/0", "speech")
    assert entry.read().num_samples == 16_000
    assert guess_suite([entry]) == "codec-superb"


def test_nothing_to_measure(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"no recording in it; files of audio end in \.wav"):
        read_suite(tmp_path)
    with pytest.raises(SuiteError, match="no such folder"):
        read_suite(tmp_path / "nowhere")


def test_suites_are_guessed_from_what_is_known(tmp_path: Path) -> None:
    talk = wav(tmp_path / "talk.wav")
    assert guess_suite([Entry("talk.wav", talk)]) == "speech"
    assert guess_suite([Entry("talk.wav", talk, label="cough")]) == "nonverbal"
    talk.with_suffix(".rttm").write_text("")
    assert guess_suite([Entry("talk.wav", talk)]) == "dialogue"
    assert {"speech", "nonverbal", "dialogue", "codec-superb", "wesr"} == set(SUITES)
