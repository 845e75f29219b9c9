"""What tells a right word from a wrong one, in numbers that cost next to nothing.

The recognizer's own probabilities of the word's tokens and of the words around it, whether the text repeats itself, how
long the word lasts for its letters, and what else is heard under it: speech, or a vocal event.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.annotations import Event
from hybrid_tok.core.events import EventLabel
from hybrid_tok.core.languages import writes_spaces
from hybrid_tok.core.timeline import Span, overlapping


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A recognized word, and what the recognizer says of it.

    Attributes:
        text: as it is written.
        span: where, in frames of the recording.
        log_probs: natural logarithms of the probabilities of its tokens.
        agreement: share of the recognizer's other hypotheses that have the word at its place.
        window: that it was recognized in; what is outside it does not count.
        no_speech: probability of that window to hold no speech.
        compression: zlib ratio of that window's text.
        language: its code.
    """

    text: str
    span: Span
    log_probs: tuple[float, ...]
    agreement: float
    window: Span
    no_speech: float
    compression: float
    language: str


_VOICED: frozenset[EventLabel] = frozenset({"laugh", "cry", "scream", "moan", "other", "yawn"})
"""Events with a voice in them, which a recognizer takes for words; the others are of breath."""

_SECONDS_PER_LETTER = 0.065
_SECONDS_PER_CHARACTER = 0.2
"""Of a language without spaces, whose characters are syllables or words."""

_NEAR = 4
"""Words on either side that count as around."""

_REACH = 50
"""Frames on either side in which an event counts as near."""

FEATURES: tuple[str, ...] = (
    "mean",  # log odds of the mean probability of its tokens
    "lowest",  # log odds of the least likely token
    "agreement",
    "before",  # mean log probability of the word before
    "after",
    "around",
    "window",
    "window_lowest",
    "doubtful_share",  # of the window's words with a mean log probability below -1
    "unspaced",
    "no_speech",  # log odds
    "compression",
    "repeats",  # of the word among the words around it
    "phrase_repeats",  # of the three words it ends, within the window
    "length_off",  # magnitude of the log of its seconds over what its letters take
    "speech",  # share of it under which speech is detected
    "speech_seconds",  # log of the length of the speech stretch it lies in
    "voiced_event",  # share of it under laughter, cries and the like, times their confidence
    "breath_event",
    "voiced_event_near",  # within a second
    "window_words",  # log
    "words_per_second",  # of the window's speech
)
"""Names of the columns of `word_features`."""


def word_features(words: Sequence[HeardWord], speech: Sequence[Span], events: Sequence[Event]) -> NDArray[np.float64]:
    """The features (n, len(FEATURES)) of the words of a recording, in order of time.

    Args:
        speech: where speech is detected.
        events: vocal events.
    """
    if not words:
        return np.zeros((0, len(FEATURES)))
    windows = [list(group) for _, group in groupby(words, key=lambda word: word.window)]
    spans = [window[0].window for window in windows]
    spoken = overlapping(spans, speech, lambda span: span)
    heard = overlapping(spans, events, lambda event: event.span)
    rows = [
        _row(
            window,
            index,
            [_inside(one, window[0].window) for one in near_speech],
            [replace(one, span=_inside(one.span, window[0].window)) for one in near_events],
        )
        for window, near_speech, near_events in zip(windows, spoken, heard, strict=True)
        for index in range(len(window))
    ]
    return np.array(rows)


def _row(window: Sequence[HeardWord], index: int, speech: Sequence[Span], events: Sequence[Event]) -> list[float]:
    word = window[index]
    means = [sum(one.log_probs) / len(one.log_probs) for one in window]
    near = means[max(0, index - _NEAR) : index + _NEAR + 1]
    unspaced = not writes_spaces(word.language)
    letters = max(sum(character.isalnum() for character in word.text), 1)
    expected = letters * (_SECONDS_PER_CHARACTER if unspaced else _SECONDS_PER_LETTER) + 0.05
    texts = [_plain(one.text) for one in window]
    around = Counter(texts[max(0, index - _NEAR) : index + _NEAR + 1])
    phrases = [tuple(texts[k - 2 : k + 1]) for k in range(2, len(texts))]
    phrase = phrases.count(tuple(texts[index - 2 : index + 1])) if index >= 2 else 1
    spoken = sum(span.overlap(word.span) for span in speech)
    stretch = max((span.frames for span in speech if span.overlap(word.span)), default=0)
    whole = Span(window[0].span.start, window[-1].span.end)
    window_speech = sum(span.overlap(whole) for span in speech) / 50.0
    return [
        _log_odds(math.exp(means[index])),
        _log_odds(math.exp(min(word.log_probs))),
        word.agreement,
        means[max(index - 1, 0)],
        means[min(index + 1, len(window) - 1)],
        sum(near) / len(near),
        sum(means) / len(means),
        min(means),
        sum(mean < -1.0 for mean in means) / len(means),
        float(unspaced),
        math.log((word.no_speech + 1e-4) / (1.0 - word.no_speech + 1e-4)),
        word.compression,
        float(around[texts[index]] - 1),
        float(min(phrase, 4) - 1),
        abs(math.log(max(word.span.frames, 1) * 0.02 / expected)),
        spoken / max(word.span.frames, 1),
        math.log(stretch * 0.02 + 0.1),
        _load(word.span, events, voiced=True),
        _load(word.span, events, voiced=False),
        _nearest(Span(max(word.span.start - _REACH, 0), word.span.end + _REACH), events),
        math.log(len(window)),
        min(len(window) / max(window_speech, 0.2), 8.0),
    ]


def _inside(span: Span, window: Span) -> Span:
    """The part of a span in a window that it overlaps."""
    start = min(max(span.start, window.start), window.end)
    return Span(start, max(min(span.end, window.end), start))


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, 1e-3), 1.0 - 1e-3)
    return math.log(bounded / (1.0 - bounded))


def _plain(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def _load(span: Span, events: Sequence[Event], voiced: bool) -> float:
    """Share of a span under events of a kind, times their confidence."""
    load = sum(event.span.overlap(span) * event.confidence for event in events if (event.label in _VOICED) == voiced)
    return min(load / max(span.frames, 1), 1.0)


def _nearest(span: Span, events: Sequence[Event]) -> float:
    """The highest confidence of a voiced event in a span."""
    return max(
        (event.confidence for event in events if event.label in _VOICED and event.span.overlap(span)), default=0.0
    )
