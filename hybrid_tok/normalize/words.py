"""Text to its written words, each with the ways it may be said.

A written word is what stands between two spaces. What has no sound ("--", a lone quotation mark) belongs to the word
before it, so that the words, joined by spaces, are the text again. Some readings hang on a neighbour: "$3 million" is
said "three million dollars", "May 5" "May fifth".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from hybrid_tok.normalize import numbers
from hybrid_tok.normalize.numbers import Spoken
from hybrid_tok.normalize.spoken import ways_of
from hybrid_tok.normalize.tables import ABBREVIATIONS, CURRENCIES, MAGNITUDES, MONTHS


@dataclass(frozen=True, slots=True)
class WrittenWord:
    """A word as written, and as it may be said.

    Attributes:
        text: without surrounding space; inner spaces only where soundless marks belong to it.
        spoken: readings, the likeliest first; empty where nothing in it has a sound.
    """

    text: str
    spoken: tuple[Spoken, ...]


def read_words(text: str) -> tuple[WrittenWord, ...]:
    """The words of an English text. Joined by single spaces they are the text with its spaces made single."""
    tokens = text.split()
    shouted = len(tokens) > 3 and not any(map(str.islower, text))
    ways = [ways_of(token, shouted) for token in tokens]
    for index, (token, after) in enumerate(pairwise(tokens)):
        _money_before_magnitude(ways, index, token, after)
        _day_of_month(ways, index, token, after)
    words: list[WrittenWord] = []
    waiting: list[str] = []  # soundless marks that open the text
    for token, spoken in zip(tokens, ways, strict=True):
        if spoken:
            words.append(WrittenWord(" ".join([*waiting, token]), spoken))
            waiting.clear()
        elif words:
            words[-1] = WrittenWord(f"{words[-1].text} {token}", words[-1].spoken)
        else:
            waiting.append(token)
    return tuple(words) if not waiting else (WrittenWord(" ".join(waiting), ()),)


def _money_before_magnitude(ways: list[tuple[Spoken, ...]], index: int, token: str, after: str) -> None:
    """ "$3 million": the coin is said after both."""
    coin = re.match(r"\W*?(us\$|[$£€¥₹])(?=[\d.])", token.lower())
    if coin is None or (magnitude := after.lower().strip(".,;:!?\"')”’")) not in MAGNITUDES:
        return
    many = CURRENCIES[coin[1]][1]
    ways[index] = ways_of(re.sub(r"us\$|[$£€¥₹]", "", token, count=1, flags=re.I))
    ways[index + 1] = ((magnitude, many), (magnitude,))


def _day_of_month(ways: list[tuple[Spoken, ...]], index: int, token: str, after: str) -> None:
    """ "May 5" is "May fifth", "5 May" "the fifth of May"."""
    for month, day, place in ((token, after, index + 1), (after, token, index)):
        name = month.lower().strip(".,")
        full = ABBREVIATIONS.get(name, ((name,),))[0][0]
        number = re.fullmatch(r"(\d{1,2})[,.;:!?)]*", day)
        if full in MONTHS and number and 1 <= int(number[1]) <= 31:
            said = numbers.ordinal(int(number[1]))
            tail = () if place > index else ("of",)
            ways[place] = (said, ("the", *said, *tail), *ways[place])
            return
