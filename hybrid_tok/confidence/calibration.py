"""The probability that a recognized word is right, calibrated per recognizer model.

A small ensemble of multilayer perceptrons over `features`, fitted on words of known right and wrong, speech of many
kinds and sounds without words. Models without a fitted ensemble get a mapping of two parameters (Platt 1999,
"Probabilistic outputs for support vector machines") of the mean token probability. Card: confidence.md; recipe:
`hybrid-tok train confidence`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.confidence.features import FEATURES, HeardWord, word_features
from hybrid_tok.core.annotations import Event
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import WeightsError
from hybrid_tok.nn.arrays import fingerprint_of, load_arrays

FITTED = Path(__file__).parent
LIMIT = 4.0
"""Standardized features are clipped here: nothing outside what was seen in training counts for more."""

PLATT = (1.0, 0.0)
"""Slope and offset of the log odds of the mean token probability, for models without a fitted ensemble."""

LEAST, MOST = 0.001, 0.999


class Calibration:
    """The confidence of a recognizer model's words.

    Args:
        model: name of the recognizer model, such as "base".
        folder: of the fitted ensembles, MODEL.safetensors with MODEL.json beside it.
    """

    def __init__(self, model: str, folder: Path = FITTED) -> None:
        self._weights = folder / f"{model}.safetensors"
        self.fitted = self._weights.exists()

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the weights, which are not loaded for it."""
        return f"confidence-{fingerprint_of(self._weights)}" if self.fitted else f"platt-{PLATT[0]}-{PLATT[1]}"

    @cached_property
    def _arrays(self) -> dict[str, NDArray[np.float32]]:
        arrays, about = load_arrays(self._weights)
        if about.get("features") != list(FEATURES):
            raise WeightsError(f"{self._weights} reads other features than this version's: reinstall hybrid-tok")
        return arrays

    def judge(
        self,
        words: Sequence[HeardWord],
        speech: Sequence[Span],
        events: Sequence[Event],
        levels: NDArray[np.float64],
    ) -> list[float]:
        """The probability that each word is right; arguments as of `word_features`."""
        if not words:
            return []
        if not self.fitted:
            slope, offset = PLATT
            stated = np.exp([sum(word.log_probs) / len(word.log_probs) for word in words]).clip(LEAST, MOST)
            logits = slope * np.log(stated / (1.0 - stated)) + offset
        else:
            logits = ensemble_logits(self._arrays, word_features(words, speech, events, levels))
        return (1.0 / (1.0 + np.exp(-logits))).clip(LEAST, MOST).tolist()


def ensemble_logits(arrays: dict[str, NDArray[np.float32]], features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Calibrated log odds (n,) of an ensemble on features (n, len(FEATURES))."""
    x = np.clip((features - arrays["mean"]) * arrays["scale"], -LIMIT, LIMIT)
    hidden = np.tanh(np.einsum("nf,mfw->mnw", x, arrays["hidden.weight"]) + arrays["hidden.bias"][:, None])
    logits = np.einsum("mnw,mw->mn", hidden, arrays["output.weight"]) + arrays["output.bias"][:, None]
    slope, offset = arrays["calibration"].astype(np.float64)
    return slope * logits.mean(axis=0) + offset
