"""How it is said: a voice code for each speaker, prosody for each word that is written as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hybrid_tok.annotations import Annotations, Word
from hybrid_tok.audio import Audio, resample
from hybrid_tok.encode.annotate import ANALYSIS_RATE
from hybrid_tok.encode.gate import Decision
from hybrid_tok.stage import StageClock
from hybrid_tok.stream import Prosody
from hybrid_tok.timeline import Span, merge_spans, subtract_spans


@dataclass(frozen=True, slots=True)
class DescribeOptions:
    """Whether to write voice codes, and prosody."""

    voice: bool = False
    prosody: bool = False


def describe(
    audio: Audio, annotations: Annotations, decisions: Sequence[Decision], options: DescribeOptions, clock: StageClock
) -> tuple[Mapping[int, tuple[int, ...]], Mapping[Word, Prosody]]:
    """Voice codes by speaker, and the prosody of words; both empty where not asked for.

    A voice is needed to speak text, so only speakers with words written as text get one.

    Args:
        audio: mono; the recording that the annotations are of.
    """
    spoken = [
        (word, decision.speaker if word in decision.words else word.speaker or 0)
        for decision in decisions
        if decision.kind == "text"
        for word in (*decision.words, *decision.under)
    ]
    if not spoken or not (options.voice or options.prosody):
        return {}, {}
    listening = resample(audio, ANALYSIS_RATE)
    voices: dict[int, tuple[int, ...]] = {}
    prosody: dict[Word, Prosody] = {}
    if options.voice:
        from hybrid_tok.encode.voice import measure_voice

        with clock.stage("voice"):
            for speaker in sorted({speaker for _, speaker in spoken}):
                voices[speaker] = measure_voice(listening, _heard_alone(speaker, annotations, spoken))
    if options.prosody:
        from hybrid_tok.encode.prosody import measure_prosody

        with clock.stage("prosody"):
            words = [word for word, _ in spoken]
            measured = measure_prosody(listening, words, [speaker for _, speaker in spoken])
            prosody = {word: bins for word, bins in zip(words, measured, strict=True) if bins is not None}
    return voices, prosody


def _heard_alone(speaker: int, annotations: Annotations, spoken: Sequence[tuple[Word, int]]) -> Sequence[Span]:
    """Where a speaker speaks and nobody else: of the turns, or of the words where there are no turns."""
    if not annotations.turns:
        return merge_spans([word.span for word, who in spoken if who == speaker])
    own = [turn.span for turn in annotations.turns if turn.speaker == speaker]
    alone = subtract_spans(own, (turn.span for turn in annotations.turns if turn.speaker != speaker))
    # One who is never heard alone is described by what there is.
    return alone or merge_spans(own) or merge_spans([word.span for word, who in spoken if who == speaker])
