"""Decisions to the stream: every frame in its place, units as the codec gave them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import FakeCodec
from hybrid_tok.core.annotations import Annotations, Event, SpeakerTurn, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span
from hybrid_tok.encode.assemble import AssembleOptions, assemble
from hybrid_tok.encode.gate import Decision, GateOptions, gate
from hybrid_tok.errors import BackendError, OptionsError
from hybrid_tok.tokens.stream import (
    VOICE_CODES,
    Back,
    EventItem,
    HybridStream,
    Pause,
    Prosody,
    TextItem,
    Turn,
    UnitItem,
)

RATE = 16_000
HOP = 320


def sound(num_samples: int, seed: int = 0) -> Audio:
    return Audio(np.random.default_rng(seed).uniform(-0.5, 0.5, num_samples).astype(np.float32), RATE)


def word(text: str, start: int, end: int, confidence: float = 1.0) -> Word:
    return Word(text, Span(start, end), confidence)


def decide(*kinds: str, frames: int = 10, speakers: tuple[int, ...] = ()) -> tuple[Decision, ...]:
    """Decisions of equal length; a text decision's kind is its word, `-` a gap inside a text run."""
    decisions = []
    for index, kind in enumerate(kinds):
        span = Span(index * frames, (index + 1) * frames)
        speaker = speakers[index] if speakers else 0
        if kind in ("units", "pause"):
            decisions.append(Decision(span, kind, speaker=speaker))
        elif kind in ("event", "tag"):
            decisions.append(Decision(span, kind, label="laugh", speaker=speaker))
        else:
            words = () if kind == "-" else tuple(Word(text, span, 1.0) for text in kind.split())
            decisions.append(Decision(span, "text", words, speaker=speaker))
    return tuple(decisions)


def write(decisions: tuple[Decision, ...], **options: object) -> HybridStream:
    frames = decisions[-1].span.end if decisions else 0
    return assemble(decisions, sound(frames * HOP), FakeCodec, AssembleOptions(**options))  # pyright: ignore[reportArgumentType]


def items(stream: HybridStream) -> list[object]:
    """The items of all turns, units as their number of frames."""
    return [
        len(item.units) if isinstance(item, UnitItem) else item
        for turn in stream.channels[0].turns
        for item in turn.items
    ]


def test_a_run_of_words_is_one_item_with_its_gaps() -> None:
    assert items(write(decide("pause", "so", "-", "funny", "pause"))) == [
        Pause(10),
        TextItem("so funny", 30),
        Pause(10),
    ]


def spoken(*words: tuple[str, str | None], frames: int = 10, speaker: int = 0) -> tuple[Decision, ...]:
    """Text decisions of a word each, ("", None) a gap, with their languages."""
    decisions = []
    for index, (text, language) in enumerate(words):
        span = Span(index * frames, (index + 1) * frames)
        said = (Word(text, span, 1.0, language=language),) if text else ()
        decisions.append(Decision(span, "text", said, speaker=speaker))
    return tuple(decisions)


GAP = ("", None)


def test_a_run_ends_where_the_language_changes() -> None:
    en, zh = {"language": "en"}, {"language": "zh"}
    decisions = spoken(("so", "en"), GAP, ("well", "en"), GAP, ("你好", "zh"), GAP, ("世界", "zh"), ("yes", "en"))
    assert items(write(decisions)) == [
        TextItem("so well", 30, **en),
        Pause(10),
        TextItem("你好世界", 30, **zh),
        TextItem("yes", 10, **en),
    ]
    assert items(write(decisions, timing="free")) == [
        TextItem("so well", **en),
        TextItem("你好世界", **zh),
        TextItem("yes", **en),
    ]
    assert [item for item in items(write(decisions, durations="word")) if isinstance(item, TextItem)] == [
        *(TextItem(text, 10, **en) for text in ("so", "well")),
        *(TextItem(text, 10, **zh) for text in ("你好", "世界")),
        TextItem("yes", 10, **en),
    ]


def test_words_in_one_decision_may_be_in_two_languages() -> None:
    span = Span(0, 10)
    words = (Word("so", span, 1.0, language="en"), Word("你", span, 1.0, language="zh"), Word("好", span, 1.0))
    assert items(write((Decision(span, "text", words),))) == [
        TextItem("so", 3, language="en"),
        TextItem("你好", 7, language="zh"),
    ]


