"""Where something is audible: frame energies against the recording's own noise floor.

The floor is a low percentile of the frame levels over a long sliding window, in the spirit of minimum statistics
(Martin 2001, "Noise power spectral density estimation based on optimal smoothing and minimum statistics"): speech
and other sounds come and go within the window, steady noise and hum do not, so these are the floor. A sound must
rise above the floor by an opening margin and lasts while it stays above a smaller, closing one.

All of it looks ahead by a bounded time, so that a stream finds what a file does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.masks import mask_to_spans
from hybrid_tok.core.timeline import FRAME_RATE, Span
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
        look_ahead: seconds of the window that lie ahead, at most half of it. With 0 the floor is that of the whole
            seconds before, and in the first second of a recording everything above `absolute_db` counts.
        percentile: of the frame levels in the window, in (0, 50]; the noise floor.
        opening_db: dB above the floor that a sound must reach somewhere.
        closing_db: dB above the floor that it must keep.
        absolute_db: level re full scale below which nothing is ever active: digital silence, dither.
        rise: frames by which a sound begins at most before it reaches the opening margin.
        max_hole: frames of the longest gap inside a sound that is closed.
        min_frames: frames below which a sound is dropped.
        margin: frames added on both sides, since sounds start and end below the closing level.
    """

    window: float = 30.0
    look_ahead: float = 15.0
    percentile: float = 5.0
    opening_db: float = 10.0
    closing_db: float = 6.0
    absolute_db: float = -65.0
    rise: int = 50
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
        if min(self.rise, self.max_hole, self.min_frames, self.margin) < 0:
            raise OptionsError("activity rise, max_hole, min_frames and margin must not be negative")
        if not (self.look_ahead == 0.0 or 1.0 <= self.look_ahead <= self.window / 2):
            raise OptionsError(
                f"activity look_ahead must be 0, or from 1 s to half of the window, not {self.look_ahead}"
            )


def find_activity(audio: Audio, options: ActivityOptions = ActivityOptions()) -> tuple[Span, ...]:
    """Stretches in which something is audible above the noise floor: sorted, disjoint, within the recording.

    Args:
        audio: mono, any rate that is a multiple of 50 Hz; the last frame may be partial.
    """
    stream = ActivityStream(options, audio.sample_rate)
    mask = np.concatenate([stream.push(_checked(audio)), stream.flush()])
    return tuple(Span(*run) for run in mask_to_spans(mask))


def frame_levels(audio: Audio) -> NDArray[np.float64]:
    """Level of each frame, (ceil(N / hop),), in dB re a full-scale square wave; a constant offset has none."""
    return _levels(_checked(audio), audio.sample_rate)


def noise_floor(levels: NDArray[np.float64], options: ActivityOptions = ActivityOptions()) -> NDArray[np.float64]:
    """The noise floor under each frame in dB, (T,) from levels (T,): the percentile of the levels in the window."""
    state = FloorState()
    floors = _Floor(options, state)
    floors.add(levels)
    return floors.take(last=True)


@dataclass(slots=True)
class FloorState:
    """What the floor goes on with.

    Attributes:
        counts: histogram of the levels of each second from `first` on, (blocks, bins).
        first: number of the first of them.
        frames: that have been added.
        taken: frames whose floor has been given.
    """

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, _BINS), np.int64))
    first: int = 0
    frames: int = 0
    taken: int = 0


