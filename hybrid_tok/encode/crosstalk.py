"""Crosstalk: what one channel of a call says is heard in another, as an echo in a microphone does.

In windows of a second in which the source talks and is the louder one, the generalized cross-correlation with phase
transform (Knapp & Carter 1976, The generalized correlation method for estimation of time delay) says whether the other
channel has the same sound, and how much later. Its phase only counts, so that the other's own talk and noise hide an
echo less than in a plain correlation, and hum makes none. Sounds of two people give no peak; one that stands out of the
rest by far, at the same delay in several windows, is crosstalk. A delay that moves steadily says that the clocks of the
two channels differ.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.errors import AudioError, CrosstalkWarning, OptionsError

RATE = 16_000
"""Of the channels, in Hz."""

_WINDOW = RATE
_MOST = 2048
"""Windows with crosstalk that are kept per pair; beyond, every second one is let go."""

_SAME = 1e-3
"""Seconds by which delays may differ that are one, where no clock drifts."""

_AT_ONCE = 3e-4
"""Seconds of delay within which either channel may be the source."""

_MOVED = 2.5e-4
"""Seconds by which a delay must move in all to be said to drift: four samples."""

_TO_MOVE, _POINTS = 5, 200
"""Windows that a drift is seen in at least, and the most that it is measured in."""

_MIRRORED = 0.3
"""Of two directions with no delay, one in which so much less of the power is the source's is the other seen again."""

_PHASE = 0.9
"""The power of the transform. With 1, all frequencies would count the same, those that a telephone leaves out too."""

_NEAR, _TAPER = RATE // 500, RATE // 40
"""Samples around a peak that belong to it, and of the soft ends of a window."""

_STEEPEST = 1e-3
"""Of a drift, in seconds per second: clocks differ by less."""


@dataclass(frozen=True, slots=True)
class CrosstalkOptions:
    """What is looked for.

    Attributes:
        longest: seconds of delay.
        earliest: seconds by which the source may be the later one, as filters of a recorder make it.
        sure: how many times higher a peak of the correlation is than all that are more than 2 ms away. Of windows with
            two independent talkers, 1 in 200 has one of 1.6, at any delay.
        quiet: dB of full scale below which a window has no talk.
        least: windows in which there must be crosstalk with one delay; more where many have peaks at other delays.
    """

    longest: float = 0.5
    earliest: float = 0.005
    sure: float = 1.6
    quiet: float = -60.0
    least: int = 3

    def __post_init__(self) -> None:
        if self.longest <= 0 or not 0 <= self.earliest <= self.longest:
            raise OptionsError(f"delays from -{self.earliest} to {self.longest} s: give 0 <= earliest <= longest")
        if self.sure < 1 or self.least < 1:
            raise OptionsError(f"sure={self.sure}, least={self.least}: give at least 1")


@dataclass(frozen=True, slots=True)
class Crosstalk:
    """One channel is heard in another.

    Attributes:
        source: number of the channel that is heard.
        into: number of the one it is heard in.
        delay: by which it is heard later, in seconds; the median where it drifts.
        level_db: of the direct sound against the source's own level, the median; reverberation adds to it.
        share: of the seconds in which the source talks and is louder, those with crosstalk of this delay, in (0, 1].
        start, end: the first and the last such second, in seconds of the recording.
        drift_ppm: by which the delay grows, in millionths of the time, where it moves steadily; None where it stays.
    """

    source: int
    into: int
    delay: float
    level_db: float
    share: float
    start: float
    end: float
    drift_ppm: float | None = None

    @property
    def message(self) -> str:
        """All of it in one line, with what to do."""
        said = (
            f"channel {self.source} is heard in channel {self.into}, {1000 * self.delay:.1f} ms later at "
            f"{self.level_db:.0f} dB, in {self.share:.0%} of its talk, from {self.start:.0f} to {self.end:.0f} s: "
            f"words of one may be written in both; use headphones or an echo canceller"
        )
        if self.drift_ppm is None:
            return said
        return (
            f"{said}; the delay moves by {self.drift_ppm:+.0f} ppm, so that clocks differ: resample channel "
            f"{self.into} to be {abs(self.drift_ppm):.0f} ppm {'shorter' if self.drift_ppm > 0 else 'longer'}"
        )


