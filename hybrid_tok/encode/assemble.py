"""From decisions to the stream: units are cut out of the recording's codes, words become text runs.

The whole recording is encoded once, and only if some decision needs units. So the codes of a stretch never depend on
what the gate chose around it, and a causal codec has seen what came before. A run ends where the language of its words
changes; a word whose language is not known is in the language of the text before it.

Decisions are in frames of 20 ms; here their places become frames of the codec, which are longer or shorter.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from hybrid_tok.core.annotations import Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.events import EventLabel
from hybrid_tok.core.interfaces import UnitCodec
from hybrid_tok.core.spacing import join_words
from hybrid_tok.core.timeline import DEFAULT_GRID, Grid, Span, count_frames
from hybrid_tok.encode.gate import Decision
from hybrid_tok.errors import BackendError, OptionsError
from hybrid_tok.tokens.stream import (
    Back,
    Channel,
    EventItem,
    Frame,
    HybridStream,
    Item,
    Pause,
    Prosody,
    TextItem,
    Timing,
    Turn,
    UnitItem,
)
from hybrid_tok.tokens.writer import WrittenItem


@dataclass(frozen=True, slots=True)
class AssembleOptions:
    """How decisions are written.

    Attributes:
        timing: `locked` writes durations and pauses, `free` neither.
        durations: locked timing: a text item per `run` of words, or per `word` with pauses between.
        num_codebooks: units per frame, from the codec's first codebooks; None is all of them.
        event_codebooks: the same in events; None is as many.
        layout: what may be written; other decisions are refused.
    """

    timing: Timing = "locked"
    durations: Literal["run", "word"] = "run"
    num_codebooks: int | None = None
    event_codebooks: int | None = None
    layout: Literal["hybrid", "text", "units"] = "hybrid"

    def __post_init__(self) -> None:
        if self.timing not in ("locked", "free"):
            raise OptionsError(f"timing must be locked or free, not {self.timing!r}")
        if self.durations not in ("run", "word"):
            raise OptionsError(f"durations must be run or word, not {self.durations!r}")
        if self.layout not in ("hybrid", "text", "units"):
            raise OptionsError(f"layout must be hybrid, text or units, not {self.layout!r}")
        if self.num_codebooks is not None and self.num_codebooks < 1:
            raise OptionsError(f"num_codebooks must be at least 1, not {self.num_codebooks}")


def assemble(
    decisions: Sequence[Decision],
    audio: Audio,
    codec: Callable[[], UnitCodec],
    options: AssembleOptions = AssembleOptions(),
    voices: Mapping[int, tuple[int, ...]] | None = None,
    prosody: Mapping[Word, Prosody] | None = None,
    grid: Grid = DEFAULT_GRID,
) -> HybridStream:
    """Write decisions as a stream of one channel.

    Args:
        decisions: tile the recording's frames of 20 ms.
        audio: mono, at the codec's rate.
        codec: makes the codec; called only when a decision needs units.
        voices: voice codes by speaker, each written at its speaker's first turn.
        prosody: of words; where given, each word is a text item.
        grid: the codec's rate and frames.

    Raises:
        OptionsError: a decision the layout has no tokens for, or more codebooks than the codec has.
        BackendError: the codec has another rate or other frames, or returned another number of frames than the audio
            has.
    """
    if audio.sample_rate != grid.sample_rate:
        raise ValueError(f"the audio is at {audio.sample_rate} Hz, the frames at {grid.sample_rate} Hz")
    codes = _Codes(audio, codec, options.num_codebooks, grid)
    return write_decisions(decisions, audio.num_samples, grid, codes.cut, options, voices, prosody)


def write_decisions(
    decisions: Sequence[Decision],
    num_samples: int,
    grid: Grid,
    cut: Callable[[Span], tuple[Frame, ...]],
    options: AssembleOptions = AssembleOptions(),
    voices: Mapping[int, tuple[int, ...]] | None = None,
    prosody: Mapping[Word, Prosody] | None = None,
) -> HybridStream:
    """As `assemble`, where the units are known.

    Args:
        num_samples: of the recording, at the codec's rate.
        cut: gives the units of a stretch, in frames of the codec.
    """
    _check_decisions(decisions, count_frames(num_samples, grid.sample_rate), options)
    frames, locked = grid.count(num_samples), options.timing == "locked"
    placed = _join(
        place_decisions(decisions, Places.of(decisions, grid, frames), cut, options, prosody or {}, Languages()), locked
    )
    turns = _write_turns(placed, frames, locked, voices or {})
    return HybridStream((Channel(tuple(turns)),), options.timing, num_samples % grid.hop if locked else None)


class _Codes:
    """The codes of a recording, encoded when first needed."""

    def __init__(self, audio: Audio, codec: Callable[[], UnitCodec], num_codebooks: int | None, grid: Grid) -> None:
        self._audio = audio
        self._grid = grid
        self._codec = codec
        self._num_codebooks = num_codebooks
        self._codes = None

    def cut(self, span: Span) -> tuple[Frame, ...]:
        """The units of a stretch."""
        if self._codes is None:
            self._codes = self._encode()
        return tuple(map(tuple, self._codes[span.start : span.end].tolist()))

    def _encode(self):
        codec, audio = self._codec(), self._audio
        wanted = self._num_codebooks or codec.num_codebooks
        if wanted > codec.num_codebooks:
            raise OptionsError(f"{wanted} codebooks asked for, but {codec.name} has {codec.num_codebooks}")
        if codec.sample_rate != audio.sample_rate:
            raise BackendError(f"{codec.name} works at {codec.sample_rate} Hz, but the audio is at {audio.sample_rate}")
        if codec.hop != self._grid.hop:
            raise BackendError(f"{codec.name} has frames of {codec.hop} samples, not of {self._grid.hop}")
        codes = codec.encode(audio.samples)
        frames = self._grid.count(audio.num_samples)
        if codes.shape != (frames, codec.num_codebooks):
            raise BackendError(f"{codec.name} gave codes {codes.shape}, not {(frames, codec.num_codebooks)}")
        return codes[:, :wanted]


def _check_decisions(decisions: Sequence[Decision], frames: int, options: AssembleOptions) -> None:
    allowed = {
        "hybrid": {"text", "units", "event", "tag", "pause"},
        "text": {"text", "tag", "pause"},
        "units": {"units"},
    }[options.layout]
    cursor = 0
    for decision in decisions:
        if decision.kind not in allowed:
            raise OptionsError(f"the {options.layout} layout has no {decision.kind} (frame {decision.span.start})")
        if decision.span.start != cursor:
            raise ValueError(f"decisions must tile the recording: one starts at {decision.span.start}, not {cursor}")
        cursor = decision.span.end
    if cursor != frames:
        raise ValueError(f"decisions cover {cursor} frames of a recording of {frames}")


@dataclass(frozen=True, slots=True)
class Places:
    """Where frames of 20 ms are among those of the codec.

    What is written keeps a frame, at the expense of what is beside it; silence may vanish.

    Attributes:
        edges: of decisions, in frames of 20 ms, increasing.
        placed: the same in frames of the codec.
        least: frames that a span has at least.
    """

    grid: Grid
    edges: list[int]
    placed: list[int]
    least: int = 0

    @classmethod
    def of(cls, decisions: Sequence[Decision], grid: Grid, frames: int) -> Places:
        """The places of the edges of decisions, which tile a recording of `frames` frames of the codec."""
        passages = [list(group) for _, group in groupby(decisions, key=lambda one: one.passage)]
        edges, placed = [0], [0]
        for number, passage in enumerate(passages):
            last = frames if number + 1 == len(passages) else grid.nearest(passage[-1].span.end)
            inside = cls.of_passage(passage, grid, placed[-1], last)
            edges += inside.edges[1:]
            placed += inside.placed[1:]
        return cls(grid, edges, placed)

    @classmethod
    def of_passage(cls, decisions: Sequence[Decision], grid: Grid, first: int, last: int) -> Places:
        """The places of the edges of a passage's decisions, from one frame of the codec to another."""
        runs = [list(group) for _, group in groupby(decisions, key=_written_with)]
        kept = [run[0].kind in ("text", "units", "event") for run in runs]
        borders = grid.tile([decisions[0].span.start, *(run[-1].span.end for run in runs)], kept, first, last)
        edges, placed = [decisions[0].span.start], [first]
        for run, start, end in zip(runs, borders[:-1], borders[1:], strict=True):
            inside = [run[0].span.start, *(decision.span.end for decision in run)]
            spoken = [decision.kind == "text" and bool(decision.words) for decision in run]
            edges += inside[1:]
            placed += grid.tile(inside, spoken, start, end)[1:]
        return cls(grid, edges, placed)

    def span(self, start: int, end: int) -> Span:
        """A span in frames of the codec."""
        first, last = self._place(start), self._place(end)
        if last - first < self.least:
            last = min(first + self.least, self.placed[-1])
            first = max(last - self.least, 0)
        return Span(first, last)

    def _place(self, frame: int) -> int:
        if self.grid.is_annotations:
            return frame
        index = bisect_right(self.edges, frame) - 1
        if self.edges[index] == frame or index + 1 == len(self.edges):
            return self.placed[index]
        return min(max(self.grid.nearest(frame), self.placed[index]), self.placed[index + 1])


