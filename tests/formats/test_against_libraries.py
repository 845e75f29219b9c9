"""Each format against the library people read and write it with: what we write they read, what they write we read."""

from __future__ import annotations

import html
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_tok import formats
from hybrid_tok.core.annotations import Annotations, Event, SpeakerTurn, Word
from hybrid_tok.core.events import EVENT_LABELS
from hybrid_tok.core.timeline import Span, frame_to_seconds
from hybrid_tok.errors import AnnotationError

FRAMES = 500
TEXTS = st.sampled_from(
    [
        "hello",
        'say "hi"',
        '"',
        "d'accord",
        "a<b>&c",
        "über",
        "你好",
        "שלום",
        "🙂",
        "e\u0301",
        "50%",
        "5",
        "-3.5e2",
        "a -> b",
    ]
) | st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)
CONFIDENCES = st.sampled_from([0.0, 0.1, 1 / 3, 0.875, 1.0])


@st.composite
def heard(draw: st.DrawFn) -> Annotations:
    """Annotations as a pipeline makes them: speakers talk over one another, each speaks one word after the other."""
    words: list[Word] = []
    for speaker in draw(st.sampled_from([(), (None,), (0,), (0, 1), (None, 2)])):
        bounds = sorted(draw(st.lists(st.integers(0, FRAMES - 1), max_size=8)))
        words += [
            Word(draw(TEXTS), Span(start, end), draw(CONFIDENCES), speaker)
            for start, end in list(pairwise(bounds))[::2]
        ]
    pairs = st.lists(st.tuples(st.integers(0, FRAMES - 1), st.integers(1, 60)), max_size=4)
    spans = [Span(start, min(start + length, FRAMES)) for start, length in draw(pairs)]
    events = [Event(draw(st.sampled_from(EVENT_LABELS)), span, draw(CONFIDENCES)) for span in spans]
    turns = {
        speaker: [Span(start, end) for start, end in list(pairwise(sorted(draw(st.sets(st.integers(0, FRAMES))))))[::2]]
        for speaker in range(draw(st.integers(0, 3)))
    }
    return Annotations(
        frames=FRAMES,
        words=tuple(sorted(words, key=lambda word: word.span)),
        events=tuple(sorted(events, key=lambda event: event.span.start)),
        turns=tuple(
            sorted(
                (SpeakerTurn(speaker, span) for speaker, spans in turns.items() for span in spans),
                key=lambda turn: (turn.span, turn.speaker),
            )
        ),
    )


def write(annotations: Annotations, folder: Path, name: str) -> Path:
    return formats.write_annotations(annotations, folder, "talk", [name], frame_to_seconds(annotations.frames))[0]


def seconds(span: Span) -> tuple[float, float]:
    return frame_to_seconds(span.start), frame_to_seconds(span.end)


many = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def labels_by_kind(tiers: dict[str, list[tuple[float, float, str]]]) -> dict[str, list[tuple[float, float, str]]]:
    """Marks by the kind of their tier: "words", "words 2" and "speaker:0 - words" are all of words."""
    found: dict[str, list[tuple[float, float, str]]] = {"words": [], "confidence": [], "events": [], "turns": []}
    for name, marks in tiers.items():
        kind = next(part for part in reversed(name.split()) if not part.isdecimal())
        found[kind] += [(round(start, 6), round(end, 6), text) for start, end, text in marks]
    return {kind: sorted(marks) for kind, marks in found.items()}


def expected_labels(annotations: Annotations) -> dict[str, list[tuple[float, float, str]]]:
    def event_text(event: Event) -> str:
        return event.label if event.confidence == 1.0 else f"{event.label} {event.confidence!r}"

    return {
        "words": sorted((*seconds(word.span), word.text) for word in annotations.words),
        "confidence": sorted((*seconds(word.span), repr(word.confidence)) for word in annotations.words),
        "events": sorted((*seconds(event.span), event_text(event)) for event in annotations.events),
        "turns": sorted((*seconds(turn.span), f"speaker:{turn.speaker}") for turn in annotations.turns),
    }


@many
@given(heard())
def test_praatio_reads_our_textgrids(tmp_path: Path, annotations: Annotations) -> None:
    from praatio import textgrid

    path = write(annotations, tmp_path, "textgrid")
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False, reportingMode="error")
    assert (grid.minTimestamp, grid.maxTimestamp) == (0, frame_to_seconds(FRAMES))
    # praatio leaves quotation marks doubled in points, but not in intervals.
    tiers = {
        name: [
            tuple(entry) if len(entry) == 3 else (entry[0], entry[0], entry[1].replace('""', '"'))
            for entry in grid.getTier(name).entries
        ]
        for name in grid.tierNames
    }
    assert labels_by_kind(tiers) == expected_labels(annotations)


