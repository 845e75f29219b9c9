"""Praat's TextGrid, long and short text form.

Both forms have one syntax: Praat reads the free-standing numbers, the strings in quotes and the flags in angle
brackets in order, and treats everything else as comment (Praat manual, "TextGrid file formats").

Tiers are found by name, as the Montreal Forced Aligner names them: `words`, or `Ann - words` per speaker. If no tier
has such a name, each interval tier that is not of phones or other units is a speaker's. Files written here have, per
speaker, words, their confidences and turns, and events; items without a length are points on a point tier.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hybrid_tok.core.annotations import Annotations
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.audacity import event_text, label_record
from hybrid_tok.formats.lines import number, seconds
from hybrid_tok.formats.records import Document, SegmentRecord, TurnRecord, WordRecord
from hybrid_tok.formats.source import Source, quoted
from hybrid_tok.formats.speakers import speaker_name
from hybrid_tok.formats.wording import as_words

_TOKEN = re.compile(
    r"""![^\n\r]*                                          # a comment
      | "(?P<string>[^"]*(?:""[^"]*)*)"
      | (?<!\S)(?P<number>[+-]?[\d.][\d.eE+-]*)%?(?!\S)
      | (?<!\S)<(?P<flag>[a-z]+)>(?!\S)
      | (?P<open>")                                        # a string without an end
      | [^\s"!]+ | !""",
    re.VERBOSE,
)
_SILENCE = frozenset({"", "sil", "sp", "<sil>", "<eps>", "<p:>", "<p>", "#"})
"""Labels of silence by aligners."""
_KINDS = {
    "words": "words word ort-mau orthography",
    "confidence": "confidence confidences",
    "turns": "turns speakers speaker",
    "events": "events event nonverbal vocalizations vocalisations",
    "other": "phones phone phonemes phoneme phonetic segments syllables mau kan-mau sentences",
}
"""The last part of a tier's name, in lower case, and the content of the tier."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """A labelled interval, or a point, where start and end are the same."""

    start: float
    end: float
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class _Tier:
    """A tier, with the content and the speaker that its name states."""

    name: str
    kind: str | None
    speaker: str | None
    intervals: bool
    marks: tuple[_Mark, ...]


def recognizes(source: Source) -> bool:
    """Whether it starts like Praat's text files."""
    return "ooTextFile" in source.text[:200]


def read(source: Source, recording: str | None = None) -> Document:
    """The words, events and turns of a TextGrid.

    Raises:
        AnnotationError: it is not a TextGrid, or truncated.
    """
    tiers = _tiers(source)
    kinds = {tier.kind for tier in tiers}
    words = tuple(_words(source, tiers)) if "words" in kinds else None
    segments = None
    free = [tier for tier in tiers if tier.kind is None and tier.intervals]
    if words is None and free:
        segments = tuple(
            SegmentRecord(mark.text, mark.start, mark.end, tier.name if len(free) > 1 else None, source.at(mark.line))
            for tier in free
            for mark in _spoken([tier])
        )
        words = as_words(segments)
    labels = (
        label_record(mark.text, mark.start, mark.end, source.at(mark.line))
        for mark in _spoken([tier for tier in tiers if tier.kind == "events"])
    )
    turns = (
        TurnRecord(tier.speaker or mark.text, mark.start, mark.end, source.at(mark.line))
        for tier in tiers
        if tier.kind == "turns"
        for mark in _spoken([tier])
    )
    return Document(
        "TextGrid",
        words=words,
        segments=segments if words is None else None,
        labels=tuple(labels) if "events" in kinds else None,
        turns=tuple(turns) if "turns" in kinds else None,
    )


def write(annotations: Annotations, name: str) -> str:
    """Words, events and turns as a TextGrid in long form, as long as the time grid: its last frame may be partial."""
    tiers: list[_Tier] = []
    for speaker in sorted({word.speaker for word in annotations.words}, key=lambda who: -1 if who is None else who):
        words = [word for word in annotations.words if word.speaker == speaker]
        whose = "" if speaker is None else f"{speaker_name(speaker)} - "
        tiers += _layers(f"{whose}words", [(word.span, word.text) for word in words])
        tiers += _layers(f"{whose}confidence", [(word.span, repr(float(word.confidence))) for word in words])
    if not annotations.words:
        tiers += _layers("words", [])
    tiers += _layers("events", [(event.span, event_text(event)) for event in annotations.events])
    for speaker in sorted({turn.speaker for turn in annotations.turns}):
        who = speaker_name(speaker)
        tiers += _layers(f"{who} - turns", [(turn.span, who) for turn in annotations.turns if turn.speaker == speaker])
    return "".join(_long_form(tiers, annotations.frames))


def _words(source: Source, tiers: Sequence[_Tier]) -> Iterator[WordRecord]:
    """The words, each with the confidence at the same time on the tier of confidences."""
    confidences = [tier for tier in tiers if tier.kind == "confidence"]
    for tier in (tier for tier in tiers if tier.kind == "words"):
        beside = next((other for other in confidences if other.speaker == tier.speaker), None)
        if beside is not None:
            confidences.remove(beside)
        scores = {(mark.start, mark.end): mark for mark in beside.marks} if beside is not None else {}
        for mark in tier.marks:
            score = scores.get((mark.start, mark.end))
            if not mark.text.strip() or (mark.text.strip().lower() in _SILENCE and (score is None or not score.text)):
                continue  # silence, unless a confidence says that it is a word
            said = score is not None and score.text.strip()
            stated = number(source, score.line, score.text, "the confidence") if score is not None and said else None
            yield WordRecord(mark.text, mark.start, mark.end, stated, tier.speaker, source.at(mark.line))


def _spoken(tiers: Sequence[_Tier]) -> Iterator[_Mark]:
    """The marks with a text that is not silence."""
    return (mark for tier in tiers for mark in tier.marks if mark.text.strip().lower() not in _SILENCE)


def _tiers(source: Source) -> list[_Tier]:
    """Parse a TextGrid. Stated sizes are not trusted beyond the end of the file."""
    source.check_parts('"', "quotation marks", 2)
    tokens = _Tokens(source)
    if tokens.string("the file type") != "ooTextFile" or tokens.string("the object class").split()[:1] != ["TextGrid"]:
        raise AnnotationError(f"{source.at(tokens.line)}: not a TextGrid; save one from Praat as a text file")
    tokens.number("the start of the recording")
    tokens.number("the end of the recording")
    if tokens.next("flag", "whether there are tiers") != "exists":
        return []
    return [_tier(tokens) for _ in range(tokens.count("the number of tiers"))]


def _tier(tokens: _Tokens) -> _Tier:
    kind = tokens.string("the class of a tier")
    if kind not in ("IntervalTier", "TextTier"):
        raise AnnotationError(f"{tokens.where}: a tier is an IntervalTier or a TextTier, not {quoted(kind)}")
    name = tokens.string("the name of a tier")
    tokens.number("the start of a tier")
    tokens.number("the end of a tier")
    marks: list[_Mark] = []
    for _ in range(tokens.count("the number of intervals or points")):
        start = tokens.number("a time")
        line = tokens.line
        end = tokens.number("the end of an interval") if kind == "IntervalTier" else start
        marks.append(_Mark(start, end, tokens.string("a label"), line))
    return _Tier(name, *_meaning(name), kind == "IntervalTier", tuple(marks))


def _meaning(name: str) -> tuple[str | None, str | None]:
    """The content and the speaker that a tier's name states: "Ann - words", "words 2"."""
    parts = [part for part in re.split(r"[\s/_-]+", name) if part]
    if len(parts) > 1 and parts[-1].isdecimal():
        parts.pop()
    for last in (2, 1):  # "ORT-MAU" has two parts
        said = "-".join(parts[-last:]).lower()
        kind = next((kind for kind, names in _KINDS.items() if said in names.split()), None)
        if kind is not None:
            return kind, " ".join(parts[:-last]) or None
    return None, None


class _Tokens:
    """The free-standing numbers, strings and flags of a file, in order, each read by its expected type."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._matches = _TOKEN.finditer(source.text)
        self._position = 0
        self.line = 1

    @property
    def where(self) -> str:
        return self._source.at(self.line)

    def string(self, what: str) -> str:
        return self.next("string", what).replace('""', '"')

    def number(self, what: str) -> float:
        return number(self._source, self.line, self.next("number", what), what)

    def count(self, what: str) -> int:
        value = self.number(what)
        if value != int(value) or value < 0:
            raise AnnotationError(f"{self.where}: {what} must be a whole number, not {value:g}")
        return int(value)

    def next(self, kind: str, what: str) -> str:
        for match in self._matches:
            found = match.lastgroup
            if found is None:
                continue
            self.line += self._source.text.count("\n", self._position, match.start())
            self._position = match.start()
            if found == "open":
                raise AnnotationError(f"{self.where}: a quotation mark is never closed; is the file cut off?")
            if found != kind:
                raise AnnotationError(f"{self.where}: expected {what}, a {kind}, but found {quoted(match[0])}")
            return match[found]
        self.line += self._source.text.count("\n", self._position)
        raise AnnotationError(f"{self.where}: the file ends where {what} should be; is it cut off?")


def _layers(name: str, marks: Sequence[tuple[Span, str]]) -> list[_Tier]:
    """Marks, in frames, on as few tiers as possible: intervals of a tier may not overlap, and marks of no length are
    points."""
    layers: list[tuple[bool, list[_Mark]]] = [(True, [])]
    for span, text in sorted(marks, key=lambda mark: mark[0]):
        intervals = span.frames > 0
        latest = span.start - (0 if intervals else 1)
        fitting = (layer for kind, layer in layers if kind == intervals and (not layer or layer[-1].end <= latest))
        layer = next(fitting, None)
        if layer is None:
            layers.append((intervals, layer := []))
        layer.append(_Mark(span.start, span.end, text, 0))
    return [
        _Tier(name if index == 1 else f"{name} {index}", None, None, intervals, tuple(layer))
        for index, (intervals, layer) in enumerate(layers, 1)
    ]


def _long_form(tiers: Sequence[_Tier], frames: int) -> Iterator[str]:
    """The text of a TextGrid whose marks are in frames; the time between intervals has empty ones."""
    end = seconds(frames)
    yield 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
    yield f"xmin = 0\nxmax = {end}\ntiers? <exists>\nsize = {len(tiers)}\nitem []:\n"
    for index, tier in enumerate(tiers, 1):
        kind, parts = ("IntervalTier", "intervals") if tier.intervals else ("TextTier", "points")
        marks = list(_tiled(tier.marks, frames)) if tier.intervals else tier.marks
        yield f'    item [{index}]:\n        class = "{kind}"\n        name = {_string(tier.name)}\n'
        yield f"        xmin = 0\n        xmax = {end}\n        {parts}: size = {len(marks)}\n"
        for place, mark in enumerate(marks, 1):
            start, stop, text = seconds(int(mark.start)), seconds(int(mark.end)), _string(mark.text)
            lines = (f"xmin = {start}", f"xmax = {stop}", f"text = {text}")
            lines = lines if tier.intervals else (f"number = {start}", f"mark = {text}")
            yield "".join([f"        {parts} [{place}]:\n", *(f"            {line}\n" for line in lines)])


def _tiled(marks: Sequence[_Mark], frames: int) -> Iterator[_Mark]:
    """Intervals without gaps between them, as Praat requires."""
    cursor = 0
    for mark in (*marks, _Mark(frames, frames, "", 0)):
        if mark.start > cursor:
            yield _Mark(cursor, mark.start, "", 0)
        if mark.end > mark.start:
            yield mark
        cursor = int(mark.end)


def _string(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
