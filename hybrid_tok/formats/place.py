"""From seconds to frames: what a file says is put on the recording's time grid, and mended where it cannot be right.

The rules are the same for every format:

- A word, segment or event is never dropped. One that lies outside the recording goes to the nearest frame, with
  confidence 0; one that sticks out is cut off; one that ends before it starts keeps its start and one frame.
- Words of one speaker that overlap share the time between them.
- What had to be mended by more than `SLACK` keeps a confidence of at most `DOUBTFUL`, and is warned of.
- Times that are no numbers, and confidences outside [0, 1], are errors: nobody knows what they mean.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from hybrid_tok.core.annotations import Event, Segment, SpeakerTurn, Word
from hybrid_tok.core.timeline import FRAME_RATE, Span, merge_spans, seconds_to_frame
from hybrid_tok.errors import AnnotationError, AnnotationWarning
from hybrid_tok.formats.json_text import with_line
from hybrid_tok.formats.records import LabelRecord, SegmentRecord, TurnRecord, WordRecord
from hybrid_tok.formats.source import Source, quoted
from hybrid_tok.formats.wording import event_label

UNSTATED = 0.9
"""Confidence of a word whose file has none: somebody chose to give these words, and recognizers that are chosen get
about nine in ten right. It is below what sure recognizers say of themselves, and enough for the gate to write text."""

DOUBTFUL = 0.1
"""The most that a word may have whose time is wrong: too little for the gate to write it as text."""

SLACK = 5
"""Frames (100 ms): word times are no better than this, so that smaller faults say nothing about the word."""

LATEST = 1e9
"""Seconds (30 years): beyond, no number is a time."""

UNKNOWN_WORDS = frozenset({"<unk>", "[unk]", "<eps>"})
"""What recognizers and aligners write for a word they do not know: it has confidence 0, so that it stays sound."""

_BREAKS = re.compile(r"[ \t\r\n\f\v]+")
_Record = TypeVar("_Record", WordRecord, SegmentRecord)


class Complaints:
    """What was doubtful in a file, and was taken with low confidence or mended: each kind is one warning, however many
    lines have it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._said: dict[str, list[str]] = {}

    def add(self, kind: str, where: str, message: str) -> None:
        """Note a doubt; of each kind, only the first message is shown."""
        self._said.setdefault(kind, []).append(f"{where}: {message}")

    def warn(self, stacklevel: int = 3) -> None:
        """Say them, one `AnnotationWarning` per kind."""
        for first, *others in self._said.values():
            more = f" (and {len(others)} more like this)" if others else ""
            warnings.warn(f"{with_line(self._source, first)}{more}", AnnotationWarning, stacklevel + 1)


def place_words(
    records: Sequence[WordRecord],
    frames: int,
    speakers: dict[str, int],
    complaints: Complaints,
    language: str | None = None,
) -> tuple[Word, ...]:
    """Words on the grid of a recording, in order of start; those of one speaker do not overlap.

    Args:
        language: of all of them, where it is known.

    Raises:
        AnnotationError: a time or confidence is no such thing, no word has times, or none lies in the recording.
    """
    records = _fill_in_times([record for record in map(_cleaned, records) if record.text], complaints)
    _check_belongs([(record.start or 0.0, record.where) for record in records], frames, "word")
    words: list[Word] = []
    for record in records:
        stated = _confidence(record.confidence, record.where)
        stated = UNSTATED if stated is None else stated
        if record.text.lower() in UNKNOWN_WORDS:
            stated = 0.0
        span, ceiling = _place(record.start, record.end, frames, record.where, quoted(record.text), complaints)
        speaker = None if record.speaker is None else speakers[record.speaker]
        words.append(Word(record.text, span, min(stated, ceiling), speaker, language))
    return _without_overlaps(words, [record.where for record in records], complaints)


