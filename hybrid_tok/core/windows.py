"""Cuts a recording into the windows a recognizer is given one by one.

A window is one or more chunks of the recording joined end to end: stretches of speech with a little of what surrounds
them, without the long silences between. All rules are causal: a window is decided by the speech up to its end and what
follows within the longest window, so that a stream forms the same windows as a file (`WindowCutter`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.interfaces import HeardSpeech, WindowRule
from hybrid_tok.core.timeline import FRAME_RATE, Span, count_frames, frame_to_sample
from hybrid_tok.errors import OptionsError


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """Where a recording is cut.

    Attributes:
        form: `segment` gives each speech segment its own window; `packed` fills each with as much speech as fits, which
            makes fewer and longer windows, and loses words.
        longest: seconds of a window at most; speech without a pause is cut where it is quietest.
        padding: seconds kept before and after speech, where there is no other speech.
        gap: seconds between padded speech that stay inside a packed window; a longer gap is left out.
        silence: seconds between padded speech that end a segment.
    """

    form: Literal["segment", "packed"] = "segment"
    longest: float = 30.0
    padding: float = 0.3
    gap: float = 0.6
    silence: float = 1.0

    def __post_init__(self) -> None:
        if self.form not in ("segment", "packed"):
            raise OptionsError(f"windows are of the form segment or packed, not {self.form!r}")
        if not 1.0 <= self.longest <= 30.0:
            raise OptionsError(f"the longest window must be 1 to 30 s, not {self.longest}")
        if min(self.padding, self.gap, self.silence) < 0:
            raise OptionsError(f"window padding, gap and silence are seconds and cannot be negative: {self}")

    @classmethod
    def of(cls, rule: WindowRule) -> WindowOptions:
        """What a rule stands for.

        Raises:
            OptionsError: there is no such rule.
        """
        if rule not in _RULES:
            raise OptionsError(f"windows must be {', '.join(get_args(WindowRule))}, not {rule!r}")
        return _RULES[rule]


_RULES: MappingProxyType[WindowRule, WindowOptions] = MappingProxyType(
    {
        "segment": WindowOptions(),
        "packed": WindowOptions("packed"),
        # A segment ends after 0.4 s of silence: with the detector's own, where two paddings do not touch.
        "live": WindowOptions(longest=10.0, padding=0.1, silence=0.0),
    }
)


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
    total = count_frames(audio.num_samples, audio.sample_rate)
    inside = tuple(Span(span.start, min(span.end, total)) for span in speech if span.start < total)
    if options.form == "packed":
        return _packed(audio, inside, options, total)
    cutter = WindowCutter(options)
    heard = HeardSpeech(inside, None, total)
    return [*cutter.push(heard, lambda start, end: quietest(audio, start, end)), *cutter.flush(total)]


@dataclass(slots=True)
class CutterState:
    """What a `WindowCutter` goes on with.

    Attributes:
        pieces: of speech, at most a window long, that are in no window yet.
        before: end of the piece before them.
        done: up to where speech that goes on has been cut into pieces.
        window: the one that may go on.
        upcoming: frame before which no window starts that has not been given.
    """

    pieces: list[Span] = field(default_factory=list)
    before: int | None = None
    done: int = 0
    window: Span | None = None
    upcoming: int = 0


class WindowCutter:
    """Windows of the form `segment`, while speech is being detected.

    Speech that goes on for longer than a window is cut as soon as it does, where it is quietest in the window's second
    half. A window ends once the next speech can no longer be part of it.
    """

    def __init__(self, options: WindowOptions, state: CutterState | None = None) -> None:
        self._longest = round(options.longest * FRAME_RATE)
        self._padding = round(options.padding * FRAME_RATE)
        self._silence = round(options.silence * FRAME_RATE)
        self.state = state or CutterState()

    def push(self, heard: HeardSpeech, find_quietest: Callable[[int, int], int]) -> list[Window]:
        """Windows that have ended.

        Args:
            heard: speech since the last call.
            find_quietest: where to cut between two frames of the recording, as `quietest` does.
        """
        state = self.state
        for span in heard.spans:
            state.pieces += self._pieces(Span(max(span.start, min(state.done, span.end)), span.end), find_quietest)
        rest: Span | None = None
        if heard.lasting is not None:
            lasting = Span(max(heard.lasting.start, state.done), max(heard.lasting.end, state.done))
            *whole, rest = self._pieces(lasting, find_quietest)
            state.pieces += whole
            state.done = rest.start
        upcoming = heard.quiet if rest is None else rest.start
        ended = self._take_pieces(upcoming, rest is not None, None)
        if state.window is not None and not state.pieces and self._is_apart(state.window, upcoming, rest):
            ended.append(self._close(state.window))
        if state.window is not None:
            state.upcoming = state.window.start
        else:
            state.upcoming = self._start(state.pieces[0].start if state.pieces else upcoming)
        return ended

    def flush(self, total: int) -> list[Window]:
        """The rest, of a recording of so many frames."""
        ended = self._take_pieces(total, False, total)
        if self.state.window is not None:
            ended.append(self._close(self.state.window))
        return ended

    def _pieces(self, span: Span, find_quietest: Callable[[int, int], int]) -> Iterator[Span]:
        """A stretch of speech in pieces that fit a window."""
        return _cut_long(span, self._longest - 2 * self._padding, find_quietest)

    def _take_pieces(self, upcoming: int, exact: bool, total: int | None) -> list[Window]:
        """Put pieces into windows, as far as it is known what follows them; the windows that this ends.

        Args:
            upcoming: no speech but the pieces starts before this frame.
            exact: speech starts there.
            total: frames of the recording, once it has ended.
        """
        state, ended = self.state, list[Window]()
        while state.pieces:
            piece, last = state.pieces[0], len(state.pieces) == 1
            following = upcoming if last else state.pieces[1].start
            end = piece.end + self._padding
            if last and total is not None:
                end = min(end, total)
            elif not last or exact or following >= end + self._padding:
                end = min(end, (piece.end + following) // 2)
            else:  # what follows may yet be so near that it takes part of the padding
                break
            chunk = Span(self._start(piece.start), max(end, self._start(piece.start)))
            state.before = piece.end
            del state.pieces[0]
            if chunk.frames:
                ended += self._add(chunk)
        return ended

    def _add(self, chunk: Span) -> list[Window]:
        """A chunk of speech becomes part of the window, or ends it and begins another."""
        window = self.state.window
        self.state.window = chunk
        if window is None:
            return []
        if chunk.start - window.end <= self._silence and chunk.end - window.start <= self._longest:
            self.state.window = Span(window.start, chunk.end)
            return []
        return [Window((window,))]

    def _close(self, window: Span) -> Window:
        self.state.window = None
        return Window((window,))

    def _is_apart(self, window: Span, upcoming: int, lasting: Span | None) -> bool:
        """Whether the next speech cannot be part of the window."""
        if self._start(upcoming) - window.end > self._silence:
            return True
        if lasting is None:
            return False
        # It may yet be cut, in the second half of what fits.
        certain = min(lasting.end, lasting.start + (self._longest - 2 * self._padding) // 2)
        return certain - window.start > self._longest

    def _start(self, start: int) -> int:
        """Where the chunk of a piece of speech begins: at most half the way to the speech before."""
        before = self.state.before
        return max(start - self._padding, 0 if before is None else (before + start + 1) // 2)


def _packed(audio: Audio, speech: Sequence[Span], options: WindowOptions, total: int) -> list[Window]:
    """As much speech as fits in each window."""
    longest, padding = round(options.longest * FRAME_RATE), round(options.padding * FRAME_RATE)

    def find_quietest(start: int, end: int) -> int:
        return quietest(audio, start, end)

    pieces = [piece for span in speech for piece in _cut_long(span, longest - 2 * padding, find_quietest)]
    windows: list[list[Span]] = []
    for chunk in _padded(pieces, padding, total):
        last = windows[-1][-1] if windows else None
        if last is not None:
            gap = chunk.start - last.end
            length = sum(one.frames for one in windows[-1])
            bridge = gap <= round(options.gap * FRAME_RATE)
            if length + chunk.frames + (gap if bridge else 0) <= longest:
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


def _cut_long(span: Span, longest: int, find_quietest: Callable[[int, int], int]) -> Iterator[Span]:
    """A stretch of speech in pieces of at most `longest` frames, cut where it is quietest in their second half."""
    while span.frames > longest:
        cut = find_quietest(span.start + longest // 2, span.start + longest)
        yield Span(span.start, cut)
        span = Span(cut, span.end)
    yield span


def quietest(audio: Audio, start: int, end: int) -> int:
    """The frame in the middle of the quietest 100 ms between two frames."""
    hop = audio.sample_rate // FRAME_RATE
    power = frame_powers(audio.samples[start * hop : end * hop], audio.sample_rate)
    return start + int(np.convolve(power, np.ones(5), "valid").argmin()) + 2