def test_a_word_of_unknown_language_is_in_that_of_the_text_before_it() -> None:
    decisions = spoken(("a", None), ("b", "en"), ("c", None), ("d", "en"), ("e", "de"), ("f", None))
    assert items(write(decisions)) == [
        TextItem("a", 10),
        TextItem("b c d", 30, language="en"),
        TextItem("e f", 20, language="de"),
    ]


def test_words_over_other_words_have_their_own_language() -> None:
    words = (
        Word("long", Span(10, 50), 1.0, speaker=0, language="en"),
        Word("好", Span(20, 30), 0.9, speaker=1, language="zh"),
        Word("story", Span(50, 70), 1.0, speaker=0),
    )
    stream = assemble(gate(Annotations(80, words=words)), sound(80 * HOP), FakeCodec)
    said = [
        (turn.speaker, item.text, item.language)
        for turn in stream.channels[0].turns
        for item in turn.items
        if isinstance(item, TextItem)
    ]
    assert said == [(0, "long story", "en"), (1, "好", "zh")]


def test_free_timing_joins_text_of_one_language_over_what_is_left_out() -> None:
    zh = {"language": "zh"}
    decisions = spoken(("你", "zh"), ("好", "zh"))
    between = Decision(Span(20, 30), "pause")
    later = tuple(
        Decision(Span(d.span.start + 30, d.span.end + 30), "text", d.words)
        for d in spoken(("世", "zh"), ("so", "en"), ("far", "en"))
    )
    written = items(write((*decisions, between, *later), timing="free"))
    assert written == [TextItem("你好世", **zh), TextItem("so far", language="en")]


def test_every_word_is_an_item_where_durations_are_per_word() -> None:
    assert items(write(decide("so", "-", "-", "very", "funny"), durations="word")) == [
        TextItem("so", 10),
        Pause(20),
        TextItem("very", 10),
        TextItem("funny", 10),
    ]
    assert items(write(decide("a b c"), durations="word")) == [TextItem("a", 3), TextItem("b", 3), TextItem("c", 4)]


def test_free_timing_has_neither_durations_nor_pauses() -> None:
    stream = write(decide("pause", "so", "pause", "funny", "units", "tag", "event", "pause"), timing="free")
    assert items(stream)[:3] == [TextItem("so funny"), 10, EventItem("laugh")]
    assert stream.remainder is None
    assert write(decide("pause", "pause"), timing="free").channels[0].turns == ()


def test_units_are_cut_out_of_the_codes_of_the_whole_recording() -> None:
    audio = sound(50 * HOP)
    codec = FakeCodec()
    stream = assemble(decide("units", "pause", "units", "units", "event"), audio, lambda: codec, AssembleOptions())
    codes = FakeCodec().encode(audio.samples)
    first, pause, second, event = stream.channels[0].turns[0].items
    assert isinstance(first, UnitItem) and isinstance(second, UnitItem) and isinstance(event, EventItem)
    assert np.array_equal(first.units, codes[:10])
    assert pause == Pause(10)
    assert np.array_equal(second.units, codes[20:40])
    assert np.array_equal(event.units, codes[40:])
    assert codec.encoded == [50], "the recording is encoded once"


def test_no_units_no_codec() -> None:
    def missing() -> FakeCodec:
        raise AssertionError("nobody needs it")

    decisions = decide("pause", "hello", "tag")
    assert assemble(decisions, sound(30 * HOP), missing, AssembleOptions()).frames == 30


def test_a_prefix_of_the_codebooks_may_be_written() -> None:
    full, first = (write(decide("units"), num_codebooks=number) for number in (None, 2))
    (whole,), (prefix,) = full.channels[0].turns[0].items, first.channels[0].turns[0].items
    assert isinstance(whole, UnitItem) and isinstance(prefix, UnitItem)
    assert prefix.units == tuple(frame[:2] for frame in whole.units)
    with pytest.raises(OptionsError, match="9 codebooks asked for, but fake codec has 4"):
        write(decide("units"), num_codebooks=9)


