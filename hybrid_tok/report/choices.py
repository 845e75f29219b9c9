"""How the gate would write a recording at other rate weights: gate and assembly alone, nothing is heard again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span
from hybrid_tok.encode.assemble import write_decisions
from hybrid_tok.encode.gate import Decision, gate_passages
from hybrid_tok.encode.passages import split_annotations
from hybrid_tok.tokenizer import Analysis, HybridTokenizer
from hybrid_tok.tokens.stream import Frame, Prosody
from hybrid_tok.tokens.summary import Summary, summarize
from hybrid_tok.voice.code import NEUTRAL_CODE

WEIGHTS = (0.0, 0.003, 0.008, 0.015, 0.023, 0.04, 0.08, 0.2, math.inf)
"""From a pure codec over the default to pure text."""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A recording as the gate writes it at one rate weight.

    Attributes:
        weight: the rate weight.
        decisions: tile the recording.
        ids: as many and of the kinds that would be written; voice codes and prosody only stand for others.
        summary: its figures.
    """

    weight: float
    decisions: tuple[Decision, ...]
    ids: tuple[int, ...]
    summary: Summary


def choices(
    tokenizer: HybridTokenizer, audio: Audio, analysis: Analysis, weights: Sequence[float] = WEIGHTS
) -> tuple[Choice, ...]:
    """A recording at several rate weights, that of the analysis among them, in increasing order.

    Args:
        audio: what was analyzed, mono, at the codec's rate.

    Returns:
        One choice, that of the analysis, where the layout leaves the gate none.
    """
    own = tokenizer.options.rate_weight
    made = Choice(own, analysis.decisions, analysis.ids, analysis.summary)
    if tokenizer.options.layout != "hybrid":
        return (made,)
    encoder = tokenizer.encoder
    passages = [list(group) for _, group in groupby(analysis.decisions, key=lambda one: one.passage)]
    spans = [Span(passage[0].span.start, passage[-1].span.end) for passage in passages]
    parts = list(split_annotations(analysis.annotations, spans))
    prosody = dict.fromkeys(analysis.annotations.words, Prosody(0, 0, 0)) if encoder.prosody is not None else {}

    @cache
    def codes() -> NDArray[np.integer]:
        return encoder.codec().encode(audio.samples)[:, : tokenizer.vocabulary.options.num_codebooks]

    def cut(span: Span) -> tuple[Frame, ...]:
        return tuple(map(tuple, codes()[span.start : span.end].tolist()))

    def choose(weight: float) -> Choice:
        if weight == own:
            return made
        weighed = replace(encoder.gate, rate_weight=weight)
        decisions = gate_passages(parts, spans, weighed, encoder.count_pieces)
        voices = dict.fromkeys(_speakers(decisions), NEUTRAL_CODE) if encoder.voice is not None else {}
        stream = write_decisions(decisions, audio.num_samples, encoder.grid, cut, encoder.assemble, voices, prosody)
        ids = tuple(tokenizer.vocabulary.encode(stream))
        return Choice(weight, decisions, ids, summarize(stream, ids, tokenizer.vocabulary, audio.seconds))

    return tuple(choose(weight) for weight in sorted({*weights, own}))


def _speakers(decisions: Sequence[Decision]) -> set[int]:
    """Speakers with a voice code: those with speech."""
    spoken = {one.speaker for one in decisions if one.kind in ("text", "units")}
    return spoken | {word.speaker or 0 for one in decisions for word in one.under}
