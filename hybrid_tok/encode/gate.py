"""The gate: text, units or silence for each stretch of a recording, chosen by dynamic programming.

It minimises

    sum(distortion) + rate_weight * sum(tokens) + switch_cost * switches

over all ways to write the recording, exactly. Distortion is counted in words lost or wrong, a word being 0.3 s of
speech, so that `rate_weight` is the number of words one is ready to lose to save a token. A switch is a change
from text to units or back, whatever silence lies between.

The gate sees annotations only, never audio, and is a pure function of them and its options. A recording is gated
passage by passage (`encode.passages`), each after what was chosen before it, so that a stream is gated as a file is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.annotations import Annotations, Event, Word
from hybrid_tok.core.events import EventLabel
from hybrid_tok.core.spacing import join_words
from hybrid_tok.core.timeline import FRAME_RATE, Span
from hybrid_tok.encode.stretches import Stretch, StretchOptions, find_stretches
from hybrid_tok.errors import OptionsError
from hybrid_tok.nn.viterbi import best_path, min_marginals

DecisionKind: TypeAlias = Literal["text", "units", "event", "tag", "pause"]

FRAMES_PER_WORD = 15
"""0.3 s, the length of an English word in fluent speech; distortion is counted in words of this length."""


@dataclass(frozen=True, slots=True)
class GateOptions:
    """What the gate weighs. Losses are fractions in [0, 1] of what there is to lose in a stretch.

    Attributes:
        rate_weight: words one is ready to lose to save one token: 0 writes everything as units (a pure codec),
            infinity nothing (pure text: units are forbidden, then tokens are saved first of all).
        switch_cost: words a change between text and units counts for.
        layout: `hybrid`; `text` forbids units, `units` forbids everything else.
        num_codebooks: unit tokens per frame of the codec. Events are counted at this price even where they are written
            with fewer: what is called an event should not depend on how its units are written.
        frame_rate: frames of the codec per second. All other frames are of 20 ms.
        voice_loss: lost of a right word by writing it as text: the voice, and how it was said.
        unit_loss: lost of anything by writing it as units, to the codec.
        label_loss: lost of an event whose label is left out, or wrong.
        tag_loss: lost of an event of which only the label is written: all of its sound.
        overlay_loss: lost of an event under words that are text, where its label is written over them.
        overlap_loss: lost of a second speaker of whom no words are known, by writing the first one's as text.
        wrong_word: words that a wrong word costs at least, however short it is. What a recognizer gets wrong is rarely
            understood as units either (`benchmarks/resynthesis.py`), so that this is not much more than a word.
        noise_loss: lost of a short sound that is neither speech nor an event (the hiss at the edge of a sentence) by
            writing nothing. Longer sounds count for more.
        long_sound: frames from which such a sound counts whole, as music does, and is kept.
        silence_loss: words there are to lose per 0.3 s of silence, that is, room tone.
        unit_padding: frames by which unit runs reach into silence beside them, so that nothing is cut off.
        stretches: how the recording is cut into stretches.
    """

    rate_weight: float = 0.023
    switch_cost: float = 0.1
    layout: Literal["hybrid", "text", "units"] = "hybrid"
    num_codebooks: int = 2
    frame_rate: Fraction = Fraction(FRAME_RATE)
    voice_loss: float = 0.05
    unit_loss: float = 0.03
    label_loss: float = 0.5
    tag_loss: float = 1.0
    overlay_loss: float = 0.7
    overlap_loss: float = 0.7
    wrong_word: float = 1.2
    noise_loss: float = 0.2
    long_sound: int = 150
    silence_loss: float = 0.003
    unit_padding: int = 2
    stretches: StretchOptions = field(default_factory=StretchOptions)

    def __post_init__(self) -> None:
        if not self.rate_weight >= 0.0:
            raise OptionsError(f"rate_weight must be from 0 to infinity, not {self.rate_weight}")
        if not (self.switch_cost >= 0.0 and math.isfinite(self.switch_cost)):
            raise OptionsError(f"switch_cost must be at least 0 and finite, not {self.switch_cost}")
        if self.layout not in ("hybrid", "text", "units"):
            raise OptionsError(f"layout must be hybrid, text or units, not {self.layout!r}")
        if self.num_codebooks < 1:
            raise OptionsError(f"num_codebooks must be at least 1, not {self.num_codebooks}")
        if not self.frame_rate > 0:
            raise OptionsError(f"frame_rate must be above 0, not {self.frame_rate}")
        if not 0.0 <= self.unit_loss < min(self.voice_loss, self.tag_loss) <= 1.0:
            raise OptionsError("units must lose less than text and tags do: 0 <= unit_loss < voice_loss, tag_loss <= 1")
        if not 0.0 < self.silence_loss <= 1.0 or not 0.0 <= self.label_loss <= 1.0 or self.tag_loss > 1.0:
            raise OptionsError("silence_loss must be in (0, 1], label_loss and tag_loss in [0, 1]")
        if not self.unit_loss < self.noise_loss <= 1.0:
            raise OptionsError(f"noise_loss must be above unit_loss and at most 1, not {self.noise_loss}")
        if (
            not (0.0 <= self.overlap_loss <= 1.0 and 0.0 <= self.overlay_loss <= 1.0)
            or not 0.0 <= self.wrong_word <= 10.0
        ):
            raise OptionsError("overlap_loss and overlay_loss must be in [0, 1], wrong_word in [0, 10]")
        if self.unit_padding < 0 or self.long_sound < 1:
            raise OptionsError(
                f"unit_padding must be at least 0 frames, long_sound 1: {self.unit_padding}, {self.long_sound}"
            )

    @property
    def unit_tokens(self) -> float:
        """Unit tokens per 20 ms."""
        return float(self.num_codebooks * self.frame_rate / FRAME_RATE)


@dataclass(frozen=True, slots=True)
class Decision:
    """How a stretch is written, and why.

    Attributes:
        span: the frames of 20 ms it covers; decisions tile the recording.
        kind: `text`, `units`, `event` (label with units), `tag` (label alone, then silence) or `pause`.
        words: the recognized words, also where they are written as units; a text decision without words is a short gap
            in the run of words around it.
        under: words of other speakers at the same time: text over the text, or part of the same units.
        label: of an event or a tag; of a text decision, of an event under the words that is written over them as a
            label.
        event: where that event is; adjacent decisions on the same one are written as one event.
        speaker: of the stretch.
        passage: number of the passage it is part of; nothing written goes over from one to another but units.
        reason: one readable part of a sentence, with the numbers.
        cost: distortion + rate_weight * tokens of the stretch standing alone (distortion alone when rate_weight is
            infinite).
        alternative: that, and what the whole recording would cost more with this stretch in the next best form;
            infinite when there was no other.
    """

    span: Span
    kind: DecisionKind
    words: tuple[Word, ...] = ()
    under: tuple[Word, ...] = ()
    label: EventLabel | None = None
    event: Event | None = None
    speaker: int = 0
    passage: int = 0
    reason: str = ""
    cost: float = 0.0
    alternative: float = math.inf


FORMS: tuple[str, ...] = ("text", "join", "units", "event", "tag", "pause", "both")
"""The forms a stretch can be written in. `join` is a gap inside a text run, `both` is text with the label of an event
written over it."""
TEXT, JOIN, UNITS, EVENT, TAG, PAUSE, BOTH = range(7)

ENTRY_TOKENS = (1.0, 0.0, 2.0, 2.0, 4.0, 2.0, 7.0)
"""Tokens a run costs before its contents: a duration, nothing, two tags, two tags, two tags and a pause, a pause; a
duration, two tags, a back and a pause."""
OVERLAY_TOKENS = 7.0
"""Tokens of writing another speaker's words over the text: two speaker tags, a back, a pause, a duration."""

