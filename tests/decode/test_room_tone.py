from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid_tok.audio import read_mono
from hybrid_tok.decode.mixer import Mixer
from hybrid_tok.decode.room_tone import add_room_tone
from real_audio import recording

RATE = 16_000
OVERHANG = 80
EDGES = (100.0, 400.0, 1_000.0, 2_000.0, 4_000.0, 7_000.0)
"""Hz, of bands in which spectra are compared."""


def noise(seconds: float, level_db: float, slope_db: float = 0.0, seed: int = 1) -> NDArray[np.float32]:
    """Noise whose spectrum falls by so many dB per octave above 100 Hz."""
    white = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(white), 1 / RATE), 100.0) / 100.0)
    coloured = np.fft.irfft(np.fft.rfft(white) * 10 ** (-slope_db * octaves / 20), len(white))
    return (coloured * 10 ** (level_db / 20) / coloured.std()).astype(np.float32)


def speech(seconds: float, level_db: float = -22.0, seed: int = 2) -> NDArray[np.float32]:
    """Bursts of a buzz and of hiss, 200 ms of each, and a pause of 200 ms."""
    times = np.arange(round(seconds * RATE)) / RATE
    buzz = np.sign(np.sin(2 * np.pi * 130 * times)) + 0.5 * np.sin(2 * np.pi * 390 * times)
    hiss = np.random.default_rng(seed).standard_normal(len(times))
    part = np.floor(times / 0.2) % 3
    sound = np.where(part == 0, buzz, np.where(part == 1, np.diff(hiss, append=0.0), 0.0))
    return (sound * 10 ** (level_db / 20)).astype(np.float32)


def level(samples: NDArray[np.floating]) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))


def bands(samples: NDArray[np.floating]) -> NDArray[np.float64]:
    """Power in dB in each of the bands."""
    power = np.square(np.abs(np.fft.rfft(samples)))
    frequencies = np.fft.rfftfreq(len(samples), 1 / RATE)
    return np.array(
        [10 * np.log10(power[(low <= frequencies) & (frequencies < high)].mean()) for low, high in pairwise(EDGES)]
    )


def seconds(*places: tuple[float, float]) -> list[tuple[int, int]]:
    return [(round(start * RATE), round(end * RATE)) for start, end in places]


def only(samples: NDArray[np.float32], units: list[tuple[int, int]]) -> NDArray[np.float32]:
    """What a mixer makes of the parts of a recording that are units."""
    mixer = Mixer(1, len(samples), OVERHANG)
    padded = np.pad(samples, OVERHANG)
    for start, end in units:
        mixer.add(0, start, padded[start : end + 2 * OVERHANG])
    return mixer.channels[0]


def toned(samples: NDArray[np.float32], units: list[tuple[int, int]], seed: int = 0) -> NDArray[np.float32]:
    output = samples.copy()
    add_room_tone(output, units, OVERHANG, RATE, seed)
    return output


@pytest.mark.parametrize("room_db", [-70.0, -55.0])
@pytest.mark.parametrize("slope_db", [-2.0, 0.0, 3.0, 6.0])
def test_a_pause_sounds_like_the_room(room_db: float, slope_db: float) -> None:
    room = noise(30.0, room_db, slope_db)
    units = seconds((2.0, 5.0), (9.0, 12.0), (20.0, 23.0))
    output = toned(only(room + speech(30.0), units), units)
    pauses = np.concatenate([output[start:end] for start, end in seconds((0.0, 1.9), (5.1, 8.9), (12.1, 19.9))])
    assert level(pauses) == pytest.approx(room_db, abs=2.0)
    np.testing.assert_allclose(bands(pauses), bands(room[: len(pauses)]), atol=2.5)


def test_the_level_is_steady_across_the_border() -> None:
    """The units' own room and the tone, faded into each other: frame by frame the level hardly changes."""
    room = noise(20.0, -60.0, 3.0)
    units = seconds((0.0, 4.0), (5.0, 9.0), (9.0, 13.0), (14.0, 20.0))
    loud = np.zeros(len(room), np.float32)
    loud[RATE : 3 * RATE] = speech(2.0)
    output = toned(only(room + loud, units), units)
    frames = output[round(3.5 * RATE) : round(19.5 * RATE)].reshape(-1, 400)
    levels = 10 * np.log10(np.square(frames, dtype=np.float64).mean(1))
    assert abs(levels - np.median(levels)).max() < 6.0


@pytest.mark.parametrize("overhang", [0, 80, 1920])
def test_the_powers_of_units_and_tone_add_up_to_one(overhang: int) -> None:
    """The tone over many seeds, against what the mixer makes of ones in the places of units."""
    count = 3 * RATE
    units = [(-500, 8_000), (8_000, 8_320), (12_000, 16_000), (16_100, 16_420), (15_000, 24_000), (47_000, 60_000)]
    units.sort()
    steady = noise(3.0, -60.0)
    power = np.zeros(count)
    ones = np.zeros(count)
    for start, end in units:
        mixer = Mixer(1, count, overhang)
        mixer.add(0, start, np.ones(end - start + 2 * overhang, np.float32))
        ones += np.square(mixer.channels[0], dtype=np.float64)
    for seed in range(200):
        output = steady.copy()
        add_room_tone(output, units, overhang, RATE, seed)
        power += np.square(output - steady, dtype=np.float64) / 200
    power /= power[30_000:40_000].mean()
    expected = np.maximum(0.0, 1.0 - ones)
    smooth = np.ones(64) / 64
    np.testing.assert_allclose(np.convolve(power, smooth, "same"), np.convolve(expected, smooth, "same"), atol=0.12)
    assert power[ones > 1.0 - 1e-6].max() < 1e-5, "none where there are units"


