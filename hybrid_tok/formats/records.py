"""The content of a file before it is put on the time grid: times in seconds, speakers by name, each with its place.

Readers only parse. `place` checks and repairs the times, in the same way for every format.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WordRecord:
    """A word.

    Attributes:
        start, end: seconds; both None where the file has the word without times.
        confidence: in [0, 1]; None where the file has none.
        speaker: a name; None where the file has none.
        where: its place, for messages: "talk.ctm, line 3".
        inside: start and end of the segment it is in, for words without times.
    """

    text: str
    start: float | None
    end: float | None
    confidence: float | None = None
    speaker: str | None = None
    where: str = ""
    inside: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """Text with a start and an end in seconds, but no times of its words."""

    text: str
    start: float
    end: float
    speaker: str | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """A labelled stretch that may be an event: the label is interpreted later."""

    label: str
    start: float
    end: float
    confidence: float | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """A stretch in which a speaker talks."""

    speaker: str
    start: float
    end: float
    where: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a file. A part is None if the format or file does not have it, and empty if it has no entries.

    Attributes:
        format: its name, for messages.
        notes: labels among the words that are not words, such as "[Music]" in a subtitle.
        language: of the words, a code of `core.languages`; None if the file has none that is known.
    """

    format: str
    words: tuple[WordRecord, ...] | None = None
    segments: tuple[SegmentRecord, ...] | None = None
    labels: tuple[LabelRecord, ...] | None = None
    turns: tuple[TurnRecord, ...] | None = None
    notes: tuple[LabelRecord, ...] = ()
    language: str | None = None
