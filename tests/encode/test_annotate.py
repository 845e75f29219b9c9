"""Which stage runs, and what takes the place of one that does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from hybrid_tok.core.annotations import Annotations, Event, KnownAnnotations, Segment, SpeakerTurn, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.progress import StageTimer
from hybrid_tok.core.recording import Recording
from hybrid_tok.core.timeline import Span
from hybrid_tok.encode.annotate import Annotator
from hybrid_tok.encode.channels import ChannelOptions, ChannelUse
from hybrid_tok.errors import BackendError, OptionsError

HEARD = Annotations(
    frames=100,
    speech=(Span(0, 100),),
    active=(Span(10, 60),),
    words=(Word("hi", Span(10, 20), 0.9),),
    events=(Event("laugh", Span(40, 60), 0.8),),
    turns=(SpeakerTurn(0, Span(5, 90)),),
)


@dataclass
class Listener:
    """Every listening backend at once; notes who was asked, and what for."""

    asked: list[str] = field(default_factory=list)
    segments: Sequence[Segment] = ()
    recognized_under: tuple[Event, ...] | None = None
    answer: Annotations = HEARD
    diarized: list[tuple[tuple[Span, ...], int | None]] = field(default_factory=list)

    def make(self, stage: str) -> Any:
        self.asked.append(stage)
        return self

    def detect(self, audio: Audio) -> tuple[Span, ...]:
        return self.answer.speech

    def recognize(
        self, audio: Audio, speech: Sequence[Span], events: Sequence[Event] = (), progress: object = None
    ) -> tuple[Word, ...]:
        self.recognized_under = tuple(events)
        return self.answer.words

    def align(
        self, audio: Audio, segments: Sequence[Segment], speech: Sequence[Span], progress: object = None
    ) -> tuple[Word, ...]:
        self.segments = segments
        return (Word("aligned", Span(30, 40), 1.0),)

    def tag(self, audio: Audio) -> tuple[Event, ...]:
        return self.answer.events

    def diarize(self, audio: Audio, speech: Sequence[Span], speakers: int | None = None) -> tuple[SpeakerTurn, ...]:
        self.diarized.append((tuple(speech), speakers))
        return self.answer.turns


def annotate(
    listener: Listener,
    known: KnownAnnotations | None = None,
    frames: int = 100,
    events: bool = True,
    diarize: bool = True,
    channels: Sequence[Audio] = (),
    use: ChannelUse = "auto",
    speakers: int | None = None,
) -> Annotations:
    annotator = Annotator(
        voice_activity=lambda: listener.make("voice activity"),
        recognizer=lambda: listener.make("recognizer"),
        aligner=lambda: listener.make("aligner"),
        events=(lambda: listener.make("events")) if events else None,
        diarizer=(lambda: listener.make("diarizer")) if diarize else None,
        speakers=speakers,
        channels=ChannelOptions(use),
    )
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, frames * 320).astype(np.float32)
    audio = Audio(samples, 16_000)
    return annotator.annotate(Recording.of(audio, known, tuple(channels)), audio, StageTimer())[0]


def test_every_stage_is_asked_once() -> None:
    listener = Listener()
    heard = annotate(listener)
    assert listener.asked == ["voice activity", "events", "recognizer", "diarizer"]
    assert listener.recognized_under == HEARD.events
    assert (heard.words, heard.events, heard.turns) == (HEARD.words, HEARD.events, HEARD.turns)


def test_stages_that_are_turned_off_do_not_run() -> None:
    listener = Listener()
    heard = annotate(listener, events=False, diarize=False)
    assert listener.asked == ["voice activity", "recognizer"]
    assert (heard.events, heard.turns) == ((), ())


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        (KnownAnnotations(words=()), ["voice activity", "events", "diarizer"]),
        (KnownAnnotations(segments=(Segment("a b"),)), ["voice activity", "aligner", "events", "diarizer"]),
        (KnownAnnotations(events=()), ["voice activity", "recognizer", "diarizer"]),
        (KnownAnnotations(turns=()), ["voice activity", "events", "recognizer"]),
        (KnownAnnotations(speech=(Span(0, 100),), active=()), ["events", "recognizer", "diarizer"]),
        (KnownAnnotations.everything(HEARD), []),
    ],
)
def test_what_is_known_takes_the_place_of_its_stage(known: KnownAnnotations, asked: list[str]) -> None:
    listener = Listener()
    annotate(listener, known)
    assert listener.asked == asked


def test_everything_known_comes_back_as_it_was() -> None:
    assert annotate(Listener(), KnownAnnotations.everything(HEARD)) == HEARD


def test_the_aligner_gets_the_segments() -> None:
    listener = Listener()
    segments = (Segment("one two", Span(0, 50)), Segment("three"))
    heard = annotate(listener, KnownAnnotations(segments=segments))
    assert listener.segments == segments
    assert [word.text for word in heard.words] == ["aligned"]


def test_words_with_speakers_make_the_turns() -> None:
    words = (
        Word("a", Span(0, 5), 1.0, speaker=1),
        Word("b", Span(5, 9), 1.0, speaker=1),
        Word("c", Span(7, 20), 1.0, speaker=0),
    )
    listener = Listener()
    assert annotate(listener, KnownAnnotations(words=words)).turns == (
        SpeakerTurn(1, Span(0, 9)),
        SpeakerTurn(0, Span(7, 20)),
    )
    assert "diarizer" not in listener.asked
    annotate(listener, KnownAnnotations(words=(*words, Word("d", Span(30, 40), 1.0))))
    assert "diarizer" in listener.asked, "one word without a speaker, and all must be told apart"


def test_silence_is_neither_recognized_nor_diarized() -> None:
    listener = Listener(answer=Annotations(100))
    annotate(listener)
    assert listener.asked == ["voice activity", "events"]


def two_sides() -> tuple[Audio, Audio]:
    """The first half of two seconds is left's, the second half right's."""
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 32_000)).astype(np.float32)
    noise[0, 16_000:] *= 1e-3
    noise[1, :16_000] *= 1e-3
    return Audio(noise[0], 16_000), Audio(noise[1], 16_000)


def test_sides_are_diarized_by_themselves_without_what_leaks_in_and_without_their_events() -> None:
    listener = Listener(answer=replace(HEARD, events=(Event("laugh", Span(20, 40), 0.8),)))
    heard = annotate(listener, channels=two_sides())
    assert listener.asked.count("diarizer") == 1 and listener.asked.count("voice activity") == 3
    (left, none), (right, _) = listener.diarized
    assert none is None
    assert left[0] == Span(0, 20) and left[1].start == 40 and abs(left[1].end - 50) <= 6
    assert len(right) == 1 and abs(right[0].start - 50) <= 6 and right[0].end == 100
    assert [turn.speaker for turn in heard.turns] == [0, 1]


def test_channels_are_mixed_where_that_is_asked_for_and_where_they_are_the_same() -> None:
    left, right = two_sides()
    both = Audio(left.samples + right.samples, 16_000)
    softer = Audio(both.samples * np.float32(0.5), 16_000)
    for channels, use in (((left, right), "mix"), ((both, softer), "auto"), ((both,), "auto")):
        listener = Listener()
        annotate(listener, channels=channels, use=use)
        assert listener.diarized == [((Span(0, 40), Span(60, 100)), None)]


def test_the_number_of_speakers_is_that_of_the_whole_recording() -> None:
    for speakers, each in ((2, [1, 1]), (3, [None, 2])):
        listener = Listener()
        annotate(listener, channels=two_sides(), use="separate", speakers=speakers)
        assert [of for _, of in listener.diarized] == each
    listener = Listener()
    annotate(listener, channels=two_sides(), speakers=1)
    assert listener.diarized == [((Span(0, 40), Span(60, 100)), 1)], "one speaker: these are no sides"
    with pytest.raises(OptionsError, match="speakers=1, but 2 channels have speech"):
        annotate(Listener(), channels=two_sides(), use="separate", speakers=1)


def test_speech_and_turns_that_are_known_are_those_of_the_channels_too() -> None:
    listener = Listener()
    annotate(listener, KnownAnnotations(speech=(Span(0, 100),)), channels=two_sides(), use="separate")
    assert "voice activity" not in listener.asked and len(listener.diarized) == 2
    listener = Listener()
    annotate(listener, KnownAnnotations(turns=()), channels=two_sides(), use="separate")
    assert listener.diarized == []


def test_what_reaches_over_the_end_is_cut_and_what_lies_beyond_is_refused() -> None:
    heard = annotate(Listener(), frames=50)
    assert heard.events == (Event("laugh", Span(40, 50), 0.8),)
    assert heard.turns == (SpeakerTurn(0, Span(5, 50)),)
    assert heard.speech == (Span(0, 50),)
    with pytest.raises(BackendError, match="word 'late' starts at frame 70"):
        annotate(Listener(), KnownAnnotations(words=(Word("late", Span(70, 80), 1.0),)), frames=50)


def test_words_and_segments_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="give one of them"):
        KnownAnnotations(words=(), segments=())
