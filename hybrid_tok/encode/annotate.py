"""Annotates a recording, stage by stage: activity, speech, passages, events, words, speakers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from hybrid_tok.core.annotations import Annotations, Event, SpeakerTurn, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.event_spans import BESIDE
from hybrid_tok.core.interfaces import Aligner, Diarizer, EventTagger, Recognizer, VoiceActivityDetector
from hybrid_tok.core.masks import spans_to_mask
from hybrid_tok.core.progress import StageTimer
from hybrid_tok.core.recording import Recording
from hybrid_tok.core.timeline import Span, subtract_spans
from hybrid_tok.core.windows import cut_windows
from hybrid_tok.encode.activity import find_activity
from hybrid_tok.encode.channels import ChannelOptions, diarize_channels, separate_talk
from hybrid_tok.encode.look_ahead import LookAhead
from hybrid_tok.encode.passages import Passage, PassageCutter, clip_events, clip_spans, clip_turns, join_over_words
from hybrid_tok.encode.voice import Listen, listen_to
from hybrid_tok.errors import BackendError

ANALYSIS_RATE = 16_000
"""Sample rate of detectors and recognizers, in Hz."""


CONTEXT = BESIDE
"""Frames before a passage that the event tagger hears."""


@dataclass(frozen=True, slots=True)
class Annotator:
    """Runs the analysis backends over a recording.

    The backends are given as factories, so that a stage whose result is already known or not needed is never loaded.

    Attributes:
        events: makes the tagger; None detects no events.
        diarizer: makes the diarizer; None treats all speech as one speaker's.
        speakers: how many there are, where that is known.
        channels: how several channels are diarized; all other stages use their mix.
        look_ahead: what each stage waits for.
        sure: confidence from which an event is not passed to the diarizer.
    """

    voice_activity: Callable[[], VoiceActivityDetector]
    recognizer: Callable[[], Recognizer]
    aligner: Callable[[], Aligner]
    events: Callable[[], EventTagger] | None = None
    diarizer: Callable[[], Diarizer] | None = None
    speakers: int | None = None
    channels: ChannelOptions = ChannelOptions()
    look_ahead: LookAhead = LookAhead()
    sure: float = 0.5

    def annotate(
        self, recording: Recording, audio: Audio, timer: StageTimer
    ) -> tuple[Annotations, tuple[Passage, ...]]:
        """Annotate a recording, and cut it into passages; no event goes over from one to another.

        Args:
            recording: what is known of it takes the place of the stages that would have made it.
            audio: the same, mono at `ANALYSIS_RATE`.

        Raises:
            OptionsError: more channels have talk of their own than there are speakers.
        """
        known, whole = recording.known, Span(0, recording.frames)
        active, speech, words, turns = known.active, known.speech, known.words, known.turns
        if active is None:
            with timer.stage("activity"):
                active = find_activity(audio, self.look_ahead.activity)
        if speech is None:
            with timer.stage("voice activity"):
                speech = self.voice_activity().detect(audio)
        if known.segments is not None:
            with timer.stage("aligner"):
                words = self.aligner().align(audio, known.segments, speech, timer.progress("aligner"))
        passages = self._passages(audio, clip_spans(speech, whole), clip_spans(active, whole), words or (), whole)
        with timer.stage("events"):
            events = self._events(audio, passages, known.events)
        if words is None:
            words = ()
            if speech:
                with timer.stage("recognizer"):
                    words = self.recognizer().recognize(audio, speech, events, timer.progress("recognizer"))
        if turns is None:
            turns = _turns_of(words)
            if not turns and self.diarizer is not None and speech:
                with timer.stage("diarizer"):
                    turns = self._diarize(self.diarizer(), recording, audio, speech, events)
        annotations = Annotations(
            frames=whole.end,
            speech=clip_spans(speech, whole),
            active=clip_spans(active, whole),
            words=words_inside(words, whole.end),
            events=clip_events(events, whole),
            turns=clip_turns(turns, whole),
        )
        return annotations, tuple(passages)

    def _passages(
        self, audio: Audio, speech: Sequence[Span], active: Sequence[Span], words: Sequence[Word], whole: Span
    ) -> list[Passage]:
        """The passages of a recording; none cuts a word that is given."""
        windows = cut_windows(audio, speech, self.look_ahead.windows)
        cutter = PassageCutter(self.look_ahead.passages)
        passages = cutter.push(windows, whole.end, spans_to_mask(active, whole.end)) + cutter.flush()
        return join_over_words(passages, words)

    def _events(self, audio: Audio, passages: Sequence[Passage], known: Sequence[Event] | None) -> tuple[Event, ...]:
        """The events of each passage."""
        if known is not None:
            return tuple(event for passage in passages for event in clip_events(known, passage.span))
        if self.events is None or not passages:
            return ()
        tagger, listen = self.events(), listen_to(audio)
        return tuple(
            event for passage in passages for event in tag_passage(tagger, listen, passage.span, self.look_ahead.events)
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


def tag_passage(tagger: EventTagger, listen: Listen, passage: Span, ahead: int) -> tuple[Event, ...]:
    """The events in a passage, heard with what is before it and `ahead` frames of what follows."""
    start = max(passage.start - CONTEXT, 0)
    heard = tagger.tag(listen(Span(start, passage.end + ahead)))
    moved = [replace(event, span=event.span.shifted(start)) for event in heard]
    return clip_events(moved, passage)


def _turns_of(words: Sequence[Word]) -> tuple[SpeakerTurn, ...]:
    """The turns of words with speakers; none unless every word has one."""
    if any(word.speaker is None for word in words):
        return ()
    return tuple(
        SpeakerTurn(speaker or 0, Span(run[0].span.start, max(word.span.end for word in run)))
        for speaker, group in groupby(sorted(words, key=lambda word: word.span), key=lambda word: word.speaker)
        if (run := list(group))
    )


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