@many
@given(heard())
def test_praat_reads_our_textgrids(tmp_path: Path, annotations: Annotations) -> None:
    import parselmouth

    call = parselmouth.praat.call
    grid = parselmouth.read(str(write(annotations, tmp_path, "textgrid")))
    tiers: dict[str, list[tuple[float, float, str]]] = {}
    for tier in range(1, int(call(grid, "Get number of tiers")) + 1):
        marks = tiers.setdefault(call(grid, "Get tier name", tier), [])
        if call(grid, "Is interval tier", tier):
            for index in range(1, int(call(grid, "Get number of intervals", tier)) + 1):
                text = call(grid, "Get label of interval", tier, index)
                start = call(grid, "Get start time of interval", tier, index)
                end = call(grid, "Get end time of interval", tier, index)
                if text:
                    marks.append((start, end, text))
        else:
            for index in range(1, int(call(grid, "Get number of points", tier)) + 1):
                time = call(grid, "Get time of point", tier, index)
                marks.append((time, time, call(grid, "Get label of point", tier, index)))
    assert labels_by_kind(tiers) == expected_labels(annotations)


WORDS = [(0.1, 0.5, 'say "hi"'), (0.5, 0.9, "über"), (1.2, 1.6, "你好"), (1.6, 1.62, "5")]


