"""The diarizer: labels, determinism, bad input, and real recordings of one speaker."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_tok.audio import read_mono, resample
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import Span, count_frames
from hybrid_tok.diarizer.backend import BuiltinDiarizer, DiarizerOptions
from hybrid_tok.errors import BackendError, OptionsError
from hybrid_tok.train.events.other_sounds import music
from real_audio import recording


@pytest.fixture(scope="module")
def diarizer() -> BuiltinDiarizer:
    return BuiltinDiarizer()


def test_empty_and_short_audio(diarizer: BuiltinDiarizer) -> None:
    for samples in (0, 1, 1_600):
        audio = Audio(np.zeros(samples, np.float32), 16_000)
        assert diarizer.diarize(audio, ()) == ()


def test_silence_marked_as_speech_has_no_more_than_one_speaker(diarizer: BuiltinDiarizer) -> None:
    audio = Audio(np.zeros(5 * 16_000, np.float32), 16_000)
    assert len({turn.speaker for turn in diarizer.diarize(audio, (Span(0, 250),))}) <= 1


def test_one_person_is_one_speaker_whole_clipped_or_over_the_telephone(diarizer: BuiltinDiarizer) -> None:
    from scipy.signal import butter, sosfilt

    audio, _ = read_mono(recording("dev/ljspeech") / _first("dev/ljspeech"))
    speech = (Span(0, count_frames(audio.num_samples, 16_000)),)
    telephone = sosfilt(butter(4, (300, 3400), "bandpass", fs=16_000, output="sos"), audio.samples)
    narrow = resample(resample(audio, 8_000), 16_000, audio.num_samples).samples
    for samples in (audio.samples, np.clip(audio.samples * 20, -1, 1), telephone.astype(np.float32), narrow):
        turns = diarizer.diarize(Audio(samples, 16_000), speech)
        assert {turn.speaker for turn in turns} == {0}


def test_music_has_at_most_one_speaker(diarizer: BuiltinDiarizer) -> None:
    """Chords marked as speech by a detector that errs: nobody is told apart in them."""
    time = np.arange(8 * 16_000) / 16_000
    chord = np.select([(time // 2) % 2 == k for k in range(2)], [np.float64(220.0), np.float64(330.0)])
    music = sum(0.1 * np.sin(2 * np.pi * np.cumsum(chord * ratio) / 16_000) for ratio in (1.0, 1.25, 1.5))
    audio = Audio(np.asarray(music, np.float32), 16_000)
    assert diarizer.diarize(audio, ()) == ()
    assert len({turn.speaker for turn in diarizer.diarize(audio, (Span(0, 400),))}) <= 1


@pytest.mark.parametrize("seed", range(4))
def test_tunes_and_beats_have_at_most_one_speaker(diarizer: BuiltinDiarizer, seed: int) -> None:
    tune = Audio(np.asarray(0.3 * music(8.0, np.random.default_rng(seed)), np.float32), 16_000)
    assert diarizer.diarize(tune, ()) == ()
    assert len({turn.speaker for turn in diarizer.diarize(tune, (Span(0, 400),))}) <= 1


def test_one_word_is_one_speaker(diarizer: BuiltinDiarizer) -> None:
    audio, _ = read_mono(recording("dev/ljspeech") / _first("dev/ljspeech"))
    for seconds in (0.1, 0.4, 0.7):
        word = Audio(audio.samples[8_000 : 8_000 + int(16_000 * seconds)], 16_000)
        assert len({turn.speaker for turn in diarizer.diarize(word, (Span(0, int(50 * seconds)),))}) <= 1


def test_two_people_who_talk_all_the_time_are_no_crowd(diarizer: BuiltinDiarizer) -> None:
    manifest = recording("dev/manifest.jsonl").parent
    mixed = np.zeros(12 * 16_000, np.float32)
    for folder in ("ljspeech", "librispeech"):
        clips = [read_mono(path)[0].samples for path in sorted((manifest / folder).iterdir())[:4]]
        mixed += np.resize(np.concatenate(clips), len(mixed))
    turns = diarizer.diarize(Audio(mixed, 16_000), (Span(0, 600),))
    assert 1 <= len({turn.speaker for turn in turns}) <= 2


def test_turns_are_in_order_inside_the_recording_and_always_the_same(diarizer: BuiltinDiarizer) -> None:
    audio, _ = read_mono(recording("dialogues/dialogue03.flac"))
    frames = count_frames(audio.num_samples, 16_000)
    speech = (Span(0, frames),)
    turns = diarizer.diarize(audio, speech)
    assert turns and turns == diarizer.diarize(audio, speech)
    assert [turn.span.start for turn in turns] == sorted(turn.span.start for turn in turns)
    assert max(turn.span.end for turn in turns) <= frames
    first = list(dict.fromkeys(turn.speaker for turn in turns))
    assert first == list(range(len(first)))


def test_a_number_of_speakers_that_is_known(diarizer: BuiltinDiarizer) -> None:
    audio, _ = read_mono(recording("dialogues/dialogue03.flac"))
    speech = (Span(0, count_frames(audio.num_samples, 16_000)),)
    for speakers in (1, 2, 3):
        turns = diarizer.diarize(audio, speech, speakers)
        assert len({turn.speaker for turn in turns}) == speakers


def test_what_is_wrong_is_said(diarizer: BuiltinDiarizer) -> None:
    with pytest.raises(BackendError, match="16000 Hz"):
        diarizer.diarize(Audio(np.zeros(800, np.float32), 8_000), ())
    with pytest.raises(OptionsError, match="speakers=0"):
        diarizer.diarize(Audio(np.zeros(800, np.float32), 16_000), (), 0)
    for wrong in ({"hop": 0.0}, {"glance": 2.0}, {"bridge": -1.0}):
        with pytest.raises(OptionsError):
            DiarizerOptions(**wrong)
    assert diarizer.fingerprint != BuiltinDiarizer(DiarizerOptions(overlap=2.0)).fingerprint


def _first(folder: str) -> str:
    return sorted(path.name for path in recording(folder).iterdir())[0]
