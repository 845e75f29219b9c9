"""Streams and ids are two spellings of one thing, for every layout and option."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.errors import GrammarError, OptionsError, StreamError
from hybrid_tok.tokens.idspace import LANGUAGE_CODES
from hybrid_tok.tokens.render import stream_from_json
from hybrid_tok.tokens.stream import (
    Back,
    Channel,
    EventItem,
    HybridStream,
    Pause,
    Prosody,
    TextItem,
    Turn,
    UnitItem,
)
from hybrid_tok.tokens.vocabulary import Vocabulary, VocabularyOptions
from strategies import vocabularies_and_streams, vocabulary, vocabulary_options

GOLDENS = Path(__file__).parent / "goldens"
OPTIONS = VocabularyOptions(codec="test", codebook_size=1000)


@given(vocabularies_and_streams())
def test_a_stream_comes_back_from_its_ids(made: tuple[Vocabulary, HybridStream]) -> None:
    vocabulary, stream = made
    ids = vocabulary.encode(stream)
    assert vocabulary.decode(ids) == stream
    assert vocabulary.decode(np.array(ids, np.int32)) == stream
    assert vocabulary.repair(ids) == (vocabulary.repair(ids).__class__)(tuple(ids), ())
    space = vocabulary.space
    outside = (space.pad, space.audio_open, space.audio_close)
    assert all(0 <= token < vocabulary.size and not any(token in part for part in outside) for token in ids)


@given(vocabularies_and_streams(), st.data())
def test_a_changed_sequence_decodes_to_what_spells_it_or_is_refused_where_it_went_wrong(
    made: tuple[Vocabulary, HybridStream], data: st.DataObject
) -> None:
    vocabulary, stream = made
    ids = mutated(vocabulary.encode(stream), vocabulary, data)
    try:
        decoded = vocabulary.decode(ids)
    except GrammarError as error:
        assert 0 <= error.position <= len(ids)
        assert "\n" not in str(error)
        check_position(vocabulary, ids, error)
    else:
        assert vocabulary.encode(decoded) == ids


@given(vocabularies_and_streams(), st.data())
def test_repair_always_gives_an_accepted_sequence(made: tuple[Vocabulary, HybridStream], data: st.DataObject) -> None:
    vocabulary, stream = made
    ids = mutated(vocabulary.encode(stream), vocabulary, data)
    repaired = vocabulary.repair(ids)
    vocabulary.check(repaired.ids)
    assert vocabulary.encode(vocabulary.decode(ids, errors="repair")) == list(repaired.ids)
    assert (list(repaired.ids) == ids) == (not repaired.actions)
    assert vocabulary.repair(ids) == repaired
    assert all(0 <= mend.position <= len(ids) and "\n" not in mend.action for mend in repaired.actions)


@given(vocabulary_options(), st.data())
def test_random_walks_through_the_grammar_decode(options: VocabularyOptions, data: st.DataObject) -> None:
    """Whatever a sampler that obeys the grammar writes is a stream that spells itself."""
    voc = vocabulary(options)
    grammar, state, ids = voc.grammar, voc.grammar.start, []
    for _ in range(data.draw(st.integers(0, 40))):
        ranges = grammar.allowed(state)
        if not ranges:
            break
        chosen = data.draw(st.sampled_from(ranges))
        ids.append(data.draw(st.integers(chosen.start, chosen.stop - 1)))
        state = grammar.advance(state, ids[-1])
    if grammar.accepts_end(state):
        assert voc.encode(voc.decode(ids)) == ids
    else:
        with pytest.raises(GrammarError) as caught:
            voc.decode(ids)
        assert caught.value.position == len(ids)
        repaired = voc.repair(ids)
        assert voc.encode(voc.decode(repaired.ids)) == list(repaired.ids)


def mutated(ids: list[int], vocabulary: Vocabulary, data: st.DataObject) -> list[int]:
    """Ids with a few cut out, doubled, swapped for others, or cut off."""
    ids = list(ids)
    any_id = st.sampled_from(ids or [0]) | st.integers(0, 400) | st.integers(0, vocabulary.size - 1)
    any_id |= st.sampled_from([-1, vocabulary.size, 1 << 40])
    any_id |= st.sampled_from([vocabulary.space.units_open.start, vocabulary.space.numbers.start])
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(ids)))
        change = data.draw(st.sampled_from(["cut", "put", "set", "end"]))
        if change == "cut":
            del ids[at : at + 1]
        elif change == "put":
            ids.insert(at, data.draw(any_id))
        elif change == "set":
            ids[at : at + 1] = [data.draw(any_id)]
        else:
            del ids[at:]
    return ids


def check_position(vocabulary: Vocabulary, ids: list[int], error: GrammarError) -> None:
    """What comes before the position can be gone on with, and what stands there cannot."""
    grammar, state = vocabulary.grammar, vocabulary.grammar.start
    for token in ids[: error.position]:
        state = grammar.advance(state, token)
    if error.position < len(ids):
        assert not grammar.admits(state, ids[error.position])
    else:
        assert not grammar.accepts_end(state)
    assert error.allowed == grammar.names(state)


def test_golden_ids() -> None:
    """The same stream, the same ids, in every release with the same fingerprint."""
    golden = json.loads((GOLDENS / "stream.json").read_text("utf-8"))
    voc = vocabulary(VocabularyOptions(**golden["options"]))
    stream = stream_from_json(golden["stream"])
    assert voc.encode(stream) == golden["ids"]
    assert voc.decode(golden["ids"]) == stream
    assert dict(voc.fingerprint) == golden["fingerprint"]


def test_ranges_tile_the_space_in_declared_order() -> None:
    voc = vocabulary(OPTIONS)
    assert [part.name for part in voc.ranges] == [
        *(f"<|{name}|>" for name in ("audio", "/audio", "pad", "pause", "back", "voice", "units", "/units", "end")),
        "number",
        "channel",
        "speaker",
        "voice code",
        "language",
        "pitch",
        "energy",
        "rate",
        "event start",
        "event end",
        "unit of codebook 0",
        "unit of codebook 1",
        "text",
    ]
    assert [part.start for part in voc.ranges] == [0, *(part.stop for part in voc.ranges[:-1])]
    assert voc.size == voc.ranges[-1].stop == 9 + 64 + 16 + 64 + 64 + 100 + 3 * 8 + 2 * 15 + 2 * 1000 + 32768


def test_every_id_has_a_name_of_its_own() -> None:
    voc = vocabulary(OPTIONS)
    assert len({voc.token_name(token) for token in range(voc.size)}) == voc.size
    assert all(voc.token_id(voc.token_name(token)) == token for token in range(voc.size))
    names = ["<|pad|>", "<|/units|>", "<|number:63|>", "<|channel:0|>", "<|speaker:63|>", "<|laugh|>", "<|/other|>"]
    names += ["<|lang:en|>", "<|lang:haw|>", "<|u0:17|>", "<|u1:999|>", "\u2581the"]
    assert [voc.token_name(voc.token_id(name)) for name in names] == names
    with pytest.raises(ValueError, match="outside 0"):
        voc.token_name(voc.size)
    with pytest.raises(ValueError, match="no id is called"):
        voc.token_id("<|nothing|>")


def test_bits() -> None:
    voc = vocabulary(OPTIONS)
    assert voc.bits_per_token == math.log2(voc.size)
    ids = [voc.token_id("<|pause|>"), voc.token_id("<|number:5|>"), voc.token_id("<|u1:7|>")]
    assert voc.range_bits(ids) == pytest.approx(0 + 6 + math.log2(1000))
    assert voc.range_bits([]) == 0.0
    with pytest.raises(GrammarError, match="position 1"):
        voc.range_bits([0, voc.size])


def test_the_languages_are_in_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Vocabulary(OPTIONS, vocabulary(OPTIONS).space.text).fingerprint
    monkeypatch.setattr("hybrid_tok.tokens.vocabulary.LANGUAGE_CODES", tuple(reversed(LANGUAGE_CODES)))
    other = Vocabulary(OPTIONS, vocabulary(OPTIONS).space.text).fingerprint
    assert {part for part in one if one[part] != other[part]} == {"vocabulary"}


def test_text_in_a_language_without_spaces_is_spelled_without_one() -> None:
    voc = vocabulary(OPTIONS)

    def names(*items: TextItem) -> list[str]:
        return [voc.token_name(token) for token in voc.encode(one_turn(*items))][1:-3]

    zh, yue = {"language": "zh"}, {"language": "yue"}
    assert names(TextItem("你好", 1)) == ["\u2581", "你", "好", "<|number:1|>"]
    assert names(TextItem("你好", 1, **zh)) == ["<|lang:zh|>", "你", "好", "<|number:1|>"]
    assert names(TextItem("你", 1, **zh), TextItem("好", 1, **zh), TextItem("你", 1, **yue)) == [
        *("<|lang:zh|>", "你", "<|number:1|>", "好", "<|number:1|>"),
        *("<|lang:yue|>", "你", "<|number:1|>"),
    ]
    for text in (" 你", "so", " ", "好 ", "\u2581你"):
        stream = one_turn(TextItem(text, 1, **zh), TextItem(text, 1, **zh))
        assert voc.decode(voc.encode(stream)) == stream


def test_ids_that_are_no_integers_are_refused() -> None:
    with pytest.raises(GrammarError, match="position 0: found 'a', which is no id"):
        vocabulary(OPTIONS).decode(["a"])  # type: ignore[list-item]
    with pytest.raises(OptionsError, match="strict or repair"):
        vocabulary(OPTIONS).decode([], errors="ignore")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"layout": "text"},
        {"timing": "free"},
        {"run_length": True},
        {"num_codebooks": 1},
        {"event_codebooks": 1},
        {"hop": 160},
        {"prosody": True},
    ],
)
def test_every_option_is_in_the_fingerprint(change: dict[str, object]) -> None:
    one, other = vocabulary(OPTIONS).fingerprint, vocabulary(replace(OPTIONS, **change)).fingerprint
    assert {part for part in one if one[part] != other[part]} == {"vocabulary"}


def test_events_of_as_many_codebooks_as_all_are_no_other_vocabulary() -> None:
    assert vocabulary(replace(OPTIONS, event_codebooks=2)).fingerprint == vocabulary(OPTIONS).fingerprint


def test_the_codec_is_a_part_of_the_fingerprint() -> None:
    one, other = vocabulary(OPTIONS).fingerprint, vocabulary(replace(OPTIONS, codec="another")).fingerprint
    assert {part for part in one if one[part] != other[part]} == {"codec"}


@pytest.mark.parametrize(
    "change",
    [
        {"layout": "interleaved"},
        {"timing": "loose"},
        {"durations": "phone"},
        {"codebook_size": 1},
        {"num_codebooks": 0},
        {"event_codebooks": 0},
        {"event_codebooks": 3},
        {"hop": 0},
        {"hop": 4097},
        {"max_speakers": 0},
    ],
)
def test_options_outside_their_range_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(OptionsError, match=next(iter(change))):
        replace(OPTIONS, **change)


def one_turn(*items: object, **fields: object) -> HybridStream:
    return HybridStream((Channel((Turn(0, items),)),), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options, stream, message",
    [
        (OPTIONS, one_turn(TextItem("a"), timing="free", remainder=None), "timing is free"),
        (OPTIONS, one_turn(UnitItem(((1,),))), "channel 0, turn 0: a frame of 1 units"),
        (
            replace(OPTIONS, event_codebooks=1),
            one_turn(EventItem("laugh", ((1, 2),))),
            "a frame of 2 units, but .* 1 here",
        ),
        (replace(OPTIONS, event_codebooks=1), one_turn(UnitItem(((1,),))), "a frame of 1 units, but .* 2 here"),
        (OPTIONS, one_turn(UnitItem(((1, 1000),))), "unit of codebook 1 1000 is outside"),
        (OPTIONS, one_turn(UnitItem(((1, -1),))), "unit of codebook 1 -1 is outside"),
        (OPTIONS, one_turn(TextItem("a", 1, Prosody(0, 0, 0))), "writes no prosody"),
        (OPTIONS, one_turn(Pause(64**4)), "more than a number can say"),
        (OPTIONS, one_turn(Pause(1), remainder=320), "not below the hop"),
        (OPTIONS, HybridStream((Channel((Turn(64),)),)), "speaker 64 is outside"),
        (OPTIONS, HybridStream((Channel(),) * 17), "channel 16 is outside"),
        (OPTIONS, one_turn(TextItem("a", 1, pieces=(0,))), "spell nothing"),
        (OPTIONS, one_turn(TextItem("a", 1, pieces=(40000,))), "has not"),
        (OPTIONS, one_turn(TextItem("a", 1, pieces=(500,))), "pieces that spell"),
        (replace(OPTIONS, layout="units"), one_turn(Pause(1)), "units layout has no Pause"),
        (replace(OPTIONS, layout="text"), one_turn(UnitItem(((1, 1),))), "text layout has no units"),
        (replace(OPTIONS, layout="text"), one_turn(EventItem("laugh", ((1, 1),))), "text layout has no units"),
    ],
)
def test_what_has_no_spelling_is_refused(options: VocabularyOptions, stream: HybridStream, message: str) -> None:
    with pytest.raises(StreamError, match=message):
        vocabulary(options).encode(stream)


def test_pieces_that_the_tokenizer_writes_anyway_are_refused() -> None:
    voc = vocabulary(OPTIONS)
    with pytest.raises(StreamError, match="leave them out"):
        voc.encode(one_turn(TextItem("so", 1, pieces=tuple(voc.space.text.encode("so")))))


def test_text_that_a_model_spelled_its_own_way_keeps_its_ids() -> None:
    """Broken UTF-8, a word without its space, and letters in place of a word: the text is readable, the ids stay."""
    voc = vocabulary(OPTIONS)
    for names, text in (
        (["<0xE4>"], "\ufffd"),
        (["\u2581"], ""),
        (["s", "o"], "so"),
        (["\u2581", "s", "o"], "so"),
        (["\u2581", "\u2581"], " "),
    ):
        pieces = tuple(voc.token_id(name) for name in names)
        ids = [voc.token_id("<|speaker:0|>"), *pieces, *map(voc.token_id, ["<|number:5|>", "<|end|>", "<|number:0|>"])]
        ids.append(ids[-1])
        stream = voc.decode(ids)
        item = stream.channels[0].turns[0].items[0]
        assert isinstance(item, TextItem) and item.text == text
        assert (item.pieces is not None) == (names != ["\u2581", "\u2581"])
        assert voc.encode(stream) == ids


def test_an_hour_of_units() -> None:
    """180,000 frames of two codebooks."""
    codes = np.random.default_rng(0).integers(0, 1000, (180_000, 2))
    stream = one_turn(UnitItem(tuple(map(tuple, codes.tolist()))), TextItem("so funny", 12), Back(3))
    voc = vocabulary(OPTIONS)
    assert voc.decode(voc.encode(stream)) == stream
