"""The contract catches backends that break it: each of these breaks one promise."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fakes import FakeCodec
from hybrid_tok.core.annotations import Event, SpeakerTurn, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import STAGES, Stage
from hybrid_tok.core.timeline import Span, count_frames
from hybrid_tok.core.utterance import Speech
from hybrid_tok.errors import BackendError, OptionsError
from hybrid_tok.testing import SPEECH, checks_of, talk


class Sound:
    """What is well-behaved, to be broken."""

    name, fingerprint = "sound", "sound-1"


class Listener(Sound):
    def result(self, audio: Audio) -> tuple[Any, ...]:
        audio.mono_at(16_000, "the listener")
        frames = count_frames(audio.num_samples, 16_000)
        return self.heard(frames) if audio.samples.any() else ()

    def heard(self, frames: int) -> tuple[Any, ...]:
        raise NotImplementedError


class Detector(Listener):
    def heard(self, frames: int) -> tuple[Any, ...]:
        return (Span(25, min(80, frames)),)

    def detect(self, audio: Audio) -> tuple[Span, ...]:
        return self.result(audio)


class Tagger(Listener):
    def heard(self, frames: int) -> tuple[Any, ...]:
        return (Event("laugh", Span(3, 9), 0.5), Event("breath", Span(20, 30), 0.9))

    def tag(self, audio: Audio) -> tuple[Event, ...]:
        return self.result(audio)


class Diarizer(Listener):
    def heard(self, frames: int) -> tuple[Any, ...]:
        return (SpeakerTurn(0, Span(25, 60)), SpeakerTurn(1, Span(60, 75)))

    def diarize(self, audio: Audio, speech: Any, speakers: int | None = None) -> tuple[SpeakerTurn, ...]:
        if speakers == 0:
            raise OptionsError("speakers=0: give 1 or more")
        found = self.result(audio) if speech else ()
        return tuple(turn for turn in found if speakers is None or turn.speaker < speakers)


class Recognizer(Listener):
    def heard(self, frames: int) -> tuple[Any, ...]:
        return (Word("one", Span(25, 40), 0.9), Word("two", Span(240, 250), 0.8))

    def recognize(self, audio: Audio, speech: Any, events: Any = (), progress: Any = None) -> tuple[Word, ...]:
        words = self.result(audio)
        for done in range(len(speech) + 1):
            if progress is not None:
                progress(float(done), float(len(speech)))
        return tuple(word for word in words if any(word.span.overlap(span) for span in speech))


class Synthesizer(Sound):
    sample_rate = 16_000

    def synthesize(self, utterance: Any) -> Speech:
        if utterance.span is not None:
            return Speech.silent(utterance, 16_000)
        length = 100 * len("".join(utterance.words))
        audio = Audio(np.full(length, 0.1, np.float32), 16_000)
        return Speech(audio, (0, length), tuple((0, 0) for _ in utterance.words))


SOUND: dict[Stage, Any] = {
    "voice_activity": Detector,
    "tagger": Tagger,
    "diarizer": Diarizer,
    "recognizer": Recognizer,
    "codec": FakeCodec,
    "synthesizer": Synthesizer,
}


@pytest.mark.parametrize("stage", SOUND)
def test_a_backend_that_keeps_its_promises_passes(stage: Stage) -> None:
    for check in checks_of(stage):
        check(SOUND[stage]())


def test_every_stage_has_checks() -> None:
    assert all(len(checks_of(stage)) >= 3 for stage in STAGES)
    assert set(STAGES) - set(SOUND) == {"aligner"}  # the real ones are held to it in tests/backends


class Forgetful(FakeCodec):
    def encode(self, samples: Any) -> Any:
        return super().encode(samples)[: len(samples) // self.hop]


class Wide(FakeCodec):
    def encode(self, samples: Any) -> Any:
        return super().encode(samples) + self.codebook_size


class Counting(FakeCodec):
    def encode(self, samples: Any) -> Any:
        return (super().encode(samples) + len(self.encoded)) % self.codebook_size


class Writing(FakeCodec):
    def encode(self, samples: Any) -> Any:
        codes = super().encode(samples)
        samples *= 0.5
        return codes


class Lenient(FakeCodec):
    def decode(self, codes: Any) -> Any:
        columns = codes if codes.ndim == 2 else codes[:, None]
        return super().decode(np.clip(columns[:, :4], 0, 255))


class Whole(FakeCodec):
    def decode(self, codes: Any) -> Any:
        if codes.shape[1] < self.num_codebooks:
            return np.zeros(0, np.float32)
        return super().decode(codes)


class Double(FakeCodec):
    def decode(self, codes: Any) -> Any:
        return super().decode(codes).astype(np.float64)


class Backwards(Detector):
    def heard(self, frames: int) -> tuple[Any, ...]:
        return (Span(50, 60), Span(20, 30))


class Beyond(Detector):
    def heard(self, frames: int) -> tuple[Any, ...]:
        return (Span(0, frames + 1),)


class Remembering(Detector):
    calls = itertools.count()

    def heard(self, frames: int) -> tuple[Any, ...]:
        return (Span(25, 60 + next(self.calls) % 40),)


class Inventive(Detector):
    def detect(self, audio: Audio) -> tuple[Span, ...]:
        return super().detect(audio) or (Span(0, 0),)


class Careless(Detector):
    def detect(self, audio: Audio) -> tuple[Span, ...]:
        return self.heard(200) if audio.samples.any() else ()


class Verbose(Detector):
    def detect(self, audio: Audio) -> tuple[Span, ...]:
        if audio.sample_rate != 16_000:
            raise BackendError("wrong\nrate")
        return super().detect(audio)


class Nameless(Detector):
    fingerprint = "<object at 0x7f00>"


class Unnumbered(Diarizer):
    def heard(self, frames: int) -> tuple[Any, ...]:
        return (SpeakerTurn(1, Span(25, 60)), SpeakerTurn(0, Span(60, 75)))


class Talkative(Diarizer):
    def diarize(self, audio: Audio, speech: Any, speakers: int | None = None) -> tuple[SpeakerTurn, ...]:
        return super().diarize(audio, speech, None if speakers == 1 else speakers)


class Overconfident(Tagger):
    def heard(self, frames: int) -> tuple[Any, ...]:
        return tuple(replace(event, confidence=event.confidence + 0.2) for event in super().heard(frames))


class Numpy(Recognizer):
    def heard(self, frames: int) -> tuple[Any, ...]:
        return tuple(replace(word, confidence=np.float64(word.confidence)) for word in super().heard(frames))


class Outside(Recognizer):
    def recognize(self, audio: Audio, speech: Any, events: Any = (), progress: Any = None) -> tuple[Word, ...]:
        words = super().recognize(audio, speech, events, progress)
        return (*words, Word("outside", Span(290, 300), 0.5)) if len(speech) > 1 and words else words


class Mumbling(Recognizer):
    def recognize(self, audio: Audio, speech: Any, events: Any = (), progress: Any = None) -> tuple[Word, ...]:
        words = super().recognize(audio, speech, events, progress)
        return tuple(replace(word, text=word.text + str(len(speech))) for word in words)


class Silent(Recognizer):
    def recognize(self, audio: Audio, speech: Any, events: Any = (), progress: Any = None) -> tuple[Word, ...]:
        return super().recognize(audio, speech, events)


class Short(Synthesizer):
    def synthesize(self, utterance: Any) -> Speech:
        speech = super().synthesize(utterance)
        return replace(speech, body=(0, max(0, speech.body[1] - 1)))


class Drifting(Synthesizer):
    calls = itertools.count(100)

    def synthesize(self, utterance: Any) -> Speech:
        speech = super().synthesize(utterance)
        if utterance.span is not None:
            return speech
        length = len(speech.audio.samples) + next(self.calls) % 20
        return replace(speech, audio=Audio(np.zeros(length, np.float32), 16_000), body=(0, length))


@pytest.mark.parametrize(
    ("stage", "broken", "says"),
    [
        ("codec", Forgetful, "gave codes"),
        ("codec", Wide, "outside the codebook"),
        ("codec", Counting, "the same samples give other codes"),
        ("codec", Writing, "writes to its input"),
        ("codec", Lenient, "nothing was raised"),
        ("codec", Whole, "1 codebooks gave samples"),
        ("codec", Double, "not finite float32"),
        ("voice_activity", Backwards, "not in order of time"),
        ("voice_activity", Beyond, "outside a recording of"),
        ("voice_activity", Remembering, "another result after another recording"),
        ("voice_activity", Inventive, "an empty recording has nothing in it"),
        ("voice_activity", Careless, "expected BackendError"),
        ("voice_activity", Verbose, "several lines"),
        ("voice_activity", Nameless, "has an address in it"),
        ("diarizer", Unnumbered, "not numbered by first appearance"),
        ("diarizer", Talkative, "one speaker was asked for"),
        ("tagger", Overconfident, "is not from 0 to 1"),
        ("recognizer", Numpy, "is no float from 0 to 1"),
        ("recognizer", Outside, "outside the speech"),
        ("recognizer", Mumbling, "a stretch after another is heard as"),
        ("recognizer", Silent, "progress was never told"),
        ("synthesizer", Short, "samples long, not"),
        ("synthesizer", Drifting, "the same words are spoken differently"),
    ],
    ids=lambda one: one.__name__ if isinstance(one, type) else "",
)
def test_a_broken_promise_is_caught(stage: Stage, broken: Any, says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        for check in checks_of(stage):
            check(broken())


def test_the_recording_of_the_checks_is_always_the_same() -> None:
    assert talk().num_samples == 98_123 and SPEECH[-1].end * 320 <= 98_123
    levels = [float(np.abs(talk().samples[span.start * 320 : span.end * 320]).mean()) for span in SPEECH]
    assert min(levels) > 20 * float(np.abs(talk().samples[110 * 320 : 135 * 320]).mean())
