"""Turn-taking: who has the floor, and the pauses, gaps, overlaps, interruptions and back-channels between speakers.

The terms are the field's. Sacks, Schegloff & Jefferson (1974, A simplest systematics for the organization of
turn-taking for conversation): one party talks at a time, and turns change with small gaps and overlaps. Heldner &
Edlund (2010, Pauses, gaps and overlaps in conversations): silence inside one speaker's talk is a pause, between two
speakers' a gap; overlap is between speakers where the floor changes in it, within a speaker where it does not. The
floor transfer offset (de Ruiter, Mitterer & Enfield 2006, Projecting the end of a speaker's turn) is a gap's length,
negative for an overlap.

A stream says who talks when, not what is meant. So an interruption is an overlap in which the first speaker soon stops,
and a back-channel is short and made of the usual words (`back_channels.py`).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import chain, groupby, pairwise
from statistics import median
from typing import Any, Literal, TypeAlias, get_args

from hybrid_tok.core.events import EVENT_LABELS, EventLabel
from hybrid_tok.core.timeline import Grid, Span, overlapping, subtract_spans
from hybrid_tok.errors import OptionsError, StreamError
from hybrid_tok.tokens.back_channels import BackChannelRule, find_back_channels
from hybrid_tok.tokens.continuers import CONTINUERS, ContinuerSet
from hybrid_tok.tokens.stream import HybridStream
from hybrid_tok.tokens.talk_spurts import Party, PartyTalk, Spurt, Vocalization, joined_text, talk_of_parties

FactKind: TypeAlias = Literal[
    "turn", "pause", "gap", "overlap_between", "overlap_within", "interruption", "back_channel", "event"
]
FACT_KINDS: tuple[FactKind, ...] = get_args(FactKind)

JSON_VERSION = 1
"""Changes whenever an older reader would misread the JSON."""

CSV_COLUMNS = ("kind", "start", "end", "channel", "speaker", "whom_channel", "whom_speaker", "text")


@dataclass(frozen=True, slots=True)
class TurnTakingOptions:
    """Where the lines are drawn; times in seconds.

    Attributes:
        min_pause: shorter silences of a speaker are part of talking. 0.2 s is usual: above most stop closures.
        max_back_channel: longer talk is no back-channel.
        max_hold: a back-channel between two stretches of another's talk is one only if these are at most so far apart.
        min_overlap: a turn change with less overlap is close timing (Jefferson 1984, Notes on some orderly aspects of
            overlap onset), not an interruption.
        max_yield: who is interrupted stops within this time; after longer overlap it is competition for the floor.
        continuers: words and phrases that back-channels are made of.
        response_events: events that are back-channels where words would be. Maynard (1989, Japanese conversation)
            counts laughter.
    """

    min_pause: float = 0.2
    max_back_channel: float = 1.0
    max_hold: float = 2.0
    min_overlap: float = 0.2
    max_yield: float = 1.0
    continuers: tuple[str, ...] = CONTINUERS
    response_events: tuple[EventLabel, ...] = ("laugh",)

    def __post_init__(self) -> None:
        for field in fields(self)[:5]:
            value = getattr(self, field.name)
            if not 0 <= value < math.inf:
                raise OptionsError(f"{field.name} must be a time of 0 s or more, not {value}")
        if self.min_overlap > self.max_yield:
            raise OptionsError(
                f"min_overlap of {self.min_overlap} s is above max_yield of {self.max_yield} s: nothing would be an "
                "interruption"
            )
        for label in self.response_events:
            if label not in EVENT_LABELS:
                raise OptionsError(f"no event is called {label!r}; there are: {', '.join(EVENT_LABELS)}")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happens at a time.

    Attributes:
        kind: what:
            turn: `who` has the floor, until another party takes it.
            pause: nobody talks, and `who` goes on.
            gap: nobody talks, and `who` takes the floor after `whom`.
            overlap_between: `who` takes the floor while `whom` still talks.
            overlap_within: `who` talks while `whom` keeps the floor.
            interruption: an overlap_between in which `whom` breaks off; it lasts until then.
            back_channel: `who` responds to `whom` without taking the floor.
            event: `who` laughs, coughs, ..; the text is its label.
        start, end: in seconds.
        who: the party it is about.
        whom: the other one, where there is one.
        text: the words of `who`, as far as they are text.
    """

    kind: FactKind
    start: float
    end: float
    who: Party
    whom: Party | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class SpeakerFigures:
    """The figures of one party.

    Attributes:
        talk_seconds: time of text and units, pauses left out.
        share: of all parties' talk, in [0, 1].
        turns, mean_turn_seconds: a turn lasts from its first word to its last, with its pauses; None without turns.
        words: written as text; characters in Chinese and Japanese.
        words_per_minute: over the time of the text, units left out; None without text that lasts.
        back_channels, interruptions, interrupted: how many it made, made, and suffered.
        events, event_seconds: vocalizations, which are not talk.
    """

    party: Party
    talk_seconds: float
    share: float
    turns: int
    mean_turn_seconds: float | None
    words: int
    words_per_minute: float | None
    back_channels: int
    interruptions: int
    interrupted: int
    events: int
    event_seconds: float


