"""The rules of the grammar, one by one, as a sampler meets them."""

from __future__ import annotations

import cProfile
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.errors import GrammarError, StreamError
from hybrid_tok.tokens import parts, serialize
from hybrid_tok.tokens.grammar import Grammar
from hybrid_tok.tokens.parts import State
from hybrid_tok.tokens.stream import Channel, EventItem, HybridStream, Turn, UnitItem
from hybrid_tok.tokens.vocabulary import Vocabulary, VocabularyOptions
from strategies import vocabularies_and_streams, vocabulary

OPTIONS = VocabularyOptions(codec="test", codebook_size=10, max_speakers=3, max_channels=3)
FREE = replace(OPTIONS, timing="free")
RUN_LENGTH = replace(OPTIONS, run_length=True)


def ids_of(options: VocabularyOptions, names: str) -> list[int]:
    """Ids by name, in short: `speaker:0 ▁so 5` for `<|speaker:0|> ▁so <|number:5|>`."""
    ours = vocabulary(options)

    def token(name: str) -> int:
        if name.isdigit():
            return ours.token_id(f"<|number:{name}|>")
        return ours.token_id(name if name.startswith("\u2581") else f"<|{name}|>")

    return [token(name) for name in names.split()]


def state_after(options: VocabularyOptions, names: str) -> tuple[Grammar, State]:
    grammar = vocabulary(options).grammar
    state = grammar.start
    for token in ids_of(options, names):
        state = grammar.advance(state, token)
    return grammar, state


def allows(options: VocabularyOptions, before: str, name: str) -> bool:
    grammar, state = state_after(options, before)
    return grammar.admits(state, ids_of(options, name)[0])


