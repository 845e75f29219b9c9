"""The output timeline: segments are added where they belong, and cross-faded where they meet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.decode.limiter import limit


class Mixer:
    """Adds segments to an output of known length.

    A segment comes with an overhang on both sides of its body. It is faded in and out over twice the overhang, the
    middle of the fade at the border of the body, with sine ramps: where two segments meet, their powers add up to
    one (equal-power cross-fade), and where one meets silence there is no click. At the very start and end of the
    output there is nothing to fade from. Segments that overlap are summed.

    Args:
        channels: of the output.
        num_samples: per channel.
        overhang: samples on each side of every segment.
    """

    def __init__(self, channels: int, num_samples: int, overhang: int) -> None:
        self._samples = np.zeros((channels, num_samples), np.float32)
        self._overhang = overhang
        ramp = np.sin(np.pi / 2 * (np.arange(2 * overhang) + 0.5) / max(1, 2 * overhang))
        self._ramp = ramp.astype(np.float32)

    def add(self, channel: int, start: int, samples: NDArray[np.float32]) -> None:
        """Add a segment whose body starts at an output sample; what lies beyond the output's ends is left out."""
        length = self._samples.shape[1]
        overhang = self._overhang
        end = start + len(samples) - 2 * overhang
        if end <= start or start >= length:
            return
        samples = samples.copy()
        if start > 0:
            samples[: 2 * overhang] *= self._ramp
        if end < length:
            samples[len(samples) - 2 * overhang :] *= self._ramp[::-1]
        first, last = max(0, start - overhang), min(length, end + overhang)
        offset = start - overhang
        self._samples[channel, first:last] += samples[first - offset : last - offset]

    def finish(self, ceiling: float, sample_rate: int) -> NDArray[np.float32]:
        """The output, peaks limited to the ceiling: (N,) for one channel, else (channels, N)."""
        for channel in self._samples:
            limit(channel, ceiling, sample_rate)
        return self._samples[0] if len(self._samples) == 1 else self._samples