# A state is a form and whether text (0) or units (1) were written last, which events and silence do not change.
_STATES = (
    (TEXT, 0), (JOIN, 0), (BOTH, 0), (UNITS, 1),
    (EVENT, 0), (EVENT, 1), (TAG, 0), (TAG, 1), (PAUSE, 0), (PAUSE, 1),
)  # fmt: skip
_RUN = (TEXT, JOIN, BOTH)
"""The forms a text run consists of."""
_STATE_FORM = np.array([form for form, _ in _STATES])


@dataclass(frozen=True, slots=True)
class GateState:
    """What a passage leaves to the next one.

    Attributes:
        passage: its number.
        form: in which its last stretch is written, as a number of `FORMS`.
        units: whether units were written last, not text.
        speaker: of that stretch.
        event: which it is part of.
    """

    passage: int
    form: int
    units: int
    speaker: int
    event: Event | None


def gate(
    annotations: Annotations, options: GateOptions = GateOptions(), text_tokens: Sequence[float] | None = None
) -> tuple[Decision, ...]:
    """Decide how each stretch of a recording is written, all of it as one passage.

    Args:
        text_tokens: tokens of each of `annotations.words` as text; estimated from its letters when left out.

    Returns:
        Decisions in order of time that tile [0, annotations.frames).
    """
    return gate_passage(annotations, Span(0, annotations.frames), options, text_tokens)[0]


