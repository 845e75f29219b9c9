"""How many of Kokoro's frames each token lasts.

Where a phrase has a place, its tokens are scaled so that together they last exactly as long, and a pause is given to
the space between two phrases. Without places they are scaled by the speaker's rate. All in frames of 25 ms, whose
borders are counted from the start of the utterance, so that no error adds up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.kokoro_text import Token
from hybrid_tok.core.utterance import Utterance
from hybrid_tok.voice.prosody import expected_seconds

KOKORO_FRAME_RATE = 40
"""Frames per second."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Tokens spoken at once.

    Attributes:
        tokens: without the silence around them.
        style: (256,).
        widths: (n,), frames at Kokoro's own pace.
    """

    tokens: list[Token]
    style: NDArray[np.float32]
    widths: NDArray[np.float32]


RINGING = 2
"""Frames (50 ms) for which the last sound before a pause rings on, as forced alignment finds it."""


FASTEST = 2.0
"""Times its own pace at which Kokoro is still understood."""


LONGEST_PAUSE = 12
"""Frames (0.3 s) of a pause that are spoken. A longer one is put in afterwards: phrases far apart are spoken as one
sentence, and silence is not vocoded."""


def fit(widths: NDArray[np.floating], frames: int) -> NDArray[np.int64]:
    """Whole frames (n,) in proportion to widths (n,), `frames` in all; at least one each, if there are enough."""
    count = len(widths)
    if not count:
        return np.zeros(0, np.int64)
    least = min(1.0, frames / count)
    wanted = np.maximum(np.asarray(widths, np.float64), 1e-3)
    scaled = wanted * frames / wanted.sum()
    # What is too short gets the least, at the expense of the rest; that may make more of them too short.
    short = np.zeros(count, bool)
    while (more := (scaled < least) & ~short).any():
        short |= more
        rest = max(frames - least * np.count_nonzero(short), 0.0)
        scaled = np.where(short, least, wanted * rest / max(wanted[~short].sum(), 1e-9))
    # Of widths of at least 1, borders that are rounded are at least 1 apart. 1e-6 makes up for sums just below a half.
    return np.diff(np.floor(np.cumsum(scaled) + 0.5 + 1e-6), prepend=0.0).astype(np.int64)


def locked_frames(utterance: Utterance, chunks: Sequence[Chunk]) -> list[NDArray[np.int64]]:
    """Frames of each token (n,), chunk by chunk, that put each phrase in its place.

    Spaces and punctuation after a phrase last until the next one starts, but at most `LONGEST_PAUSE`, and at the end of
    a chunk a frame each.
    """
    phrase_of = phrases_of_words(utterance)
    places = phrase_places(utterance)
    pools: list[list[list[int]]] = [[] for _ in places]  # of each phrase, the tokens that fill it: (chunk, token)
    frames = [np.zeros(len(chunk.tokens), np.int64) for chunk in chunks]
    for number, chunk in enumerate(chunks):
        owners = [phrase_of[token.word] for token in chunk.tokens]
        following = [phrase_of[after.tokens[0].word] for after in chunks[number + 1 : number + 2]]
        for first, last in _same(owners):
            phrase = owners[first]
            start, end = places[phrase]
            next_phrase = owners[last] if last < len(owners) else phrase if following == [phrase] else None
            next_start = places[next_phrase][0] if next_phrase is not None else None
            mine = list(range(first, last))
            if next_phrase != phrase and next_start != end:
                mine = _without_end(chunk.tokens, mine)
                pauses = list(range(first + len(mine), last))
                # The last sound rings on into the pause.
                places[phrase] = (start, max(min(start + 1, end), end - RINGING))
                pause = len(pauses) if next_start is None else next_start - places[phrase][1]
                frames[number][pauses] = fit(chunk.widths[pauses], min(pause, LONGEST_PAUSE))
            pools[phrase] += ([number, index] for index in mine)
    for (start, end), pool in _with_room(places, pools, chunks):
        widths = np.array([chunks[number].widths[index] for number, index in pool])
        for (number, index), count in zip(pool, fit(widths, end - start).tolist(), strict=True):
            frames[number][index] = count
    return frames


_Pool: TypeAlias = "list[list[int]]"


def _with_room(
    places: Sequence[tuple[int, int]], pools: Sequence[_Pool], chunks: Sequence[Chunk]
) -> list[tuple[tuple[int, int], _Pool]]:
    """Places and what fills them, those too short for it joined with a neighbour that they touch: the one with more
    room. A word said faster than Kokoro can is not heard at all; so it takes some of the time of the one beside it."""
    rooms = [(place, list(pool)) for place, pool in zip(places, pools, strict=True)]

    def pace(number: int) -> float:
        (start, end), pool = rooms[number]
        return float(sum(chunks[one].widths[index] for one, index in pool)) / max(end - start, 0.5)

    number = 0
    while number < len(rooms):
        (start, end), pool = rooms[number]
        beside: list[int] = []
        if number > 0 and rooms[number - 1][0][1] == start:
            beside.append(number - 1)
        if number + 1 < len(rooms) and rooms[number + 1][0][0] == end:
            beside.append(number + 1)
        if not pool or not beside or pace(number) <= FASTEST:
            number += 1
            continue
        first = min(number, min(beside, key=pace))
        (low, _), (_, high) = rooms[first][0], rooms[first + 1][0]
        rooms[first : first + 2] = [((low, high), rooms[first][1] + rooms[first + 1][1])]
        number = first
    return rooms


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a spoken chunk.

    Attributes:
        start, end: its frames, counted from the chunk's first token.
        place: frame at which it belongs, counted from the start of the utterance.
    """

    start: int
    end: int
    place: int


