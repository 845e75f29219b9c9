"""The sound of the room in what is not decoded from units.

Units hold the room as well as the voice; pauses and spoken text hold nothing. A recording that goes back and forth
between the two would pump: so noise with the level and spectrum of the room, heard in the quietest moments of the units
nearby, is put wherever there are no units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from hybrid_tok.core.timeline import FRAME_RATE
from hybrid_tok.nn.logmel import mel_points, triangles
from hybrid_tok.voice.fourier import irfft, rfft

_BLOCK = FRAME_RATE
"""Frames of 20 ms per block (1 s): a block's noise is drawn at once, and the spectrum is known at its ends."""

_BANDS = 24
_LOWEST = 60.0
"""Centre of the lowest band in Hz; below it, the spectrum is that of this band."""

_POOL = 8 * FRAME_RATE
"""Frames of units (8 s) among which quiet ones are looked for."""

_ENOUGH = FRAME_RATE // 2
"""Frames that must have been heard at least."""

_QUIET_SHARE = 0.05
_QUIET_RANGE_DB = 3.0
"""Quiet frames: the quietest twentieth, and what is less than this above."""

_DEPTH_DB = 20.0
"""Quiet frames are those of a room if they are this far below the loud ones of the same recording."""

_STEADY_DB = 3.0
"""So are frames of which the quieter half spreads less than this: a room so noisy that nothing is far above."""

_LOUDEST_DB = -40.0
"""The tone is never louder than this, re full scale."""

_SOFTEST_DB = -90.0
"""A room softer than this is digital silence."""

_EMPTY = 1e-14
"""Power per band of digital silence, so that it has a logarithm."""


def add_room_tone(
    samples: NDArray[np.float32],
    units: Sequence[tuple[int, int]],
    overhang: int,
    sample_rate: int,
    seed: int = 0,
) -> None:
    """Add the room's noise to mono samples (N,) in place, wherever they are not decoded from units.

    At the borders of units it is faded as the complement of what `Mixer` does: the powers of units and tone add up to
    one. The noise at a sample depends on the seed and the sample's place alone. Without units, or where no quiet moment
    is in them, the room is unknown, and nothing is added.

    Args:
        units: places [start, end) of the decoded segments in the order of their starts; they may overlap, and extend
            beyond the recording.
        overhang: samples by which the segments extend beyond their places on both sides, as given to `Mixer`.
        sample_rate: in Hz, a multiple of 50.
    """
    hop = sample_rate // FRAME_RATE
    places = np.array([place for place in units if place[0] < place[1]], np.int64).reshape(-1, 2)
    spectra = _room(samples, places, overhang, sample_rate)
    if spectra is None:
        return
    for block in range(len(spectra) - 1):
        # The last frame reaches a hop into the next block; so does the one before the first block into that.
        start = (block * _BLOCK - 1) * hop
        low, high = max(0, start), min(len(samples), start + (_BLOCK + 1) * hop)
        gains = _gains(low, high, len(samples), places, overhang)
        if gains.any() and (spectra[block : block + 2] > np.log(_EMPTY)).any():
            noise = _noise(block, spectra[block], spectra[block + 1], sample_rate, seed)
            samples[low:high] += noise[low - start : high - start] * gains


def _gains(low: int, high: int, num_samples: int, places: NDArray[np.int64], overhang: int) -> NDArray[np.float32]:
    """Factors of the tone at samples `low` to `high`: with the powers of the units there, they make one."""
    missing = np.ones(high - low)
    near = (places[:, 0] - overhang < high) & (places[:, 1] + overhang > low)
    for start, end in places[near].tolist():
        first, last = max(low, start - overhang), min(high, end + overhang)
        power = np.ones(last - first)
        at = np.arange(first, last) + 0.5
        if overhang and start > 0:
            power *= np.square(np.sin(np.pi / 2 * np.clip((at - start + overhang) / (2 * overhang), 0.0, 1.0)))
        if overhang and end < num_samples:
            power *= np.square(np.sin(np.pi / 2 * np.clip((end + overhang - at) / (2 * overhang), 0.0, 1.0)))
        missing[first - low : last - low] -= power
    missing[missing < 1e-9] = 0.0  # rounding errors where segments meet
    return np.sqrt(missing).astype(np.float32)


def _noise(
    block: int, before: NDArray[np.float64], after: NDArray[np.float64], sample_rate: int, seed: int
) -> NDArray[np.float32]:
    """A block of noise ((_BLOCK + 1) * hop,), its spectrum going from one to another; blocks overlap by a hop."""
    hop = sample_rate // FRAME_RATE
    white = np.random.Generator(np.random.Philox(key=[seed, block])).standard_normal((_BLOCK, 2 * hop), np.float32)
    shares = (np.arange(_BLOCK)[:, None] + 0.5) / _BLOCK
    bands = before + shares * (after - before)
    shape = np.exp(0.5 * bands.astype(np.float32) @ _interpolation(sample_rate))
    frames = irfft(rfft(white, 2 * hop) * shape, 2 * hop) * _window(hop)
    noise = np.zeros((_BLOCK + 1, hop), np.float32)
    noise[:-1] += frames[:, :hop]
    noise[1:] += frames[:, hop:]
    return noise.ravel()


