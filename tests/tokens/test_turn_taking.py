"""Who has the floor: every kind of fact in small conversations, by hand, and what holds in all."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.core.events import EventLabel
from hybrid_tok.core.timeline import Grid
from hybrid_tok.errors import OptionsError, StreamError
from hybrid_tok.tokens.stream import (
    Back,
    Channel,
    EventItem,
    HybridStream,
    Item,
    Pause,
    PlacedItem,
    TextItem,
    Turn,
    UnitItem,
)
from hybrid_tok.tokens.talk_spurts import Party
from hybrid_tok.tokens.turn_taking import (
    CSV_COLUMNS,
    FACT_KINDS,
    Fact,
    TurnTaking,
    TurnTakingOptions,
    fact_rows,
    turn_taking,
    turn_taking_to_json,
)
from strategies import vocabularies_and_streams

GRID = Grid(16_000, 320)

Said: TypeAlias = tuple[float, float, str | None]
"""Start, end and content: text, `<event>`, or None for units."""

LECTURE = "so this is what we found in the first year"


def item(content: str | None, frames: int) -> Item:
    if content is None:
        return UnitItem(((1,),) * frames)
    if content.startswith("<"):
        return EventItem(label(content), ((1,),) * frames)
    return TextItem(content, frames, language="en")


def label(tag: str) -> EventLabel:
    return next(one for one in get_args(EventLabel) if one == tag.strip("<>"))


def channel(*turns: tuple[int, Sequence[Said]]) -> Channel:
    """A channel of turns of a speaker, with everything in its place (times in seconds)."""
    cursor = 0
    made: list[Turn] = []
    for speaker, said in turns:
        items: list[Item] = []
        for start, end, content in said:
            first, last = round(start * 50), round(end * 50)
            if first != cursor:
                items.append(Pause(first - cursor) if first > cursor else Back(cursor - first))
            items.append(item(content, last - first))
            cursor = last
        made.append(Turn(speaker, tuple(items)))
    return Channel(tuple(made))


def call(*channels: Sequence[Said], seconds: float = 0, **options: Any) -> TurnTaking:
    """A speaker 0 in each channel; the recording is at least so long."""
    made = [channel((0, said)) for said in channels]
    silence = channel((0, [(seconds, seconds + 0.02, None)])).turns[0].items[:1] if seconds else ()
    return turn_taking(
        HybridStream((*made, Channel((Turn(9, silence),)))[: len(made) + bool(seconds)]),
        GRID,
        TurnTakingOptions(**options),
    )


def told(found: TurnTaking, *kinds: str) -> list[tuple[str, float, float, int, int | None]]:
    """Facts as kind, start, end, and the channels of the two parties; turns only where asked for."""
    return [
        (one.kind, one.start, one.end, one.who.channel, None if one.whom is None else one.whom.channel)
        for one in found.facts
        if one.kind in (kinds or set(FACT_KINDS) - {"turn"})
    ]


def test_a_pause_is_inside_a_turn_and_a_gap_between_two() -> None:
    found = call([(0, 1, "well then"), (1.5, 2, "go on")], [(2.3, 3, "I went there")])
    assert told(found) == [("pause", 1.0, 1.5, 0, None), ("gap", 2.0, 2.3, 1, 0)]
    assert [(one.start, one.end, one.who, one.text) for one in found.facts if one.kind == "turn"] == [
        (0.0, 2.0, Party(0, 0), "well then go on"),
        (2.3, 3.0, Party(1, 0), "I went there"),
    ]
    assert (found.turn_changes, found.turn_changes_per_minute) == (1, 20.0)
    assert found.median_offset_seconds is not None and math.isclose(found.median_offset_seconds, 0.3)


@pytest.mark.parametrize("pause, found", [(0.18, False), (0.2, True)])
def test_silence_shorter_than_a_pause_is_talk(pause: float, found: bool) -> None:
    facts = call([(0, 1, "well"), (1 + pause, 2, "then")])
    assert ("pause" in [one.kind for one in facts.facts]) == found
    assert facts.speakers[0].talk_seconds == (2 - pause if found else 2)
    everything = call([(0, 1, "well"), (1 + pause, 2, "then")], min_pause=0)
    assert [one.kind for one in everything.facts] == ["turn", "pause"]


def test_a_change_without_gap_or_overlap_has_offset_zero_and_no_fact() -> None:
    found = call([(0, 1, "well then")], [(1, 2, "I went there")])
    assert told(found) == [] and (found.turn_changes, found.median_offset_seconds) == (1, 0)


def test_an_overlap_in_which_the_floor_changes() -> None:
    found = call([(0, 2, LECTURE)], [(1.9, 3, "but that is old")])
    assert told(found) == [("overlap_between", 1.9, 2.0, 1, 0)]
    assert found.median_offset_seconds is not None and math.isclose(found.median_offset_seconds, -0.1)
    assert told(found, "turn") == [("turn", 0.0, 2.0, 0, None), ("turn", 1.9, 3.0, 1, None)]


def test_an_overlap_in_which_the_floor_does_not_change() -> None:
    found = call([(0, 3, LECTURE)], [(1, 2.5, "no that is old")])
    assert told(found) == [("overlap_within", 1.0, 2.5, 1, 0)]
    assert [one.turns for one in found.speakers] == [1, 0]
    assert found.speakers[1].mean_turn_seconds is None and found.turn_changes == 0


def test_talk_inside_a_turn_is_within_it_also_against_talk_that_is_not() -> None:
    found = call([(0, 9, LECTURE)], [(2, 4, "no that is old")], [(3, 5, "let him talk")])
    assert told(found) == [
        ("overlap_within", 2.0, 4.0, 1, 0),
        ("overlap_within", 3.0, 4.0, 2, 1),
        ("overlap_within", 3.0, 5.0, 2, 0),
    ]
    assert (found.one, found.none, found.several) == (6 / 9, 0, 3 / 9)


@pytest.mark.parametrize(
    "starts, ends, again, interrupts",
    [
        (1.8, 2.0, None, True),  # from min_overlap on
        (1.82, 2.0, None, False),
        (1.0, 2.0, None, True),  # up to max_yield
        (0.98, 2.0, None, False),
        (1.5, 2.0, 2.4, False),  # talks again while the other one does
        (1.5, 2.0, 3.0, True),
        (0.0, 0.5, None, False),  # they start together
    ],
)
def test_an_interruption(starts: float, ends: float, again: float | None, interrupts: bool) -> None:
    more: list[Said] = [] if again is None else [(again, again + 2, "as I was saying")]
    found = call([(0, ends, LECTURE), *more], [(starts, 3, "but that is old")])
    made = [("interruption", starts, ends, 1, 0)] if interrupts else []
    assert [one for one in told(found, "interruption") if one[4] == 0] == made
    assert (found.speakers[1].interruptions, found.speakers[0].interrupted) == (len(made), len(made))


def test_only_the_options_say_what_an_interruption_is() -> None:
    talk = ([(0.0, 2.0, LECTURE)], [(0.5, 3.0, "but that is old")])
    assert not told(call(*talk), "interruption")
    assert told(call(*talk, max_yield=1.5), "interruption") == [("interruption", 0.5, 2.0, 1, 0)]
    assert not told(call(*talk, max_yield=2, min_overlap=1.6), "interruption")


@pytest.mark.parametrize(
    "start, end, text, is_one",
    [
        (1.0, 1.4, "Mm-hmm.", True),
        (1.0, 2.0, "yeah, right", True),
        (1.0, 2.02, "yeah, right", False),  # too long
        (1.0, 1.4, "but no", False),
        (1.0, 1.6, None, True),  # units: by their length
        (1.0, 2.1, None, False),
        (2.8, 3.2, "yeah", True),  # half of it inside
        (2.82, 3.24, "yeah", False),
        (-0.2, 0.2, "yeah", True),
    ],
)
def test_a_back_channel_inside_a_turn(start: float, end: float, text: str | None, is_one: bool) -> None:
    found = call([(1, 4, LECTURE)], [(1 + start, 1 + end, text)])
    made = [one for one in found.facts if one.kind == "back_channel"]
    assert made == ([Fact("back_channel", 1 + start, 1 + end, Party(1, 0), Party(0, 0), text or "")] if is_one else [])
    assert [one.back_channels for one in found.speakers] == [0, int(is_one)]
    assert found.turn_changes == int(not is_one and end > 3)
    if is_one:
        overlap = max(start, 0), min(end, 3)
        assert told(found, "overlap_within") == [("overlap_within", 1 + overlap[0], 1 + overlap[1], 1, 0)]


def test_a_back_channel_in_a_pause_leaves_the_turn_alone() -> None:
    found = call([(0, 2, LECTURE), (3, 5, LECTURE)], [(2.3, 2.7, "uh-huh")])
    assert told(found) == [
        ("pause", 2.0, 2.3, 0, None),
        ("back_channel", 2.3, 2.7, 1, 0),
        ("pause", 2.7, 3.0, 0, None),
    ]
    assert told(found, "turn") == [("turn", 0.0, 5.0, 0, None)] and found.median_offset_seconds is None


@pytest.mark.parametrize(
    "before, resumes, text",
    [
        ("are you there?", 3, "yeah"),  # an answer
        (LECTURE, 4.02, "yeah"),  # the first one has stopped
        (LECTURE, 3, "I know"),
    ],
)
def test_what_is_said_between_is_a_turn_otherwise(before: str, resumes: float, text: str) -> None:
    found = call([(0, 2, before), (resumes, 6, LECTURE)], [(2.3, 2.7, text)])
    assert [one.turns for one in found.speakers] == [2, 1] and not told(found, "back_channel")
    assert [one[0] for one in told(found)] == ["gap", "gap"]


def test_a_response_with_which_a_turn_begins_is_no_back_channel() -> None:
    after: Said = (3, 5, "I went there")
    assert not told(call([(0, 2.2, LECTURE)], [(2, 2.3, "yeah"), after]), "back_channel")
    assert told(call([(0, 2.4, LECTURE)], [(2, 2.3, "yeah"), after]), "back_channel"), "the other went on"
    assert told(call([(0, 2.2, LECTURE)], [(2, 2.3, "yeah")], [after]), "back_channel"), "a third went on"


def test_short_responses_do_not_respond_to_each_other() -> None:
    found = call([(0, 0.6, "hm")], [(0.2, 0.5, "yeah")])
    assert told(found) == [("overlap_within", 0.2, 0.5, 1, 0)]


def test_events_are_vocal_but_no_talk() -> None:
    found = call([(0, 1, "well"), (1, 2, "<laugh>"), (2, 3, "then")], [(3.1, 3.4, "<cough>"), (4, 5, "I went there")])
    assert told(found) == [
        ("pause", 1.0, 2.0, 0, None),
        ("event", 1.0, 2.0, 0, None),
        ("gap", 3.0, 4.0, 1, 0),
        ("event", 3.1, 3.4, 1, None),
    ]
    assert [(one.talk_seconds, one.events) for one in found.speakers] == [(2.0, 1), (1.0, 1)]
    assert math.isclose(found.speakers[1].event_seconds, 0.3)
    assert [one.text for one in found.facts if one.kind == "event"] == ["laugh", "cough"]
    assert found.none == 0.4


@pytest.mark.parametrize(
    "tag, start, end, is_one",
    [
        ("<laugh>", 1, 1.8, True),
        ("<laugh>", 1, 1, True),  # a tag without units
        ("<laugh>", 1, 2.1, False),
        ("<cough>", 1, 1.8, False),
        ("<laugh>", 3.6, 4, False),  # with its own words, see below
        ("<laugh>", 3.2, 3.3, False),  # between two parties' talk
    ],
)
def test_a_laugh_during_another_ones_talk_is_a_response(tag: str, start: float, end: float, is_one: bool) -> None:
    found = call([(0, 3, LECTURE)], [(start, end, tag), (4, 5, "I went there")])
    assert told(found, "back_channel") == ([("back_channel", start, end, 1, 0)] if is_one else [])
    assert told(found, "event") == [("event", start, end, 1, None)]
    assert not told(found, "overlap_within")
    assert told(call([(0, 3, LECTURE)], [(1, 1.5, "<cough>")], response_events=("cough",)), "back_channel")


def test_the_figures_of_speakers() -> None:
    asks: list[Said] = [(0, 2, "one two three four"), (2, 3, None), (5, 6, "five")]
    found = call(asks, [(3.5, 4.5, "yes I do"), (4.6, 4.6, "so")], seconds=8)
    first, second, silent = found.speakers
    assert (first.talk_seconds, first.turns, first.mean_turn_seconds) == (4, 2, 2.0)
    assert math.isclose(first.share, 4 / 5.1)
    assert (first.words, first.words_per_minute) == (5, 100.0)
    # A word that takes no time is at the end of what is close before it, and of no rate.
    assert math.isclose(second.talk_seconds, 1.1) and math.isclose(second.share, 1.1 / 5.1)
    assert (second.words, second.words_per_minute) == (4, 180.0)
    assert (silent.talk_seconds, silent.share, silent.turns, silent.words_per_minute) == (0, 0, 0, None)


def test_text_has_the_spaces_of_its_language() -> None:
    items = (
        TextItem("你好", 50, language="zh"),
        TextItem("世界", 50, language="zh"),
        TextItem("so", 50, language="en"),
    )
    found = turn_taking(HybridStream((Channel((Turn(0, items),)),)), GRID)
    assert (found.facts[0].text, found.speakers[0].words) == ("你好世界 so", 5)


def test_speakers_of_one_channel_overlap_by_moves_back() -> None:
    stream = HybridStream((channel((0, [(0, 2, LECTURE)]), (1, [(1.5, 3, "but that is old")]), (0, [(3.5, 4, "no")])),))
    found = turn_taking(stream, GRID)
    assert [(one.kind, one.start, one.end, one.who.speaker) for one in found.facts if one.kind != "turn"] == [
        ("overlap_between", 1.5, 2.0, 1),
        ("interruption", 1.5, 2.0, 1),
        ("gap", 3.0, 3.5, 0),
    ]
    assert [(one.party, one.turns) for one in found.speakers] == [(Party(0, 0), 2), (Party(0, 1), 1)]


def test_a_speaker_of_two_channels_is_two_parties() -> None:
    found = call([(0, 1, "well then")], [(0.5, 2, "well then, again")])
    assert [one.party for one in found.speakers] == [Party(0, 0), Party(1, 0)]


def test_the_last_frame_may_be_partial() -> None:
    stream = replace(HybridStream((channel((0, [(0, 1, None)])),)), remainder=160)
    found = turn_taking(stream, GRID)
    assert (found.seconds, found.facts[0].end, found.one) == (0.99, 0.99, 1.0)


def test_frames_of_another_codec() -> None:
    found = turn_taking(HybridStream((channel((0, [(0, 0.5, None), (1, 2, None)])),)), Grid(24_000, 1920))
    assert [(one.kind, one.start, one.end) for one in found.facts] == [
        ("turn", 0.0, 8.0),
        ("pause", 2.0, 4.0),
    ]


def test_an_empty_stream() -> None:
    found = turn_taking(HybridStream((Channel(),)), GRID)
    assert (found.seconds, found.one, found.none, found.several) == (0, 0, 1, 0)
    assert (found.speakers, found.facts, found.median_offset_seconds) == ((), (), None)
    assert {one.count for one in found.kinds} == {0}


def test_free_timing_is_refused() -> None:
    stream = HybridStream((Channel((Turn(0, (TextItem("well"),)),)),), "free", None)
    with pytest.raises(StreamError, match=r"free timing .* encode with locked timing"):
        turn_taking(stream, GRID)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"min_pause": -0.1}, "min_pause must be a time of 0 s or more, not -0.1"),
        ({"max_back_channel": math.nan}, "max_back_channel must be"),
        ({"max_hold": math.inf}, "max_hold must be"),
        ({"min_overlap": 1.2}, "min_overlap of 1.2 s is above max_yield of 1.0 s"),
        ({"response_events": ("giggle",)}, "no event is called 'giggle'"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        TurnTakingOptions(**options)


def test_as_json_and_as_rows() -> None:
    found = call([(0, 1, "well, then")], [(0.5, 2, 'no, "that" is old')])
    data = turn_taking_to_json(found)
    assert json.loads(json.dumps(data)) == json.loads(json.dumps(data, allow_nan=False))
    assert data["version"] == 1 and data["speakers"][1]["party"] == {"channel": 1, "speaker": 0}
    assert data["facts"][2] == {
        **{"kind": "overlap_between", "start": 0.5, "end": 1.0, "text": 'no, "that" is old'},
        **{"who": {"channel": 1, "speaker": 0}, "whom": {"channel": 0, "speaker": 0}},
    }
    rows = list(fact_rows(found.facts))
    assert {len(row) for row in rows} == {len(CSV_COLUMNS)}
    assert rows[0] == ("turn", "0.000", "1.000", "0", "0", "", "", "well, then")
    assert rows[2] == ("overlap_between", "0.500", "1.000", "1", "0", "0", "0", 'no, "that" is old')


SAID = st.tuples(st.integers(1, 90), st.integers(1, 70), st.sampled_from([LECTURE, "yeah", "who?", None, "<laugh>"]))


@st.composite
def calls(draw: st.DrawFn) -> list[Channel]:
    """Two or three channels; nothing starts or ends when something in another does, so that there are no ties."""
    channels: list[Channel] = []
    count = draw(st.integers(2, 3))
    for number in range(count):
        items: list[Item] = [Pause(number + 1)]
        for pause, length, content in draw(st.lists(SAID, max_size=8)):
            items += [item(content, count * length), Pause(count * pause)]
        channels.append(Channel((Turn(0, tuple(items)),)))
    return channels


def frames_of(stream: HybridStream, *kinds: type[Item]) -> list[set[int]]:
    """For each frame, the channels in which there is such an item."""
    talking: list[set[int]] = [set() for _ in range(stream.frames)]
    placed: PlacedItem
    for placed in stream.placed():
        if isinstance(placed.item, kinds):
            for frame in range(placed.span.start, placed.span.end):
                talking[frame].add(placed.channel)
    return talking


@given(calls())
def test_time_adds_up(channels: list[Channel]) -> None:
    stream = HybridStream(tuple(channels))
    found = turn_taking(stream, GRID, TurnTakingOptions(min_pause=0))
    talking = frames_of(stream, TextItem, UnitItem)
    for share, counts in ((found.none, {0}), (found.one, {1}), (found.several, {2, 3})):
        assert math.isclose(share * len(talking), sum(len(one) in counts for one in talking), abs_tol=1e-6)
    assert math.isclose(found.one + found.none + found.several, 1)
    assert math.isclose(sum(one.share for one in found.speakers), 1) or not any(talking)
    seconds = {one.kind: one.seconds for one in found.kinds}
    pairs = sum(len(one) * (len(one) - 1) // 2 for one in talking)
    assert math.isclose(seconds["overlap_between"] + seconds["overlap_within"], pairs / 50, abs_tol=1e-6)
    turns = [one for one in found.facts if one.kind == "turn"]
    silent = sum(
        1
        for frame, one in enumerate(talking)
        if not one and turns and turns[0].start * 50 <= frame + 0.5 <= turns[-1].end * 50
    )
    assert math.isclose(seconds["pause"] + seconds["gap"], silent / 50, abs_tol=1e-6)
    assert len(turns) == (found.turn_changes + 1 if turns else 0)


@given(calls())
def test_facts_do_not_depend_on_the_order_of_channels(channels: list[Channel]) -> None:
    def seen(facts: Sequence[Fact]) -> set[tuple[object, ...]]:
        return {(fact.kind, fact.start, fact.end, fact.who, fact.whom, fact.text) for fact in facts}

    def renamed(party: Party) -> Party:
        return Party(len(channels) - 1 - party.channel, party.speaker)

    one = turn_taking(HybridStream(tuple(channels)), GRID)
    other = turn_taking(HybridStream(tuple(reversed(channels))), GRID)
    swapped = [
        replace(fact, who=renamed(fact.who), whom=None if fact.whom is None else renamed(fact.whom))
        for fact in one.facts
    ]
    assert seen(other.facts) == seen(swapped) and len(one.facts) == len(other.facts)
    assert replace(one, facts=(), speakers=()) == replace(other, facts=(), speakers=())


@given(vocabularies_and_streams())
def test_any_stream_has_turns_or_is_in_free_timing(made: tuple[Any, HybridStream]) -> None:
    vocabulary, stream = made
    grid = Grid(16_000, vocabulary.options.hop)
    if stream.timing == "free":
        with pytest.raises(StreamError, match="free timing"):
            turn_taking(stream, grid)
        return
    found = turn_taking(stream, grid)
    assert math.isclose(found.one + found.none + found.several, 1)
    assert {fact.who for fact in found.facts} <= {one.party for one in found.speakers}
    assert all(0 <= fact.start <= fact.end <= found.seconds and fact.who != fact.whom for fact in found.facts)
    assert [fact.start for fact in found.facts] == sorted(fact.start for fact in found.facts)
    json.dumps(turn_taking_to_json(found), allow_nan=False)
