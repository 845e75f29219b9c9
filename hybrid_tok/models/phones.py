"""Which phone is heard when: a small convolutional network over log-mel frames, run in numpy.

Log-mel spectra go pairwise (20 ms) through an input convolution and residual blocks of a depthwise convolution and two
dense layers (ConvNeXt, Liu et al. 2022, with batch normalization folded away); the last layer gives both frames of
each pair their log posteriors. It knows English phones only. Card: phones.md; recipe: `hybrid-tok train phones`.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.errors import WeightsError
from hybrid_tok.models.arrays import load_arrays
from hybrid_tok.models.logmel import BANDS, HOP, SAMPLE_RATE, log_mel_frames

__all__ = ["HOP", "PHONES", "SAMPLE_RATE", "SILENCE", "PhoneModel", "PhoneNetwork"]

PHONE_WEIGHTS = Path(__file__).parent / "phones.safetensors"

PHONES: tuple[str, ...] = (
    "SIL", "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH", "IY", "JH",
    "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip
"""ARPAbet without stress, as in pocketsphinx's dictionary, after SIL: anything that is no phone, be it noise."""

SILENCE = PHONES.index("SIL")
_BLOCK = 512
"""Pairs of frames computed at a time: 10 s."""


class PhoneNetwork:
    """The network on given arrays; see `train.phone_network` for the one that is trained.

    Args:
        arrays: `input.weight` (6 * bands, C), and per block k `blocks.k.` + `depth.weight` (taps, C), `depth.bias`
            (C,), `wide.weight` (C, W), `wide.bias`, `narrow.weight` (W, C), `narrow.bias`; `output.weight`
            (C, 2 * phones); a bias for each.
        dilations: of the blocks' depthwise convolutions, in pairs of frames.
    """

    def __init__(self, arrays: dict[str, NDArray[np.float32]], dilations: tuple[int, ...]) -> None:
        self._arrays = arrays
        self._dilations = dilations
        self.reach = sum((len(arrays[f"blocks.{k}.depth.weight"]) // 2) * d for k, d in enumerate(dilations))

    def __call__(self, mel: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log-mel frames (2 * (J + 2 * reach) + 4, bands) to log posteriors (2 * J, phones).

        The frames before and after those that are answered are context.
        """
        a = self._arrays
        pairs = (len(mel) - 4) // 2
        stacked = np.lib.stride_tricks.sliding_window_view(mel.reshape(-1), 6 * mel.shape[1])[:: 2 * mel.shape[1]]
        x = np.maximum(stacked[:pairs] @ a["input.weight"] + a["input.bias"], 0.0)
        for k, dilation in enumerate(self._dilations):
            taps = a[f"blocks.{k}.depth.weight"]
            margin = len(taps) // 2 * dilation
            length = len(x) - 2 * margin
            y = np.broadcast_to(a[f"blocks.{k}.depth.bias"], (length, x.shape[1])).copy()
            for tap, weight in enumerate(taps):
                y += x[tap * dilation : tap * dilation + length] * weight
            y = y @ a[f"blocks.{k}.wide.weight"]
            y += a[f"blocks.{k}.wide.bias"]
            np.maximum(y, 0.0, out=y)
            x = x[margin : margin + length] + (y @ a[f"blocks.{k}.narrow.weight"] + a[f"blocks.{k}.narrow.bias"])
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

        Frame t stands for samples 160 t to 160 (t + 1); before the recording and after it there is silence. Computed
        in blocks of `block` pairs of frames, each with the context it needs, so that the memory does not grow with the
        recording beyond the answer, and the answer does not depend on the blocks (but for rounding).
        """
        frames = -(-len(samples) // HOP)
        out = np.empty((frames, len(self.phones)), np.float32)
        context = 2 * self._network.reach + 2
        for first in range(0, frames, 2 * block):
            last = min(first + 2 * block, frames + frames % 2)
            posteriors = self._network(log_mel_frames(samples, first - context, last + context))
            out[first:last] = posteriors[: len(out[first:last])]
        return out
