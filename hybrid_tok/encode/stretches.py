"""The candidate stretches the gate chooses among: words, events, sounds without words, silence.

They tile the recording. Words come first, since only they have a text; events get what words leave; the rest is cut
where activity starts and ends. Whatever overlaps a word, another speaker's words or an event, is recorded on the word's
stretch.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from hybrid_tok.core.annotations import Annotations, Event, SpeakerTurn, Word
from hybrid_tok.core.timeline import Span, overlapping
from hybrid_tok.errors import OptionsError

StretchKind: TypeAlias = Literal["word", "event", "sound", "silence"]


@dataclass(frozen=True, slots=True)
class StretchOptions:
    """How annotations are cut into stretches.

    Attributes:
        edge: frames of activity beside a word that still belong to it: word times are no better than this.
        join_gap: longest gap in frames between two words of a text run.
        event_threshold: confidence below which an event is treated as any other sound.
        min_event: frames of an event that must lie outside the words around it.
    """

    edge: int = 4
    join_gap: int = 15
    event_threshold: float = 0.3
    min_event: int = 5

    def __post_init__(self) -> None:
        if min(self.edge, self.join_gap) < 0 or self.min_event < 1:
            raise OptionsError("gate edge and join_gap must be at least 0 frames, min_event at least 1")
        if not 0.0 <= self.event_threshold <= 1.0:
            raise OptionsError(f"event_threshold must be in [0, 1], not {self.event_threshold}")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A candidate: a piece of the recording that is written in one form.

    Attributes:
        kind: what is there.
        span: where; never empty.
        speaker: of the sound, or of the last one before.
        words: of a word stretch: one, or several where words have no frame of their own.
        under: of a word stretch: words of other speakers that lie inside it.
        talked_over: of a word stretch: frames in which another speaker talks too, without known words.
        event: of an event stretch; of a word stretch, the event that overlaps the word most.
        event_under: of a word stretch: frames of events that overlap the word, times their confidence.
        speech: of a sound: share of it that the detector finds to be speech; 1 where there was no detector.
        joinable: this is (part of) a short gap between two words of one speaker.
    """

    kind: StretchKind
    span: Span
    speaker: int = 0
    words: tuple[Word, ...] = ()
    under: tuple[Word, ...] = ()
    talked_over: int = 0
    event: Event | None = None
    event_under: float = 0.0
    speech: float = 1.0
    joinable: bool = False


def find_stretches(
    annotations: Annotations,
    options: StretchOptions = StretchOptions(),
    span: Span | None = None,
    speaker: int | None = None,
) -> list[Stretch]:
    """Cut a recording into stretches that tile [0, frames); none when it has no frames.

    Args:
        span: the part of it that is cut; the annotations are inside.
        speaker: who spoke last before that.
    """
    span = Span(0, annotations.frames) if span is None else span
    words = _place_words(annotations.words, span)
    events = [event for event in annotations.events if event.confidence >= options.event_threshold]
    anchors = _place_events(words, events, span.end, options)
    stretches = _with_speech(_fill_gaps(anchors, annotations.active, span, options), annotations.speech)
    return _with_speakers(stretches, annotations.turns, speaker)


def _place_words(words: Sequence[Word], span: Span) -> list[Stretch]:
    """Word stretches that do not overlap. A word without a frame of its own joins the one before it, or lies under
    it if another speaker said it."""
    placed: list[Stretch] = []
    cursor = span.start
    for word in sorted(words, key=lambda word: word.span):
        if word.span.start >= span.end:
            raise ValueError(f"word {word.text!r} starts at frame {word.span.start} of a recording of {span.end}")
        start = max(word.span.start, cursor)
        end = min(max(word.span.end, word.span.start + 1), span.end)
        if start < end:
            placed.append(Stretch("word", Span(start, end), words=(word,)))
            cursor = end
        else:  # the cursor is beyond its start, so there is a word before it
            last = placed[-1]
            if word.speaker == last.words[0].speaker:
                placed[-1] = replace(last, words=(*last.words, word))
            else:
                placed[-1] = replace(last, under=(*last.under, word))
    return placed


