"""Fundamental frequency by autocorrelation and dynamic programming, in numpy.

The method is Boersma's (1993, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise
ratio of a sampled sound"): in each frame the peaks of the autocorrelation, divided by that of the window, are
candidates, as is being unvoiced; the path through the candidates pays for jumps in pitch and for changes of voicing.
The range is then narrowed to the present voice, and the path searched again (De Looze and Hirst 2008, "Detecting
changes in key and range for the automatic modelling and coding of intonation"), which removes nearly all octave errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from hybrid_tok.errors import OptionsError
from hybrid_tok.nn.viterbi import best_path
from hybrid_tok.voice.fourier import irfft, rfft

HOP_SECONDS = 0.01
"""Between frames, unless frames are placed otherwise."""

_BLOCK = 2000
"""Frames analysed at a time."""

_LOUD_SHARE = 0.2
"""Amplitude relative to loud speech above which a voiced frame counts for the speaker's range."""


@dataclass(frozen=True, slots=True)
class PitchOptions:
    """How pitch is tracked; the costs are Boersma's, for frames 10 ms apart.

    Attributes:
        floor, ceiling: in Hz; three periods of the floor are the window.
        candidates: voiced ones per frame.
        voicing: correlation above which a frame tends to be voiced.
        silence: amplitude relative to loud speech below which a frame tends to be unvoiced.
        octave_cost: cost of a candidate an octave lower.
        jump_cost: of a jump of an octave between frames.
        voicing_cost: of a change between voiced and unvoiced.
        outside_cost: of pitch outside the voice's own range, from a third of an octave beyond it.
        shortest_run: voiced frames fewer than this in a row are unvoiced.
    """

    floor: float = 60.0
    ceiling: float = 600.0
    candidates: int = 6
    voicing: float = 0.5
    silence: float = 0.05
    octave_cost: float = 0.02
    jump_cost: float = 0.35
    voicing_cost: float = 0.14
    outside_cost: float = 0.6
    shortest_run: int = 3

    def __post_init__(self) -> None:
        if not 30.0 <= self.floor < self.ceiling:
            raise OptionsError(f"pitch needs 30 Hz <= floor < ceiling, not {self.floor} and {self.ceiling}")
        if self.candidates < 1:
            raise OptionsError(f"pitch needs at least one candidate, not {self.candidates}")


@dataclass(frozen=True, slots=True, eq=False)
class PitchTrack:
    """Pitch frame by frame.

    Attributes:
        centres: (T,), middle of each frame in samples.
        frequency: (T,), Hz; 0 where unvoiced.
        correlation: (T,), normalized autocorrelation at the period in [0, 1]; 0 where unvoiced.
        power: (T,), mean square under the window.
    """

    centres: NDArray[np.int64]
    frequency: NDArray[np.float64]
    correlation: NDArray[np.float64]
    power: NDArray[np.float64]

    @property
    def voiced(self) -> NDArray[np.bool_]:
        return self.frequency > 0.0


def frame_centres(start: int, end: int, hop: int) -> NDArray[np.int64]:
    """Centres of the frames that cover samples [start, end); the last frame may be partial."""
    return np.arange(start, max(start, end), hop, dtype=np.int64) + hop // 2


def track_pitch(
    samples: NDArray[np.float32],
    sample_rate: int,
    centres: NDArray[np.int64] | None = None,
    options: PitchOptions = PitchOptions(),
) -> PitchTrack:
    """Pitch at given places of a recording, or every 10 ms.

    Args:
        samples: mono, (N,).
        centres: (T,), in samples, increasing; frames that do not follow each other are tracked apart. All should be
            of one voice, whose range is estimated from them.
    """
    hop = round(HOP_SECONDS * sample_rate)
    if centres is None:
        centres = frame_centres(0, len(samples), hop)
    found = [
        _candidates(samples, sample_rate, centres[i : i + _BLOCK], options) for i in range(0, len(centres), _BLOCK)
    ]
    if not found:
        nothing = np.zeros(0)
        return PitchTrack(centres, nothing, nothing, nothing)
    frequency, correlation, power = (np.concatenate(parts) for parts in zip(*found, strict=True))
    step = np.diff(centres, prepend=centres[0])
    joined = (step > 0) & (step <= hop)
    loud = np.sqrt(np.percentile(power, 95.0)) + 1e-9
    unvoiced = options.voicing + np.maximum(
        0.0, 2.0 - np.sqrt(power) / loud * (1.0 + options.voicing) / options.silence
    )
    # The preference for short periods is small, but decides between a period and its double, which fit equally well.
    strength = correlation + options.octave_cost * np.log2(np.maximum(frequency, options.floor) / options.floor)
    strength[frequency == 0.0] = -np.inf
    octaves = np.log2(np.maximum(frequency, 1.0))
    path = _best_path(unvoiced, strength, octaves, joined, options)
    # A hum between the words is voiced too: only loud frames count as the voice.
    heard = (path >= 0) & (np.sqrt(power) > _LOUD_SHARE * loud)
    if np.count_nonzero(heard) >= 10:
        own = octaves[np.flatnonzero(heard), path[heard]]
        low, high = np.percentile(own, 25.0) - 0.6, np.percentile(own, 75.0) + 0.9
        outside = np.maximum(0.0, low - octaves) + np.maximum(0.0, octaves - high)
        path = _best_path(
            unvoiced, strength - np.minimum(3.0 * outside, 1.0) * options.outside_cost, octaves, joined, options
        )
    heard = _without_short_runs(path >= 0, joined, options.shortest_run)
    rows, chosen = np.arange(len(path)), np.maximum(path, 0)
    return PitchTrack(
        centres,
        np.where(heard, frequency[rows, chosen], 0.0),
        np.where(heard, np.clip(correlation[rows, chosen], 0.0, 1.0), 0.0),
        power,
    )


