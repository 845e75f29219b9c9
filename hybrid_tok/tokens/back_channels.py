"""Back-channels: what a listener says, or laughs, without taking the turn.

Yngve (1970, On getting a word in edgewise): the one who has the turn goes on as if nothing had been said. Here a
back-channel is short, has no words but continuers, and either lies mostly inside another's talk, or between two
stretches of one other party's talk that are close. After a question it is an answer. All times are in samples.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import TypeAlias

from hybrid_tok.core.events import EventLabel
from hybrid_tok.tokens.continuers import ContinuerSet
from hybrid_tok.tokens.talk_spurts import Party, PartyTalk, Spurt, Vocalization, joined_text

Response: TypeAlias = Spurt | Vocalization

_QUESTION = ("?", "\uff1f", "\u061f", "\u037e")
"""Question marks: of most scripts, full width, Arabic, Greek."""


@dataclass(frozen=True, slots=True)
class BackChannelRule:
    """What may be a back-channel.

    Attributes:
        longest: samples it lasts at most.
        hold: samples at most between two stretches of talk around it.
        near: an event closer to its own party's talk than this is a part of that.
        continuers: what its text may be.
        events: labels that may be one without words.
    """

    longest: int
    hold: int
    near: int
    continuers: ContinuerSet
    events: tuple[EventLabel, ...]

    def allows(self, one: Response) -> bool:
        """Whether it is short and has no other words; where it is does not count."""
        if one.end - one.start > self.longest:
            return False
        return one.label in self.events if isinstance(one, Vocalization) else joined_text(one.texts) in self.continuers


@dataclass(frozen=True, slots=True)
class BackChannel:
    """A response, and the party it is to."""

    made: Response
    whom: Party


def find_back_channels(talk: Sequence[PartyTalk], rule: BackChannelRule) -> tuple[BackChannel, ...]:
    """All back-channels, in order of start."""
    allowed = {(spurt.party, spurt.start) for party in talk for spurt in party.spurts if rule.allows(spurt)}
    spurts = [spurt for party in talk for spurt in party.spurts]
    # Short talk is no turn that another could respond to: two people who both say "mhm" do not respond to each other.
    around = _Around((spurt for spurt in spurts if (spurt.party, spurt.start) not in allowed), rule.hold)
    alone = _Alone(talk, rule.near)
    short = (spurt for spurt in spurts if (spurt.party, spurt.start) in allowed)
    events = (event for party in talk for event in party.events if rule.allows(event) and alone.is_alone(event))
    found = [BackChannel(one, whom) for one in chain(short, events) if (whom := around.whom(one)) is not None]
    return tuple(sorted(found, key=lambda one: (one.made.start, one.made.end, one.made.party)))


class _Alone:
    """Tells events that are not part of their own party's talk."""

    def __init__(self, talk: Sequence[PartyTalk], near: int) -> None:
        self._near = near
        self._spurts = {party.party: party.spurts for party in talk}

    def is_alone(self, event: Vocalization) -> bool:
        spurts = self._spurts[event.party]
        after = bisect_left(spurts, event.start, key=lambda spurt: spurt.start)
        return all(
            max(spurt.start - event.end, event.start - spurt.end) >= max(self._near, 1)
            for spurt in spurts[max(after - 1, 0) : after + 1]
        )


class _Around:
    """The talk around a response.

    Args:
        talk: spurts that are no possible back-channels.
        hold: as of `BackChannelRule`.
    """

    def __init__(self, talk: Iterable[Spurt], hold: int) -> None:
        self._hold = hold
        self._talk = sorted(talk, key=lambda spurt: (spurt.start, spurt.end, spurt.party))
        by_party = sorted(self._talk, key=lambda spurt: spurt.party)  # stable: still by start
        self._of = {party: list(run) for party, run in groupby(by_party, key=lambda spurt: spurt.party)}

    def whom(self, one: Response) -> Party | None:
        """The party whose turn a response leaves alone; None where it is a turn itself."""
        host = self._host(one)
        if host is None:
            return self._held_around(one)
        if host.end > one.end:
            return host.party
        following = self._first_after(max(one.start, host.start))
        return None if following is not None and following.party == one.party else host.party

    def _host(self, one: Response) -> Spurt | None:
        """Another party's talk over at least half of a response; the one with most of it, or that was first."""
        hosts = list(self._over_half(one))
        return max(hosts, key=lambda spurt: (_shared(spurt, one), -spurt.start), default=None)

    def _over_half(self, one: Response) -> Iterator[Spurt]:
        for party, spurts in self._of.items():
            if party == one.party:
                continue
            index = bisect_left(spurts, max(one.end, one.start + 1), key=lambda spurt: spurt.start) - 1
            while index >= 0 and spurts[index].end > one.start:
                if 2 * _shared(spurts[index], one) >= one.end - one.start:
                    yield spurts[index]
                index -= 1

    def _held_around(self, one: Response) -> Party | None:
        """Who talks before and after a response, and soon enough to have kept the turn."""
        index = bisect_right(self._talk, one.start, key=lambda spurt: spurt.start)
        if not 0 < index < len(self._talk):
            return None
        before, after = self._talk[index - 1], self._talk[index]
        holds = before.party == after.party != one.party and after.start - before.end <= self._hold
        return before.party if holds and not _asks(before) else None

    def _first_after(self, start: int) -> Spurt | None:
        index = bisect_right(self._talk, start, key=lambda spurt: spurt.start)
        return self._talk[index] if index < len(self._talk) else None


def _shared(spurt: Spurt, one: Response) -> int:
    return min(spurt.end, one.end) - max(spurt.start, one.start)


def _asks(spurt: Spurt) -> bool:
    """Whether talk ends in a question."""
    return bool(spurt.texts) and spurt.texts[-1].text.rstrip(" \n\"'\u201d\u2019\u00bb)").endswith(_QUESTION)
