from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import FakeCodec, FakeSynthesizer
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.progress import StageTimer
from hybrid_tok.core.speech_level import active_level
from hybrid_tok.core.timeline import Grid
from hybrid_tok.decode.pipeline import DecodeOptions, Decoder
from hybrid_tok.errors import BackendError, OptionsError, SpeechWarning, StreamError
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
from hybrid_tok.voice.code import NEUTRAL, quantize
from hybrid_tok.voice.prosody import ENERGY_DB

RATE = 16_000
HOP = 320


def decoder(**backends: object) -> Decoder:
    chosen = {
        "synthesizer": lambda language: FakeSynthesizer(),
        "codec": FakeCodec,
        "grid": Grid(RATE, HOP),
        **backends,
    }
    return Decoder(**chosen)  # pyright: ignore[reportArgumentType]


def tone_units(frames: int, amplitude: float = 0.1, pitch: float = 150.0) -> tuple[tuple[int, ...], ...]:
    times = np.arange(frames * HOP) / RATE
    samples = (amplitude * np.sin(2 * np.pi * pitch * times)).astype(np.float32)
    return tuple(map(tuple, FakeCodec(num_codebooks=32).encode(samples).tolist()))


def fine_codec() -> FakeCodec:
    return FakeCodec(num_codebooks=32)


def locked(*items: Item, remainder: int = 0) -> HybridStream:
    return HybridStream((Channel((Turn(0, items),) if items else ()),), "locked", remainder)


def free(*items: Item) -> HybridStream:
    return HybridStream((Channel((Turn(0, items),)),), "free", None)


def level_of(samples: np.ndarray) -> float:
    level = active_level(frame_powers(samples, RATE))
    assert level is not None
    return level[0]


@st.composite
def locked_streams(draw: st.DrawFn) -> HybridStream:
    """Streams of everything locked timing can say, with overlaps and up to three channels."""

    def units(least: int) -> tuple[tuple[int, ...], ...]:
        frames = draw(st.integers(least, 12))
        return tuple((draw(st.integers(0, 255)),) * 4 for _ in range(frames))

    channels = []
    for _ in range(draw(st.integers(1, 3))):
        turns, cursor, speaker, language = [], 0, None, None
        for _ in range(draw(st.integers(0, 3))):
            speaker = draw(st.integers(0, 3).filter(lambda other, last=speaker: other != last))
            items: list[Item] = []
            for _ in range(draw(st.integers(1, 5))):
                kind = draw(st.sampled_from(["text", "units", "event", "pause", "back"]))
                language = draw(st.sampled_from([language, "en", "zh"])) if kind == "text" else language
                moved = bool(items) and isinstance(items[-1], Pause | Back)
                item: Item | None = None
                if kind == "text":
                    text = draw(st.sampled_from(["so", "very funny", "他说", " "]))
                    item = TextItem(text, draw(st.integers(0, 40)), language=language)
                elif kind == "units":
                    item = UnitItem(units(1))
                elif kind == "event":
                    item = EventItem("laugh", units(0))
                elif kind == "pause" and not moved:
                    item = Pause(draw(st.integers(1, 40)))
                elif kind == "back" and not moved and cursor > 0:
                    item = Back(draw(st.integers(1, cursor)))
                if item is not None:
                    items.append(item)
                    cursor += HybridStream((Channel((Turn(0, (item,)),)),)).frames if not isinstance(item, Back) else 0
                    cursor -= item.frames if isinstance(item, Back) else 0
            turns.append(Turn(speaker, tuple(items)))
        channels.append(Channel(tuple(turns)))
    empty = HybridStream(tuple(channels)).frames == 0
    return HybridStream(tuple(channels), "locked", 0 if empty else draw(st.integers(0, HOP - 1)))


@settings(max_examples=60, deadline=None)
@given(locked_streams())
def test_locked_decoding_is_exactly_as_long_as_the_stream_says(stream: HybridStream) -> None:
    remainder = stream.remainder
    assert remainder is not None
    length = stream.frames * HOP - (HOP - remainder) % HOP
    audio = decoder().decode(stream)
    assert audio.sample_rate == RATE
    assert audio.samples.shape == ((length,) if len(stream.channels) == 1 else (len(stream.channels), length))
    assert np.isfinite(audio.samples).all() and np.abs(audio.samples).max(initial=0.0) <= 0.99 + 1e-6
    assert np.array_equal(audio.samples, decoder().decode(stream).samples)


