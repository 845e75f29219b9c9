"""The embedded tagger: from posteriors to events by hand, and real recordings with and without events."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from hybrid_tok.annotations import Event
from hybrid_tok.audio import Audio, read_mono
from hybrid_tok.backends.embedded_tagger import EmbeddedTagger, TaggerOptions, events_of
from hybrid_tok.errors import BackendError, OptionsError
from hybrid_tok.events import EVENT_LABELS
from hybrid_tok.timeline import Span
from real_audio import recording

SHARP = TaggerOptions(smooth=0.02, min_seconds=0.1, bridge=0.1)


@pytest.fixture(scope="module")
def tagger() -> EmbeddedTagger:
    return EmbeddedTagger()


def posteriors(frames: int, *stretches: tuple[int, int, str, float]) -> NDArray[np.float32]:
    result = np.zeros((frames, 19), np.float32)
    for start, end, label, probability in stretches:
        result[start:end, EVENT_LABELS.index(label)] += probability  # type: ignore[arg-type]
    return result


def test_hysteresis_by_hand() -> None:
    """An event starts where it is at least `stay`, if it somewhere reaches `threshold`."""
    heard = posteriors(100, (10, 20, "laugh", 0.35), (20, 40, "laugh", 0.9), (60, 80, "cough", 0.45))
    assert events_of(heard, SHARP) == (Event("laugh", Span(10, 40), 0.9),)


def test_what_happened_is_asked_after_whether_something_did() -> None:
    """Neither label reaches the threshold, both together do; the larger one names it, less surely."""
    heard = posteriors(50, (10, 30, "laugh", 0.45), (10, 30, "moan", 0.35))
    assert events_of(heard, SHARP) == (Event("laugh", Span(10, 30), 0.45),)


def test_a_bout_is_one_event_but_two_sounds_are_two() -> None:
    bout = posteriors(60, (10, 20, "cough", 0.9), (24, 34, "cough", 0.9))
    assert [event.span for event in events_of(bout, SHARP)] == [Span(10, 34)]
    two = posteriors(60, (10, 20, "cough", 0.9), (24, 34, "laugh", 0.9))
    assert [(event.label, event.span.start) for event in events_of(two, SHARP)] == [("cough", 10), ("laugh", 24)]
    apart = posteriors(60, (10, 20, "cough", 0.9), (26, 36, "cough", 0.9))
    assert len(events_of(apart, SHARP)) == 2


def test_short_and_doubtful_events_are_dropped() -> None:
    assert events_of(posteriors(60, (10, 14, "cough", 1.0)), SHARP) == ()
    unclear = posteriors(60, *((10, 30, label, 0.19) for label in EVENT_LABELS[:5]))
    assert events_of(unclear, SHARP) == ()
    assert events_of(np.zeros((0, 19), np.float32), SHARP) == ()


@pytest.mark.parametrize(
    "wrong", [{"threshold": 1.0}, {"stay": 0.6}, {"smooth": -1.0}, {"min_confidence": 2.0}, {"bridge": -0.1}]
)
def test_options_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(OptionsError):
        TaggerOptions(**wrong)


def test_it_listens_to_mono_at_16_khz(tagger: EmbeddedTagger) -> None:
    with pytest.raises(BackendError, match="mono at 16000 Hz"):
        tagger.tag(Audio(np.zeros(100, np.float32), 8_000))


def quiet_inputs() -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    time = np.arange(5 * 16_000) / 16_000
    chord = sum(np.sin(2 * np.pi * hertz * time) for hertz in (262, 330, 392))
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
        "a square wave at full scale": np.sign(np.sin(2 * np.pi * 100 * time)).astype(np.float32),
        "direct current": np.full(48_000, 0.4, np.float32),
    }


@pytest.mark.parametrize("name", quiet_inputs())
def test_no_event_is_invented(tagger: EmbeddedTagger, name: str) -> None:
    """None with the confidence that the gate asks for."""
    events = tagger.tag(Audio(quiet_inputs()[name], 16_000))
    assert [event for event in events if event.confidence >= 0.5] == []


SPEECH = ("dev/librispeech", "dev/ljspeech", "dev/aishell1")


@pytest.mark.parametrize("folder", SPEECH)
def test_speech_in_bad_shape_is_no_event(tagger: EmbeddedTagger, folder: str) -> None:
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


def test_real_coughs_are_coughs(tagger: EmbeddedTagger) -> None:
    """More than half of the held-out coughs are called that, and none overlaps another event."""
    found = []
    for path in sorted(recording("dev/covid19-cough").iterdir())[:10]:
        audio, _ = read_mono(path)
        events = tagger.tag(audio)
        assert all(a.span.end <= b.span.start for a, b in pairwise(events))
        found.append(any(event.label == "cough" for event in events))
    assert sum(found) > len(found) / 2


def test_same_input_same_events(tagger: EmbeddedTagger) -> None:
    audio, _ = read_mono(recording("dialogues/dialogue00.flac"))
    first = tagger.tag(audio)
    assert first and first == tagger.tag(audio) == EmbeddedTagger().tag(audio)


def test_the_fingerprint_has_weights_and_options(tagger: EmbeddedTagger) -> None:
    other = EmbeddedTagger(TaggerOptions(bridge=0.2))
    assert tagger.fingerprint != other.fingerprint and tagger._model.identity.fingerprint in tagger.fingerprint
