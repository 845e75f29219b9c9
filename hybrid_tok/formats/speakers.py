"""Speakers' names to the numbers of a stream, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hybrid_tok.core.annotations import SpeakerTurn, Word
from hybrid_tok.core.timeline import Span

TURN_GAP = 50
"""Frames (1 s): words of a speaker with shorter gaps belong to one turn, if no one else speaks between them."""

_OURS = re.compile(r"speaker:(0|[1-9]\d{0,2})")


def speaker_name(speaker: int) -> str:
    """The name of a speaker in the files written here; it is that of the stream's tag."""
    return f"speaker:{speaker}"


def is_speaker_name(name: str | None) -> bool:
    """Whether a name is one of those written here."""
    return name is not None and _OURS.fullmatch(name) is not None


def number_speakers(appearances: Iterable[tuple[float, str]]) -> dict[str, int]:
    """Number speakers in order of first appearance; names written here keep their number.

    Args:
        appearances: (time in seconds, name), in any order.
    """
    names = list(dict.fromkeys(name for _, name in sorted(appearances, key=lambda appearance: appearance[0])))
    ours = {name: int(match[1]) for name in names if (match := _OURS.fullmatch(name))}
    if len(ours) == len(names):
        return ours
    return {name: number for number, name in enumerate(names)}


def turns_of_words(words: Iterable[Word]) -> tuple[SpeakerTurn, ...]:
    """Turns from words with speakers: a speaker's consecutive words, with pauses up to `TURN_GAP`, are a turn."""
    turns: list[SpeakerTurn] = []
    for word in sorted(words, key=lambda word: word.span):
        if word.speaker is None:
            continue
        last = turns[-1] if turns else None
        if last is not None and last.speaker == word.speaker and word.span.start - last.span.end <= TURN_GAP:
            turns[-1] = SpeakerTurn(last.speaker, Span(last.span.start, max(last.span.end, word.span.end)))
        else:
            turns.append(SpeakerTurn(word.speaker, word.span))
    return tuple(turns)
