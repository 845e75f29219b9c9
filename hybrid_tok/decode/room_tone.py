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

from hybrid_tok.nn.logmel import mel_points, triangles
from hybrid_tok.voice.fourier import irfft, rfft

RATE = 50
"""Frames per second in which noise is measured and made, 20 ms each, whatever the codec's are."""

BLOCK = 2 * RATE
"""Frames per block (2 s): a block's noise is drawn at once, and the room is measured at its ends."""

BANDS = 24
_LOWEST = 60.0
"""Centre of the lowest band in Hz; below it, the spectrum is that of this band."""

POOL = 8 * RATE
"""Frames of units (8 s), the nearest in time, among which quiet ones are looked for."""

ENOUGH = RATE // 2
"""Frames of units that a recording must have for its room to be known."""

_QUIET_SHARE = 0.02
_QUIET_RANGE_DB = 5.0
"""Quiet frames: the quietest fiftieth of a pool, and those less than this above it."""

_BAND_RANGE_DB = 10.0
"""By which a band of the room is at most above the quietest fiftieth of that band alone. Noise stays below this; the
quietest of speech without a pause does not: vowels have little in high bands, and fricatives in low ones."""

_LOUDEST_DB = -40.0
_DEPTH_DB = 30.0
"""The tone is at most this loud re full scale, and at least this far below the loudest fiftieth of frames: what is
louder may be a voice that never paused."""

_SOFTEST_DB = -90.0
"""A room softer than this is digital silence."""

_DB = float(np.log(10.0)) / 10.0
"""A decibel of power, as a natural logarithm."""

NOTHING = -140.0 * _DB
"""Digital silence in a band."""


def add_room_tone(
    samples: NDArray[np.float32],
    units: Sequence[tuple[int, int]],
    overhang: int,
    sample_rate: int,
    seed: int = 0,
) -> None:
    """Add the room's noise to mono samples (N,) in place, wherever they are not decoded from units.

    At the borders of units it is faded as the complement of what `Mixer` does: the powers of units and tone add up to
    one. White noise depends on the seed and its place alone, and is filtered with the spectrum of the room there. With
    less than half a second of units the room is unknown, and nothing is added.

    Args:
        units: places [start, end) of the decoded segments in the order of their starts; they may overlap, and extend
            beyond the recording.
        overhang: samples by which the segments extend beyond their places on both sides, as given to `Mixer`.
        sample_rate: in Hz, at least 50.
        seed: of the noise, at least 0.
    """
    hop = sample_rate // RATE
    # As in `Mixer`: a segment that is empty or begins after the end is not there.
    there = [(start, end) for start, end in units if start < min(end, len(samples))]
    places = np.array(there, np.int64).reshape(-1, 2)
    room = _room(samples, places, overhang, sample_rate)
    if room is None:
        return
    for block in range(len(room) - 1):
        # The last frame of a block reaches a hop into the next one; the first block begins a hop before the recording.
        start = (block * BLOCK - 1) * hop
        low, high = max(0, start), min(len(samples), start + (BLOCK + 1) * hop)
        gains = np.zeros((BLOCK + 1) * hop, np.float32)
        gains[low - start : high - start] = unit_gains(low, high, len(samples), places, overhang)
        heard = gains.reshape(BLOCK + 1, hop).max(1) > 0.0
        if heard.any() and (room[block : block + 2] > NOTHING).any():
            tone = _noise(block, room[block], room[block + 1], heard[:-1] | heard[1:], sample_rate, seed) * gains
            samples[low:high] += tone[low - start : high - start]


def unit_gains(low: int, high: int, num_samples: int, places: NDArray[np.int64], overhang: int) -> NDArray[np.float64]:
    """Factors of the tone at samples `low` to `high`: its power is what that of the units there lacks to one."""
    lacking = np.ones(high - low)
    near = (places[:, 0] - overhang < high) & (places[:, 1] + overhang > low)
    for start, end in places[near].tolist():
        first, last = max(low, start - overhang), min(high, end + overhang)
        power = np.ones(last - first)
        if start > 0:
            rise = np.arange(first, min(last, start + overhang)) - (start - overhang)
            power[: len(rise)] *= _ramp(rise, overhang)
        if end < num_samples:
            fall = (end + overhang - 1) - np.arange(max(first, end - overhang), last)
            power[len(power) - len(fall) :] *= _ramp(fall, overhang)
        lacking[first - low : last - low] -= power
    lacking[lacking < 1e-9] = 0.0  # rounding errors where segments meet
    return np.sqrt(lacking)


def _ramp(at: NDArray[np.int64], overhang: int) -> NDArray[np.float64]:
    """The power of a segment that many samples after its fade begins, as `Mixer` fades it."""
    return np.square(np.sin(np.pi / 2 * (at + 0.5) / (2 * overhang)))