def place_segments(
    records: Sequence[SegmentRecord],
    frames: int,
    speakers: dict[str, int],
    complaints: Complaints,
    language: str | None = None,
) -> tuple[Segment, ...]:
    """Segments on the grid, in order of start. They may overlap, as subtitles do.

    Args:
        language: of all of them, where it is known.
    """
    records = [record for record in map(_cleaned, records) if record.text]
    _check_belongs([(record.start, record.where) for record in records], frames, "segment")
    segments: list[tuple[int, Segment]] = []
    for record in records:
        span, _ = _place(record.start, record.end, frames, record.where, quoted(record.text), complaints)
        speaker = None if record.speaker is None else speakers[record.speaker]
        segments.append((span.start, Segment(record.text, span, speaker, record.where, language)))
    return tuple(segment for _, segment in sorted(segments, key=lambda placed: placed[0]))


def place_events(records: Sequence[LabelRecord], frames: int, complaints: Complaints) -> tuple[Event, ...]:
    """Events on the grid, in order of start; a point lasts one frame."""
    events = []
    for record in records:
        label = event_label(record.label)
        if label is None:
            complaints.add(
                "label", record.where, f"{quoted(record.label)} is no event known here; taken as an event 'other'"
            )
        stated = _confidence(record.confidence, record.where)
        span, ceiling = _place(record.start, record.end, frames, record.where, quoted(record.label), complaints)
        if span.frames == 0:
            start = min(span.start, frames - 1)
            span = Span(start, start + 1)
        events.append(Event(label or "other", span, min(1.0 if stated is None else stated, ceiling)))
    return tuple(sorted(events, key=lambda event: event.span.start))


def place_turns(
    records: Sequence[TurnRecord], frames: int, speakers: dict[str, int], complaints: Complaints
) -> tuple[SpeakerTurn, ...]:
    """Turns on the grid, in order of start. Those of one speaker that overlap are one; one outside the recording is
    left out with a warning, since it says nothing about it."""
    _check_belongs([(record.start, record.where) for record in records], frames, "turn")
    spans: dict[int, list[Span]] = {}
    for record in records:
        span, ceiling = _place(record.start, record.end, frames, record.where, quoted(record.speaker), complaints)
        if ceiling > 0.0 and span.frames:
            spans.setdefault(speakers[record.speaker], []).append(span)
    turns = [SpeakerTurn(speaker, span) for speaker, heard in spans.items() for span in _joined(heard)]
    return tuple(sorted(turns, key=lambda turn: (turn.span, turn.speaker)))


def _joined(spans: list[Span]) -> list[Span]:
    """Spans that overlap become one; those that only touch stay two turns."""
    return merge_spans(spans, max_gap=-1)


def _place(
    start: float | None, end: float | None, frames: int, where: str, what: str, complaints: Complaints
) -> tuple[Span, float]:
    """The frames of a stretch, inside the recording, and the most confidence that its times leave it."""
    if start is None or end is None or not (abs(start) <= LATEST and abs(end) <= LATEST):
        raise AnnotationError(f"{where}: the times of {what} must be numbers, not {start} and {end}")
    if frames == 0:
        raise AnnotationError(f"{where}: {what} in a recording without a sample; this is another recording's file")
    first, last = seconds_to_frame(start), seconds_to_frame(end)
    length = f"{frames / FRAME_RATE:.2f} s"
    if last < first:
        complaints.add("reversed", where, f"{what} ends before it starts ({start:g} s, {end:g} s): low confidence")
        first = min(max(first, 0), frames - 1)
        return Span(first, first + 1), DOUBTFUL
    if first >= frames or last < 0 or (last == 0 and first < 0):
        complaints.add("outside", where, f"{what} at {start:g} s lies outside the recording of {length}: confidence 0")
        nearest = 0 if first < 0 else frames - 1
        return Span(nearest, nearest + 1), 0.0
    span = Span(max(first, 0), min(last, frames))
    if max(-first, last - frames) > SLACK:
        complaints.add(
            "sticks out",
            where,
            f"{what}, {start:g} to {end:g} s, sticks out of the recording of {length}: cut off, low confidence",
        )
        return span, DOUBTFUL
    return span, 1.0


def _check_belongs(starts: Sequence[tuple[float, str]], frames: int, kind: str) -> None:
    """Refuse a file of which nothing lies in the recording."""
    if starts and all(not start < frames / FRAME_RATE for start, _ in starts) and _all_finite(starts):
        first, where = min(starts)
        raise AnnotationError(
            f"{where}: the first {kind}, at {first:g} s, comes after the end of the recording "
            f"({frames / FRAME_RATE:g} s); give the file of this recording"
        )