@dataclass(frozen=True, slots=True)
class KindFigures:
    """How often one kind of fact happens, how long it lasts together, and the median; None where it never does."""

    kind: FactKind
    count: int
    seconds: float
    median_seconds: float | None


@dataclass(frozen=True, slots=True)
class TurnTaking:
    """Turn-taking in one recording.

    Attributes:
        seconds: length of the recording.
        one, none, several: shares of the time in which so many parties talk; together 1. Events are not talk.
        turn_changes, turn_changes_per_minute: how often the floor goes to another party.
        median_offset_seconds: of all turn changes, the time from the end of one party's talk to the start of the
            other's; negative where they overlap; None without turn changes.
        speakers: the parties, ordered by channel and speaker.
        kinds: every kind of fact.
        facts: ordered by start.
    """

    seconds: float
    one: float
    none: float
    several: float
    turn_changes: int
    turn_changes_per_minute: float
    median_offset_seconds: float | None
    speakers: tuple[SpeakerFigures, ...]
    kinds: tuple[KindFigures, ...]
    facts: tuple[Fact, ...]


def turn_taking(stream: HybridStream, grid: Grid, options: TurnTakingOptions = TurnTakingOptions()) -> TurnTaking:
    """Who talks when, and what that makes of the conversation.

    Back-channels are found first. The floor goes from one stretch of talk to the next, without back-channels and
    without talk that lies wholly inside another's. The layout `units` writes silence as units too, which count as
    talk; and what noise is written as units counts as talk of the speaker it is given to.

    Args:
        stream: in locked timing; any number of channels, which are heard together.
        grid: the codec's rate and frames.

    Raises:
        StreamError: free timing.
    """
    if stream.timing != "locked":
        raise StreamError("a stream in free timing does not say when anyone talks: encode with locked timing")
    talk = talk_of_parties(stream, grid, _samples(options.min_pause, grid))
    conversation = _Conversation(talk, options, grid)
    return _figures(talk, conversation, grid.length(stream.frames, stream.remainder or 0))


def turn_taking_to_json(found: TurnTaking) -> dict[str, Any]:
    """As JSON values; times in seconds, parties as channel and speaker."""
    return {"version": JSON_VERSION, **asdict(found)}


def fact_rows(facts: Iterable[Fact]) -> Iterator[tuple[str, ...]]:
    """Facts as rows of CSV, below `CSV_COLUMNS`; times in seconds, to the millisecond."""
    for fact in facts:
        whom = ("", "") if fact.whom is None else (str(fact.whom.channel), str(fact.whom.speaker))
        who = str(fact.who.channel), str(fact.who.speaker)
        yield fact.kind, f"{fact.start:.3f}", f"{fact.end:.3f}", *who, *whom, fact.text