def gate_passage(
    annotations: Annotations,
    span: Span,
    options: GateOptions = GateOptions(),
    text_tokens: Sequence[float] | None = None,
    before: GateState | None = None,
) -> tuple[tuple[Decision, ...], GateState | None]:
    """Decide how each stretch of a passage is written.

    Args:
        annotations: all of them inside the passage.
        span: the passage.
        text_tokens: see `gate`.
        before: what the passage before leaves.

    Returns:
        Decisions in order of time that tile the passage, and what they leave to the next one.
    """
    if not span.frames:
        return (), before
    if options.layout == "units":
        heard = f": {_quoted(annotations.words)}" if annotations.words else ""
        return (Decision(span, "units", annotations.words, reason=f"units layout{heard}"),), None
    if text_tokens is not None and len(text_tokens) != len(annotations.words):
        raise ValueError(f"{len(text_tokens)} token counts for {len(annotations.words)} words")
    counts = None if text_tokens is None else dict(zip(annotations.words, text_tokens, strict=True))
    stretches = find_stretches(annotations, options.stretches, span, before.speaker if before else None)
    costs = stretch_costs(stretches, options, counts)
    states, regrets = _solve(costs, options, _entry(before, stretches[0], options))
    forms = _STATE_FORM[states].tolist()
    passage = before.passage + 1 if before else 0
    decisions = [
        replace(_decide(stretch, index, form, regrets[index], costs, options), passage=passage)
        for index, (stretch, form) in enumerate(zip(stretches, forms, strict=True))
    ]
    last = stretches[-1]
    left = GateState(passage, forms[-1], _STATES[int(states[-1])][1], last.speaker, last.event)
    return tuple(_pad_units(decisions, options.unit_padding)), left


def gate_passages(
    parts: Sequence[Annotations], spans: Sequence[Span], options: GateOptions, count_pieces: Callable[[Word], float]
) -> tuple[Decision, ...]:
    """Decide how each stretch of a recording is written, passage by passage.

    Args:
        parts: the annotations of each passage.
        spans: the passages, which tile the recording.
        count_pieces: tokens of a word as text.
    """
    decisions: list[Decision] = []
    state: GateState | None = None
    for span, part in zip(spans, parts, strict=True):
        made, state = gate_passage(part, span, options, [count_pieces(word) for word in part.words], state)
        decisions += made
    return tuple(decisions)


