"""Echoes are found with their delay and level, and two people are not taken for an echo of each other."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid_tok.audio import read_mono
from hybrid_tok.core.audio import Audio
from hybrid_tok.encode.crosstalk import (
    RATE,
    Crosstalk,
    CrosstalkDetector,
    CrosstalkOptions,
    check_lengths,
    find_crosstalk,
    warn_of,
)
from hybrid_tok.errors import AudioError, BackendError, CrosstalkWarning, OptionsError
from real_audio import recording

SECONDS = 16


def talker(seed: int, seconds: float = SECONDS) -> NDArray[np.float64]:
    """Noise in syllables of 50 to 300 ms: what correlates like speech. Even and odd ones take turns, every 2.5 s, and
    talk on for 0.4 s into each other's."""
    rng, size = np.random.default_rng(seed), round(seconds * RATE)
    parts: list[NDArray[np.float64]] = []
    while sum(map(len, parts)) < size:
        length = rng.integers(800, 4800)
        parts.append(rng.normal(0, 0.1, length) * np.hanning(length))
        parts.append(np.zeros(rng.integers(800, 2400)))
    own_turn = (np.arange(size) / RATE - 2.5 * (seed % 2)) % 5 < 2.9
    return np.concatenate(parts)[:size] * own_turn


def later(samples: NDArray[np.floating], seconds: float) -> NDArray[np.floating]:
    count = round(seconds * RATE)
    return np.concatenate([np.zeros(count), samples[: len(samples) - count]])


def channels(*samples: NDArray[np.floating]) -> list[Audio]:
    """With a little noise of their own."""
    noise = np.random.default_rng(9).normal(0, 1e-4, (len(samples), len(samples[0])))
    return [Audio((one + own).astype(np.float32), RATE) for one, own in zip(samples, noise, strict=True)]


@pytest.mark.parametrize(("delay", "level"), [(0.0, -6), (0.004, -20), (0.12, -20), (0.12, -40), (0.45, -30)])
def test_an_echo_is_found_with_its_delay_and_level(delay: float, level: int) -> None:
    agent, user = talker(0), talker(1)
    (found,) = find_crosstalk(channels(user + 10 ** (level / 20) * later(agent, delay), agent))
    assert (found.source, found.into) == (1, 0)
    assert found.delay == pytest.approx(delay, abs=1.5 / RATE)
    assert found.level_db == pytest.approx(level, abs=1.5)
    assert found.share > 0.2
    assert 0 <= found.start < 5 and SECONDS - 6 < found.end <= SECONDS
    assert found.drift_ppm is None


def test_an_echo_turned_over_is_an_echo() -> None:
    (found,) = find_crosstalk(channels(talker(1) - 0.1 * later(talker(0), 0.1), talker(0)))
    assert found.level_db == pytest.approx(-20, abs=1)


def test_echoes_in_both_directions() -> None:
    one, other = talker(0), talker(1)
    found = find_crosstalk(channels(one + 0.1 * later(other, 0.05), other + 0.05 * later(one, 0.2)))
    assert [(each.source, each.into, round(each.delay, 3)) for each in found] == [(0, 1, 0.2), (1, 0, 0.05)]


def test_one_signal_in_two_channels() -> None:
    (found,) = find_crosstalk(channels(talker(0), 0.5 * talker(0)))
    assert (found.source, found.into, found.delay) == (0, 1, 0.0)
    assert found.level_db == pytest.approx(-6, abs=0.2)
    assert found.share == 1.0


def test_an_echo_that_ends_says_where_it_was() -> None:
    """As that of a canceller which has to learn first."""
    agent = talker(0, 30)
    echo = later(agent, 0.1) * (np.arange(len(agent)) < 8 * RATE) * 0.1
    (found,) = find_crosstalk(channels(talker(1, 30) + echo, agent))
    assert found.end in (8.0, 9.0)
    assert found.share < 0.5


