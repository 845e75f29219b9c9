"""A second judge of vocal events, which neither the codec nor the tagger was trained with: what Whisper would caption
them.

Whisper has seen captions such as "(laughs)" and "[COUGHING]" in its training, so that how likely it is to write each
of them says what it hears, without any training for it (Ma et al. 2023, arXiv 2311.09363). Some captions are likelier
than others whatever is heard: from each is taken how likely it is where there is nothing to hear.

It knows less than a tagger: of four recordings of each sound by different people, Whisper base named all laughs,
coughs, screams and lip smacks, three cleared throats, two sighs, sneezes and yawns, and no cry, moan or panting. What
it does not know in the recording is not counted as lost (`event_survival`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.whisper import WhisperRecognizer
from hybrid_tok.backends.whisper_model import WINDOW_SECONDS
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.events import EventLabel
from hybrid_tok.core.timeline import Span, frame_to_sample

CAPTIONS: Mapping[EventLabel | None, Sequence[tuple[str, str]]] = MappingProxyType(
    {
        "laugh": (("[LAUGHTER]", "(laughs)"),),
        "cough": (("[COUGHING]", "(coughs)"),),
        "sneeze": (("[SNEEZING]", "(sneezes)"),),
        "cry": (("[CRYING]", "(cries)"),),
        "sigh": (("[SIGHS]", "(sighs)"),),
        "scream": (("[SCREAMING]", "(screams)"),),
        "breath": (("[PANTING]", "(panting)"),),
        "throat_clear": (("[CLEARS THROAT]", "(clears throat)"),),
        "moan": (("[MOANS]", "(moans)"),),
        "yawn": (("[YAWNS]", "(yawns)"),),
        "lip_smack": (("[SMACKING]", "(lip smacking)"),),
        None: (
            ("[SPEAKING]", "(speaks)"),
            ("[MUSIC]", "(music)"),
            ("[NOISE]", "(static)"),
            ("[SILENCE]", "(silence)"),
        ),
    }
)
"""Two spellings of each caption; None is what is no vocal event."""

_LEAST = np.log(20.0)
"""A caption is believed from twenty times the likelihood that it has where there is nothing to hear; other noise than
that which it is measured with reaches thirteen times."""

_SILENCE = 2.0
"""Seconds of silence after a stretch that is captioned."""

_LONGEST = WINDOW_SECONDS - _SILENCE
_RATE = 16_000


class CaptionJudge:
    """Whisper base, by the likelihood of captions.

    Raises:
        ModelError: the model is not there; the message has the command that gets it.
    """

    name = "Whisper's captions"
    labels: frozenset[EventLabel] = frozenset(label for label in CAPTIONS if label is not None)

    def __init__(self, model: str = "base") -> None:
        self._model = WhisperRecognizer(model, "en", workers=1).model
        self._named: list[EventLabel | None] = [label for label, captions in CAPTIONS.items() for _ in captions]
        self._texts = [text for captions in CAPTIONS.values() for spellings in captions for text in spellings]

    def name_events(self, audio: Audio, spans: Sequence[Span]) -> list[EventLabel | None]:
        """See `events.EventJudge`."""
        stretches = [
            audio.samples[frame_to_sample(span.start, _RATE) : frame_to_sample(span.end, _RATE)][
                : int(_LONGEST * _RATE)
            ]
            for span in spans
        ]
        return [self._name(samples) if samples.any() else None for samples in stretches]

    def _name(self, samples: NDArray[np.float32]) -> EventLabel | None:
        gains = self._likelihoods(samples) - self._nothing
        best = int(np.argmax(gains))
        return self._named[best] if gains[best] >= _LEAST else None

    @cached_property
    def _nothing(self) -> NDArray[np.float64]:
        """(captions,) likelihoods where there is nothing to hear: silence, white noise and pink noise."""
        white = np.random.default_rng(0).standard_normal((2, 3 * _RATE))
        spectrum = np.fft.rfft(white[1])
        spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
        pink = np.fft.irfft(spectrum)
        nothing = (np.zeros(3 * _RATE), 0.01 * white[0], 0.03 * pink / pink.std())
        return np.mean([self._likelihoods(samples.astype(np.float32)) for samples in nothing], axis=0)

    def _likelihoods(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """(captions,) log-likelihoods, the mean of both spellings."""
        window = self._model.encode(samples, _SILENCE)
        return np.array(self._model.log_probs(window, "en", self._texts)).reshape(-1, 2).mean(axis=1)
