"""The decoder with the backends of the default preset: what is true of the fakes is true of the real ones."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hybrid_tok.align.aligner import STEPS, BuiltinAligner
from hybrid_tok.audio import read_mono
from hybrid_tok.backends.espeak import EspeakSynthesizer
from hybrid_tok.backends.kokoro import KokoroSynthesizer
from hybrid_tok.codec.backend import BuiltinCodec
from hybrid_tok.core.annotations import Segment
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.interfaces import Synthesizer, UnitCodec
from hybrid_tok.core.speech_level import active_level
from hybrid_tok.core.timeline import FRAME_RATE, Grid, Span
from hybrid_tok.core.utterance import Phrase, Utterance
from hybrid_tok.decode.pipeline import Decoder
from hybrid_tok.errors import OptionsError
from hybrid_tok.tokens.stream import Channel, HybridStream, Item, Pause, Prosody, TextItem, Turn, UnitItem
from hybrid_tok.voice.code import NEUTRAL, quantize
from hybrid_tok.voice.pitch import track_pitch
from hybrid_tok.voice.prosody import PITCH_SEMITONES
from real_audio import recording

RATE = 16_000
HOP = 320


@pytest.fixture(scope="module", params=[EspeakSynthesizer, KokoroSynthesizer], ids=["espeak", "kokoro"])
def synthesizer(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = request.param()
    yield made
    made.close()


@pytest.fixture(scope="module")
def codec() -> BuiltinCodec:
    return BuiltinCodec()


def locked(*items: Item, voice: tuple[int, ...] | None = None) -> HybridStream:
    return HybridStream((Channel((Turn(0, items, voice),)),), "locked", 0)


def decode(stream: HybridStream, synthesizer: Synthesizer, codec: UnitCodec | None = None) -> np.ndarray:
    decoder = Decoder(lambda language: synthesizer, (lambda: codec) if codec else None, Grid(RATE, HOP))
    return decoder.decode(stream).samples


@pytest.mark.parametrize("frames", [40, 120])
def test_a_run_fills_its_place_and_nothing_else(synthesizer: Synthesizer, frames: int) -> None:
    samples = decode(locked(Pause(30), TextItem("the quick brown fox", frames), Pause(30)), synthesizer)
    powers = frame_powers(samples, RATE)
    assert not powers[:29].any() and not powers[31 + frames :].any()
    said = powers[30 : 30 + frames]
    assert said[: frames // 5].max() > 1e-6 and said[-frames // 4 :].max() > 1e-6
    level = active_level(said)
    assert level is not None and level[0] == pytest.approx(NEUTRAL.level, abs=2.0)


@pytest.mark.parametrize("grid", [Grid(24_000, 1920), Grid(44_100, 512), Grid(22_050, 1024)], ids=str)
def test_places_are_kept_in_frames_of_any_codec(synthesizer: Synthesizer, grid: Grid) -> None:
    first, second, third = (round(seconds * grid.frame_rate) for seconds in (0.7, 0.5, 1.1))
    items = (Pause(first), TextItem("stop", first), Pause(second), TextItem("go on now", third), Pause(first))
    samples = Decoder(lambda language: synthesizer, None, grid).decode(locked(*items)).samples
    borders = [grid.hop * frames for frames in itertools.accumulate([first, first, second, third, first])]
    assert len(samples) == borders[-1]
    fade = round(0.006 * grid.sample_rate)
    silent = [(0, borders[0] - fade), (borders[1] + fade, borders[2] - fade), (borders[3] + fade, borders[4])]
    assert not any(samples[start:end].any() for start, end in silent)
    assert all(np.abs(samples[start:end]).max() > 0.01 for start, end in (borders[:2], borders[2:4]))


def test_the_same_stream_gives_the_same_samples(synthesizer: Synthesizer) -> None:
    stream = locked(TextItem("so funny", 40), Pause(40), TextItem("he said -- nothing", 70))
    first = decode(stream, synthesizer)
    decode(locked(TextItem("something else", 30)), synthesizer)
    assert np.array_equal(decode(stream, synthesizer), first)


def test_a_pause_between_words_is_silent(synthesizer: Synthesizer) -> None:
    """Between two words of an utterance there is as much silence as the stream says, to the fade."""
    samples = decode(locked(TextItem("stop", 30), Pause(10), TextItem("go", 20), TextItem("on", 20)), synthesizer)
    powers = frame_powers(samples, RATE)
    assert not powers[31:39].any()
    assert powers[2:25].max() > 1e-6 and powers[42:75].max() > 1e-6


def test_each_language_fills_its_place(synthesizer: Synthesizer) -> None:
    stream = locked(
        *(TextItem("so far", 40, language="en"), Pause(10), TextItem("你好，", 40, language="zh"), Pause(10)),
        TextItem("银行", 30, language="zh"),
    )
    powers = frame_powers(decode(stream, synthesizer), RATE)
    assert not powers[41:49].any() and not powers[91:99].any()
    assert all(powers[start : start + 10].max() > 1e-6 for start in (2, 25, 52, 75, 102))


def test_a_unit_run_cut_out_of_speech_sounds_like_the_whole(codec: BuiltinCodec) -> None:
    """Decoded on its own, a run is close to what the whole recording decodes to, from its first frames on."""
    audio, _ = read_mono(recording("dialogues/dialogue03.flac"), RATE)
    codes = codec.encode(audio.samples[: 6 * RATE])
    whole = codec.decode(codes)
    levels = []
    for start in range(30, 270, 30):
        units = tuple(map(tuple, codes[start : start + 20].tolist()))
        stream = locked(Pause(5), UnitItem(units))
        samples = Decoder(None, lambda: codec, Grid(RATE, HOP)).decode(stream).samples[5 * HOP :]
        expected = whole[start * HOP : (start + 20) * HOP]
        levels.append(10 * np.log10(np.mean(samples**2) / np.mean(expected**2)))
    assert np.abs(np.median(levels)) < 2.0


@pytest.fixture(scope="module")
def kokoro() -> Iterator[KokoroSynthesizer]:
    made = KokoroSynthesizer()
    yield made
    made.close()


TEXT = "we were away a year ago when the children asked why such large boats go by"


def free(text: str, **traits: float) -> HybridStream:
    return HybridStream((Channel((Turn(0, (TextItem(text),), quantize(replace(NEUTRAL, **traits))),)),), "free", None)


@pytest.mark.parametrize("pitch", [95.0, 140.0, 230.0])
def test_a_speaker_has_the_pitch_of_the_code(kokoro: KokoroSynthesizer, pitch: float) -> None:
    track = track_pitch(decode(free(TEXT, pitch=pitch), kokoro), RATE)
    assert 12 * np.log2(np.median(track.frequency[track.voiced]) / pitch) == pytest.approx(0.0, abs=1.0)


def test_a_slow_speaker_takes_longer_than_a_fast_one(kokoro: KokoroSynthesizer) -> None:
    slow, fast = (decode(free(TEXT, rate=rate), kokoro) for rate in (2.8, 5.0))
    assert len(slow) / len(fast) == pytest.approx(5.0 / 2.8, rel=0.1)


def test_words_follow_their_pitch_tokens(kokoro: KokoroSynthesizer) -> None:
    words = ["many", "men", "knew", "Emily", "now"]  # the last one fades, with hardly any pitch to measure
    bins = [0, 3, 7, 1, 3]
    items = [TextItem(word, 30, prosody=Prosody(bin_, 3, 3)) for word, bin_ in zip(words, bins, strict=True)]
    samples = decode(locked(*items, voice=quantize(replace(NEUTRAL, pitch=150.0))), kokoro)
    track = track_pitch(samples, RATE)
    medians = []
    for index in range(len(words) - 1):
        inside = (track.centres >= index * 30 * HOP + 1600) & (track.centres < (index + 1) * 30 * HOP - 800)
        medians.append(12 * np.log2(np.median(track.frequency[inside & track.voiced]) / 150.0))
    assert medians == pytest.approx([PITCH_SEMITONES[bin_] for bin_ in bins[:-1]], abs=1.5)


def test_words_start_in_their_places(kokoro: KokoroSynthesizer) -> None:
    """Sounds come 75 ms before the frames of their tokens, which is made up for; an aligner hears where they are."""
    words = TEXT.split()
    frames = [10 + 3 * len(word) for word in words]  # with less, a word takes time from its neighbour
    samples = decode(locked(*map(TextItem, words, frames)), kokoro)
    heard = BuiltinAligner().fit(Audio(samples, RATE), [Segment(TEXT)]).words
    places = np.cumsum([0, *frames[:-1]]) / FRAME_RATE
    late = np.array([word.start / STEPS for word in heard]) - places
    assert abs(np.median(late)) <= 0.03
    assert np.mean(np.abs(late) <= 0.05) >= 0.7


def test_speakers_without_a_voice_are_told_apart(kokoro: KokoroSynthesizer) -> None:
    turns = tuple(Turn(speaker, (TextItem(TEXT),)) for speaker in (0, 1))
    pitches = []
    for turn in turns:
        track = track_pitch(decode(HybridStream((Channel((turn,)),), "free", None), kokoro), RATE)
        pitches.append(np.median(track.frequency[track.voiced]))
    assert pitches[0] > 1.3 * pitches[1]


def test_published_voices_and_mixtures_sound_different(kokoro: KokoroSynthesizer) -> None:
    voices = ["af_heart", "am_onyx", "af_heart:0.5+am_onyx:0.5", None]
    spoken = [kokoro.synthesize(Utterance.of(["hello"], "en", voice)).audio.samples for voice in voices]
    assert len({samples.tobytes() for samples in spoken}) >= 3
    with pytest.raises(OptionsError, match="af_hearts"):
        kokoro.synthesize(Utterance.of(["hello"], "en", "af_hearts"))


def test_a_long_text_is_spoken_whole(kokoro: KokoroSynthesizer) -> None:
    """More phonemes than Kokoro takes at once: every word has a place, one after another."""
    words = (f"{TEXT}. " * 7).split()
    speech = kokoro.synthesize(Utterance.of(words, "en"))
    starts = [start for start, _ in speech.words]
    assert starts == sorted(set(starts)) and speech.words[-1][1] <= speech.body[1]


def test_a_word_of_ten_thousand_letters_is_spoken_in_part(kokoro: KokoroSynthesizer) -> None:
    speech = kokoro.synthesize(Utterance((Phrase(("a" * 10_000,), Span(0, 100)),), "en"))
    assert speech.body[1] - speech.body[0] == 100 * 480
