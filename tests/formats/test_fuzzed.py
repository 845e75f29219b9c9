"""Damaged files of every format: read, or refused in one line with the file's name; never anything else."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.seeds import ANNOTATIONS
from fuzz.targets import FRAMES
from hybrid_tok import formats
from hybrid_tok.errors import AnnotationError, AnnotationWarning

PIECES = [
    *(b"", b"\0", b"-1", b"nan", b"NaN", b"Infinity", b"1e999", b"9" * 30, b"1e-320", b"0", b"2.5", b"-0.0", b"99999"),
    *(b"\n", b"\r", b"\t", b" ", b'"', b"{", b"[", b"]", b"<", b">", b"-->", b"null", b"true", b"[]", b"{}", b'""'),
    *(
        b"\xff",
        b"\xed\xa0\x80",
        b"\\ud800",
        b"\\udc80",
        b"&#xD800;",
        b"&#0;",
        b"\xe2\x80\xa8",
        "٣".encode(),
        "²".encode(),
    ),
    *(b"<unk>", b"sil", b"speaker:999", b"00:00:00.000", b"[" * 2000, b'{"a":' * 2000, b"<v >"),
]
PARTS = re.compile(rb"-?\d+(?:\.\d+)?|\"[^\"\n]*\"|\w+")
ENCODINGS: tuple[Callable[[bytes], bytes], ...] = (
    lambda content: content.decode("utf-8", "replace").encode("utf-16"),
    lambda content: content.decode("utf-8", "replace").encode("utf-16-le"),
    lambda content: content.decode("utf-8", "replace").encode("latin-1", "replace"),
    lambda content: content.replace(b"\n", b"\r"),
    lambda content: content.replace(b"\n", b"\r\n"),
    lambda content: b"\xef\xbb\xbf" + content,
)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file of some format with a few faults."""
    suffix, content = draw(st.sampled_from(ANNOTATIONS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        lines = content.split(b"\n")
        line = draw(st.integers(0, len(lines) - 1))
        parts = list(PARTS.finditer(content))
        match draw(st.sampled_from(["cut", "flip", "put", "repeat", "swap lines", "replace", "swap", "encode"])):
            case "cut":
                content = content[:at]
            case "flip":
                content = content[:at] + bytes([draw(st.integers(0, 255))]) + content[at + 1 :]
            case "put":
                content = content[:at] + draw(st.sampled_from(PIECES)) + content[at + draw(st.integers(0, 3)) :]
            case "repeat":
                content = b"\n".join([*lines[: line + 1], *lines[line:]])
            case "swap lines":
                content = b"\n".join([*lines[line:], *lines[:line]])
            case "encode":
                content = draw(st.sampled_from(ENCODINGS))(content)
            case change if parts:  # a number, string or word for another
                part = draw(st.sampled_from(parts))
                put = draw(st.sampled_from(PIECES)) if change == "replace" else draw(st.sampled_from(parts))[0]
                content = content[: part.start()] + put + content[part.end() :]
            case _:
                pass
    return draw(st.sampled_from([suffix, suffix, ".json", ".ctm", ".txt", ""])), content


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damaged(), st.sampled_from([FRAMES, FRAMES, FRAMES, 0]))
def test_damaged_files_are_read_or_refused(tmp_path: Path, file: tuple[str, bytes], frames: int) -> None:
    path = tmp_path / f"talk{file[0]}"
    path.write_bytes(file[1])
    for read in (formats.read_words, formats.read_speakers, formats.read_events, formats.read_annotations):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AnnotationWarning)
            try:
                heard = read(path, frames)
            except AnnotationError as error:
                assert str(error).startswith(str(path)) and len(str(error).splitlines()) == 1
                continue
        for part in (heard.words, heard.segments, heard.events, heard.turns):
            for said in part or ():
                assert said.span is not None and 0 <= said.span.start <= said.span.end <= frames
        for word in heard.words or ():
            assert word.span.start < frames and word.text.encode()


BIG = 9 << 20
"""Bytes: the smallest size at which every one of these is over a limit."""


@pytest.mark.parametrize(
    ("name", "start", "repeated"),
    [
        ("talk.json", b"[", b"[]," + b" " * 2),
        ("talk.json", b"", b"["),
        ("talk.json", b'{"segments": ', b'{"a":'),
        ("talk.json", b"{}\n", b"1\n"),
        ("talk.ctm", b"talk 1 0 1 a\n", b"\n"),
        ("talk.ctm", b"talk 1 0 1 a\r", b"\r"),
        ("talk.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\n", b"<b>"),
        ("talk.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\n", b"[a]"),
        ("talk.TextGrid", b'"ooTextFile" "TextGrid" 0 1 <exists> 999999999999\n', b'"'),
        (
            "talk.TextGrid",
            b'"ooTextFile" "TextGrid" 0 1 <exists> 1 "IntervalTier" "words" 0 1 9999999999\n',
            b' 0 1 "" ',
        ),
    ],
)
def test_too_much_is_refused_before_it_is_taken_apart(tmp_path: Path, name: str, start: bytes, repeated: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(start + repeated * (BIG // len(repeated)))
    with pytest.raises(AnnotationError, match=r"more than|nested too deeply"):
        formats.read_words(path, FRAMES)


@pytest.mark.parametrize(
    ("name", "start", "repeated", "end"),
    [
        ("talk.json", b'{"segments": [{"start": 0, "end": 1, "text": "', b"a ", b'"}]}'),
        ("talk.json", b'{"segments": [{"start": 0.', b"1", b', "end": 1, "text": "a"}]}'),
        ("talk.srt", b"1\n00:00:01,000 --> 00:00:02,000\n", b"{\\", b"\n"),
        ("talk.srt", b"1\n00:00:01,000 --> 00:00:02,000\n", b" ", b"a\n"),
        ("talk.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\n<", b" ", b"a>b\n"),
        ("talk.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\n", b"&", b"\n"),
        ("talk.txt", b"0\t1\ta", b" .1", b"x\n"),
        ("talk.TextGrid", b'"ooTextFile" "TextGrid" 0 1 <exists> 1 "IntervalTier" "words" 0 1 1 0 1', b"1", b' "a"'),
    ],
)
def test_long_lines_take_time_by_their_length_only(
    tmp_path: Path, name: str, start: bytes, repeated: bytes, end: bytes
) -> None:
    """Quadratic time would be hours here: a reader that backtracks never comes back."""
    path = tmp_path / name
    path.write_bytes(start + repeated * ((1 << 20) // len(repeated)) + end)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AnnotationWarning)
        try:
            heard = formats.read_words(path, FRAMES)
        except AnnotationError as error:
            assert len(str(error)) < 400
        else:
            assert heard.words or heard.segments
