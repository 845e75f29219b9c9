"""Annotation files beside a recording."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybrid_tok.core.annotations import KnownAnnotations, Segment
from hybrid_tok.errors import AnnotationError, OptionsError
from hybrid_tok.formats.annotation_files import AnnotationFiles, read_transcript


def test_a_transcript_is_one_segment_without_times(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    path.write_bytes("\ufeffDr. Smith paid $5.\n\nThen he left.\n".encode())
    expected = Segment("Dr. Smith paid $5.\n\nThen he left.", source=str(path))
    assert read_transcript(path) == expected
    assert AnnotationFiles(transcript=path).read(100) == KnownAnnotations(segments=(expected,))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        ("first\nsecond caf\u00e9".encode("latin-1"), "line 2: byte 0xe9 is not UTF-8"),
        ("[one]\ntwo caf\u00e9".encode("latin-1"), "line 2: byte 0xe9 is not UTF-8"),
        (b"one\ntwo\nthr\0ee", "line 3: a NUL byte"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nHello.\n", "SRT, not the plain text"),
        (b"talk 1 0.2 0.3 hello 0.75\n", "CTM, not the plain text"),
        (b'{"segments": []}', "JSON, not the plain text"),
    ],
)
def test_what_is_no_text_is_refused_with_its_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "talk.txt"
    path.write_bytes(content)
    with pytest.raises(AnnotationError, match=message):
        read_transcript(path)


def test_a_transcript_may_be_utf_16_and_begin_with_a_bracket(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    for text in ("Grüß dich, 你好.", "[laughs] Well, {yes}.", "3 5 8 13"):
        for encoding in ("utf-8", "utf-16"):
            path.write_bytes(text.encode(encoding))
            assert read_transcript(path).text == text


def test_what_cannot_be_read_is_an_error_of_the_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.txt", tmp_path / "no\0name"):
        with pytest.raises(AnnotationError, match="cannot be read"):
            read_transcript(path)
        with pytest.raises(AnnotationError, match="cannot be read"):
            AnnotationFiles(words=path).read(100)


def test_plain_text_given_as_words_is_told_where_it_belongs(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    path.write_text("Hello there.\n")
    with pytest.raises(AnnotationError, match=r"line 1: no line with times.*--transcript"):
        AnnotationFiles(words=path).read(100)


def test_words_and_transcript_exclude_each_other() -> None:
    with pytest.raises(OptionsError, match="give one of them"):
        AnnotationFiles(words="a.srt", transcript="a.txt")


def test_no_files_say_nothing() -> None:
    assert AnnotationFiles().read(10) == KnownAnnotations()


def test_each_file_fills_its_part(tmp_path: Path) -> None:
    ctm, rttm, labels = tmp_path / "a.ctm", tmp_path / "a.rttm", tmp_path / "a.txt"
    ctm.write_text("a 1 0.20 0.30 hello 0.75\n")
    rttm.write_text("SPEAKER a 1 0.10 1.00 <NA> <NA> anna <NA> <NA>\n")
    labels.write_text("1.20\t1.60\tlaugh\n")
    given = AnnotationFiles(words=ctm, speakers=rttm, events=labels).read(100)
    assert given.words is not None and given.turns is not None and given.events is not None
    assert [(word.text, word.confidence) for word in given.words] == [("hello", 0.75)]
    assert [(turn.speaker, turn.span.start, turn.span.end) for turn in given.turns] == [(0, 5, 55)]
    assert [(event.label, event.span.start, event.span.end) for event in given.events] == [("laugh", 60, 80)]


def test_speakers_of_the_same_name_in_two_files_are_the_same(tmp_path: Path) -> None:
    ctm, rttm = tmp_path / "a.ctm", tmp_path / "a.rttm"
    ctm.write_text("a ann 0.20 0.30 hello 0.75\na bob 0.60 0.30 there 0.75\na eve 1.00 0.30 you 0.75\n")
    line = "SPEAKER a 1 {} 1.00 <NA> <NA> {} <NA> <NA>\n"
    rttm.write_text(line.format(0.1, "bob") + line.format(0.2, "ann"))
    words = AnnotationFiles(words=ctm, speakers=rttm).read(100).words
    assert words is not None and [word.speaker for word in words] == [1, 0, None]


def test_a_text_that_cannot_be_of_the_recording_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("so it goes on and on " * 36_000)
    with pytest.raises(AnnotationError, match=r"characters cannot be said in 2\.0 s: is it of another recording"):
        AnnotationFiles(transcript=path).read(100)
    path.write_text("so it goes " * 100)
    assert AnnotationFiles(transcript=path).read(100).segments