def pieces_of(utterance: Utterance, chunk: Chunk, frames: NDArray[np.int64], place: int) -> list[Piece]:
    """A chunk in pieces that are moved to their places: cut in the middle of the pauses that were shortened.

    Args:
        frames: of each token (n,).
        place: frame of the utterance at which the chunk starts.
    """
    borders = np.concatenate([[0], np.cumsum(frames)]).tolist()
    if utterance.span is None:
        return [Piece(0, borders[-1], place)]
    phrase_of, places = phrases_of_words(utterance), phrase_places(utterance)
    owners = [phrase_of[token.word] for token in chunk.tokens]
    pieces: list[Piece] = []
    start = 0
    for first, last in _same(owners)[:-1]:
        before, after = places[owners[first]][1], places[owners[last]][0]
        if before < after and after - (place + borders[last] - start) > 0:
            cut = borders[last] - sum(frames[index] for index in _end(chunk.tokens, first, last)) // 2
            pieces.append(Piece(start, int(cut), place))
            start, place = int(cut), after - (borders[last] - int(cut))
    return [*pieces, Piece(start, borders[-1], place)]


def _end(tokens: Sequence[Token], first: int, last: int) -> range:
    """The pauses at the end of the tokens from `first` to `last`."""
    return range(first + len(_without_end(tokens, list(range(first, last)))), last)


def _same(owners: Sequence[int]) -> list[tuple[int, int]]:
    """Ranges of equal neighbours."""
    borders = [0, *(index for index in range(1, len(owners)) if owners[index] != owners[index - 1]), len(owners)]
    return list(pairwise(borders))


def _without_end(tokens: Sequence[Token], indices: list[int]) -> list[int]:
    """The indices without pauses at the end; all of them where there is nothing else."""
    last = len(indices)
    while last > 1 and tokens[indices[last - 1]].pause:
        last -= 1
    return indices[:last]


def phrases_of_words(utterance: Utterance) -> list[int]:
    """Index of the phrase that each word is in."""
    return [index for index, phrase in enumerate(utterance.phrases) for _ in phrase.words]


def phrase_places(utterance: Utterance) -> list[tuple[int, int]]:
    """Start and end of each phrase in Kokoro's frames, from the start of the utterance."""
    assert utterance.span is not None
    spans = [phrase.span for phrase in utterance.phrases]
    return [utterance.samples_of(span, KOKORO_FRAME_RATE) for span in spans if span]


def free_frames(utterance: Utterance, chunks: Sequence[Chunk], rate: float) -> list[NDArray[np.int64]]:
    """Frames of each token (n,), chunk by chunk, at a pace `rate` times Kokoro's own.

    Words with a delivery last as long as it says. Its rate is relative to `expected_seconds`, whose error over this
    utterance is taken out.
    """
    deliveries = utterance.deliveries
    expected = np.array([expected_seconds(word) for word in utterance.words])
    scaled = [np.asarray(chunk.widths, np.float64) / rate for chunk in chunks]
    words = [np.array([-1 if token.pause else token.word for token in chunk.tokens]) for chunk in chunks]
    lasting = sum(float(widths[own >= 0].sum()) for widths, own in zip(scaled, words, strict=True))
    pace = lasting / max(sum(float(expected[np.unique(own[own >= 0])].sum()) for own in words), 1e-9)
    for widths, own in zip(scaled, words, strict=True):
        for word in np.unique(own[own >= 0]):
            if (delivery := deliveries[word]) is not None:
                mine = own == word
                widths[mine] *= pace * expected[word] / delivery.rate / widths[mine].sum()
    return [fit(widths, max(len(widths), round(float(widths.sum())))) for widths in scaled]
