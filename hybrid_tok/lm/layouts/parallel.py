"""The parallel layout: a row per frame of units, the text beside those of the same moment (Moshi, arXiv 2410.00037).

A row is `(text, unit of codebook 0, .., unit of codebook K - 1)`. The pieces of a word stand in the text column one
below the other, the first in the frame where the word starts; they need fewer frames than saying it takes. Where there
is no text the column holds `<|pause|>`, where there are no units the others hold `<|pad|>`.

At least one row without a piece stands between two words, so that each start can be told from the rows. A change of
speaker (the first is speaker 0) or language is written just above the word, in those rows. What does not fit before
its word starts makes the word wait: words queue, in order, each as early as it can be. So text comes back exactly
always, and the start of each word that did not wait. What is left at the end of the recording goes on below the last
frame.

Codebooks may be delayed against the text, as in Moshi (see `patterns`). Rows hold whole frames, so that there is no
remainder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybrid_tok.core.annotations import Word
from hybrid_tok.errors import StreamError
from hybrid_tok.lm.layouts.aligned import AlignedSpeech
from hybrid_tok.lm.layouts.rows import delay_units, misplaced, read_integers, undelay_units
from hybrid_tok.tokens.idspace import LANGUAGE_CODES, IdSpace
from hybrid_tok.tokens.parse import read_pieces
from hybrid_tok.tokens.serialize import spell_pieces
from hybrid_tok.tokens.stream import Frame, TextItem


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word in the text column.

    Attributes:
        start: row of its first piece.
        speaker: who says it.
        text: the word, without duration or prosody.
    """

    start: int
    speaker: int
    text: TextItem


@dataclass(frozen=True, slots=True)
class ParallelStream:
    """Words by their start, and the units of every frame.

    Attributes:
        words: in order; the pieces of one end before the tags of the next.
        units: as in `AlignedSpeech`.
    """

    words: tuple[TimedWord, ...]
    units: tuple[Frame, ...]


def parallel_speech(space: IdSpace, speech: AlignedSpeech) -> ParallelStream:
    """A recording as a parallel stream: words queue where their pieces do not fit.

    Args:
        space: the ids that rows will be written with, which say how many pieces a word has.
    """
    column = _Column(space)
    words: list[TimedWord] = []
    language: str | None = None
    for word, speaker in _words(speech):
        language = word.language or language
        text = TextItem(word.text, language=language)
        start = max(speech.grid.containing(word.span.start), column.earliest(speaker, language))
        words.append(TimedWord(start, speaker, text))
        column.write(words[-1])
    return ParallelStream(tuple(words), speech.units)


def _words(speech: AlignedSpeech) -> Iterator[tuple[Word, int]]:
    """Words in order of start, each with its speaker."""
    found = [
        (word, stretch.speaker if word.speaker is None else word.speaker)
        for stretch in speech.stretches
        for word in (*stretch.words, *stretch.under)
    ]
    return iter(sorted(found, key=lambda one: one[0].span))


def write_parallel(space: IdSpace, stream: ParallelStream, delays: Sequence[int] | None = None) -> NDArray[np.int64]:
    """Rows of ids (at least frames + longest delay, 1 + codebooks).

    Args:
        delays: rows by which each codebook is later than the text; None is no delay.

    Raises:
        StreamError: a word stands where the one before it does, or something has no ids.
    """
    column = _Column(space)
    for number, word in enumerate(stream.words):
        try:
            column.write(word)
        except StreamError as error:
            raise StreamError(f"word {number}: {error}") from None
    codes = np.array(stream.units, np.int64).reshape(len(stream.units), -1 if stream.units else len(space.units))
    units = delay_units(space, codes, _delays(space, delays), len(column.cells))
    text = np.full((len(units), 1), space.pause.start, np.int64)
    text[: len(column.cells), 0] = column.cells
    return np.concatenate([text, units], axis=1)


