"""What was heard in a recording: the values that recognizers, taggers and diarizers give and the gate reads."""

from __future__ import annotations

from dataclasses import dataclass

from hybrid_tok.events import EventLabel
from hybrid_tok.timeline import Span


@dataclass(frozen=True, slots=True)
class Word:
    """A recognized word.

    Attributes:
        text: the word as it is to be written, without surrounding space.
        span: where it was said, in frames of the recording.
        confidence: probability in [0, 1] that the word is right.
    """

    text: str
    span: Span
    confidence: float

    def __post_init__(self) -> None:
        if not self.text or self.text != self.text.strip():
            raise ValueError(f"a word must be non-empty without surrounding space, not {self.text!r}")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence of {self.text!r} must be in [0, 1], not {self.confidence}")


@dataclass(frozen=True, slots=True)
class Event:
    """A non-lexical vocalization heard in the recording, with the probability that it is there."""

    label: EventLabel
    span: Span
    confidence: float


@dataclass(frozen=True, slots=True)
class SpeakerTurn:
    """A stretch in which a speaker is heard; turns of different speakers may overlap."""

    speaker: int
    span: Span


@dataclass(frozen=True, slots=True)
class Annotations:
    """Everything the gate knows about a recording; it never sees the audio.

    Attributes:
        frames: length of the recording in frames, the last one possibly partial: ceil(samples / hop).
        speech: where the voice activity detector hears speech; sorted, disjoint.
        active: where something is audible above the recording's own noise floor; sorted, disjoint.
        words: in order of start; words of one speaker do not overlap.
        events: in order of start.
        turns: who speaks when, in order of start; empty when nobody was told apart (one speaker).
    """

    frames: int
    speech: tuple[Span, ...] = ()
    active: tuple[Span, ...] = ()
    words: tuple[Word, ...] = ()
    events: tuple[Event, ...] = ()
    turns: tuple[SpeakerTurn, ...] = ()
