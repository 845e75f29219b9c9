"""A sequence of a language model in parts: its own text, and streams between `<|audio|>` and `<|/audio|>`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hybrid_tok.errors import GrammarError
from hybrid_tok.tokens.idspace import IdSpace


@dataclass(frozen=True, slots=True)
class TextPart:
    """The language model's own text.

    Attributes:
        ids: its own.
        start: position of the first.
    """

    ids: tuple[int, ...]
    start: int


@dataclass(frozen=True, slots=True)
class StreamPart:
    """A stream.

    Attributes:
        ids: without the boundaries.
        start: position of the first.
        closed: whether `<|/audio|>` follows; only the last part of a sequence may be open.
    """

    ids: tuple[int, ...]
    start: int
    closed: bool


Part: TypeAlias = "TextPart | StreamPart"


def parts_of(space: IdSpace, ids: Sequence[int]) -> Iterator[Part]:
    """The parts of a sequence, none empty but streams; `<|pad|>` before, between and after them is left out.

    Raises:
        GrammarError: an id of ours outside a stream, a boundary inside one, or an id of no one.
    """
    opened, closed, pad = space.audio_open.start, space.audio_close.start, space.pad.start
    text: list[int] = []
    inside: list[int] | None = None
    start = 0
    for position, token in enumerate(ids):
        if inside is not None:
            if token == closed:
                yield StreamPart(tuple(inside), start, True)
                inside = None
            elif token in (opened, pad):
                raise GrammarError(position, space.describe(token), ("ids of the stream", space.audio_close.describe()))
            else:
                inside.append(token)
        elif token in space.text_range:
            if not text:
                start = position
            text.append(token)
        else:
            if text:
                yield TextPart(tuple(text), start)
                text = []
            if token == opened:
                inside, start = [], position + 1
            elif token != pad:
                raise GrammarError(position, space.describe(token), ("text", space.audio_open.describe()))
    if text:
        yield TextPart(tuple(text), start)
    if inside is not None:
        yield StreamPart(tuple(inside), start, False)