class _Floor:
    """The noise floor while levels arrive.

    Percentiles come from a histogram per second, summed over the window: linear in the length, exact to half a dB.
    """

    def __init__(self, options: ActivityOptions, state: FloorState) -> None:
        self._percentile = options.percentile
        self._ahead = round(options.look_ahead)
        self._before = max(1, round(options.window) - self._ahead)
        self._state = state

    def add(self, levels: NDArray[np.float64]) -> None:
        """Levels of the next frames, (n,)."""
        state = self._state
        bins = np.clip(np.floor((levels - _LOWEST_DB) / _DB_PER_BIN).astype(np.int64), 0, _BINS - 1)
        block = (state.frames + np.arange(len(levels))) // _BLOCK_FRAMES - state.first
        state.frames += len(levels)
        blocks = -(-state.frames // _BLOCK_FRAMES) - state.first
        added = np.bincount(block * _BINS + bins, minlength=blocks * _BINS).reshape(blocks, _BINS)
        added[: len(state.counts)] += state.counts
        state.counts = added

    def take(self, last: bool) -> NDArray[np.float64]:
        """The floors that are now known, in order; all that are left, where these were the last levels."""
        floors = self._interpolated(last) if self._ahead else self._stepped()
        state = self._state
        state.taken += len(floors)
        # What is before the window of the next frame is no longer needed.
        drop = max(0, state.taken // _BLOCK_FRAMES - self._before - 1 - state.first)
        state.counts, state.first = state.counts[drop:], state.first + drop
        return floors

    def _interpolated(self, last: bool) -> NDArray[np.float64]:
        """Straight lines between the floors at the middle of seconds, whose windows are centred on them."""
        state = self._state
        whole = -(-state.frames // _BLOCK_FRAMES) if last else state.frames // _BLOCK_FRAMES - self._ahead
        half = _BLOCK_FRAMES // 2
        end = state.frames if last else (whole - 1) * _BLOCK_FRAMES + half + 1
        if whole < 1 or end <= state.taken:
            return np.zeros(0)
        centres = np.arange(max((state.taken - half) // _BLOCK_FRAMES, 0), whole)
        floors = self._percentiles(centres - self._before, centres + self._ahead + 1)
        return np.interp(np.arange(state.taken, end), centres * _BLOCK_FRAMES + half, floors)

    def _stepped(self) -> NDArray[np.float64]:
        """The floor of the seconds before, which changes once a second; none in the first one."""
        state = self._state
        frames = np.arange(state.taken, state.frames)
        if not len(frames):
            return np.zeros(0)
        blocks = np.arange(frames[0] // _BLOCK_FRAMES, frames[-1] // _BLOCK_FRAMES + 1)
        floors = np.full(len(blocks), _LOWEST_DB)
        known = blocks[blocks > 0]
        floors[len(blocks) - len(known) :] = self._percentiles(known - self._before, known)
        return floors[frames // _BLOCK_FRAMES - blocks[0]]

    def _percentiles(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.float64]:
        """The percentile of the levels from one second to another, as far as there are any."""
        counts, first = self._state.counts, self._state.first
        running = np.concatenate([np.zeros((1, _BINS), np.int64), np.cumsum(counts, axis=0)])
        window = running[np.clip(ends - first, 0, len(counts))] - running[np.clip(starts - first, 0, len(counts))]
        below = np.cumsum(window, axis=1)
        wanted = below[:, -1:] * (self._percentile / 100.0)
        return _LOWEST_DB + _DB_PER_BIN * (np.argmax(below >= wanted, axis=1) + 0.5)


@dataclass(slots=True)
class ActivityState:
    """What an `ActivityStream` goes on with; each list of frames continues where the one after it ends.

    Attributes:
        rest: samples of a frame that is not complete.
        before: level of the frame before `levels`; NaN at the start.
        levels: that are not smoothed yet.
        smooth: smoothed levels whose floor is not known yet.
        floor: of the noise floor.
        held, opened: of frames for which it is not known yet whether they are part of a sound: whether they are above
            the closing and the opening margin.
        sounding: whether the frame before them is part of a sound.
        sounds: frames of sounds, from `context` frames before the first that has not been given.
        context: how many of them have been given.
    """

    rest: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    before: float = float("nan")
    levels: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    smooth: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    floor: FloorState = field(default_factory=FloorState)
    held: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    opened: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    sounding: bool = False
    sounds: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    context: int = 0


class ActivityStream:
    """Finds sounds while they are being heard: samples in, whether each frame is active out."""

    def __init__(self, options: ActivityOptions, sample_rate: int, state: ActivityState | None = None) -> None:
        self._options, self._rate = options, sample_rate
        self.state = state or ActivityState()
        self._floor = _Floor(options, self.state.floor)

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.bool_]:
        """More samples (N,); the frames (t,) that are now known follow those that were given before."""
        state, hop = self.state, self._rate // FRAME_RATE
        rest = np.concatenate([state.rest, samples]) if len(state.rest) else samples
        whole = len(rest) // hop * hop
        state.rest = rest[whole:].copy()
        return self._advance(_levels(rest[:whole], self._rate), last=False)

    def flush(self) -> NDArray[np.bool_]:
        """The end of the recording: the rest of the frames."""
        return self._advance(_levels(self.state.rest, self._rate), last=True)

    def _advance(self, levels: NDArray[np.float64], last: bool) -> NDArray[np.bool_]:
        self._smooth(levels, last)
        self._open(last)
        self._decide(last)
        return self._take(last)

    def _smooth(self, levels: NDArray[np.float64], last: bool) -> None:
        """Mean level of three frames: a floor of noise flickers less, and a click of one frame counts less."""
        state = self.state
        levels = np.concatenate([state.levels, levels])
        count = len(levels) if last else max(0, len(levels) - 1)
        if count:
            before = levels[0] if np.isnan(state.before) else state.before
            padded = np.concatenate([[before], levels, levels[-1:] if last else []])
            smooth = (padded[:count] + padded[1 : count + 1] + padded[2 : count + 2]) / 3.0
            state.smooth = np.concatenate([state.smooth, smooth])
            self._floor.add(smooth)
            state.before = float(levels[count - 1])
        state.levels = levels[count:]

    def _open(self, last: bool) -> None:
        """Compare levels with the floor."""
        state, options = self.state, self._options
        floor = np.maximum(self._floor.take(last), options.absolute_db - options.opening_db)
        smooth, state.smooth = state.smooth[: len(floor)], state.smooth[len(floor) :]
        held = smooth > np.maximum(floor + options.closing_db, options.absolute_db)
        state.held = np.concatenate([state.held, held])
        state.opened = np.concatenate([state.opened, smooth > floor + options.opening_db])

    def _decide(self, last: bool) -> None:
        """Sounds: runs of held frames from shortly before they open; short ones are dropped."""
        state, options = self.state, self._options
        known = len(state.held) - (0 if last else max(options.rise, options.min_frames))
        if known <= 0:
            return
        sounds = np.zeros(len(state.held), bool)
        for start, end in mask_to_spans(state.held):
            goes_on = start == 0 and state.sounding
            opens = np.flatnonzero(state.opened[start:end])
            if goes_on:
                sounds[start:end] = True
            elif len(opens):
                start = max(start, start + int(opens[0]) - options.rise)
                sounds[start:end] = end - start >= options.min_frames
        state.sounds = np.concatenate([state.sounds, sounds[:known]])
        state.sounding = bool(sounds[known - 1])
        state.held, state.opened = state.held[known:], state.opened[known:]

    def _take(self, last: bool) -> NDArray[np.bool_]:
        """Sounds widened, and the holes between them closed."""
        state, options = self.state, self._options
        reach = 2 * options.margin + options.max_hole + 1
        end = len(state.sounds) if last else len(state.sounds) - reach
        if end <= state.context:
            return np.zeros(0, bool)
        mask = np.zeros(len(state.sounds), bool)
        before = -reach
        for start, stop in mask_to_spans(state.sounds):
            start, stop = start - options.margin, stop + options.margin
            mask[max(before if start - before <= options.max_hole else start, 0) : stop] = True
            before = stop
        given, state.context = mask[state.context : end], min(end, 2 * reach)
        state.sounds = state.sounds[end - state.context :]
        return given


def _checked(audio: Audio) -> NDArray[np.float32]:
    if audio.samples.ndim != 1:
        raise ValueError(f"activity needs mono samples (N,), not {audio.samples.shape}")
    if audio.sample_rate % FRAME_RATE:
        raise ValueError(f"activity needs a rate that is a multiple of {FRAME_RATE} Hz, not {audio.sample_rate}")
    return audio.samples


def _levels(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float64]:
    power = frame_powers(samples, sample_rate, centred=True)
    return 10.0 * np.log10(np.maximum(power, 10.0 ** (_LOWEST_DB / 10.0)))
