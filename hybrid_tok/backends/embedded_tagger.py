"""The event tagger in the wheel as an `EventTagger` backend: posteriors to events that do not overlap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.annotations import Event
from hybrid_tok.audio import Audio
from hybrid_tok.errors import BackendError, OptionsError
from hybrid_tok.events import EVENT_LABELS
from hybrid_tok.timeline import FRAME_RATE, Span

if TYPE_CHECKING:
    from hybrid_tok.models.events import EventModel

SAMPLE_RATE = 16_000


@dataclass(frozen=True, slots=True)
class TaggerOptions:
    """How posteriors become events.

    Attributes:
        threshold: an event must reach this probability (of all labels together, over `smooth` seconds) at its best.
        stay: and lasts while the probability is at least this.
        smooth: seconds over which probabilities are averaged.
        bridge: seconds; gaps up to this within what is one event to the ear (a bout of coughs) are bridged.
        min_seconds: shorter events are dropped.
        min_confidence: events with a lower one are dropped; the gate has its own threshold above this.
    """

    threshold: float = 0.5
    stay: float = 0.3
    smooth: float = 0.1
    bridge: float = 0.5
    min_seconds: float = 0.14
    min_confidence: float = 0.3

    def __post_init__(self) -> None:
        if not 0 < self.stay <= self.threshold < 1:
            raise OptionsError(f"it takes 0 < stay <= threshold < 1, not {self.stay} and {self.threshold}")
        if min(self.smooth, self.bridge, self.min_seconds) < 0:
            raise OptionsError("smooth, bridge and min_seconds are seconds and cannot be negative")
        if not 0 <= self.min_confidence <= 1:
            raise OptionsError(f"min_confidence must be in [0, 1], not {self.min_confidence}")


class EmbeddedTagger:
    """hybrid-tok's own tagger: hears the whole recording, not only its speech. Loads its weights when first used.

    Args:
        weights: another training's weights, their description beside them; those in the package by default.

    Raises:
        WeightsError: the weights are missing or damaged (when first used).
    """

    def __init__(self, options: TaggerOptions | None = None, weights: Path | None = None) -> None:
        self.options = options or TaggerOptions()
        self._weights = weights

    @property
    def name(self) -> str:
        return "embedded"

    @cached_property
    def fingerprint(self) -> str:
        return f"{self._model.identity.name}:{self._model.identity.fingerprint}:{self.options}"

    def tag(self, audio: Audio) -> tuple[Event, ...]:
        """Events in order of time, none overlapping another; `audio` is mono at 16 kHz."""
        return events_of(self.posteriors(audio), self.options)

    def posteriors(self, audio: Audio) -> NDArray[np.float32]:
        """Probabilities per 20 ms frame, (frames, 19): columns as in `models.events.POSTERIORS`."""
        if audio.samples.ndim != 1 or audio.sample_rate != SAMPLE_RATE:
            raise BackendError(f"the event tagger listens to mono at {SAMPLE_RATE} Hz, not at {audio.sample_rate} Hz")
        return self._model.posteriors(audio.samples)

    @cached_property
    def _model(self) -> EventModel:
        from hybrid_tok.models.events import EVENT_WEIGHTS, EventModel

        return EventModel(self._weights or EVENT_WEIGHTS)


def events_of(posteriors: NDArray[np.float32], options: TaggerOptions) -> tuple[Event, ...]:
    """Hysteresis on the probability of any event, then the most probable label of each stretch.

    Whether something happened and what it was are asked apart: a laugh that is a moan for half of its frames is still
    one event. The confidence of an event is that of its label: how sure the stretch is an event, in its surer half,
    times the label's share.

    Args:
        posteriors: (frames, >= 15), the first 15 columns as in `EVENT_LABELS`.
    """
    frames = len(posteriors)
    if frames == 0:
        return ()
    labels = np.asarray(posteriors[:, : len(EVENT_LABELS)], np.float64)
    width = max(1, round(options.smooth * FRAME_RATE))
    any_event = np.convolve(labels.sum(1), np.ones(width) / width, "full")[width // 2 : width // 2 + frames]
    stretches = bridged(_hysteresis(any_event, options), round(options.bridge * FRAME_RATE), labels)
    events = []
    for start, end in stretches:
        if end - start < options.min_seconds * FRAME_RATE:
            continue
        mass = labels[start:end].sum(0)
        best = int(mass.argmax())
        total = np.sort(labels[start:end].sum(1))
        sure = float(total[len(total) // 2 :].mean())
        # To thousandths: a label's confidence does not depend on the last bits of a product.
        confidence = round(min(1.0, sure * float(mass[best] / mass.sum())), 3)
        if confidence >= options.min_confidence:
            events.append(Event(EVENT_LABELS[best], Span(start, end), confidence))
    return tuple(events)


def _hysteresis(probability: NDArray[np.float64], options: TaggerOptions) -> list[tuple[int, int]]:
    """Stretches that stay at or above `stay` and somewhere reach `threshold`."""
    above = np.concatenate([[False], probability >= options.stay, [False]])
    edges = np.flatnonzero(np.diff(above)).reshape(-1, 2)
    return [(int(a), int(b)) for a, b in edges if probability[a:b].max() >= options.threshold]


def bridged(stretches: list[tuple[int, int]], gap: int, labels: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Stretches at most `gap` frames apart become one where their most probable label is the same."""
    merged: list[tuple[int, int]] = []
    for start, end in stretches:
        if merged and start - merged[-1][1] <= gap:
            before = labels[merged[-1][0] : merged[-1][1]].sum(0).argmax()
            if before == labels[start:end].sum(0).argmax():
                merged[-1] = (merged[-1][0], end)
                continue
        merged.append((start, end))
    return merged