def _place_events(words: list[Stretch], events: Sequence[Event], frames: int, options: StretchOptions) -> list[Stretch]:
    """Words, and the parts of events outside words, in order; word stretches record the events under them."""
    if not events:
        return words
    starts = [word.span.start for word in words]
    under: list[dict[Event, int]] = [{} for _ in words]
    pieces: list[Stretch] = []
    cursor = 0
    for event in sorted(events, key=lambda event: event.span):
        start, stop = max(event.span.start, cursor), min(event.span.end, frames)
        index = max(0, bisect_right(starts, start) - 1)
        while index < len(words) and words[index].span.start < stop:
            word = words[index].span
            under[index][event] = word.overlap(event.span)
            if min(word.start, stop) - start >= options.min_event:
                pieces.append(Stretch("event", Span(start, word.start), event=event))
            start = max(start, word.end)
            index += 1
        if stop - start >= options.min_event:
            pieces.append(Stretch("event", Span(start, stop), event=event))
        cursor = max(cursor, stop)
    heard = [_with_events(word, events) for word, events in zip(words, under, strict=True)]
    return sorted([*heard, *pieces], key=lambda stretch: stretch.span)


def _with_events(word: Stretch, heard: dict[Event, int]) -> Stretch:
    """A word stretch with the events under it: {event: frames}."""
    if not heard:
        return word
    longest = max(heard, key=lambda event: (heard[event] * event.confidence, -event.span.start))
    load = sum(frames * event.confidence for event, frames in heard.items())
    return replace(word, event=longest, event_under=load)


def _fill_gaps(
    anchors: list[Stretch], active: Sequence[Span], whole: Span, options: StretchOptions
) -> Iterator[Stretch]:
    """The anchors, and between them sounds where something is audible, and silence elsewhere."""
    cursor, index = whole.start, 0
    left: Stretch | None = None
    for right in (*anchors, None):
        end = right.span.start if right else whole.end
        after_word = left is not None and left.kind == "word"
        before_word = right is not None and right.kind == "word"
        joinable = after_word and before_word and end - cursor <= options.join_gap
        first = cursor + options.edge if after_word else cursor
        last = end - options.edge if before_word else end
        while index < len(active) and active[index].end <= cursor:
            index += 1
        ahead = index
        while ahead < len(active) and active[ahead].start < end:
            start, stop = max(active[ahead].start, first), min(active[ahead].end, last)
            if start < stop:
                if cursor < start:
                    yield Stretch("silence", Span(cursor, start), joinable=joinable)
                yield Stretch("sound", Span(start, stop), joinable=joinable)
                cursor = stop
            ahead += 1
        if cursor < end:
            yield Stretch("silence", Span(cursor, end), joinable=joinable)
        if right is not None:
            yield right
            cursor = right.span.end
        left = right


def _with_speech(stretches: Iterable[Stretch], speech: Sequence[Span]) -> list[Stretch]:
    """Give each sound its share of speech."""
    given = list(stretches)
    heard = overlapping((stretch.span for stretch in given), speech, lambda span: span)
    for index, (stretch, spans) in enumerate(zip(given, heard, strict=True)):
        if speech and stretch.kind == "sound":
            frames = sum(span.overlap(stretch.span) for span in spans)
            given[index] = replace(stretch, speech=frames / stretch.span.frames)
    return given


def _with_speakers(stretches: list[Stretch], turns: Sequence[SpeakerTurn], speaker: int | None) -> list[Stretch]:
    """Give each stretch its speaker: that of the word where known, else the one who speaks longest in it, else the last
    one before."""
    given: list[Stretch] = []
    if speaker is None:
        known = (word.speaker for stretch in stretches for word in stretch.words if word.speaker is not None)
        speaker = min(turns, key=lambda turn: turn.span).speaker if turns else next(known, 0)
    talking = overlapping((stretch.span for stretch in stretches), turns, lambda turn: turn.span)
    for stretch, heard_turns in zip(stretches, talking, strict=True):
        heard: dict[int, int] = {}
        for turn in heard_turns:
            heard[turn.speaker] = heard.get(turn.speaker, 0) + turn.span.overlap(stretch.span)
        # Silence belongs to the last speaker, so that a pause never starts a turn; ties go to the same speaker.
        if stretch.words and stretch.words[0].speaker is not None:
            speaker = stretch.words[0].speaker
        elif heard and stretch.kind != "silence":
            speaker = max(heard, key=lambda who: (heard[who], who == speaker, -who))
        accounted = {speaker, *(word.speaker for word in stretch.under)}
        others = max((frames for who, frames in heard.items() if who not in accounted), default=0)
        given.append(replace(stretch, speaker=speaker, talked_over=others if stretch.kind == "word" else 0))
    return given