def _entry(before: GateState | None, first: Stretch, options: GateOptions) -> NDArray[np.float64] | None:
    """What it costs to begin a passage in each state; None at the start of a recording."""
    if before is None:
        return None
    # Where tokens are saved first of all, switches do not count.
    weight, switch_cost = (
        (options.rate_weight, options.switch_cost) if math.isfinite(options.rate_weight) else (1.0, 0.0)
    )
    same_event = before.event is not None and before.event == first.event
    moves = _transitions(weight, switch_cost, before.speaker == first.speaker, same_event)
    entry = moves[_STATES.index((before.form, before.units))]
    for column, (form, _) in enumerate(_STATES):
        if form in _RUN and before.form in _RUN:  # a text run ends with its passage
            entry[column] = weight * ENTRY_TOKENS[form] if form != JOIN else math.inf
    return entry


@dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """What each stretch would cost in each form, (n, 7); infinite distortion where the form is impossible.

    Attributes:
        distortion: words lost.
        tokens: without those of `ENTRY_TOKENS`.
        same_speaker: (n,), whether the stretch before has the same speaker.
        same_event: (n,), whether the stretch before has the same event, so that one label does for both.
    """

    distortion: NDArray[np.float64]
    tokens: NDArray[np.float64]
    same_speaker: NDArray[np.bool_]
    same_event: NDArray[np.bool_]


def stretch_costs(
    stretches: Sequence[Stretch], options: GateOptions, text_tokens: dict[Word, float] | None = None
) -> Costs:
    """The distortion and tokens of each stretch in each form.

    A recognized word or an event is never written as silence: these are text, tags or units.
    """
    distortion = np.full((len(stretches), len(FORMS)), math.inf)
    tokens = np.zeros((len(stretches), len(FORMS)))
    for index, stretch in enumerate(stretches):
        loss = distortion[index]
        at_stake = stretch.span.frames / FRAMES_PER_WORD
        loss[UNITS] = at_stake * options.unit_loss
        if stretch.kind == "word":
            counted = text_tokens.__getitem__ if text_tokens else lambda word: estimate_tokens(word.text)
            loss[TEXT] = _text_loss(_confidence(stretch.words), at_stake, options)
            tokens[index, TEXT] = sum(map(counted, stretch.words))
            for word in stretch.under:
                loss[TEXT] += _text_loss(word.confidence, word.span.frames / FRAMES_PER_WORD, options)
                loss[UNITS] += word.span.frames / FRAMES_PER_WORD * options.unit_loss
                tokens[index, TEXT] += counted(word)
            tokens[index, TEXT] += OVERLAY_TOKENS if stretch.under else 0.0
            loss[TEXT] += stretch.talked_over / FRAMES_PER_WORD * options.overlap_loss
            if stretch.event is not None:
                event_stake = stretch.event_under / FRAMES_PER_WORD
                loss[EVENT] = loss[UNITS] + max(at_stake - event_stake, 0.0) * options.label_loss
                loss[UNITS] += event_stake * options.label_loss
                loss[BOTH] = loss[TEXT] + event_stake * options.overlay_loss
                loss[TEXT] += event_stake
                tokens[index, BOTH] = tokens[index, TEXT]
        elif stretch.event is not None:
            unlabelled = at_stake * options.label_loss * stretch.event.confidence
            mislabelled = at_stake * options.label_loss * (1.0 - stretch.event.confidence)
            loss[UNITS] += unlabelled
            loss[EVENT] = at_stake * options.unit_loss + mislabelled
            loss[TAG] = at_stake * options.tag_loss + mislabelled
        else:
            noise = options.noise_loss + (1.0 - options.noise_loss) * min(stretch.span.frames / options.long_sound, 1.0)
            audible = stretch.speech + (1.0 - stretch.speech) * noise
            loss[PAUSE] = at_stake * (audible if stretch.kind == "sound" else options.silence_loss)
            loss[UNITS] *= 1.0 if stretch.kind == "sound" else options.silence_loss
            if stretch.joinable:
                loss[JOIN] = loss[PAUSE]
        tokens[index, [UNITS, EVENT]] = stretch.span.frames * options.unit_tokens
    if options.layout == "text" or math.isinf(options.rate_weight):
        distortion[:, [UNITS, EVENT]] = math.inf
    same_speaker, same_event = [True], [False]
    for left, right in pairwise(stretches):
        same_speaker.append(left.speaker == right.speaker)
        same_event.append(right.event is not None and left.event == right.event)
    return Costs(distortion, tokens, np.array(same_speaker), np.array(same_event))


