"""The recipe of the confidence of aligned words: texts laid over clips, an ensemble, its calibration.

The speakers are those the phone network has not heard. One small network is fitted per fold of them, and the ensemble
is calibrated by what each says about the speakers of its own fold, which it has not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from hybrid_tok.align.confidence import LIMIT, TUNED, AlignedConfidence, tuned_rows
from hybrid_tok.align.phones import PHONE_WEIGHTS, PhoneModel
from hybrid_tok.align.word_features import FEATURES
from hybrid_tok.bench.words import area
from hybrid_tok.errors import OptionsError
from hybrid_tok.nn.arrays import save_arrays
from hybrid_tok.train.align.aligned_words import JudgedWords, WordOptions, collect
from hybrid_tok.train.align.phone_labels import SENTENCES

ENGLISH = ("librispeech", "ljspeech", "speechocean762")
"""Sources of the clips that are tuned on."""


@dataclass(frozen=True, slots=True)
class TrainAlignedConfidenceOptions:
    """What `hybrid-tok train aligned-confidence` can be told.

    Attributes:
        data: folder with manifest.jsonl and the clips it lists.
        out: folder for the features and the fitted weights.
        tune: folder of transcribed clips of other kinds, to tune the weights of `TUNED` on; None leaves them at 0.
        phones: weights of the phone network that listens; the one in the package unless given.
        hold_out: the speakers that `train phones` left out; the same number.
        noisy: share of the clips that are heard through noise.
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
    phones: Path = PHONE_WEIGHTS
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
        if self.hold_out < 1 or self.folds < 2 or min(self.width, self.steps) < 1:
            raise OptionsError("hold_out, width and steps must be at least 1, folds at least 2")
        if not (0 <= self.noisy <= 1 and 0 < self.edited < 1):
            raise OptionsError("noisy must be in [0, 1], edited between 0 and 1")


def train(options: TrainAlignedConfidenceOptions) -> Path:
    """Align, fit, calibrate; returns the weights, `out`/confidence.safetensors (with its .json).

    Raises:
        AudioError, OptionsError: the data cannot be read, or has too few speakers.
    """
    words = load_words(options, options.data, "words")
    arrays, measured = fit(words, options)
    arrays["tuning"] = np.array([1.0, 0.0, *[0.0] * len(TUNED)], np.float32)
    if options.tune is not None:
        arrays["tuning"] = tune(arrays, load_words(options, options.tune, "tuning"), options.firmness)
    phones = PhoneModel(options.phones)
    weights = options.out / "confidence.safetensors"
    about = {
        "name": "hybrid-tok-aligned-confidence",
        "features": list(FEATURES),
        "phones": phones.fingerprint,
        "mean_frames": [round(float(value), 2) for value in phones.mean_frames],
        "measured": measured,
    }
    save_arrays(weights, arrays, about)
    AlignedConfidence(weights)
    return weights


def load_words(options: TrainAlignedConfidenceOptions, data: Path, name: str) -> JudgedWords:
    """The words of a folder of clips, from the cache in `out` where they are."""
    cache = options.out / f"{name}.npz"
    if not cache.exists():
        tuning = data == options.tune
        sources, hold_out, noisy = (ENGLISH, 1, 0.0) if tuning else (SENTENCES, options.hold_out, options.noisy)
        parts = list(collect(WordOptions(data, sources, options.phones, hold_out, noisy, options.edited, options.seed)))
        if not parts:
            raise OptionsError(f"{data} has no transcribed clips of {', '.join(sources)}")
        words = JudgedWords.joined(parts)
        options.out.mkdir(parents=True, exist_ok=True)
        partial = cache.with_name(f"{name}.part.npz")
        np.savez(partial, features=words.features, right=words.right, speaker=words.speaker)
        partial.replace(cache)
    with np.load(cache, allow_pickle=False) as stored:
        return JudgedWords(stored["features"], stored["right"], stored["speaker"])


