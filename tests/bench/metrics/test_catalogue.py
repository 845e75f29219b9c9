"""The catalogue: what each metric needs, what it says of a perfect system, and that it gets worse when its own aspect
is spoilt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hybrid_tok.audio import read_mono
from hybrid_tok.bench.dnsmos import Rating
from hybrid_tok.bench.metrics.catalogue import METRICS, Judges, Scored
from hybrid_tok.bench.suites import SUITES
from hybrid_tok.bench.truth import Truth
from hybrid_tok.core.annotations import Annotations, Event, SpeakerTurn
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.events import EventLabel
from hybrid_tok.core.timeline import DEFAULT_GRID, Span
from hybrid_tok.tokens.stream import Channel, EventItem, HybridStream, Item, Pause, TextItem, Turn
from real_audio import recording, transcript

RATE = 16_000
SPEECH = "dev/librispeech/1688-142285-0002.flac"
COUGH = "dev/covid19-cough/d922a4dc-347e-4f39-8f7f-3dd09b3b2592.opus"

TRUTH = Truth(
    text="hello there how are you",
    turns=(SpeakerTurn(0, Span(0, 50)), SpeakerTurn(1, Span(50, 100))),
    speaker_texts={0: "hello there", 1: "how are you"},
    events=(Event("laugh", Span(100, 125), 1.0),),
    tagged="hello there how are you [laugh]",
)


def voice(pitch: float = 150.0, wobble: float = 1.5) -> Audio:
    time = np.arange(2 * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.2 * np.sin(2 * np.pi * wobble * time))) / RATE
    buzz = sum(np.cos(h * phase) / h for h in range(1, 20))
    return Audio((0.1 * buzz * (0.3 + np.sin(2 * np.pi * 2 * time) ** 2)).astype(np.float32), RATE)


def noisy(audio: Audio, level: float) -> Audio:
    noise = np.random.default_rng(0).standard_normal(audio.num_samples)
    return Audio((audio.samples + level * noise).astype(np.float32), RATE)


def written(*turns: tuple[int, Sequence[Item]], heard: Sequence[SpeakerTurn] = TRUTH.turns or ()) -> Any:
    """An analysis: a stream, and who was heard."""
    stream = HybridStream((Channel(tuple(Turn(speaker, tuple(items)) for speaker, items in turns)),))
    heard_in = Annotations(125, active=(Span(0, 125),), turns=tuple(heard))
    return SimpleNamespace(stream=stream, annotations=heard_in, grid=DEFAULT_GRID)


def laugh(label: EventLabel = "laugh") -> EventItem:
    return EventItem(label, ((1, 2),) * 25)


def said(*, first: str = "hello there", second: str = "how are you", end: Item | None = None) -> Any:
    return written((0, [TextItem(first, 50)]), (1, [TextItem(second, 50), end or laugh()]))


PERFECT = Scored(
    voice(), voice(), TRUTH, tokens=20, counts={"text": 10, "units": 5, "control": 5}, bits=160.0, analysis=said()
)


class FakeJudges(Judges):
    """Hears what the level of the samples says: the loudest hear everything right."""

    def hear(self, audio: Audio, language: str) -> Sequence[str]:
        clean = np.array_equal(audio.samples, voice().samples)
        return (TRUTH.text or "").split() if clean else ["hello", "bear", "how"]

    def rate(self, audio: Audio) -> Rating:
        clean = np.array_equal(audio.samples, voice().samples)
        return Rating(4.0, 4.0, 4.0) if clean else Rating(2.0, 2.0, 2.0)

    resemblyzer = camplus = property(lambda self: _Spectrum())  # pyright: ignore[reportAssignmentType]

    tagger = captions = property(lambda self: _Pitch())  # pyright: ignore[reportAssignmentType]


class _Spectrum:
    """A voice is where its power lies."""

    name = "spectrum"

    def embed(self, audio: Audio) -> np.ndarray:
        power = np.abs(np.fft.rfft(audio.samples)) ** 2
        bands = np.array([band.sum() for band in np.array_split(power, 32)])
        return bands / np.linalg.norm(bands)


class _Pitch:
    """A buzz is a laugh, anything else is none."""

    name = "pitch"
    labels: frozenset[EventLabel] = frozenset({"laugh", "cough"})

    def name_events(self, audio: Audio, spans: Sequence[Span]) -> list[EventLabel | None]:
        return ["laugh" if np.array_equal(audio.samples, voice().samples) else None for _ in spans]


def value(name: str, scored: Scored, judges: Judges | None = None) -> float:
    metric = METRICS[name]
    assert all(scored.has(need) for need in metric.needs), name
    found = metric.measure(scored, judges or FakeJudges())
    assert found is not None, name
    return found[0] / found[1] if isinstance(found, tuple) else found


def test_every_metric_of_every_suite_is_here_and_says_what_it_is() -> None:
    assert {metric for suite in SUITES.values() for metric in suite.metrics} <= set(METRICS)
    for name, metric in METRICS.items():
        assert metric.name == name and metric.title and metric.about and metric.unit is not None
        assert not metric.about.endswith(".")


def test_costs_are_counted() -> None:
    seconds = PERFECT.reference.seconds
    expected = {
        "tokens_per_second": 20,
        "text_tokens_per_second": 10,
        "unit_tokens_per_second": 5,
        "control_tokens_per_second": 5,
        "bits_per_second": 160,
    }
    assert {name: value(name, PERFECT) * seconds for name in expected} == pytest.approx(expected)


BEST = {
    "mel": 0.0,
    "stft": 0.0,
    "stoi": 1.0,
    "f0_correlation": 1.0,
    "wer": 0.0,
    "cer": 0.0,
    "text_wer": 0.0,
    "text_cer": 0.0,
    "speaker": 1.0,
    "speaker_campplus": 1.0,
    "der": 0.0,
    "cpwer": 0.0,
    "event_f1": 1.0,
    "event_onset_f1": 1.0,
    "event_survival": 1.0,
    "event_recognition": 1.0,
    "event_survival_second": 1.0,
    "event_recognition_second": 1.0,
    "wesr_f1": 1.0,
    "pitch_correlation": 1.0,
    "energy_correlation": 1.0,
}


@pytest.mark.parametrize("name", BEST)
def test_a_perfect_system_is_as_good_as_can_be(name: str) -> None:
    assert value(name, PERFECT) == pytest.approx(BEST[name], abs=1e-9)


def decoded(audio: Audio) -> Callable[[], Scored]:
    return lambda: replace(PERFECT, decoded=audio)


def analyzed(analysis: Any) -> Callable[[], Scored]:
    return lambda: replace(PERFECT, analysis=analysis)


HISS = noisy(voice(), 0.05)
SPOILT: dict[str, Callable[[], Scored]] = {
    **dict.fromkeys(("mel", "stft", "pesq_wb", "stoi", "wer", "cer", "dnsmos", "energy_correlation"), decoded(HISS)),
    **dict.fromkeys(("f0_correlation", "pitch_correlation"), decoded(voice(wobble=2.3))),
    **dict.fromkeys(("speaker", "speaker_campplus"), decoded(voice(pitch=300))),
    **dict.fromkeys(
        ("event_survival", "event_recognition", "event_survival_second", "event_recognition_second"),
        decoded(noisy(Audio(np.zeros(2 * RATE, np.float32), RATE), 0.1)),
    ),
    **dict.fromkeys(("text_wer", "text_cer"), analyzed(said(first="there hello"))),
    "cpwer": analyzed(said(first="how are you", second="hello")),
    "der": analyzed(written((0, [Pause(125)]), heard=[SpeakerTurn(0, Span(0, 100))])),
    **dict.fromkeys(("event_f1", "wesr_f1"), analyzed(said(end=laugh("cough")))),
    "event_onset_f1": analyzed(said(end=Pause(25))),
    "tokens_per_second": lambda: replace(PERFECT, tokens=40),
    "bits_per_second": lambda: replace(PERFECT, bits=320.0),
}


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.better != "neither"])
def test_each_gets_worse_when_its_own_aspect_is_spoilt(name: str) -> None:
    before, after = value(name, PERFECT), value(name, SPOILT[name]())
    assert after < before if METRICS[name].better == "higher" else after > before


def test_what_is_not_known_is_needed() -> None:
    unknown = replace(PERFECT, truth=Truth(), tokens=None, counts=None, bits=None, analysis=None)
    measured = {name for name, metric in METRICS.items() if all(unknown.has(need) for need in metric.needs)}
    waveform = {"mel", "stft", "pesq_wb", "stoi", "f0_correlation"}
    assert measured == waveform | {"speaker", "speaker_campplus", "pitch_correlation", "energy_correlation", "dnsmos"}


def test_a_clip_of_a_sound_has_no_speech_and_an_analysis_of_nothing_is_none() -> None:
    assert not replace(PERFECT, truth=Truth(events=TRUTH.events)).has("speech")
    assert not replace(PERFECT, truth=Truth(text=" ")).has("speech")
    assert not replace(PERFECT, truth=Truth(turns=())).has("speech")
    nothing = SimpleNamespace(annotations=Annotations(125), stream=said().stream)
    assert not replace(PERFECT, analysis=nothing).has("analysis")


def test_a_package_that_is_not_there_is_named_with_its_command() -> None:
    metric = replace(METRICS["pesq_wb"], packages=("pesq", "no_such_package", "no_such.module"))
    assert METRICS["pesq_wb"].missing is None
    assert metric.missing == "pesq_wb needs no_such_package, no_such.module: pip install 'hybrid-tok[bench]'"


def test_events_that_a_judge_cannot_tell_are_not_put_to_it() -> None:
    truth = Truth(events=(Event("yawn", Span(0, 50), 1.0),))
    assert METRICS["event_survival"].measure(replace(PERFECT, truth=truth), FakeJudges()) is None


def test_judges_keep_their_answers() -> None:
    judges, asked = Judges(), []
    for audio in (voice(), voice(), HISS, voice()):
        judges._remembered("question", audio, lambda audio: asked.append(audio))
    assert len(asked) == 2
    judges._remembered("another", HISS, lambda audio: asked.append(audio))
    assert len(asked) == 3


def test_a_listener_understands_less_in_noise() -> None:
    """Whisper base, on real speech."""
    audio, _ = read_mono(recording(SPEECH))
    truth = Truth(text=transcript(SPEECH))
    judges = Judges()
    clean = value("wer", Scored(audio, audio, truth), judges)
    spoilt = value("wer", Scored(audio, noisy(audio, 0.3), truth), judges)
    assert clean < 0.2 < 0.5 < spoilt


def test_a_cough_that_became_noise_has_not_survived() -> None:
    """The tokenizer's tagger, on a real cough."""
    audio, _ = read_mono(recording(COUGH))
    truth = Truth(events=(Event("cough", Span(0, int(audio.seconds * 50)), 1.0),))
    silent = Audio(np.zeros_like(audio.samples), RATE)
    judges = Judges()
    for name in ("event_survival", "event_recognition"):
        assert value(name, Scored(audio, audio, truth), judges) == 1.0
        assert value(name, Scored(audio, noisy(silent, 0.02), truth), judges) == 0.0