def test_units_come_out_as_the_codec_decodes_them() -> None:
    units = tone_units(50)
    audio = decoder(codec=fine_codec, synthesizer=None).decode(locked(UnitItem(units), remainder=7))
    assert np.array_equal(audio.samples, fine_codec().decode(np.array(units))[: 49 * HOP + 7])


def test_everything_is_where_the_cursor_put_it() -> None:
    stream = locked(
        Pause(20), TextItem("hello", 30), Pause(10), UnitItem(tone_units(20)), Pause(5), TextItem("you", 15)
    )
    samples = decoder(codec=fine_codec).decode(stream).samples
    loud = frame_powers(samples, RATE) > 1e-5
    expected = np.repeat([0, 1, 0, 1, 0, 1], [20, 30, 10, 20, 5, 15]).astype(bool)
    borders = np.flatnonzero(np.diff(expected.astype(int)))
    far = np.ones(100, bool)
    far[np.concatenate([borders, borders + 1])] = False  # fades reach 5 ms over the borders
    assert np.array_equal(loud[far], expected[far])


def test_joins_do_not_click() -> None:
    """The steepest step at the joins is no steeper than in the sounds themselves."""
    pieces = (UnitItem(tone_units(20)), TextItem("hello", 20), UnitItem(tone_units(20)), Pause(10), TextItem("you", 9))
    samples = decoder(codec=fine_codec, synthesizer=lambda language: FakeSynthesizer(amplitude=0.05)).decode(
        locked(*pieces)
    )
    steps = np.abs(np.diff(samples.samples))
    joins = np.cumsum([20, 20, 20, 10, 9])[:-1] * HOP
    near = np.concatenate([np.arange(join - 100, join + 100) for join in joins])
    assert steps[near].max() <= 1.5 * np.delete(steps, near).max()


def test_speech_is_as_loud_as_the_voice_code_says() -> None:
    for level in (-40.0, -26.0, -16.0):
        code = quantize(replace(NEUTRAL, level=level))
        for stream in (locked(TextItem("hello", 40)), free(TextItem("hello"))):
            turn = replace(stream.channels[0].turns[0], voice=code)
            samples = decoder().decode(replace(stream, channels=(Channel((turn,)),))).samples
            assert level_of(samples) == pytest.approx(level, abs=1.0)
    alone = decoder().decode(locked(TextItem("hello", 40))).samples
    assert level_of(alone) == pytest.approx(NEUTRAL.level, abs=0.7)


def test_a_speaker_in_another_voice_is_as_loud_as_before() -> None:
    turn = Turn(0, (TextItem("hello", 40),), quantize(replace(NEUTRAL, level=-38.0)))
    stream = HybridStream((Channel((turn,)),), "locked", 0)
    synthesizer = FakeSynthesizer()
    for voice in ("a name", quantize(replace(NEUTRAL, level=-15.0))):
        audio = decoder(synthesizer=lambda language: synthesizer).decode(stream, voices={0: voice})
        assert level_of(audio.samples) == pytest.approx(-38.0, abs=1.0)
        assert synthesizer.spoken[-1].voice == voice
    with pytest.raises(StreamError, match="no speaker 3 in the stream to give a voice to; there are: 0"):
        decoder().decode(stream, voices={3: "a name"})


def test_words_are_as_loud_as_their_delivery_says() -> None:
    words = [TextItem(word, 25, prosody=Prosody(3, energy, 3)) for word, energy in (("so", 1), ("very", 6), ("no", 4))]
    samples = decoder().decode(locked(*words)).samples
    powers = [10 * np.log10(np.mean(samples[k * 25 * HOP + 1600 : (k + 1) * 25 * HOP - 1600] ** 2)) for k in range(3)]
    wanted = [NEUTRAL.level + ENERGY_DB[bin_] for bin_ in (1, 6, 4)]
    assert powers == pytest.approx(wanted, abs=0.5)


def test_the_language_of_the_text_can_be_overruled() -> None:
    synthesizer = FakeSynthesizer()
    asked: list[str | None] = []

    def make(language: str | None) -> FakeSynthesizer:
        asked.append(language)
        return synthesizer

    stream = locked(TextItem("so", 10), TextItem("very", 10, language="en"))
    decoder(synthesizer=make, speak_as="de").decode(stream)
    assert asked == ["de"] and [utterance.language for utterance in synthesizer.spoken] == ["de", "de"]


