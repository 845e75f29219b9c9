"""Words and events as captions: short lines of subtitles, for SRT and WebVTT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hybrid_tok.core.annotations import Annotations, SpeakerTurn, Word
from hybrid_tok.core.spacing import space_between
from hybrid_tok.core.timeline import Span, overlapping

MAX_LETTERS = 42
"""Characters of a line at most, by the style guides of broadcasters."""
MAX_FRAMES = 350
"""7 s: the maximum duration of a caption."""
MAX_PAUSE = 50
"""1 s: a longer pause ends a caption."""


@dataclass(frozen=True, slots=True)
class Caption:
    """A caption: words of one speaker, or an event.

    Attributes:
        span: never empty.
        text: the words, or the event's label in brackets.
        words: none for an event.
    """

    span: Span
    text: str
    speaker: int | None = None
    words: tuple[Word, ...] = ()


def captions(annotations: Annotations) -> list[Caption]:
    """The captions of a recording, in order of start. Words without a speaker get that of their turn."""
    lines: dict[int | None, list[list[Word]]] = {}
    for word in _with_speakers(annotations.words, annotations.turns):
        spoken = lines.setdefault(word.speaker, [])
        if not spoken or _ends(spoken[-1], word):
            spoken.append([])
        spoken[-1].append(word)
    made = [_caption(line) for spoken in lines.values() for line in spoken]
    made += [Caption(_seen(event.span), f"[{event.label}]") for event in annotations.events]
    return sorted(made, key=lambda caption: caption.span)


def _ends(line: Sequence[Word], word: Word) -> bool:
    letters = sum(len(one.text) + 1 for one in line) + len(word.text)
    return (
        letters > MAX_LETTERS
        or word.span.end - line[0].span.start > MAX_FRAMES
        or word.span.start - line[-1].span.end > MAX_PAUSE
    )


def _caption(line: Sequence[Word]) -> Caption:
    span = Span(line[0].span.start, max(word.span.end for word in line))
    text = "".join(space_before(number, line) + " ".join(word.text.split()) for number, word in enumerate(line))
    return Caption(_seen(span), text, line[0].speaker, tuple(line))


def space_before(number: int, line: Sequence[Word]) -> str:
    """The separator before a word of a line, by its index: a space, or nothing in languages without spaces."""
    if number == 0:
        return ""
    before, word = line[number - 1], line[number]
    return space_between(before.text, word.text, word.language) if before.language == word.language else " "


def _seen(span: Span) -> Span:
    """The span of a caption, at least one frame."""
    return span if span.frames else Span(span.start, span.start + 1)


def _with_speakers(words: Sequence[Word], turns: Sequence[SpeakerTurn]) -> list[Word]:
    named: list[Word] = []
    talking = overlapping((word.span for word in words), turns, lambda turn: turn.span)
    for word, heard_turns in zip(words, talking, strict=True):
        heard = max(heard_turns, key=lambda turn: turn.span.overlap(word.span), default=None)
        if word.speaker is None and heard is not None and heard.span.overlap(word.span):
            word = replace(word, speaker=heard.speaker)
        named.append(word)
    return named