def find_crosstalk(channels: Sequence[Audio], options: CrosstalkOptions = CrosstalkOptions()) -> tuple[Crosstalk, ...]:
    """The crosstalk between whole channels; the same as pushed in parts.

    Args:
        channels: mono at 16 kHz; what a shorter one lacks is silence.

    Raises:
        BackendError: a channel is not mono at 16 kHz.
    """
    detector = CrosstalkDetector(len(channels), options)
    samples = [channel.mono_at(RATE, "crosstalk detection") for channel in channels]
    length = max(map(len, samples), default=0)
    for start in range(0, length, 60 * RATE):
        parts = [one[start : start + 60 * RATE] for one in samples]
        most = max(map(len, parts))
        detector.push(np.stack([np.pad(part, (0, most - len(part))) for part in parts]))
    return detector.flush()


def warn_of(found: Iterable[Crosstalk]) -> None:
    """Say each crosstalk as a `CrosstalkWarning`."""
    for one in found:
        warnings.warn(one.message, CrosstalkWarning, stacklevel=2)


def check_lengths(channels: Sequence[Audio], tolerance: float = 0.1) -> None:
    """Refuse channels that cannot be of one call, or whose clocks differ.

    Args:
        channels: at any rates.
        tolerance: seconds by which lengths may differ.

    Raises:
        AudioError: two lengths differ by more.
    """
    if not channels:
        return
    order = sorted(range(len(channels)), key=lambda k: channels[k].seconds)
    short, long = order[0], order[-1]
    shortest, longest = channels[short].seconds, channels[long].seconds
    if longest - shortest > tolerance:
        ratio = f"{1e6 * (longest / shortest - 1):.0f} ppm" if shortest else "infinitely"
        raise AudioError(
            f"channel {long} lasts {longest:.3f} s, channel {short} {shortest:.3f} s, {ratio} apart, beyond the "
            f"tolerance of {tolerance:g} s: resample one to the other's length if their clocks differ, else cut or pad"
        )


@dataclass(frozen=True, slots=True)
class _Peak:
    """A window with crosstalk.

    Attributes:
        start: of the window, in seconds.
        delay: in seconds.
        gain: of the source in the other channel, of all frequencies alike.
        coherence: share of the other's power that is the source's.
    """

    start: float
    delay: float
    gain: float
    coherence: float


class _Pair:
    """What is known of crosstalk from one channel into another."""

    def __init__(self) -> None:
        self.talked = 0
        self.heard = 0
        self.peaks: list[_Peak] = []
        self._every = 1

    def add(self, peak: _Peak | None) -> None:
        self.talked += 1
        if peak is None:
            return
        if self.heard % self._every == 0:
            self.peaks.append(peak)
        self.heard += 1
        if len(self.peaks) > _MOST:
            self.peaks = self.peaks[::2]
            self._every *= 2