def _text_loss(confidence: float, at_stake: float, options: GateOptions) -> float:
    """Words lost by writing a word as text: all of it when it is wrong, the voice when it is right."""
    return (1.0 - confidence) * max(at_stake, options.wrong_word) + confidence * at_stake * options.voice_loss


def estimate_tokens(text: str) -> float:
    """Tokens of a word in a model of 8,192 pieces: one up to four letters, then one for every five more."""
    return 1.0 + max(0, len(text) - 4) / 5.0


def solve(costs: Costs, options: GateOptions) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The best form of each stretch, (n,), and what each form would add to the total cost at best, (n, 7).

    The second is 0 for the best form: the min-marginals of the forward and the backward pass.
    """
    states, margins = _solve(costs, options, None)
    return _STATE_FORM[states], margins


def _solve(
    costs: Costs, options: GateOptions, first: NDArray[np.float64] | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """As `solve`, with states in place of forms.

    Args:
        first: what it costs to begin in each state; None at the start of a recording.
    """
    if math.isinf(options.rate_weight):
        # First tokens, then distortion: all distortion together never outweighs a tenth of a token.
        token_weight, loss_weight = 1.0, 1e-3 / max(1.0, float(costs.distortion[np.isfinite(costs.distortion)].sum()))
    else:
        token_weight, loss_weight = options.rate_weight, 1.0
    local = (loss_weight * costs.distortion + token_weight * costs.tokens)[:, _STATE_FORM]
    kinds = [(speaker, event) for event in (False, True) for speaker in (False, True)]
    moves = np.stack([_transitions(token_weight, loss_weight * options.switch_cost, *kind) for kind in kinds])
    if first is None:
        first = np.array([token_weight * ENTRY_TOKENS[form] if form != JOIN else math.inf for form, _ in _STATES])
    last = np.array([0.0 if form != JOIN else math.inf for form, _ in _STATES])
    steps = costs.same_speaker.astype(np.int64) + 2 * costs.same_event.astype(np.int64)
    states = best_path(local, moves, steps, first, last)
    through = min_marginals(local, moves, steps, first, last)
    margins = np.full((len(local), len(FORMS)), math.inf)
    for state, form in enumerate(_STATE_FORM):
        margins[:, form] = np.minimum(margins[:, form], through[:, state])
    return states, margins - margins.min(axis=1, keepdims=True)


def _transitions(token_weight: float, switch_cost: float, same_speaker: bool, same_event: bool) -> NDArray[np.float64]:
    """Cost of going from one state (row) to the next (column)."""
    moves = np.full((len(_STATES), len(_STATES)), math.inf)
    for row, (form, mode) in enumerate(_STATES):
        for column, (next_form, next_mode) in enumerate(_STATES):
            if next_form == JOIN and not (same_speaker and form in _RUN):
                continue
            if form == JOIN and not (same_speaker and next_form in _RUN):
                continue
            if next_form in (EVENT, TAG, PAUSE) and next_mode != mode:
                continue
            entry = ENTRY_TOKENS[next_form]
            if same_speaker and form in _RUN and next_form in _RUN:
                entry = ENTRY_TOKENS[BOTH] - ENTRY_TOKENS[TEXT] if next_form == BOTH else 0.0
                if form == next_form == BOTH and same_event:
                    entry = 0.0
            elif same_speaker and (
                (form == next_form == UNITS)
                or (form == next_form == EVENT and same_event)
                or (form in (TAG, PAUSE) and next_form == PAUSE)
            ):
                entry = 0.0
            moves[row, column] = token_weight * entry + (switch_cost if mode != next_mode else 0.0)
    return moves


def _decide(
    stretch: Stretch, index: int, form: int, regrets: NDArray[np.float64], costs: Costs, options: GateOptions
) -> Decision:
    """The decision on one stretch, with its reason."""
    weight = options.rate_weight if math.isfinite(options.rate_weight) else 0.0
    loss = costs.distortion[index].tolist()
    tokens = [inside + entry for inside, entry in zip(costs.tokens[index].tolist(), ENTRY_TOKENS, strict=True)]
    cost = loss[form] + weight * tokens[form]
    others = [regret for other, regret in enumerate(regrets.tolist()) if other != form]
    kind: DecisionKind = "text" if form in _RUN else FORMS[form]  # pyright: ignore[reportAssignmentType]
    labelled = stretch.event if form in (EVENT, TAG, BOTH) else None
    return Decision(
        span=stretch.span,
        kind=kind,
        words=stretch.words,
        under=stretch.under,
        label=labelled.label if labelled else None,
        event=labelled,
        speaker=stretch.speaker,
        reason=_reason(stretch, form, loss, tokens),
        cost=cost,
        alternative=cost + min(others) if math.isfinite(options.rate_weight) else math.inf,
    )


_FORM_PHRASES = (
    "as text",
    "inside the text run",
    "as units",
    "as a labelled event",
    "as a label alone",
    "as a pause",
    "as text with the label over it",
)


def _reason(stretch: Stretch, form: int, loss: list[float], tokens: list[float]) -> str:
    """The numbers of the chosen form and of the alternatives."""
    if stretch.words:
        heard = f"{_quoted(stretch.words)} with confidence {_confidence(stretch.words):.2f}"
        if stretch.under:
            heard += f" over {_quoted(stretch.under)} with confidence {_confidence(stretch.under):.2f}"
        if stretch.talked_over:
            heard += f", {stretch.talked_over} frames talked over"
        if stretch.event is not None:
            heard += f", {stretch.event.label} under it with confidence {stretch.event.confidence:.2f}"
    elif stretch.event is not None:
        heard = f"{stretch.event.label} with confidence {stretch.event.confidence:.2f}"
    else:
        heard = "sound without words" if stretch.kind == "sound" else "silence"
    compared = [form, *(other for other in range(len(FORMS)) if other != form and math.isfinite(loss[other]))]
    figures = (f"{_FORM_PHRASES[one]} {loss[one]:.2f} words lost and {tokens[one]:.0f} tokens" for one in compared)
    return f"{heard}: {', '.join(figures)}"


def _quoted(words: Sequence[Word]) -> str:
    language = next((word.language for word in words if word.language is not None), None)
    return f'"{join_words([word.text for word in words], language)}"'


def _confidence(words: Sequence[Word]) -> float:
    return sum(word.confidence for word in words) / len(words)


def _pad_units(decisions: list[Decision], padding: int) -> list[Decision]:
    """Extend unit runs into the pauses beside them."""
    bounds = [decision.span.start for decision in decisions] + [decisions[-1].span.end]
    for index in range(1, len(decisions)):
        left, right = decisions[index - 1].kind, decisions[index].kind
        if left == "units" and right == "pause":
            bounds[index] = min(bounds[index] + padding, bounds[index + 1])
        elif left == "pause" and right == "units":
            bounds[index] = max(bounds[index] - padding, bounds[index - 1])
    return [
        decision if decision.span == (span := Span(start, end)) else replace(decision, span=span)
        for decision, start, end in zip(decisions, bounds[:-1], bounds[1:], strict=True)
        if start < end
    ]
