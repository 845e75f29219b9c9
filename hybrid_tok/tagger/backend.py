"""The event tagger in the wheel as an `EventTagger` backend: posteriors to events that do not overlap."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.annotations import Event
from hybrid_tok.core.audio import Audio
from hybrid_tok.errors import BackendError
from hybrid_tok.tagger.event_spans import TaggerOptions, events_of, frame_levels

if TYPE_CHECKING:
    from hybrid_tok.tagger.network import EventModel

SAMPLE_RATE = 16_000


class BuiltinTagger:
    """hybrid-tok's own tagger, on the whole recording, not only its speech. Loads its weights when first used.

    Args:
        weights: other weights, with their description beside them; those in the package by default.

    Raises:
        WeightsError: the weights are missing or damaged (when first used).
    """

    def __init__(self, options: TaggerOptions | None = None, weights: Path | None = None) -> None:
        self.options = options or TaggerOptions()
        self._weights = weights

    @property
    def name(self) -> str:
        return "builtin"

    @cached_property
    def fingerprint(self) -> str:
        return f"{self._model.identity.name}:{self._model.identity.fingerprint}:{self.options}"

    def tag(self, audio: Audio) -> tuple[Event, ...]:
        """Events in order of time, none overlapping another; `audio` is mono at 16 kHz."""
        return events_of(self.posteriors(audio), self.options, frame_levels(audio))

    def posteriors(self, audio: Audio) -> NDArray[np.float32]:
        """Probabilities per 20 ms frame, (frames, 19): columns as in `network.POSTERIORS`."""
        if audio.samples.ndim != 1 or audio.sample_rate != SAMPLE_RATE:
            raise BackendError(f"the event tagger needs mono at {SAMPLE_RATE} Hz, not {audio.sample_rate} Hz")
        return self._model.posteriors(audio.samples)

    @cached_property
    def _model(self) -> EventModel:
        from hybrid_tok.tagger.network import EVENT_WEIGHTS, EventModel

        return EventModel(self._weights or EVENT_WEIGHTS)
