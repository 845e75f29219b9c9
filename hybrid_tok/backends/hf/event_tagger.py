"""Vocal events by an audio classifier of `transformers` that knows the names of AudioSet, such as AST.

Such a classifier says what is somewhere in a clip of seconds. It is asked about overlapping windows, each half a second
after the last, and a frame's probability is the geometric mean over the windows that hold it: a window in which the
sound is not heard speaks against it. (The arithmetic mean would make each event as long as a window.) From there on
events are made as by our own tagger (`core.event_spans`), which also moves their edges to those of the sound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.hf.loading import find_folder, load_extractor, load_model, model_fingerprint, running
from hybrid_tok.core.annotations import Event
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.event_spans import TaggerOptions, events_of, frame_levels
from hybrid_tok.core.events import EVENT_LABELS, label_of
from hybrid_tok.core.timeline import FRAME_RATE, count_frames
from hybrid_tok.errors import ModelError, OptionsError

SAMPLE_RATE = 16_000
WHAT = "an event tagger of transformers"

_SPEECH = ("Speech", "Male speech, man speaking", "Female speech, woman speaking", "Child speech, kid speaking")
_SHORTEST = SAMPLE_RATE // 10
"""Samples of a window at least: what is shorter is padded with zeros, since features are of windows of 25 ms."""
_LOWEST = 1e-6
"""Probability below which a window does not speak the more against a sound."""


@dataclass(frozen=True, slots=True)
class HfTaggerOptions:
    """How a recording is given to the classifier.

    Attributes:
        window: seconds that are classified at once.
        hop: seconds between the starts of two windows, which divide a window evenly; each window costs a run of the
            network.
        events: how probabilities become events. A classifier of hundreds of sounds gives each a lower probability than
            our own tagger does, so the thresholds are lower than its.
    """

    window: float = 2.0
    hop: float = 0.5
    events: TaggerOptions = field(
        default_factory=lambda: TaggerOptions(threshold=0.25, stay=0.15, reach=0.5, min_confidence=0.2)
    )

    def __post_init__(self) -> None:
        hop, window = round(self.hop * FRAME_RATE), round(self.window * FRAME_RATE)
        whole = abs(self.hop * FRAME_RATE - hop) < 1e-6 and abs(self.window * FRAME_RATE - window) < 1e-6
        if not (whole and 1 <= hop <= window <= 30 * FRAME_RATE) or window % hop:
            raise OptionsError(
                f"windows must be of up to 30 s, and a whole number of hops of whole 20 ms frames, not {self.window} "
                f"and {self.hop}"
            )


class HfEventTagger:
    """An `EventTagger` by any model of `AutoModelForAudioClassification` whose labels have vocal sounds of AudioSet.

    AST (Gong et al. 2021, arXiv 2104.01778) is one: `MIT/ast-finetuned-audioset-10-10-0.4593`. Labels of the same event
    (laughter, giggle, chuckle) count as their maximum. Probabilities are those of a sigmoid, since sounds overlap, or
    of a softmax where the configuration says so (`problem_type`).

    Args:
        model: a folder, or a name in the Hugging Face cache.
        device: "cpu", "cuda" or "cuda:N".

    Raises:
        ModelError: there is no such model, its files are damaged, it takes audio at another rate than 16 kHz, or knows
            no vocal event.
    """

    name = "audioset"

    def __init__(self, model: str, *, device: str = "cpu", options: HfTaggerOptions | None = None) -> None:
        self.options = options or HfTaggerOptions()
        self.fingerprint = model_fingerprint(self.name, find_folder(model, WHAT), self.options)
        self.network = load_model("AutoModelForAudioClassification", model, WHAT, device)
        self._extract = load_extractor(model, WHAT, SAMPLE_RATE)
        self._columns = _columns(self.network.config.id2label, model)
        self._model, self._device = model, device

    def tag(self, audio: Audio) -> tuple[Event, ...]:
        """Events in order of time, none overlapping another; `audio` is mono at 16 kHz."""
        posteriors = self.posteriors(audio)  # first: it refuses what is not mono at 16 kHz
        return events_of(posteriors, self.options.events, frame_levels(audio))

    def posteriors(self, audio: Audio) -> NDArray[np.float32]:
        """Probabilities per 20 ms frame, (frames, 16): those of `EVENT_LABELS`, then of speech."""
        samples = audio.mono_at(SAMPLE_RATE, self.name)
        frames = count_frames(len(samples), SAMPLE_RATE)
        hop, held = round(self.options.hop * FRAME_RATE), round(self.options.window / self.options.hop)
        cells = -(-frames // hop)
        sums, counts = np.zeros((cells, len(EVENT_LABELS) + 1)), np.zeros((cells, 1))
        step = hop * SAMPLE_RATE // FRAME_RATE
        for first in range(max(cells - held, 0) + 1 if cells else 0):
            scores = self._classify(samples[first * step : (first + held) * step])
            heard = np.array([max((scores[k] for k in column), default=0.0) for column in self._columns])
            sums[first : first + held] += np.log(np.maximum(heard, _LOWEST))
            counts[first : first + held] += 1
        means = np.exp(sums / np.maximum(counts, 1))
        # Sounds of several labels at once are one event, whose probability is at most 1.
        means[:, :-1] /= np.maximum(means[:, :-1].sum(1, keepdims=True), 1.0)
        return means.repeat(hop, 0)[:frames].astype(np.float32)

    def _classify(self, window: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities of all the labels of the model for samples (N,)."""
        import torch

        padded = np.pad(window, (0, max(0, _SHORTEST - len(window))))
        with running(self._model, WHAT), torch.inference_mode():
            inputs = self._extract(padded, sampling_rate=SAMPLE_RATE, return_tensors="pt").to(self._device)
            logits = self.network(**inputs).logits[0].double()
            single = self.network.config.problem_type == "single_label_classification"
            return (logits.softmax(0) if single else logits.sigmoid()).cpu().numpy()


def _columns(names: Mapping[int, str], model: str) -> list[list[int]]:
    """The labels of the model that stand for each label of ours, and for speech."""
    columns = [[k for k, name in names.items() if label_of("audioset", name) == label] for label in EVENT_LABELS]
    if not any(columns):
        raise ModelError(f"{WHAT}: {model} knows no vocal event of AudioSet; it has {_listed(list(names.values()))}")
    return [*columns, [k for k, name in names.items() if name in _SPEECH]]


def _listed(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
