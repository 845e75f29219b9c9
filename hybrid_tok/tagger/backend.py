"""The event tagger in the wheel as an `EventTagger` backend: posteriors to events that do not overlap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.annotations import Event
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.event_spans import TaggerOptions, events_of, frame_levels
from hybrid_tok.tagger.features import SAMPLE_RATE
from hybrid_tok.tagger.network import EVENT_WEIGHTS, EventModel


class BuiltinTagger:
    """hybrid-tok's own tagger, on the whole recording, not only its speech. Loads its weights at construction.

    Args:
        weights: other weights, with their description beside them.

    Raises:
        WeightsError: the weights are missing or damaged.
    """

    name = "builtin"

    def __init__(
        self, options: TaggerOptions | None = None, weights: Path = EVENT_WEIGHTS, device: str = "cpu"
    ) -> None:
        self.options = options or TaggerOptions()
        self._model = EventModel(weights, device)
        self.fingerprint = f"{self._model.identity.name}:{self._model.identity.fingerprint}:{self.options}"

    def tag(self, audio: Audio) -> tuple[Event, ...]:
        """Events in order of time, none overlapping another; `audio` is mono at 16 kHz."""
        return events_of(self.posteriors(audio), self.options, frame_levels(audio))

    def posteriors(self, audio: Audio) -> NDArray[np.float32]:
        """Probabilities per 20 ms frame, (frames, 19): columns as in `network.POSTERIORS`."""
        return self._model.posteriors(audio.mono_at(SAMPLE_RATE, "the event tagger"))
