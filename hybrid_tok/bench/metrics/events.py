"""Vocal events: whether they are found where they are, and whether a laugh is still a laugh after decoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hybrid_tok.core.annotations import Event
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.events import EVENT_LABELS, EventLabel
from hybrid_tok.core.timeline import Span, frame_to_seconds

ONSET = 0.3
"""Seconds by which an onset may be off."""


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Events found and missed; those of several recordings are added.

    Attributes:
        hits: true events that were found.
        found: all that were found.
        true: all true ones.
    """

    hits: int = 0
    found: int = 0
    true: int = 0

    def __add__(self, other: EventCounts) -> EventCounts:
        return EventCounts(self.hits + other.hits, self.found + other.found, self.true + other.true)

    @property
    def pair(self) -> tuple[int, int]:
        """Numerator and denominator of F1: twice the hits, and all events of both sides."""
        return 2 * self.hits, self.found + self.true

    @property
    def f1(self) -> float:
        """1 where there is no event and none was found."""
        numerator, denominator = self.pair
        return numerator / denominator if denominator else 1.0


def match_onsets(
    reference: Sequence[tuple[float, str]],
    found: Sequence[tuple[float, str]],
    tolerance: float = ONSET,
    labels: bool = False,
) -> list[tuple[int, int]]:
    """Pairs of a true event and a found one, by their numbers: each true event in order takes the nearest found one
    that is left and starts at most `tolerance` seconds from it.

    Args:
        reference, found: (onset in seconds, label).
        labels: only pairs with the same label.
    """
    left = list(range(len(found)))
    pairs: list[tuple[int, int]] = []
    for number, (onset, label) in enumerate(reference):
        near = [
            (abs(found[k][0] - onset), k)
            for k in left
            # A billionth of a second: a difference of exactly the tolerance is within it, which binary fractions hide.
            if abs(found[k][0] - onset) <= tolerance + 1e-9 and (not labels or found[k][1] == label)
        ]
        if near:
            _, best = min(near)
            left.remove(best)
            pairs.append((number, best))
    return pairs


def count_events(
    reference: Sequence[Event], found: Sequence[Event], tolerance: float = ONSET, labels: bool = True
) -> EventCounts:
    """Events of a recording that were found by their onsets, each at most once.

    Args:
        labels: an event also needs the right label.
    """
    onsets = [[(frame_to_seconds(event.span.start), event.label) for event in side] for side in (reference, found)]
    return EventCounts(len(match_onsets(onsets[0], onsets[1], tolerance, labels)), len(found), len(reference))


class EventJudge(Protocol):
    """Says which vocal event a stretch of sound is."""

    @property
    def name(self) -> str: ...

    @property
    def labels(self) -> frozenset[EventLabel]:
        """Those that it can tell; events with others are not put to it."""
        ...

    def name_events(self, audio: Audio, spans: Sequence[Span]) -> list[EventLabel | None]:
        """The label of each stretch of mono audio at 16 kHz; None where it hears no event that it knows."""
        ...


class TaggerJudge:
    """The tokenizer's own tagger: of each stretch, the label with the most time x confidence among the events that it
    finds there."""

    name = "hybrid-tok's tagger"
    labels: frozenset[EventLabel] = frozenset(EVENT_LABELS)

    def __init__(self) -> None:
        from hybrid_tok.tagger.backend import BuiltinTagger  # torch

        self._tagger = BuiltinTagger()

    def name_events(self, audio: Audio, spans: Sequence[Span]) -> list[EventLabel | None]:
        """See `EventJudge`."""
        found = self._tagger.tag(audio)
        return [_most(found, span) for span in spans]


def _most(found: Sequence[Event], span: Span) -> EventLabel | None:
    weights: dict[EventLabel, float] = {}
    for event in found:
        weight = span.overlap(event.span) * event.confidence
        if weight:
            weights[event.label] = weights.get(event.label, 0.0) + weight
    return max(weights, key=lambda label: weights[label]) if weights else None


@dataclass(frozen=True, slots=True)
class Survival:
    """Events after decoding, as a judge hears them.

    Attributes:
        events: that were put to the judge.
        heard: of them, those that it names right in the recording itself.
        survived: of these, those that it names right after decoding.
        heard_decoded: of all, those that it names right after decoding, whatever it said of the recording.
    """

    events: int
    heard: int
    survived: int
    heard_decoded: int


def event_survival(
    events: Sequence[EventLabel], before: Sequence[EventLabel | None], after: Sequence[EventLabel | None]
) -> Survival:
    """What is left of events, (n,) each.

    Args:
        events: true labels.
        before, after: what a judge names them in the recording, and after decoding.
    """
    triples = list(zip(events, before, after, strict=True))
    return Survival(
        events=len(triples),
        heard=sum(true == old for true, old, _ in triples),
        survived=sum(true == old == new for true, old, new in triples),
        heard_decoded=sum(true == new for true, _, new in triples),
    )