def test_two_talkers_are_none() -> None:
    for seed in range(0, 12, 2):
        assert find_crosstalk(channels(talker(seed), talker(seed + 1))) == ()


def test_what_is_not_talk_is_none() -> None:
    silence, hum = np.zeros(SECONDS * RATE), 0.05 * np.sin(2 * np.pi * 50 * np.arange(SECONDS * RATE) / RATE)
    room = np.random.default_rng(3).normal(0, 0.01, SECONDS * RATE)
    assert find_crosstalk(channels(talker(0), silence)) == ()
    assert find_crosstalk(channels(hum + talker(0), hum + talker(1))) == (), "of the mains in both"
    assert find_crosstalk(channels(room, 0.1 * room)) == (), "noise without syllables"
    assert find_crosstalk([Audio(np.zeros(SECONDS * RATE, np.float32), RATE)] * 2) == ()
    gated = [Audio(talker(seed).astype(np.float32), RATE) for seed in (0, 1)]
    assert find_crosstalk(gated) == (), "with digital silence between the words"


def test_a_delay_that_moves_tells_how_far_the_clocks_are_apart() -> None:
    agent, user = talker(0, 60), talker(1, 60)
    times = np.arange(len(agent))
    for ppm, what in ((80, "80 ppm shorter"), (-40, "40 ppm longer")):
        echo = np.interp(times * (1 - 1e-6 * ppm) - 0.2 * RATE, times, agent, left=0, right=0)
        (found,) = find_crosstalk(channels(user + 0.1 * echo, agent))
        assert found.drift_ppm == pytest.approx(ppm, abs=5)
        assert found.delay == pytest.approx(0.2 + 30e-6 * ppm, abs=1e-3)
        assert f"resample channel 0 to be {what}" in found.message


def test_a_delay_that_jumps_does_not_drift() -> None:
    agent = talker(0, 30)
    half = np.arange(len(agent)) < 20 * RATE
    echo = np.where(half, later(agent, 0.1), later(agent, 0.3))
    (found,) = find_crosstalk(channels(talker(1, 30) + 0.1 * echo, agent))
    assert found.drift_ppm is None
    assert found.delay == pytest.approx(0.1, abs=1e-3)
    assert found.share < 0.8


@pytest.mark.parametrize("step", [777, 16_000, 50_001])
def test_what_is_pushed_in_parts_is_what_is_pushed_at_once(step: int) -> None:
    given = channels(talker(1) + 0.1 * later(talker(0), 0.1), talker(0), talker(2))
    samples = np.stack([one.samples for one in given])
    detector = CrosstalkDetector(3)
    for start in range(0, samples.shape[1], step):
        detector.push(samples[:, start : start + step])
    early = detector.found()
    assert [(one.source, one.into) for one in early] == [(1, 0)], "while it goes on"
    assert detector.flush() == find_crosstalk(given) != ()


def test_what_is_kept_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hybrid_tok.encode.crosstalk._MOST", 8)
    given = channels(0.1 * later(talker(0, 40), 0.1), talker(0, 40))
    detector = CrosstalkDetector(2)
    samples = np.stack([one.samples for one in given])
    for start in range(0, samples.shape[1], RATE):
        detector.push(samples[:, start : start + RATE])
        assert max(len(pair.peaks) for pair in detector._pairs.values()) <= 8  # pyright: ignore[reportPrivateUsage]
        assert detector._samples.shape[1] < 3 * RATE  # pyright: ignore[reportPrivateUsage]
    (found,) = detector.flush()
    assert found.share > 0.9, "of all windows, not of those kept"


def test_shorter_channels_and_short_ones() -> None:
    agent, user = talker(0), talker(1) + 0.1 * later(talker(0), 0.1)
    whole = channels(user, agent)
    (found,) = find_crosstalk([whole[0], Audio(whole[1].samples[: 9 * RATE], RATE)])
    assert found.end <= 9
    for count in (0, 1, 100, RATE):
        assert find_crosstalk([Audio(one.samples[:count], RATE) for one in whole]) == ()
    assert find_crosstalk([]) == find_crosstalk(whole[:1]) == ()