def test_text_without_sound_is_silent_and_told_of() -> None:
    with pytest.warns(SpeechWarning, match="nothing in '-- 🙂' can be spoken"):
        audio = decoder().decode(locked(TextItem("-- 🙂", 30)))
    assert audio.num_samples == 30 * HOP and not audio.samples.any()


def test_pauses_between_units_have_the_tone_of_the_room() -> None:
    rng = np.random.default_rng(0)
    room = (0.002 * rng.standard_normal(60 * HOP)).astype(np.float32)
    room[20 * HOP : 40 * HOP] += 0.3 * np.sin(2 * np.pi * 150 * np.arange(20 * HOP) / RATE).astype(np.float32)
    units = tuple(map(tuple, FakeCodec(num_codebooks=320, codebook_size=4096).encode(room).tolist()))
    codec = lambda: FakeCodec(num_codebooks=320, codebook_size=4096)  # noqa: E731
    stream = locked(UnitItem(units), Pause(50), UnitItem(units))
    quiet = decoder(codec=codec, options=DecodeOptions(room_tone=False)).decode(stream).samples
    filled = decoder(codec=codec).decode(stream).samples
    assert not quiet[65 * HOP : 105 * HOP].any()
    level = lambda x: 10 * np.log10(np.mean(np.square(x)))  # noqa: E731
    assert level(filled[65 * HOP : 105 * HOP]) == pytest.approx(20 * np.log10(0.002), abs=3.0)
    assert np.array_equal(filled[HOP : 59 * HOP], quiet[HOP : 59 * HOP])


def test_overlapping_items_are_summed_and_limited() -> None:
    units = tone_units(20, amplitude=0.7)
    both = decoder(codec=fine_codec).decode(locked(UnitItem(units), Back(20), UnitItem(units))).samples
    assert np.abs(both).max() <= 0.99 + 1e-6
    quiet = tone_units(20, amplitude=0.2)
    once = decoder(codec=fine_codec).decode(locked(UnitItem(quiet))).samples
    both = decoder(codec=fine_codec).decode(locked(UnitItem(quiet), Back(20), UnitItem(quiet))).samples
    assert both == pytest.approx(2 * once, abs=1e-6)


def test_free_timing_speaks_at_its_own_pace() -> None:
    options = DecodeOptions(gap=0.1, turn_gap=0.5)
    synthesizer = FakeSynthesizer()
    spoken = synthesizer.duration("hello")
    stream = HybridStream(
        (
            Channel(
                (
                    Turn(0, (TextItem("hello"), EventItem("laugh", tone_units(10)))),
                    Turn(1, (EventItem("sigh"), TextItem("hello"))),
                )
            ),
        ),
        "free",
        None,
    )
    audio = decoder(synthesizer=lambda language: synthesizer, codec=fine_codec, options=options).decode(stream)
    expected = 2 * spoken + 10 * HOP + 0.1 * RATE + 0.5 * RATE
    assert audio.num_samples == pytest.approx(expected, abs=2 * 80)
    assert decoder().decode(free(UnitItem(((0,) * 4,) * 7))).num_samples == 7 * HOP
    assert decoder().decode(HybridStream((Channel(),), "free", None)).num_samples == 0


def test_the_words_of_close_items_are_one_utterance() -> None:
    synthesizer = FakeSynthesizer()
    stream = locked(
        TextItem("so", 10), Pause(3), TextItem("very", 10), TextItem("funny", 20), Pause(151), TextItem("no", 9)
    )
    decoder(synthesizer=lambda language: synthesizer).decode(stream)
    assert [utterance.words for utterance in synthesizer.spoken] == [("so", "very", "funny"), ("no",)]


def test_each_language_has_its_synthesizer() -> None:
    made: dict[str | None, FakeSynthesizer] = {}

    def make(language: str | None) -> FakeSynthesizer:
        assert language not in made, "asked for once"
        made[language] = FakeSynthesizer()
        return made[language]

    en, zh = {"language": "en"}, {"language": "zh"}
    stream = locked(
        *(TextItem("so", 10), TextItem("very", 10, **en), TextItem("你好", 20, **zh), TextItem("funny", 20, **en)),
        *(Pause(30), TextItem("再见", 20, **zh)),
    )
    decoder(synthesizer=make).decode(stream)
    assert {language: [one.words for one in synthesizer.spoken] for language, synthesizer in made.items()} == {
        None: [("so",)],
        "en": [("very",), ("funny",)],
        "zh": [("你", "好"), ("再", "见")],
    }


