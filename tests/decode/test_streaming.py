"""The streaming decoder gives out what the offline one does, as early as nothing can change it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fakes import FakeCodec, FakeSynthesizer
from hybrid_tok.align.aligner import STEPS, BuiltinAligner
from hybrid_tok.audio import read_mono
from hybrid_tok.backends.kokoro import KokoroSynthesizer
from hybrid_tok.codec.backend import BuiltinCodec
from hybrid_tok.core.annotations import Segment
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Grid
from hybrid_tok.core.utterance import Speech, Utterance
from hybrid_tok.decode.pipeline import DecodeOptions, Decoder
from hybrid_tok.decode.streaming import StreamDecodeOptions, StreamDecoder
from hybrid_tok.errors import BackendError, GrammarError, OptionsError, SpeechWarning, StreamError
from hybrid_tok.tokens.stream import (
    Back,
    Channel,
    EventItem,
    HybridStream,
    Item,
    Pause,
    Prosody,
    TextItem,
    Turn,
    UnitItem,
)
from hybrid_tok.tokens.vocabulary import Vocabulary, VocabularyOptions
from hybrid_tok.voice.code import NEUTRAL, quantize
from real_audio import recording
from strategies import vocabulary

RATE = 16_000
HOP = 320
WIDTH = 16
"""Units per frame: the fake codec then follows a waveform."""


LONG = "I went there, and then she said that we had seen all of it before anyone else had come. Yes!"
WORDS = tuple(LONG.replace(",", "").split())


class _LateStream:
    """Decodes as the fake codec does, two frames behind, and swells at the start as a decoder with memory."""

    def __init__(self, codec: LateCodec) -> None:
        self._codec = codec
        self._kept = np.zeros(0, np.float32)
        self._made = 0

    def push(self, codes: NDArray[np.integer]) -> NDArray[np.float32]:
        samples = FakeCodec.decode(self._codec, codes)
        samples = samples * (1.0 - np.exp(-np.arange(self._made, self._made + len(samples)) / 320)).astype(np.float32)
        self._made += len(samples)
        self._kept = np.concatenate([self._kept, samples])
        known = max(0, len(self._kept) - 2 * HOP)
        out, self._kept = self._kept[:known], self._kept[known:]
        return out

    def finish(self) -> NDArray[np.float32]:
        return self._kept


class LateCodec(FakeCodec):
    """A codec that decodes streams."""

    def decoder_stream(self) -> _LateStream:
        return _LateStream(self)

    def decode(self, codes: NDArray[np.integer]) -> NDArray[np.float32]:
        stream = self.decoder_stream()
        return np.concatenate([stream.push(codes), stream.finish()])


class Speaker(FakeSynthesizer):
    """A synthesizer to whom a comma makes no difference: phrases that go on are given one."""

    @staticmethod
    def pitch(word: str) -> float:
        return FakeSynthesizer.pitch(word.rstrip(","))

    def duration(self, word: str) -> int:
        return super().duration(word.rstrip(","))

    @property
    def said(self) -> list[tuple[str, ...]]:
        """The words of each utterance, without commas."""
        return [tuple(word.rstrip(",") for word in utterance.words) for utterance in self.spoken]


def whole_decoder(**changes: Any) -> Decoder:
    chosen = {
        "synthesizer": lambda language: Speaker(),
        "codec": lambda: LateCodec(num_codebooks=WIDTH),
        "grid": Grid(RATE, HOP),
        "options": DecodeOptions(room_tone=False),
        **changes,
    }
    return Decoder(**chosen)


def words_of(timing: str = "locked", **options: Any) -> Vocabulary:
    chosen = {"codebook_size": 256, "num_codebooks": WIDTH, "timing": timing, **options}
    return vocabulary(VocabularyOptions(codec="fake-codec-1", **chosen))


def tone_units(frames: int, amplitude: float = 0.1, pitch: float = 150.0) -> tuple[tuple[int, ...], ...]:
    times = np.arange(frames * HOP) / RATE
    samples = (amplitude * np.sin(2 * np.pi * pitch * times)).astype(np.float32)
    return tuple(map(tuple, FakeCodec(num_codebooks=WIDTH).encode(samples).tolist()))


def locked(*items: Item, remainder: int = 0, voice: tuple[int, ...] | None = None) -> HybridStream:
    return HybridStream((Channel((Turn(0, items, voice),) if items else ()),), "locked", remainder)


def free(*items: Item) -> HybridStream:
    return HybridStream((Channel((Turn(0, items),)),), "free", None)


def streamed(
    stream: HybridStream,
    decoder: Decoder | None = None,
    made: Vocabulary | None = None,
    cuts: Sequence[int] | None = None,
    **options: Any,
) -> NDArray[np.float32]:
    """The samples of a stream, its ids pushed one by one, or cut at positions."""
    made = made or words_of(stream.timing)
    dec = StreamDecoder(decoder or whole_decoder(), made, options=StreamDecodeOptions(**options))
    ids = made.encode(stream)
    borders = range(len(ids) + 1) if cuts is None else sorted({0, *(min(cut, len(ids)) for cut in cuts), len(ids)})
    parts = [dec.push(ids[a:b]) for a, b in pairwise(borders)]
    return np.concatenate([np.zeros(0, np.float32), *parts, dec.flush()])


@st.composite
def unit_streams(draw: st.DrawFn, back: bool = False) -> HybridStream:
    """Units, events and pauses of several speakers, and steps back before units."""

    def units() -> tuple[tuple[int, ...], ...]:
        frames = draw(st.integers(1, 9))
        return tone_units(frames, draw(st.sampled_from([0.05, 0.3, 0.8])), draw(st.sampled_from([110.0, 300.0])))

    turns: list[Turn] = []
    cursor = 0
    for number in range(draw(st.integers(0, 3))):
        items: list[Item] = []
        for _ in range(draw(st.integers(1, 5))):
            kinds = ["units", "event", "pause"] + (["back"] if back else [])
            kind = draw(st.sampled_from(kinds))
            moved = bool(items) and isinstance(items[-1], Pause | Back)
            if kind == "back" and cursor and not moved:
                step = draw(st.integers(1, cursor))
                items += [Back(step), UnitItem(units())]
                cursor -= step
            elif kind == "pause" and not moved:
                items.append(Pause(draw(st.integers(1, 70))))
            elif kind == "event":
                items.append(EventItem("laugh", units() if draw(st.booleans()) else ()))
            else:
                items.append(UnitItem(units()))
            cursor += HybridStream((Channel((Turn(0, (items[-1],)),)),)).frames
        turns.append(Turn(number % 2, tuple(items)))
    empty = HybridStream((Channel(tuple(turns)),)).frames == 0
    remainder = 0 if empty else draw(st.integers(0, HOP - 1))
    return HybridStream((Channel(tuple(turns)),), "locked", remainder)


@settings(max_examples=40, deadline=None)
@given(unit_streams(), st.booleans(), st.sampled_from([0.0, 0.01, 0.05]))
def test_units_and_pauses_are_what_the_offline_decoder_gives(
    stream: HybridStream, late: bool, crossfade: float
) -> None:
    codec = LateCodec if late else FakeCodec
    decoder = whole_decoder(
        codec=lambda: codec(num_codebooks=WIDTH), options=DecodeOptions(room_tone=False, crossfade=crossfade)
    )
    whole = decoder.decode(stream).samples
    assert streamed(stream, decoder) == pytest.approx(whole, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(unit_streams(back=True))
def test_overlaps_within_what_is_held_back_are_what_the_offline_decoder_gives(stream: HybridStream) -> None:
    whole = whole_decoder().decode(stream).samples
    assert streamed(stream, hold=60.0) == pytest.approx(whole, abs=1e-5)
    assert len(streamed(stream)) == len(whole)


def random_items() -> st.SearchStrategy[Item]:
    texts = st.sampled_from(
        ["so", " ", "I went there, and then she said that we had seen all of it. Yes!", "very funny"]
    )
    units = st.integers(1, 12).map(tone_units)
    return (
        st.builds(TextItem, texts, st.integers(0, 200), language=st.just("en"))
        | st.builds(UnitItem, units)
        | st.builds(EventItem, st.just("laugh"), units | st.just(()))
        | st.builds(Pause, st.integers(1, 130))
    )


@st.composite
def any_streams(draw: st.DrawFn) -> HybridStream:
    """Everything that one channel of locked timing can have."""
    items: list[Item] = []
    cursor = 0
    for item in draw(st.lists(random_items(), max_size=6)):
        moved = bool(items) and isinstance(items[-1], Pause | Back)
        if cursor and not moved and draw(st.booleans()):
            step = draw(st.integers(1, cursor))
            items.append(Back(step))
            cursor, moved = cursor - step, True
        if not (moved and isinstance(item, Pause)):
            items.append(item)
            cursor += HybridStream((Channel((Turn(0, (item,)),)),)).frames
    empty = locked(*items).frames == 0
    return locked(*items, remainder=0 if empty else draw(st.integers(0, HOP - 1)))


@settings(max_examples=40, deadline=None)
@given(any_streams(), st.lists(st.integers(0, 300), max_size=8), st.sampled_from(["run", "word"]))
def test_samples_are_as_many_as_offline_and_do_not_depend_on_the_cuts(
    stream: HybridStream, cuts: list[int], durations: str
) -> None:
    decoder = whole_decoder(options=DecodeOptions())
    made = words_of(durations=durations)
    one_by_one = streamed(stream, decoder, made)
    assert len(one_by_one) == decoder.decode(stream).num_samples
    assert np.abs(one_by_one).max(initial=0.0) <= 0.99 + 1e-6
    assert np.array_equal(streamed(stream, decoder, made, cuts), one_by_one)


@pytest.mark.parametrize("late", [False, True])
def test_events_of_fewer_codebooks_are_what_the_offline_decoder_gives(late: bool) -> None:
    few = tuple(frame[:1] for frame in tone_units(6))
    stream = locked(UnitItem(tone_units(5)), EventItem("laugh", few), UnitItem(tone_units(4)), Pause(2), remainder=5)
    decoder = whole_decoder(codec=lambda: (LateCodec if late else FakeCodec)(num_codebooks=WIDTH))
    made = words_of(event_codebooks=1)
    assert streamed(stream, decoder, made) == pytest.approx(decoder.decode(stream).samples, abs=1e-5)


def test_counted_and_merged_frames_are_the_same_samples() -> None:
    units = ((3,) * WIDTH,) * 100 + ((200,) * WIDTH,) * 3
    stream = locked(Pause(3), UnitItem(units), Pause(80), remainder=5)
    counted = streamed(stream, made=words_of(run_length=True))
    assert np.array_equal(counted, streamed(stream))


def test_the_tone_of_the_room_goes_on_between_units() -> None:
    rng = np.random.default_rng(0)
    fine = lambda: FakeCodec(num_codebooks=320, codebook_size=4096)  # noqa: E731
    room = (0.002 * rng.standard_normal(120 * HOP)).astype(np.float32)
    room[20 * HOP : 80 * HOP] += 0.3 * np.sin(2 * np.pi * 150 * np.arange(60 * HOP) / RATE).astype(np.float32)
    units = tuple(map(tuple, fine().encode(room).tolist()))
    stream = locked(UnitItem(units), Pause(50), UnitItem(units[:20]))
    made = words_of(num_codebooks=320, codebook_size=4096)
    level = lambda x: 10 * np.log10(np.mean(np.square(x)))  # noqa: E731
    quiet = streamed(stream, whole_decoder(codec=fine), made)
    filled = streamed(stream, whole_decoder(codec=fine, options=DecodeOptions()), made)
    assert not quiet[121 * HOP : 169 * HOP].any()
    assert level(filled[121 * HOP : 169 * HOP]) == pytest.approx(20 * np.log10(0.002), abs=3.0)
    assert np.array_equal(filled[: 119 * HOP], quiet[: 119 * HOP])


# How early


def test_units_are_given_out_with_the_codec_and_the_limiter_behind() -> None:
    made = words_of()
    dec = StreamDecoder(whole_decoder(), made)
    ids = made.encode(locked(UnitItem(tone_units(40))))
    given, first = 0, ids.index(made.token_id("<|units|>")) + 1
    dec.push(ids[:first])
    for frame in range(40):
        given += len(dec.push(ids[first + frame * WIDTH : first + (frame + 1) * WIDTH]))
        assert (frame + 1) * HOP - given <= 0.06 * RATE, "within 60 ms of the ids"
        assert dec.position == given / RATE


def test_pauses_are_given_out_as_they_come() -> None:
    made = words_of()
    dec = StreamDecoder(whole_decoder(), made)
    ids = made.encode(locked(Pause(64 * 2 + 3)))
    found = [len(dec.push([token])) for token in ids]
    assert found[:2] == [0, 0]
    assert 2 * HOP - 0.03 * RATE <= found[2] <= 2 * HOP
    assert (64 * 2 + 3) * HOP - 0.03 * RATE <= sum(found[:4]) <= (64 * 2 + 3) * HOP
    assert sum(found) == (64 * 2 + 3) * HOP


@pytest.mark.parametrize("timing", ["locked", "free"])
def test_text_comes_phrase_by_phrase(timing: str) -> None:
    synthesizer = Speaker()
    decoder = whole_decoder(synthesizer=lambda language: synthesizer)
    stream = locked(TextItem(LONG, 300)) if timing == "locked" else free(TextItem(LONG))
    made = words_of(timing)
    dec = StreamDecoder(decoder, made, options=StreamDecodeOptions(context_words=0))
    ids = made.encode(stream)
    seconds, spoken = [], []
    for pieces in (dec.push_pieces(ids), dec.flush_pieces()):
        for samples in pieces:
            seconds.append(len(samples) / RATE)
            spoken.append(len(synthesizer.spoken))
    assert spoken[0] == 1 and spoken[-1] >= 3, "the first is given out before the next is spoken"
    assert len(synthesizer.spoken[0].words) <= 4
    assert sum(synthesizer.said, ()) == WORDS
    assert max(len(utterance.words) for utterance in synthesizer.spoken) <= 14
    if timing == "locked":
        assert math.isclose(sum(seconds), 6.0)
        spans = [utterance.span for utterance in synthesizer.spoken]
        assert all(a and b and a.end == b.start for a, b in pairwise(spans))


@pytest.mark.parametrize("timing", ["locked", "free"])
def test_a_phrase_is_spoken_with_the_words_around_it(timing: str) -> None:
    """They are spoken for its sake only: the output is as long and has the same words in the same places."""
    synthesizer = Speaker()
    decoder = whole_decoder(synthesizer=lambda language: synthesizer)
    text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    stream = locked(TextItem(text, 300)) if timing == "locked" else free(TextItem(text))
    made = words_of(timing)
    alone = streamed(stream, decoder, made, [1000], context_words=0)
    apart = synthesizer.said
    synthesizer.spoken.clear()
    together = streamed(stream, decoder, made, [1000], context_words=4)
    words = tuple(text.split())
    at = 0
    for own, together_with in zip(apart, synthesizer.said, strict=True):
        assert words[at : at + len(own)] == own
        # The first is spoken alone, to be heard soon; in free timing others are before more is known.
        after = 0 if at == 0 else 2 if timing == "locked" else 1
        assert together_with == words[max(0, at - 4) : at + len(own) + after]
        at += len(own)
    assert len(together) == len(alone)
    same = np.abs(together - alone) < 0.02
    assert same.mean() > 0.95


def test_context_is_of_the_same_speaker_and_language_and_near() -> None:
    synthesizer = Speaker()
    decoder = whole_decoder(synthesizer=lambda language: synthesizer)
    en, de = (lambda text: TextItem(text, 30, language="en")), (lambda text: TextItem(text, 30, language="de"))
    turns = (
        Turn(0, (en("one"), Pause(140), en("two"), Pause(160), en("three"), de("vier"), Back(10), de("sechs"))),
        Turn(1, (de("acht"),)),
    )
    streamed(HybridStream((Channel(turns),)), decoder)
    spoken = synthesizer.said
    assert spoken == [("one",), ("one", "two"), ("three",), ("vier",), ("sechs",), ("acht",)]


def test_a_phrase_that_goes_on_does_not_end_the_sentence() -> None:
    synthesizer = Speaker()
    decoder = whole_decoder(synthesizer=lambda language: synthesizer)
    items = (TextItem("one and", 40), Pause(30), TextItem("two.", 40), Pause(30), TextItem("你好", 40, language="zh"))
    streamed(locked(*items), decoder, context_words=0)
    assert [utterance.words[-1] for utterance in synthesizer.spoken] == ["and,", "two.", "好，"]
    synthesizer.spoken.clear()
    streamed(free(TextItem("one and two")), decoder)
    assert synthesizer.spoken[-1].words[-1] == "two", "nothing follows"


def test_free_text_is_spoken_before_it_is_whole() -> None:
    synthesizer = Speaker()
    made = words_of("free")
    options = StreamDecodeOptions(context_words=0)
    dec = StreamDecoder(whole_decoder(synthesizer=lambda language: synthesizer), made, options=options)
    ids = made.encode(free(TextItem(LONG)))
    half = len(ids) // 2
    assert len(dec.push(ids[:half])) > 0 and dec.position > 0.5
    said = sum(synthesizer.said, ())
    assert said == WORDS[: len(said)]
    dec.push(ids[half:])
    dec.flush()
    assert sum(synthesizer.said, ()) == WORDS


def test_words_of_their_own_items_are_spoken_together() -> None:
    synthesizer = Speaker()
    words = LONG.split()
    items = [TextItem(word, 20) for word in words]
    made = words_of(durations="word")
    streamed(locked(*items), whole_decoder(synthesizer=lambda language: synthesizer), made, context_words=0)
    assert sum(synthesizer.said, ()) == WORDS
    assert 2 <= len(synthesizer.spoken) <= 5 and len(synthesizer.spoken[0].words) <= 4
    synthesizer.spoken.clear()
    items = [TextItem("so", 20), Pause(15), TextItem("what", 20), Pause(2), TextItem("now", 20)]
    streamed(locked(*items), whole_decoder(synthesizer=lambda language: synthesizer), made, context_words=0)
    assert synthesizer.said == [("so",), ("what", "now")]


def test_free_timing_has_the_gaps_of_the_offline_decoder() -> None:
    turns = (
        Turn(0, (TextItem("hello"), EventItem("laugh", tone_units(10)))),
        Turn(1, (UnitItem(tone_units(5)), EventItem("sigh"), TextItem("hello you", language="en"))),
        Turn(
            0,
            (
                TextItem("so", language="de"),
                EventItem("sigh"),
                TextItem("was", prosody=Prosody(0, 0, 0), language="de"),
            ),
        ),
    )
    stream = HybridStream((Channel(turns),), "free", None)
    for made in (words_of("free", prosody=True),):
        whole = whole_decoder().decode(stream).samples
        found = streamed(stream, made=made)
        assert len(found) == len(whole)
        # Words of one utterance are spoken apart, each at the speaker's level: the rest is the same.
        assert found[: 2 * RATE] == pytest.approx(whole[: 2 * RATE], abs=0.02)


# What comes late


def test_an_overlap_with_what_was_given_out_comes_late_and_whole() -> None:
    quiet = tone_units(20, 0.05)
    stream = locked(Pause(100), EventItem("sigh"), Back(50), UnitItem(quiet), Pause(100))
    made = words_of()
    dec = StreamDecoder(whole_decoder(), made)
    samples = np.concatenate([dec.push([token]) for token in made.encode(stream)] + [dec.flush()])
    assert len(samples) == stream.frames * HOP
    assert dec.late == pytest.approx(1.0, abs=0.03)
    sounding = np.flatnonzero(samples)
    assert sounding[0] >= 50 * HOP + round((dec.late - 0.02) * RATE)
    assert (sounding[-1] - sounding[0]) / HOP == pytest.approx(20, abs=1)
    dec.reset()
    assert dec.late == 0.0 and dec.position == 0.0


def test_phrases_that_come_late_do_not_fall_on_each_other() -> None:
    made = words_of()
    stream = locked(Pause(300), EventItem("sigh"), Back(300), TextItem(LONG, 300), Pause(400))
    dec = StreamDecoder(whole_decoder(), made, options=StreamDecodeOptions(context_words=0))
    samples = np.concatenate([dec.push([token]) for token in made.encode(stream)] + [dec.flush()])
    alone = whole_decoder().decode(locked(TextItem(LONG, 300))).samples
    assert np.abs(samples).max() <= 1.3 * np.abs(alone).max()
    assert np.count_nonzero(samples) == pytest.approx(np.count_nonzero(alone), rel=0.02)


# Skipping and interrupting


def test_what_is_skipped_is_neither_given_out_nor_spoken() -> None:
    synthesizer = Speaker()
    decoder = whole_decoder(synthesizer=lambda language: synthesizer)
    made = words_of()
    stream = locked(TextItem("hello there", 50), UnitItem(tone_units(50)), TextItem("so what", 50))
    whole = np.concatenate([StreamDecoder(decoder, made).push(made.encode(stream))])
    synthesizer.spoken.clear()
    dec = StreamDecoder(decoder, made)
    dec.skip_to(1.5)
    samples = np.concatenate([dec.push([token]) for token in made.encode(stream)] + [dec.flush()])
    assert synthesizer.said == [("so", "what")]
    assert len(samples) == len(whole) - 1.5 * RATE and dec.position == 3.0
    assert np.abs(samples[:2]).max() < 0.01 < np.abs(samples).max()
    assert np.array_equal(samples[160:], whole[round(1.5 * RATE) + 160 :])
    heard = dec.cancel()
    assert heard.seconds == 3.0 and heard.words == ("so", "what")


def test_a_skip_in_the_middle_leaves_a_gap_in_the_clock() -> None:
    made = words_of()
    ids = made.encode(locked(UnitItem(tone_units(100))))
    dec = StreamDecoder(whole_decoder(), made)
    before = dec.push(ids[: 2 + 50 * WIDTH])
    dec.skip_to(1.4)
    after = np.concatenate([dec.push(ids[2 + 50 * WIDTH :]), dec.flush()])
    assert len(after) == 0.6 * RATE and dec.position == 2.0
    assert dec.cancel(played=(len(before) + len(after)) / RATE - 0.25).seconds == pytest.approx(1.75)
    dec.reset()
    dec.push(ids[: 2 + 50 * WIDTH])
    dec.skip_to(0.1)
    assert len(dec.push(ids[2 + 50 * WIDTH :])) == 100 * HOP - len(before), "what was given out stays"


def test_an_interruption_says_what_was_heard() -> None:
    made = words_of()
    stream = locked(TextItem("hello you there", 100), Pause(10), UnitItem(tone_units(50)))
    ids = made.encode(stream)
    dec = StreamDecoder(whole_decoder(), made)
    cut = len(ids) - 3 - 1 - 20 * WIDTH
    given = dec.push(ids[:cut])
    synthesizer = Speaker()
    ends = np.cumsum([synthesizer.duration(word) for word in ("hello", "you", "there")])
    ends = ends / ends[-1] * 2.0
    heard = dec.cancel()
    assert heard.seconds == dec.position == len(given) / RATE
    assert heard.words == ("hello", "you", "there")
    assert heard.consumed == cut
    frames = math.floor((heard.seconds - 2.2) * 50 + 1e-9)
    opened = ids.index(made.token_id("<|units|>"))
    assert heard.heard == opened + 1 + frames * WIDTH
    for played, words in ((float(ends[1]) + 0.01, ("hello", "you")), (float(ends[0]) - 0.01, ()), (0.0, ())):
        dec.reset()
        dec.push(ids[:cut])
        heard = dec.cancel(played)
        assert heard.seconds == pytest.approx(played, abs=1e-4) and heard.words == words
        begun = made.space.text.decode([token - made.space.text_range.start for token in ids[1 : heard.heard]])
        assert tuple(begun.split()) == words


def test_an_interruption_fades_out_from_what_was_played() -> None:
    made = words_of()
    ids = made.encode(locked(UnitItem(tone_units(100, 0.5))))
    for played in (None, 0.5):
        dec = StreamDecoder(whole_decoder(), made)
        given = dec.push(ids[: 2 + 60 * WIDTH])
        tail = dec.cancel(played).tail
        assert len(tail) == 160
        heard = np.concatenate([given if played is None else given[: RATE // 2], tail, np.zeros(100, np.float32)])
        steepest = np.abs(np.diff(given)).max()
        assert np.abs(np.diff(heard)).max() <= 1.3 * steepest
    assert len(StreamDecoder(whole_decoder(), made).cancel().tail) == 0


def test_an_interruption_within_free_text_that_goes_on() -> None:
    made = words_of("free")
    ids = made.encode(free(TextItem(LONG)))
    dec = StreamDecoder(whole_decoder(), made)
    pushed = len(ids) * 2 // 3
    dec.push(ids[:pushed])
    heard = dec.cancel(dec.position / 2)
    assert 0 < len(heard.words) < len(LONG.split()) and heard.words == tuple(LONG.split())[: len(heard.words)]
    begun = made.space.text.decode([token - made.space.text_range.start for token in ids[1 : heard.heard]])
    assert tuple(begun.split()) == heard.words


# Errors


def test_an_id_out_of_place_is_refused_where_it_is_and_nothing_is_lost() -> None:
    made = words_of()
    ids = made.encode(locked(UnitItem(tone_units(30)), remainder=7))
    whole = StreamDecoder(whole_decoder(), made).push(ids)
    dec = StreamDecoder(whole_decoder(), made)
    middle = len(ids) // 2
    with pytest.raises(GrammarError, match=f"^position {middle}: found '<|pad|>'"):
        dec.push([*ids[:middle], made.pad_id, *ids[middle:]])
    assert dec.position == 0.0
    with pytest.raises(GrammarError, match="the end of the sequence"):
        dec.flush()
    assert np.array_equal(np.concatenate([dec.push(ids[middle:]), dec.flush()]), whole)


def test_what_is_over_is_over() -> None:
    made = words_of()
    ids = made.encode(locked(UnitItem(tone_units(3))))
    dec = StreamDecoder(whole_decoder(), made)
    whole = np.concatenate([dec.push(ids), dec.flush()])
    for call in (lambda: dec.push([]), dec.flush, lambda: dec.skip_to(1.0), lambda: dec.push_pieces(ids)):
        with pytest.raises(StreamError, match="flushed: reset"):
            call()
    assert dec.cancel().seconds == 3 * HOP / RATE
    with pytest.raises(StreamError, match="cancelled: reset"):
        dec.push(ids)
    with pytest.raises(StreamError, match="cancelled already"):
        dec.cancel()
    dec.reset()
    assert np.array_equal(np.concatenate([dec.push(ids), dec.flush()]), whole)


def test_pieces_that_are_not_taken_are_noticed() -> None:
    made = words_of()
    dec = StreamDecoder(whole_decoder(), made)
    ids = made.encode(locked(TextItem(LONG, 300)))
    next(iter(dec.push_pieces(ids)))
    with pytest.raises(StreamError, match="not all taken"):
        dec.push(ids)
    heard = dec.cancel()
    assert 0.5 < heard.seconds < 3.0 and len(heard.words) <= 4


def test_several_channels_are_refused() -> None:
    made = words_of()
    ids = made.encode(HybridStream((Channel((Turn(0, (Pause(3),)),)), Channel(()))))
    with pytest.raises(StreamError, match="several channels"):
        StreamDecoder(whole_decoder(), made).push(ids)


def test_speakers_that_are_not_there() -> None:
    made = words_of()
    with pytest.raises(StreamError, match=r"no stream has a speaker 64 .* 0\.\.63"):
        StreamDecoder(whole_decoder(), made, {64: "a voice"})
    dec = StreamDecoder(whole_decoder(), made, {3: "a voice"})
    dec.push(made.encode(locked(Pause(3))))
    with pytest.warns(SpeechWarning, match="no speaker 3 in the stream to give a voice to; there were: 0"):
        dec.flush()


def test_a_speaker_in_another_voice() -> None:
    synthesizer = Speaker()
    made = words_of()
    code = quantize(NEUTRAL)
    ids = made.encode(locked(TextItem("so", 30), voice=code))
    for voices, wanted in (({}, code), ({0: "a voice"}, "a voice")):
        StreamDecoder(whole_decoder(synthesizer=lambda language: synthesizer), made, voices).push(ids)
        assert synthesizer.spoken[-1].voice == wanted


def test_no_more_is_decoded_than_asked_for() -> None:
    made = words_of(run_length=True)
    decoder = whole_decoder(options=DecodeOptions(max_seconds=2.0))
    for items in ([Pause(101)], [UnitItem(tone_units(1) * 2000)], [TextItem("so", 101)]):
        with pytest.raises(StreamError, match="max_seconds"):
            streamed(locked(*items), decoder, made)
    assert len(streamed(locked(Pause(100)), decoder, made)) == 2 * RATE
    with pytest.raises(StreamError, match="max_seconds"):
        streamed(free(UnitItem(tone_units(101))), decoder, words_of("free"))


@pytest.mark.parametrize("options", [{"hold": -1.0}, {"hold": math.nan}, {"first_words": 0}, {"most_words": 3}])
def test_options_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(OptionsError):
        StreamDecodeOptions(**options)


def test_what_does_not_fit() -> None:
    with pytest.raises(OptionsError, match="frames of 100 samples, the decoder of 320"):
        StreamDecoder(whole_decoder(), words_of(hop=100))
    with pytest.raises(OptionsError, match="locked"):
        StreamDecoder(whole_decoder(), words_of("free")).skip_to(1.0)
    dec = StreamDecoder(whole_decoder(), words_of())
    for seconds in (-1.0, math.nan, math.inf):
        with pytest.raises(OptionsError, match="at least 0 s"):
            dec.skip_to(seconds)
    with pytest.raises(OptionsError, match="played must be 0 to 0 s"):
        dec.cancel(1.0)


def test_backends_that_are_missing_or_fail() -> None:
    made = words_of()
    with pytest.raises(BackendError, match="no unit codec"):
        streamed(locked(UnitItem(tone_units(3))), whole_decoder(codec=None))
    with pytest.raises(BackendError, match="no synthesizer"):
        streamed(locked(TextItem("so", 30)), whole_decoder(synthesizer=None))
    with pytest.raises(BackendError, match="16 units per frame, but fake codec has 4"):
        streamed(locked(UnitItem(tone_units(3))), whole_decoder(codec=FakeCodec))

    class Failing(Speaker):
        def synthesize(self, utterance: Utterance) -> Speech:
            raise BackendError("broken")

    dec = StreamDecoder(whole_decoder(synthesizer=lambda language: Failing()), made)
    ids = made.encode(locked(TextItem("so", 30)))
    with pytest.raises(BackendError, match="broken"):
        dec.push(ids)
    with pytest.raises(StreamError, match="failed"):
        dec.push(ids[-1:])

    class Short(_LateStream):
        def finish(self) -> NDArray[np.float32]:
            return super().finish()[1:]

    class ShortCodec(LateCodec):
        def decoder_stream(self) -> _LateStream:
            return Short(self)

    with pytest.raises(BackendError, match="samples for 11 frames of 320"):
        streamed(locked(UnitItem(tone_units(3))), whole_decoder(codec=lambda: ShortCodec(num_codebooks=WIDTH)))


# The backends of the default preset


@pytest.fixture(scope="module")
def codec() -> BuiltinCodec:
    return BuiltinCodec()


@pytest.fixture(scope="module")
def kokoro() -> Iterator[KokoroSynthesizer]:
    made = KokoroSynthesizer()
    yield made
    made.close()


def test_real_units_are_what_the_offline_decoder_gives(codec: BuiltinCodec) -> None:
    audio, _ = read_mono(recording("dialogues/dialogue03.flac"), RATE)
    codes = codec.encode(audio.samples[: 3 * RATE])[100:]
    units = tuple(map(tuple, codes.tolist()))
    stream = locked(
        UnitItem(units[:20]), EventItem("laugh", units[20:30]), Pause(20), UnitItem(units[30:]), remainder=9
    )
    made = words_of(num_codebooks=codec.num_codebooks, codebook_size=codec.codebook_size)
    decoder = whole_decoder(codec=lambda: codec)
    whole = decoder.decode(stream).samples
    one_by_one = streamed(stream, decoder, made)
    assert one_by_one == pytest.approx(whole, abs=1e-5)
    assert np.array_equal(streamed(stream, decoder, made, [7, 40, 41, 90]), one_by_one)


def test_real_units_come_within_80_ms_of_their_ids(codec: BuiltinCodec) -> None:
    units = tuple(map(tuple, codec.encode(np.zeros(RATE // 2, np.float32)).tolist()))
    made = words_of(num_codebooks=codec.num_codebooks, codebook_size=codec.codebook_size)
    dec = StreamDecoder(whole_decoder(codec=lambda: codec), made)
    ids, width, given = made.encode(locked(UnitItem(units))), codec.num_codebooks, 0
    dec.push(ids[:2])
    for frame in range(len(units)):
        given += len(dec.push(ids[2 + frame * width : 2 + (frame + 1) * width]))
        assert (frame + 1) * HOP - given <= 0.08 * RATE


def test_real_speech_in_phrases_has_its_words_in_the_same_places(kokoro: KokoroSynthesizer) -> None:
    text = "we were away a year ago, when the children asked why such large boats go by on the river"
    stream = locked(Pause(20), TextItem(text, 300, language="en"), Pause(30), remainder=5)
    decoder = whole_decoder(synthesizer=lambda language: kokoro)
    whole = decoder.decode(stream).samples
    found = streamed(stream, decoder, words_of(), [1000])
    assert len(found) == len(whole) == 349 * HOP + 5
    assert not found[: 19 * HOP].any() and not found[322 * HOP :].any()
    level = lambda x: 10 * np.log10(np.mean(np.square(x[20 * HOP : 320 * HOP])))  # noqa: E731
    assert level(found) == pytest.approx(level(whole), abs=2.0)
    heard = [BuiltinAligner().fit(Audio(samples, RATE), [Segment(text)]).words for samples in (whole, found)]
    late = [(after.start - before.start) / STEPS for before, after in zip(*heard, strict=True)]
    assert np.median(np.abs(late)) <= 0.1 and np.max(np.abs(late)) <= 0.4
