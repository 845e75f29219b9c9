"""Talk spurts: who talks from where to where.

A talk spurt (Brady 1968, A statistical analysis of on-off patterns in 16 conversations) or inter-pausal unit is talk of
one speaker without a longer pause in it. Talk is text and runs of units; events (a laugh, a breath) are vocal but not
speech, and are kept apart. All times are in samples at the codec's rate, so that they add as integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from hybrid_tok.core.events import EventLabel
from hybrid_tok.core.spacing import join_words, split_words
from hybrid_tok.core.timeline import Grid
from hybrid_tok.tokens.stream import EventItem, HybridStream, TextItem, UnitItem


@dataclass(frozen=True, slots=True, order=True)
class Party:
    """Who may talk: a speaker of a channel."""

    channel: int
    speaker: int


@dataclass(frozen=True, slots=True)
class Spurt:
    """A talk spurt.

    Attributes:
        start, end: in samples; it is never empty.
        texts: the text runs in it, in order of time; none where it is all units.
    """

    party: Party
    start: int
    end: int
    texts: tuple[TextItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Vocalization:
    """An event, in samples; it has no length where its units are left out."""

    party: Party
    start: int
    end: int
    label: EventLabel


@dataclass(frozen=True, slots=True)
class PartyTalk:
    """All that one party says.

    Attributes:
        spurts, events: in order of time.
        words: of all its text; characters in Chinese and Japanese.
        timed_words, text_samples: words of the text runs that last, and how long they last together.
    """

    party: Party
    spurts: tuple[Spurt, ...]
    events: tuple[Vocalization, ...]
    words: int
    timed_words: int
    text_samples: int


def joined_text(texts: Iterable[TextItem]) -> str:
    """Text runs as one text, with the spaces of their languages."""
    runs = groupby(texts, key=lambda text: text.language)
    return " ".join(join_words((one.text for one in run), language) for language, run in runs)


def talk_of_parties(stream: HybridStream, grid: Grid, merge: int) -> tuple[PartyTalk, ...]:
    """What each party with a turn says, ordered by channel and speaker.

    Args:
        stream: in locked timing.
        grid: the codec's rate and frames.
        merge: gaps of fewer samples between two stretches of a party are inside a spurt.
    """
    length = grid.length(stream.frames, stream.remainder or 0)
    parties = {Party(number, turn.speaker) for number, channel in enumerate(stream.channels) for turn in channel.turns}
    talk: dict[Party, list[tuple[int, int, TextItem | UnitItem]]] = {party: [] for party in parties}
    events: dict[Party, list[Vocalization]] = {party: [] for party in parties}
    for placed in stream.placed():
        party = Party(placed.channel, placed.speaker)
        start, end = (min(frame * grid.hop, length) for frame in (placed.span.start, placed.span.end))
        if isinstance(placed.item, TextItem | UnitItem):
            talk[party].append((start, end, placed.item))
        elif isinstance(placed.item, EventItem):
            events[party].append(Vocalization(party, start, end, placed.item.label))
    return tuple(_party_talk(party, talk[party], events[party], merge) for party in sorted(parties))


def _party_talk(
    party: Party, talk: Sequence[tuple[int, int, TextItem | UnitItem]], events: Sequence[Vocalization], merge: int
) -> PartyTalk:
    texts = [(end - start, item) for start, end, item in talk if isinstance(item, TextItem)]
    counted = [(samples, len(split_words(item.text, item.language))) for samples, item in texts]
    return PartyTalk(
        party,
        _spurts(party, talk, merge),
        tuple(sorted(events, key=lambda event: (event.start, event.end))),
        words=sum(words for _, words in counted),
        timed_words=sum(words for samples, words in counted if samples),
        text_samples=sum(samples for samples, _ in counted),
    )


def _spurts(party: Party, talk: Sequence[tuple[int, int, TextItem | UnitItem]], merge: int) -> tuple[Spurt, ...]:
    """Stretches that touch, overlap or are close, as one; text that takes no time goes with what is close to it."""
    spurts: list[tuple[int, int, list[TextItem]]] = []
    for start, end, item in sorted(talk, key=lambda one: one[:2]):
        first, last, texts = spurts[-1] if spurts else (start, start, [])
        if spurts and (start <= last or start - last < merge):
            spurts[-1] = first, max(last, end), texts
        else:
            texts = []
            spurts.append((start, end, texts))
        if isinstance(item, TextItem):
            texts.append(item)
    return tuple(Spurt(party, start, end, tuple(texts)) for start, end, texts in spurts if end > start)