def fit(
    words: JudgedWords, options: TrainAlignedConfidenceOptions
) -> tuple[dict[str, NDArray[np.float32]], dict[str, float]]:
    """The arrays of the ensemble, and what it says about speakers it has not seen."""
    speakers = int(words.speaker.max()) + 1
    if speakers < options.folds:
        raise OptionsError(f"{options.data} has {speakers} speakers to fit on, fewer than the {options.folds} folds")
    mean = words.features.mean(0)
    scale = 1.0 / np.maximum(words.features.std(0), 1e-3)
    x = torch.from_numpy(np.clip((words.features - mean) * scale, -LIMIT, LIMIT).astype(np.float32))
    y = torch.from_numpy(words.right.astype(np.float32))
    fold = np.random.default_rng(options.seed).permutation(speakers)[words.speaker] % options.folds
    members: list[list[NDArray[np.float32]]] = []
    unseen = np.zeros(len(y))
    for index in range(options.folds):
        own = torch.from_numpy(fold == index)
        member = _fit_one(x[~own], y[~own], index, options)
        with torch.no_grad():
            unseen[fold == index] = member(x[own])[:, 0].numpy()
        first, last = member[0], member[2]
        assert isinstance(first, nn.Linear) and isinstance(last, nn.Linear)
        parts = (first.weight.T, first.bias, last.weight[0], last.bias[0])
        members.append([part.detach().numpy().astype(np.float32) for part in parts])
    slope, offset = calibrate(unseen, words.right)
    probability = 1.0 / (1.0 + np.exp(-(slope * unseen + offset)))
    names = ("hidden.weight", "hidden.bias", "output.weight", "output.bias")
    arrays = {"mean": mean, "scale": scale, "calibration": np.array([slope, offset])}
    arrays |= {name: np.stack(parts) for name, parts in zip(names, zip(*members, strict=True), strict=True)}
    measured = {
        "words": len(y),
        "right": round(float(words.right.mean()), 4),
        "area": round(area(probability, words.right), 4),
    }
    return {name: np.asarray(array, np.float32) for name, array in arrays.items()}, measured


def _fit_one(x: torch.Tensor, y: torch.Tensor, index: int, options: TrainAlignedConfidenceOptions) -> nn.Sequential:
    torch.manual_seed(options.seed + index)
    member = nn.Sequential(nn.Linear(x.shape[1], options.width), nn.Tanh(), nn.Linear(options.width, 1))
    optimizer = torch.optim.AdamW(member.parameters(), lr=options.learning_rate, weight_decay=options.decay)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, options.steps)
    for _ in range(options.steps):
        loss = functional.binary_cross_entropy_with_logits(member(x)[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return member


def tune(arrays: dict[str, NDArray[np.float32]], words: JudgedWords, firmness: float) -> NDArray[np.float32]:
    """Slope, offset and the weights of `TUNED`, by logistic regression that is held to (1, 0, 0, ...) as by `firmness`
    words."""
    rows = tuned_rows(arrays, words.features)
    belief = np.array([1.0, 0.0, *[0.0] * len(TUNED)])
    spread = np.maximum(rows.var(0), 1e-3) * firmness / 4
    spread[1] = 1e-3  # the share of right words is what differs most between kinds of recordings
    return _logistic(rows, words.right, belief, spread).astype(np.float32)


def calibrate(logits: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset with which logits are probabilities (Platt 1999)."""
    rows = np.column_stack([logits, np.ones(len(logits))])
    slope, offset = _logistic(rows, right, np.array([1.0, 0.0]), np.full(2, 1e-6))
    return float(slope), float(offset)


def _logistic(
    rows: NDArray[np.float64], right: NDArray[np.bool_], belief: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weights of the rows' columns, by Newton's method from `belief`, which a penalty of `spread` holds them to."""
    weights = belief.copy()
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-(rows @ weights)))
        gradient = rows.T @ (right - p) - spread * (weights - belief)
        weights = weights + np.linalg.solve((rows * (p * (1 - p))[:, None]).T @ rows + np.diag(spread), gradient)
    return weights