@pytest.mark.parametrize("form", ["long_textgrid", "short_textgrid"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_we_read_textgrids_of_praatio(tmp_path: Path, form: str, encoding: str, newline: str) -> None:
    from praatio import textgrid

    grid = textgrid.Textgrid()
    grid.addTier(textgrid.IntervalTier("words", WORDS, 0, 10))
    grid.addTier(textgrid.IntervalTier("phones", [(0.1, 0.2, "s"), (0.2, 0.5, "eɪ")], 0, 10))
    grid.addTier(textgrid.IntervalTier("nobody - words", [], 0, 10))
    grid.addTier(textgrid.PointTier("events", [(3.0, "laugh"), (4.0, "no such event")], 0, 10))
    path = tmp_path / "talk.TextGrid"
    grid.save(str(path), form, includeBlankSpaces=True)
    path.write_bytes(path.read_text("utf-8").replace("\n", newline).encode(encoding))
    words = formats.read_words(path, FRAMES).words
    assert words is not None
    assert [(*seconds(word.span), word.text) for word in words] == WORDS
    with pytest.warns(UserWarning, match="no such event"):
        events = formats.read_events(path, FRAMES).events
    assert events == (Event("laugh", Span(150, 151), 1.0), Event("other", Span(200, 201), 1.0))


@pytest.mark.parametrize("command", ["Save as text file...", "Save as short text file..."])
def test_we_read_textgrids_of_praat(tmp_path: Path, command: str) -> None:
    import parselmouth

    call = parselmouth.praat.call
    grid = call("Create TextGrid", 0, 10, "words marks", "marks")
    for start, end, text in WORDS:
        for time in (start, end):
            if call(grid, "Get interval edge from time", 1, time) == 0:
                call(grid, "Insert boundary", 1, time)
        call(grid, "Set interval text", 1, int(call(grid, "Get interval at time", 1, start + 0.005)), text)
    call(grid, "Insert point", 2, 3.0, "laugh")
    path = tmp_path / "talk.TextGrid"
    call(grid, command, str(path))
    words = formats.read_words(path, FRAMES).words
    assert words is not None
    assert [(*seconds(word.span), word.text) for word in words] == WORDS


def test_a_binary_textgrid_is_refused_with_what_to_do(tmp_path: Path) -> None:
    import parselmouth

    path = tmp_path / "talk.TextGrid"
    parselmouth.praat.call(
        parselmouth.praat.call("Create TextGrid", 0, 10, "words", ""), "Save as binary file...", str(path)
    )
    with pytest.raises(AnnotationError, match="save it from Praat as a text file"):
        formats.read_words(path, FRAMES)


@many
@given(heard())
def test_webvtt_py_reads_our_subtitles(tmp_path: Path, annotations: Annotations) -> None:
    import webvtt

    path = write(annotations, tmp_path, "vtt")
    cues = webvtt.read(str(path))
    spoken = [cue for cue in cues if not (cue.text.startswith("[") and cue.text[1:-1] in EVENT_LABELS)]
    assert sorted(html.unescape(" ".join(cue.text for cue in spoken)).split()) == sorted(
        piece for word in annotations.words for piece in word.text.split()
    )
    assert len(cues) - len(spoken) >= len(annotations.events)
    assert all(cue.start < cue.end for cue in cues)  # as text: both have two digits for the hours
    voices = {cue.voice for cue in spoken if cue.voice}
    assert voices >= {f"speaker:{word.speaker}" for word in annotations.words if word.speaker is not None}


def test_we_read_subtitles_of_webvtt_py(tmp_path: Path) -> None:
    import webvtt

    written = webvtt.WebVTT()
    written.captions += [
        webvtt.Caption("00:00:01.000", "00:00:02.500", "<v Ann>Hello there, &amp; welcome.</v>"),
        webvtt.Caption("00:00:02.000", "00:00:03.000", ["<v.loud Bob Lee>Two lines", "of <i>mine</i>."]),
        webvtt.Caption("00:00:04.000", "00:00:05.000", "你好 世界", identifier="three"),
        webvtt.Caption("00:00:06.000", "00:00:07.000", "[laughs]"),
    ]
    path = tmp_path / "talk.vtt"
    written.save(str(path))
    text = path.read_text("utf-8")
    text = text.replace("02.500\n", "02.500 align:start position:10% line:-1\n", 1)
    text = text.replace(
        "WEBVTT\n", "WEBVTT - a title\nKind: captions\n\nNOTE nobody says\nthis\n\nSTYLE\n::cue {}\n", 1
    )
    path.write_text(text, "utf-8")
    assert len(webvtt.read(str(path))) == 4
    with pytest.warns(UserWarning, match="is a note, not a word"):
        given = formats.read_words(path, FRAMES)
    assert given.segments is not None
    assert [(segment.text, segment.span, segment.speaker) for segment in given.segments] == [
        ("Hello there, & welcome.", Span(50, 125), 0),
        ("Two lines of mine.", Span(100, 150), 1),
        ("你好 世界", Span(200, 250), None),
    ]
    assert formats.read_events(path, FRAMES).events == (Event("laugh", Span(300, 350), 1.0),)


@many
@given(heard())
def test_srt_reads_our_subtitles(tmp_path: Path, annotations: Annotations) -> None:
    import srt

    cues = list(srt.parse(write(annotations, tmp_path, "srt").read_text("utf-8")))
    assert [cue.index for cue in cues] == list(range(1, len(cues) + 1))
    bodies = [cue.content.partition("]: ")[2] if cue.content.startswith("[speaker:") else cue.content for cue in cues]
    spoken = [body for body in bodies if not (body.startswith("[") and body[1:-1] in EVENT_LABELS)]
    assert sorted(" ".join(spoken).split()) == sorted(
        piece for word in annotations.words for piece in word.text.replace("-->", "->").split()
    )
    assert all(cue.start < cue.end for cue in cues)
    latest = max((word.span.end for word in annotations.words), default=0)
    assert not annotations.words or max(cue.end for cue in cues) >= timedelta(seconds=frame_to_seconds(latest))


def test_we_read_subtitles_of_srt(tmp_path: Path) -> None:
    import srt

    at = timedelta(seconds=1)
    cues = [
        srt.Subtitle(1, at, 2.5 * at, "Hello <i>there</i>,\nand welcome."),
        srt.Subtitle(2, 3 * at, 4 * at, "[SPEAKER_01]: Grüß dich!", proprietary="X1:10"),
        srt.Subtitle(3, 5 * at, 6 * at, "{\\an8}Up here."),
    ]
    path = tmp_path / "talk.srt"
    path.write_text(srt.compose(cues), "utf-8")
    segments = formats.read_words(path, FRAMES).segments
    assert segments is not None
    assert [(segment.text, segment.span, segment.speaker) for segment in segments] == [
        ("Hello there, and welcome.", Span(50, 125), None),
        ("Grüß dich!", Span(150, 200), 0),
        ("Up here.", Span(250, 300), None),
    ]


@many
@given(heard())
def test_pyannote_reads_our_turns(tmp_path: Path, annotations: Annotations) -> None:
    from pyannote.database import util as database

    read = database.load_rttm(write(annotations, tmp_path, "rttm"))
    assert set(read) == {"talk"}
    turns = [
        (round(segment.start, 6), round(segment.end, 6), label)
        for segment, _, label in read["talk"].itertracks(yield_label=True)
    ]
    assert sorted(turns) == expected_labels(annotations)["turns"]


def test_we_read_turns_of_pyannote(tmp_path: Path) -> None:
    from pyannote.core import Annotation, Segment

    path = tmp_path / "all.rttm"
    with path.open("w") as file:
        for uri, shift in (("other", 3.0), ("talk", 0.0)):
            said = Annotation(uri=uri)
            said[Segment(shift + 1.0, shift + 2.0), "a"] = "bob"
            said[Segment(shift + 1.5, shift + 2.5), "b"] = "ann"  # over one another
            said[Segment(shift + 4.0, shift + 4.25), "c"] = "bob"
            said.write_rttm(file)
    expected = (SpeakerTurn(0, Span(50, 100)), SpeakerTurn(1, Span(75, 125)), SpeakerTurn(0, Span(200, 213)))
    assert formats.read_speakers(path, FRAMES, "talk").turns == expected
    with pytest.raises(AnnotationError, match="2 recordings"):
        formats.read_speakers(path, FRAMES, "a third")


@many
@given(heard())
def test_ctm_has_the_fields_of_nists_scorer(tmp_path: Path, annotations: Annotations) -> None:
    rows = [
        line.split(" ")
        for line in write(annotations, tmp_path, "ctm").read_text("utf-8").split("\n")
        if line and not line.startswith(";;")
    ]
    assert all(len(row) == 6 and row[0] == "talk" for row in rows)
    assert [(float(start), float(length), text.replace("<space>", " "), float(confidence))
            for _, _, start, length, text, confidence in rows] == [
        (frame_to_seconds(word.span.start), frame_to_seconds(word.span.frames), word.text, word.confidence)
        for word in annotations.words
    ]  # fmt: skip
