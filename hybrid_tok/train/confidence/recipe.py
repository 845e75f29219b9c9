"""The recipe of the confidence of recognized words: recordings, recognition, features, an ensemble, calibration.

Everything recognized is kept in `out`/features, a file per recording, so that an interrupted run goes on and the fit
can be repeated at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hybrid_tok.backends.silero import SileroDetector
from hybrid_tok.backends.whisper import WhisperRecognizer
from hybrid_tok.backends.word_times import frame_levels
from hybrid_tok.bench.words import area, calibration_error, judge
from hybrid_tok.confidence.calibration import FITTED, LIMIT, ensemble_logits
from hybrid_tok.confidence.features import FEATURES, word_features
from hybrid_tok.core.audio import Audio
from hybrid_tok.errors import OptionsError
from hybrid_tok.nn.arrays import save_arrays
from hybrid_tok.tagger.backend import BuiltinTagger
from hybrid_tok.train.confidence.recordings import Spoken, draw_recordings


@dataclass(frozen=True, slots=True)
class TrainConfidenceOptions:
    """How the ensemble is fitted.

    Attributes:
        data: folder of training clips with a manifest.jsonl.
        out: where features are kept; the weights go to `weights`.
        model: recognizer model whose words are judged.
        weights: folder of the fitted ensembles.
        composed: conversations to compose.
        members: networks of the ensemble.
        width: hidden units of each.
        steps: of the optimizer, each on all words.
        decay: weight decay.
        held_out: share of the recordings that the calibration is fitted on.
    """

    data: Path
    out: Path
    model: str = "base"
    weights: Path = FITTED
    composed: int = 120
    members: int = 5
    width: int = 24
    steps: int = 600
    decay: float = 3e-3
    held_out: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.composed, self.members, self.width, self.steps) < 1 or not 0.0 < self.held_out < 1.0:
            raise OptionsError(f"composed, members, width and steps must be positive, held_out in (0, 1): {self}")


@dataclass(frozen=True, slots=True, eq=False)
class JudgedWords:
    """Recognized words of a kind of recording.

    Attributes:
        kind: such as "speechocean762" or "simulated sounds".
        features: (n, len(FEATURES)).
        right: (n,).
    """

    kind: str
    features: NDArray[np.float64]
    right: NDArray[np.bool_]


def train(options: TrainConfidenceOptions) -> Path:
    """Recognize, fit, calibrate; returns the weights file, with its description beside it.

    Raises:
        AudioError, OptionsError: the data cannot be read.
        ModelError: the recognizer model is not there.
    """
    judged = collect(options)
    rng = np.random.default_rng(options.seed)
    chosen = rng.random(len(judged)) < options.held_out
    fitting = [words for words, out in zip(judged, chosen, strict=True) if not out]
    held_out = [words for words, out in zip(judged, chosen, strict=True) if out]
    arrays = fit(fitting, options)
    arrays["calibration"] = calibrate(arrays, held_out)
    weights = options.weights / f"{options.model}.safetensors"
    kinds = sorted({words.kind for words in judged})
    about = {
        "features": list(FEATURES),
        "recognizer": WhisperRecognizer(options.model).fingerprint.partition(":")[0],
        "words": {kind: int(sum(len(w.right) for w in judged if w.kind == kind)) for kind in kinds},
        "held_out": score(arrays, held_out),
    }
    save_arrays(weights, arrays, about)
    return weights


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
    features = word_features(words, speech, tagger.tag(audio), frame_levels(audio))
    right = judge([word.text for word in words], recording.text, recording.language).right
    return features, np.array(right, np.bool_)


def fit(judged: Sequence[JudgedWords], options: TrainConfidenceOptions) -> dict[str, NDArray[np.float32]]:
    """The networks of the ensemble, each from its own start and on its own draw of the recordings."""
    x = np.concatenate([words.features for words in judged])
    y = np.concatenate([words.right for words in judged]).astype(np.float32)
    recording = np.concatenate([np.full(len(words.right), index) for index, words in enumerate(judged)])
    mean, scale = x.mean(0), 1.0 / np.maximum(x.std(0), 1e-3)
    standard = torch.from_numpy(np.clip((x - mean) * scale, -LIMIT, LIMIT).astype(np.float32))
    members: list[list[NDArray[np.float32]]] = []
    for member in range(options.members):
        rng = np.random.default_rng((options.seed, member))
        counts = np.bincount(rng.integers(0, len(judged), len(judged)), minlength=len(judged))
        weight = torch.from_numpy(counts[recording]).float()
        members.append(_fit_one(standard, torch.from_numpy(y), weight, member, options))
    hidden, bias, output, last = (np.stack(parts) for parts in zip(*members, strict=True))
    return {
        "mean": mean.astype(np.float32),
        "scale": scale.astype(np.float32),
        "hidden.weight": hidden,
        "hidden.bias": bias,
        "output.weight": output,
        "output.bias": last,
        "calibration": np.array([1.0, 0.0], np.float32),
    }


def _fit_one(
    x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, member: int, options: TrainConfidenceOptions
) -> list[NDArray[np.float32]]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed * 1000 + member)
        network = nn.Sequential(nn.Linear(x.shape[1], options.width), nn.Tanh(), nn.Linear(options.width, 1))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=options.decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.steps)
    for _ in range(options.steps):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(network(x)[:, 0], y, weight)
        loss.backward()
        optimizer.step()
        schedule.step()
    first, second = network[0], network[2]
    assert isinstance(first, nn.Linear) and isinstance(second, nn.Linear)
    arrays = (first.weight.T, first.bias, second.weight[0], second.bias[0])
    return [array.detach().numpy().astype(np.float32) for array in arrays]


def calibrate(arrays: dict[str, NDArray[np.float32]], held_out: Sequence[JudgedWords]) -> NDArray[np.float32]:
    """Slope and offset of the ensemble's log odds, fitted on recordings it has not seen (Platt 1999)."""
    from scipy.optimize import minimize

    logits = np.concatenate([ensemble_logits(arrays, words.features) for words in held_out])
    right = np.concatenate([words.right for words in held_out]).astype(float)

    def loss(values: NDArray[np.float64]) -> float:
        z = values[0] * logits + values[1]
        return float(np.mean(np.logaddexp(0.0, z) - right * z))

    return minimize(loss, np.array([1.0, 0.0])).x.astype(np.float32)


def score(arrays: dict[str, NDArray[np.float32]], judged: Sequence[JudgedWords]) -> dict[str, dict[str, float]]:
    """By kind: words, share right, area under the curve and calibration error."""
    figures: dict[str, dict[str, float]] = {}
    for kind in sorted({words.kind for words in judged}):
        chosen = [words for words in judged if words.kind == kind and len(words.right)]
        if not chosen:
            continue
        logits = np.concatenate([ensemble_logits(arrays, words.features) for words in chosen])
        probability = 1.0 / (1.0 + np.exp(-logits))
        right = np.concatenate([words.right for words in chosen])
        curve = area(probability, right)
        figures[kind] = {
            "words": len(right),
            "right": round(float(right.mean()), 4),
            "said": round(float(probability.mean()), 4),
            "area": round(curve, 4) if np.isfinite(curve) else -1.0,
            "calibration_error": round(calibration_error(probability, right), 4),
        }
    return figures
