"""Fits the estimator of the vocal tract's length (`voice.tract`) on the speech of many speakers.

    hybrid-tok train tract --data ../shared/audio/train --out tract.json

For every speaker the spectra of voiced frames are stretched by known factors. With g the mean change of the statistics
per unit of log stretch, and R their covariance over speakers, the weights are R^-1 g / (g' R^-1 g): the response to a
stretch is one, and the variance over speakers and recordings is minimal. (The true differences between tracts
are part of R as well; that costs a little variance, and no bias.) There is no randomness.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio import read_mono
from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.core.manifest import read_manifest
from hybrid_tok.errors import OptionsError
from hybrid_tok.voice.envelope import envelopes
from hybrid_tok.voice.measure import loud_voiced
from hybrid_tok.voice.pitch import track_pitch
from hybrid_tok.voice.tract import WEIGHTS, TractModel, spectral_statistics

SAMPLE_RATE = 16_000
_SECONDS = 10
"""Of each clip that are used."""
_HELD_OUT = 3
"""Every so many-th speaker is kept for measuring only."""
_STRETCHES = 2.0 ** (np.arange(-8, 9, 2) / 24.0)


@dataclass(frozen=True, slots=True)
class VoiceTrainOptions:
    """Data and method of the fit.

    Attributes:
        sources: data sets that name their speakers, by their name in the manifest.
        clips: number of clips per speaker.
        frames: voiced ones per speaker.
        ridge: added to the covariance's diagonal, relative to its mean.
    """

    sources: tuple[str, ...] = ("speechocean762", "librispeech")
    clips: int = 3
    frames: int = 180
    ridge: float = 0.03

    def __post_init__(self) -> None:
        if min(self.clips, self.frames) < 1 or not self.ridge > 0.0:
            raise OptionsError(
                f"need clips and frames >= 1 and ridge > 0, not {self.clips}, {self.frames}, {self.ridge}"
            )


def train_voice(
    data: Path,
    out: Path = WEIGHTS,
    options: VoiceTrainOptions = VoiceTrainOptions(),
    tell: Callable[[str], None] = print,
) -> dict[str, float]:
    """Fit on a folder with a `manifest.jsonl`, write the weights, and return what was measured on held-out speakers.

    Raises:
        OptionsError: no manifest, or fewer than six speakers with voiced speech.
    """
    spectra = [found for clips in _speakers(data, options) if len(found := _voiced_spectra(clips, options)) >= 20]
    if len(spectra) < 6:
        raise OptionsError(f"{data} has {len(spectra)} speakers with voiced speech: at least 6 are needed")
    tell(f"{len(spectra)} speakers, {sum(map(len, spectra))} voiced frames")
    held = np.arange(len(spectra)) % _HELD_OUT == 0
    statistics = np.array([[spectral_statistics(x, SAMPLE_RATE, s) for s in _STRETCHES] for x in spectra])
    halves = np.array(
        [[spectral_statistics(x[part], SAMPLE_RATE) for part in np.array_split(np.arange(len(x)), 2)] for x in spectra]
    )
    model = fit(statistics[~held], np.log(_STRETCHES), options.ridge)
    report = evaluate(model, statistics[held], halves[held])
    report["speakers"], report["held_out_speakers"] = len(spectra), int(held.sum())
    final = fit(statistics, np.log(_STRETCHES), options.ridge)
    with atomic_write(out) as file:
        rounded = {"mean": final.mean.round(3).tolist(), "weights": final.weights.round(6).tolist()}
        text = json.dumps({**rounded, "reliability": round(report["reliability"], 2)}, indent=1)
        file.write((text + "\n").encode())
    for name, value in report.items():
        tell(f"{name}: {value:.3f}")
    return report


def fit(statistics: NDArray[np.float64], logarithms: NDArray[np.float64], ridge: float) -> TractModel:
    """The estimator from statistics (speakers, stretches, 48) of spectra with known log stretches."""
    plain = statistics[:, int(np.argmin(np.abs(logarithms)))]
    centred = logarithms - logarithms.mean()
    answer = np.einsum("s,ksd->d", centred, statistics) / (np.square(centred).sum() * len(statistics))
    covariance = np.cov(plain.T)
    covariance += np.eye(len(covariance)) * ridge * np.trace(covariance) / len(covariance)
    weights = np.linalg.solve(covariance, answer)
    return TractModel(plain.mean(axis=0), weights / (weights @ answer), 1.0)


def evaluate(model: TractModel, statistics: NDArray[np.float64], halves: NDArray[np.float64]) -> dict[str, float]:
    """On other speakers: the response to a stretch (1 is right), the correlation between two halves of the same speech,
    and the spread over speakers in per cent."""
    logarithms = np.log(_STRETCHES)
    estimates = (statistics - model.mean) @ model.weights
    slope = np.mean([np.polyfit(logarithms, row, 1)[0] for row in estimates])
    first, second = ((halves - model.mean) @ model.weights).T
    spread = estimates[:, int(np.argmin(np.abs(logarithms)))].std()
    return {
        "slope": float(slope),
        "reliability": float(np.corrcoef(first, second)[0, 1]),
        "spread_percent": float(100.0 * spread),
    }


def _speakers(data: Path, options: VoiceTrainOptions) -> list[list[Path]]:
    """The clips of each speaker."""
    clips: defaultdict[tuple[str, str], list[Path]] = defaultdict(list)
    for clip in read_manifest(data):
        if clip.source in options.sources and clip.speaker:
            clips[clip.source, clip.speaker].append(clip.path)
    return [clips[speaker][: options.clips] for speaker in sorted(clips)]


def _voiced_spectra(clips: Sequence[Path], options: VoiceTrainOptions) -> NDArray[np.float32]:
    """Log spectra (T, bins) of a speaker's voiced frames in dB."""
    found: list[NDArray[np.float32]] = []
    for clip in clips:
        samples = read_mono(clip, SAMPLE_RATE)[0].samples[: _SECONDS * SAMPLE_RATE]
        track = track_pitch(samples, SAMPLE_RATE)
        chosen = loud_voiced(track)[::4][: -(-options.frames // options.clips) * 3 // 2]
        spectra = envelopes(samples, SAMPLE_RATE, track.centres[chosen], track.frequency[chosen])
        found.append(np.float32(10.0) * np.log10(spectra))
    return np.concatenate(found)[: options.frames] if found else np.zeros((0, 0), np.float32)
