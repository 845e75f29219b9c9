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
    output there is no fade. Segments that overlap are summed.

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
        """Add a segment whose body starts at an output sample; samples beyond the output's ends are left out."""
        fade = 2 * self._overhang
        end = start + len(samples) - fade
        if end <= start or start >= self._samples.shape[1]:
            return
        # Only the ends are copied, to be faded: a segment may be an hour long.
        head = samples[:fade].copy()
        tail = samples[max(fade, len(samples) - fade) :].copy()
        if start > 0:
            head *= self._ramp
        if end < self._samples.shape[1]:
            fall = self._ramp[::-1]
            tail *= fall[fade - len(tail) :]
            if len(tail) < fade:  # so short that it fades out while it still fades in
                head[len(head) - (fade - len(tail)) :] *= fall[: fade - len(tail)]
        offset = start - self._overhang
        self._sum(channel, offset, head)
        self._sum(channel, offset + fade, samples[fade : len(samples) - len(tail)])
        self._sum(channel, offset + len(samples) - len(tail), tail)

    def _sum(self, channel: int, start: int, samples: NDArray[np.float32]) -> None:
        """Add samples at their place; those outside the output are left out."""
        first, last = max(0, start), min(self._samples.shape[1], start + len(samples))
        if first < last:
            self._samples[channel, first:last] += samples[first - start : last - start]

    def finish(self, ceiling: float, sample_rate: int) -> NDArray[np.float32]:
        """The output, peaks limited to the ceiling: (N,) for one channel, else (channels, N)."""
        for channel in self._samples:
            limit(channel, ceiling, sample_rate)
        return self._samples[0] if len(self._samples) == 1 else self._samples
