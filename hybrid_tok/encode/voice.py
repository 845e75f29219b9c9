"""The voice codes of the speakers in a recording, each measured where that speaker talks alone for the first time.

Only the first seconds count, so that a stream can write a speaker's code soon, and the same one as for the whole file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hybrid_tok.core.annotations import Annotations
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import FRAME_RATE, Span, merge_spans, subtract_spans
from hybrid_tok.encode.gate import Decision
from hybrid_tok.errors import OptionsError
from hybrid_tok.voice.code import quantize
from hybrid_tok.voice.measure import Embed, measure_traits


@dataclass(frozen=True, slots=True)
class VoiceOptions:
    """What voices are measured on.

    Attributes:
        longest: seconds of speech to measure, the speaker's first; what comes later does not change the result.
        shortest_span: frames below which a span is left out if there are longer ones: its uncertain ends are a large
            share of it.
        sure: confidence from which an event does not count as voice.
    """

    longest: float = 15.0
    shortest_span: int = 15
    sure: float = 0.5

    def __post_init__(self) -> None:
        if not self.longest >= 1.0:
            raise OptionsError(f"a voice needs longest to be at least 1 s, not {self.longest}")
        if self.shortest_span < 0:
            raise OptionsError(f"shortest_span must not be negative, not {self.shortest_span}")


def measure_voices(
    audio: Audio,
    decisions: Sequence[Decision],
    annotations: Annotations,
    embed: Embed,
    options: VoiceOptions = VoiceOptions(),
) -> dict[int, tuple[int, ...]]:
    """The voice code of each speaker with speech, by speaker.

    Args:
        audio: mono, 16 kHz.
        decisions: how the recording is written.
        annotations: of the recording.
        embed: see `measure_traits`.
    """
    heard = merge_spans([*annotations.speech, *(word.span for one in decisions for word in (*one.words, *one.under))])
    events = [event.span for event in annotations.events if event.confidence >= options.sure]
    voices: dict[int, tuple[int, ...]] = {}
    for speaker in sorted(_speakers(decisions)):
        own = [one.span for one in decisions if one.speaker == speaker and one.kind in ("text", "units")]
        own += [word.span for one in decisions for word in one.under if word.speaker == speaker]
        alone = subtract_spans(own, [*events, *_others(speaker, decisions, annotations)])
        spans = _intersection(alone, heard) or _intersection(own, heard) or alone or own
        voices[speaker] = measure_voice(audio, spans, embed, options)
    return voices


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
