"""Every layout: its rows to its own stream and back, over random speech and a real recording."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
from aligned_speech import CODES, aligned_speech, options, sample
from hypothesis import given
from hypothesis import strategies as st

from fakes import FakeCodec
from hybrid_tok.core.annotations import Annotations, Event, Word
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import GrammarError, OptionsError, StreamError
from hybrid_tok.lm.layouts import (
    AlignedSpeech,
    InterleaveOptions,
    JointLayout,
    JointSegment,
    JointStream,
    ParallelStream,
    TimedWord,
    align_speech,
    interleave,
    join_speech,
    joint_units,
    parallel_speech,
    read_coarse_to_fine,
    read_delayed,
    read_flat,
    read_parallel,
    write_coarse_to_fine,
    write_delayed,
    write_flat,
    write_parallel,
)
from hybrid_tok.lm.layouts.joint import Order
from hybrid_tok.options import TokenizerOptions
from hybrid_tok.presets import find_preset
from hybrid_tok.tokenizer import HybridTokenizer
from hybrid_tok.tokens.stream import Channel, EventItem, HybridStream, Pause, TextItem, Turn, UnitItem
from hybrid_tok.tokens.unit_merges import UnitMerges
from hybrid_tok.tokens.vocabulary import Vocabulary
from real_audio import recording, transcript
from strategies import vocabulary

MERGES = UnitMerges("test", ((0, 0), (1, 1), (0, 1)), ((0, 0), (3, 3), (1, 2)))
SETTINGS = st.sampled_from([{}, {"run_length": True}, {"unit_merges": MERGES}])


# --- aligned speech ---------------------------------------------------------------------------------------------------


def test_aligned_speech_is_of_one_length_and_depth() -> None:
    with pytest.raises(StreamError, match="annotations of 2 frames, and units of 1"):
        AlignedSpeech(Annotations(2), ((0,),))
    with pytest.raises(StreamError, match="different numbers of codebooks"):
        AlignedSpeech(Annotations(2), ((0,), (0, 1)))
    with pytest.raises(StreamError, match="word 'so' starts at frame 2 of 2"):
        AlignedSpeech(Annotations(2, words=(Word("so", Span(2, 3), 1.0),)), ((0,), (0,)))


def test_a_recording_is_annotated_and_encoded_as_a_whole() -> None:
    codec = FakeCodec()
    tokenizer = HybridTokenizer(find_preset("default"), TokenizerOptions(num_codebooks=2), backends={"codec": codec})
    samples = np.random.default_rng(0).normal(0.0, 0.1, 3300).astype(np.float32)
    words = (Word("so", Span(1, 4), 0.9),)
    speech = align_speech(tokenizer, (samples, 16_000), annotations=Annotations(11, words=words))
    assert speech.frames == 11 and speech.remainder == 100 and speech.annotations.words == words
    assert np.array_equal(speech.codes, FakeCodec().encode(samples)[:, :2])
    assert codec.encoded == [11]


# --- hybrid, text and units: as the vocabulary writes them ------------------------------------------------------------


@given(aligned_speech(), SETTINGS)
def test_units_with_merged_repeats_keep_their_counts(speech: AlignedSpeech, settings: dict[str, object]) -> None:
    ours = vocabulary(options(layout="units", **settings))
    turns = (Turn(0, (UnitItem(speech.units),)),) if speech.frames else ()
    stream = HybridStream((Channel(turns),), "locked", speech.remainder)
    ids = ours.encode(stream)
    assert ours.decode(ids) == stream
    if settings.get("run_length"):
        changes = sum(left != right for left, right in pairwise(speech.units)) + bool(speech.frames)
        units = sum(any(token in part for part in ours.space.units) for token in ids)
        assert units == changes * 2


# --- interleaved ------------------------------------------------------------------------------------------------------


@given(
    aligned_speech(),
    st.integers(0, 99),
    st.sampled_from(["locked", "free"]),
    st.sampled_from(["run", "word"]),
    SETTINGS,
)
def test_interleaved_streams_are_hybrid_streams(
    speech: AlignedSpeech,
    seed: int,
    timing: Literal["locked", "free"],
    durations: Literal["run", "word"],
    settings: dict[str, object],
) -> None:
    chosen = InterleaveOptions(2.0, 2.0, timing, durations)
    stream = interleave(speech, np.random.default_rng(seed), chosen)
    ours = vocabulary(options(timing=timing, **settings))
    assert ours.decode(ours.encode(stream)) == stream
    assert interleave(speech, np.random.default_rng(seed), chosen) == stream
    for placed in stream.placed():
        item = placed.item
        if timing == "locked" and isinstance(item, UnitItem | EventItem) and item.units:
            assert item.units == speech.cut(placed.span)
    if timing == "locked":
        assert stream.frames >= speech.frames and stream.remainder == speech.remainder
    spoken = {word.text for word in speech.annotations.words}
    items = (item for turn in stream.channels[0].turns for item in turn.items if isinstance(item, TextItem))
    assert all(any(word in item.text for word in spoken) for item in items)


def test_interleaved_runs_take_turns_with_the_lengths_asked_for() -> None:
    """40,000 words: the means, both first modes, and runs of one word where the mean is 1."""
    words = tuple(Word("a", Span(2 * n, 2 * n + 1), 1.0) for n in range(40_000))
    speech = AlignedSpeech(Annotations(80_000, words=words), ((0,),) * 80_000)
    stream = interleave(speech, np.random.default_rng(1), InterleaveOptions(4.0, 8.0, durations="word"))
    kinds = [(type(item), item) for item in stream.channels[0].turns[0].items if not isinstance(item, Pause)]
    texts = sum(kind is TextItem for kind, _ in kinds)
    runs = [len(item.units) / 2 for _, item in kinds if isinstance(item, UnitItem)]
    assert abs(np.mean(runs) - 8.0) < 0.5
    assert abs(texts / len(runs) - 4.0) < 0.3
    firsts = {
        type(interleave(speech_of(3), np.random.default_rng(seed)).channels[0].turns[0].items[0]) for seed in range(9)
    }
    assert firsts == {TextItem, UnitItem}
    strict = interleave(speech_of(9), np.random.default_rng(0), InterleaveOptions(1.0, 1.0))
    kinds = [type(item) for item in strict.channels[0].turns[0].items if not isinstance(item, Pause)]
    assert all(left is not right for left, right in pairwise(kinds)) and len(kinds) == 9


def test_events_have_units_and_under_words_of_text_alone_a_label() -> None:
    words = (Word("so", Span(0, 10), 1.0), Word("so", Span(10, 20), 1.0))
    over, beside = Event("laugh", Span(2, 8), 1.0), Event("cough", Span(15, 30), 1.0)
    speech = AlignedSpeech(Annotations(40, words=words, events=(over, beside)), ((0,),) * 40)
    found = {True: 0, False: 0}
    for seed in range(20):
        items = interleave(speech, np.random.default_rng(seed), InterleaveOptions(1.0, 1.0)).channels[0].turns[0].items
        first = isinstance(items[0], TextItem)
        found[first] += 1
        events = [item for item in items if isinstance(item, EventItem)]
        assert events == [EventItem("laugh")] * first + [EventItem("cough", ((0,),) * 10)]
    assert all(found.values())


def speech_of(words: int) -> AlignedSpeech:
    spans = (Span(2 * n, 2 * n + 2) for n in range(words))
    return AlignedSpeech(
        Annotations(2 * words, words=tuple(Word("a", span, 1.0) for span in spans)), ((0,),) * 2 * words
    )


@pytest.mark.parametrize(
    "chosen", [{"text_words": 0.5}, {"unit_words": float("nan")}, {"timing": "loose"}, {"durations": "x"}]
)
def test_interleave_options_that_are_none(chosen: dict[str, object]) -> None:
    with pytest.raises(OptionsError):
        InterleaveOptions(**chosen)  # pyright: ignore[reportArgumentType]


# --- joint ------------------------------------------------------------------------------------------------------------


@given(aligned_speech(), st.sampled_from(["text first", "units first"]), st.sampled_from(["run", "word"]), SETTINGS)
def test_joint_streams_come_back(
    speech: AlignedSpeech, order: Order, stretch: Literal["run", "word"], settings: dict[str, object]
) -> None:
    stream = join_speech(speech, order, stretch)
    layout = JointLayout(vocabulary(options(**settings)), order)
    assert layout.decode(layout.encode(stream)) == stream
    assert layout.decode(np.array(layout.encode(stream))) == stream  # pyright: ignore[reportArgumentType]
    assert tuple(unit for segment in stream.segments for unit in segment.units) == speech.units
    written = sorted(
        "".join(s.content.text for s in stream.segments if isinstance(s.content, TextItem)).replace(" ", "")
    )
    assert written == sorted("".join(word.text for word in speech.annotations.words).replace(" ", ""))
    units = joint_units(stream)
    ours = vocabulary(options(layout="units"))
    assert ours.decode(ours.encode(units)) == units and units.frames == speech.frames


@given(aligned_speech(), st.sampled_from(["text first", "units first"]), SETTINGS, st.data())
def test_changed_joint_ids_are_refused_or_spell_themselves(
    speech: AlignedSpeech, order: Order, settings: dict[str, object], data: st.DataObject
) -> None:
    """The reader accepts exactly what the writer writes."""
    ours = vocabulary(options(**settings))
    layout = JointLayout(ours, order)
    ids = layout.encode(join_speech(speech, order, data.draw(st.sampled_from(["run", "word"]))))
    any_id = st.sampled_from(ids) | st.integers(-1, 400) | st.integers(0, ours.size)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(ids)))
        ids[at : at + data.draw(st.integers(0, 2))] = data.draw(st.lists(any_id, max_size=2))
    try:
        stream = layout.decode(ids)
    except GrammarError as error:
        assert 0 <= error.position <= len(ids)
    else:
        assert layout.encode(stream) == ids


@given(aligned_speech(), st.sampled_from(["text first", "units first"]))
def test_a_joint_sequence_that_stops_names_its_end(speech: AlignedSpeech, order: Order) -> None:
    layout = JointLayout(vocabulary(options()), order)
    ids = layout.encode(join_speech(speech, order))
    for stop in range(len(ids)):
        with pytest.raises(GrammarError) as caught:
            layout.decode(ids[:stop])
        assert caught.value.position == stop


def test_a_joint_segment_takes_at_most_one_id_more_than_its_pieces_and_units() -> None:
    ours, speech = sample()
    stream = join_speech(speech)
    ids = JointLayout(ours).encode(stream)
    tags = sum(ours.space.range_of(token) in (ours.space.speakers, ours.space.languages) for token in ids)
    pieces = sum(token in ours.space.text_range for token in ids)
    others = sum(not isinstance(segment.content, TextItem) for segment in stream.segments)
    assert len(ids) == pieces + 2 * speech.frames + others + tags + 3


def test_what_is_no_joint_stream() -> None:
    text = TextItem("so")
    for segments, message in [
        ((JointSegment(-1, None, ((0, 0),)),), "speaker -1"),
        ((JointSegment(0, "giggle", ((0, 0),)),), "no event is called 'giggle'"),  # pyright: ignore[reportArgumentType]
        ((JointSegment(0, None, ()),), "neither words nor units"),
        ((JointSegment(0, TextItem("so", 3), ()),), "with a duration"),
        ((JointSegment(0, TextItem(""), ()),), "segment 0: an empty text run"),
        ((JointSegment(0, TextItem("so", language="xx"), ()),), "no code of a language"),
        ((JointSegment(0, TextItem("so", language="en"), ((0, 0),)), JointSegment(0, text, ())), "without a language"),
        ((JointSegment(0, text, ()), JointSegment(0, text, ((0, 0),))), "nothing between; join them"),
    ]:
        with pytest.raises(StreamError, match=message):
            JointStream(segments)
    with pytest.raises(StreamError, match="a remainder of 5"):
        JointStream((), remainder=5)
    with pytest.raises(OptionsError, match="text first or units first"):
        JointStream((), "both")  # pyright: ignore[reportArgumentType]
    ours = vocabulary(options())
    with pytest.raises(OptionsError, match="has units"):
        JointLayout(vocabulary(options(layout="text")))
    with pytest.raises(StreamError, match="the stream is units first, this layout text first"):
        JointLayout(ours).encode(JointStream((), "units first"))
    with pytest.raises(StreamError, match="segment 0: speaker 9 is outside"):
        JointLayout(ours).encode(JointStream((JointSegment(9, text, ()),)))
    with pytest.raises(StreamError, match="segment 0: unit of codebook 0 7"):
        JointLayout(ours).encode(JointStream((JointSegment(0, text, ((7, 0),)),)))


# --- parallel ---------------------------------------------------------------------------------------------------------

DELAYS = st.sampled_from([None, (0, 0), (0, 1), (2, 1), (1, 3)])


@given(aligned_speech(), DELAYS)
def test_parallel_rows_come_back(speech: AlignedSpeech, delays: tuple[int, ...] | None) -> None:
    space = vocabulary(options()).space
    stream = parallel_speech(space, speech)
    rows = write_parallel(space, stream, delays)
    assert read_parallel(space, rows, delays) == stream
    assert rows.shape[1] == 3 and len(rows) >= speech.frames
    assert stream.units == speech.units
    spoken = sorted(speech.annotations.words, key=lambda word: word.span)
    assert sorted(word.text.text for word in stream.words) == sorted(word.text for word in spoken)
    for placed, word in zip(stream.words, spoken, strict=True):
        assert placed.start >= word.span.start


@given(aligned_speech(), st.integers(0, 70), DELAYS)
def test_parallel_rows_that_stop_give_what_is_whole(
    speech: AlignedSpeech, stop: int, delays: tuple[int, ...] | None
) -> None:
    space = vocabulary(options()).space
    stream = parallel_speech(space, speech)
    rows = write_parallel(space, stream, delays)[:stop]
    read = read_parallel(space, rows, delays, partial=True)
    assert read.units == stream.units[: max(0, len(rows) - max(delays or (0,)))]
    assert [word.start for word in read.words] == [word.start for word in stream.words][: len(read.words)]
    assert read.words[:-1] == stream.words[: len(read.words)][:-1]


@given(aligned_speech(), DELAYS, st.data())
def test_changed_parallel_rows_are_refused_or_spell_themselves(
    speech: AlignedSpeech, delays: tuple[int, ...] | None, data: st.DataObject
) -> None:
    ours = vocabulary(options())
    rows = write_parallel(ours.space, parallel_speech(ours.space, speech), delays)
    any_id = st.integers(-1, 400) | st.integers(0, ours.size)
    if rows.size:
        any_id |= st.sampled_from(rows.ravel().tolist())
        for _ in range(data.draw(st.integers(1, 3))):
            rows[data.draw(st.integers(0, len(rows) - 1)), data.draw(st.integers(0, 2))] = data.draw(any_id)
    rows = rows[: len(rows) - data.draw(st.integers(0, 2))]
    try:
        stream = read_parallel(ours.space, rows, delays)
    except GrammarError as error:
        assert 0 <= error.position <= rows.size
    else:
        assert np.array_equal(write_parallel(ours.space, stream, delays), rows)


def test_words_that_fit_start_where_they_were_said_and_others_queue() -> None:
    ours = vocabulary(options(num_codebooks=1))
    space = ours.space
    long, short = "antidisestablishmentarianism", "so"
    pieces = len(space.text.encode(long))
    assert pieces > 3
    words = (Word(short, Span(2, 4), 1.0, 0), Word(long, Span(6, 8), 1.0, 0), Word(short, Span(8, 9), 1.0, 0))
    later = Word(short, Span(30, 31), 1.0, 1)
    speech = AlignedSpeech(Annotations(40, words=(*words, later)), ((0,),) * 40)
    starts = [word.start for word in parallel_speech(space, speech).words]
    assert starts == [2, 6, 6 + pieces + 1, 30]
    column = write_parallel(space, parallel_speech(space, speech))[:, 0].tolist()
    assert column[29] == space.speakers.start + 1
    assert column[:2] == [space.pause.start] * 2
    end = AlignedSpeech(Annotations(3, words=(Word(long, Span(2, 3), 1.0),)), ((0,),) * 3)
    rows = write_parallel(space, parallel_speech(space, end))
    assert len(rows) == 2 + pieces and set(rows[3:, 1].tolist()) == {space.pad.start}


def test_parallel_errors_say_where() -> None:
    ours, speech = sample()
    rows = write_parallel(ours.space, parallel_speech(ours.space, speech))
    changed = rows.copy()
    changed[3, 2] = ours.space.units[0].start
    with pytest.raises(GrammarError, match=r"position 11: found '<\|u0:0\|>' .* in row 3, column 2") as caught:
        read_parallel(ours.space, changed)
    assert caught.value.position == 11
    with pytest.raises(GrammarError, match="rows of 2 ids"):
        read_parallel(ours.space, rows[:, :2])
    text = TextItem("so")
    for words, message in [
        ((TimedWord(0, 0, text), TimedWord(1, 0, text)), "word 1: 'so' starts in row 1; there is place .* row 2 on"),
        ((TimedWord(0, 1, text),), "place for it from row 1 on"),
        ((TimedWord(9, 64, text),), "speaker 64 is outside"),
        ((TimedWord(9, 0, TextItem("so", 3)),), "duration"),
        ((TimedWord(9, 0, TextItem("so", language="xx")),), "no code of a language"),
        ((TimedWord(9, 0, TextItem("")),), "without text"),
    ]:
        with pytest.raises(StreamError, match=message):
            write_parallel(ours.space, ParallelStream(words, ()))


# --- codebook patterns ------------------------------------------------------------------------------------------------


@st.composite
def codes_of_frames(draw: st.DrawFn) -> tuple[Vocabulary, np.ndarray, tuple[int, ...]]:
    width = draw(st.integers(1, 4))
    frames = draw(st.integers(0, 12))
    codes = draw(st.lists(st.integers(0, CODES - 1), min_size=frames * width, max_size=frames * width))
    delays = tuple(draw(st.lists(st.integers(0, 4), min_size=width, max_size=width)))
    return vocabulary(options(width)), np.array(codes, np.int64).reshape(frames, width), delays


@given(codes_of_frames(), st.data())
def test_patterns_come_back_and_stopped_ones_give_whole_frames(
    made: tuple[Vocabulary, np.ndarray, tuple[int, ...]], data: st.DataObject
) -> None:
    ours, codes, delays = made
    space, (frames, width) = ours.space, codes.shape
    flat = write_flat(space, codes)
    assert np.array_equal(read_flat(space, flat), codes)
    stop = data.draw(st.integers(0, flat.size))
    assert np.array_equal(read_flat(space, flat[:stop], partial=True), codes[: stop // width])

    rows = write_delayed(space, codes, delays)
    assert rows.shape == ((frames + max(delays) if frames else 0), width)
    assert np.array_equal(read_delayed(space, rows, delays), codes)
    whole = max(0, min(stop, len(rows)) - max(delays))
    assert np.array_equal(read_delayed(space, rows[:stop], delays, partial=True), codes[:whole])

    coarse = data.draw(st.integers(1, width))
    ids = write_coarse_to_fine(space, codes, coarse)
    assert np.array_equal(read_coarse_to_fine(space, ids, coarse), codes)
    fine = width - coarse
    whole = (stop - frames * coarse) // fine if fine else stop // width
    assert np.array_equal(read_coarse_to_fine(space, ids[:stop], coarse, partial=True), codes[: max(0, whole)])
    if stop % width:
        with pytest.raises(GrammarError) as caught:
            read_flat(space, flat[:stop])
        assert caught.value.position == stop
    if 0 < stop < ids.size and fine:
        with pytest.raises(GrammarError) as caught:
            read_coarse_to_fine(space, ids[:stop], coarse)
        assert caught.value.position == stop


@given(codes_of_frames(), st.data())
def test_changed_patterns_are_refused_or_spell_themselves(
    made: tuple[Vocabulary, np.ndarray, tuple[int, ...]], data: st.DataObject
) -> None:
    ours, codes, delays = made
    space = ours.space
    coarse = data.draw(st.integers(1, codes.shape[1]))
    for written, write, read in [
        (write_flat(space, codes), lambda c: write_flat(space, c), lambda i: read_flat(space, i)),
        (
            write_coarse_to_fine(space, codes, coarse),
            lambda c: write_coarse_to_fine(space, c, coarse),
            lambda i: read_coarse_to_fine(space, i, coarse),
        ),
        (
            write_delayed(space, codes, delays),
            lambda c: write_delayed(space, c, delays),
            lambda i: read_delayed(space, i, delays),
        ),
    ]:
        if not written.size:
            continue
        changed = written.copy()
        at = data.draw(st.integers(0, written.size - 1))
        any_id = st.sampled_from(written.ravel().tolist()) | st.sampled_from([-1, space.pad.start, space.size])
        changed.flat[at] = data.draw(any_id)
        changed = changed[: len(changed) - data.draw(st.integers(0, 2))]
        try:
            found = read(changed)
        except GrammarError as error:
            assert 0 <= error.position <= changed.size
        else:
            assert np.array_equal(write(found), changed)


def test_pattern_errors_say_where() -> None:
    space = vocabulary(options()).space
    codes = np.array([[0, 1], [2, 0]])
    flat = write_flat(space, codes)
    with pytest.raises(
        GrammarError, match=r"position 1: found '<\|u0:0\|>' .*allowed here: unit of codebook 1"
    ) as caught:
        read_flat(space, flat[[0, 0]])
    assert caught.value.position == 1
    with pytest.raises(GrammarError, match=r"position 2: .*in row 1, column 0"):
        read_delayed(space, np.array([[flat[0], flat[1]], [flat[1], flat[1]]]), (0, 0))
    with pytest.raises(GrammarError, match="a row without units"):
        read_delayed(space, np.concatenate([write_delayed(space, codes, (0, 1)), [[space.pad.start] * 2]]), (0, 1))
    with pytest.raises(GrammarError, match=r"position 4: .*the end of the sequence"):
        read_coarse_to_fine(space, flat[[0, 2, 1, 3, 1]])
    for broken in ([[0, 1]], ["a"], [0.5]):
        with pytest.raises(GrammarError, match="a sequence of integers"):
            read_flat(space, broken)
    with pytest.raises(StreamError, match="frames of 2 units"):
        write_flat(space, codes[:, :1])
    with pytest.raises(StreamError, match="unit 3 of codebook 1, frame 0"):
        write_flat(space, np.array([[0, 3], [2, 0]]))
    with pytest.raises(StreamError, match="2 codebooks need as many delays"):
        write_delayed(space, codes, (0,))
    with pytest.raises(StreamError, match="at least 0 rows"):
        write_delayed(space, codes, (0, -1))
    with pytest.raises(OptionsError, match=r"1\.\.2 codebooks, not 3"):
        write_coarse_to_fine(space, codes, 3)


# --- a real recording -------------------------------------------------------------------------------------------------


def test_every_layout_of_a_real_recording() -> None:
    """What a codec writes of real speech, with the words of the transcript spread over it."""
    path = next(iter(sorted(recording("dev/librispeech").rglob("*.flac"))))
    codec = FakeCodec()
    tokenizer = HybridTokenizer(find_preset("default"), TokenizerOptions(num_codebooks=4), backends={"codec": codec})
    audio, _ = tokenizer.read(path)
    frames = -(-audio.num_samples // 320)
    texts = transcript(f"dev/{path.relative_to(recording('dev'))}").split()
    step = frames // len(texts)
    words = tuple(Word(text, Span(n * step + 1, n * step + step), 0.9, 0, "en") for n, text in enumerate(texts))
    speech = align_speech(tokenizer, audio, annotations=Annotations(frames, words=words))
    assert len(words) > 3 and speech.frames == frames and len(set(speech.units)) > 100
    ours = tokenizer.vocabulary
    space = ours.space

    mixed = interleave(speech, np.random.default_rng(0))
    assert ours.decode(ours.encode(mixed)) == mixed and mixed.frames == frames
    for order in ("text first", "units first"):
        joint, layout = join_speech(speech, order), JointLayout(ours, order)
        assert layout.decode(layout.encode(joint)) == joint
        assert " ".join(s.content.text for s in joint.segments if isinstance(s.content, TextItem)).split() == texts
        assert [placed.item for placed in joint_units(joint).placed()] == [UnitItem(speech.units)]
    stream = parallel_speech(space, speech)
    assert read_parallel(space, write_parallel(space, stream)) == stream
    assert [word.text.text for word in stream.words] == texts
    assert [word.start for word in stream.words] == [word.span.start for word in words]
    assert np.array_equal(read_flat(space, write_flat(space, speech.codes)), speech.codes)
    assert np.array_equal(
        read_delayed(space, write_delayed(space, speech.codes, (0, 1, 2, 3)), (0, 1, 2, 3)), speech.codes
    )
    assert np.array_equal(read_coarse_to_fine(space, write_coarse_to_fine(space, speech.codes)), speech.codes)
