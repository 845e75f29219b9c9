"""Texts in phrases that are spoken one after another: a short one first, so that it is heard soon.

A phrase ends at punctuation where there is some, since that is where a speaker would breathe and where the melody of
two phrases that were spoken apart differs least from that of the whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from hybrid_tok.core.languages import writes_spaces
from hybrid_tok.core.timeline import Span
from hybrid_tok.core.utterance import Phrase
from hybrid_tok.errors import OptionsError
from hybrid_tok.voice.prosody import expected_seconds

_MARKS = ".,;:!?…—。，、；：！？"
_CLOSING = "\"'”’)]»」』"
_FEWEST = 3
"""Words of a phrase that ends at punctuation, and of what is left behind one, at least."""

_CHARACTERS = 2
"""Characters that count as a word where a language has no spaces between words."""


@dataclass(frozen=True, slots=True)
class PhraseOptions:
    """How many words are spoken at a time.

    Attributes:
        first: words of the first phrase of a text; it is heard when they are spoken.
        least: words of a later phrase that has no punctuation to end at.
        most: words of any later phrase.
    """

    first: int = 4
    least: int = 8
    most: int = 12

    def __post_init__(self) -> None:
        if not (self.first >= 1 and 1 <= self.least <= self.most):
            raise OptionsError(
                f"phrases need first_words of at least 1 and 1 <= least_words <= most_words, not "
                f"{self.first}, {self.least} and {self.most}"
            )


def next_phrase(
    words: Sequence[str], options: PhraseOptions, *, language: str | None, first: bool, whole: bool
) -> int | None:
    """How many of the words make the next phrase; None if that takes more words.

    Args:
        language: of the words.
        first: nothing of the text was spoken yet.
        whole: the text has no words but these.
    """
    scale = 1 if writes_spaces(language) else _CHARACTERS
    fewest, most = _FEWEST * scale, (options.first if first else options.most) * scale
    if whole and len(words) < most + fewest:
        return len(words) or None
    low = min(fewest, most)
    ends = [count for count in range(low, min(len(words), most) + 1) if ends_phrase(words[count - 1])]
    if ends:
        return ends[0] if first else _nearest(ends, options.least * scale)
    if len(words) < most:
        return None
    if first or not whole:
        return most if first else (options.least + options.most) * scale // 2
    return math.ceil(len(words) / math.ceil(len(words) / most))  # phrases of the same length


def _nearest(ends: Sequence[int], wanted: int) -> int:
    return min(ends, key=lambda end: abs(end - wanted))


def ends_phrase(word: str) -> bool:
    """Whether there is punctuation after a word."""
    bare = word.rstrip(_CLOSING)
    return bool(bare) and bare[-1] in _MARKS


def going_on(phrases: Sequence[Phrase], language: str | None) -> list[Phrase]:
    """Phrases with a comma after the last word, if it has no punctuation: a synthesizer would end the sentence there,
    and "and" would become "end"."""
    *before, last = phrases
    word = last.words[-1]
    if ends_phrase(word) or not any(map(str.isalnum, word)):
        return list(phrases)
    comma = "," if writes_spaces(language) else "，"
    return [*before, replace(last, words=(*last.words[:-1], word + comma))]


def first_words(phrases: Sequence[Phrase], count: int) -> list[Phrase]:
    """Phrases up to so many words."""
    taken: list[Phrase] = []
    for phrase in phrases:
        if count > 0:
            taken.append(_part(phrase, 0, count))
        count -= len(phrase.words)
    return taken


def last_words(phrases: Sequence[Phrase], count: int) -> list[Phrase]:
    """Phrases from so many words before the end on."""
    taken: list[Phrase] = []
    for phrase in reversed(phrases):
        if count > 0:
            taken.insert(0, _part(phrase, max(0, len(phrase.words) - count), len(phrase.words)))
        count -= len(phrase.words)
    return taken


def _part(phrase: Phrase, start: int, end: int) -> Phrase:
    """Some words of a phrase, with their share of its place."""
    words, span = phrase.words[start:end], phrase.span
    if span is None or len(words) == len(phrase.words):
        return replace(phrase, words=words)
    expected = [0.0, *accumulate(map(expected_seconds, phrase.words))]
    low, high = (
        span.start + math.floor(expected[at] / expected[-1] * span.frames + 0.5)
        for at in (start, min(end, len(phrase.words)))
    )
    return replace(phrase, words=words, span=Span(low, high))


def divided(phrase: Phrase, options: PhraseOptions, language: str | None, *, first: bool = True) -> list[Phrase]:
    """A phrase as several, which share its place by the expected duration of their words.

    Args:
        first: nothing was spoken before it.
    """
    sizes: list[int] = []
    words = phrase.words
    while words:
        size = next_phrase(words, options, language=language, first=first and not sizes, whole=True) or len(words)
        sizes.append(size)
        words = words[size:]
    borders = [0, *accumulate(sizes)]
    parts = [phrase.words[start:end] for start, end in pairwise(borders)]
    if phrase.span is None:
        return [replace(phrase, words=part) for part in parts]
    lengths = [sum(map(expected_seconds, part)) for part in parts]
    shares = [math.floor(upto / sum(lengths) * phrase.span.frames + 0.5) for upto in accumulate(lengths)]
    edges = [phrase.span.start, *(phrase.span.start + share for share in shares)]
    if len(set(edges)) < len(edges):  # too little time for so many
        return [phrase]
    return [
        replace(phrase, words=part, span=Span(start, end))
        for part, (start, end) in zip(parts, pairwise(edges), strict=True)
    ]