def _noise(
    block: int,
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    heard: NDArray[np.bool_],
    sample_rate: int,
    seed: int,
) -> NDArray[np.float32]:
    """A block of noise ((BLOCK + 1) * hop,), its spectrum going from one to another; blocks overlap by a hop.

    Args:
        heard: which frames are needed, (BLOCK,); the others are silent.
    """
    hop = sample_rate // RATE
    white = np.concatenate([white_noise(block, BLOCK * hop, seed), white_noise(block + 1, hop, seed)])
    windowed = sliding_window_view(white, 2 * hop)[::hop][heard] * window_of(hop)
    shares = (np.arange(BLOCK, dtype=np.float32)[:, None] + 0.5) / BLOCK
    bands = before + shares * (after - before)
    shape = np.exp(0.5 * (bands @ interpolation(sample_rate))[heard])
    frames = np.zeros((BLOCK, 2 * hop), np.float32)
    frames[heard] = irfft(rfft(windowed, 2 * hop) * shape, 2 * hop) * window_of(hop)
    noise = np.zeros((BLOCK + 1, hop), np.float32)
    noise[:-1] += frames[:, :hop]
    noise[1:] += frames[:, hop:]
    return noise.ravel()


def white_noise(block: int, count: int, seed: int) -> NDArray[np.float32]:
    """The first samples of a block's noise before it is filtered."""
    return np.random.Generator(np.random.PCG64([seed, block])).standard_normal(count, np.float32)


def _room(
    samples: NDArray[np.float32], places: NDArray[np.int64], overhang: int, sample_rate: int
) -> NDArray[np.float32] | None:
    """The room's spectrum at the ends of blocks: natural logarithms of power densities (blocks + 1, BANDS).

    Densities are relative to those of white noise of variance one. None where there are too few frames of units.
    """
    hop = sample_rate // RATE
    frames, powers = _analyse(samples, places, overhang, sample_rate)
    if len(frames) < ENOUGH:
        return None
    blocks = -(-(-(-len(samples) // hop) + 1) // BLOCK)
    nearest = [_nearest(frames, edge * BLOCK, POOL) for edge in range(blocks + 1)]
    spectra = np.stack([quietest(powers[pool]) for pool in nearest])
    return bounded(spectra, powers, sample_rate)


def bounded(spectra: NDArray[np.float32], powers: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Spectra (n, BANDS) of a room, made no louder than a room may be beside what was heard, powers (T, BANDS)."""
    widths = _bank(sample_rate)[1]
    totals = np.log(np.exp(spectra) @ widths) / _DB
    loud = np.log(np.quantile(np.exp(powers) @ widths, 0.98)) / _DB
    spectra = spectra.copy()
    spectra -= np.maximum(0.0, totals - min(_LOUDEST_DB, loud - _DEPTH_DB))[:, None] * _DB
    spectra[totals < _SOFTEST_DB] = NOTHING
    return spectra


def quietest(powers: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the quiet frames of a pool (T, BANDS) have in each band, (BANDS,).

    The mean is over logarithms: sounds that a few of them hold in a few bands hardly count.
    """
    levels = powers.mean(1)  # over bands alike: rumble does not make a frame loud
    rank = int(_QUIET_SHARE * len(powers))
    quiet = powers[levels <= np.partition(levels, rank)[rank] + _QUIET_RANGE_DB * _DB].mean(0)
    return np.minimum(quiet, np.partition(powers, rank, axis=0)[rank] + _BAND_RANGE_DB * _DB)


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
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Numbers (T,) of the frames that lie within units, and the logarithms of their power densities (T, BANDS).

    Frame k has the samples from k * hop to (k + 2) * hop.
    """
    hop = sample_rate // RATE
    numbers: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    powers: list[NDArray[np.float32]] = [np.zeros((0, BANDS), np.float32)]
    for start, end in _merged(places):
        inside = max(0, start + overhang), min(len(samples), end - overhang)
        first, last = -(-inside[0] // hop), inside[1] // hop - 1
        for low in range(first, last, BLOCK):
            count = min(last - low, BLOCK)
            frames = sliding_window_view(samples[low * hop : (low + count + 1) * hop], 2 * hop)[::hop]
            numbers.append(np.arange(low, low + count))
            powers.append(band_powers(frames, sample_rate))
    return np.concatenate(numbers), np.concatenate(powers)


def band_powers(frames: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Logarithms of the power densities (n, BANDS) of frames (n, 2 * hop)."""
    hop = sample_rate // RATE
    window = window_of(hop) ** 2
    window /= np.sqrt(np.square(window).sum())
    power = np.square(np.abs(rfft(frames * window, 2 * hop))) @ _bank(sample_rate)[0]
    return np.log(power + np.float32(np.exp(NOTHING)))


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
def _bank(sample_rate: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Filters (bins, BANDS) that average the power of a band, and each band's share of all bins (BANDS,)."""
    filters = interpolation(sample_rate).T
    return filters / filters.sum(0), filters.sum(0) / filters.sum()


@cache
def interpolation(sample_rate: int) -> NDArray[np.float32]:
    """From bands to bins, (BANDS, bins): straight lines between the bands' centres, which are even in mel."""
    frequencies = np.fft.rfftfreq(2 * (sample_rate // RATE), 1 / sample_rate)
    centres = mel_points(_LOWEST, sample_rate / 2, BANDS)
    points = np.concatenate([[2 * centres[0] - centres[1]], centres, [2 * centres[-1] - centres[-2]]])
    return triangles(points, np.clip(frequencies, centres[0], centres[-1])).T.astype(np.float32)


@cache
def window_of(hop: int) -> NDArray[np.float32]:
    """A sine (2 * hop,): the powers of overlapping frames add up to one."""
    return np.sin(np.pi / 2 * (np.arange(2 * hop) + 0.5) / hop).astype(np.float32)