def test_what_is_said() -> None:
    found = Crosstalk(1, 0, 0.1234, -24.6, 0.8, 3.0, 61.0)
    assert found.message == (
        "channel 1 is heard in channel 0, 123.4 ms later at -25 dB, in 80% of its talk, from 3 to 61 s: "
        "words of one may be written in both; use headphones or an echo canceller"
    )
    with pytest.warns(CrosstalkWarning, match=r"channel 1 is heard in channel 0, 123\.4 ms later"):
        warn_of([found])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of([])


def test_lengths_that_differ() -> None:
    def lasting(seconds: float, rate: int = RATE) -> Audio:
        return Audio(np.zeros(round(seconds * rate), np.float32), rate)

    check_lengths([])
    check_lengths([lasting(60), lasting(60.09, 8_000), lasting(59.995)])
    with pytest.raises(AudioError) as caught:
        check_lengths([lasting(60), lasting(60.3), lasting(60.1)])
    assert str(caught.value) == (
        "channel 1 lasts 60.300 s, channel 0 60.000 s, 5000 ppm apart, beyond the tolerance of 0.1 s: resample one to "
        "the other's length if their clocks differ, else cut or pad"
    )
    check_lengths([lasting(60), lasting(60.3)], tolerance=0.5)
    with pytest.raises(AudioError, match=r"channel 0 0\.000 s"):
        check_lengths([lasting(0), lasting(1)])


def test_what_is_refused() -> None:
    for wrong in ({"longest": 0.0}, {"earliest": -0.1}, {"earliest": 0.6}, {"sure": 0.5}, {"least": 0}):
        with pytest.raises(OptionsError):
            CrosstalkOptions(**wrong)  # type: ignore[arg-type]
    with pytest.raises(BackendError, match="mono at 16000 Hz"):
        find_crosstalk([Audio(np.zeros(9, np.float32), 8_000)])
    with pytest.raises(AudioError, match=r"samples of shape \(3, 5\), not \(2, n\)"):
        CrosstalkDetector(2).push(np.zeros((3, 5), np.float32))


# --- real voices


@pytest.mark.parametrize("name", ["dialogue00", "dialogue03"])
def test_the_sides_of_a_real_conversation(name: str) -> None:
    """Each side in a channel of its own; then one with the other's echo in a room."""
    path = recording(f"dialogues/{name}.flac")
    audio, _ = read_mono(path, RATE)
    turns = json.loads(path.with_suffix(".json").read_text("utf-8"))["turns"]
    sides = np.zeros((2, audio.num_samples))
    for turn in turns:
        span = slice(round(turn["start"] * RATE), round(turn["end"] * RATE))
        sides[int(turn["speaker"] != turns[0]["speaker"]), span] = audio.samples[span]
    assert find_crosstalk(channels(*sides)) == ()
    tail = np.random.default_rng(5).normal(0, 0.1, 3200) * np.exp(-np.arange(3200) / 800)
    tail[0] = 1.0
    echo = np.convolve(sides[1], tail)[: audio.num_samples]
    (found,) = find_crosstalk(channels(sides[0] + 10 ** (-25 / 20) * later(echo, 0.13), sides[1]))
    assert (found.source, found.into) == (1, 0)
    assert found.delay == pytest.approx(0.13, abs=1e-3)
    assert found.level_db == pytest.approx(-25, abs=2)
    assert found.share > 0.7


def test_two_real_voices_at_the_same_time() -> None:
    paths = ["dev/librispeech/1688-142285-0000.flac", "dev/librispeech/1688-142285-0003.flac"]
    voices = [read_mono(recording(path), RATE)[0].samples for path in (*paths, "dev/ljspeech/LJ001-0014.flac")]
    length = min(map(len, voices))
    assert find_crosstalk(channels(*(voice[:length].astype(np.float64) for voice in voices))) == ()