def _room(
    samples: NDArray[np.float32], places: NDArray[np.int64], overhang: int, sample_rate: int
) -> NDArray[np.float64] | None:
    """The room's spectrum at the borders of blocks: natural logarithm of power densities (blocks + 1, _BANDS).

    Densities are relative to those of white noise of variance one. None where the room is unknown.
    """
    hop = sample_rate // FRAME_RATE
    frames, powers = _analyse(samples, places, overhang, sample_rate)
    if len(frames) < _ENOUGH:
        return None
    widths = _bank(sample_rate)[1]
    levels = np.log(powers + _EMPTY) @ widths  # the mean over bands: hum or rumble alone does not make a frame loud
    loud = np.quantile(levels, 0.9)
    blocks = -(-(-(-len(samples) // hop) + 1) // _BLOCK)
    edges = np.arange(blocks + 1) * _BLOCK
    known: list[int] = []
    rooms: list[NDArray[np.float64]] = []
    for edge in edges.tolist():
        pool = _nearest(frames, edge, _POOL)
        room = _quietest(powers[pool], levels[pool], loud)
        if room is not None:
            known.append(edge)
            rooms.append(room)
    if not rooms:
        room = _quietest(powers, levels, loud)
        if room is None:
            return None
        known, rooms = [0], [room]
    spectra = np.log(np.array(rooms) + _EMPTY)
    total = 10.0 * np.log10(np.exp(spectra) @ widths)
    limited = spectra - np.maximum(0.0, total - _LOUDEST_DB)[:, None] * (np.log(10.0) / 10.0)
    limited[total < _SOFTEST_DB] = np.log(_EMPTY)
    return np.stack([np.interp(edges, known, band) for band in limited.T], axis=1)


def _quietest(
    powers: NDArray[np.float64], levels: NDArray[np.float64], loud: float
) -> NDArray[np.float64] | None:
    """Mean powers (_BANDS,) of the quiet frames of a pool (T, _BANDS), or None if those are not of a room."""
    unit = np.log(10.0) / 10.0
    low, middle = np.quantile(levels, [_QUIET_SHARE, 0.5])
    if low > loud - _DEPTH_DB * unit and middle > low + _STEADY_DB * unit:
        return None
    return powers[levels <= low + _QUIET_RANGE_DB * unit].mean(0)


def _nearest(frames: NDArray[np.int64], at: int, count: int) -> slice:
    """Where in increasing frame numbers the `count` nearest to a frame are."""
    first, last = 0, max(0, len(frames) - count)
    while first < last:  # the first window of that many whose end is not nearer than its start
        middle = (first + last) // 2
        if at - frames[middle] > frames[middle + count] - at:
            first = middle + 1
        else:
            last = middle
    return slice(first, first + count)


def _analyse(
    samples: NDArray[np.float32], places: NDArray[np.int64], overhang: int, sample_rate: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Numbers (T,) of the frames that lie within units, and their power densities (T, _BANDS).

    Frame k has the samples from k * hop to (k + 2) * hop.
    """
    hop = sample_rate // FRAME_RATE
    numbers: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    powers: list[NDArray[np.float64]] = [np.zeros((0, _BANDS))]
    bank, window = _bank(sample_rate)[0], _window(hop) ** 2
    window /= np.sqrt(np.square(window).sum())
    for start, end in _merged(places):
        inside = max(0, start + overhang), min(len(samples), end - overhang)
        first, last = -(-inside[0] // hop), inside[1] // hop - 1
        for low in range(first, last, _BLOCK):
            count = min(last - low, _BLOCK)
            frames = sliding_window_view(samples[low * hop : (low + count + 1) * hop], 2 * hop)[::hop]
            numbers.append(np.arange(low, low + count))
            powers.append(np.square(np.abs(rfft(frames * window, 2 * hop))).astype(np.float64) @ bank)
    return np.concatenate(numbers), np.concatenate(powers)


def _merged(places: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Places that overlap or touch, joined."""
    whole: tuple[int, int] | None = None
    for start, end in places.tolist():
        if whole is not None and start <= whole[1]:
            whole = whole[0], max(whole[1], end)
        else:
            if whole is not None:
                yield whole
            whole = start, end
    if whole is not None:
        yield whole


@cache
def _bank(sample_rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Filters (bins, _BANDS) that average the power of a band, and each band's share of all bins (_BANDS,)."""
    filters = _interpolation(sample_rate).T.astype(np.float64)
    return filters / filters.sum(0), filters.sum(0) / filters.sum()


@cache
def _interpolation(sample_rate: int) -> NDArray[np.float32]:
    """From bands to bins, (_BANDS, bins): straight lines between the bands' centres, which are even in mel."""
    frequencies = np.fft.rfftfreq(2 * (sample_rate // FRAME_RATE), 1 / sample_rate)
    centres = mel_points(_LOWEST, sample_rate / 2, _BANDS)
    points = np.concatenate([[2 * centres[0] - centres[1]], centres, [2 * centres[-1] - centres[-2]]])
    return triangles(points, np.clip(frequencies, centres[0], centres[-1])).T.astype(np.float32)


@cache
def _window(hop: int) -> NDArray[np.float32]:
    """A sine (2 * hop,): the powers of overlapping frames add up to one."""
    return np.sin(np.pi / 2 * (np.arange(2 * hop) + 0.5) / hop).astype(np.float32)
