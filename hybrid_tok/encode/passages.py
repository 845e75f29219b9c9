"""Cuts a recording into passages, each of which is annotated, gated and written by itself.

A passage ends with a window of speech, shortly after a sound that is followed by quiet, or, where there is neither,
after a while. All of these are known soon after the passage's end, whatever follows: so a stream writes a passage as
soon as it has ended, and exactly as a file is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.annotations import Annotations, Event, SpeakerTurn, Word
from hybrid_tok.core.timeline import Span, overlapping
from hybrid_tok.core.windows import Window
from hybrid_tok.errors import OptionsError


@dataclass(frozen=True, slots=True)
class PassageOptions:
    """Where passages end.

    Attributes:
        quiet: frames without a sound after which a sound has ended.
        longest: frames of a passage without a window of speech.
    """

    quiet: int = 25
    longest: int = 500

    def __post_init__(self) -> None:
        if not 1 <= self.quiet < self.longest:
            raise OptionsError(f"passages need 1 <= quiet < longest, not {self.quiet} and {self.longest} frames")


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a recording, in frames of 20 ms.

    Attributes:
        span: where; passages tile the recording.
        window: the window of speech that it ends with, if there is one.
    """

    span: Span
    window: Span | None = None


@dataclass(slots=True)
class PassageState:
    """What a `PassageCutter` goes on with.

    Attributes:
        start: of the next passage.
        active: whether something is audible, in the frames from there on.
        windows: of speech, that are in no passage yet.
    """

    start: int = 0
    active: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    windows: list[Span] = field(default_factory=list)


class PassageCutter:
    """Cuts passages while windows and activity become known."""

    def __init__(self, options: PassageOptions = PassageOptions(), state: PassageState | None = None) -> None:
        self._options = options
        self.state = state or PassageState()

    def push(self, windows: Sequence[Window], upcoming: int, active: NDArray[np.bool_]) -> list[Passage]:
        """Passages that have ended.

        Args:
            windows: of speech, that have ended since the last call.
            upcoming: no other window starts before this frame.
            active: whether something is audible, in the frames (n,) that are known since the last call.
        """
        state = self.state
        state.windows += [window.span for window in windows]
        state.active = np.concatenate([state.active, active])
        return self._cut(upcoming, last=False)

    def flush(self) -> list[Passage]:
        """The rest of the recording, whose windows and activity are known."""
        state = self.state
        total = state.start + len(state.active)
        passages = self._cut(total, last=True)
        if state.start < total:
            passages.append(self._end(total))
        return passages

    def _cut(self, upcoming: int, last: bool) -> list[Passage]:
        state, passages = self.state, list[Passage]()
        while True:
            window = state.windows[0] if state.windows else None
            limit = upcoming if window is None else window.start
            cut = self._find_cut(limit, last or window is not None)
            if cut is not None:
                passages.append(self._end(cut))
            elif window is not None and len(state.active) >= window.end - state.start:
                del state.windows[0]
                passages.append(self._end(window.end, window))
            else:
                return passages

    def _find_cut(self, limit: int, exact: bool) -> int | None:
        """Where the next passage ends before any window; None if it does not, or that is not known yet.

        Args:
            limit: frame before which no window starts.
            exact: one starts there, or the recording ends.
        """
        state, quiet = self.state, self._options.quiet
        reach = min(limit - state.start, len(state.active))
        if reach <= 0:
            return None
        forced = self._options.longest
        active = state.active[: min(reach, forced + quiet)]
        for sound in (np.flatnonzero(active[:-1] & ~active[1:]) + 1).tolist():
            if sound <= forced and sound + quiet <= len(active) and not active[sound : sound + quiet].any():
                return state.start + sound + quiet // 2
        known = len(active) == forced + quiet or (exact and len(state.active) >= limit - state.start)
        return state.start + forced if known and state.start + forced < limit else None

    def _end(self, end: int, window: Span | None = None) -> Passage:
        state = self.state
        passage = Passage(Span(state.start, end), window)
        state.active = state.active[end - state.start :].copy()
        state.start = end
        return passage


def join_over_words(passages: Sequence[Passage], words: Sequence[Word]) -> list[Passage]:
    """Passages joined where a word lies over the border between them: words that are given need not lie in speech."""
    joined: list[Passage] = []
    reach, index = 0, 0
    ordered = sorted(words, key=lambda word: word.span)
    for passage in passages:
        over = joined and reach > joined[-1].span.end
        if over:
            joined[-1] = Passage(Span(joined[-1].span.start, passage.span.end), passage.window)
        else:
            joined.append(passage)
        while index < len(ordered) and ordered[index].span.start < passage.span.end:
            reach = max(reach, ordered[index].span.end)
            index += 1
    return joined


def split_annotations(annotations: Annotations, spans: Sequence[Span]) -> Iterator[Annotations]:
    """The annotations of passages that tile a recording, each clipped to its passage; a word is where it starts."""
    words = sorted(annotations.words, key=lambda word: word.span)
    index = 0
    parts = zip(
        spans,
        overlapping(spans, annotations.speech, lambda span: span),
        overlapping(spans, annotations.active, lambda span: span),
        overlapping(spans, annotations.events, lambda event: event.span),
        overlapping(spans, annotations.turns, lambda turn: turn.span),
        strict=True,
    )
    for span, speech, active, events, turns in parts:
        own: list[Word] = []
        while index < len(words) and words[index].span.start < span.end:
            word = words[index]
            own.append(word if word.span.end <= span.end else replace(word, span=Span(word.span.start, span.end)))
            index += 1
        yield Annotations(
            annotations.frames,
            clip_spans(speech, span),
            clip_spans(active, span),
            tuple(own),
            clip_events(events, span),
            clip_turns(turns, span),
        )


def clip_spans(spans: Sequence[Span], whole: Span) -> tuple[Span, ...]:
    """The parts of spans inside another."""
    return tuple(Span(max(span.start, whole.start), min(span.end, whole.end)) for span in spans if span.overlap(whole))


def clip_events(events: Sequence[Event], whole: Span) -> tuple[Event, ...]:
    """The parts of events inside a span."""
    return tuple(replace(event, span=span) for event in events for span in clip_spans((event.span,), whole))


def join_events(events: Sequence[Event]) -> tuple[Event, ...]:
    """Events that borders of passages cut, whole again: as sure as their parts in the mean."""
    joined: list[Event] = []
    for event in events:
        last = joined[-1] if joined else None
        if last is not None and (last.label, last.span.end) == (event.label, event.span.start):
            whole = Span(last.span.start, event.span.end)
            sure = (last.confidence * last.span.frames + event.confidence * event.span.frames) / whole.frames
            joined[-1] = Event(event.label, whole, round(sure, 3))
        else:
            joined.append(event)
    return tuple(joined)


def clip_turns(turns: Sequence[SpeakerTurn], whole: Span) -> tuple[SpeakerTurn, ...]:
    """The parts of turns inside a span."""
    return tuple(replace(turn, span=span) for turn in turns for span in clip_spans((turn.span,), whole))
