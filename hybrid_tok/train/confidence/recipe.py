"""The recipe of the confidence of recognized words: recordings, recognition, features, two logistic regressions.

Everything recognized is kept in `out`/features, a file per recording, so that an interrupted run goes on and the fit
can be repeated at once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.silero import SileroDetector
from hybrid_tok.backends.whisper import WhisperRecognizer
from hybrid_tok.bench.words import area, calibration_error, judge
from hybrid_tok.confidence.calibration import LIMIT, Logistic
from hybrid_tok.confidence.features import FEATURES, word_features
from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.core.audio import Audio
from hybrid_tok.errors import OptionsError
from hybrid_tok.tagger.backend import BuiltinTagger
from hybrid_tok.train.confidence.recordings import SOUNDS, Spoken, draw_recordings

RIGHT = (
    "mean",
    "lowest",
    "agreement",
    "before",
    "after",
    "around",
    "window",
    "window_lowest",
    "doubtful_share",
    "unspaced",
)
"""Features of whether a word is the one that was said: what the recognizer says of it and of the words around it."""

SPEECH = ("mean", "agreement", *FEATURES[FEATURES.index("around") :])
"""Features of whether words were said at all."""


@dataclass(frozen=True, slots=True)
class TrainConfidenceOptions:
    """How the confidence is fitted.

    Attributes:
        data: folder of training clips with a manifest.jsonl.
        out: where features and coefficients go.
        model: recognizer model whose words are judged.
        composed: conversations to compose.
        right_penalty, speech_penalty: of the squared weights of the two regressions.
        held_out: share of the recordings that are scored and not fitted on.
    """

    data: Path
    out: Path
    model: str = "base"
    composed: int = 120
    right_penalty: float = 1e-3
    speech_penalty: float = 1e-2
    held_out: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.composed < 1 or not 0.0 < self.held_out < 1.0:
            raise OptionsError(f"composed must be positive, held_out in (0, 1): {self}")


@dataclass(frozen=True, slots=True, eq=False)
class JudgedWords:
    """Recognized words of a recording.

    Attributes:
        kind: of the recording, such as "speechocean762" or "simulated sounds".
        features: (n, len(FEATURES)).
        right: (n,).
    """

    kind: str
    features: NDArray[np.float64]
    right: NDArray[np.bool_]


def train(options: TrainConfidenceOptions) -> Path:
    """Recognize and fit; returns the file of coefficients, MODEL.json in `out`.

    Raises:
        AudioError, OptionsError: the data cannot be read.
        ModelError: the recognizer model is not there.
    """
    judged = collect(options)
    rng = np.random.default_rng(options.seed)
    chosen = rng.random(len(judged)) < options.held_out
    fitting = [words for words, out in zip(judged, chosen, strict=True) if not out]
    held_out = [words for words, out in zip(judged, chosen, strict=True) if out]
    right, speech = fit(fitting, options)
    data = {
        "right": right.to_json(),
        "speech": speech.to_json(),
        "words": {
            kind: sum(len(w.right) for w in judged if w.kind == kind) for kind in sorted({w.kind for w in judged})
        },
        "held_out": score(right, speech, held_out),
    }
    path = options.out / f"{options.model}.json"
    with atomic_write(path) as file:
        file.write((json.dumps(data, indent=1) + "\n").encode())
    return path


def collect(options: TrainConfidenceOptions) -> list[JudgedWords]:
    """The recognized words of all recordings, judged by their transcripts."""
    folder = options.out / "features" / options.model
    folder.mkdir(parents=True, exist_ok=True)
    recognizer, detector, tagger = WhisperRecognizer(options.model), SileroDetector(), BuiltinTagger()
    judged: list[JudgedWords] = []
    recordings = draw_recordings(options.data, options.out / "cache", options.composed, options.seed)
    for index, recording in enumerate(recordings):
        if not recognizer.model.multilingual and recording.language != "en":
            continue
        path = folder / f"{index:05d}.npz"
        if not path.exists():
            features, right = heard_words(recording, recognizer, detector, tagger)
            partial = path.with_suffix(".part.npz")
            np.savez(partial, features=features, right=right)
            partial.replace(path)
        with np.load(path, allow_pickle=False) as stored:
            judged.append(JudgedWords(recording.kind, stored["features"], stored["right"]))
    return judged


def heard_words(
    recording: Spoken, recognizer: WhisperRecognizer, detector: SileroDetector, tagger: BuiltinTagger
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Features (n, len(FEATURES)) of the words heard in a recording, and which are right."""
    audio = Audio(recording.samples, 16_000)
    speech = detector.detect(audio)
    words = recognizer.hear(audio, speech)
    features = word_features(words, speech, tagger.tag(audio))
    right = judge([word.text for word in words], recording.text, recording.language).right
    return features, np.array(right, np.bool_)


def fit(judged: Sequence[JudgedWords], options: TrainConfidenceOptions) -> tuple[Logistic, Logistic]:
    """The regression of right against wrong words where there is speech, and that of speech against sounds."""
    spoken = [words for words in judged if words.kind not in SOUNDS]
    right = fit_logistic(
        np.concatenate([words.features for words in spoken]),
        np.concatenate([words.right for words in spoken]),
        RIGHT,
        options.right_penalty,
    )
    speech = fit_logistic(
        np.concatenate([words.features for words in judged]),
        np.concatenate([np.full(len(words.right), words.kind not in SOUNDS) for words in judged]),
        SPEECH,
        options.speech_penalty,
    )
    return right, speech


def fit_logistic(
    features: NDArray[np.float64], target: NDArray[np.bool_], names: Sequence[str], penalty: float
) -> Logistic:
    """A logistic regression of some features (n, len(FEATURES)) with a penalty on its squared weights."""
    from scipy.optimize import minimize

    columns = np.array([FEATURES.index(name) for name in names])
    chosen, wanted = features[:, columns], target.astype(float)
    mean, scale = chosen.mean(axis=0), 1.0 / np.maximum(chosen.std(axis=0), 1e-3)
    standard = np.clip((chosen - mean) * scale, -LIMIT, LIMIT)

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = standard @ values[:-1] + values[-1]
        miss = (1.0 / (1.0 + np.exp(-logits)) - wanted) / len(wanted)
        value = float(np.mean(np.logaddexp(0.0, logits) - wanted * logits) + penalty * np.square(values[:-1]).sum())
        return value, np.append(standard.T @ miss + 2.0 * penalty * values[:-1], miss.sum())

    found = minimize(loss, np.zeros(len(columns) + 1), jac=True, method="L-BFGS-B").x
    return Logistic(columns, mean, scale, found[:-1], float(found[-1]))


def score(right: Logistic, speech: Logistic, judged: Sequence[JudgedWords]) -> dict[str, dict[str, float]]:
    """By kind: words, share right, mean confidence, area under the curve and calibration error."""
    figures: dict[str, dict[str, float]] = {}
    for kind in sorted({words.kind for words in judged if len(words.right)}):
        features = np.concatenate([words.features for words in judged if words.kind == kind])
        correct = np.concatenate([words.right for words in judged if words.kind == kind])
        confidence = right(features) * speech(features)
        curve = area(confidence, correct)
        figures[kind] = {
            "words": len(correct),
            "right": round(float(correct.mean()), 4),
            "said": round(float(confidence.mean()), 4),
            "calibration_error": round(calibration_error(confidence, correct), 4),
        } | ({"area": round(curve, 4)} if np.isfinite(curve) else {})
    return figures