def read_parallel(
    space: IdSpace, rows: ArrayLike, delays: Sequence[int] | None = None, *, partial: bool = False
) -> ParallelStream:
    """Rows of ids to the one stream they spell; arguments as of `write_parallel`.

    Args:
        partial: accept rows that stop in the middle: frames of which units are missing are left out, and tags without
            a word.

    Raises:
        GrammarError: an id is out of place; its position counts ids row by row.
    """
    given = read_integers(rows, 1 + len(space.units))
    words, ended = _read_words(space, given, partial)
    delays = _delays(space, delays)
    codes = undelay_units(space, given, delays, 1, partial)
    ended = max(ended, len(codes) + max(delays) if len(codes) else 0)
    if not partial and ended < len(given):
        raise misplaced(space, given, ended, 0, "the end of the rows")
    return ParallelStream(words, tuple(map(tuple, codes.tolist())))


def _delays(space: IdSpace, delays: Sequence[int] | None) -> Sequence[int]:
    return (0,) * len(space.units) if delays is None else delays


class _Column:
    """The text column while it is written.

    Attributes:
        cells: its ids so far.
    """

    def __init__(self, space: IdSpace) -> None:
        self._space = space
        self._speaker = 0
        self._language: str | None = None
        self.cells: list[int] = []

    def earliest(self, speaker: int, language: str | None) -> int:
        """The first row where a word may start."""
        tags = (speaker != self._speaker) + (language is not None and language != self._language)
        return len(self.cells) + max(tags, 1 if self.cells else 0)

    def write(self, word: TimedWord) -> None:
        """Add a word and what stands before it."""
        space, text = self._space, word.text
        if text.frames is not None or text.prosody is not None:
            raise StreamError(f"{text.text!r} has a duration or prosody, which rows do not")
        if text.language is not None and text.language not in LANGUAGE_CODES:
            raise StreamError(f"{text.text!r} in {text.language!r}, which is no code of a language")
        if text.language is None and self._language is not None:
            raise StreamError(f"{text.text!r} without a language after one in {self._language!r}; give it one")
        if word.start < (first := self.earliest(word.speaker, text.language)):
            raise StreamError(f"{text.text!r} starts in row {word.start}; there is place for it from row {first} on")
        tags: list[int] = []
        if word.speaker != self._speaker:
            if not 0 <= word.speaker < space.speakers.size:
                raise StreamError(f"speaker {word.speaker} is outside 0..{space.speakers.size - 1}")
            tags.append(space.speakers.start + word.speaker)
        if text.language is not None and text.language != self._language:
            tags.append(space.languages.start + LANGUAGE_CODES.index(text.language))
        pieces = [space.text_range.start + piece for piece in spell_pieces(space, text)]
        if not pieces:
            raise StreamError("a word without text; leave it out")
        self.cells += [space.pause.start] * (word.start - len(tags) - len(self.cells)) + tags + pieces
        self._speaker, self._language = word.speaker, text.language


def _read_words(space: IdSpace, rows: NDArray[np.int64], partial: bool) -> tuple[tuple[TimedWord, ...], int]:
    """The words of the text column, and the row after the last of them."""
    cells = rows[:, 0].tolist()
    words: list[TimedWord] = []
    speaker, language, row, ended = 0, None, 0, 0
    while row < len(cells):
        token = cells[row]
        if token == space.pause.start:
            row += 1
            continue
        # A word needs a row between it and the one before, which its tags may be.
        touches = bool(words) and row == ended
        allowed = [space.pause.describe()]
        new_speaker, new_language = speaker, language
        if token in space.speakers:
            new_speaker = token - space.speakers.start
            if new_speaker == speaker:
                raise misplaced(space, rows, row, 0, *allowed, "another speaker's tag")
            row, touches = row + 1, False
        if row < len(cells) and cells[row] in space.languages:
            new_language = LANGUAGE_CODES[cells[row] - space.languages.start]
            if new_language == language:
                raise misplaced(space, rows, row, 0, *allowed, "another language's tag")
            row, touches = row + 1, False
        start = row
        while row < len(cells) and any(cells[row] in part for part in space.pieces):
            row += 1
        if partial and start == row == len(cells):
            break
        if start == row or touches:
            raise misplaced(
                space, rows, start, 0, "text", space.speakers.describe(), space.languages.describe(), *allowed
            )
        speaker, language, ended = new_speaker, new_language, row
        words.append(TimedWord(start, speaker, read_pieces(space, cells[start:row], language)))
    return tuple(words), ended