def _all_finite(starts: Sequence[tuple[float, str]]) -> bool:
    return all(math.isfinite(start) for start, _ in starts)


def _cleaned(record: _Record) -> _Record:
    """A record with its text on one line, as words are written."""
    text = _BREAKS.sub(" ", record.text).strip()
    try:
        text.encode()
    except UnicodeEncodeError:
        raise AnnotationError(f"{record.where}: {quoted(text)} is not Unicode") from None
    return record if text == record.text else replace(record, text=text)


def _confidence(value: float | None, where: str) -> float | None:
    """A confidence as the file has it; rounding may have put it a little over 1."""
    if value is None:
        return None
    if not -1e-3 <= value <= 1.0 + 1e-3:
        raise AnnotationError(f"{where}: a confidence must be from 0 to 1, not {value:g}")
    return min(max(value, 0.0), 1.0)


def _fill_in_times(records: list[WordRecord], complaints: Complaints) -> list[WordRecord]:
    """Words without times share what lies between the words around them, inside their segment where that is known."""
    if records and all(record.start is None for record in records) and all(record.inside is None for record in records):
        raise AnnotationError(f"{records[0].where}: no word has times")
    filled: list[WordRecord] = []
    index = 0
    while index < len(records):
        record = records[index]
        if record.start is not None and record.end is not None:
            filled.append(record)
            index += 1
            continue
        stop = index
        while stop < len(records) and records[stop].start is None and records[stop].inside == record.inside:
            stop += 1
        stop = max(stop, index + 1)
        low, high = _room(
            filled[-1] if filled else None, records[index], records[stop] if stop < len(records) else None
        )
        share = (high - low) / (stop - index)
        for number in range(stop - index):
            word = records[index + number]
            complaints.add("untimed", word.where, f"{quoted(word.text)} has no times; put between its neighbours")
            filled.append(
                replace(
                    word,
                    start=low + number * share,
                    end=low + (number + 1) * share,
                    confidence=min(DOUBTFUL, 1.0 if word.confidence is None else word.confidence),
                )
            )
        index = stop
    return filled


def _room(before: WordRecord | None, word: WordRecord, after: WordRecord | None) -> tuple[float, float]:
    """Where words without times may lie."""
    low = before.end if before is not None and before.end is not None else 0.0
    high = after.start if after is not None and after.start is not None else math.inf
    if word.inside is not None:
        low, high = max(low, word.inside[0]), min(high, word.inside[1])
    if not math.isfinite(high):
        high = low
    return low, max(low, high)


def _without_overlaps(words: Sequence[Word], places: Sequence[str], complaints: Complaints) -> tuple[Word, ...]:
    """Words in order of start, those of one speaker one after the other."""
    order = sorted(range(len(words)), key=lambda index: words[index].span)
    placed = [words[index] for index in order]
    last: dict[int | None, int] = {}
    for index, word in enumerate(placed):
        before = last.get(word.speaker)
        if before is not None and placed[before].span.end > word.span.start:
            shared = placed[before].span.end - word.span.start
            placed[before], placed[index] = _share(placed[before], word)
            if shared > SLACK:
                both = f"{quoted(word.text)} overlaps {quoted(placed[before].text)}"
                where = places[order[index]]
                complaints.add("overlap", where, f"{both} by {shared / FRAME_RATE:g} s: low confidence")
                for one in (before, index):
                    placed[one] = replace(placed[one], confidence=min(placed[one].confidence, DOUBTFUL))
        last[word.speaker] = index
    return tuple(sorted(placed, key=lambda word: word.span))


def _share(before: Word, after: Word) -> tuple[Word, Word]:
    """Two overlapping words, apart: the first ends where the second starts; if they start together, halfway."""
    end = max(before.span.end, after.span.end)
    cut = after.span.start
    if cut <= before.span.start:
        cut = (before.span.start + end) // 2
    else:
        end = max(cut, after.span.end)
    return replace(before, span=Span(before.span.start, cut)), replace(after, span=Span(cut, end))
