"""Annotations of a recording: the results of recognizers, taggers and diarizers, which the gate reads."""

from __future__ import annotations

from dataclasses import dataclass

from hybrid_tok.core.events import EventLabel
from hybrid_tok.core.languages import check_language
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import OptionsError


@dataclass(frozen=True, slots=True)
class Word:
    """A recognized word.

    Attributes:
        text: the word as it is to be written, without surrounding space.
        span: where it was said, in frames of the recording.
        confidence: probability in [0, 1] that the word is right.
        speaker: who said it, where that is known with the word itself; None leaves it to the turns.
        language: a code of `core.languages`; None where it is not known.

    Raises:
        ValueError: the text or the confidence is invalid.
        OptionsError: there is no such language.
    """

    text: str
    span: Span
    confidence: float
    speaker: int | None = None
    language: str | None = None

    def __post_init__(self) -> None:
        if not self.text or self.text != self.text.strip():
            raise ValueError(f"a word must be non-empty without surrounding space, not {self.text!r}")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence of {self.text!r} must be in [0, 1], not {self.confidence}")
        if self.language is not None:
            check_language(self.language)


@dataclass(frozen=True, slots=True)
class Event:
    """A non-lexical vocalization in the recording, with the probability that it is there."""

    label: EventLabel
    span: Span
    confidence: float


@dataclass(frozen=True, slots=True)
class SpeakerTurn:
    """A stretch in which a speaker talks; turns of different speakers may overlap."""

    speaker: int
    span: Span


def check_speaker_count(speakers: int | None) -> None:
    """Raises `OptionsError` for a number of speakers to tell apart that is none."""
    if speakers is not None and speakers < 1:
        raise OptionsError(f"speakers={speakers}: give 1 or more, or None to have them counted")


@dataclass(frozen=True, slots=True)
class Annotations:
    """Everything the gate knows about a recording; it never sees the audio. All in frames of 20 ms.

    Attributes:
        frames: length of the recording in frames, the last one possibly partial (`timeline.count_frames`).
        speech: where the voice activity detector finds speech; sorted, disjoint.
        active: where something is audible above the recording's noise floor; sorted, disjoint.
        words: in order of start; words of one speaker do not overlap.
        events: in order of start.
        turns: who speaks when, in order of start; empty without diarization (one speaker).
    """

    frames: int
    speech: tuple[Span, ...] = ()
    active: tuple[Span, ...] = ()
    words: tuple[Word, ...] = ()
    events: tuple[Event, ...] = ()
    turns: tuple[SpeakerTurn, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """Text without times of its words: a subtitle, or a transcript (then the whole recording is its span).

    Attributes:
        text: as people write it, with punctuation, numbers and abbreviations.
        span: where it was said; None where nothing is known.
        speaker: who said it, where that is known.
        source: where the text came from, for messages: "talk.srt, line 12".
        language: a code of `core.languages`; None where it is not known.

    Raises:
        OptionsError: there is no such language.
    """

    text: str
    span: Span | None = None
    speaker: int | None = None
    source: str = ""
    language: str | None = None

    def __post_init__(self) -> None:
        if self.language is not None:
            check_language(self.language)


@dataclass(frozen=True, slots=True)
class KnownAnnotations:
    """Annotations that are known beforehand. A given part replaces the result of the stage that makes it; None leaves
    the part to that stage.

    Attributes:
        words: with times, in place of the recognizer's.
        segments: text without word times, in place of the recognizer's words, once it is aligned to the audio.
        events: in place of the tagger's.
        turns: in place of the diarizer's.
        speech, active: in place of the voice activity detector's, and of the audible stretches.
    """

    words: tuple[Word, ...] | None = None
    segments: tuple[Segment, ...] | None = None
    events: tuple[Event, ...] | None = None
    turns: tuple[SpeakerTurn, ...] | None = None
    speech: tuple[Span, ...] | None = None
    active: tuple[Span, ...] | None = None

    def __post_init__(self) -> None:
        if self.words is not None and self.segments is not None:
            raise ValueError("words with times and segments to be aligned were both given; give one of them")

    @classmethod
    def everything(cls, annotations: Annotations) -> KnownAnnotations:
        """All parts of `annotations`, so that no stage has to run."""
        return cls(
            words=annotations.words,
            events=annotations.events,
            turns=annotations.turns,
            speech=annotations.speech,
            active=annotations.active,
        )
