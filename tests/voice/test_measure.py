from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from speaker_network import embed

from hybrid_tok.audio import read_mono, resample
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span, count_frames
from hybrid_tok.voice.code import NEUTRAL, NEUTRAL_CODE, quantize
from hybrid_tok.voice.estimate import EMBEDDING
from hybrid_tok.voice.measure import VoiceTraits, measure_traits
from real_audio import recording
from tones import RATE, vowel

_MAN_AND_WOMAN = ("librispeech/1998-15444-0004", "ljspeech/LJ001-0014")


def traits(samples: np.ndarray) -> VoiceTraits:
    audio = Audio(samples.astype(np.float32), RATE)
    return measure_traits(audio, [Span(0, count_frames(audio.num_samples, RATE))], embed)


def syllables(pitch: float, count: int, stretch: float = 1.0, noise: float = 0.0) -> np.ndarray:
    """Vowels of 0.15 s with gaps of 0.1 s: four per second."""
    time = np.arange(round(0.15 * RATE)) / RATE
    one = vowel(pitch, 0.15, stretch, noise) * np.sin(np.pi * time / 0.15) ** 0.5
    return np.tile(np.pad(one, (0, round(0.1 * RATE))), count)


def test_pitch_range_and_rate_are_those_of_the_sound() -> None:
    rng = np.random.default_rng(0)
    offsets = rng.normal(0.0, 3.0, 80)
    spoken = np.concatenate([syllables(150.0 * 2 ** (offset / 12), 1) for offset in offsets])
    measured = traits(spoken)
    assert 12 * math.log2(measured.pitch / 150.0) == pytest.approx(np.median(offsets), abs=0.7)
    assert measured.pitch_range == pytest.approx(3.0, abs=0.8)
    assert measured.rate == pytest.approx(4.0 / 0.7, rel=0.35)  # the quiet gaps count as pauses


def test_a_gain_changes_nothing_but_the_level() -> None:
    spoken = read_mono(recording("dev/ljspeech/LJ001-0014.flac"), RATE)[0].samples
    loud, soft = traits(spoken), traits(spoken * 0.1)
    assert loud.level - soft.level == pytest.approx(20.0, abs=0.01)
    assert loud.pitch == pytest.approx(soft.pitch, rel=1e-3)
    assert loud.timbre == pytest.approx(soft.timbre, abs=0.1)  # a step of its tokens


def test_pauses_do_not_count_for_the_level() -> None:
    spoken = syllables(150.0, 12)
    alone = traits(spoken).level
    assert traits(np.pad(spoken, (RATE, 5 * RATE))).level == pytest.approx(alone, abs=0.2)


def test_men_and_women_are_apart_in_the_space() -> None:
    (one, _), (other, _) = (read_mono(recording(f"dev/{name}.flac"), RATE) for name in _MAN_AND_WOMAN)
    man, woman = traits(one.samples), traits(other.samples)
    assert man.pitch < woman.pitch
    assert math.dist(man.timbre, woman.timbre) > 1.0


def test_without_an_embedding_the_spectrum_alone_says_where_a_voice_is() -> None:
    audio, _ = read_mono(recording("dev/ljspeech/LJ001-0014.flac"), RATE)
    spans = [Span(0, count_frames(audio.num_samples, RATE))]
    with_it = measure_traits(audio, spans, embed)
    without = measure_traits(audio, spans, lambda samples: np.zeros(EMBEDDING, np.float32))
    assert replace(with_it, timbre=()) == replace(without, timbre=())
    assert np.corrcoef(with_it.timbre, without.timbre)[0, 1] > 0.3


def test_little_speech_is_near_the_mean_voice() -> None:
    audio, _ = read_mono(recording("dev/ljspeech/LJ001-0014.flac"), RATE)
    sizes = [math.hypot(*traits(audio.samples[: round(seconds * RATE)]).timbre) for seconds in (0.4, 5.0)]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(0),
        np.zeros(RATE),
        np.random.default_rng(0).normal(0, 0.1, RATE),
        vowel(150.0, 0.1),
        np.ones(RATE) * 0.5,
        np.sin(np.arange(30)),
    ],
    ids=["nothing", "silence", "noise", "0.1 s", "direct current", "30 samples"],
)
def test_where_nobody_is_heard_the_voice_is_the_mean_one(samples: np.ndarray) -> None:
    measured = traits(samples)
    assert replace(measured, level=NEUTRAL.level) == NEUTRAL
    assert quantize(measured)[:3] == NEUTRAL_CODE[:3]


def test_what_lies_beyond_the_recording_does_not_count() -> None:
    audio = Audio(vowel(150.0, 1.0), RATE)
    assert measure_traits(audio, [Span(0, 50), Span(50, 500)], embed) == measure_traits(audio, [Span(0, 50)], embed)
    assert math.isnan(measure_traits(audio, [], embed).level)


@pytest.mark.parametrize("damage", ["clipped", "telephone"])
def test_damaged_speech_keeps_its_pitch(damage: str) -> None:
    audio, _ = read_mono(recording("dev/ljspeech/LJ001-0014.flac"), RATE)
    if damage == "clipped":
        damaged = np.clip(audio.samples * 20, -1, 1)
    else:
        damaged = resample(resample(audio, 8_000), RATE).samples
    clean, heard = traits(audio.samples), traits(damaged)
    assert 12 * abs(math.log2(heard.pitch / clean.pitch)) < 0.5
    assert all(math.isfinite(value) for value in heard.timbre)