def test_events_may_have_fewer_codebooks() -> None:
    stream = write(decide("units", "event"), num_codebooks=3, event_codebooks=1)
    units, event = stream.channels[0].turns[0].items
    assert isinstance(units, UnitItem) and isinstance(event, EventItem)
    assert (len(units.units[0]), len(event.units[0])) == (3, 1)


def test_a_tag_is_an_event_without_units_and_its_silence_joins_the_next() -> None:
    assert items(write(decide("pause", "tag", "pause", "hi"))) == [
        Pause(10),
        EventItem("laugh"),
        Pause(20),
        TextItem("hi", 10),
    ]


def test_turns_change_with_the_speaker_and_empty_ones_are_left_out() -> None:
    decisions = decide("a", "b", "units", "pause", "units", speakers=(0, 1, 1, 0, 1))
    turns = write(decisions).channels[0].turns
    assert [(turn.speaker, len(turn.items)) for turn in turns] == [(0, 1), (1, 4)], "silence stays with who spoke"
    free = write(decisions, timing="free").channels[0].turns
    assert [(turn.speaker, len(turn.items)) for turn in free] == [(0, 1), (1, 2)], "units on both sides are joined"


def test_words_of_two_at_once_are_written_back_over_one_another() -> None:
    words = (
        Word("long", Span(10, 50), 1.0, speaker=0),
        Word("yes", Span(20, 30), 0.9, speaker=1),
        Word("well", Span(40, 70), 1.0, speaker=1),
    )
    decisions = gate(Annotations(80, words=words))
    stream = assemble(decisions, sound(80 * HOP), FakeCodec)
    assert stream.channels[0].turns == (
        Turn(0, (Pause(10), TextItem("long", 40))),
        Turn(1, (Back(30), TextItem("yes", 10), Pause(10), TextItem("well", 30), Pause(10))),
    )
    free = assemble(decisions, sound(80 * HOP), FakeCodec, AssembleOptions(timing="free"))
    assert free.channels[0].turns == (Turn(0, (TextItem("long"),)), Turn(1, (TextItem("yes well"),)))


def test_a_label_over_text_goes_back_to_its_place() -> None:
    laugh = Event("laugh", Span(5, 25), 0.9)
    decisions = (
        Decision(Span(0, 10), "text", (word("so", 0, 10),), label="laugh", event=laugh),
        Decision(Span(10, 20), "text", (word("funny", 10, 20),), label="laugh", event=laugh),
        Decision(Span(20, 30), "text", (word("then", 20, 30),)),
    )
    assert items(write(decisions)) == [
        TextItem("so funny then", 30),
        Back(25),
        EventItem("laugh"),
        Pause(25),
    ]


def test_parts_of_one_event_are_one_item() -> None:
    laugh, other = Event("laugh", Span(0, 20), 0.9), Event("laugh", Span(20, 30), 0.9)
    decisions = tuple(
        Decision(Span(start, start + 10), "event", label="laugh", event=event)
        for start, event in ((0, laugh), (10, laugh), (20, other))
    )
    written = [item for turn in write(decisions).channels[0].turns for item in turn.items]
    assert [len(item.units) for item in written if isinstance(item, EventItem)] == [20, 10]


def test_voices_are_written_once_and_prosody_with_its_word() -> None:
    decisions = decide("a", "b c", "pause", "d", speakers=(0, 1, 1, 0))
    low, high = (1,) * VOICE_CODES, (2,) * VOICE_CODES
    bins = {word: Prosody(index, 0, 7) for index, word in enumerate(w for d in decisions for w in d.words)}
    stream = assemble(decisions, sound(40 * HOP), FakeCodec, voices={0: low, 1: high}, prosody=bins)
    turns = stream.channels[0].turns
    assert [(turn.speaker, turn.voice) for turn in turns] == [
        (0, (1,) * VOICE_CODES),
        (1, (2,) * VOICE_CODES),
        (0, None),
    ]
    assert turns[1].items == (TextItem("b", 5, Prosody(1, 0, 7)), TextItem("c", 5, Prosody(2, 0, 7)), Pause(10))
    free = assemble(decisions, sound(40 * HOP), FakeCodec, AssembleOptions(timing="free"), prosody=bins)
    assert free.channels[0].turns[1].items == (
        TextItem("b", None, bins[decisions[1].words[0]]),
        TextItem("c", None, bins[decisions[1].words[1]]),
    )


