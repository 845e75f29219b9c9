"""What of a stream was heard: which of its ids and words had ended by a time."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.languages import writes_spaces
from hybrid_tok.core.spacing import split_words
from hybrid_tok.tokens.idspace import IdSpace

_NEVER = (1 << 63) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """How much of a stream was heard when it was interrupted.

    Attributes:
        seconds: of the stream's clock, what was skipped counted in.
        words: of its texts, those heard whole.
        consumed: how many ids were pushed.
        heard: how many ids, from the first, were heard whole: a stream that goes on from what was heard begins with
            these. What was skipped counts as heard.
        tail: samples (10 ms) that end the output there without a click; none where nothing was given out.
    """

    seconds: float
    words: tuple[str, ...]
    consumed: int
    heard: int
    tail: NDArray[np.float32]


@dataclass(slots=True)
class SpokenText:
    """A text and how far it was spoken.

    Attributes:
        first: position of its first piece in the stream.
        language: of its words.
        ends: the sample at which each word ends, as far as they were spoken.
        ids: of its pieces; none before it is whole.
    """

    first: int
    language: str | None
    ends: list[int] = field(default_factory=list)
    ids: tuple[int, ...] = ()


class HeardLog:
    """When each id and word of a stream has been heard, in samples of the output."""

    def __init__(self, space: IdSpace) -> None:
        self._space = space
        self._ends = array("q")
        self._open = 0
        """The first id whose end is not known."""
        self._texts: list[SpokenText] = []
        self._words: list[tuple[int, int, str]] = []

    @property
    def consumed(self) -> int:
        return len(self._ends)

    def read(self, end: int | None) -> None:
        """One more id; with it all that came before it has ended at a sample, or is not known to have (None)."""
        self._ends.append(_NEVER)
        if end is not None:
            self.mark(len(self._ends), end)

    def mark(self, upto: int, end: int) -> None:
        """The ids before a position, as far as nothing is known of them, have ended at a sample."""
        for position in range(self._open, upto):
            self._ends[position] = end
        self._open = max(self._open, upto)

    def text(self, first: int, language: str | None) -> SpokenText:
        """A text begins."""
        text = SpokenText(first, language)
        self._texts.append(text)
        return text

    def word(self, start: int, end: int, word: str) -> None:
        """A word is heard between two samples."""
        self._words.append((start, end, word))

    def ids_before(self, sample: int, pieces: Sequence[int]) -> int:
        """How many ids, from the first, have ended at a sample.

        Args:
            pieces: ids of the text that is not whole.
        """
        late = np.flatnonzero(np.array(self._ends, np.int64) > sample)
        count = int(late[0]) if len(late) else len(self._ends)
        # The ids of a text end together: within one, words tell how far it was heard.
        text = next((text for text in reversed(self._texts) if text.first <= count), None)
        if text is None:
            return count
        own = text.ids or pieces
        if not text.first <= count < text.first + len(own):
            return count
        heard = sum(end <= sample for end in text.ends)
        return count + self._pieces_of(own, heard, text.language)

    def words_before(self, sample: int, skipped: Sequence[tuple[int, int]]) -> tuple[str, ...]:
        """The words that have ended at a sample and of which nothing was skipped."""
        return tuple(
            word
            for start, end, word in self._words
            if end <= sample and not any(low < end and start < high for low, high in skipped)
        )

    def _pieces_of(self, ids: Sequence[int], words: int, language: str | None) -> int:
        """How many pieces of a text spell no more than its first words."""
        spaced, first = writes_spaces(language), self._space.text_range.start
        pieces = [token - first for token in ids]
        low, high = 0, len(pieces)
        while low < high:  # the last number of pieces that begin no other word
            middle = (low + high + 1) // 2
            begun = len(split_words(self._space.text.decode(pieces[:middle], spaced), language))
            low, high = (middle, high) if begun <= words else (low, middle - 1)
        return low
