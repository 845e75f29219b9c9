"""What a file says, before it is put on the time grid: times in seconds, speakers by name, each with its place.

Readers only take a file apart. What is wrong with the times, and what is done about it, is the business of `place`,
the same for every format.
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
    """Text of which only the whole has times, in seconds."""

    text: str
    start: float
    end: float
    speaker: str | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """A labelled stretch that may be an event: what the label means is found out later."""

    label: str
    start: float
    end: float
    confidence: float | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """A stretch in which a speaker is heard."""

    speaker: str
    start: float
    end: float
    where: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """All that a file says. A part is None where the file says nothing of the kind, and empty where there is none.

    Attributes:
        format: its name, for people.
        notes: labels that stood among the words, such as "[Music]" in a subtitle. They are no words.
        language: of the words, a code of `core.languages`; None where the file has none that is known.
    """

    format: str
    words: tuple[WordRecord, ...] | None = None
    segments: tuple[SegmentRecord, ...] | None = None
    labels: tuple[LabelRecord, ...] | None = None
    turns: tuple[TurnRecord, ...] | None = None
    notes: tuple[LabelRecord, ...] = ()
    language: str | None = None
