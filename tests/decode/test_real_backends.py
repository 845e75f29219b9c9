"""The decoder with the backends of the default preset: what is true of the fakes is true of the real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fakes import FakeCodec
from hybrid_tok.audio import read_mono
from hybrid_tok.backends.espeak import EspeakSynthesizer
from hybrid_tok.backends.silero import SileroDetector
from hybrid_tok.codec.backend import BuiltinCodec
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.timeline import Span, count_frames
from hybrid_tok.decode.level import active_level
from hybrid_tok.decode.pipeline import Decoder
from hybrid_tok.encode.voice import measure_voice
from hybrid_tok.tokens.stream import Channel, HybridStream, Item, Pause, TextItem, Turn, UnitItem
from hybrid_tok.voice.measure import measure_traits
from real_audio import recording

RATE = 16_000
HOP = 320


@pytest.fixture(scope="module")
def synthesizer() -> Iterator[EspeakSynthesizer]:
    espeak = EspeakSynthesizer()
    yield espeak
    espeak.close()


@pytest.fixture(scope="module")
def codec() -> BuiltinCodec:
    return BuiltinCodec()


def locked(*items: Item) -> HybridStream:
    return HybridStream((Channel((Turn(0, items),)),), "locked", 0)


def decode(stream: HybridStream, synthesizer: EspeakSynthesizer, codec: object = FakeCodec) -> np.ndarray:
    return Decoder(lambda language: synthesizer, lambda: codec, RATE).decode(stream).samples  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("frames", [15, 40, 100, 250])
def test_espeak_fills_its_place_and_nothing_else(synthesizer: EspeakSynthesizer, frames: int) -> None:
    samples = decode(locked(Pause(30), TextItem("the quick brown fox", frames), Pause(30)), synthesizer)
    powers = frame_powers(samples, RATE)
    assert not powers[:29].any() and not powers[31 + frames :].any()
    said = powers[30 : 30 + frames]
    assert said[: frames // 5].max() > 1e-6 and said[-frames // 5 :].max() > 1e-6
    level = active_level(said)
    assert level is not None and level[0] == pytest.approx(-26.0, abs=2.0)


def test_the_same_stream_gives_the_same_samples(synthesizer: EspeakSynthesizer) -> None:
    stream = locked(TextItem("so funny", 40), Pause(40), TextItem("he said -- nothing", 70))
    first = decode(stream, synthesizer)
    decode(locked(TextItem("something else", 30)), synthesizer)
    assert np.array_equal(decode(stream, synthesizer), first)
    other = EspeakSynthesizer()
    assert np.array_equal(decode(stream, other), first)
    other.close()


def test_words_are_put_where_each_was(synthesizer: EspeakSynthesizer) -> None:
    """Between two words of an utterance there is as much silence as the stream says, to the fade."""
    samples = decode(locked(TextItem("stop", 30), Pause(10), TextItem("go", 20), TextItem("on", 20)), synthesizer)
    powers = frame_powers(samples, RATE)
    assert not powers[31:39].any()
    assert powers[[2, 42, 68]].all()


def test_each_language_fills_its_place(synthesizer: EspeakSynthesizer) -> None:
    chinese = EspeakSynthesizer("zh")
    stream = locked(
        *(TextItem("so far", 40, language="en"), Pause(10), TextItem("你好，", 40, language="zh"), Pause(10)),
        TextItem("银行", 30, language="zh"),
    )
    made: dict[str | None, EspeakSynthesizer] = {"en": synthesizer, "zh": chinese}
    samples = Decoder(made.__getitem__, None, RATE).decode(stream).samples
    chinese.close()
    powers = frame_powers(samples, RATE)
    assert not powers[41:49].any() and not powers[91:99].any()
    assert all(powers[start : start + 5].max() > 1e-6 for start in (2, 33, 52, 83, 102, 123))


def test_a_unit_run_cut_out_of_speech_sounds_like_the_whole(
    synthesizer: EspeakSynthesizer, codec: BuiltinCodec
) -> None:
    """Decoded on its own, a run is close to what the whole recording decodes to, from its first frames on."""
    audio, _ = read_mono(recording("dialogues/dialogue03.flac"), RATE)
    codes = codec.encode(audio.samples[: 6 * RATE])
    whole = codec.decode(codes)
    levels = []
    for start in range(30, 270, 30):
        units = tuple(map(tuple, codes[start : start + 20].tolist()))
        samples = decode(locked(Pause(5), UnitItem(units)), synthesizer, codec)[5 * HOP :]
        expected = whole[start * HOP : (start + 20) * HOP]
        levels.append(10 * np.log10(np.mean(samples**2) / np.mean(expected**2)))
    assert np.abs(np.median(levels)) < 2.0


def paces() -> dict[str, tuple[tuple[int, ...], float]]:
    """Voice code, and letters per second of speech, of somebody who reads slowly and of one who reads fast."""
    found: dict[str, tuple[tuple[int, ...], float]] = {}
    lines = recording("dev/manifest.jsonl").read_text("utf-8").splitlines()
    for entry in map(json.loads, lines):
        name = {"085810012": "slow", "010370025": "fast"}.get(Path(entry["audio"]).stem)
        if name is not None:
            audio, _ = read_mono(recording(f"dev/{entry['audio']}"), RATE)
            speech = SileroDetector().detect(audio)
            letters = sum(char.isalpha() for char in entry["text"])
            found[name] = measure_voice(audio, speech), letters / sum(span.seconds for span in speech)
    return found


def test_in_free_timing_a_slow_speaker_takes_longer_than_a_fast_one(synthesizer: EspeakSynthesizer) -> None:
    found = paces()
    (slow, slowly), (fast, quickly) = found["slow"], found["fast"]
    text = TextItem("we were away a year ago when the children asked why such large boats go by")
    spoken: dict[str, Audio] = {}
    for name, voice in {"slow": slow, "fast": fast, "own": None}.items():
        stream = HybridStream((Channel((Turn(0, (text,), voice),)),), "free", None)
        spoken[name] = Decoder(lambda language: synthesizer, None, RATE).decode(stream)
    lengths = {name: audio.seconds for name, audio in spoken.items()}
    assert quickly > 1.5 * slowly
    assert lengths["slow"] > 1.2 * lengths["own"]  # espeak's own pace is a fast reader's
    assert lengths["slow"] / lengths["fast"] == pytest.approx(quickly / slowly, rel=0.3)
    # It is the syllables that take longer, and not silence that was put between them.
    rates = {
        name: measure_traits(audio, [Span(0, count_frames(audio.num_samples, RATE))]).rate
        for name, audio in spoken.items()
    }
    assert rates["slow"] < 0.75 * rates["fast"]
