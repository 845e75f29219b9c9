"""Fits the regression from voice codes to mean spectra (`voice.timbre`): ridge, least squares, no randomness.

hybrid-tok train timbre --data ../shared/audio/train --out timbre.json
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio import read_mono
from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.manifest import read_manifest
from hybrid_tok.errors import OptionsError
from hybrid_tok.voice.code import quantize
from hybrid_tok.voice.measure import speech_centres, traits_of, voiced_spectra
from hybrid_tok.voice.pitch import HOP_SECONDS, track_pitch
from hybrid_tok.voice.timbre import WEIGHTS, TimbreModel, band_levels, centred

SOURCES = ("aishell1", "librispeech", "picovoice-s2i", "speechocean762")
"""Data sets of speech, by their name in the manifest. Each clip of an unnamed speaker counts as a speaker."""

_RIDGE = 0.01
_RATE = 16_000
_CLIPS, _GROUPS = 5, 3
"""Clips that are measured together, and how many such groups a speaker has at most."""

_FEWEST_VOICED = 50
_HELD_OUT = 4


def train_timbre(data: Path, out: Path = WEIGHTS, tell: Callable[[str], None] = print) -> dict[str, float]:
    """Fit on a folder with a `manifest.jsonl`, write the weights, and return what was measured.

    Returns:
        On every fourth speaker, left out of a first fit: rms error in dB over all bands, and that of the mean
        spectrum alone.

    Raises:
        OptionsError: no manifest, or fewer than eight speakers with voiced speech.
    """
    measured = list(_measured(data))
    speakers = [speaker for speaker, _, _ in measured]
    if len(set(speakers)) < 8:
        raise OptionsError(f"{data} has {len(set(speakers))} speakers with voiced speech: at least 8 are needed")
    report = fit_and_write([code for _, code, _ in measured], [spectrum for *_, spectrum in measured], speakers, out)
    tell(f"{len(measured)} recordings of {len(set(speakers))} speakers: {report}")
    return report


def _measured(data: Path) -> Iterator[tuple[str, tuple[int, ...], NDArray[np.float64]]]:
    """Speaker, voice code and mean log spectrum (bins,) in dB of each group of clips."""
    from hybrid_tok.backends.silero import SileroDetector

    clips: defaultdict[str, list[Path]] = defaultdict(list)
    for clip in read_manifest(data):
        if clip.source in SOURCES:
            clips[f"{clip.source}/{clip.speaker or clip.name}"].append(clip.path)
    detector, hop = SileroDetector(), round(HOP_SECONDS * _RATE)
    for speaker, paths in sorted(clips.items()):
        for first in range(0, min(len(paths), _CLIPS * _GROUPS), _CLIPS):
            part = [read_mono(path, _RATE)[0].samples for path in paths[first : first + _CLIPS]]
            audio = Audio(np.concatenate(part), _RATE)
            track = track_pitch(audio.samples, _RATE, speech_centres(audio, detector.detect(audio), hop))
            if np.count_nonzero(track.voiced) >= _FEWEST_VOICED:
                spectra = voiced_spectra(audio, track)
                yield speaker, quantize(traits_of(track, spectra, _RATE)), spectra.mean(axis=0, dtype=np.float64)


def fit_and_write(
    codes: Sequence[Sequence[int]],
    spectra: Sequence[NDArray[np.float64]],
    speakers: Sequence[str],
    out: Path,
    sample_rate: int = _RATE,
) -> dict[str, float]:
    """Fit on voice codes and mean log spectra (bins,) in dB, a recording each; returns as `train_timbre`."""
    steps = np.stack([centred(code) for code in codes])
    levels = np.stack([band_levels(spectrum, sample_rate) for spectrum in spectra])
    held = np.isin(speakers, sorted(set(speakers))[::_HELD_OUT])
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
