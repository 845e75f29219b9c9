"""Annotates a recording, stage by stage: activity, speech, events, words, speakers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from hybrid_tok.core.annotations import Annotations, Event, KnownAnnotations, SpeakerTurn, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import Aligner, Diarizer, EventTagger, Recognizer, VoiceActivityDetector
from hybrid_tok.core.progress import StageTimer
from hybrid_tok.core.recording import Recording
from hybrid_tok.core.timeline import Span, subtract_spans
from hybrid_tok.encode.activity import ActivityOptions, find_activity
from hybrid_tok.encode.channels import ChannelOptions, diarize_channels, separate_talk
from hybrid_tok.errors import BackendError

ANALYSIS_RATE = 16_000
"""Sample rate of detectors and recognizers, in Hz."""


@dataclass(frozen=True, slots=True)
class Annotator:
    """Runs the analysis backends over a recording.

    The backends are given as factories, so that a stage whose result is already known or not needed is never loaded.

    Attributes:
        events: makes the tagger; None detects no events.
        diarizer: makes the diarizer; None treats all speech as one speaker's.
        speakers: how many there are, where that is known.
        channels: how several channels are diarized; all other stages use their mix.
        sure: confidence from which an event is not passed to the diarizer.
    """

    voice_activity: Callable[[], VoiceActivityDetector]
    recognizer: Callable[[], Recognizer]
    aligner: Callable[[], Aligner]
    events: Callable[[], EventTagger] | None = None
    diarizer: Callable[[], Diarizer] | None = None
    speakers: int | None = None
    channels: ChannelOptions = ChannelOptions()
    activity: ActivityOptions = ActivityOptions()
    sure: float = 0.5

    def annotate(self, recording: Recording, audio: Audio, timer: StageTimer) -> Annotations:
        """Annotate a recording.

        Args:
            recording: what is known of it takes the place of the stages that would have made it.
            audio: the same, mono at `ANALYSIS_RATE`.

        Raises:
            OptionsError: more channels have talk of their own than there are speakers.
        """
        known, frames = recording.known, recording.frames
        active, speech, events, turns = known.active, known.speech, known.events, known.turns
        if active is None:
            with timer.stage("activity"):
                active = find_activity(audio, self.activity)
        if speech is None:
            with timer.stage("voice activity"):
                speech = self.voice_activity().detect(audio)
        if events is None:
            events = ()
            if self.events is not None:
                with timer.stage("events"):
                    events = self.events().tag(audio)
        words = self._words(audio, speech, events, known, timer)
        if turns is None:
            turns = _turns_of(words)
            if not turns and self.diarizer is not None and speech:
                with timer.stage("diarizer"):
                    turns = self._diarize(self.diarizer(), recording, audio, speech, events)
        return Annotations(
            frames=frames,
            speech=_clip(speech, frames),
            active=_clip(active, frames),
            words=words_inside(words, frames),
            events=tuple(
                replace(event, span=span) for event in events for span in _clip((event.span,), frames) if span.frames
            ),
            turns=tuple(
                replace(turn, span=span) for turn in turns for span in _clip((turn.span,), frames) if span.frames
            ),
        )

    def _diarize(
        self, diarizer: Diarizer, recording: Recording, audio: Audio, speech: Sequence[Span], events: Sequence[Event]
    ) -> tuple[SpeakerTurn, ...]:
        """Turns in each channel where they stand apart, else in the mix."""
        # The diarizer would take an event for another speaker.
        sure = [event.span for event in events if event.confidence >= self.sure]

        def find_speech(channel: Audio) -> Sequence[Span]:
            return speech if recording.known.speech is not None else self.voice_activity().detect(channel)

        apart = separate_talk(recording.channels, speech, find_speech, sure, self.channels, self.speakers)
        if apart is not None:
            return diarize_channels(diarizer, recording.channels, apart, self.speakers) if any(apart) else ()
        talk = subtract_spans(speech, sure)
        return diarizer.diarize(audio, talk, self.speakers) if talk else ()

    def _words(
        self,
        audio: Audio,
        speech: Sequence[Span],
        events: Sequence[Event],
        known: KnownAnnotations,
        timer: StageTimer,
    ) -> Sequence[Word]:
        """The given words, those of the given text, or the recognized ones."""
        if known.words is not None:
            return known.words
        if known.segments is not None:
            with timer.stage("aligner"):
                return self.aligner().align(audio, known.segments, speech, timer.progress("aligner"))
        if not speech:
            return ()
        with timer.stage("recognizer"):
            return self.recognizer().recognize(audio, speech, events, timer.progress("recognizer"))


def _turns_of(words: Sequence[Word]) -> tuple[SpeakerTurn, ...]:
    """The turns of words with speakers; none unless every word has one."""
    if any(word.speaker is None for word in words):
        return ()
    return tuple(
        SpeakerTurn(speaker or 0, Span(run[0].span.start, max(word.span.end for word in run)))
        for speaker, group in groupby(sorted(words, key=lambda word: word.span), key=lambda word: word.speaker)
        if (run := list(group))
    )


def _clip(spans: Sequence[Span], frames: int) -> tuple[Span, ...]:
    """Clip spans at the end of the recording: a detector that works in larger blocks may exceed it."""
    return tuple(Span(span.start, min(span.end, frames)) for span in spans if span.start < frames)


def words_inside(words: Sequence[Word], frames: int) -> tuple[Word, ...]:
    """Words in order of time; one that starts beyond the recording is an error, never dropped."""
    for word in words:
        if word.span.start >= frames:
            raise BackendError(
                f"word {word.text!r} starts at frame {word.span.start}, but the recording has only {frames} frames"
            )
    return tuple(
        replace(word, span=Span(word.span.start, min(word.span.end, frames)))
        for word in sorted(words, key=lambda word: word.span)
    )
