from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.audio import read_mono
from hybrid_tok.errors import OptionsError
from hybrid_tok.voice.pitch import PitchOptions, frame_centres, track_pitch
from real_audio import recording
from tones import RATE, vowel


@pytest.mark.parametrize("pitch", [70.0, 110.0, 220.0, 400.0, 550.0])
def test_pitch_of_a_vowel_is_found_without_octave_errors(pitch: float) -> None:
    track = track_pitch(vowel(pitch, 1.0), RATE)
    assert track.voiced.mean() > 0.9
    assert np.abs(12 * np.log2(track.frequency[track.voiced] / pitch)).max() < 0.3


def test_a_gliding_pitch_is_followed() -> None:
    time = np.arange(RATE) / RATE
    track = track_pitch(vowel(100.0 * 2.0**time, 1.0), RATE)
    wanted = 100.0 * 2.0 ** (track.centres / RATE)
    distance = 12 * np.log2(track.frequency[track.voiced] / wanted[track.voiced])
    assert np.abs(distance[5:-5]).max() < 0.5


def test_noise_silence_and_nothing_have_no_pitch() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    assert track_pitch(noise, RATE).voiced.mean() < 0.1
    assert not track_pitch(np.zeros(RATE, np.float32), RATE).voiced.any()
    assert len(track_pitch(np.zeros(0, np.float32), RATE).frequency) == 0


def test_loudness_does_not_matter() -> None:
    sound = vowel(150.0, 0.5)
    loud, soft = track_pitch(sound, RATE), track_pitch(sound * np.float32(0.01), RATE)
    np.testing.assert_allclose(loud.frequency, soft.frequency, rtol=1e-3)


def test_frames_cover_their_stretch_and_nothing_else() -> None:
    assert frame_centres(0, 480, 160).tolist() == [80, 240, 400]
    assert frame_centres(100, 421, 160).tolist() == [180, 340, 500]
    assert frame_centres(100, 100, 160).tolist() == frame_centres(100, 50, 160).tolist() == []


def test_real_speech_agrees_with_praat() -> None:
    import parselmouth

    path = recording("dev/ljspeech/LJ001-0014.flac")
    audio, _ = read_mono(path, RATE)
    track = track_pitch(audio.samples, RATE)
    theirs = parselmouth.Sound(audio.samples.astype(float), RATE).to_pitch_ac(
        time_step=0.01, pitch_floor=60.0, pitch_ceiling=600.0
    )
    times, frequency = np.asarray(theirs.xs()), theirs.selected_array["frequency"]
    near = np.clip(np.round(times * 100 - 0.5).astype(int), 0, len(track.frequency) - 1)
    ours = track.frequency[near]
    both = (frequency > 0) & (ours > 0)
    assert both.sum() > 0.8 * (frequency > 0).sum()
    assert (np.abs(12 * np.log2(ours[both] / frequency[both])) < 1.0).mean() > 0.95


def test_options_outside_their_range_are_refused() -> None:
    for options in ({"floor": 10.0}, {"floor": 300.0, "ceiling": 200.0}, {"candidates": 0}):
        with pytest.raises(OptionsError, match="pitch needs"):
            PitchOptions(**options)  # pyright: ignore[reportArgumentType]