def test_characters_are_put_where_their_words_were() -> None:
    """Two items of a Chinese utterance, one long and one short, with silence between them."""
    zh = {"language": "zh"}
    samples = decoder().decode(locked(TextItem("你好", 40, **zh), Pause(10), TextItem("再见", 10, **zh))).samples
    loud = frame_powers(samples, RATE) > 1e-5
    assert loud[1:39].all() and not loud[41:49].any() and loud[51:59].all()


def unavailable(*_: object) -> object:
    raise AssertionError("nobody needs this backend")


def test_backends_that_nobody_needs_are_never_made() -> None:
    decoder(synthesizer=unavailable).decode(locked(UnitItem(((0,) * 4,))))
    decoder(codec=unavailable).decode(locked(TextItem("hi", 10), EventItem("laugh")))
    decoder(codec=None, synthesizer=None).decode(locked(Pause(10), TextItem(" ", 5)))


def test_missing_and_wrong_backends_are_named() -> None:
    with pytest.raises(BackendError, match="text, but there is no synthesizer"):
        decoder(synthesizer=None).decode(locked(TextItem("hi", 10)))
    with pytest.raises(BackendError, match="units, but there is no unit codec"):
        decoder(codec=None).decode(free(UnitItem(((0,) * 4,))))
    with pytest.raises(BackendError, match="gives 24000 Hz, but the output is at 16000"):
        decoder(codec=lambda: FakeCodec(sample_rate=24_000)).decode(locked(UnitItem(((0,) * 4,))))
    with pytest.raises(StreamError, match="remainder"):
        decoder().decode(locked(Pause(1), remainder=400))


def test_stages_are_timed_and_progress_is_told() -> None:
    heard: list[tuple[str, float, float]] = []
    timer = StageTimer(lambda stage, done, total: heard.append((stage, done, total)))
    items = [item for index in range(3) for item in (TextItem("hi", 10), UnitItem(((index,) * 4,)), Pause(151))]
    decoder().decode(locked(*items), timer)
    assert list(timer.seconds) == ["vocoder", "synthesizer", "mixer"]
    assert ("vocoder", 2, 3) in heard and ("synthesizer", 2, 3) in heard


@pytest.mark.parametrize(
    "options", [{"crossfade": -1.0}, {"crossfade": 1.0}, {"ceiling": 0.0}, {"ceiling": 1.5}, {"gap": math.nan}]
)
def test_options_are_checked(options: dict[str, float]) -> None:
    with pytest.raises(OptionsError):
        DecodeOptions(**options)  # pyright: ignore[reportArgumentType]
    with pytest.raises(OptionsError, match="at most twice the warm-up of 6 frames of 8 samples"):
        decoder(grid=Grid(RATE, 8))


@pytest.mark.parametrize("stream", [locked(Pause(50 * 3600 * 93)), locked(Pause(501))], ids=["93 hours", "10.02 s"])
def test_a_stream_that_asks_for_too_much_is_refused_before_anything_is_made(stream: HybridStream) -> None:
    most = DecodeOptions(max_seconds=10.0) if stream.frames < 1000 else DecodeOptions()
    with pytest.raises(
        StreamError, match=r"s long, all channels together, and at most .* s are decoded: raise max_seconds"
    ):
        decoder(options=most).decode(stream)


def test_free_timing_is_limited_too() -> None:
    frames = tuple((0,) * 4 for _ in range(60))
    codec = FakeCodec()
    most = DecodeOptions(max_seconds=1.0)
    with pytest.raises(StreamError, match=r"1 s long, .* at most 1 s are decoded"):
        decoder(codec=lambda: codec, options=most).decode(free(UnitItem(frames)))
    assert not codec.decoded
    with pytest.raises(StreamError, match="at most 1 s are decoded"):
        decoder(options=most).decode(free(TextItem("many words that take longer than a second")))


def test_the_limit_is_for_all_channels_together() -> None:
    """16 channels of 6 hours are 22 GB."""
    long = Channel((Turn(0, (Pause(5 * 3600 * 50),)),))
    with pytest.raises(StreamError, match="36,000 s long, all channels together, and at most 21,600 s"):
        decoder().decode(HybridStream((long, long), remainder=0))
