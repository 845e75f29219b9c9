"""Steps of ids read one at a time are those of the stream they spell, as early as they are certain."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_tok.errors import GrammarError
from hybrid_tok.tokens.incremental import (
    ChannelOpened,
    Ended,
    FramesRead,
    IncrementalParser,
    Paused,
    RunClosed,
    RunOpened,
    Step,
    SteppedBack,
    TextOpened,
    TextRead,
    TurnOpened,
    VoiceRead,
)
from hybrid_tok.tokens.stream import (
    Back,
    Channel,
    EventItem,
    Frame,
    HybridStream,
    Item,
    Pause,
    TextItem,
    Turn,
    UnitItem,
)
from hybrid_tok.tokens.unit_merges import UnitMerges
from hybrid_tok.tokens.vocabulary import Vocabulary, VocabularyOptions
from strategies import vocabularies_and_streams, vocabulary

OPTIONS = VocabularyOptions(codec="test", codebook_size=1000)


def rebuilt(steps: Iterable[Step], timing: str) -> HybridStream:
    """The stream that steps say."""
    channels: list[list[tuple[int, list[Item], list[tuple[int, ...]]]]] = []
    remainder, units, label = None, list[Frame](), None
    pausing = 0
    for step in steps:
        if not isinstance(step, Paused) and pausing:
            channels[-1][-1][1].append(Pause(pausing))
            pausing = 0
        if isinstance(step, ChannelOpened):
            channels.append([])
        elif isinstance(step, TurnOpened):
            channels = channels or [[]]
            channels[-1].append((step.speaker, [], []))
        elif isinstance(step, VoiceRead):
            channels[-1][-1][2].append(step.codes)
        elif isinstance(step, TextRead):
            channels[-1][-1][1].append(step.item)
        elif isinstance(step, Paused):
            pausing += step.frames
        elif isinstance(step, SteppedBack):
            channels[-1][-1][1].append(Back(step.frames))
        elif isinstance(step, RunOpened):
            units, label = [], step.label
        elif isinstance(step, FramesRead):
            units.extend(step.frames)
        elif isinstance(step, RunClosed):
            item = UnitItem(tuple(units)) if label is None else EventItem(label, tuple(units))
            channels[-1][-1][1].append(item)
        elif isinstance(step, Ended):
            remainder = step.remainder
    if pausing:
        channels[-1][-1][1].append(Pause(pausing))
    made = tuple(
        Channel(tuple(Turn(speaker, tuple(items), voice[0] if voice else None) for speaker, items, voice in turns))
        for turns in channels
    )
    return HybridStream(made or (Channel(),), timing, remainder)  # pyright: ignore[reportArgumentType]


def read(vocabulary: Vocabulary, ids: Iterable[int]) -> list[Step]:
    parser = IncrementalParser(vocabulary.grammar)
    steps = [step for token in ids for step in parser.push(token)]
    return steps + parser.finish()


@given(vocabularies_and_streams())
def test_the_steps_say_what_the_stream_says(made: tuple[Vocabulary, HybridStream]) -> None:
    vocabulary, stream = made
    ids = vocabulary.encode(stream)
    assert rebuilt(read(vocabulary, ids), stream.timing) == stream
    assert read(vocabulary, np.array(ids, np.int32)) == read(vocabulary, ids)


@given(vocabularies_and_streams(), st.data())
def test_a_changed_sequence_is_refused_where_and_as_the_whole_is(
    made: tuple[Vocabulary, HybridStream], data: st.DataObject
) -> None:
    vocabulary, stream = made
    ids = vocabulary.encode(stream)
    at = data.draw(st.integers(0, len(ids)))
    found = data.draw(st.integers(-1, vocabulary.size))
    changed = data.draw(st.sampled_from([ids[:at], [*ids[:at], found, *ids[at:]], [*ids[:at], found, *ids[at + 1 :]]]))
    try:
        whole = vocabulary.decode(changed)
    except GrammarError as refusal:
        with pytest.raises(GrammarError) as caught:
            read(vocabulary, changed)
        assert (caught.value.position, str(caught.value)) == (refusal.position, str(refusal))
    else:
        assert rebuilt(read(vocabulary, changed), whole.timing) == whole


def test_a_refused_id_is_not_taken() -> None:
    made = vocabulary(OPTIONS)
    ids = made.encode(HybridStream((Channel((Turn(0, (UnitItem(((1, 2), (3, 4))),)),)),)))
    parser = IncrementalParser(made.grammar)
    steps: list[Step] = []
    for token in ids:
        for wrong in (made.pad_id, -1, made.size, None, 1.5):
            with pytest.raises(GrammarError, match=f"^position {parser.position}: "):
                parser.push(wrong)
        steps += parser.push(token)
    assert rebuilt(steps + parser.finish(), "locked") == made.decode(ids)


def test_a_stream_that_may_not_end_goes_on() -> None:
    made = vocabulary(OPTIONS)
    ids = made.encode(HybridStream((Channel((Turn(0, (Pause(70),)),)),)))
    parser = IncrementalParser(made.grammar)
    for token in ids:
        with pytest.raises(GrammarError, match="the end of the sequence"):
            parser.finish()
        parser.push(token)
    assert parser.finish() == []


def steps_of(ids: Iterable[int], parser: IncrementalParser) -> list[list[Step]]:
    return [parser.push(token) for token in ids]


def test_frames_come_with_their_last_unit() -> None:
    made = vocabulary(OPTIONS)
    ids = made.encode(HybridStream((Channel((Turn(3, (UnitItem(((1, 2), (3, 4))), EventItem("laugh"))),)),)))
    assert steps_of(ids, IncrementalParser(made.grammar)) == [
        [TurnOpened(3)],
        [RunOpened(None)],
        [],
        [FramesRead(((1, 2),))],
        [],
        [FramesRead(((3, 4),))],
        [RunClosed()],
        [RunOpened("laugh")],
        [RunClosed()],
        [],
        [],
        [Ended(0)],
    ]


def test_a_number_is_handed_out_digit_by_digit() -> None:
    """Each digit makes a pause, or the repetitions of a frame, longer by what is certain then."""
    made = vocabulary(VocabularyOptions(codec="test", codebook_size=1000, num_codebooks=1, run_length=True))
    items = (Pause(64 * 2 + 3), UnitItem(((7,),) * (1 + 64 * 5)))
    ids = made.encode(HybridStream((Channel((Turn(0, items),)),)))
    found = steps_of(ids, IncrementalParser(made.grammar))
    assert found[1:4] == [[], [Paused(2)], [Paused(64 * 2 + 3 - 2)]]
    frames = [step.frames for step in found[6] + found[7] if isinstance(step, FramesRead)]
    assert [len(one) for one in frames] == [5, 64 * 5 - 5] and all(set(one) == {(7,)} for one in frames)
    assert list(frames[0]) == [(7,)] * 5 and frames[0][1:3] == ((7,), (7,))


def test_a_merged_unit_is_all_its_frames() -> None:
    merges = UnitMerges("test", ((1, 2), (3, 4)), ((0, 1), (2, 0)))
    made = vocabulary(VocabularyOptions(codec="test", codebook_size=1000, unit_merges=merges))
    frames = ((9, 9), (1, 2), (3, 4), (1, 2), (3, 4), (1, 2))
    ids = made.encode(HybridStream((Channel((Turn(0, (UnitItem(frames),)),)),)))
    found = [step.frames for step in read(made, ids) if isinstance(step, FramesRead)]
    assert [frame for one in found for frame in one] == list(frames)
    assert max(map(len, found)) > 1


@pytest.mark.parametrize("timing", ["locked", "free"])
def test_a_text_is_whole_at_the_id_after_it(timing: str) -> None:
    made = vocabulary(VocabularyOptions(codec="test", codebook_size=1000, timing=timing))  # pyright: ignore[reportArgumentType]
    frames = 70 if timing == "locked" else None
    items = (TextItem("so funny", frames, language="en"), EventItem("laugh", ((1, 2),)))
    remainder = 0 if timing == "locked" else None
    ids = made.encode(HybridStream((Channel((Turn(0, items),)),), timing, remainder))  # pyright: ignore[reportArgumentType]
    opening = ids.index(made.token_id("<|laugh|>"))
    parser = IncrementalParser(made.grammar)
    before = [step for token in ids[:opening] for step in parser.push(token)]
    assert before == [TurnOpened(0), TextOpened("en", None)]
    assert parser.open_text == "so funny"
    after = parser.push(ids[opening])
    pieces = made.space.text.encode("so funny")
    assert after == [
        TextRead(items[0], tuple(made.space.text_range.start + piece for piece in pieces), 2),
        RunOpened("laugh"),
    ]
    assert parser.open_text == "" and parser.open_ids == ()
