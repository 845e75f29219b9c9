"""What the gate writes of recordings that were listened to: tokens, and the words that are text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

from hybrid_tok.bench.listening import Listened, Listener
from hybrid_tok.bench.recordings import read_events
from hybrid_tok.core.annotations import Word
from hybrid_tok.core.timeline import Span, merge_spans
from hybrid_tok.encode.gate import Decision, GateOptions
from hybrid_tok.tokens.stream import EventItem, HybridStream, UnitItem
from hybrid_tok.tokens.summary import Summary, summarize

MINUTE = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A recording as the gate writes it.

    Attributes:
        event_tokens: tokens of units inside the true events, labelled or not.
    """

    listened: Listened
    decisions: tuple[Decision, ...]
    summary: Summary
    event_tokens: int

    @property
    def text(self) -> list[int]:
        """Numbers of the recognized words that are written as text."""
        place = {word: index for index, word in enumerate(self.listened.annotations.words)}
        return [place[word] for word in text_words(self.decisions)]


def write(listener: Listener, listened: Listened, gate: GateOptions | None = None) -> Written:
    """Encode a recording from what was heard in it, with the tokenizer's own options of the gate unless others are
    given."""
    tokenizer = listener.tokenizer
    encoder = replace(tokenizer.encoder, gate=gate or tokenizer.encoder.gate, codec=lambda: listener.codec)
    encoding = encoder.encode(listened.recording)
    ids = tokenizer.vocabulary.encode(encoding.stream)
    return Written(
        listened,
        encoding.decisions,
        summarize(encoding.stream, ids, tokenizer.vocabulary, listened.recording.audio.seconds),
        event_tokens(
            encoding.stream,
            [encoder.grid.span(event) for event in merge_spans(read_events(listened.clip))],
            tokenizer.vocabulary.options.num_codebooks,
        ),
    )


def weights(gate: GateOptions) -> dict[str, Any]:
    """What a gate weighs, as results name it: figures of other weights are no part of them."""
    return {name: value for name, value in asdict(gate).items() if name not in ("stretches", "frame_rate")}


def figures(group: Sequence[Written]) -> dict[str, float | None]:
    """Totals over recordings; None where a share has nothing under it.

    Words are counted as they are compared: as spelled out, in Chinese as characters. A switch is a change between text
    and units without a label, whatever events and silence lie between; minutes of speech are the detector's.
    """
    seconds = sum(one.summary.seconds for one in group)
    speech = sum(span.seconds for one in group for span in one.listened.annotations.speech)
    said = sum(one.listened.judged.said for one in group)
    recognized = sum(sum(one.listened.judged.units) for one in group)
    text = [(one.listened.judged.units[k], one.listened.judged.right[k]) for one in group for k in one.text]
    written, right = sum(count for count, _ in text), sum(count for count, correct in text if correct)
    tokens = sum(one.summary.tokens for one in group)
    events = [span for one in group for span in merge_spans(read_events(one.listened.clip))]
    outside = seconds - sum(span.seconds for span in events)

    def total(name: str) -> float:
        return sum(getattr(one.summary, name) * one.summary.seconds for one in group)

    return {
        "tokens_per_second": ratio(tokens, seconds),
        "tokens_per_second_outside_events": ratio(tokens - sum(one.event_tokens for one in group), outside),
        "bits_per_second": ratio(total("bits_per_second"), seconds),
        "range_bits_per_second": ratio(total("range_bits_per_second"), seconds),
        "text_share": ratio(total("text_share"), seconds),
        "unit_share": ratio(total("unit_share"), seconds),
        "silence_share": ratio(total("silence_share"), seconds),
        "words_as_text": ratio(written, recognized),
        "right_of_text": ratio(right, written),
        "right_of_reference": ratio(right, said),
        "switches_per_minute": ratio(sum(switches(one.decisions) for one in group), speech / MINUTE),
    }


def ratio(part: float, whole: float) -> float | None:
    """A share or rate; None where there is nothing to have a share of."""
    return part / whole if whole else None


def text_words(decisions: Sequence[Decision]) -> list[Word]:
    """The words that decisions write as text, those of other speakers over the text among them."""
    return [word for one in decisions if one.kind == "text" for word in (*one.words, *one.under)]


def switches(decisions: Sequence[Decision]) -> int:
    """Changes between text and units without a label."""
    kinds = [decision.kind for decision in decisions if decision.kind in ("text", "units")]
    return sum(left != right for left, right in pairwise(kinds))


def event_tokens(stream: HybridStream, events: Sequence[Span], num_codebooks: int) -> int:
    """Tokens of the units of a stream that lie inside events; the two tags of a run count where half of it does.
    All in frames of the stream."""
    tokens = 0
    for placed in stream.placed():
        if isinstance(placed.item, EventItem | UnitItem):
            inside = sum(placed.span.overlap(event) for event in events)
            tokens += inside * num_codebooks + (2 if 2 * inside >= placed.span.frames else 0)
    return tokens
