"""A window of a recording by itself: the words Whisper hears in it, and words forced through it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hybrid_tok.backends.text_matching import fold, text_units
from hybrid_tok.backends.whisper_model import CTranslate2Whisper, EncodedWindow, WrittenWord, write_window
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.languages import writes_spaces
from hybrid_tok.core.spacing import join_words
from hybrid_tok.core.timeline import FRAME_RATE
from hybrid_tok.core.windows import Window

_MOST_TOKENS = 440
_LETTERS = {True: (1, 2, 3), False: (1,)}
"""Letters per token where words are placed, in languages with and without spaces."""
IMPROBABLE = -8.0
"""Log probability below which differences say nothing."""


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A word of a window, in frames of the recording.

    Attributes:
        key: what is compared of it; see `text_matching.fold`.
        log_prob: mean log probability of its tokens, given those before them.
    """

    text: str
    key: str
    start: float
    end: float
    log_prob: float


@dataclass(frozen=True, slots=True)
class HeardWindow:
    """A window, the language it was heard in, and the words."""

    window: Window
    language: str
    words: tuple[PlacedWord, ...]


class WindowListener:
    """Hears and forces the windows of mono audio at 16 kHz, each by itself.

    Args:
        silence: seconds of silence after each window that the encoder sees.
    """

    def __init__(self, model: CTranslate2Whisper, audio: Audio, silence: float) -> None:
        self._model = model
        self._audio = audio
        self._silence = silence

    def encode(self, window: Window) -> EncodedWindow:
        return self._model.encode(window.samples(self._audio), self._silence)

    def hear(self, window: Window, languages: Sequence[str]) -> HeardWindow:
        """What is heard in the likeliest of some languages, split as texts are."""
        encoded = self.encode(window)
        language = languages[0]
        if len(languages) > 1:
            told = self._model.language_probabilities(encoded, 0.0, encoded.seconds)
            language = max(languages, key=lambda code: told.get(code, 0.0))
        words = write_window(self._model, window.samples(self._audio), encoded, language, 1).words
        units = [unit for word in words for unit in text_units(word.text, language)]
        return HeardWindow(window, language, tuple(_spread(words, units, window)))

    def force(self, heard: HeardWindow, encoded: EncodedWindow, words: Sequence[str]) -> list[PlacedWord] | None:
        """Words laid over an encoded window, said or not; None where they are more than it holds."""
        return self._force(heard, encoded, words, None)

    def place(
        self, heard: HeardWindow, encoded: EncodedWindow, words: Sequence[str]
    ) -> list[tuple[float, float]] | None:
        """Where words that are said are in an encoded window, more exactly; None where they are more than it holds.

        It is the mean of several ways to cut the words into tokens.
        """
        ways = [self._force(heard, encoded, words, letters) for letters in _LETTERS[writes_spaces(heard.language)]]
        kept = [[(word.start, word.end) for word in way] for way in ways if way is not None]
        return [(float(start), float(end)) for start, end in np.mean(kept, axis=0)] if kept and words else None

    def _force(
        self, heard: HeardWindow, encoded: EncodedWindow, words: Sequence[str], letters: int | None
    ) -> list[PlacedWord] | None:
        tokens = self._model.tokens(join_words(words, heard.language), heard.language, letters)
        if len(tokens) > _MOST_TOKENS:
            return None
        return list(_spread(self._model.align(encoded, heard.language, tokens), words, heard.window))


def _spread(written: Sequence[WrittenWord], words: Sequence[str], window: Window) -> Iterator[PlacedWord]:
    """The same text in other words, letter by letter: Whisper may write several characters as one."""
    letters = [
        (word.start + step * k, word.start + step * (k + 1), max(likely, IMPROBABLE))
        for word in written
        if (count := _letters(word.text))
        for step, likely in [((word.end - word.start) / count, sum(word.log_probs) / len(word.log_probs))]
        for k in range(count)
    ]
    at, last = 0, 0.0
    for text in words:
        own = letters[at : at + _letters(text)]
        at += len(own)
        start, last = (own[0][0], own[-1][1]) if own else (last, last)
        likely = sum(log_prob for *_, log_prob in own) / len(own) if own else IMPROBABLE
        yield PlacedWord(text, fold(text), window.place(start * FRAME_RATE), window.place(last * FRAME_RATE), likely)


def _letters(text: str) -> int:
    return sum(character.isalnum() for character in text)
