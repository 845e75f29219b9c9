"""The embedded tagger: real recordings with and without events, and inputs in bad shape."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from hybrid_tok.audio import read_mono
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.event_spans import TaggerOptions
from hybrid_tok.core.manifest import read_manifest
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import BackendError
from hybrid_tok.tagger.backend import BuiltinTagger
from real_audio import recording


@pytest.fixture(scope="module")
def tagger() -> BuiltinTagger:
    return BuiltinTagger()


def test_it_listens_to_mono_at_16_khz(tagger: BuiltinTagger) -> None:
    with pytest.raises(BackendError, match="mono at 16000 Hz"):
        tagger.tag(Audio(np.zeros(100, np.float32), 8_000))


def hertz_of(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """A tune: another note of the scale every quarter of a second."""
    notes = 220 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 12], size=n // 4_000 + 1) / 12)
    return np.repeat(notes, 4_000)[:n]


def quiet_inputs() -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    time = np.arange(5 * 16_000) / 16_000
    chord = sum(np.sin(2 * np.pi * hertz * time) for hertz in (262, 330, 392))
    melody = sum(np.sin(2 * np.pi * np.cumsum(h * hertz_of(rng, len(time))) / 16_000) / h**1.5 for h in range(1, 6))
    beats = 0.2 * np.asarray(chord) * (0.4 + 0.6 * (np.sin(2 * np.pi * 2 * time) > 0))
    return {
        "nothing": np.zeros(0, np.float32),
        "one sample": np.full(1, 0.5, np.float32),
        "digital zero": np.zeros(48_000, np.float32),
        "0.1 s of hiss": (0.01 * rng.standard_normal(1_600)).astype(np.float32),
        "room hiss": (3e-4 * rng.standard_normal(80_000)).astype(np.float32),
        "loud white noise": (0.1 * rng.standard_normal(80_000)).astype(np.float32),
        "a tone": (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32),
        "a chord with a beat": beats.astype(np.float32),
        "a melody of plucked notes": (0.1 * np.asarray(melody)).astype(np.float32),
        "a square wave at full scale": np.sign(np.sin(2 * np.pi * 100 * time)).astype(np.float32),
        "direct current": np.full(48_000, 0.4, np.float32),
    }


@pytest.mark.parametrize("name", quiet_inputs())
def test_no_event_is_invented(tagger: BuiltinTagger, name: str) -> None:
    """None with the confidence that the gate asks for."""
    events = tagger.tag(Audio(quiet_inputs()[name], 16_000))
    assert [event for event in events if event.confidence >= 0.5] == []


SPEECH = ("dev/librispeech", "dev/ljspeech", "dev/aishell1")


@pytest.mark.parametrize("folder", SPEECH)
def test_speech_in_bad_shape_is_no_event(tagger: BuiltinTagger, folder: str) -> None:
    """As it is, cut to one word, over the telephone, clipped, far too soft, in noise: at most breaths are heard."""
    audio, _ = read_mono(min(recording(folder).glob("*.flac")))
    samples = audio.samples[: 8 * 16_000]
    telephone = signal.sosfilt(signal.butter(6, (300, 3400), "bandpass", fs=16_000, output="sos"), samples)
    noise = np.random.default_rng(0).standard_normal(len(samples)) * np.sqrt(np.mean(samples**2)) * 0.1
    middle = len(samples) // 2
    for shape in (
        samples,
        samples[middle : middle + 8_000],
        samples[middle : middle + 1_600],
        telephone,
        np.clip(samples * 12, -1, 1),
        samples * 0.02,
        samples + noise,
    ):
        events = tagger.tag(Audio.from_samples(np.asarray(shape, np.float32), 16_000))
        assert {event.label for event in events if event.confidence >= 0.5} <= {"breath"}


def test_speech_at_8_khz_is_no_event(tagger: BuiltinTagger) -> None:
    """A telephone recording that was resampled: nothing above 4 kHz at all."""
    audio, _ = read_mono(min(recording("dev/librispeech").glob("*.flac")))
    narrow = signal.resample_poly(signal.resample_poly(audio.samples[: 8 * 16_000], 1, 2), 2, 1)
    events = tagger.tag(Audio.from_samples(np.asarray(narrow, np.float32), 16_000))
    assert {event.label for event in events if event.confidence >= 0.5} <= {"breath"}


def test_a_conversation_at_any_level_has_its_laugh(tagger: BuiltinTagger) -> None:
    """dialogue02 has a laugh from 11.54 to 15.54 s: as it is, soft, and clipped."""
    audio, _ = read_mono(recording("dialogues/dialogue02.flac"))
    for gain in (1.0, 0.1, 6.0):
        events = tagger.tag(Audio.from_samples(np.clip(audio.samples * np.float32(gain), -1, 1), 16_000))
        laughs = [event for event in events if event.label == "laugh" and event.span.overlap(Span(577, 777)) > 100]
        assert len(laughs) == 1 and abs(laughs[0].span.start - 577) <= 15


def test_real_coughs_are_coughs(tagger: BuiltinTagger) -> None:
    """More than half of the held-out coughs are called that, and none overlaps another event."""
    found = []
    for path in sorted(recording("dev/covid19-cough").iterdir())[:10]:
        audio, _ = read_mono(path)
        events = tagger.tag(audio)
        assert all(a.span.end <= b.span.start for a, b in pairwise(events))
        found.append(any(event.label == "cough" for event in events))
    assert sum(found) > len(found) / 2


def test_same_input_same_events(tagger: BuiltinTagger) -> None:
    audio, _ = read_mono(recording("dialogues/dialogue00.flac"))
    first = tagger.tag(audio)
    assert first and first == tagger.tag(audio) == BuiltinTagger().tag(audio)


def test_the_fingerprint_has_weights_and_options(tagger: BuiltinTagger) -> None:
    other = BuiltinTagger(TaggerOptions(bridge=0.2))
    assert tagger.fingerprint != other.fingerprint and tagger._model.identity.fingerprint in tagger.fingerprint


def test_engines_and_weather_are_no_events(tagger: BuiltinTagger) -> None:
    """One in four of these was an event before its probability as a noise counted."""
    folder = recording("dev/manifest.jsonl").parent
    noises = [clip for clip in read_manifest(folder) if clip.label in ("chainsaw", "helicopter", "rain", "sea")]
    found = [clip.label for clip in noises if tagger.tag(read_mono(clip.path)[0])]
    assert len(noises) == 32 and len(found) <= 2, found
