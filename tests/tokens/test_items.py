"""Ids to items with their times, as soon as each is whole."""

from __future__ import annotations

from hypothesis import given

from hybrid_tok.tokens.items import ItemReader, TimedItem, joined_texts
from hybrid_tok.tokens.stream import (
    VOICE_CODES,
    Back,
    Channel,
    EventItem,
    HybridStream,
    Pause,
    TextItem,
    Turn,
    UnitItem,
    item_frames,
)
from hybrid_tok.tokens.vocabulary import Vocabulary, VocabularyOptions
from strategies import vocabularies_and_streams, vocabulary

OPTIONS = VocabularyOptions(codec="test", codebook_size=1000)
FRAME = (1, 2)
ITEMS = (
    TextItem("Hello there", 50, language="en"),
    EventItem("laugh", (FRAME,) * 20),
    Pause(3000),
    TextItem("again", 30, language="en"),
    Back(20),
    UnitItem((FRAME,) * 10),
)


def stream(*items: object) -> HybridStream:
    return HybridStream((Channel((Turn(0, items, (1,) * VOICE_CODES),)),))  # pyright: ignore[reportArgumentType]


@given(vocabularies_and_streams())
def test_items_of_a_stream_are_its_items(made: tuple[Vocabulary, HybridStream]) -> None:
    vocabulary, stream = made
    ids = vocabulary.encode(stream)
    items = ItemReader(vocabulary.grammar).push(ids)
    written = [
        item
        for channel in stream.channels
        for turn in channel.turns
        for item in turn.items
        if not isinstance(item, Back)
    ]
    found = [item for item in items if item.kind != "end"]
    assert [item.end - item.start for item in found] == [
        (item.frames or 0) if isinstance(item, TextItem) else item_frames(item) for item in written
    ]
    assert [item.text for item in found] == [
        item.text if isinstance(item, TextItem) else getattr(item, "label", "") for item in written
    ]
    assert sum(item.tokens for item in items) <= len(ids)
    if stream.timing == "locked":
        assert items[-1].kind == "end" and sum(item.tokens for item in items) == len(ids)


def test_an_item_is_whole_at_the_end_of_the_batch_that_ends_it() -> None:
    made = vocabulary(OPTIONS)
    reader, read = ItemReader(made.grammar), 0
    found: list[TimedItem] = []
    for count in range(1, len(ITEMS) + 1):
        ids = made.encode(stream(*ITEMS[:count]))[:-3]  # without the end
        items = reader.push(ids[read:])
        assert len(items) == (not isinstance(ITEMS[count - 1], Back))
        found += items
        read = len(ids)
        assert sum(item.tokens for item in found) == read - (2 if isinstance(ITEMS[count - 1], Back) else 0)
    assert [(item.kind, item.start, item.end) for item in found] == [
        ("text", 0, 50),
        ("event", 50, 70),
        ("pause", 70, 3070),
        ("text", 3070, 3100),
        ("units", 3080, 3090),
    ]
    whole = made.encode(stream(*ITEMS))
    end = reader.push(whole[read:])
    assert [(item.kind, item.tokens) for item in end] == [("end", 3)]
    assert found + end == ItemReader(made.grammar).push(whole)


def test_a_run_of_units_may_go_on_in_the_next_batch() -> None:
    made = vocabulary(OPTIONS)
    ids = made.encode(stream(UnitItem((FRAME,) * 10)))
    reader = ItemReader(made.grammar)
    assert reader.push(ids[: len(ids) // 2]) == []
    assert reader.push([]) == []
    assert [(item.kind, item.end) for item in reader.push(ids[len(ids) // 2 :])] == [("units", 10), ("end", 10)]
    assert reader.frames == 10


def test_words_that_follow_each_other_are_one_line() -> None:
    def text(start: int, words: str, speaker: int = 0, language: str = "en") -> TimedItem:
        return TimedItem("text", start, start + 10, words, speaker, 2, language)

    joined = joined_texts(
        [text(0, "so"), text(10, "funny"), text(30, "yes"), text(40, "no", 1), text(50, "ja", 1, "de")]
    )
    assert [(item.text, item.start, item.end, item.tokens) for item in joined] == [
        ("so funny", 0, 20, 4),
        ("yes", 30, 40, 2),
        ("no", 40, 50, 2),
        ("ja", 50, 60, 2),
    ]
    assert [item.text for item in joined_texts([text(0, "我", 0, "zh"), text(10, "用", 0, "zh")])] == ["我用"]
