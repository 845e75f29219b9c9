"""The interleaved layout: text and units take turns, and change at word boundaries (SpiRit-LM, arXiv 2402.05755).

It is an ordinary `HybridStream`, so ids and grammar are those of the hybrid layout; only the choice is different. The
gate chooses by what it costs, this one at random, so that a model learns to go from text to speech and back.

The rule: runs of words are text and units in turn, a fair coin says what the first one is, and the number of words of
each run is geometrically distributed. A sound or silence goes with the word before it (what is before the first word
goes with that): as units after a word in units, as a pause after a word in text. Events are written with their units
in any case, as they have no words; one that is under words only is a label after them where they are text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hybrid_tok.encode.assemble import AssembleOptions, write_decisions
from hybrid_tok.encode.gate import Decision, DecisionKind
from hybrid_tok.encode.stretches import Stretch
from hybrid_tok.errors import OptionsError
from hybrid_tok.lm.layouts.aligned import AlignedSpeech
from hybrid_tok.tokens.idspace import Durations
from hybrid_tok.tokens.stream import HybridStream, Timing


@dataclass(frozen=True, slots=True)
class InterleaveOptions:
    """How text and units take turns.

    Attributes:
        text_words: mean number of words of a run of text, at least 1.
        unit_words: mean number of words of a run of units, at least 1.
        timing: `locked` writes durations and pauses, `free` neither.
        durations: in locked timing, a duration per text `run` or per `word`.
    """

    text_words: float = 5.0
    unit_words: float = 5.0
    timing: Timing = "locked"
    durations: Durations = "run"

    def __post_init__(self) -> None:
        for name in ("text_words", "unit_words"):
            if not 1.0 <= getattr(self, name) < float("inf"):
                raise OptionsError(f"{name} must be a mean number of words from 1, not {getattr(self, name)}")
        AssembleOptions(timing=self.timing, durations=self.durations)


def interleave(
    speech: AlignedSpeech,
    rng: np.random.Generator,
    options: InterleaveOptions = InterleaveOptions(),
    voices: Mapping[int, tuple[int, ...]] | None = None,
) -> HybridStream:
    """A recording with text and units in turn; the same generator state gives the same stream.

    Args:
        voices: voice codes by speaker, each written at its speaker's first turn, so that text is decoded in that voice.
    """
    modes = _modes(rng, options)
    mode = first = next(modes)
    alone = {stretch.event for stretch in speech.stretches if stretch.kind == "event"}
    decisions: list[Decision] = []
    for stretch in speech.stretches:
        if stretch.kind == "word":
            mode = first if first is not None else next(modes)
            first = None
        decisions.append(_decide(stretch, mode, stretch.event not in alone))
    assemble = AssembleOptions(timing=options.timing, durations=options.durations)
    return write_decisions(decisions, speech.num_samples, speech.grid, speech.cut, assemble, voices)


def _modes(rng: np.random.Generator, options: InterleaveOptions) -> Iterator[DecisionKind]:
    """What each word is written as."""
    text = bool(rng.integers(2))
    while True:
        for _ in range(int(rng.geometric(1.0 / (options.text_words if text else options.unit_words)))):
            yield "text" if text else "units"
        text = not text


def _decide(stretch: Stretch, mode: DecisionKind, under_words: bool) -> Decision:
    """How a stretch is written where words are.

    Args:
        under_words: its event, if it has one, is nowhere else.
    """
    reason = f"interleaved: {mode}"
    if stretch.kind == "word":
        event = stretch.event if mode == "text" and under_words and stretch.event_under else None
        label = None if event is None else event.label
        return Decision(
            stretch.span, mode, stretch.words, stretch.under, label, event, speaker=stretch.speaker, reason=reason
        )
    if stretch.kind == "event":
        assert stretch.event is not None, "an event stretch has its event"
        return Decision(stretch.span, "event", label=stretch.event.label, event=stretch.event, speaker=stretch.speaker)
    kind = mode if mode == "units" or stretch.joinable else "pause"
    return Decision(stretch.span, kind, speaker=stretch.speaker, reason=reason)
