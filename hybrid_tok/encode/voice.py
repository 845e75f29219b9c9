"""The voice codes of the speakers in a recording, each measured where that speaker talks alone for the first time.

Only the first seconds count, and those are waited for only so long, so that a stream writes a speaker's code soon, and
the same one as for the whole file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeAlias

from hybrid_tok.core.annotations import Annotations
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import FRAME_RATE, Span, frame_to_sample, merge_spans, subtract_spans
from hybrid_tok.encode.gate import Decision
from hybrid_tok.errors import OptionsError
from hybrid_tok.voice.code import quantize
from hybrid_tok.voice.measure import Embed, measure_traits

Listen: TypeAlias = Callable[[Span], Audio]
"""A part of a recording, mono at 16 kHz; what of it lies outside the recording is left out."""

_MARGIN = FRAME_RATE
"""Frames before and after the measured speech that are listened to, since pitch is tracked over more than a frame."""


@dataclass(frozen=True, slots=True)
class VoiceOptions:
    """What voices are measured on.

    Attributes:
        longest: seconds of speech to measure, the speaker's first; what comes later does not change the result.
        look_ahead: seconds from the start of the speaker's speech; passages that end later do not count, but for the
            first.
        patience: seconds that the speech of a speaker is waited for who is first heard in another way.
        shortest_span: frames below which a span is left out if there are longer ones: its uncertain ends are a large
            share of it.
        sure: confidence from which an event does not count as voice.
    """

    longest: float = 15.0
    look_ahead: float = 30.0
    patience: float = 30.0
    shortest_span: int = 15
    sure: float = 0.5

    def __post_init__(self) -> None:
        if not self.longest >= 1.0:
            raise OptionsError(f"a voice needs longest to be at least 1 s, not {self.longest}")
        if self.shortest_span < 0 or min(self.look_ahead, self.patience) < 0:
            raise OptionsError("a voice's shortest_span, look_ahead and patience must not be negative")


@dataclass(slots=True)
class SpeakerState:
    """A speaker whose voice is not written yet.

    Attributes:
        heard: frame at which the speaker was first heard.
        speech: frame at which the speech began.
        alone_heard, own_heard, alone, own: where the speaker talks: alone or not, in detected speech or not.
    """

    heard: int
    speech: int | None = None
    alone_heard: list[Span] = field(default_factory=list)
    own_heard: list[Span] = field(default_factory=list)
    alone: list[Span] = field(default_factory=list)
    own: list[Span] = field(default_factory=list)


@dataclass(slots=True)
class VoiceState:
    """What a `VoiceMeter` goes on with.

    Attributes:
        waiting: speakers who are heard and have no code yet.
        codes: of the others; None is of one who has not talked.
    """

    waiting: dict[int, SpeakerState] = field(default_factory=dict)
    codes: dict[int, tuple[int, ...] | None] = field(default_factory=dict)


class VoiceMeter:
    """Measures each speaker's voice once enough is heard of it, passage by passage.

    Args:
        embed: see `measure_traits`.
        listen: gives the audio of spans since the first speaker in `state.waiting` was heard.
    """

    def __init__(
        self, embed: Embed, listen: Listen, options: VoiceOptions = VoiceOptions(), state: VoiceState | None = None
    ) -> None:
        self._embed, self._listen, self._options = embed, listen, options
        self.state = state or VoiceState()

    def add(self, decisions: Sequence[Decision], annotations: Annotations) -> None:
        """The next passage: how it is written, and what is heard in it."""
        state = self.state
        if decisions:
            self.wait(decisions[-1].span.end)
        for one in decisions:
            if one.kind != "pause":
                self._hear(one.speaker, one.span.start)
            for word in one.under:
                self._hear(word.speaker or 0, word.span.start)
        spoken = [word.span for one in decisions for word in (*one.words, *one.under)]
        heard = merge_spans([*annotations.speech, *spoken])
        events = [event.span for event in annotations.events if event.confidence >= self._options.sure]
        for speaker in sorted(_speakers(decisions) & state.waiting.keys()):
            own = [one.span for one in decisions if one.speaker == speaker and one.kind in ("text", "units")]
            own += [word.span for one in decisions for word in one.under if word.speaker == speaker]
            alone = subtract_spans(own, [*events, *_others(speaker, decisions, annotations)])
            known = state.waiting[speaker]
            known.alone_heard += _intersection(alone, heard)
            known.own_heard += _intersection(own, heard)
            known.alone += alone
            known.own += own
            if known.speech is None:
                known.speech = min(span.start for span in own)
        if decisions:
            self._settle(decisions[-1].span.end)

    def wait(self, frame: int) -> None:
        """Measure the speakers for whom the next passage, which ends at a frame or later, comes too late."""
        for speaker, known in list(self.state.waiting.items()):
            if known.speech is not None and frame - known.speech > self._options.look_ahead * FRAME_RATE:
                self._decide(speaker, known)

    def finish(self) -> None:
        """The recording has ended: what is heard of the speakers is all there is."""
        self._settle(None)

    def _hear(self, speaker: int, frame: int) -> None:
        if speaker not in self.state.codes:
            self.state.waiting.setdefault(speaker, SpeakerState(frame))

    def _settle(self, now: int | None) -> None:
        """Measure the speakers of whom no more is waited for."""
        for speaker, known in list(self.state.waiting.items()):
            if now is None or self._is_enough(known, now):
                self._decide(speaker, known)

    def _decide(self, speaker: int, known: SpeakerState) -> None:
        """Measure a speaker on what is known."""
        spans = known.alone_heard or known.own_heard or known.alone or known.own
        self.state.codes[speaker] = self._measure(spans) if known.speech is not None else None
        del self.state.waiting[speaker]

    def _is_enough(self, known: SpeakerState, now: int) -> bool:
        options = self._options
        if known.speech is None:
            return now - known.heard >= options.patience * FRAME_RATE
        frames = sum(span.frames for span in known.alone_heard)
        return frames >= options.longest * FRAME_RATE or now - known.speech >= options.look_ahead * FRAME_RATE

    def _measure(self, spans: Sequence[Span]) -> tuple[int, ...]:
        chosen = choose_spans(spans, self._options)
        start = max(chosen[0].start - _MARGIN, 0)
        audio = self._listen(Span(start, chosen[-1].end + _MARGIN))
        moved = [span.shifted(-start) for span in chosen]
        return measure_voice(audio, moved, self._embed, self._options)


def measure_voices(
    audio: Audio,
    decisions: Sequence[Decision],
    annotations: Sequence[Annotations],
    embed: Embed,
    options: VoiceOptions = VoiceOptions(),
) -> dict[int, tuple[int, ...]]:
    """The voice code of each speaker with speech, by speaker.

    Args:
        audio: mono, 16 kHz.
        decisions: how the recording is written.
        annotations: of each of its passages.
        embed: see `measure_traits`.
    """
    meter = VoiceMeter(embed, listen_to(audio), options)
    passages = groupby(decisions, key=lambda one: one.passage)
    for (_, group), heard in zip(passages, annotations, strict=True):
        meter.add(list(group), heard)
    meter.finish()
    return {speaker: code for speaker, code in meter.state.codes.items() if code is not None}


def listen_to(audio: Audio) -> Listen:
    """Parts of a recording that is there as a whole."""
    rate = audio.sample_rate
    return lambda span: Audio(audio.samples[frame_to_sample(span.start, rate) : frame_to_sample(span.end, rate)], rate)


def _speakers(decisions: Sequence[Decision]) -> set[int]:
    """Speakers with speech in the decisions."""
    spoken = {one.speaker for one in decisions if one.kind in ("text", "units")}
    return spoken | {word.speaker or 0 for one in decisions for word in one.under}


def _others(speaker: int, decisions: Sequence[Decision], annotations: Annotations) -> list[Span]:
    """Where other speakers talk."""
    turns = [turn.span for turn in annotations.turns if turn.speaker != speaker]
    return turns + [word.span for one in decisions for word in one.under if word.speaker != speaker]


def _intersection(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """The intersection."""
    return subtract_spans(spans, subtract_spans(spans, others))


def measure_voice(
    audio: Audio, spans: Sequence[Span], embed: Embed, options: VoiceOptions = VoiceOptions()
) -> tuple[int, ...]:
    """The voice code (integers from 0 to 63; see `voice.code`) of the speaker of the spans.

    The same samples and spans always give the same code. In silence it is `NEUTRAL_CODE`, and with less than 0.12 s of
    voiced speech, as in noise, that with the level there; a trait that cannot be measured has its neutral value.

    Args:
        audio: mono, 16 kHz.
        spans: where only this speaker talks.
        embed: see `measure_traits`.
    """
    if audio.samples.ndim != 1:
        raise ValueError(f"a voice is measured on mono samples (N,), not {audio.samples.shape}")
    return quantize(measure_traits(audio, choose_spans(spans, options), embed))


def choose_spans(spans: Sequence[Span], options: VoiceOptions = VoiceOptions()) -> list[Span]:
    """The first `options.longest` seconds of the spans."""
    chosen: list[Span] = []
    left = round(options.longest * FRAME_RATE)
    for span in sorted(span for span in spans if span.frames >= options.shortest_span) or sorted(spans):
        if left <= 0:
            break
        chosen.append(Span(span.start, min(span.end, span.start + left)))
        left -= chosen[-1].frames
    return chosen
