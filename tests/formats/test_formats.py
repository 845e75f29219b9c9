"""Annotation files: what is written comes back, and what is no such file is refused with its place."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_tok import formats
from hybrid_tok.core.annotations import Annotations, Event, SpeakerTurn, Word
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import AnnotationError, AnnotationWarning, OptionsError

HEARD = Annotations(
    frames=500,
    speech=(Span(3, 120), Span(200, 480)),
    active=(Span(0, 490),),
    words=(
        Word("hello", Span(5, 25), 0.875, 0),
        Word("there,", Span(25, 47), 0.5, 0),
        Word("d'accord", Span(210, 260), 1.0, 1, "fr"),
        Word("你好", Span(260, 290), 1.0, 1, "zh"),
    ),
    events=(Event("laugh", Span(130, 190), 0.75), Event("breath", Span(482, 488), 0.625)),
    turns=(SpeakerTurn(0, Span(3, 120)), SpeakerTurn(1, Span(205, 480))),
)


def write(folder: Path, *names: str) -> dict[str, Path]:
    paths = formats.write_annotations(HEARD, folder, "talk", formats.check_formats(list(names)), 10.0)
    return {path.suffix.lower().lstrip("."): path for path in paths}


def test_our_json_holds_everything(tmp_path: Path) -> None:
    path = write(tmp_path, "json")["json"]
    read = formats.read_annotations(path, 500)
    assert (read.words, read.events, read.turns) == (HEARD.words, HEARD.events, HEARD.turns)
    assert (read.speech, read.active) == (HEARD.speech, HEARD.active)


def test_words_turns_and_events_come_back_from_the_files_of_others(tmp_path: Path) -> None:
    paths = write(tmp_path, "ctm", "rttm", "audacity")
    words = formats.read_words(paths["ctm"], 500).words
    assert words is not None
    assert [(w.text, w.span, w.confidence) for w in words] == [(w.text, w.span, w.confidence) for w in HEARD.words]
    assert formats.read_speakers(paths["rttm"], 500).turns == HEARD.turns
    events = formats.read_events(paths["txt"], 500).events
    assert events is not None
    assert [(e.label, e.span) for e in events] == [(e.label, e.span) for e in HEARD.events]


@pytest.mark.filterwarnings("ignore::hybrid_tok.errors.AnnotationWarning")
@pytest.mark.parametrize("name", ["textgrid", "vtt"])
def test_words_come_back_in_order(tmp_path: Path, name: str) -> None:
    read = formats.read_words(next(iter(write(tmp_path, name).values())), 500)
    text = [w.text for w in read.words] if read.words else " ".join(s.text for s in read.segments or ()).split()
    assert text == [w.text for w in HEARD.words]
    if read.words:
        assert [w.span for w in read.words] == [w.span for w in HEARD.words]


def test_whisper_like_words_keep_their_times_and_probabilities(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    words = [
        {"word": " Hello", "start": 0.1, "end": 0.5, "probability": 0.9},
        {"word": " there.", "start": 0.5, "end": 0.9, "probability": 0.4},
    ]
    path.write_text(json.dumps({"segments": [{"start": 0.1, "end": 0.9, "text": " Hello there.", "words": words}]}))
    read = formats.read_words(path, 500).words
    assert read == (Word("Hello", Span(5, 25), 0.9), Word("there.", Span(25, 45), 0.4))


def test_subtitles_are_segments(tmp_path: Path) -> None:
    path = tmp_path / "talk.srt"
    path.write_text("1\n00:00:01,000 --> 00:00:02,500\nHello there.\n\n2\n00:00:03,000 --> 00:00:04,000\nBye.\n")
    segments = formats.read_words(path, 500).segments
    assert segments is not None
    assert [(s.text, s.span) for s in segments] == [("Hello there.", Span(50, 125)), ("Bye.", Span(150, 200))]


def test_one_word_beyond_the_end_is_kept_with_no_confidence(tmp_path: Path) -> None:
    path = tmp_path / "talk.ctm"
    path.write_text("talk 1 0.20 0.30 hello 0.75\ntalk 1 20.00 0.30 late 0.9\n")
    with pytest.warns(AnnotationWarning, match="line 2"):
        words = formats.read_words(path, 500).words
    assert words is not None
    assert [(w.text, w.confidence) for w in words] == [("hello", 0.75), ("late", 0.0)]
    assert words[1].span.end <= 500


@pytest.mark.parametrize("content", [b"", b"\0\0\0", b"{", b"[1, 2", b"hello world", b"\xff\xfe\xff", b"[" * 100_000])
def test_what_is_no_annotation_file_is_refused(tmp_path: Path, content: bytes) -> None:
    for suffix in ("json", "ctm", "srt", "vtt", "TextGrid", "rttm"):
        path = tmp_path / f"talk.{suffix}"
        path.write_bytes(content)
        for read in (formats.read_words, formats.read_speakers, formats.read_events):
            with pytest.raises(AnnotationError, match="talk"):
                read(path, 500)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "talk.ctm"
    path.write_text("talk 1 0.20 0.30 hello 0.75\ntalk 1 nan 0.30 there 0.5\n")
    with pytest.raises(AnnotationError, match="line 2"):
        formats.read_words(path, 500)


def test_unknown_formats_are_refused_by_name() -> None:
    with pytest.raises(OptionsError, match="docx"):
        formats.check_formats(["ctm", "docx"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["ctm", "rttm", "json", "textgrid", "vtt", "audacity"]),
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from([b"", b"\0", b"-1", b"nan", b"\n", b"{", b'"', b"1e999"]))),
)
def test_damaged_files_are_read_or_refused(tmp_path: Path, name: str, damage: list[tuple[float, bytes]]) -> None:
    path = next(iter(write(tmp_path, name).values()))
    content = path.read_bytes()
    for place, put in damage:
        at = int(place * len(content))
        content = content[:at] + put + content[at + 1 :]
    path.write_bytes(content)
    for read in (formats.read_words, formats.read_speakers, formats.read_events):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AnnotationWarning)
            try:
                read(path, 500)
            except AnnotationError as error:
                assert "\n" not in str(error)


def test_captions_have_the_spaces_of_their_languages(tmp_path: Path) -> None:
    texts = (("so", "en"), ("far", "en"), ("你", "zh"), ("好", "zh"), ("Python", "zh"), ("吧", None))
    words = tuple(
        Word(text, Span(10 * index, 10 * index + 10), 1.0, language=language)
        for index, (text, language) in enumerate(texts)
    )
    heard = Annotations(frames=500, words=words)
    paths = formats.write_annotations(heard, tmp_path, "talk", ["srt", "vtt"], 10.0)
    assert paths[0].read_text("utf-8").splitlines()[2] == "so far 你好Python 吧"
    timed = re.sub(r"<[\d:.]+>", "", paths[1].read_text("utf-8").splitlines()[3])
    assert timed == "so far 你好Python 吧"
