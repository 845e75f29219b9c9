"""Writes a stream's ids while it is being made: each id as soon as nothing that follows can change it.

What `serialize` writes for the whole stream, and in the same order. A run of units stays open as long as more of it may
follow. What is held back is only what is spelled together: a frame that may be repeated yet (with `run_length`), a run
that may be merged (with `unit_merges`), and in free timing, where nothing separates two texts, the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import eq

from hybrid_tok.core.events import EVENT_LABELS
from hybrid_tok.core.spacing import join_words
from hybrid_tok.errors import StreamError
from hybrid_tok.tokens.idspace import IdSpace
from hybrid_tok.tokens.parts import MAX_REPEATS
from hybrid_tok.tokens.serialize import spell_end, spell_frames, spell_item, spell_language, spell_turn
from hybrid_tok.tokens.stream import Back, EventItem, Frame, Pause, TextItem, UnitItem, item_frames


@dataclass(frozen=True, slots=True)
class WrittenItem:
    """An item with its place.

    Attributes:
        start: frame of the codec.
        speaker: whose it is.
        item: what is written.
        passage: number of the passage it is part of: an event is one with the same event at the end of the passage
            before.
    """

    start: int
    speaker: int
    item: TextItem | EventItem | UnitItem
    passage: int = 0

    @property
    def end(self) -> int:
        return self.start + item_frames(self.item)


@dataclass(slots=True)
class WriterState:
    """What a `StreamWriter` goes on with.

    Attributes:
        cursor: frame up to which is written.
        speaker: whose turn it is.
        introduced: speakers who have had a turn.
        language: in force.
        run: what run is open: "units", or an event's label.
        run_start: frame at which it starts.
        passage: of the run's last part.
        held: frames of the run that are not spelled yet.
        text: a text in free timing that is not spelled yet.
        repeats: frames so far that are equal to the one before.
    """

    cursor: int = 0
    speaker: int | None = None
    introduced: list[int] = field(default_factory=list)
    language: str | None = None
    run: str | None = None
    run_start: int = 0
    passage: int = 0
    held: list[Frame] = field(default_factory=list)
    text: TextItem | None = None
    repeats: int = 0


class StreamWriter:
    """Items in the order of writing to ids, of a stream with one channel.

    Args:
        voices: voice codes by speaker; a speaker's must be there before the first item.
        first_speaker: number of the first speaker, where the channel is one of several.
    """

    def __init__(
        self,
        space: IdSpace,
        voices: Mapping[int, tuple[int, ...] | None],
        state: WriterState | None = None,
        first_speaker: int = 0,
    ) -> None:
        self._space = space
        self._locked = space.options.timing == "locked"
        self._voices, self._first_speaker = voices, first_speaker
        self.state = state or WriterState()

    def write(self, written: WrittenItem) -> list[int]:
        """The ids that an item makes final.

        Raises:
            StreamError: the space has no ids for it.
        """
        state, item = self.state, written.item
        if self._goes_on(written):
            if isinstance(item, TextItem):
                assert state.text is not None
                text = join_words((state.text.text, item.text), item.language)
                state.text = TextItem(text, language=item.language)
                return []
            state.cursor, state.passage = written.end, written.passage
            return self._spell(item.units)
        ids = self._close() + self._move(written)
        if isinstance(item, TextItem):
            ids += self._tag_language(item)
            if self._locked or item.prosody is not None:
                ids += spell_item(self._space, item)
            else:
                state.text = item
        elif isinstance(item, EventItem) and not item.units:
            ids += spell_item(self._space, item)
        else:
            state.run = item.label if isinstance(item, EventItem) else "units"
            state.run_start, state.passage = written.start, written.passage
            ids += [self._bracket(closes=False), *self._spell(item.units)]
        state.cursor = written.end
        return ids

    def finish(self, frames: int, remainder: int) -> list[int]:
        """The ids of the end.

        Args:
            frames: of the recording.
            remainder: samples of the last one, if it is not whole.
        """
        state, ids = self.state, self._close()
        if not self._locked:
            return ids
        if state.cursor < frames:
            if state.speaker is None:
                ids += self._begin_turn(0)
            ids += spell_item(self._space, Pause(frames - state.cursor))
            state.cursor = frames
        return ids + spell_end(self._space, remainder)

    def _goes_on(self, written: WrittenItem) -> bool:
        """Whether an item is one with the last."""
        state, item = self.state, written.item
        if state.speaker != written.speaker:
            return False
        if isinstance(item, TextItem):
            return state.text is not None and item.prosody is None and state.text.language == item.language
        if isinstance(item, UnitItem):
            return state.run == "units" and (state.cursor == written.start or not self._locked)
        continues = state.run == item.label and state.passage != written.passage
        return continues and bool(item.units) and state.cursor == written.start

    def _move(self, written: WrittenItem) -> list[int]:
        """To the place of an item and its speaker's turn."""
        state, ids = self.state, list[int]()
        if state.speaker is None:
            ids += self._begin_turn(written.speaker)
        if self._locked and written.start > state.cursor:
            ids += spell_item(self._space, Pause(written.start - state.cursor))
            state.cursor = written.start
        if state.speaker != written.speaker:
            ids += self._begin_turn(written.speaker)
        if self._locked and written.start < state.cursor:
            ids += spell_item(self._space, Back(state.cursor - written.start))
        return ids

    def _begin_turn(self, speaker: int) -> list[int]:
        state = self.state
        state.speaker = speaker
        voice = None if speaker in state.introduced else self._voices.get(speaker)
        if speaker not in state.introduced:
            state.introduced.append(speaker)
        return spell_turn(self._space, self._first_speaker + speaker, voice)

    def _tag_language(self, item: TextItem) -> list[int]:
        if item.language is None or item.language == self.state.language:
            return []
        self.state.language = item.language
        return [spell_language(self._space, item.language)]

    def _spell(self, frames: tuple[Frame, ...]) -> list[int]:
        """The ids of more frames of the open run, as far as they are certain."""
        state, options = self.state, self._space.options
        if options.unit_merges is not None:
            state.held += frames
            return []
        if not options.run_length:
            return self._spell_all(frames)
        held = [*state.held, *frames]
        last = len(held)
        while last and held[last - 1] == held[-1]:
            last -= 1
        state.held = held[last:]
        return self._spell_all(held[:last])

    def _spell_all(self, frames: Sequence[Frame]) -> list[int]:
        """The ids of frames that no others repeat or are merged with."""
        options = self._space.options
        if options.run_length:
            self.state.repeats += sum(map(eq, frames, islice(frames, 1, None)))
            if self.state.repeats > MAX_REPEATS:
                raise StreamError(f"over {MAX_REPEATS} repeated frames, more than a stream may have")
        width = options.num_codebooks if self.state.run == "units" else options.event_width
        return spell_frames(self._space, tuple(frames), width)

    def _close(self) -> list[int]:
        """End the run or the text that is open."""
        state, ids = self.state, list[int]()
        if state.run is not None:
            ids += [*self._spell_all(state.held), self._bracket(closes=True)]
            state.run, state.held = None, []
        if state.text is not None:
            ids += spell_item(self._space, state.text)
            state.text = None
        return ids

    def _bracket(self, closes: bool) -> int:
        """The id that opens or closes the run."""
        space, run = self._space, self.state.run
        if run == "units":
            return (space.units_close if closes else space.units_open).start
        number = [*EVENT_LABELS].index(run)  # pyright: ignore[reportArgumentType]
        return (space.event_close if closes else space.event_open).start + number