@pytest.mark.parametrize(
    "options, before, allowed, refused",
    [
        # the start, turns and channels
        (
            OPTIONS,
            "",
            "speaker:0 speaker:2 channel:0 end",
            "\u2581so units pause back laugh voice 0 channel:1 pad u0:0",
        ),
        (
            OPTIONS,
            "speaker:1",
            "speaker:0 speaker:2 voice \u2581so laugh units pause end",
            "speaker:1 channel:0 back pad",
        ),
        (OPTIONS, "speaker:0 speaker:1 speaker:0", "\u2581so", "voice"),
        (OPTIONS, "speaker:0 \u2581so 1", "speaker:1", "voice"),
        (OPTIONS, "channel:0", "speaker:0 channel:1", "channel:0 channel:2 end"),
        (OPTIONS, "channel:0 speaker:0", "channel:1 speaker:1", "end channel:0"),
        (OPTIONS, "channel:0 channel:1", "channel:2 end", "channel:1 channel:0"),
        (OPTIONS, "channel:0 channel:1 channel:2", "end", "channel:0 channel:1 channel:2"),
        (OPTIONS, "channel:0 speaker:0 channel:1 speaker:0", "\u2581so", "voice"),
        (OPTIONS, "channel:0 speaker:0 pause 5 channel:1 speaker:1", "pause", "back"),  # each channel starts at 0
        (replace(OPTIONS, max_channels=1), "", "speaker:0", "channel:0"),
        # voice codes
        (OPTIONS, "speaker:0 voice", "voice-code:0 voice-code:63", "\u2581so speaker:1 end"),
        (OPTIONS, "speaker:0 voice" + " voice-code:1" * 16, "\u2581so end", "voice voice-code:0"),
        # text and its duration
        (OPTIONS, "speaker:0 \u2581so", "\u2581so 0 63", "pause speaker:1 end units laugh"),
        (OPTIONS, "speaker:0 \u2581so 0", "\u2581so end pause", "0 5 back"),  # a lone 0 is the whole number
        (OPTIONS, "speaker:0 \u2581so 1", "0 63 \u2581so back end", "u0:0"),
        (OPTIONS, "speaker:0 \u2581so 1 2 3", "4", "pad"),
        (OPTIONS, "speaker:0 \u2581so 1 2 3 4", "\u2581so", "0 5"),  # four digits at most
        (FREE, "speaker:0 \u2581so", "\u2581so laugh units speaker:1", "0 5 pause back end speaker:0"),
        (FREE, "speaker:0", "\u2581so", "pause back end"),
        (FREE, "", "speaker:0 channel:0", "end"),
        # languages
        (OPTIONS, "speaker:0", "lang:en lang:yue", "0"),
        (OPTIONS, "speaker:0 lang:en", "\u2581so", "lang:de lang:en 0 pause laugh units speaker:1 end voice pitch:0"),
        (OPTIONS, "speaker:0 lang:en \u2581so", "\u2581so 0", "lang:de lang:en"),
        (OPTIONS, "speaker:0 lang:en \u2581so 1", "lang:zh lang:yue \u2581so", "lang:en"),
        (OPTIONS, "speaker:0 lang:en \u2581so 1 lang:de \u2581so 1", "lang:en lang:zh", "lang:de"),
        (
            OPTIONS,
            "speaker:0 lang:en \u2581so 1 speaker:1",
            "lang:de \u2581so",
            "lang:en",
        ),  # in force for all in a channel
        (OPTIONS, "channel:0 speaker:0 lang:en \u2581so 1 channel:1 speaker:1", "lang:en \u2581so", "0"),
        (OPTIONS, "speaker:0 voice", "voice-code:0", "lang:en"),
        (OPTIONS, "", "speaker:0", "lang:en"),
        (FREE, "speaker:0 \u2581so", "lang:en \u2581so", "0"),
        (FREE, "speaker:0 lang:en \u2581so", "lang:de \u2581so", "lang:en"),
        (FREE, "speaker:0 lang:en \u2581so lang:de", "\u2581so", "lang:en speaker:1"),
        (replace(OPTIONS, layout="units"), "speaker:0", "units", "lang:en"),
        (replace(OPTIONS, layout="text"), "speaker:0", "lang:en", "0"),
        (replace(OPTIONS, prosody=True), "speaker:0 lang:en", "pitch:0 \u2581so", "energy:0 lang:de"),
        (replace(OPTIONS, prosody=True), "speaker:0 pitch:1", "energy:0", "lang:en"),
        # pauses and steps back
        (OPTIONS, "speaker:0 pause", "1 63", "0 \u2581so end"),
        (OPTIONS, "speaker:0 pause 1", "0 \u2581so laugh end", "pause back"),
        (OPTIONS, "speaker:0 pause 1 speaker:1", "pause back", "1"),
        (OPTIONS, "speaker:0 \u2581so 5 back", "1 5", "0 6 63"),
        (OPTIONS, "speaker:0 \u2581so 5 back 1", "\u2581so", "0"),
        (OPTIONS, "speaker:0 \u2581so 1 2 back", "1 63", "0"),
        (OPTIONS, "speaker:0 \u2581so 1 2 back 1", "0 2 \u2581so", "3 63"),  # 66 frames at most
        (OPTIONS, "speaker:0 \u2581so 5 back 5 \u2581so 0", "pause", "back"),
        (OPTIONS, "speaker:0 \u2581so 5 back 5 \u2581so 1", "back", "voice"),
        # events and units
        (OPTIONS, "speaker:0 laugh", "u0:0 /laugh", "/cough /units u1:0 \u2581so end 1"),
        (OPTIONS, "speaker:0 laugh u0:1", "u1:0", "u0:0 /laugh 1"),
        (OPTIONS, "speaker:0 units", "u0:0", "/units u1:0 end"),
        (OPTIONS, "speaker:0 units u0:1 u1:1", "u0:1 /units", "u1:1 1 /laugh \u2581so end"),
        (OPTIONS, "speaker:0 units u0:1 u1:1 u0:1", "u1:1", "/units"),
        (OPTIONS, "speaker:0 units u0:1 u1:1 /units", "back units \u2581so", "/units"),
        (RUN_LENGTH, "speaker:0 units u0:1 u1:1", "1 63 u0:1 /units", "0 u1:1"),
        (RUN_LENGTH, "speaker:0 units u0:1 u1:1 u0:1", "u1:0 u1:2 u1:9", "u1:1"),  # counted, not spelled again
        (RUN_LENGTH, "speaker:0 units u0:1 u1:1 u0:2", "u1:1", "1"),
        (RUN_LENGTH, "speaker:0 units u0:1 u1:1 5 u0:1", "u1:0", "u1:1"),
        (RUN_LENGTH, "speaker:0 units u0:1 u1:1 1 0", "0 u0:1 /units", "pad"),
        (RUN_LENGTH, "speaker:0 units", "u0:0", "1"),
        (RUN_LENGTH, "speaker:0 units u0:1 u1:1 /units units u0:1", "u1:1", "1"),  # a run of its own
        (replace(RUN_LENGTH, num_codebooks=1), "speaker:0 units u0:1", "u0:0 u0:2", "u0:1"),
        (replace(OPTIONS, event_codebooks=1), "speaker:0 laugh u0:1", "u0:1 u0:2 /laugh", "u1:1"),
        (replace(OPTIONS, event_codebooks=1), "speaker:0 units u0:1", "u1:1", "u0:1 /units"),
        (replace(RUN_LENGTH, event_codebooks=1), "speaker:0 laugh u0:1", "u0:0 u0:2 1 /laugh", "u0:1 u1:1"),
        # the end
        (OPTIONS, "end", "0", "1 63"),  # no frames, so no last frame to be partial
        (OPTIONS, "speaker:0 pause 1 end", "0 4", "5 63 end"),  # 319 is 4 * 64 + 63
        (OPTIONS, "speaker:0 pause 1 end 4", "0 63", "end pad"),
        (replace(OPTIONS, hop=65), "speaker:0 pause 1 end 1", "0", "1"),
        (OPTIONS, "speaker:0 \u2581so 5 back 5 end", "4", "5"),  # the frames that were reached count
        (OPTIONS, "end 0 0", "", "0 end pad speaker:0"),
        # layouts
        (replace(OPTIONS, layout="text"), "speaker:0", "\u2581so laugh pause", "units"),
        (replace(OPTIONS, layout="text"), "speaker:0 laugh", "/laugh", "u0:0"),
        (replace(OPTIONS, layout="units"), "speaker:0", "units voice speaker:1 end", "\u2581so laugh pause back"),
        (replace(OPTIONS, layout="units"), "speaker:0 units u0:1 u1:1 /units", "units end", "back pause"),
        # prosody
        (OPTIONS, "speaker:0", "\u2581so", "pitch:0"),
        (replace(OPTIONS, prosody=True), "speaker:0", "\u2581so pitch:0 pitch:7", "energy:0 rate:0"),
        (replace(OPTIONS, prosody=True), "speaker:0 pitch:1", "energy:0", "pitch:0 rate:0 \u2581so"),
        (replace(OPTIONS, prosody=True), "speaker:0 pitch:1 energy:1 rate:1", "\u2581so", "pitch:0 end 1"),
        (replace(FREE, prosody=True), "speaker:0 \u2581so", "pitch:0 \u2581so", "energy:0"),
    ],
)
def test_what_may_follow(options: VocabularyOptions, before: str, allowed: str, refused: str) -> None:
    assert [name for name in allowed.split() if not allows(options, before, name)] == []
    assert [name for name in refused.split() if allows(options, before, name)] == []


