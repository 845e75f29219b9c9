"""Ids of a stream to its items with their times, as soon as each is whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from hybrid_tok.core.spacing import join_words
from hybrid_tok.tokens.grammar import Grammar
from hybrid_tok.tokens.incremental import (
    ChannelOpened,
    Ended,
    FramesRead,
    IncrementalParser,
    Paused,
    RunClosed,
    RunOpened,
    Step,
    SteppedBack,
    TextRead,
    TurnOpened,
)

ItemKind: TypeAlias = Literal["text", "event", "units", "pause", "end"]


@dataclass(frozen=True, slots=True)
class TimedItem:
    """An item with its place.

    Attributes:
        kind: what it is; `end` is the end of the stream.
        start: frame of the codec; in free timing text and pauses take no time, and places are not those of the
            recording.
        end: frame after its last one.
        text: the words of a text, the label of an event.
        speaker: whose it is.
        tokens: ids that were read since the item before: those of all items together are those of the stream.
        language: of a text.
    """

    kind: ItemKind
    start: int
    end: int
    text: str = ""
    speaker: int = 0
    tokens: int = 0
    language: str | None = None


class ItemReader:
    """Reads the ids of a stream in batches that end between items, or inside a run of units.

    So do the batches of a stream encoder, which need not wait for the next one to tell that a text is whole.

    Args:
        grammar: of the vocabulary that the ids are of.
    """

    def __init__(self, grammar: Grammar) -> None:
        self._parser = IncrementalParser(grammar)
        self._digits = grammar.space.numbers
        self._told = 0
        """Steps that the next id hands out again."""
        self._cursor = 0
        self._speaker = 0
        self._paused = 0
        self._opened = RunOpened(None)
        self._frames = 0
        self._counted = 0
        """Position up to which ids belong to an item that is whole."""
        self._items: list[TimedItem] = []

    @property
    def frames(self) -> int:
        """Frame up to which items are whole."""
        return self._parser.place.furthest

    def push(self, ids: Sequence[int]) -> list[TimedItem]:
        """The items that a batch makes whole.

        Raises:
            GrammarError: an id may not follow.
        """
        for token in ids:
            before = self._parser.position
            if token not in self._digits:
                self._end_pause(before)
            for step in self._parser.push(token)[self._told :]:
                self._add(step, before)
            self._told = 0
        if ids:
            settled = self._parser.peek()
            for step in settled:
                self._add(step, self._parser.position)
            self._told = len(settled)
            self._end_pause(self._parser.position)
        items, self._items = self._items, []
        return items

    def _add(self, step: Step, before: int) -> None:
        """A step that is made certain by the id at position `before`, or by the end of the batch before it."""
        if isinstance(step, Paused):
            self._paused += step.frames
        elif isinstance(step, ChannelOpened):
            self._cursor = 0
        elif isinstance(step, TurnOpened):
            self._speaker = step.speaker
        elif isinstance(step, SteppedBack):
            self._cursor -= step.frames
        elif isinstance(step, TextRead):
            self._give("text", step.item.frames or 0, before, step.item.text, step.item.language)
        elif isinstance(step, RunOpened):
            self._opened, self._frames = step, 0
        elif isinstance(step, FramesRead):
            self._frames += len(step.frames)
        elif isinstance(step, RunClosed):
            label = self._opened.label
            self._give("units" if label is None else "event", self._frames, before + 1, label or "")
        elif isinstance(step, Ended):
            self._give("end", 0, before + 1)

    def _end_pause(self, position: int) -> None:
        if self._paused:
            frames, self._paused = self._paused, 0
            self._give("pause", frames, position)

    def _give(self, kind: ItemKind, frames: int, position: int, text: str = "", language: str | None = None) -> None:
        """An item that is whole before a position."""
        start, self._cursor = self._cursor, self._cursor + frames
        tokens, self._counted = position - self._counted, position
        self._items.append(TimedItem(kind, start, self._cursor, text, self._speaker, tokens, language))


def joined_texts(items: Sequence[TimedItem]) -> list[TimedItem]:
    """Texts that follow each other at once as one: with a duration or prosody per word, each word is an item."""
    joined: list[TimedItem] = []
    for item in items:
        last = joined[-1] if joined else None
        if last is None or not _goes_on(last, item):
            joined.append(item)
            continue
        text = join_words((last.text, item.text), item.language)
        joined[-1] = replace(last, end=item.end, text=text, tokens=last.tokens + item.tokens)
    return joined


def _goes_on(last: TimedItem, item: TimedItem) -> bool:
    if (last.kind, item.kind) != ("text", "text") or last.end != item.start:
        return False
    return last.speaker == item.speaker and last.language == item.language
