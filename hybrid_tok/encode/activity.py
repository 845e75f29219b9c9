"""Where something is audible: frame energies against the recording's own noise floor.

The floor is a low percentile of the frame levels over a long sliding window, in the spirit of minimum statistics
(Martin 2001, "Noise power spectral density estimation based on optimal smoothing and minimum statistics"): speech
and other sounds come and go within the window, steady noise and hum do not, so these are the floor. A sound must
rise above the floor by an opening margin and lasts while it stays above a smaller, closing one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.masks import mask_to_spans
from hybrid_tok.core.timeline import FRAME_RATE, Span, merge_spans
from hybrid_tok.errors import OptionsError

_LOWEST_DB = -100.0
_DB_PER_BIN = 0.5
_BINS = round(-_LOWEST_DB / _DB_PER_BIN) + 20  # up to +10 dB: floats may exceed full scale
_BLOCK_FRAMES = FRAME_RATE  # the floor moves in steps of a second


@dataclass(frozen=True, slots=True)
class ActivityOptions:
    """What counts as audible.

    Attributes:
        window: seconds over which the noise floor is taken; longer than any sound that must not become the floor.
        percentile: of the frame levels in the window, in (0, 50]; the noise floor.
        opening_db: dB above the floor that a sound must reach somewhere.
        closing_db: dB above the floor that it must keep.
        absolute_db: level re full scale below which nothing is ever active: digital silence, dither.
        max_hole: frames of the longest gap inside a sound that is closed.
        min_frames: frames below which a sound is dropped.
        margin: frames added on both sides, since sounds start and end below the closing level.
    """

    window: float = 30.0
    percentile: float = 5.0
    opening_db: float = 10.0
    closing_db: float = 6.0
    absolute_db: float = -65.0
    max_hole: int = 5
    min_frames: int = 4
    margin: int = 2

    def __post_init__(self) -> None:
        if not self.window >= 1.0:
            raise OptionsError(f"activity window must be at least 1 s, not {self.window}")
        if not 0.0 < self.percentile <= 50.0:
            raise OptionsError(f"activity percentile must be in (0, 50], not {self.percentile}")
        if not 0.0 < self.closing_db <= self.opening_db:
            raise OptionsError(f"activity needs 0 < closing_db <= opening_db: {self.closing_db}, {self.opening_db}")
        if not self.absolute_db > _LOWEST_DB:
            raise OptionsError(f"activity absolute_db must be above {_LOWEST_DB}, not {self.absolute_db}")
        if min(self.max_hole, self.min_frames, self.margin) < 0:
            raise OptionsError("activity max_hole, min_frames and margin must not be negative")


def find_activity(audio: Audio, options: ActivityOptions = ActivityOptions()) -> tuple[Span, ...]:
    """Stretches in which something is audible above the noise floor: sorted, disjoint, within the recording.

    Args:
        audio: mono, any rate that is a multiple of 50 Hz; the last frame may be partial.
    """
    levels = frame_levels(audio)
    if not len(levels):
        return ()
    smooth = _smooth(levels)
    floor = np.maximum(noise_floor(smooth, options), options.absolute_db - options.opening_db)
    opened = smooth > floor + options.opening_db
    held = smooth > np.maximum(floor + options.closing_db, options.absolute_db)
    return tuple(_spans(held, opened, options))


def frame_levels(audio: Audio) -> NDArray[np.float64]:
    """Level of each frame, (ceil(N / hop),), in dB re a full-scale square wave; a constant offset has none."""
    if audio.samples.ndim != 1:
        raise ValueError(f"activity needs mono samples (N,), not {audio.samples.shape}")
    if audio.sample_rate % FRAME_RATE:
        raise ValueError(f"activity needs a rate that is a multiple of {FRAME_RATE} Hz, not {audio.sample_rate}")
    power = frame_powers(audio.samples, audio.sample_rate, centred=True)
    return 10.0 * np.log10(np.maximum(power, 10.0 ** (_LOWEST_DB / 10.0)))


def noise_floor(levels: NDArray[np.float64], options: ActivityOptions = ActivityOptions()) -> NDArray[np.float64]:
    """The noise floor under each frame in dB: the percentile of the levels in a window centred on it.

    Percentiles come from a histogram per second, summed over the window: linear in the length, exact to half a dB.
    """
    blocks = -(-len(levels) // _BLOCK_FRAMES)
    bins = np.clip(np.floor((levels - _LOWEST_DB) / _DB_PER_BIN).astype(np.int64), 0, _BINS - 1)
    block = np.arange(len(levels)) // _BLOCK_FRAMES
    counts = np.bincount(block * _BINS + bins, minlength=blocks * _BINS).reshape(blocks, _BINS)
    running = np.concatenate([np.zeros((1, _BINS), np.int64), np.cumsum(counts, axis=0)])
    reach = max(1, round(options.window / 2))
    centre = np.arange(blocks)
    window = running[np.minimum(centre + reach + 1, blocks)] - running[np.maximum(centre - reach, 0)]
    below = np.cumsum(window, axis=1)
    wanted = below[:, -1:] * (options.percentile / 100.0)
    per_block = _LOWEST_DB + _DB_PER_BIN * (np.argmax(below >= wanted, axis=1) + 0.5)
    return np.interp(np.arange(len(levels)), centre * _BLOCK_FRAMES + _BLOCK_FRAMES / 2, per_block)


def _smooth(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean level of three frames: a floor of noise flickers less, and a click of one frame counts less."""
    padded = np.pad(levels, 1, mode="edge")
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3.0


def _spans(held: NDArray[np.bool_], opened: NDArray[np.bool_], options: ActivityOptions) -> list[Span]:
    """Runs of held frames that open somewhere: short ones dropped, widened, gaps closed."""
    widened = [
        Span(max(start - options.margin, 0), min(end + options.margin, len(held)))
        for start, end in mask_to_spans(held)
        if end - start >= options.min_frames and opened[start:end].any()
    ]
    return merge_spans(widened, options.max_hole)
