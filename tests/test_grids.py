"""Codecs with frames of their own: everything that holds for frames of 20 ms holds for theirs."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import FakeCodec, FakeSynthesizer
from hybrid_tok import Audio, HybridTokenizer
from hybrid_tok.core.annotations import Annotations, Event, SpeakerTurn, Word
from hybrid_tok.core.interfaces import CodecIdentity
from hybrid_tok.core.timeline import Grid, Span, count_frames
from hybrid_tok.core.utterance import Phrase, Speech, Utterance
from hybrid_tok.decode.pipeline import DecodeOptions, Decoder
from hybrid_tok.encode.assemble import AssembleOptions, assemble
from hybrid_tok.encode.gate import Decision, GateOptions, gate
from hybrid_tok.errors import BackendError
from hybrid_tok.lm.layouts import (
    AlignedSpeech,
    JointLayout,
    align_speech,
    interleave,
    join_speech,
    joint_units,
    parallel_speech,
    read_parallel,
    write_parallel,
)
from hybrid_tok.options import TokenizerOptions
from hybrid_tok.tokens.stream import Back, Channel, EventItem, HybridStream, Pause, Prosody, TextItem, Turn, UnitItem
from hybrid_tok.tokens.summary import transcript
from hybrid_tok.tokens.vocabulary import VocabularyOptions
from strategies import vocabulary

OURS, ENCODEC, MIMI = Grid(16_000, 320), Grid(24_000, 320), Grid(24_000, 1920)
GRIDS = (OURS, ENCODEC, MIMI, Grid(44_100, 512), Grid(22_050, 1024))
WEIGHTS = (0.0, 0.003, 0.023, 0.1, math.inf)


def codec_of(grid: Grid, num_codebooks: int = 4) -> FakeCodec:
    return FakeCodec(sample_rate=grid.sample_rate, hop=grid.hop, num_codebooks=num_codebooks)


def noise(num_samples: int, grid: Grid) -> Audio:
    samples = np.random.default_rng(0).uniform(-0.3, 0.3, num_samples).astype(np.float32)
    return Audio(samples, grid.sample_rate)


def decoder(grid: Grid, rate: int = 16_000) -> Decoder:
    synthesizer = FakeSynthesizer(sample_rate=rate)
    return Decoder(lambda _: synthesizer, lambda: codec_of(grid), grid, options=DecodeOptions(room_tone=False))


def options(grid: Grid) -> VocabularyOptions:
    return VocabularyOptions("fake-codec-1", 256, grid.hop, num_codebooks=4)


@st.composite
def heard(draw: st.DrawFn, frames: int) -> Annotations:
    """Words, an event and turns anywhere, some words inside another speaker's."""
    starts = sorted(draw(st.lists(st.integers(0, max(frames - 1, 0)), max_size=8 if frames else 0)))
    words: list[Word] = []
    ends = {0: 0, 1: 0}
    for number, at in enumerate(starts):
        speaker = draw(st.integers(0, 1))
        start = max(at, ends[speaker])
        if start < frames:
            ends[speaker] = min(start + draw(st.integers(1, 30)), frames)
            language = draw(st.sampled_from([None, "en", "de"]))
            sure = draw(st.sampled_from([0.2, 0.9, 1.0]))
            words.append(Word(f"w{number}", Span(start, ends[speaker]), sure, speaker, language))
    first = draw(st.integers(0, max(frames - 1, 0)))
    event = Event("laugh", Span(first, min(first + 20, frames)), 0.9)
    whole = (Span(0, frames),) if frames and draw(st.booleans()) else ()
    return Annotations(
        frames,
        whole,
        whole,
        tuple(sorted(words, key=lambda word: word.span)),
        (event,) if frames else (),
        tuple(SpeakerTurn(word.speaker or 0, word.span) for word in sorted(words, key=lambda word: word.span)),
    )