def _candidates(
    samples: NDArray[np.float32], sample_rate: int, centres: NDArray[np.int64], options: PitchOptions
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies and correlations (T, K) of the best candidates, 0 where there are fewer, and powers (T,)."""
    half = round(1.5 * sample_rate / options.floor)
    shortest, longest = int(sample_rate / options.ceiling), int(np.ceil(sample_rate / options.floor))
    size = _fast_size(2 * half + longest + 2)
    window = np.hanning(2 * half + 1)[:-1].astype(np.float32)
    own = np.fft.irfft(np.abs(np.fft.rfft(window.astype(np.float64), size)) ** 2, size)[: longest + 2]
    frames = gather(samples, centres, half)
    frames = frames - frames.mean(axis=1, keepdims=True)
    spectrum = rfft(frames * window, size)
    # Rumble and hum below the floor fill the valleys of the autocorrelation, and give high peaks in silence.
    keep = np.clip(np.arange(size // 2 + 1) * (sample_rate / size) / options.floor * 2.0 - 1.0, 0.0, 1.0)
    density = (spectrum.real**2 + spectrum.imag**2) * keep.astype(np.float32)
    power = density.sum(axis=1, dtype=np.float64) * (2.0 / size / np.square(window).sum())
    correlation = irfft(density, size)[:, : longest + 2].astype(np.float64)
    correlation = correlation / (correlation[:, :1] + 1e-9) * (own[0] / own)
    left, middle, right = (correlation[:, shortest - 1 + i : longest + i] for i in range(3))
    peak = (middle > left) & (middle >= right) & (middle > 0.25)
    lags = np.arange(shortest, longest + 1)
    merit = np.where(peak, middle + options.octave_cost * np.log2(longest / lags), -1.0)
    best = np.argsort(-merit, axis=1, kind="stable")[:, : options.candidates]
    left, middle, right = (np.take_along_axis(part, best, 1) for part in (left, middle, right))
    offset = 0.5 * (left - right) / np.minimum(left - 2.0 * middle + right, -1e-9)
    height = middle - 0.25 * (left - right) * offset
    real = np.take_along_axis(merit, best, 1) > 0.0
    return (
        np.where(real, sample_rate / (lags[best] + np.clip(offset, -0.5, 0.5)), 0.0),
        np.where(real, np.where(height > 1.0, 1.0 / np.maximum(height, 1e-9), height), 0.0),
        power,
    )


@cache
def _fast_size(least: int) -> int:
    """The smallest product of the factors 2, 3 and 5 that is large enough for a transform."""
    powers = range(least.bit_length() + 1)
    sizes = (2**a * 3**b * 5**c for a in powers for b in powers[:8] for c in powers[:6])
    return min(size for size in sizes if size >= least)


def gather(samples: NDArray[np.float32], centres: NDArray[np.int64], half: int) -> NDArray[np.float32]:
    """Frames (T, 2 * half) around the centres; beyond the ends of the samples there is silence."""
    if not len(centres):
        return np.zeros((0, 2 * half), np.float32)
    low, high = int(centres.min()) - half, int(centres.max()) + half
    part = samples[max(0, low) : max(0, high)]
    part = np.pad(part, (max(0, -low), max(0, high - max(low, len(samples)))))
    return sliding_window_view(part, 2 * half)[centres - half - low]


def _best_path(
    unvoiced: NDArray[np.float64],
    strength: NDArray[np.float64],
    octaves: NDArray[np.float64],
    joined: NDArray[np.bool_],
    options: PitchOptions,
) -> NDArray[np.int64]:
    """Index of the candidate in each frame (T,), -1 for unvoiced: Viterbi's algorithm, the best total strength."""
    moves = np.full((len(strength), strength.shape[1] + 1, strength.shape[1] + 1), options.voicing_cost)
    moves[:, 0, 0] = 0.0
    moves[1:, 1:, 1:] = options.jump_cost * np.abs(octaves[1:, None, :] - octaves[:-1, :, None])
    moves[~joined] = 0.0  # nothing says how a voice goes on elsewhere
    local = -np.concatenate([unvoiced[:, None], strength], axis=1)
    return best_path(local, moves, np.arange(len(local))) - 1


def _without_short_runs(heard: NDArray[np.bool_], joined: NDArray[np.bool_], shortest: int) -> NDArray[np.bool_]:
    """Voiced frames without runs shorter than `shortest`."""
    begins = heard & ~(np.concatenate([[False], heard[:-1]]) & joined)
    run = np.cumsum(begins)
    return heard & (np.bincount(run[heard], minlength=int(run[-1]) + 1)[run] >= shortest)
