"""Audio as a value: samples with their rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.errors import AudioError, BackendError

BLOCK = 1 << 16
"""Samples per channel that are processed at a time."""

RATES = (1_000, 384_000)
"""Sample rates in Hz that recordings and codecs may have."""

LOUDEST = 1e10
"""Samples beyond this, 200 dB over full scale, are damage like infinities: filters make infinities of them."""

_MAX_CHANNELS = 64
"""With more channels than this, an array is assumed to be transposed."""


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """Samples and their rate.

    Attributes:
        samples: float32, shape (N,) for mono or (channels, N); nominally within [-1, 1], always finite.
        sample_rate: in Hz.
    """

    samples: NDArray[np.float32]
    sample_rate: int

    def __post_init__(self) -> None:
        if self.sample_rate < 1:
            raise AudioError(f"a sample rate must be at least 1 Hz, not {self.sample_rate}")
        if self.samples.dtype != np.float32 or self.samples.ndim not in (1, 2):
            raise AudioError(
                f"audio must be float32 of shape (N,) or (channels, N), not {self.samples.dtype} of shape "
                f"{self.samples.shape}: use Audio.from_samples"
            )

    @classmethod
    def from_samples(cls, samples: Any, sample_rate: int) -> Audio:
        """Audio from an array of (N,) or (channels, N): floats as they are, int16 and int32 scaled to [-1, 1).

        Raises:
            AudioError: another type or shape, samples that are not finite, or no sample rate.
        """
        array = np.asarray(samples)
        if array.dtype in (np.int16, np.int32):
            array = array / np.float64(-int(np.iinfo(array.dtype).min))
        if not np.issubdtype(array.dtype, np.floating):
            raise AudioError(f"samples must be floats, int16 or int32, not {array.dtype}")
        if array.ndim not in (1, 2) or (array.ndim == 2 and not 1 <= array.shape[0] <= _MAX_CHANNELS):
            raise AudioError(f"samples must have the shape (N,) or (channels, N), not {array.shape}")
        with np.errstate(over="ignore"):  # a float64 beyond float32's range becomes an infinity, refused below
            converted = np.ascontiguousarray(array, np.float32)
        if not -LOUDEST <= converted.min(initial=0.0) <= converted.max(initial=0.0) <= LOUDEST:  # NaN neither
            raise AudioError(
                f"the samples given have NaN or infinite values, or some beyond {LOUDEST:g}: clean them first"
            )
        return cls(converted, int(sample_rate))

    def mono_at(self, sample_rate: int, user: str) -> NDArray[np.float32]:
        """The samples (N,), where the audio is mono at this rate.

        Raises:
            BackendError: it is not; `user` is what needs it to be.
        """
        if self.samples.ndim != 1 or self.sample_rate != sample_rate:
            channels = f"{self.num_channels} channel{'s' if self.num_channels > 1 else ''}"
            raise BackendError(f"{user} needs mono at {sample_rate} Hz, not {channels} at {self.sample_rate} Hz")
        return self.samples

    @property
    def num_samples(self) -> int:
        """Samples per channel."""
        return self.samples.shape[-1]

    @property
    def num_channels(self) -> int:
        return 1 if self.samples.ndim == 1 else self.samples.shape[0]

    @property
    def seconds(self) -> float:
        return self.num_samples / self.sample_rate

    def to_mono(self) -> Audio:
        """The mean of the channels; mono audio as it is."""
        if self.samples.ndim == 1:
            return self
        mono = np.empty(self.num_samples, np.float32)
        for start in range(0, self.num_samples, BLOCK):
            mono[start : start + BLOCK] = mix(self.samples[:, start : start + BLOCK])
        return Audio(mono, self.sample_rate)


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """The properties of a recording before it was mixed and resampled.

    Attributes:
        sample_rate: in Hz.
        num_samples: samples per channel at that rate.
        channels: how many were mixed.
    """

    sample_rate: int
    num_samples: int
    channels: int


def mix(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over the channels of (channels, n).

    In double precision from contiguous rows, so that the sum does not depend on how the block lies in memory.
    """
    return np.ascontiguousarray(block).mean(axis=0, dtype=np.float64).astype(np.float32)