@pytest.mark.parametrize("samples", [0, 1, 319, 320, 321, 16_000])
def test_the_remainder_says_how_long_the_last_frame_is(samples: int) -> None:
    audio = sound(samples)
    frames = -(-samples // HOP)
    for heard in (Annotations(frames), Annotations(frames, active=(Span(0, frames),) if frames else ())):
        stream = assemble(gate(heard), audio, FakeCodec, AssembleOptions())
        assert stream.frames == frames
        assert stream.remainder == samples % HOP
    assert assemble(gate(Annotations(frames)), audio, FakeCodec, AssembleOptions(timing="free")).remainder is None


def test_an_empty_recording_is_an_empty_channel() -> None:
    assert write(()).channels[0].turns == ()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30), st.floats(0, 1)), max_size=6),
    st.sampled_from([0.0, 0.005, 0.012, 0.03, 0.1, math.inf]),
    st.sampled_from(["run", "word"]),
    st.sampled_from(["hybrid", "text", "units"]),
    st.integers(0, HOP - 1),
)
def test_a_locked_stream_covers_the_recording_and_says_every_word(
    layout_of_words: list[tuple[int, int, float]], weight: float, durations: str, layout: str, remainder: int
) -> None:
    words, cursor = [], 0
    for gap, frames, confidence in layout_of_words:
        words.append(word(f"w{len(words)}", cursor + gap, cursor + gap + frames, confidence))
        cursor = words[-1].span.end
    frames = cursor + 5
    active = tuple(w.span for w in words)
    turns = (SpeakerTurn(0, Span(0, frames // 2)), SpeakerTurn(1, Span(frames // 2, frames)))
    heard = Annotations(frames, active, active, tuple(words), (Event("cough", Span(cursor, frames), 0.9),), turns)
    decisions = gate(heard, GateOptions(rate_weight=weight, layout=layout))  # pyright: ignore[reportArgumentType]
    audio = sound(frames * HOP - (HOP - remainder) % HOP)
    stream = assemble(
        decisions,
        audio,
        FakeCodec,
        AssembleOptions(durations=durations, layout=layout),  # pyright: ignore[reportArgumentType]
    )
    assert stream.frames == frames and stream.remainder == audio.num_samples % HOP
    said = [text for item in items(stream) if isinstance(item, TextItem) for text in item.text.split()]
    assert said == [w.text for decision in decisions if decision.kind == "text" for w in decision.words]
    # Each word is where it was heard: to the frame when every word has its place, within its run otherwise.
    places = {
        text: placed.span
        for placed in stream.placed()
        if isinstance(placed.item, TextItem)
        for text in placed.item.text.split()
    }
    for heard_word in words:
        place = places.get(heard_word.text)
        if place is not None and durations == "word":
            assert place == heard_word.span
        elif place is not None:
            assert place.start <= heard_word.span.start and heard_word.span.end <= place.end


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(OptionsError, match="the text layout has no units"):
        write(decide("pause", "units"), layout="text")
    with pytest.raises(OptionsError, match="the units layout has no text"):
        write(decide("hello"), layout="units")
    with pytest.raises(ValueError, match="cover 10 frames of a recording of 20"):
        assemble(decide("pause"), sound(20 * HOP), FakeCodec)
    with pytest.raises(ValueError, match="tile"):
        assemble(decide("pause", "pause")[1:], sound(20 * HOP), FakeCodec)
    with pytest.raises(BackendError, match="works at 24000 Hz, but the audio is at 16000"):
        assemble(decide("units"), sound(10 * HOP), lambda: FakeCodec(sample_rate=24_000))


@pytest.mark.parametrize("options", [{"timing": "loose"}, {"durations": "none"}, {"layout": "x"}, {"num_codebooks": 0}])
def test_options_are_checked(options: dict[str, object]) -> None:
    with pytest.raises(OptionsError):
        AssembleOptions(**options)  # pyright: ignore[reportArgumentType]


def test_turns_hold_items() -> None:
    assert write(decide("hello")).channels[0].turns == (Turn(0, (TextItem("hello", 10),)),)
