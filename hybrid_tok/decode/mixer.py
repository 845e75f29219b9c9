"""The output timeline: segments are added where they belong, and cross-faded where they meet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.long_arrays import silence

_BLOCK = 1 << 20
"""Samples searched at a time."""


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
        self._samples = silence(channels, num_samples)
        self._overhang = overhang
        ramp = np.sin(np.pi / 2 * (np.arange(2 * overhang) + 0.5) / max(1, 2 * overhang))
        self._ramp = ramp.astype(np.float32)

    @property
    def channels(self) -> NDArray[np.float32]:
        """What has been mixed so far, (channels, num_samples): itself, not a copy."""
        return self._samples

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


def limited(audio: Audio, ceiling: float = 1.0) -> Audio:
    """Audio whose peaks are brought down to the ceiling; itself, changed in place, where there are any."""
    for channel in np.atleast_2d(audio.samples):
        limit(channel, ceiling, audio.sample_rate)
    return audio


def limit(samples: NDArray[np.float32], ceiling: float, sample_rate: int) -> None:
    """Bring peaks of mono samples down to the ceiling, in place; nothing else changes.

    The gain falls smoothly over 5 ms before a peak and rises as smoothly after it. Only the samples around peaks
    are processed, so it needs little memory.
    """
    reach = max(1, round(0.005 * sample_rate))
    if samples.max(initial=0.0) <= ceiling and samples.min(initial=0.0) >= -ceiling:
        return
    peaks = np.concatenate(
        [
            start + np.flatnonzero(np.abs(samples[start : start + _BLOCK]) > ceiling)
            for start in range(0, len(samples), _BLOCK)
        ]
    )
    from scipy.ndimage import minimum_filter1d, uniform_filter1d  # slow to import, and peaks are rare

    # Peaks close to each other are processed together.
    apart = np.flatnonzero(np.diff(peaks) > 8 * reach)
    firsts = peaks[np.concatenate([[0], apart + 1])]
    lasts = peaks[np.concatenate([apart, [len(peaks) - 1]])]
    for first, last in zip(firsts, lasts, strict=True):
        low, high = max(0, first - 4 * reach), min(len(samples), last + 4 * reach + 1)
        piece = samples[low:high].astype(np.float64)
        needed = np.minimum(1.0, ceiling / np.maximum(np.abs(piece), 1e-9))
        # The minimum gain within reach, averaged over the same length: never above what any sample needs.
        held = minimum_filter1d(needed, 2 * reach + 1, mode="nearest")
        gain = uniform_filter1d(held, 2 * reach + 1, mode="nearest")
        samples[low:high] = np.clip(piece * gain, -ceiling, ceiling)