def _written_with(decision: Decision) -> tuple[object, ...]:
    """What adjacent decisions have in common that are written as one item."""
    event = (decision.event or decision) if decision.kind == "event" else None
    return decision.speaker, decision.kind, event


def place_decisions(
    decisions: Sequence[Decision],
    places: Places,
    cut: Callable[[Span], tuple[Frame, ...]],
    options: AssembleOptions,
    prosody: Mapping[Word, Prosody],
    languages: Languages,
) -> Iterator[WrittenItem]:
    """The items of decisions in the order they are written; items may overlap.

    Args:
        languages: of the words before them.
    """
    for (passage, speaker, kind), group in groupby(decisions, lambda one: (one.passage, one.speaker, one.kind)):
        run = list(group)
        if kind == "text":
            yield from _place_text(run, places, options, prosody, languages)
            yield from _place_over_text(run, places, options, prosody, languages)
        elif kind == "units":
            span = places.span(run[0].span.start, run[-1].span.end)
            if span.frames:  # there may be fewer frames than stretches
                yield WrittenItem(span.start, speaker, UnitItem(cut(span)), passage)
        elif kind != "pause":
            for label, part in _events(run):
                span = places.span(part.start, part.end)
                units = tuple(frame[: options.event_codebooks] for frame in cut(span)) if kind == "event" else ()
                item = EventItem(label, units)
                yield WrittenItem(span.start, speaker, item, passage)


