"""Ids written while a stream is being made."""

from __future__ import annotations

from typing import Any

import pytest

from hybrid_tok.errors import StreamError
from hybrid_tok.tokens.idspace import VocabularyOptions
from hybrid_tok.tokens.stream import EventItem, TextItem, UnitItem
from hybrid_tok.tokens.text import load_text_tokenizer
from hybrid_tok.tokens.vocabulary import Vocabulary
from hybrid_tok.tokens.writer import StreamWriter, WriterState, WrittenItem


def vocabulary(**options: Any) -> Vocabulary:
    given = {"codec": "c", "codebook_size": 8, "hop": 320, "num_codebooks": 1, **options}
    return Vocabulary(VocabularyOptions(**given), load_text_tokenizer(None))


def test_what_can_still_change_is_held_back() -> None:
    """A run of units goes on until something else comes; a pause is written with what follows it."""
    v = vocabulary()
    writer = StreamWriter(v.space, {0: None, 1: (1,) * 16})
    ids = writer.write(WrittenItem(0, 0, UnitItem(((1,), (2,)))))
    assert ids == [v.token_id(name) for name in ("<|speaker:0|>", "<|units|>", "<|u0:1|>", "<|u0:2|>")]
    more = writer.write(WrittenItem(2, 0, UnitItem(((3,),))))
    assert more == [v.token_id("<|u0:3|>")]
    ids += more + writer.write(WrittenItem(8, 1, TextItem("hi", 4, language="en"))) + writer.finish(20, 7)
    assert v.encode(v.decode(ids)) == ids
    stream = v.decode(ids)
    assert (stream.frames, stream.remainder) == (20, 7)
    assert [turn.speaker for turn in stream.channels[0].turns] == [0, 1]
    assert stream.channels[0].turns[1].voice == (1,) * 16


def test_repetitions_are_counted_across_calls() -> None:
    v = vocabulary(run_length=True)
    writer = StreamWriter(v.space, {})
    ids = writer.write(WrittenItem(0, 0, UnitItem(((1,), (1,)))))
    assert v.token_id("<|u0:1|>") not in ids, "another may follow"
    for start in range(2, 6):
        ids += writer.write(WrittenItem(start, 0, UnitItem(((1,),))))
    ids += writer.write(WrittenItem(6, 0, UnitItem(((2,),)))) + writer.finish(7, 0)
    (item,) = v.decode(ids).channels[0].turns[0].items
    assert item == UnitItem(((1,),) * 6 + ((2,),)) and ids.count(v.token_id("<|u0:1|>")) == 1


def test_events_have_their_own_number_of_codebooks() -> None:
    v = vocabulary(num_codebooks=2, event_codebooks=1)
    writer = StreamWriter(v.space, {})
    ids = writer.write(WrittenItem(0, 0, EventItem("laugh", ((1,), (2,)))))
    ids += writer.write(WrittenItem(2, 0, UnitItem(((3, 4),)))) + writer.finish(3, 0)
    assert v.decode(ids).channels[0].turns[0].items == (EventItem("laugh", ((1,), (2,))), UnitItem(((3, 4),)))
    assert v.encode(v.decode(ids)) == ids


def test_an_event_goes_on_in_the_next_passage_only() -> None:
    for passages, events in (((0, 1), 1), ((0, 0), 2)):
        v = vocabulary()
        writer = StreamWriter(v.space, {})
        ids = [
            token
            for number, passage in enumerate(passages)
            for token in writer.write(WrittenItem(3 * number, 0, EventItem("laugh", ((1,),) * 3), passage))
        ]
        items = v.decode(ids + writer.finish(6, 0)).channels[0].turns[0].items
        assert len(items) == events and sum(len(item.units) for item in items if isinstance(item, EventItem)) == 6


def test_texts_in_free_timing_are_one() -> None:
    v = vocabulary(timing="free")
    writer = StreamWriter(v.space, {})
    ids = writer.write(WrittenItem(0, 0, TextItem("so", language="en")))
    assert ids == [v.token_id("<|speaker:0|>"), v.token_id("<|lang:en|>")]
    ids += writer.write(WrittenItem(5, 0, TextItem("funny", language="en"))) + writer.finish(9, 0)
    assert [item for turn in v.decode(ids).channels[0].turns for item in turn.items] == [
        TextItem("so funny", language="en")
    ]


def test_silence_alone_and_nothing_at_all() -> None:
    v = vocabulary()
    silent = StreamWriter(v.space, {}).finish(5, 3)
    assert v.encode(v.decode(silent)) == silent and v.decode(silent).frames == 5
    assert StreamWriter(v.space, {}, WriterState()).finish(0, 0) == v.encode(
        v.decode(StreamWriter(v.space, {}).finish(0, 0))
    )


def test_units_that_the_space_lacks_are_refused() -> None:
    with pytest.raises(StreamError):
        StreamWriter(vocabulary().space, {}).write(WrittenItem(0, 0, UnitItem(((9,),))))