class CrosstalkDetector:
    """Finds crosstalk while the channels come; what is kept does not grow with their length.

    Args:
        channels: how many there are.
        options: what is looked for.
    """

    def __init__(self, channels: int, options: CrosstalkOptions = CrosstalkOptions()) -> None:
        self._options = options
        self._early, self._late = round(options.earliest * RATE), round(options.longest * RATE)
        self._pairs = {pair: _Pair() for pair in permutations(range(channels), 2)}
        self._samples = np.zeros((channels, self._early), np.float32)
        """From `_early` samples before the next window."""
        self._start = 0
        """Sample at which the next window starts."""

    def push(self, samples: NDArray[np.float32]) -> None:
        """More samples (channels, n) at 16 kHz, any number.

        Raises:
            AudioError: of another number of channels.
        """
        if samples.ndim != 2 or len(samples) != len(self._samples):
            raise AudioError(f"samples of shape {samples.shape}, not ({len(self._samples)}, n)")
        self._samples = np.concatenate([self._samples, samples], axis=1)
        needed = self._early + _WINDOW + self._late
        used = 0
        while self._samples.shape[1] - used >= needed:
            self._hear(self._samples[:, used : used + needed])
            used += _WINDOW
        self._samples = self._samples[:, used:].copy()

    def flush(self) -> tuple[Crosstalk, ...]:
        """The crosstalk of the whole recording, which is over."""
        left = self._samples.shape[1] - self._early
        while left > 0:
            window = self._samples[:, : self._early + _WINDOW + self._late]
            short = self._early + _WINDOW + self._late - window.shape[1]
            self._hear(np.pad(window, ((0, 0), (0, short))))
            self._samples = self._samples[:, _WINDOW:]
            left -= _WINDOW
        self._samples = self._samples[:, :0]
        return self.found()

    def found(self) -> tuple[Crosstalk, ...]:
        """The crosstalk so far, by source and by the channel it is heard in."""
        tracks = {pair: self._track(known) for pair, known in self._pairs.items()}
        found: list[Crosstalk] = []
        for (source, into), track in tracks.items():
            mirrored = tracks[into, source]
            if track is not None and not (mirrored is not None and track.is_mirror_of(mirrored)):
                found.append(track.crosstalk(source, into, self._pairs[source, into]))
        return tuple(found)

    def _track(self, pair: _Pair) -> _Track | None:
        track = _Track.of_peaks(pair.peaks) if pair.peaks else None
        if track is None:
            return None
        # As many as chance brings together where peaks are at all delays, five times.
        chance = (track.of - len(track.peaks)) * 2 * _SAME / (self._options.longest + self._options.earliest)
        return track if len(track.peaks) >= self._options.least + 5 * chance else None

    def _hear(self, samples: NDArray[np.float32]) -> None:
        """A window: its samples with those before and after it that crosstalk may be in."""
        early, count = self._early, len(samples)
        inside = samples[:, early : early + _WINDOW].astype(np.float64)
        inside -= inside.mean(axis=1, keepdims=True)
        powers = np.square(inside).mean(axis=1)
        for source in range(count):
            if powers[source] < 10 ** (self._options.quiet / 10) or not _varies(inside[source]):
                continue
            for into in range(count):
                louder = powers[source] > powers[into] or (powers[source] == powers[into] and source < into)
                if into != source and louder:
                    around = samples[into].astype(np.float64)
                    self._pairs[source, into].add(self._peak(inside[source], around - around.mean()))
        self._start += _WINDOW

    def _peak(self, source: NDArray[np.float64], around: NDArray[np.float64]) -> _Peak | None:
        """The peak of the correlation, if it stands out."""
        size = 1 << (len(around) - 1).bit_length()
        # Untapered, what both cut off at an end would be a sound that both have.
        own, other = (np.fft.rfft(_tapered(one), size) for one in (source, around))
        cross = other * np.conj(own)
        correlation = np.abs(np.fft.irfft(cross * _weights(np.abs(cross)), size)[: self._early + self._late + 1])
        at = int(correlation.argmax())
        others = np.concatenate([correlation[: max(at - _NEAR, 0)], correlation[at + _NEAR + 1 :]])
        if correlation[at] <= self._options.sure * others.max(initial=0.0):
            return None
        # Of the source all frequencies count the same here too, so that its pitch does not add reverberation.
        power = np.square(np.abs(own))
        weights = _weights(power)
        heard = around[at : at + len(source)]
        return _Peak(
            start=self._start / RATE,
            delay=(at - self._early) / RATE,
            gain=float(np.fft.irfft(cross * weights, size)[at] / np.fft.irfft(power * weights, size)[0]),
            coherence=float(source @ heard) ** 2 / max(float(source @ source) * float(heard @ heard), 1e-30),
        )