class _Conversation:
    """Talk as a conversation.

    Attributes:
        rate: samples per second.
        spurts: all talk, by start.
        floor: the talk that has the floor: starts and ends both rise.
        offsets: from the end of one party's talk to the start of the next one's, where the floor changes; in samples.
    """

    def __init__(self, talk: Sequence[PartyTalk], options: TurnTakingOptions, grid: Grid) -> None:
        self.rate = grid.sample_rate
        self._events = [event for party in talk for event in party.events]
        self._back_channels = find_back_channels(
            talk,
            BackChannelRule(
                longest=_samples(options.max_back_channel, grid),
                hold=_samples(options.max_hold, grid),
                near=_samples(options.min_pause, grid),
                continuers=ContinuerSet(options.continuers),
                events=options.response_events,
            ),
        )
        self._least, self._most = _samples(options.min_overlap, grid), _samples(options.max_yield, grid)
        self.spurts = sorted((spurt for party in talk for spurt in party.spurts), key=_order)
        self._responses = {_key(one.made) for one in self._back_channels if isinstance(one.made, Spurt)}
        self.floor = list(self._on_the_floor())
        self._ranks = {**{_key(spurt): 2 for spurt in self.floor}, **dict.fromkeys(self._responses, 0)}
        self.offsets = [next_.start - last.end for last, next_ in pairwise(self.floor) if last.party != next_.party]

    def facts(self) -> tuple[Fact, ...]:
        """All of them, by start."""
        facts = chain(
            self._turns(),
            self._silences(),
            self._overlaps(),
            self._interruptions(),
            (self._fact("back_channel", one.made, one.made, one.whom) for one in self._back_channels),
            (self._fact("event", event, event) for event in self._events),
        )
        return tuple(sorted(facts, key=lambda one: (one.start, FACT_KINDS.index(one.kind), one.end, one.who)))

    def _on_the_floor(self) -> Iterator[Spurt]:
        """Talk that is no back-channel, nor wholly inside talk that has the floor."""
        furthest = 0
        for spurt in self.spurts:
            if spurt.end > furthest and _key(spurt) not in self._responses:
                furthest = spurt.end
                yield spurt

    def _turns(self) -> Iterator[Fact]:
        for party, run in groupby(self.floor, key=lambda spurt: spurt.party):
            spurts = list(run)
            texts = tuple(chain.from_iterable(spurt.texts for spurt in spurts))
            yield self._fact("turn", Spurt(party, spurts[0].start, spurts[-1].end, texts))

    def _silences(self) -> Iterator[Fact]:
        """Pauses and gaps, without the back-channels in them."""
        held = [(last, next_) for last, next_ in pairwise(self.floor) if last.end < next_.start]
        silences = [Span(last.end, next_.start) for last, next_ in held]
        talk = [Span(one.made.start, one.made.end) for one in self._back_channels if isinstance(one.made, Spurt)]
        for (last, next_), silence, holes in zip(held, silences, overlapping(silences, talk, _itself), strict=True):
            for span in subtract_spans([silence], holes):
                if last.party == next_.party:
                    yield self._fact("pause", Spurt(last.party, span.start, span.end))
                else:
                    yield self._fact("gap", Spurt(next_.party, span.start, span.end), whom=last.party)

    def _overlaps(self) -> Iterator[Fact]:
        """Every two stretches of talk that overlap."""
        talking: list[Spurt] = []
        for later in self.spurts:
            talking = [spurt for spurt in talking if spurt.end > later.start]
            for earlier in talking:
                ranks = [self._ranks.get(_key(spurt), 1) for spurt in (earlier, later)]
                who, whom = (earlier, later) if ranks[0] < ranks[1] else (later, earlier)
                kind = "overlap_between" if ranks == [2, 2] else "overlap_within"
                span = Spurt(who.party, later.start, min(earlier.end, later.end))
                yield self._fact(kind, span, who, whom.party)
            talking.append(later)

    def _interruptions(self) -> Iterator[Fact]:
        """Turn changes in overlap after which the first party is silent as long as the other talks."""
        talk = [spurt for spurt in self.spurts if _key(spurt) not in self._responses]
        starts: dict[Party, list[int]] = {}
        for spurt in talk:
            starts.setdefault(spurt.party, []).append(spurt.start)
        for last, next_ in pairwise(self.floor):
            if last.party == next_.party or not last.start < next_.start < last.end:
                continue
            own = starts[last.party]
            again = bisect_left(own, last.end)
            yielded = again == len(own) or own[again] >= next_.end
            if yielded and self._least <= last.end - next_.start <= self._most:
                yield self._fact("interruption", Spurt(next_.party, next_.start, last.end), next_, last.party)

    def _fact(
        self,
        kind: FactKind,
        span: Spurt | Vocalization,
        said: Spurt | Vocalization | None = None,
        whom: Party | None = None,
    ) -> Fact:
        """A fact with the place of a span, and the words of what was said, where they are not the same."""
        said = said or span
        text = said.label if isinstance(said, Vocalization) else joined_text(said.texts)
        return Fact(kind, span.start / self.rate, span.end / self.rate, span.party, whom, text)


