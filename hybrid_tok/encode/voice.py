"""The voice code of a speaker, from what the speaker says in a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hybrid_tok.audio import Audio
from hybrid_tok.errors import OptionsError
from hybrid_tok.timeline import FRAME_RATE, Span
from hybrid_tok.voice.code import quantize
from hybrid_tok.voice.measure import measure_traits


@dataclass(frozen=True, slots=True)
class VoiceOptions:
    """How much is listened to.

    Attributes:
        longest: seconds of speech that are measured, taken evenly from all there is; a voice is known by then.
        shortest_span: frames of a stretch below which it is left out while there are longer ones: its ends are
            uncertain, and a larger share of it.
    """

    longest: float = 120.0
    shortest_span: int = 15

    def __post_init__(self) -> None:
        if not self.longest >= 1.0:
            raise OptionsError(f"a voice needs longest to be at least 1 s, not {self.longest}")
        if self.shortest_span < 0:
            raise OptionsError(f"shortest_span must not be negative, not {self.shortest_span}")


def measure_voice(audio: Audio, spans: Sequence[Span], options: VoiceOptions = VoiceOptions()) -> tuple[int, ...]:
    """The voice code (8 integers, 0 to 63; see `voice.code`) of the speaker heard in the spans.

    The same samples and spans always give the same code. With less than 0.12 s of voice, and in silence and noise, it is
    `NEUTRAL_CODE`; a trait that cannot be told has its neutral value.

    Args:
        audio: mono, 16 kHz.
        spans: where this speaker, and nobody else, is heard.
    """
    if audio.samples.ndim != 1:
        raise ValueError(f"a voice is measured on mono samples (N,), not {audio.samples.shape}")
    return quantize(measure_traits(audio, choose_spans(spans, options)))


def choose_spans(spans: Sequence[Span], options: VoiceOptions = VoiceOptions()) -> list[Span]:
    """At most `options.longest` seconds of the spans, evenly over the recording: an equal share of each."""
    chosen = sorted(span for span in spans if span.frames >= options.shortest_span) or sorted(spans)
    most = round(options.longest * FRAME_RATE)
    total = sum(span.frames for span in chosen)
    if total <= most:
        return chosen
    # Whole spans, evenly spaced, since cutting each would leave nothing but scraps; only a long one is cut.
    kept: list[Span] = []
    credit = 0.0
    for span in chosen:
        credit += span.frames * most / total
        if credit >= min(span.frames, 10 * FRAME_RATE):
            frames = min(span.frames, int(credit))
            kept.append(Span(span.start, span.start + frames))
            credit -= frames
    return kept or [Span(chosen[0].start, chosen[0].start + most)]
