"""The probability that a word is right, from how it sounds and from the company it keeps.

Two small ensembles of multilayer perceptrons over `word_features`: one for words that a recognizer heard, with its
posterior among the features, one for words that were given (a transcript aligned to the audio, another recognizer's
output), on acoustics and durations alone. Each is calibrated on speakers it was not fitted on. Card: confidence.md;
recipe: `hybrid-tok train confidence`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.align.phones import PHONE_WEIGHTS, PHONES, PhoneModel
from hybrid_tok.align.word_features import FEATURES, HeardPhones, word_features
from hybrid_tok.errors import WeightsError
from hybrid_tok.nn.arrays import fingerprint_of, load_arrays

__all__ = ["ConfidenceModel", "HeardPhones"]

CONFIDENCE_WEIGHTS = Path(__file__).parent / "confidence.safetensors"

HEADS = ("recognized", "given")
LIMIT = 4.0
"""Standardized features are clipped here: nothing outside what was seen in training counts for more."""


def judges_fingerprint() -> str:
    """Changes with the weights of the phone network or of this model; neither is loaded for it.

    Raises:
        WeightsError: the description of one is missing or damaged.
    """
    return f"phones-{fingerprint_of(PHONE_WEIGHTS)}:confidence-{fingerprint_of(CONFIDENCE_WEIGHTS)}"


TUNED = ("acoustic_around", "certainty_around", "stretch_around")
"""Features of a stretch of speech as a whole, by which recordings of other kinds than those fitted on are told."""


class ConfidenceModel:
    """The fitted ensembles.

    Args:
        weights: a safetensors file with its description beside it; the one in the package unless given.

    Attributes:
        fingerprint: changes with the weights.
        usual: by head, the share of right words where it was fitted.

    Raises:
        WeightsError: the files are missing, damaged, or not of this model.
    """

    def __init__(self, weights: Path = CONFIDENCE_WEIGHTS) -> None:
        self._arrays, about = load_arrays(weights)
        if about.get("features") != list(FEATURES):
            raise WeightsError(f"{weights} judges words by other features than this version's: reinstall hybrid-tok")
        try:
            self.fingerprint: str = f"confidence-{about['sha256'][:16]}"
            self.usual: dict[str, float] = {head: float(about["usual"][head]) for head in HEADS}
            self._phones = str(about["phones"])
            self._mean_frames = np.array(about["mean_frames"], np.float32)
            wide = [self._arrays[f"{head}.hidden.weight"].shape[1] for head in HEADS]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise WeightsError(f"{weights} is no confidence model of this version: {error!r}") from None
        if wide != [len(FEATURES)] * len(HEADS) or self._mean_frames.shape != (len(PHONES),):
            raise WeightsError(f"{weights} is no confidence model of this version: other sizes")

    def fits(self, phones: PhoneModel) -> bool:
        """Whether it was fitted on the posteriors of that phone model."""
        return self._phones == phones.fingerprint

    def judge(self, posteriors: NDArray[np.float32], words: Sequence[HeardPhones]) -> list[float]:
        """The probability that each word is right, in [0.001, 0.999].

        Args:
            posteriors: log posteriors (T, phones) of the utterance from `PhoneModel`, 100 frames a second.
            words: of that utterance, in order of time, times from its first frame. Either all were recognized (and
                have a posterior) or all were given (and have none); the two kinds are judged apart.
        """
        features = word_features(posteriors, words, self._mean_frames)
        recognized = np.array([word.posterior is not None for word in words], np.bool_)
        out = np.zeros(len(words))
        for head, chosen in (("recognized", recognized), ("given", ~recognized)):
            if chosen.any():
                out[chosen] = self.probabilities(features[chosen], head)
        return [float(value) for value in out]

    def probabilities(self, features: NDArray[np.float32], head: str) -> NDArray[np.float64]:
        """The judgement of one ensemble on features (n, len(FEATURES)): (n,)."""
        prefix = f"{head}."
        own = {name.removeprefix(prefix): array for name, array in self._arrays.items() if name.startswith(prefix)}
        logits = tuned_rows(own, features) @ own["tuning"].astype(np.float64)
        return np.clip(1.0 / (1.0 + np.exp(-logits)), 0.001, 0.999)


def tuned_rows(arrays: dict[str, NDArray[np.float32]], features: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, 2 + len(TUNED)): what an ensemble says as calibrated where it was fitted, a one, and the features `TUNED`."""
    x = np.clip((features - arrays["mean"]) * arrays["scale"], -LIMIT, LIMIT)
    # (members, n, width): every member sees every word.
    hidden = np.tanh(np.einsum("nf,mfw->mnw", x, arrays["hidden.weight"]) + arrays["hidden.bias"][:, None])
    logits = np.einsum("mnw,mw->mn", hidden, arrays["output.weight"]) + arrays["output.bias"][:, None]
    slope, offset = arrays["calibration"].astype(np.float64)
    said = slope * logits.mean(0, dtype=np.float64) + offset
    chosen = x[:, [FEATURES.index(name) for name in TUNED]].astype(np.float64)
    return np.column_stack([said, np.ones(len(x)), chosen])


def with_probability(acoustic: float, stated: float, usual: float) -> float:
    """Another recognizer's word probability and the acoustic judgement of the same word, as one probability.

    The acoustic judgement counts as independent evidence: its odds over those of a word of which nothing is known
    (`usual`, the share of right words where that was fitted) multiply the stated odds, their logarithm at half weight,
    since both listen to the same recording. Not fitted on any such recognizer: the half is a choice, not a
    measurement, and a recognizer that states overconfident probabilities keeps most of its overconfidence.
    """
    stated, acoustic, usual = (min(max(value, 0.001), 0.999) for value in (stated, acoustic, usual))
    evidence = 0.5 * (np.log(acoustic / (1 - acoustic)) - np.log(usual / (1 - usual)))
    return float(1.0 / (1.0 + np.exp(-(np.log(stated / (1 - stated)) + evidence))))
