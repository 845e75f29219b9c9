"""Cuts a recording into the windows a recognizer is given one by one.

A window is one or more chunks of the recording joined end to end: stretches of speech with a little of what surrounds
them, without the long silences between. Both rules are causal: a window is decided by the speech up to its end and what
follows within the longest window, so that a stream forms the same windows as a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.interfaces import WindowRule
from hybrid_tok.core.timeline import FRAME_RATE, Span, count_frames, frame_to_sample
from hybrid_tok.errors import OptionsError


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """Where a recording is cut.

    Attributes:
        rule: `segment` gives each speech segment its own window; `packed` fills each with as much speech as fits, which
            makes fewer and longer windows, and loses words.
        longest: seconds of a window at most; speech without a pause is cut where it is quietest.
        padding: seconds kept before and after speech, where there is no other speech.
        gap: seconds between padded speech that stay inside a packed window; a longer gap is left out.
        silence: seconds between padded speech that end a segment.
    """

    rule: WindowRule = "segment"
    longest: float = 30.0
    padding: float = 0.3
    gap: float = 0.6
    silence: float = 1.0

    def __post_init__(self) -> None:
        if self.rule not in get_args(WindowRule):
            raise OptionsError(f"windows must be {' or '.join(get_args(WindowRule))}, not {self.rule!r}")
        if not 1.0 <= self.longest <= 30.0:
            raise OptionsError(f"the longest window must be 1 to 30 s, not {self.longest}")
        if min(self.padding, self.gap, self.silence) < 0:
            raise OptionsError(f"window padding, gap and silence are seconds and cannot be negative: {self}")


@dataclass(frozen=True, slots=True)
class Window:
    """Chunks of a recording, in order and disjoint, that are recognized as one."""

    chunks: tuple[Span, ...]

    @property
    def frames(self) -> int:
        return sum(chunk.frames for chunk in self.chunks)

    @property
    def span(self) -> Span:
        """From the start of the first chunk to the end of the last."""
        return Span(self.chunks[0].start, self.chunks[-1].end)

    def samples(self, audio: Audio) -> NDArray[np.float32]:
        """The chunks of mono audio, joined."""
        bounds = [[frame_to_sample(f, audio.sample_rate) for f in (c.start, c.end)] for c in self.chunks]
        return np.concatenate([audio.samples[start:end] for start, end in bounds])

    def place(self, frame: float) -> float:
        """The frame of the recording that a frame of the joined chunks is."""
        for chunk in self.chunks[:-1]:
            if frame < chunk.frames:
                return chunk.start + frame
            frame -= chunk.frames
        return self.chunks[-1].start + min(frame, self.chunks[-1].frames)

    def parts(self, spans: Sequence[Span]) -> list[Span]:
        """Where spans of the recording lie among the joined chunks: one span for each, empty where it lies outside."""
        found: list[Span] = []
        for span in spans:
            before = [
                sum(min(max(edge - chunk.start, 0), chunk.frames) for chunk in self.chunks)
                for edge in (span.start, span.end)
            ]
            found.append(Span(*before))
        return found


def cut_windows(audio: Audio, speech: Sequence[Span], options: WindowOptions) -> list[Window]:
    """Windows of mono audio, in order and disjoint, that hold all speech."""
    longest = round(options.longest * FRAME_RATE)
    total = count_frames(audio.num_samples, audio.sample_rate)
    inside = [Span(span.start, min(span.end, total)) for span in speech if span.start < total]
    padding = round(options.padding * FRAME_RATE)
    pieces = [piece for span in inside for piece in _cut_long(audio, span, longest - 2 * padding)]
    windows: list[list[Span]] = []
    for chunk in _padded(pieces, padding, total):
        last = windows[-1][-1] if windows else None
        if last is not None:
            gap = chunk.start - last.end
            length = sum(one.frames for one in windows[-1])
            bridge = gap <= round((options.gap if options.rule == "packed" else options.silence) * FRAME_RATE)
            if (bridge or options.rule == "packed") and length + chunk.frames + (gap if bridge else 0) <= longest:
                if bridge:
                    windows[-1][-1] = Span(last.start, chunk.end)
                else:
                    windows[-1].append(chunk)
                continue
        windows.append([chunk])
    return [Window(tuple(chunks)) for chunks in windows]


def _padded(pieces: Sequence[Span], padding: int, total: int) -> Iterator[Span]:
    """Pieces with what surrounds them, at most half the way to the next."""
    for index, piece in enumerate(pieces):
        before = (pieces[index - 1].end + piece.start + 1) // 2 if index else 0
        after = (piece.end + pieces[index + 1].start) // 2 if index + 1 < len(pieces) else total
        start, end = max(piece.start - padding, before), min(piece.end + padding, after)
        if start < end:
            yield Span(start, end)


def _cut_long(audio: Audio, span: Span, longest: int) -> Iterator[Span]:
    """A stretch of speech in pieces of at most `longest` frames, cut where it is quietest in their second half."""
    while span.frames > longest:
        cut = _quietest(audio, span.start + longest // 2, span.start + longest)
        yield Span(span.start, cut)
        span = Span(cut, span.end)
    yield span


def _quietest(audio: Audio, start: int, end: int) -> int:
    """The frame in the middle of the quietest 100 ms between two frames."""
    hop = audio.sample_rate // FRAME_RATE
    power = frame_powers(audio.samples[start * hop : end * hop], audio.sample_rate)
    return start + int(np.convolve(power, np.ones(5), "valid").argmin()) + 2