class Languages:
    """The language in force, word by word in the order of writing."""

    def __init__(self, in_force: str | None = None) -> None:
        self.in_force = in_force

    def of(self, word: Word) -> str | None:
        """The language of a word, which must be the next one written."""
        self.in_force = word.language or self.in_force
        return self.in_force


def _events(run: Sequence[Decision]) -> Iterator[tuple[EventLabel, Span]]:
    """Labels and places of event decisions; adjacent ones on the same event are merged."""
    for _, group in groupby(run, key=lambda decision: decision.event or decision):
        part = list(group)
        label = part[0].label
        if label is not None:
            yield label, Span(part[0].span.start, part[-1].span.end)


def _place_text(
    run: Sequence[Decision],
    places: Places,
    options: AssembleOptions,
    prosody: Mapping[Word, Prosody],
    languages: Languages,
) -> Iterator[WrittenItem]:
    """A run of words as a text item per language, or as one per word with the gaps between left free."""
    speaker, locked = run[0].speaker, options.timing == "locked"
    words = [(word, place) for decision in run for word, place in _word_places(decision)]
    runs = [(language, list(group)) for language, group in groupby(words, key=lambda one: languages.of(one[0]))]
    if prosody or (locked and options.durations == "word"):
        for language, group in runs:
            for word, place in group:
                span = places.span(place.start, place.end)
                frames = span.frames if locked else None
                item = TextItem(word.text, frames, prosody=prosody.get(word), language=language)
                yield WrittenItem(span.start, speaker, item)
        return
    for number, (language, group) in enumerate(runs):
        # Gaps belong to their run; a gap where the language changes is a pause.
        start = group[0][1].start if number else _first_frame(run[0])
        end = group[-1][1].end if number < len(runs) - 1 else run[-1].span.end
        text = join_words((word.text for word, _ in group), language)
        span = places.span(start, end)
        yield WrittenItem(span.start, speaker, TextItem(text, span.frames if locked else None, language=language))


