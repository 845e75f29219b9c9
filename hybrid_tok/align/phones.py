"""Which phone is heard when: a small time-delay network over log-mel frames, run in numpy.

From every log-mel frame the mean of the three seconds around it is subtracted, which takes microphone and voice out.
The frames go pairwise (20 ms) through an input convolution and residual blocks of a dilated convolution over three
steps and a mix of channels (Waibel et al. 1989; batch normalization is folded away); the last layer gives both frames
of each pair their log posteriors. It knows English phones only. Card: phones.md; recipe: `hybrid-tok train phones`.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.errors import WeightsError
from hybrid_tok.nn.arrays import load_arrays
from hybrid_tok.nn.logmel import BANDS, HOP, SAMPLE_RATE, log_mel_frames

__all__ = ["HOP", "PHONES", "SAMPLE_RATE", "SILENCE", "PhoneModel", "PhoneNetwork"]

PHONE_WEIGHTS = Path(__file__).parent / "phones.safetensors"

PHONES: tuple[str, ...] = (
    "SIL", "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH", "IY", "JH",
    "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip
"""ARPAbet without stress, as in the CMU Pronouncing Dictionary, after SIL: anything that is no phone, be it noise."""

SILENCE = PHONES.index("SIL")
MEAN_REACH = 150
"""Frames to either side over which the mean is taken that is subtracted from a frame."""

_BLOCK = 1024
"""Pairs of frames computed at a time: 20 s."""


def subtract_mean(mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-mel frames (T, bands) less the mean of the frames within `MEAN_REACH`, fewer at the ends."""
    total = np.concatenate([np.zeros((1, mel.shape[1])), np.cumsum(mel, axis=0, dtype=np.float64)])
    place = np.arange(len(mel))
    low, high = np.maximum(place - MEAN_REACH, 0), np.minimum(place + MEAN_REACH + 1, len(mel))
    return (mel - (total[high] - total[low]) / (high - low)[:, None]).astype(np.float32)


class PhoneNetwork:
    """The network on given arrays; see `train.phone_network` for the one that is trained.

    Args:
        arrays: `input.weight` (6 * bands, C), and per block k `blocks.k.` + `spread.weight` (3, C, C) and
            `mix.weight` (C, C); `output.weight` (C, 2 * phones); a bias for each.
        dilations: of the blocks' convolutions, in pairs of frames.
    """

    def __init__(self, arrays: dict[str, NDArray[np.float32]], dilations: tuple[int, ...]) -> None:
        self._arrays = arrays
        self._dilations = dilations
        self.reach = sum(dilations)

    def __call__(self, mel: NDArray[np.float32]) -> NDArray[np.float32]:
        """Centred log-mel frames (2 * (J + 2 * reach) + 4, bands) to log posteriors (2 * J, phones).

        The frames before and after those that are answered are context.
        """
        a = self._arrays
        pairs = (len(mel) - 4) // 2
        stacked = np.lib.stride_tricks.sliding_window_view(mel.reshape(-1), 6 * mel.shape[1])[:: 2 * mel.shape[1]]
        x = np.maximum(stacked[:pairs] @ a["input.weight"] + a["input.bias"], 0.0)
        for k, dilation in enumerate(self._dilations):
            length = len(x) - 2 * dilation
            y = x[:length] @ a[f"blocks.{k}.spread.weight"][0]
            y += x[dilation : dilation + length] @ a[f"blocks.{k}.spread.weight"][1]
            y += x[2 * dilation :] @ a[f"blocks.{k}.spread.weight"][2]
            y += a[f"blocks.{k}.spread.bias"]
            np.maximum(y, 0.0, out=y)
            x = x[dilation : dilation + length] + (y @ a[f"blocks.{k}.mix.weight"] + a[f"blocks.{k}.mix.bias"])
        logits = (x @ a["output.weight"] + a["output.bias"]).reshape(2 * len(x), -1)
        logits -= logits.max(1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(1, keepdims=True))


class PhoneModel:
    """The trained network.

    Args:
        weights: a safetensors file with its description beside it; the one in the package unless given.

    Attributes:
        phones: what the columns of `log_posteriors` stand for.
        log_priors: (phones,), natural logarithm of each phone's share of the frames it was trained on; taken from the
            log posteriors it leaves likelihoods up to a constant per frame.
        mean_frames: (phones,), how long each phone lasts on average, in frames of 10 ms.
        fingerprint: changes with the weights.

    Raises:
        WeightsError: the files are missing, damaged, or not of this network.
    """

    phones: tuple[str, ...] = PHONES

    def __init__(self, weights: Path = PHONE_WEIGHTS) -> None:
        arrays, about = load_arrays(weights)
        try:
            self.fingerprint: str = f"phones-{about['sha256'][:16]}"
            self.log_priors: NDArray[np.float32] = np.array(about["log_priors"], np.float32)
            self.mean_frames: NDArray[np.float32] = np.array(about["mean_frames"], np.float32)
            self._network = PhoneNetwork(arrays, tuple(about["dilations"]))
            matching = arrays["input.weight"].shape[0] == 6 * BANDS and arrays["output.bias"].shape == (
                2 * len(PHONES),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"{weights} is no phone network of this version: {error}") from None
        if not matching or not self.log_priors.shape == self.mean_frames.shape == (len(PHONES),):
            raise WeightsError(f"{weights} is no phone network of this version: other sizes")

    @cached_property
    def index(self) -> dict[str, int]:
        """Place of each phone in `phones`."""
        return {phone: index for index, phone in enumerate(self.phones)}

    def log_posteriors(self, samples: NDArray[np.float32], block: int = _BLOCK) -> NDArray[np.float32]:
        """Samples (N,) at 16 kHz to natural log posteriors (ceil(N / 160), 40), 100 frames a second.

        Frame t stands for samples 160 t to 160 (t + 1). Computed in blocks of `block` pairs of frames, each with the
        context it needs, so that the memory does not grow with the recording beyond the answer, and the answer does
        not depend on the blocks (but for rounding).
        """
        frames = -(-len(samples) // HOP)
        out = np.empty((frames, len(self.phones)), np.float32)
        context = 2 * self._network.reach + 2
        for first in range(0, frames, 2 * block):
            last = min(first + 2 * block, frames + frames % 2)
            posteriors = self._network(_centred(samples, frames, first - context, last + context))
            out[first:last] = posteriors[: len(out[first:last])]
        return out


def _centred(samples: NDArray[np.float32], frames: int, start: int, end: int) -> NDArray[np.float32]:
    """Frames `start` to `end` less their means; outside the recording, of `frames` frames, they are zeros."""
    low, high = max(0, start - MEAN_REACH), min(frames, end + MEAN_REACH)
    heard = subtract_mean(log_mel_frames(samples, low, high))
    out = np.zeros((end - start, BANDS), np.float32)
    first, last = max(start, 0), min(end, frames)
    out[first - start : last - start] = heard[first - low : last - low]
    return out