def test_units_are_left_exactly_as_they_are() -> None:
    units = seconds((1.0, 2.0), (2.0, 3.5), (3.0, 4.0), (6.0, 7.0))
    before = only(noise(8.0, -50.0) + speech(8.0), units)
    after = toned(before, units)
    changed = np.flatnonzero(before != after)
    inside = np.zeros(len(before), bool)
    for start, end in seconds((1.0, 4.0), (6.0, 7.0)):
        inside[start + OVERHANG : end - OVERHANG] = True
    assert len(changed) > 2.9 * RATE
    assert not inside[changed].any()


def test_text_gets_the_tone_as_well() -> None:
    units = seconds((0.0, 4.0))
    text = np.zeros(8 * RATE, np.float32)
    text[5 * RATE : 7 * RATE] = speech(2.0)
    recorded = only(noise(8.0, -60.0) + speech(8.0), units)
    np.testing.assert_allclose(toned(recorded + text, units) - text, toned(recorded, units), atol=1e-6)


def test_the_tone_does_not_depend_on_other_gaps() -> None:
    room = noise(40.0, -60.0) + speech(40.0)
    many, few = seconds((0.0, 4.0), (6.0, 10.0), (12.0, 30.0)), seconds((0.0, 10.0), (12.0, 30.0))
    one, other = (toned(only(room, units), units) for units in (many, few))
    gap = slice(*seconds((10.1, 11.9))[0])
    assert np.corrcoef(one[gap], other[gap])[0, 1] > 0.99


def test_it_is_deterministic_and_follows_the_seed() -> None:
    units = seconds((0.0, 4.0))
    before = only(noise(8.0, -60.0) + speech(8.0), units)
    first, second = toned(before, units), toned(before, units)
    np.testing.assert_array_equal(first, second)
    other = toned(before, units, seed=1)[5 * RATE :]
    assert abs(np.corrcoef(first[5 * RATE :], other)[0, 1]) < 0.05


@pytest.mark.parametrize(
    "units",
    [[], [(0, 4_000)], [(RATE, RATE)], [(9 * RATE, 12 * RATE)]],
    ids=["none", "too short", "empty", "beyond the end"],
)
def test_an_unknown_room_stays_as_it_is(units: list[tuple[int, int]]) -> None:
    before = noise(8.0, -60.0)
    np.testing.assert_array_equal(toned(before, units), before)


def test_an_empty_recording() -> None:
    assert toned(np.zeros(0, np.float32), [(0, 100)]).shape == (0,)


@pytest.mark.parametrize("with_speech", [False, True])
def test_digital_silence_is_a_room_without_noise(with_speech: bool) -> None:
    units = seconds((1.0, 4.0), (6.0, 8.0))
    before = only(speech(9.0) if with_speech else np.zeros(9 * RATE, np.float32), units)
    np.testing.assert_array_equal(toned(before, units), before)


def test_speech_without_a_pause_is_not_taken_for_the_room() -> None:
    units = seconds((1.0, 4.0))
    times = np.arange(9 * RATE) / RATE
    sound = np.sign(np.sin(2 * np.pi * 130 * times)) * 0.1 * (1.2 + np.sin(2 * np.pi * 3 * times))
    output = toned(only(sound.astype(np.float32), units), units)
    assert level(output[5 * RATE :]) < level(output[RATE : 4 * RATE]) - 25.0


def test_the_level_glides_from_room_to_room_in_a_long_gap() -> None:
    count = 100.0
    rooms = np.concatenate([noise(50.0, -70.0), noise(50.0, -50.0)])
    units = seconds((0.0, 10.0), (90.0, 100.0))
    output = toned(only(rooms + speech(count), units), units)
    assert np.isfinite(output).all()
    levels = [level(output[start : start + RATE // 2]) for start in range(11 * RATE, 89 * RATE, RATE // 2)]
    assert levels[0] == pytest.approx(-70.0, abs=2.0)
    assert levels[-1] == pytest.approx(-50.0, abs=2.0)
    assert np.abs(np.diff(levels)).max() < 6.0, "no step"
    assert min(levels) > -73.0, "no hole"


@pytest.mark.parametrize("sample_rate", [8_000, 24_000, 44_100, 48_000])
def test_other_rates(sample_rate: int) -> None:
    samples = np.random.default_rng(0).standard_normal(6 * sample_rate).astype(np.float32) * np.float32(0.001)
    samples[:sample_rate:7] += 0.3
    samples[3 * sample_rate :] = 0.0
    add_room_tone(samples, [(0, 3 * sample_rate)], 0, sample_rate)
    assert level(samples[4 * sample_rate :]) == pytest.approx(-60.0, abs=2.0)


@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("dialogues/dialogue01.flac", ((0.5, 3.0), (12.0, 15.0), (30.0, 33.0))),
        ("dialogues/dialogue07.flac", ((0.0, 2.5), (9.0, 12.0), (16.0, 19.0))),
        ("dev/librispeech/1998-15444-0004.flac", ((0.0, 3.0), (5.0, 7.0))),
    ],
)
def test_a_real_room(name: str, units: tuple[tuple[float, float], ...]) -> None:
    """The tone against the quietest twentieth of the frames it replaces."""
    original = read_mono(recording(name))[0].samples
    places = seconds(*units)
    output = toned(only(original, places), places)
    hop = RATE // 50
    whole = len(original) // hop * hop
    gaps = only(np.ones(whole, np.float32), places).reshape(-1, hop).max(1) == 0.0
    replaced, tone = (samples[:whole].reshape(-1, hop)[gaps] for samples in (original, output))
    power = np.square(replaced, dtype=np.float64).mean(1)
    quiet = replaced[power <= np.quantile(power, 0.05)]
    assert level(tone) == pytest.approx(level(quiet), abs=4.0)