def _figures(talk: Sequence[PartyTalk], conversation: _Conversation, length: int) -> TurnTaking:
    facts, rate = conversation.facts(), conversation.rate
    seconds = length / rate
    several, one = _time_of_several(conversation.spurts)
    samples = [sum(spurt.end - spurt.start for spurt in party.spurts) for party in talk]
    offsets = conversation.offsets
    return TurnTaking(
        seconds=seconds,
        one=one / length if length else 0.0,
        none=(length - one - several) / length if length else 1.0,
        several=several / length if length else 0.0,
        turn_changes=len(offsets),
        turn_changes_per_minute=60 * len(offsets) / seconds if length else 0.0,
        median_offset_seconds=median(offsets) / rate if offsets else None,
        speakers=tuple(_speaker(party, facts, sum(samples), rate) for party in talk),
        kinds=tuple(_kind(kind, facts) for kind in FACT_KINDS),
        facts=facts,
    )


def _speaker(talk: PartyTalk, facts: Sequence[Fact], all_samples: int, rate: int) -> SpeakerFigures:
    party = talk.party
    made = Counter(fact.kind for fact in facts if fact.who == party)
    turns = [fact.end - fact.start for fact in facts if fact.kind == "turn" and fact.who == party]
    samples = sum(spurt.end - spurt.start for spurt in talk.spurts)
    return SpeakerFigures(
        party=party,
        talk_seconds=samples / rate,
        share=samples / all_samples if all_samples else 0.0,
        turns=len(turns),
        mean_turn_seconds=math.fsum(turns) / len(turns) if turns else None,
        words=talk.words,
        words_per_minute=60 * rate * talk.timed_words / talk.text_samples if talk.text_samples else None,
        back_channels=made["back_channel"],
        interruptions=made["interruption"],
        interrupted=sum(fact.kind == "interruption" and fact.whom == party for fact in facts),
        events=len(talk.events),
        event_seconds=sum(event.end - event.start for event in talk.events) / rate,
    )


def _kind(kind: FactKind, facts: Sequence[Fact]) -> KindFigures:
    lengths = [fact.end - fact.start for fact in facts if fact.kind == kind]
    return KindFigures(kind, len(lengths), math.fsum(lengths), median(lengths) if lengths else None)


def _time_of_several(spurts: Sequence[Spurt]) -> tuple[int, int]:
    """Samples in which several parties talk, and in which one does."""
    edges = Counter[int]()
    for spurt in spurts:
        edges[spurt.start] += 1
        edges[spurt.end] -= 1
    several = one = talking = last = 0
    for edge in sorted(edges):
        several += (edge - last) * (talking > 1)
        one += (edge - last) * (talking == 1)
        talking += edges[edge]
        last = edge
    return several, one


def _samples(seconds: float, grid: Grid) -> int:
    return math.floor(seconds * grid.sample_rate + 0.5)


def _order(spurt: Spurt) -> tuple[int, int, Party]:
    """By start; of two that start together, the longer first."""
    return spurt.start, -spurt.end, spurt.party


def _key(spurt: Spurt) -> tuple[Party, int]:
    """What tells a spurt from all others."""
    return spurt.party, spurt.start


def _itself(span: Span) -> Span:
    return span