def _weights(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights by which frequencies of these sizes count nearly the same."""
    return np.maximum(sizes, max(float(sizes.max()) * 1e-12, 1e-30)) ** -_PHASE


def _tapered(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Samples with soft ends."""
    edge = np.sin(np.linspace(0, np.pi / 2, _TAPER)) ** 2
    tapered = samples.copy()
    tapered[:_TAPER] *= edge
    tapered[-_TAPER:] *= edge[::-1]
    return tapered


def _varies(samples: NDArray[np.float64]) -> bool:
    """Whether there are syllables, and not noise alone: the loudest and the quietest 20 ms are 10 dB apart."""
    powers = frame_powers(samples, RATE)
    return float(powers.max()) >= 10 * float(powers.min())


@dataclass(frozen=True, slots=True)
class _Track:
    """Windows whose delays are one, or move steadily.

    Attributes:
        peaks: in order of time.
        of: how many windows with peaks there are.
        slope: of the delay, in seconds per second; 0 where it stays.
    """

    peaks: list[_Peak]
    of: int
    slope: float

    @classmethod
    def of_peaks(cls, peaks: list[_Peak]) -> _Track:
        """The largest one."""
        times, delays = (np.array(column) for column in zip(*((one.start, one.delay) for one in peaks), strict=True))
        staying, moving = _staying(delays), _moving(times, delays)
        inside = staying if staying.sum() >= moving.sum() else moving
        times, delays = times[inside], delays[inside]
        slope = _slope(times, delays)
        steady = 2 * _spread(delays - slope * times) <= _spread(delays)
        if len(times) < _TO_MOVE or not steady or abs(slope) * float(times[-1] - times[0]) < _MOVED:
            slope = 0.0
        return cls([one for one, kept in zip(peaks, inside, strict=True) if kept], len(peaks), slope)

    @property
    def delay(self) -> float:
        """The median, in seconds."""
        return float(np.median([one.delay for one in self.peaks]))

    @property
    def coherence(self) -> float:
        return float(np.median([one.coherence for one in self.peaks]))

    def is_mirror_of(self, other: _Track) -> bool:
        """Whether this is the crosstalk of the other direction, heard where both talk."""
        if abs(self.delay + other.delay) > _SAME:
            return False
        if abs(self.delay) > _AT_ONCE:
            return self.delay < 0
        return self.coherence < _MIRRORED * other.coherence

    def crosstalk(self, source: int, into: int, pair: _Pair) -> Crosstalk:
        gain = abs(float(np.median([one.gain for one in self.peaks])))
        return Crosstalk(
            source=source,
            into=into,
            delay=self.delay,
            level_db=float(20 * np.log10(max(gain, 1e-6))),
            share=len(self.peaks) / self.of * pair.heard / pair.talked,
            start=self.peaks[0].start,
            end=self.peaks[-1].start + _WINDOW / RATE,
            drift_ppm=1e6 * self.slope if self.slope else None,
        )


def _staying(delays: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The most delays that are one."""
    ordered = np.sort(delays)
    last = np.searchsorted(ordered, ordered + 2 * _SAME, side="right")
    first = int((last - np.arange(len(ordered))).argmax())
    return (delays >= ordered[first]) & (delays <= ordered[first] + 2 * _SAME)


def _moving(times: NDArray[np.float64], delays: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The delays that move steadily."""
    if len(times) < _TO_MOVE:
        return np.zeros(len(times), np.bool_)
    slope = _slope(times, delays)
    moved = delays - slope * times
    inside = np.abs(moved - np.median(moved)) <= _SAME
    return inside & (abs(slope) <= _STEEPEST and 2 * inside.sum() >= len(times))


def _spread(values: NDArray[np.float64]) -> float:
    """The mean distance from the median."""
    return float(np.abs(values - np.median(values)).mean())


def _slope(times: NDArray[np.float64], delays: NDArray[np.float64]) -> float:
    """The median of the slopes between all pairs (Theil 1950, Sen 1968), of at most `_POINTS` of the points."""
    chosen = np.unique(np.linspace(0, len(times) - 1, _POINTS).astype(int))
    first, second = np.triu_indices(len(chosen), 1)
    rise = delays[chosen[second]] - delays[chosen[first]]
    return float(np.median(rise / (times[chosen[second]] - times[chosen[first]]))) if len(rise) else 0.0