def _place_over_text(
    run: Sequence[Decision],
    places: Places,
    options: AssembleOptions,
    prosody: Mapping[Word, Prosody],
    languages: Languages,
) -> Iterator[WrittenItem]:
    """What is written over a finished text run: labels of events under the words, and other speakers' words."""
    for event, group in groupby(run, key=lambda decision: decision.event):
        if event is not None:
            start = max(event.span.start, next(group).span.start)
            yield WrittenItem(places.span(start, start).start, run[0].speaker, EventItem(event.label))
    # They are over something else, so that there is room for a frame each.
    over = places if places.grid.is_annotations else replace(places, least=1)
    words = [word for decision in run for word in decision.under]
    for speaker, group in groupby(words, key=lambda word: word.speaker or 0):
        decisions = [Decision(word.span, "text", (word,), speaker=speaker) for word in group]
        yield from _place_text(decisions, over, options, prosody, languages)


def _first_frame(decision: Decision) -> int:
    """First frame of the words of a text decision; before its own frames if they began under another speaker's."""
    known = decision.words and decision.words[0].speaker is not None
    return min(decision.span.start, decision.words[0].span.start) if known else decision.span.start


def _word_places(decision: Decision) -> Iterator[tuple[Word, Span]]:
    """The words of a text decision, which share its frames evenly; there is more than one only where words overlap."""
    start, count = _first_frame(decision), len(decision.words)
    frames = decision.span.end - start
    for index, word in enumerate(decision.words):
        yield word, Span(start + frames * index // count, start + frames * (index + 1) // count)


def _join(placed: Iterable[WrittenItem], locked: bool) -> Iterator[WrittenItem]:
    """Join adjacent units of a speaker, an event that goes on in the next passage, and, where nothing separates them
    (free timing has no pauses), text."""
    held: WrittenItem | None = None
    for one in placed:
        joined = _joined(held, one, locked)
        if joined is None and held is not None:
            yield held
        held = joined or one
    if held is not None:
        yield held


def _joined(left: WrittenItem | None, right: WrittenItem, locked: bool) -> WrittenItem | None:
    """Both as one item, or None if they must stay two."""
    if left is None or left.speaker != right.speaker:
        return None
    first, second = left.item, right.item
    if isinstance(first, UnitItem) and isinstance(second, UnitItem) and (left.end == right.start or not locked):
        return replace(left, item=UnitItem(first.units + second.units))
    if isinstance(first, EventItem) and isinstance(second, EventItem) and left.passage != right.passage:
        if first.label != second.label or not (first.units and second.units) or left.end != right.start:
            return None
        return replace(right, start=left.start, item=EventItem(first.label, first.units + second.units))
    if isinstance(first, TextItem) and isinstance(second, TextItem) and first.frames is second.frames is None:
        if second.prosody or first.language != second.language:
            return None
        text = join_words((first.text, second.text), first.language)
        return replace(left, item=replace(first, text=text))
    return None


def _write_turns(
    placed: Iterable[WrittenItem], frames: int, locked: bool, voices: Mapping[int, tuple[int, ...]]
) -> Iterator[Turn]:
    """Turns of the items, with the moves of the cursor between them. Silence belongs to the last speaker."""
    cursor = 0
    items: list[Item] = []
    speaker: int | None = None
    introduced: set[int] = set()

    def finished() -> Turn:
        who = speaker or 0
        voice = None if who in introduced else voices.get(who)
        introduced.add(who)
        return Turn(who, tuple(items), voice)

    for one in placed:
        if locked and one.start > cursor:
            items.append(Pause(one.start - cursor))
            cursor = one.start
        if speaker is None:
            speaker = one.speaker
        elif speaker != one.speaker:
            yield finished()
            items, speaker = [], one.speaker
        if locked and one.start < cursor:
            items.append(Back(cursor - one.start))
        items.append(one.item)
        cursor = one.end
    if locked and cursor < frames:
        items.append(Pause(frames - cursor))
    if items:
        yield finished()
