"""Fits the regression from voice codes to mean spectra (`voice.timbre`): ridge, least squares, no randomness."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.files import atomic_write
from hybrid_tok.voice.timbre import WEIGHTS, TimbreModel, band_levels, centred

_RIDGE = 0.01


def train_timbre(
    codes: Sequence[Sequence[int]],
    spectra: Sequence[NDArray[np.float64]],
    speakers: Sequence[str],
    sample_rate: int,
    out: Path = WEIGHTS,
    held_out: int = 4,
) -> dict[str, float]:
    """Fit on voice codes and mean log spectra (bins,) in dB of several recordings per speaker, and write the weights.

    Returns:
        On every `held_out`-th speaker, whom a first fit never saw: rms error in dB over all bands, and that of the mean
        spectrum alone.
    """
    steps = np.stack([centred(code) for code in codes])
    levels = np.stack([band_levels(spectrum, sample_rate) for spectrum in spectra])
    held = np.isin(speakers, sorted(set(speakers))[::held_out])
    model = fit(steps[~held], levels[~held])
    predicted = model.mean + steps[held] @ model.weights.T
    report = {
        "error_db": float(np.sqrt(np.square(levels[held] - predicted).mean())),
        "error_of_mean_db": float(np.sqrt(np.square(levels[held] - levels[~held].mean(axis=0)).mean())),
    }
    final = fit(steps, levels)
    with atomic_write(out) as file:
        tables = {"mean": final.mean.round(2).tolist(), "weights": final.weights.round(2).tolist()}
        file.write((json.dumps(tables) + "\n").encode())
    return report


def fit(steps: NDArray[np.float64], levels: NDArray[np.float64]) -> TimbreModel:
    """The regression from steps (n, 8) to levels (n, 40)."""
    inputs = np.concatenate([np.ones((len(steps), 1)), steps], axis=1)
    gram = inputs.T @ inputs + _RIDGE * np.eye(inputs.shape[1])
    solution = np.linalg.solve(gram, inputs.T @ levels)
    return TimbreModel(solution[0], solution[1:].T)
