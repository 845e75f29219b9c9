"""The probability that a recognized word is right, calibrated per recognizer model.

Two logistic regressions whose probabilities are multiplied: that the word is the one that was said, from the
recognizer's own probabilities, and that words were said there at all and not laughter, coughs or noise, from what else
is heard. Each model has coefficients of its own, MODEL.json; a model without gets a mapping of two parameters (Platt
1999, "Probabilistic outputs for support vector machines") of the mean token probability. Card: confidence.md; recipe:
`hybrid-tok train confidence`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.confidence.features import FEATURES, HeardWord, word_features
from hybrid_tok.core.annotations import Event
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import WeightsError

FITTED = Path(__file__).parent

LIMIT = 4.0
"""Standardized features are clipped here: nothing outside what was seen in training counts for more."""

LEAST, MOST = 0.001, 0.999

PLATT = (0.62, 0.11)
"""Slope and offset of the log odds of the mean token probability, for models without coefficients of their own: fitted
on the words of Whisper base."""


@dataclass(frozen=True, slots=True, eq=False)
class Logistic:
    """A logistic regression of standardized features.

    Attributes:
        columns: (k,), which of `FEATURES` it reads.
        mean, scale, weights: (k,).
        offset: of the log odds.
    """

    columns: NDArray[np.int64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    offset: float

    def __call__(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Features (n, len(FEATURES)) to probabilities (n,)."""
        standard = np.clip((features[:, self.columns] - self.mean) * self.scale, -LIMIT, LIMIT)
        # Row by row: a matrix product may round otherwise for another number of rows.
        return 1.0 / (1.0 + np.exp(-((standard * self.weights).sum(axis=1) + self.offset)))

    def to_json(self) -> dict[str, Any]:
        rows = zip(self.columns.tolist(), self.mean, self.scale, self.weights, strict=True)
        features = {
            FEATURES[c]: {"mean": round(m, 5), "scale": round(s, 5), "weight": round(w, 5)} for c, m, s, w in rows
        }
        return {"offset": round(self.offset, 5), "features": features}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Logistic:
        rows = [
            (FEATURES.index(name), row["mean"], row["scale"], row["weight"]) for name, row in data["features"].items()
        ]
        columns, mean, scale, weights = zip(*rows, strict=True)
        floats = (np.array(column, np.float64) for column in (mean, scale, weights))
        return cls(np.array(columns), *floats, offset=float(data["offset"]))


class Calibration:
    """The confidence of a recognizer model's words.

    Args:
        model: name of the recognizer model, such as "base".
        folder: of the coefficients.
    """

    def __init__(self, model: str, folder: Path = FITTED) -> None:
        self._path = folder / f"{model}.json"
        self.fitted = self._path.is_file()

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the coefficients."""
        if not self.fitted:
            return f"platt-{PLATT[0]}-{PLATT[1]}"
        return f"confidence-{hashlib.sha256(self._path.read_bytes()).hexdigest()[:16]}"

    @cached_property
    def _factors(self) -> tuple[Logistic, Logistic]:
        try:
            data = json.loads(self._path.read_text("utf-8"))
            return Logistic.from_json(data["right"]), Logistic.from_json(data["speech"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise WeightsError(f"{self._path}: no confidence of this version ({error}): reinstall hybrid-tok") from None

    def judge(self, words: Sequence[HeardWord], speech: Sequence[Span], events: Sequence[Event]) -> list[float]:
        """The probability that each word is right; arguments as of `word_features`.

        Raises:
            WeightsError: the coefficients are damaged or of another version.
        """
        if not words:
            return []
        features = word_features(words, speech, events)
        if self.fitted:
            right, spoken = self._factors
            return (right(features) * spoken(features)).clip(LEAST, MOST).tolist()
        slope, offset = PLATT
        logits = slope * features[:, FEATURES.index("mean")] + offset
        return (1.0 / (1.0 + np.exp(-logits))).clip(LEAST, MOST).tolist()
