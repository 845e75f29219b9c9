"""The output of a stream while it grows: segments are added, and what nothing can change any more is given out.

Fades, overlaps and the limiter are those of `Mixer`, so that the joins are the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.decode.live_room import LiveRoom
from hybrid_tok.decode.mixer import limit
from hybrid_tok.decode.room_tone import unit_gains

FADE = 0.01
"""Seconds of the fades where the output is cut: after a skip, and where someone interrupts."""

_LIMITER = 0.005
"""Seconds: as in `limit`, whose gain depends on twice as much before and after each sample."""

_BLOCK = 4.0
"""Seconds given out at a time, at most."""

_REMEMBERED = 60.0
"""Seconds given out that are remembered, to fade out from any of them."""

_FAR = 1 << 60


class LiveSegment:
    """A segment that is being rendered: overhang, body, overhang, written in pieces.

    Attributes:
        start: sample of the output at which its body begins.
        is_units: the room is heard in it.
    """

    def __init__(self, mixer: LiveMixer, start: int, is_units: bool) -> None:
        self.start, self.is_units = start, is_units
        self._mixer = mixer
        self._written = 0
        self.tail = np.zeros(0, np.float32)
        """The last samples, as many as a fade has: they are faded out if the segment ends with them."""
        self.closed = False

    @property
    def end(self) -> int:
        """Where its body ends, as far as it was written; unlimited while it is not closed."""
        return self.start + self._written - 2 * self._mixer.overhang if self.closed else _FAR

    @property
    def settled(self) -> int:
        """The sample of the output up to which it is mixed."""
        return self.start - self._mixer.overhang + self._written - len(self.tail)

    def write(self, samples: NDArray[np.float32]) -> None:
        """The next samples."""
        fade = 2 * self._mixer.overhang
        if self.start > 0 and self._written < fade:
            samples = samples.copy()
            ramp = self._mixer.ramp[self._written : self._written + len(samples)]
            samples[: len(ramp)] *= ramp
        place = self.settled
        self._written += len(samples)
        waiting = np.concatenate([self.tail, samples])
        ready = max(0, len(waiting) - fade)
        self._mixer.sum(place, waiting[:ready])
        self.tail = waiting[ready:]

    def close(self) -> None:
        """The segment is whole."""
        self.closed = True

    def fade_out(self) -> None:
        """It ends before the output does: mix its last samples, faded."""
        self._mixer.sum(self.settled, self.tail * self._mixer.ramp[::-1][2 * self._mixer.overhang - len(self.tail) :])
        self.tail = self.tail[:0]

    def cut_off(self) -> None:
        """The output ends with it, or within it: mix its last samples as they are."""
        self._mixer.sum(self.settled, self.tail)
        self.tail = self.tail[:0]


class LiveMixer:
    """An output of one channel that grows at its end.

    Args:
        overhang: samples by which segments extend beyond their bodies, as of `Mixer`.
        ceiling: highest absolute value; louder peaks are limited.
        sample_rate: in Hz.
        room: adds the tone of the room; None leaves it out.

    Attributes:
        given: the sample up to which was given out or skipped.
        settled: the sample up to which nothing can be mixed in any more.
        total: how many samples were given out, those skipped not counted.
    """

    def __init__(self, overhang: int, ceiling: float, sample_rate: int, room: LiveRoom | None) -> None:
        self.overhang, self.sample_rate = overhang, sample_rate
        self.given = self.settled = self.total = 0
        self.ramp = np.sin(np.pi / 2 * (np.arange(2 * overhang) + 0.5) / max(1, 2 * overhang)).astype(np.float32)
        self._ceiling, self._room = ceiling, room
        self._reach = 2 * max(1, round(_LIMITER * sample_rate))
        self._samples = np.zeros(0, np.float32)
        """From sample `_first` on; before `settled` with the room's tone, but not limited."""
        self._first = 0
        self._ending: list[LiveSegment] = []
        """Segments that may still be the last."""
        self._units: list[LiveSegment] = []
        """Segments of units that reach into what is not settled."""
        self._skip = 0
        self._jumps: list[tuple[int, int, int]] = []
        """After how many samples given out something was skipped, from where and to where."""
        self._remembered: deque[NDArray[np.float32]] = deque()
        self._kept = 0

    def open(self, start: int, is_units: bool = False) -> LiveSegment:
        """A segment whose body starts at a sample; later where that is settled, so that it is faded in whole."""
        if self.settled > 0:
            start = max(start, self.settled + self.overhang)
        segment = LiveSegment(self, start, is_units)
        self._ending.append(segment)
        if is_units:
            self._units.append(segment)
        return segment

    def sum(self, start: int, samples: NDArray[np.float32]) -> None:
        """Add samples at their place; what would be before the start, or is settled, is left out."""
        first = max(start, self.settled)
        end = start + len(samples)
        if first < end:
            self._reserve(end)
            self._samples[first - self._first : end - self._first] += samples[first - start :]

    def reach(self, sample: int) -> None:
        """The output is longer than so many samples: segments that end before are faded out."""
        for segment in self._ending:
            if segment.closed and segment.end < sample:
                segment.fade_out()
        self._ending = [segment for segment in self._ending if not segment.closed or segment.end >= sample]

    def release(self, sample: int, shortest: int) -> Iterator[NDArray[np.float32]]:
        """Give out what is final where nothing is mixed in before a sample any more: all but the limiter's reach.

        Args:
            shortest: samples that the output has at least.
        """
        yield from self._give(sample, _FAR, lambda: min(self.settled - self._reach, shortest))

    def finish(self, num_samples: int) -> Iterator[NDArray[np.float32]]:
        """Give out the rest of an output of so many samples."""
        self.reach(num_samples)
        for segment in self._ending:
            segment.cut_off()
        self._ending = []
        yield from self._give(num_samples, num_samples, lambda: min(self.settled, num_samples))

    def skip_to(self, sample: int) -> None:
        """Give out nothing before a sample; there, the output is faded in."""
        if sample > max(self.given, self._skip):
            self._skip = sample

    def skips(self, end: int) -> bool:
        """Whether nothing before a sample will be given out."""
        return end <= self._skip

    def place_of(self, total: int) -> int:
        """The sample of the output that comes after so many that were given out."""
        before, _, sample = next((jump for jump in reversed(self._jumps) if jump[0] <= total), (0, 0, 0))
        return sample + total - before

    @property
    def skipped(self) -> tuple[tuple[int, int], ...]:
        """The parts of the output that were skipped: from, to."""
        return tuple((start, end) for _, start, end in self._jumps)

    def fade_out(self, total: int) -> NDArray[np.float32]:
        """Samples (10 ms) that end the output without a click after so many were given out.

        They are what comes next, faded; where that is not known any more, or not yet, there is nothing to fade but the
        last sample.
        """
        length = round(FADE * self.sample_rate)
        known = np.concatenate([np.zeros(0, np.float32), *self._remembered])
        at = len(known) - (self.total - total)
        if at < 0 or self.total == 0:
            return np.zeros(0, np.float32)
        following = known[at : at + length]
        if len(following) < length:
            waiting = self._limited(self.settled)[self.given - self._first : self.settled - self._first]
            following = np.concatenate([following, waiting[: length - len(following)]])
        last = following[-1:] if len(following) else known[-1:]
        following = np.concatenate([following, np.repeat(last, length - len(following))])
        return following * np.cos(np.pi / 2 * (np.arange(length) + 0.5) / length).astype(np.float32)

    def _give(self, upto: int, num_samples: int, final: Callable[[], int]) -> Iterator[NDArray[np.float32]]:
        block = round(_BLOCK * self.sample_rate)
        while True:
            self._settle(min(upto, self.settled + block), num_samples)
            samples = self._next(final())
            if len(samples):
                yield samples
            if self.settled >= upto:
                return

    def _settle(self, upto: int, num_samples: int) -> None:
        """Nothing is mixed in before a sample any more: add the room's tone there."""
        if upto <= self.settled:
            return
        self._reserve(upto)
        if self._room is not None:
            places = [(segment.start, segment.end) for segment in self._units]
            places = np.array(sorted(place for place in places if place[0] < place[1]), np.int64).reshape(-1, 2)
            gains = unit_gains(self.settled, upto, num_samples, places, self.overhang)
            self._room.add(self._samples[self.settled - self._first : upto - self._first], gains)
        self.settled = upto
        self._units = [segment for segment in self._units if segment.end + self.overhang > upto]

    def _next(self, upto: int) -> NDArray[np.float32]:
        """The samples that follow what was given out, limited and without what is skipped; they are forgotten."""
        if upto <= self.given:
            return np.zeros(0, np.float32)
        start, first = self.given, max(self.given, min(self._skip, upto))
        samples = self._limited(self.settled)[first - self._first : upto - self._first]
        self.given = upto
        if first > start:
            self._jump(start, first)
        fade = round(FADE * self.sample_rate)
        if self._jumps and first < self._jumps[-1][2] + fade:
            at = np.arange(first, upto) - self._jumps[-1][2] + 0.5
            samples *= np.sin(np.pi / 2 * np.minimum(1.0, at / fade)).astype(np.float32)
        self.total += len(samples)
        self._remember(samples)
        # The limiter needs what is just before.
        keep = max(self._first, self.given - self._reach)
        self._samples, self._first = self._samples[keep - self._first :], keep
        return samples

    def _jump(self, start: int, end: int) -> None:
        if self._jumps and self._jumps[-1][0] == self.total:  # it goes on
            start = self._jumps.pop()[1]
        self._jumps.append((self.total, start, end))

    def _limited(self, upto: int) -> NDArray[np.float32]:
        """What is kept up to a sample, limited."""
        samples = self._samples[: upto - self._first].copy()
        limit(samples, self._ceiling, self.sample_rate)
        return samples

    def _reserve(self, end: int) -> None:
        missing = end - self._first - len(self._samples)
        if missing > 0:
            # A little more than is needed, so that not every frame copies all.
            more = np.zeros(missing + self.sample_rate // 4, np.float32)
            self._samples = np.concatenate([self._samples, more])

    def _remember(self, samples: NDArray[np.float32]) -> None:
        self._remembered.append(samples)
        self._kept += len(samples)
        most = round(_REMEMBERED * self.sample_rate)
        while self._kept - len(self._remembered[0]) >= most:
            self._kept -= len(self._remembered.popleft())