def lengths(grid: Grid) -> list[int]:
    hop = grid.hop
    return [0, 1, hop - 1, hop, hop + 1, 7 * hop + 3, grid.sample_rate // 50, grid.sample_rate // 50 + 1, 20 * hop + 77]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_goes_in_comes_out_exactly_as_long(grid: Grid, data: st.DataObject) -> None:
    num_samples = data.draw(st.sampled_from(lengths(grid)) | st.integers(0, 3 * grid.sample_rate))
    annotations = data.draw(heard(count_frames(num_samples, grid.sample_rate)))
    weight, durations = data.draw(st.sampled_from(WEIGHTS)), data.draw(st.sampled_from(["run", "word"]))
    layout = data.draw(st.sampled_from(["hybrid", "text", "units"]))
    chosen = GateOptions(weight, layout=layout, num_codebooks=4, frame_rate=grid.frame_rate)
    decisions = gate(annotations, chosen)
    bins = {word: Prosody(0, 0, 0) for word in annotations.words} if data.draw(st.booleans()) else {}
    written = AssembleOptions(durations=durations, layout=layout)
    audio, codec = noise(num_samples, grid), codec_of(grid)
    stream = assemble(decisions, audio, lambda: codec, written, prosody=bins, grid=grid)
    assert stream.frames == grid.count(num_samples) and stream.remainder == num_samples % grid.hop

    said = [word.text for one in decisions if one.kind == "text" for word in (*one.words, *one.under)]
    items = [item for turn in stream.channels[0].turns for item in turn.items]
    texts = [text for item in items if isinstance(item, TextItem) for text in item.text.split()]
    assert sorted(texts) == sorted(said), "no word is lost"
    codes = codec.encode(audio.samples)
    for placed in stream.placed():
        if isinstance(placed.item, UnitItem | EventItem) and placed.item.units:
            assert np.array_equal(placed.item.units, codes[placed.span.start : placed.span.end])

    ours = vocabulary(VocabularyOptions("fake-codec-1", 256, grid.hop, num_codebooks=4, prosody=True))
    ids = ours.encode(stream)
    assert ours.decode(ids) == stream and ours.encode(ours.decode(ids)) == ids
    rate = data.draw(st.sampled_from([16_000, 22_050, 24_000, 11_025, 44_100, 8_001]))
    assert decoder(grid, rate).decode(stream).num_samples == num_samples

    free = assemble(decisions, audio, lambda: codec, AssembleOptions(timing="free", layout=layout), grid=grid)
    assert free.remainder is None
    decoder(grid, rate).decode(free)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(8, 60)), min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_text_is_where_it_was_decided(grid: Grid, layout: list[tuple[int, int]]) -> None:
    """To half a frame of the codec, where decisions are no shorter than its frames."""
    decisions: list[Decision] = []
    cursor = 0
    for number, (gap, frames) in enumerate(layout):
        if gap >= 5:
            decisions.append(Decision(Span(cursor, cursor + gap), "pause" if number % 2 else "units"))
            cursor += gap
        word = Word(f"w{number}", Span(cursor, cursor + frames), 1.0)
        decisions.append(Decision(word.span, "text", (word,)))
        cursor += frames
    decisions.append(Decision(Span(cursor, cursor + 10), "pause"))
    audio = noise(-(-(cursor + 10) * grid.sample_rate // 50), grid)
    stream = assemble(decisions, audio, lambda: codec_of(grid), AssembleOptions(durations="word"), grid=grid)
    wanted = {one.words[0].text: one.span for one in decisions if one.words}
    found = {placed.item.text: placed.span for placed in stream.placed() if isinstance(placed.item, TextItem)}
    assert found.keys() == wanted.keys()
    for text, span in found.items():
        for at, edge in ((span.start, wanted[text].start), (span.end, wanted[text].end)):
            assert abs(at - edge * grid.frame_rate / 50) <= Fraction(1, 2)


@pytest.mark.parametrize("rate", [8_001, 11_025, 16_000, 22_050, 24_000])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_a_word_is_heard_in_its_frames(grid: Grid, rate: int) -> None:
    first, frames = 9, -(-3 * grid.sample_rate // 10 // grid.hop)
    stream = HybridStream((Channel((Turn(0, (Pause(first), TextItem("hello", frames), Pause(5))),)),))
    samples = decoder(grid, rate).decode(stream).samples
    assert len(samples) == (first + frames + 5) * grid.hop
    sounding = np.flatnonzero(np.abs(samples) > 0.02)
    slack = 0.006 * grid.sample_rate  # fades, and what resampling smears
    assert abs(sounding[0] - first * grid.hop) < slack
    assert abs(sounding[-1] - (first + frames) * grid.hop) < slack


def test_more_words_than_frames_lose_none() -> None:
    """A word, units and an event every 20 ms, and a frame of the codec for all of them."""
    said = [Decision(Span(at, at + 1), "text", (Word(f"w{at}", Span(at, at + 1), 1.0),)) for at in (0, 2)]
    laugh = Event("laugh", Span(3, 4), 0.9)
    laughed = Decision(Span(3, 4), "event", label="laugh", event=laugh)
    decisions = (said[0], Decision(Span(1, 2), "units"), said[1], laughed)
    stream = assemble(decisions, noise(1920, MIMI), lambda: codec_of(MIMI), grid=MIMI)
    assert stream.frames == 1
    items = stream.channels[0].turns[0].items
    assert [item.text for item in items if isinstance(item, TextItem)] == ["w0", "w2"]
    assert [len(item.units) for item in items if isinstance(item, EventItem)] == [1]
    ours = vocabulary(options(MIMI))
    assert ours.decode(ours.encode(stream)) == stream
    assert decoder(MIMI).decode(stream).num_samples == 1920


def test_words_over_others_keep_a_frame() -> None:
    words = (
        Word("long", Span(10, 50), 1.0, speaker=0),
        Word("yes", Span(20, 21), 0.9, speaker=1),
        Word("well", Span(40, 70), 1.0, speaker=1),
    )
    stream = assemble(gate(Annotations(80, words=words)), noise(80 * 480, MIMI), lambda: codec_of(MIMI), grid=MIMI)
    assert [(turn.speaker, turn.items) for turn in stream.channels[0].turns] == [
        (0, (Pause(3), TextItem("long", 10))),
        (1, (Back(8), TextItem("yes", 1), Pause(4), TextItem("well", 8), Pause(2))),
    ]


def test_a_prosody_is_its_words_though_they_fall_together() -> None:
    """Two equal words within a frame of the codec are still two."""
    words = (Word("no", Span(4, 6), 1.0), Word("no", Span(6, 8), 1.0))
    decisions = (Decision(Span(0, 4), "pause"), *(Decision(word.span, "text", (word,)) for word in words))
    bins = {words[0]: Prosody(1, 1, 1), words[1]: Prosody(2, 2, 2)}
    stream = assemble(decisions, noise(8 * 480, MIMI), lambda: codec_of(MIMI), prosody=bins, grid=MIMI)
    items = [item for item in stream.channels[0].turns[0].items if isinstance(item, TextItem)]
    assert [(item.text, item.prosody) for item in items] == [("no", bins[words[0]]), ("no", bins[words[1]])]


def test_units_cost_what_the_codec_needs() -> None:
    assert [GateOptions(num_codebooks=8, frame_rate=grid.frame_rate).unit_tokens for grid in (MIMI, OURS, ENCODEC)] == [
        2.0,
        8.0,
        12.0,
    ]
    # 40 ids of units for 0.4 s, at 50 frames per second or at 12.5.
    words = (Word("perhaps", Span(0, 20), 0.55),)
    at_same_cost = [
        gate(Annotations(20, words=words), GateOptions(weight, num_codebooks=count, frame_rate=grid.frame_rate))
        for weight in (0.003, 0.01, 0.03)
        for count, grid in ((2, OURS), (8, MIMI))
    ]
    assert at_same_cost[::2] == at_same_cost[1::2] and len({one[0].kind for one in at_same_cost}) == 2


def test_a_transcript_has_seconds() -> None:
    items = (EventItem("laugh", ((1, 2),) * 5), Pause(6), TextItem("so", 3), Pause(7), UnitItem(((1, 2),) * 10))
    stream = HybridStream((Channel((Turn(0, items),)),))
    assert transcript(stream, MIMI.frame_rate) == "speaker 0: <laugh 0.40s> so (0.6s) [units 0.80s]"


def test_another_codec_than_the_frames_are_of_is_refused() -> None:
    units = HybridStream((Channel((Turn(0, (UnitItem(((0,) * 4,)),)),)),))
    with pytest.raises(BackendError, match="frames of 320 samples, but the stream of 1920"):
        Decoder(None, lambda: codec_of(ENCODEC), MIMI).decode(units)
    whole = (Decision(Span(0, 8), "units"),)
    with pytest.raises(BackendError, match="frames of 320 samples, not of 1920"):
        assemble(whole, noise(3840, MIMI), lambda: codec_of(ENCODEC), grid=MIMI)
    with pytest.raises(ValueError, match="the audio is at 24000 Hz, the frames at 16000 Hz"):
        assemble(whole, noise(3840, MIMI), lambda: codec_of(MIMI))


TALK = Annotations(
    99,
    (Span(0, 90),),
    (Span(0, 90),),
    (
        Word("so", Span(3, 11), 1.0, 0, "en"),
        Word("funny", Span(11, 27), 0.99, 0, "en"),
        Word("mumble", Span(30, 47), 0.05, 0, "en"),
        Word("ja", Span(71, 80), 0.99, 1, "de"),
    ),
    (Event("laugh", Span(50, 69), 0.95),),
    (SpeakerTurn(0, Span(0, 69)), SpeakerTurn(1, Span(70, 90))),
)


def tokenizer_of(grid: Grid, codebooks: int = 8, **chosen: object) -> HybridTokenizer:
    backends = {"codec": codec_of(grid, codebooks), "synthesizer": FakeSynthesizer(sample_rate=22_050)}
    chosen = {"voice": False, **chosen}
    preset = HybridTokenizer.from_preset().preset
    return HybridTokenizer(preset, TokenizerOptions(**chosen), backends=backends)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("layout", ["hybrid", "text", "units"])
@pytest.mark.parametrize("timing", ["locked", "free"])
@pytest.mark.parametrize("grid", [MIMI, Grid(44_100, 512)], ids=str)
def test_the_whole_tokenizer(grid: Grid, timing: str, layout: str) -> None:
    num_samples = 98 * grid.sample_rate // 50 + 7
    audio = noise(num_samples, grid)
    with tokenizer_of(grid, timing=timing, layout=layout) as tokenizer:
        analysis = tokenizer.analyze(audio, annotations=TALK)
        assert analysis.grid == grid == CodecIdentity.of(codec_of(grid)).grid
        assert all(left.span.end == right.span.start for left, right in pairwise(analysis.decisions))
        assert analysis.decisions[-1].span.end == 99, "decisions stay on the grid of 20 ms"
        kinds = {type(item) for turn in analysis.stream.channels[0].turns for item in turn.items} - {Pause}
        expected = {"hybrid": {TextItem, UnitItem, EventItem}, "text": {TextItem, EventItem}, "units": {UnitItem}}
        assert kinds <= expected[layout] and kinds
        decoded = tokenizer.decode(analysis.ids)
        assert decoded.sample_rate == grid.sample_rate
        if timing == "locked":
            assert analysis.stream.frames == grid.count(num_samples) and decoded.num_samples == num_samples
            assert tokenizer.decode_analysis(analysis).audio.num_samples == num_samples
        if layout == "units":
            codes = codec_of(grid, 8).encode(audio.samples)
            assert _units(analysis.stream) == list(map(tuple, codes.tolist()))


def _units(stream: HybridStream) -> list[tuple[int, ...]]:
    items = [item for channel in stream.channels for turn in channel.turns for item in turn.items]
    return [frame for item in items if isinstance(item, UnitItem) for frame in item.units]


@pytest.mark.parametrize("grid", [MIMI, ENCODEC, Grid(22_050, 1024)], ids=str)
def test_layouts_of_language_models(grid: Grid) -> None:
    num_samples = 98 * grid.sample_rate // 50 + 7
    audio = noise(num_samples, grid)
    with tokenizer_of(grid, codebooks=4) as tokenizer:
        speech = align_speech(tokenizer, audio, annotations=TALK)
        ours = tokenizer.vocabulary
    codes = codec_of(grid).encode(audio.samples)
    assert np.array_equal(speech.codes, codes) and speech.num_samples == num_samples and speech.annotations.frames == 99
    assert speech.places[0].start == 0 and speech.places[-1].end == speech.frames == grid.count(num_samples)
    assert all(left.end == right.start for left, right in pairwise(speech.places))

    for seed in range(5):
        mixed = interleave(speech, np.random.default_rng(seed))
        assert ours.decode(ours.encode(mixed)) == mixed
        assert decoder(grid).decode(mixed).num_samples == num_samples

    for order in ("text first", "units first"):
        joint = join_speech(speech, order)
        layout = JointLayout(ours, order)
        assert layout.decode(layout.encode(joint)) == joint
        assert _units(joint_units(joint)) == list(map(tuple, codes.tolist()))
        assert decoder(grid).decode(joint_units(joint)).num_samples == num_samples
        texts = [one.content.text for one in joint.segments if isinstance(one.content, TextItem)]
        assert " ".join(texts).split() == [word.text for word in TALK.words]

    rows = parallel_speech(ours.space, speech)
    late = [row.start - grid.containing(word.span.start) for row, word in zip(rows.words, TALK.words, strict=True)]
    assert late in ([0, 0, 0, 0], [1, 1, 0, 0]), "the tag of the first word's language may take its row"
    assert read_parallel(ours.space, write_parallel(ours.space, rows)) == rows


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(GRIDS))
def test_layouts_of_any_speech(data: st.DataObject, grid: Grid) -> None:
    num_samples = data.draw(st.sampled_from(lengths(grid)) | st.integers(0, grid.sample_rate))
    annotations = data.draw(heard(count_frames(num_samples, grid.sample_rate)))
    codes = codec_of(grid).encode(noise(num_samples, grid).samples)
    speech = AlignedSpeech.of(annotations, codes, num_samples % grid.hop, grid)
    ours = vocabulary(options(grid))
    mixed = interleave(speech, np.random.default_rng(data.draw(st.integers(0, 9))))
    assert mixed.frames == len(codes) and ours.decode(ours.encode(mixed)) == mixed
    for stretch in ("run", "word"):
        joint, layout = join_speech(speech, "text first", stretch), JointLayout(ours)
        assert layout.decode(layout.encode(joint)) == joint and joint.frames == len(codes)
        texts = [one.content.text for one in joint.segments if isinstance(one.content, TextItem)]
        assert sorted(" ".join(texts).split()) == sorted(word.text for word in annotations.words)
    rows = parallel_speech(ours.space, speech)
    assert read_parallel(ours.space, write_parallel(ours.space, rows)) == rows


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_a_silent_utterance_is_as_long_as_its_place(grid: Grid) -> None:
    utterance = Utterance((Phrase(("--",), Span(3, 20)),), frame_rate=grid.frame_rate)
    for rate in (16_000, 22_050, 24_000):
        body = Speech.silent(utterance, rate).body
        assert body[0] == 0 and abs(body[1] - 17 * rate / grid.frame_rate) <= Fraction(1, 2)