@pytest.mark.parametrize(
    "options, names, accepted",
    [
        (OPTIONS, "", False),
        (OPTIONS, "end 0 0", True),
        (OPTIONS, "end 0", False),
        (OPTIONS, "speaker:0 \u2581so 5", False),
        (FREE, "", True),
        (FREE, "speaker:0", True),
        (FREE, "speaker:0 \u2581so", True),
        (FREE, "speaker:0 laugh", False),
        (FREE, "speaker:0 units u0:1 u1:1", False),
        (FREE, "speaker:0 voice", False),
        (FREE, "speaker:0 lang:en", False),
        (FREE, "speaker:0 lang:en \u2581so", True),
        (OPTIONS, "speaker:0 lang:en", False),
        (FREE, "channel:0 speaker:0", False),
        (FREE, "channel:0 channel:1", True),
    ],
)
def test_where_a_sequence_may_end(options: VocabularyOptions, names: str, accepted: bool) -> None:
    grammar, state = state_after(options, names)
    assert grammar.accepts_end(state) == accepted


def test_the_error_says_where_what_and_what_was_allowed() -> None:
    ours = vocabulary(OPTIONS)
    with pytest.raises(GrammarError) as caught:
        ours.decode(ids_of(OPTIONS, "speaker:0 units u0:1 u0:2"))
    error = caught.value
    units = ours.space.units
    assert error.position == 3
    assert error.found == f"'<|u0:2|>' (id {units[0].start + 2})"
    assert error.allowed == (f"unit of codebook 1 ({units[1].start}..{units[1].stop - 1})",)
    with pytest.raises(GrammarError, match=r"position 1: found the end of the sequence, allowed here: .*text \("):
        ours.decode(ids_of(OPTIONS, "speaker:0"))
    with pytest.raises(GrammarError, match=r"position 0: found id -1 \(outside 0\.\."):
        ours.decode([-1])
    with pytest.raises(GrammarError, match=r"position 3: found '<\|pad\|>' .*allowed here: the end of the sequence"):
        ours.decode([*ids_of(OPTIONS, "end 0 0"), ours.pad_id])


