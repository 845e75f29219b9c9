"""From seconds to frames: the content of a file is put on the recording's time grid, and impossible times are repaired.

The rules are the same for every format:

- A word, segment or event is never dropped. One outside the recording moves to the nearest frame, with confidence 0;
  one that exceeds the recording is cut; one that ends before it starts keeps its start and one frame.
- Words of one speaker that overlap share the time between them.
- What was repaired by more than `SLACK` gets a confidence of at most `DOUBTFUL`, with a warning.
- Times that are not numbers, and confidences outside [0, 1], are errors, since their meaning is unknown.
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
from hybrid_tok.formats.records import Document, LabelRecord, SegmentRecord, TurnRecord, WordRecord
from hybrid_tok.formats.source import Source, quoted
from hybrid_tok.formats.speakers import number_speakers
from hybrid_tok.formats.wording import event_label

UNSTATED = 0.9
"""Confidence of a word whose file has none: the user chose these words, and chosen recognizers get about nine in ten
right. It is below the confidences of certain words, and enough for the gate to write text."""

DOUBTFUL = 0.1
"""Maximum confidence of a word with repaired times: too low for the gate to write it as text."""

SLACK = 5
"""Frames (100 ms): word times are no better than this, so that smaller errors do not count."""

LATEST = 1e9
"""Seconds (30 years): larger numbers are not times."""

UNKNOWN_WORDS = frozenset({"<unk>", "[unk]", "<eps>"})
"""What recognizers and aligners write for unknown words: they get confidence 0, so that they become units."""

_BREAKS = re.compile(r"[ \t\r\n\f\v]+")
_Record = TypeVar("_Record", WordRecord, SegmentRecord)


class Placer:
    """Puts the content of a file on the grid of a recording, and collects problems, with one warning per kind.

    Args:
        document: from the file; its language is that of all words, its speakers are numbered.
        frames: length of the recording.
    """

    def __init__(self, source: Source, document: Document, frames: int) -> None:
        self._source, self._frames, self._language = source, frames, document.language
        self._speakers = numbers_of(document)
        self._reports: dict[str, list[str]] = {}

    def report(self, kind: str, where: str, message: str) -> None:
        """Report that something was repaired, or taken with low confidence."""
        self._reports.setdefault(kind, []).append(f"{where}: {message}")

    def warn(self, stacklevel: int = 3) -> None:
        """Issue the reports, one `AnnotationWarning` per kind."""
        for first, *others in self._reports.values():
            more = f" (and {len(others)} more like this)" if others else ""
            warnings.warn(f"{with_line(self._source, first)}{more}", AnnotationWarning, stacklevel)

    def words(self, records: Sequence[WordRecord]) -> tuple[Word, ...]:
        """Words in order of start; those of one speaker do not overlap.

        Raises:
            AnnotationError: a time or confidence is invalid, no word has times, or none lies in the recording.
        """
        records = self._fill_in_times([record for record in map(_cleaned, records) if record.text])
        self._check_belongs([(record.start or 0.0, record.where) for record in records], "word")
        words: list[Word] = []
        for record in records:
            stated = _confidence(record.confidence, record.where)
            stated = UNSTATED if stated is None else stated
            stated = 0.0 if record.text.lower() in UNKNOWN_WORDS else stated
            span, ceiling = self._place(record, quoted(record.text))
            words.append(Word(record.text, span, min(stated, ceiling), self._number(record), self._language))
        return self._without_overlaps(words, [record.where for record in records])

    def segments(self, records: Sequence[SegmentRecord]) -> tuple[Segment, ...]:
        """Segments in order of start. They may overlap, as subtitles do."""
        records = [record for record in map(_cleaned, records) if record.text]
        self._check_belongs([(record.start, record.where) for record in records], "segment")
        spans = [self._place(record, quoted(record.text))[0] for record in records]
        return tuple(
            Segment(record.text, span, self._number(record), record.where, self._language)
            for span, record in sorted(zip(spans, records, strict=True), key=lambda placed: placed[0].start)
        )

    def events(self, records: Sequence[LabelRecord]) -> tuple[Event, ...]:
        """Events in order of start; a point lasts one frame."""
        events = []
        for record in records:
            label, name = event_label(record.label), quoted(record.label)
            if label is None:
                self.report("label", record.where, f"{name} is not a known event; taken as an event 'other'")
            stated = _confidence(record.confidence, record.where)
            span, ceiling = self._place(record, name)
            if span.frames == 0:
                start = min(span.start, self._frames - 1)
                span = Span(start, start + 1)
            events.append(Event(label or "other", span, min(1.0 if stated is None else stated, ceiling)))
        return tuple(sorted(events, key=lambda event: event.span.start))

    def turns(self, records: Sequence[TurnRecord]) -> tuple[SpeakerTurn, ...]:
        """Turns in order of start. Overlapping turns of one speaker are merged, those that only touch are not; turns
        outside the recording are left out with a warning."""
        self._check_belongs([(record.start, record.where) for record in records], "turn")
        spans: dict[int, list[Span]] = {}
        for record in records:
            span, ceiling = self._place(record, quoted(record.speaker))
            if ceiling > 0.0 and span.frames:
                spans.setdefault(self._speakers[record.speaker], []).append(span)
        turns = [SpeakerTurn(who, span) for who, heard in spans.items() for span in merge_spans(heard, max_gap=-1)]
        return tuple(sorted(turns, key=lambda turn: (turn.span, turn.speaker)))

    def _number(self, record: WordRecord | SegmentRecord) -> int | None:
        return None if record.speaker is None else self._speakers[record.speaker]

    def _place(self, record: WordRecord | SegmentRecord | LabelRecord | TurnRecord, what: str) -> tuple[Span, float]:
        """The frames of a record, inside the recording, and the maximum confidence that its times allow."""
        start, end, where, frames = record.start, record.end, record.where, self._frames
        if start is None or end is None or not (abs(start) <= LATEST and abs(end) <= LATEST):
            raise AnnotationError(f"{where}: the times of {what} must be numbers, not {start} and {end}")
        if frames == 0:
            raise AnnotationError(f"{where}: {what} in an empty recording; give the file of this recording")
        first, last = seconds_to_frame(start), seconds_to_frame(end)
        length = f"{frames / FRAME_RATE:.2f} s"
        if last < first:
            self.report("reversed", where, f"{what} ends before it starts ({start:g} s, {end:g} s): low confidence")
            first = min(max(first, 0), frames - 1)
            return Span(first, first + 1), DOUBTFUL
        if first >= frames or last < 0 or (last == 0 and first < 0):
            outside = f"{what} at {start:g} s lies outside the recording of {length}: confidence 0"
            self.report("outside", where, outside)
            nearest = 0 if first < 0 else frames - 1
            return Span(nearest, nearest + 1), 0.0
        span = Span(max(first, 0), min(last, frames))
        if max(-first, last - frames) <= SLACK:
            return span, 1.0
        beyond = f"exceeds the recording of {length}: cut, low confidence"
        self.report("exceeds", where, f"{what}, {start:g} to {end:g} s, {beyond}")
        return span, DOUBTFUL

    def _check_belongs(self, starts: Sequence[tuple[float, str]], kind: str) -> None:
        """Refuse a file of which nothing lies in the recording."""
        length = self._frames / FRAME_RATE
        if starts and all(length <= start < math.inf for start, _ in starts):
            first, where = min(starts)
            raise AnnotationError(
                f"{where}: the first {kind}, at {first:g} s, comes after the end of the recording ({length:g} s); "
                "give the file of this recording"
            )

    def _fill_in_times(self, records: list[WordRecord]) -> list[WordRecord]:
        """Words without times share the time between the words around them, inside their segment if that is known."""
        if records and all(record.start is None and record.inside is None for record in records):
            raise AnnotationError(f"{records[0].where}: no word has times")
        filled: list[WordRecord] = []
        while len(filled) < len(records):
            index = len(filled)
            record = records[index]
            if record.start is not None and record.end is not None:
                filled.append(record)
                continue
            stop = index + 1
            while stop < len(records) and records[stop].start is None and records[stop].inside == record.inside:
                stop += 1
            low, high = _room(filled[-1:], record, records[stop : stop + 1])
            share = (high - low) / (stop - index)
            for number, word in enumerate(records[index:stop]):
                self.report("untimed", word.where, f"{quoted(word.text)} has no times; put between its neighbours")
                stated = min(DOUBTFUL, 1.0 if word.confidence is None else word.confidence)
                start, end = low + number * share, low + (number + 1) * share
                filled.append(replace(word, start=start, end=end, confidence=stated))
        return filled

    def _without_overlaps(self, words: Sequence[Word], places: Sequence[str]) -> tuple[Word, ...]:
        """Words in order of start, those of one speaker one after the other."""
        order = sorted(range(len(words)), key=lambda index: words[index].span)
        placed = [words[index] for index in order]
        last: dict[int | None, int] = {}
        for index, word in enumerate(placed):
            before = last.get(word.speaker)
            if before is not None and (shared := placed[before].span.end - word.span.start) > 0:
                placed[before], placed[index] = _share(placed[before], word)
                if shared > SLACK:
                    both = f"{quoted(word.text)} overlaps {quoted(placed[before].text)}"
                    where = places[order[index]]
                    self.report("overlap", where, f"{both} by {shared / FRAME_RATE:g} s: low confidence")
                    for one in (before, index):
                        placed[one] = replace(placed[one], confidence=min(placed[one].confidence, DOUBTFUL))
            last[word.speaker] = index
        return tuple(sorted(placed, key=lambda word: word.span))


def numbers_of(document: Document) -> dict[str, int]:
    """The speakers of a document, numbered."""
    spoken = (*(document.words or ()), *(document.segments or ()), *(document.turns or ()))
    return number_speakers((said.start or 0.0, said.speaker) for said in spoken if said.speaker is not None)


def _cleaned(record: _Record) -> _Record:
    """A record with its text on one line, as words are written."""
    text = _BREAKS.sub(" ", record.text).strip()
    try:
        text.encode()
    except UnicodeEncodeError:
        raise AnnotationError(f"{record.where}: {quoted(text)} is not Unicode") from None
    return record if text == record.text else replace(record, text=text)


def _confidence(value: float | None, where: str) -> float | None:
    """A confidence as in the file, clipped to [0, 1] if rounding has put it slightly outside."""
    if value is None:
        return None
    if not -1e-3 <= value <= 1.0 + 1e-3:
        raise AnnotationError(f"{where}: a confidence must be from 0 to 1, not {value:g}")
    return min(max(value, 0.0), 1.0)


def _room(before: Sequence[WordRecord], word: WordRecord, after: Sequence[WordRecord]) -> tuple[float, float]:
    """The time that words without times may take, between the word before and the word after, if there are any."""
    low = before[0].end if before and before[0].end is not None else 0.0
    high = after[0].start if after and after[0].start is not None else math.inf
    if word.inside is not None:
        low, high = max(low, word.inside[0]), min(high, word.inside[1])
    return low, max(low, high) if math.isfinite(high) else low


def _share(before: Word, after: Word) -> tuple[Word, Word]:
    """Separates two overlapping words: the first ends where the second starts, or halfway if they start together."""
    cut, end = after.span.start, after.span.end
    if cut <= before.span.start:
        end = max(end, before.span.end)
        cut = (before.span.start + end) // 2
    return replace(before, span=Span(before.span.start, cut)), replace(after, span=Span(cut, end))
