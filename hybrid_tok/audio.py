"""Audio as a value: samples with their rate, and the one place where recordings are read, resampled and written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """Samples and their rate.

    Attributes:
        samples: float32, shape (N,) for mono or (channels, N); nominally within [-1, 1], always finite.
        sample_rate: in Hz.
    """

    samples: NDArray[np.float32]
    sample_rate: int

    @property
    def num_samples(self) -> int:
        return self.samples.shape[-1]

    @property
    def seconds(self) -> float:
        return self.num_samples / self.sample_rate