@given(vocabularies_and_streams())
def test_every_state_on_the_way_can_be_gone_on_with(made: tuple[Vocabulary, HybridStream]) -> None:
    """No dead ends; ranges are in the space, not empty, and do not overlap; states are values."""
    ours, stream = made
    grammar = ours.grammar
    state = grammar.start
    for token in ours.encode(stream):
        ranges = sorted((part.start, part.stop) for part in grammar.allowed(state))
        assert all(0 <= start < stop <= ours.size for start, stop in ranges)
        assert all(left[1] <= right[0] for left, right in pairwise(ranges))
        assert grammar.advance(state, token) == grammar.advance(state, token)
        state = grammar.advance(state, token)
        assert grammar.allowed(state) or grammar.accepts_end(state)
        assert hash(state) == hash(state)


@pytest.mark.parametrize(
    "options, given, mended, actions",
    [
        (OPTIONS, "speaker:0 \u2581so 5 end 0 0 pad pad", "speaker:0 \u2581so 5 end 0 0",
         ["dropped 2 ids: '<|pad|>'"]),
        (OPTIONS, "", "end 0 0", ["inserted '<|end|>'", "inserted '<|number:0|>'", "inserted '<|number:0|>'"]),
        (OPTIONS, "speaker:0 \u2581so", "speaker:0 \u2581so 0 end 0 0", ["inserted '<|number:0|>'"]),
        (OPTIONS, "\u2581so 5 end 0 0", "speaker:0 \u2581so 5 end 0 0", ["inserted '<|speaker:0|>'"]),
        (OPTIONS, "u0:1 u1:1 end 0 0", "speaker:0 units u0:1 u1:1 /units end 0 0", ["inserted '<|speaker:0|>'"]),
        (OPTIONS, "speaker:0 units u0:1 u1:1 u0:2 \u2581so 5 end 0 0",
         "speaker:0 units u0:1 u1:1 /units \u2581so 5 end 0 0", ["removed the last 1 ids", "inserted '<|/units|>'"]),
        (OPTIONS, "speaker:0 units u0:1 u0:2 u1:2 /units end 0 0", "speaker:0 units u0:2 u1:2 /units end 0 0",
         ["removed the last 1 ids"]),
        (OPTIONS, "speaker:0 units u0:1 /units end 0 0", "speaker:0 end 0 0",
         ["removed the last 2 ids", "dropped '<|/units|>'"]),
        (OPTIONS, "speaker:0 laugh /cough /laugh end 0 0", "speaker:0 laugh /laugh end 0 0", ["dropped '<|/cough|>'"]),
        (OPTIONS, "speaker:0 pause \u2581so 5 end 0 0", "speaker:0 \u2581so 5 end 0 0", ["removed the last 1 ids"]),
        (OPTIONS, "speaker:0 \u2581so pad \u2581so 5 end 0 0", "speaker:0 \u2581so \u2581so 5 end 0 0",
         ["dropped '<|pad|>'"]),
        (OPTIONS, "speaker:0 speaker:0 \u2581so 5 end 0 0", "speaker:0 \u2581so 5 end 0 0",
         ["dropped '<|speaker:0|>'"]),
        (OPTIONS, "speaker:0 \u2581so 5 back 6 end 0 0", "speaker:0 \u2581so 5 end 0 0", ["dropped '<|number:6|>'"]),
        (OPTIONS, "channel:0 speaker:0 end 0 0", "channel:0 speaker:0 channel:1 end 0 0", ["dropped"]),
        (OPTIONS, "channel:1 speaker:0 end 0 0", "channel:0 channel:1 speaker:0 end 0 0", ["inserted '<|channel:0|>'"]),
        (OPTIONS, "speaker:0 voice voice-code:1 \u2581so 5 end 0 0", "speaker:0 \u2581so 5 end 0 0",
         ["removed the last 2 ids"]),
        (OPTIONS, "speaker:0 lang:en \u2581so 5 lang:en \u2581so 5 end 0 0",
         "speaker:0 lang:en \u2581so 5 \u2581so 5 end 0 0", ["dropped '<|lang:en|>'"]),
        (OPTIONS, "speaker:0 lang:en lang:de \u2581so 5 end 0 0", "speaker:0 lang:de \u2581so 5 end 0 0",
         ["removed the last 1 ids"]),
        (OPTIONS, "speaker:0 lang:en pad \u2581so 5 end 0 0", "speaker:0 lang:en \u2581so 5 end 0 0",
         ["dropped '<|pad|>'"]),
        (OPTIONS, "speaker:0 lang:en pause 5 end 0 0", "speaker:0 pause 5 end 0 0", ["removed the last 1 ids"]),
        (OPTIONS, "lang:en \u2581so 5 end 0 0", "speaker:0 lang:en \u2581so 5 end 0 0", ["inserted '<|speaker:0|>'"]),
        (OPTIONS, "speaker:0 units u0:1 u1:1 lang:en \u2581so lang:de \u2581so 5 end 0 0",
         "speaker:0 units u0:1 u1:1 /units lang:en \u2581so 0 lang:de \u2581so 5 end 0 0",
         ["inserted '<|/units|>'", "inserted '<|number:0|>'"]),
        (FREE, "speaker:0 lang:en \u2581so lang:de", "speaker:0 lang:en \u2581so", ["removed the last 1 ids"]),
        (replace(OPTIONS, prosody=True), "speaker:0 lang:en pitch:0 laugh /laugh end 0 0",
         "speaker:0 laugh /laugh end 0 0", ["removed the last 2 ids"]),
        (OPTIONS, "speaker:0 end 1", "speaker:0 end 0 0", ["dropped '<|number:1|>'"]),
        (FREE, "speaker:0 \u2581so 5 pause 3 \u2581so end", "speaker:0 \u2581so \u2581so", ["dropped 3 ids"]),
        (FREE, "speaker:0 laugh u0:1", "speaker:0 laugh /laugh", ["removed the last 1 ids", "inserted '<|/laugh|>'"]),
    ],
)  # fmt: skip
def test_mends(options: VocabularyOptions, given: str, mended: str, actions: list[str]) -> None:
    repaired = vocabulary(options).repair(ids_of(options, given))
    assert [vocabulary(options).token_name(token) for token in repaired.ids] == [
        vocabulary(options).token_name(token) for token in ids_of(options, mended)
    ]
    made = [mend.action for mend in repaired.actions]
    assert [action for action in actions if not any(found.startswith(action) for found in made)] == [], made


