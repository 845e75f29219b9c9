"""What is audible above the noise floor, and what is the floor."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_tok.audio import read_mono
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.masks import mask_to_spans
from hybrid_tok.core.state import pack_state, unpack_state
from hybrid_tok.core.timeline import Span
from hybrid_tok.encode.activity import (
    ActivityOptions,
    ActivityState,
    ActivityStream,
    find_activity,
    frame_levels,
    noise_floor,
)
from hybrid_tok.errors import OptionsError
from real_audio import recording

RATE = 16_000


def noise(seconds: float, level_db: float, seed: int = 0) -> np.ndarray:
    samples = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return (samples * 10 ** (level_db / 20)).astype(np.float32)


def tone(seconds: float, level_db: float, pitch: float = 220.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return (np.sqrt(2) * 10 ** (level_db / 20) * np.sin(2 * np.pi * pitch * time)).astype(np.float32)


def active(samples: np.ndarray, **options: object) -> tuple[Span, ...]:
    return find_activity(Audio(samples.astype(np.float32), RATE), ActivityOptions(**options))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("level_db", [-80.0, -60.0, -40.0, -20.0])
def test_steady_noise_is_the_floor(level_db: float) -> None:
    assert active(noise(20.0, level_db)) == ()


@pytest.mark.parametrize("pitch", [50.0, 60.0, 120.0, 1000.0])
def test_steady_hum_is_the_floor(pitch: float) -> None:
    assert active(tone(20.0, -25.0, pitch) + noise(20.0, -70.0)) == ()


def test_digital_silence_dither_and_offset_are_never_active() -> None:
    silence = np.zeros(10 * RATE, np.float32)
    dither = np.random.default_rng(0).integers(-1, 2, 10 * RATE) / 32768
    burst = silence.copy()
    burst[5 * RATE : 6 * RATE] = dither[:RATE]
    for samples in (silence, dither, burst, silence + 0.5):
        assert active(samples) == ()


@pytest.mark.parametrize("floor_db", [-120.0, -70.0, -50.0])
def test_a_sound_is_found_where_it_is(floor_db: float) -> None:
    samples = noise(10.0, floor_db)
    samples[3 * RATE : 4 * RATE] += noise(1.0, -25.0, seed=1)
    (span,) = active(samples)
    assert abs(span.start - 150) <= 4 and abs(span.end - 200) <= 4


def test_holes_are_closed_and_blips_dropped() -> None:
    samples = noise(10.0, -70.0)
    for start, end in ((3.0, 3.3), (3.4, 3.8), (5.0, 5.3), (6.002, 6.012)):
        burst = noise(end - start, -25.0, seed=1)
        first = round(start * RATE)
        samples[first : first + len(burst)] += burst
    near, far = active(samples)
    assert abs(near.start - 150) <= 4 and abs(near.end - 190) <= 4
    assert abs(far.start - 250) <= 4 and abs(far.end - 265) <= 4


def test_the_floor_follows_noise_that_changes() -> None:
    """A fan goes on after five minutes: it is a sound for a while, then the floor; a voice is found on both sides."""
    samples = np.concatenate([noise(300.0, -65.0), noise(300.0, -40.0, seed=2)])
    for start in (200, 500):
        samples[start * RATE : (start + 1) * RATE] += noise(1.0, -20.0, seed=3)
    spans = active(samples)
    found = [span for span in spans if span.frames < 100]
    assert [round(span.start / 50) for span in found] == [200, 500]
    assert all(span.end / 50 <= 320 for span in spans if span not in found)


def test_an_hour_of_noise_is_not_activity() -> None:
    audio = Audio(np.tile(noise(60.0, -40.0), 60), RATE)
    assert find_activity(audio) == ()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 4000), st.integers(0, 2**32 - 1))
def test_spans_are_sorted_disjoint_and_within_the_recording(length: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    envelope = np.repeat(10 ** generator.uniform(-5, 0, 20), 200)[:length]
    audio = Audio((generator.standard_normal(length) * envelope).astype(np.float32), RATE)
    frames = -(-length // 320)
    spans = find_activity(audio, ActivityOptions(margin=1, max_hole=1))
    assert all(0 <= span.start < span.end <= frames for span in spans)
    assert all(left.end < right.start for left, right in pairwise(spans))
    assert len(frame_levels(audio)) == frames


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 3 * 16_000),
    st.integers(0, 2**32 - 1),
    st.sampled_from(
        [
            ActivityOptions(window=6.0, look_ahead=1.0),
            ActivityOptions(window=3.0, look_ahead=0.0, rise=4, max_hole=2, margin=1),
            ActivityOptions(window=4.0, look_ahead=2.0, rise=0, min_frames=0, max_hole=0, margin=0),
        ]
    ),
    st.lists(st.integers(1, 7_000), min_size=1),
)
def test_a_stream_finds_what_a_file_does(length: int, seed: int, options: ActivityOptions, cuts: list[int]) -> None:
    """At 800 Hz, so that a minute is short; with states that go through bytes."""
    generator = np.random.default_rng(seed)
    envelope = np.repeat(10 ** generator.uniform(-4, 0, 1 + length // 200), 200)[:length]
    samples = (generator.standard_normal(length) * envelope).astype(np.float32)
    stream, at, turn = ActivityStream(options, 800), 0, 0
    given = [np.zeros(0, bool)]
    while at < length:
        given.append(stream.push(samples[at : at + cuts[turn % len(cuts)]]))
        at += cuts[turn % len(cuts)]
        turn += 1
        if turn < 20:
            stream = ActivityStream(
                options, 800, unpack_state(ActivityState, "a", "", pack_state("a", "", stream.state))
            )
    given.append(stream.flush())
    mask = np.concatenate(given)
    assert len(mask) == -(-length // 16)
    assert [Span(*run) for run in mask_to_spans(mask)] == list(find_activity(Audio(samples, 800), options))


def test_without_look_ahead_a_frame_is_known_soon() -> None:
    """0.2 s later, whatever comes."""
    options = ActivityOptions(look_ahead=0.0, rise=4, max_hole=2, margin=1)
    stream = ActivityStream(options, RATE)
    assert len(stream.push(noise(10.0, -40.0))) >= 500 - 10


def test_levels_are_those_of_the_frames() -> None:
    samples = np.concatenate([tone(0.02, -20.0, 500.0), tone(0.02, -30.0, 500.0), np.zeros(7, np.float32)])
    assert frame_levels(Audio(samples, RATE)) == pytest.approx([-20.0, -30.0, -100.0], abs=0.01)


def test_the_floor_is_the_percentile_to_half_a_decibel() -> None:
    levels = np.random.default_rng(0).uniform(-70.0, -20.0, 1500)
    floor = noise_floor(levels, ActivityOptions(window=600.0, look_ahead=300.0, percentile=20.0))
    assert floor == pytest.approx(np.percentile(levels, 20.0), abs=0.75)


def test_another_rate_gives_the_same_frames() -> None:
    samples = noise(6.0, -70.0)
    samples[2 * RATE : 3 * RATE] += noise(1.0, -25.0, seed=1)
    twice = find_activity(Audio(np.repeat(samples, 2), 2 * RATE))
    assert twice == find_activity(Audio(samples, RATE))
    with pytest.raises(ValueError, match="multiple of 50 Hz"):
        find_activity(Audio(samples, 16_001))
    with pytest.raises(ValueError, match="mono"):
        find_activity(Audio(np.stack([samples, samples]), RATE))


@pytest.mark.parametrize(
    "options",
    [{"window": 0.5}, {"percentile": 0.0}, {"closing_db": 12.0}, {"absolute_db": -200.0}, {"margin": -1}],
)
def test_options_are_checked(options: dict[str, object]) -> None:
    with pytest.raises(OptionsError):
        ActivityOptions(**options)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", ["dialogue01", "dialogue08"])
def test_in_real_conversations_speech_and_events_are_active_and_silence_is_not(name: str) -> None:
    audio, _ = read_mono(recording(f"dialogues/{name}.flac"), RATE)
    truth = json.loads(recording(f"dialogues/{name}.json").read_text("utf-8"))
    frames = -(-audio.num_samples // 320)
    heard, found = np.zeros(frames, bool), np.zeros(frames, bool)
    for stretch in (*truth["turns"], *truth["events"]):
        heard[round(stretch["start"] * 50) : round(stretch["end"] * 50)] = True
    silent = np.convolve(heard, np.ones(21), "same") == 0  # 0.2 s from anything
    for span in find_activity(audio):
        found[span.start : span.end] = True
    assert found[heard].mean() > 0.6, "turns and events have pauses, but most of each is audible"
    assert found[silent].mean() < 0.2
