"""What is heard in a recording, stage by stage: activity, speech, words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hybrid_tok.annotations import Annotations, Word
from hybrid_tok.audio import Audio
from hybrid_tok.encode.activity import ActivityOptions, find_activity
from hybrid_tok.errors import BackendError
from hybrid_tok.interfaces import Recognizer, VoiceActivityDetector
from hybrid_tok.stage import StageClock
from hybrid_tok.timeline import Span

ANALYSIS_RATE = 16_000
"""Detectors and recognizers all listen at this rate."""


@dataclass(frozen=True, slots=True)
class Annotator:
    """Runs the listening backends over a recording.

    The backends are given as factories, so that a stage whose result is already known, or that nobody asks for,
    is never even loaded.
    """

    voice_activity: Callable[[], VoiceActivityDetector]
    recognizer: Callable[[], Recognizer]
    activity: ActivityOptions = ActivityOptions()

    def annotate(
        self, audio: Audio, frames: int, clock: StageClock, words: Sequence[Word] | None = None
    ) -> Annotations:
        """Annotate mono audio at 16 kHz that covers `frames` frames.

        Args:
            words: words known from elsewhere; they take the recognizer's place.
        """
        with clock.stage("activity"):
            active = find_activity(audio, self.activity)
        with clock.stage("voice activity"):
            speech = self.voice_activity().detect(audio)
        if words is None:
            with clock.stage("recognizer"):
                words = self.recognizer().recognize(audio, speech, clock.progress("recognizer")) if speech else ()
        return Annotations(
            frames=frames,
            speech=_clip(speech, frames),
            active=_clip(active, frames),
            words=_inside(words, frames),
        )


def _clip(spans: Sequence[Span], frames: int) -> tuple[Span, ...]:
    """Cut spans off at the end of the recording: a detector that works in larger blocks may run over it."""
    return tuple(Span(span.start, min(span.end, frames)) for span in spans if span.start < frames)


def _inside(words: Sequence[Word], frames: int) -> tuple[Word, ...]:
    """Words in order of time; one that starts beyond the recording is an error, never dropped."""
    for word in words:
        if word.span.start >= frames:
            raise BackendError(
                f"word {word.text!r} starts at frame {word.span.start}, but the recording has only {frames} frames"
            )
    return tuple(
        Word(word.text, Span(word.span.start, min(word.span.end, frames)), word.confidence)
        for word in sorted(words, key=lambda word: word.span)
    )