def test_repair_works_in_proportion_to_the_length() -> None:
    """Four times the ids take four times the calls, not more, also where everything is wrong."""
    ours = vocabulary(OPTIONS)
    broken = ids_of(OPTIONS, "speaker:0 units u0:1 u0:1 \u2581so pad laugh u1:1 back voice voice-code:0")

    def calls(copies: int) -> int:
        profile = cProfile.Profile()
        profile.runcall(lambda: ours.check(ours.repair(broken * copies).ids))
        return sum(entry.callcount for entry in profile.getstats())

    calls(5)  # what is made once
    assert calls(400) < 4.2 * calls(100)


def test_a_few_ids_do_not_repeat_frames_for_more_than_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four ids could repeat a frame 16 million times, and any number of runs could do so."""
    assert parts.MAX_REPEATS == ((16 * 64 + 30) * 64 + 44) * 64
    run = "units u0:1 u1:1 16 30 44"
    assert allows(RUN_LENGTH, f"speaker:0 {run}", "0") and not allows(RUN_LENGTH, f"speaker:0 {run}", "1")
    for after in (f"{run} 0 u0:2 u1:2", f"{run} 0 /units units u0:1 u1:1", f"{run} 0 /units speaker:1 laugh u0:1 u1:1"):
        assert not allows(RUN_LENGTH, f"speaker:0 {after}", "1")
    nearly = "speaker:0 units u0:1 u1:1 16 30 43 63 u0:2 u1:2"
    assert allows(RUN_LENGTH, nearly, "1") and not allows(RUN_LENGTH, nearly, "2")
    many = ids_of(RUN_LENGTH, f"speaker:0 {' '.join(['units u0:1 u1:1 63 63 63 63 /units'] * 200)}")
    with pytest.raises(GrammarError, match=r"found '<\|number:63\|>'"):
        vocabulary(RUN_LENGTH).decode(many)
    assert vocabulary(RUN_LENGTH).decode(many, errors="repair").frames < parts.MAX_REPEATS + 200

    monkeypatch.setattr(serialize, "MAX_REPEATS", 3)
    runs = UnitItem(((1, 1), (1, 1), (1, 1), (2, 1)))
    stream = HybridStream((Channel((Turn(0, (runs, EventItem("laugh", ((1, 1), (1, 1))))),)),), remainder=0)
    assert vocabulary(RUN_LENGTH).encode(stream)
    longer = replace(stream, channels=(Channel((*stream.channels[0].turns, Turn(1, (runs,)))),))
    with pytest.raises(StreamError, match="5 repeated frames"):
        vocabulary(RUN_LENGTH).encode(longer)
    assert vocabulary(OPTIONS).encode(longer)


@given(vocabularies_and_streams(), st.data())
def test_reading_at_once_is_reading_one_by_one(made: tuple[Vocabulary, HybridStream], data: st.DataObject) -> None:
    """Unit runs of any length are read at once here; the state, and what is refused where, must be the same."""
    ours, stream = made
    ids = ours.encode(stream)
    grammar = ours.grammar
    changed = data.draw(st.sampled_from(["", "cut", "put", "double"]))
    at = data.draw(st.integers(0, len(ids)))
    if changed == "cut":
        del ids[at : at + 1]
    elif changed == "put":
        ids.insert(at, data.draw(st.sampled_from([*ids, 0]) | st.integers(0, ours.size - 1)))
    elif changed == "double":
        ids[at:at] = ids[max(at - 3, 0) : at]
    split = data.draw(st.integers(0, len(ids)))

    def step() -> State:
        state = grammar.start
        for position, token in enumerate(ids):
            state = grammar.advance(state, token, position)
        return state

    def read() -> State:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("hybrid_tok.tokens.grammar.LONG_RUN", 1)
            return grammar.read(grammar.read(grammar.start, ids[:split]), ids[split:], split)

    try:
        expected = step()
    except GrammarError as error:
        with pytest.raises(GrammarError) as caught:
            read()
        assert str(caught.value) == str(error)
    else:
        assert read() == expected
