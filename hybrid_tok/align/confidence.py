"""The probability that a word of a given text was said where it was aligned, from how it sounds and its neighbours.

A small ensemble of multilayer perceptrons over `word_features`, calibrated on speakers it was not fitted on and tuned
on recordings of other kinds. Words that a recognizer heard are judged by `hybrid_tok.confidence`. Card: confidence.md;
recipe: `hybrid-tok train aligned-confidence`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.align.phones import PHONES, PhoneModel
from hybrid_tok.align.word_features import FEATURES, AlignedWord, word_features
from hybrid_tok.errors import WeightsError
from hybrid_tok.nn.arrays import load_arrays

CONFIDENCE_WEIGHTS = Path(__file__).parent / "confidence.safetensors"

LIMIT = 4.0
"""Standardized features are clipped here: nothing outside what was seen in training counts for more."""

TUNED = ("certainty_around", "stretch_around")
"""Features of a stretch of speech as a whole, by which recordings of other kinds than those fitted on are told."""


class AlignedConfidence:
    """The fitted ensemble.

    Args:
        weights: a safetensors file with its description beside it; the one in the package unless given.

    Raises:
        WeightsError: the files are missing, damaged, or not of this model.
    """

    def __init__(self, weights: Path = CONFIDENCE_WEIGHTS) -> None:
        self._arrays, about = load_arrays(weights)
        if about.get("features") != list(FEATURES):
            raise WeightsError(f"{weights} judges words by other features than this version's: reinstall hybrid-tok")
        try:
            self._phones = str(about["phones"])
            self._mean_frames = np.array(about["mean_frames"], np.float32)
            width = self._arrays["hidden.weight"].shape[1]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise WeightsError(f"{weights} is no confidence model of this version: {error!r}") from None
        if width != len(FEATURES) or self._mean_frames.shape != (len(PHONES),):
            raise WeightsError(f"{weights} is no confidence model of this version: other sizes")

    def fits(self, phones: PhoneModel) -> bool:
        """Whether it was fitted on the posteriors of that phone network."""
        return self._phones == phones.fingerprint

    def judge(self, log_posteriors: NDArray[np.float32], words: Sequence[AlignedWord]) -> list[float]:
        """The probability that each word was said, in [0.001, 0.999].

        Args:
            log_posteriors: (T, phones) of the utterance from `PhoneModel`, 100 frames a second.
            words: in order of time.
        """
        return self.probabilities(word_features(log_posteriors, words, self._mean_frames)).tolist()

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Features (n, len(FEATURES)) to probabilities (n,)."""
        logits = tuned_rows(self._arrays, features) @ self._arrays["tuning"].astype(np.float64)
        return np.clip(1.0 / (1.0 + np.exp(-logits)), 0.001, 0.999)


def tuned_rows(arrays: Mapping[str, NDArray[np.float32]], features: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, 2 + len(TUNED)): calibrated log odds of the ensemble, a one, and the standardized features `TUNED`."""
    x = np.clip((features - arrays["mean"]) * arrays["scale"], -LIMIT, LIMIT)
    # (members, n, width): every member judges every word.
    hidden = np.tanh(np.einsum("nf,mfw->mnw", x, arrays["hidden.weight"]) + arrays["hidden.bias"][:, None])
    logits = np.einsum("mnw,mw->mn", hidden, arrays["output.weight"]) + arrays["output.bias"][:, None]
    slope, offset = arrays["calibration"].astype(np.float64)
    calibrated = slope * logits.mean(0, dtype=np.float64) + offset
    chosen = x[:, [FEATURES.index(name) for name in TUNED]].astype(np.float64)
    return np.column_stack([calibrated, np.ones(len(x)), chosen])
