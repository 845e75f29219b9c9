"""The sound of the room while it is being heard: what `room_tone` does for a whole recording, for one that comes.

The spectrum of the room is that of the quietest moments of the last seconds of units, so what is before the first units
has no tone. It is measured anew with every half second of units, and the noise glides to it.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from hybrid_tok.decode.room_tone import (
    BANDS,
    BLOCK,
    ENOUGH,
    NOTHING,
    POOL,
    RATE,
    band_powers,
    bounded,
    interpolation,
    quietest,
    white_noise,
    window_of,
)
from hybrid_tok.voice.fourier import irfft, rfft

_MEMORY = 60 * RATE
"""Frames of units (60 s) among which loud ones are looked for."""

_GLIDE = 0.04
"""Share of the way to a new spectrum that each frame of 20 ms goes: half a second for most of it."""


class LiveRoom:
    """Adds the room's noise to samples as they come.

    Args:
        sample_rate: in Hz, at least 50.
        seed: of the noise, at least 0; the white noise is that of `add_room_tone`.
    """

    def __init__(self, sample_rate: int, seed: int = 0) -> None:
        self._sample_rate, self._seed = sample_rate, seed
        self._hop = sample_rate // RATE
        self._samples = np.zeros(0, np.float32)
        """From the first frame that is not heard yet on."""
        self._outside = np.zeros(0, np.bool_)
        """Which of them are not, or not only, units."""
        self._powers = np.zeros((0, BANDS), np.float32)
        self._new = 0
        self._target: NDArray[np.float32] | None = None
        self._bands = np.zeros(BANDS, np.float32)
        self._white = np.zeros(0, np.float32)
        self._frame = 0
        """Number of the next frame of noise; frame k begins k - 1 hops after the start."""
        self._overlap = np.zeros(self._hop, np.float32)
        self._noise = np.zeros(0, np.float32)

    def add(self, samples: NDArray[np.float32], gains: NDArray[np.float64]) -> None:
        """Add the tone to the next samples (n,), in place.

        Args:
            gains: factors of the tone (n,); 0 within units.
        """
        self._hear(samples, gains > 0.0)
        while len(self._noise) < len(samples):
            self._noise = np.concatenate([self._noise, self._next_hop()])
        if self._target is not None:
            samples += self._noise[: len(samples)] * gains.astype(np.float32)
        self._noise = self._noise[len(samples) :]

    def _hear(self, samples: NDArray[np.float32], outside: NDArray[np.bool_]) -> None:
        """Measure the frames of units that are whole now."""
        hop = self._hop
        self._samples = np.concatenate([self._samples, samples])
        self._outside = np.concatenate([self._outside, outside])
        count = len(self._samples) // hop - 1
        if count < 1:
            return
        frames = sliding_window_view(self._samples[: (count + 1) * hop], 2 * hop)[::hop]
        inside = ~sliding_window_view(self._outside[: (count + 1) * hop], 2 * hop)[::hop].any(1)
        self._samples, self._outside = self._samples[count * hop :], self._outside[count * hop :]
        if not inside.any():
            return
        self._powers = np.concatenate([self._powers, band_powers(frames[inside], self._sample_rate)])[-_MEMORY:]
        self._new += int(np.count_nonzero(inside))
        if self._new >= ENOUGH:
            self._new = 0
            spectrum = quietest(self._powers[-POOL:])[None].astype(np.float32)
            target = bounded(spectrum, self._powers, self._sample_rate)[0]
            if self._target is None:
                self._bands = target.copy()
            self._target = target

    def _next_hop(self) -> NDArray[np.float32]:
        """The next samples (hop,) of noise: the end of one frame and the start of the next, which overlap."""
        hop = self._hop
        before = self._overlap
        if self._frame == 0:  # the first frame begins before the start
            before = self._next_frame()[hop:]
        frame = self._next_frame()
        self._overlap = frame[hop:]
        return before + frame[:hop]

    def _next_frame(self) -> NDArray[np.float32]:
        hop = self._hop
        if len(self._white) < 2 * hop:
            block = (self._frame + len(self._white) // hop) // BLOCK
            self._white = np.concatenate([self._white, white_noise(block, BLOCK * hop, self._seed)])
        white, self._white = self._white[: 2 * hop], self._white[hop:]
        self._frame += 1
        if self._target is None:
            return np.zeros(2 * hop, np.float32)
        self._bands += np.float32(_GLIDE) * (self._target - self._bands)
        if (self._bands <= NOTHING + 1.0).all():
            return np.zeros(2 * hop, np.float32)
        window = window_of(hop)
        shape = np.exp(0.5 * (self._bands @ interpolation(self._sample_rate)))
        return (irfft(rfft(white * window, 2 * hop) * shape, 2 * hop) * window).astype(np.float32)
