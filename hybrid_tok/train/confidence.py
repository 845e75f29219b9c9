"""The recipe of the confidence model: words of speakers the phone network has not heard, and whether they are right.

`confidence_words` recognizes utterances, and aligns texts to them; each word gives a row of features and whether it is
right. For each of the two kinds an ensemble of small networks is fitted, one per fold of the speakers, and calibrated
by what each says about the speakers of its own fold, which it has not seen.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from hybrid_tok.bench.words import area
from hybrid_tok.errors import OptionsError
from hybrid_tok.models.arrays import save_arrays
from hybrid_tok.models.confidence import HEADS, LIMIT, TUNED, ConfidenceModel, tuned_rows
from hybrid_tok.models.phones import PhoneModel
from hybrid_tok.models.word_features import FEATURES
from hybrid_tok.train.confidence_words import Judged, WordOptions, collect
from hybrid_tok.train.phone_labels import SENTENCES

ENGLISH = ("librispeech", "ljspeech", "speechocean762")
"""Sources of the clips that are tuned on."""


@dataclass(frozen=True, slots=True)
class TrainConfidenceOptions:
    """What `hybrid-tok train confidence` can be told.

    Attributes:
        data: folder with manifest.jsonl and the clips it lists.
        out: folder for the features and the fitted weights.
        tune: folder of transcribed clips of other kinds, to tune the weights of `TUNED` on; None leaves them at 0.
        hold_out: the speakers that `train phones` left out; the same number.
        noisy: share of the utterances that are heard through noise.
        edited: share of a text's words that are left out, put in or replaced; half of the texts are edited.
        folds: of the speakers.
        width: hidden units of a member.
        steps, learning_rate, decay: of the fit; decay is that of AdamW.
        firmness: words' worth of belief in what was fitted, against what is tuned.
        seed: of noises, edits, folds and initialization.
    """

    data: Path
    out: Path
    tune: Path | None = None
    hold_out: int = 5
    noisy: float = 0.3
    edited: float = 0.2
    folds: int = 5
    width: int = 12
    steps: int = 400
    learning_rate: float = 1e-2
    decay: float = 1.0
    firmness: float = 30.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.hold_out < 2 or self.folds < 2 or min(self.width, self.steps) < 1:
            raise OptionsError("hold_out and folds must be at least 2, width and steps at least 1")
        if not (0 <= self.noisy <= 1 and 0 < self.edited < 1):
            raise OptionsError("noisy must be in [0, 1], edited between 0 and 1")


def train(options: TrainConfidenceOptions) -> Path:
    """Fit both heads; returns the weights, `out`/confidence.safetensors (with its .json).

    Raises:
        AudioError: the data cannot be read.
    """
    words = load_words(
        options,
        WordOptions(options.data, SENTENCES, options.hold_out, options.noisy, options.edited, options.seed),
        "words",
    )
    others = None
    if options.tune is not None:
        others = load_words(options, WordOptions(options.tune, ENGLISH, 1, 0.0, options.edited, options.seed), "tuning")
    arrays: dict[str, NDArray[np.float32]] = {}
    report: dict[str, Any] = {}
    for head in HEADS:
        fitted, measured = fit(words[head], options)
        fitted["tuning"] = np.array([1.0, 0.0, *[0.0] * len(TUNED)], np.float32)
        if others is not None:
            fitted["tuning"] = tune(fitted, others[head], options.firmness)
        arrays.update({f"{head}.{name}": array for name, array in fitted.items()})
        report[head] = measured
    phones = PhoneModel()
    weights = options.out / "confidence.safetensors"
    about = {
        "name": "hybrid-tok-confidence",
        "features": list(FEATURES),
        "phones": phones.fingerprint,
        "mean_frames": [round(float(value), 2) for value in phones.mean_frames],
        "usual": {head: report[head]["right"] for head in HEADS},
    }
    save_arrays(weights, arrays, about)
    ConfidenceModel(weights)
    (options.out / "report.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    return weights


def load_words(options: TrainConfidenceOptions, material: WordOptions, name: str) -> dict[str, Judged]:
    """The words of both heads, from the cache in `out` where they are."""
    cache = options.out / f"{name}.npz"
    if not cache.exists():
        options.out.mkdir(parents=True, exist_ok=True)
        rows: dict[str, list[Judged]] = {head: [] for head in HEADS}
        for judged in collect(material):
            for head in HEADS:
                rows[head].append(judged[head])
        columns = ("features", "right", "speaker")
        joined = {f"{h}.{c}": np.concatenate([getattr(row, c) for row in rows[h]]) for h in HEADS for c in columns}
        partial = cache.with_name(f"{name}.part.npz")
        np.savez(partial, **joined)  # pyright: ignore[reportArgumentType]
        partial.replace(cache)
    with np.load(cache, allow_pickle=False) as arrays:
        return {h: Judged(arrays[f"{h}.features"], arrays[f"{h}.right"], arrays[f"{h}.speaker"]) for h in HEADS}


class _Member(nn.Module):
    """One network of an ensemble: features (n, F) to log odds (n,)."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(features, width)
        self.output = nn.Linear(width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output(torch.tanh(self.hidden(x)))[:, 0]


def fit(words: Judged, options: TrainConfidenceOptions) -> tuple[dict[str, NDArray[np.float32]], dict[str, float]]:
    """The arrays of a head, and what it says about speakers it has not seen."""
    mean = words.features.mean(0)
    scale = 1.0 / np.maximum(words.features.std(0), 1e-3)
    x = torch.from_numpy(np.clip((words.features - mean) * scale, -LIMIT, LIMIT).astype(np.float32))
    y = torch.from_numpy(words.right.astype(np.float32))
    order = np.random.default_rng(options.seed).permutation(int(words.speaker.max()) + 1)
    fold = order[words.speaker] % options.folds
    members: list[_Member] = []
    unseen = np.zeros(len(y))
    for index in range(options.folds):
        torch.manual_seed(options.seed + index)
        member = _Member(x.shape[1], options.width)
        optimizer = torch.optim.AdamW(member.parameters(), lr=options.learning_rate, weight_decay=options.decay)
        kept = torch.from_numpy(fold != index)
        for step in range(options.steps):
            for group in optimizer.param_groups:
                group["lr"] = options.learning_rate * (1.0 - step / options.steps)
            loss = functional.binary_cross_entropy_with_logits(member(x[kept]), y[kept])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            unseen[fold == index] = member(x).numpy()[fold == index]
        members.append(member)
    slope, offset = calibrate(unseen, words.right)
    probability = 1.0 / (1.0 + np.exp(-(slope * unseen + offset)))
    arrays = {
        "mean": mean,
        "scale": scale,
        "hidden.weight": _stacked([member.hidden.weight.T for member in members]),
        "hidden.bias": _stacked([member.hidden.bias for member in members]),
        "output.weight": _stacked([member.output.weight[0] for member in members]),
        "output.bias": _stacked([member.output.bias[0] for member in members]),
        "calibration": np.array([slope, offset]),
    }
    measured = {
        "words": len(y),
        "right": round(float(words.right.mean()), 4),
        "area": round(area(probability, words.right), 4),
        "nats": round(float(-np.log(np.where(words.right, probability, 1.0 - probability)).mean()), 4),
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}, measured


def tune(arrays: dict[str, NDArray[np.float32]], words: Judged, firmness: float) -> NDArray[np.float32]:
    """Slope, offset and the weights of `TUNED`, by logistic regression that is held to (1, 0, 0, ...) as by `firmness`
    words."""
    rows = tuned_rows(arrays, words.features)
    belief = np.array([1.0, 0.0, *[0.0] * len(TUNED)])
    parameters = belief.copy()
    spread = np.maximum(rows.var(0), 1e-3) * firmness / 4
    spread[1] = 1e-3  # the share of right words is what differs most between kinds of recordings
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-(rows @ parameters)))
        gradient = rows.T @ (words.right - p) - spread * (parameters - belief)
        parameters = parameters + np.linalg.solve((rows * (p * (1 - p))[:, None]).T @ rows + np.diag(spread), gradient)
    return parameters.astype(np.float32)


def calibrate(logits: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset with which logits are probabilities (Platt 1999), by Newton's method."""
    parameters = np.array([1.0, 0.0])
    rows = np.column_stack([logits, np.ones(len(logits))])
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-(rows @ parameters)))
        gradient = rows.T @ (right - p)
        curvature = (rows * (p * (1 - p))[:, None]).T @ rows + 1e-6 * np.eye(2)
        parameters = parameters + np.linalg.solve(curvature, gradient)
    return float(parameters[0]), float(parameters[1])


def _stacked(tensors: Sequence[torch.Tensor]) -> NDArray[np.float32]:
    return torch.stack(list(tensors)).detach().numpy()
