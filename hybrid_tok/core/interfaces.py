"""The interfaces of backends: small protocols and the values they exchange.

Every backend takes mono float32 audio at a stated rate and returns frames of the 20 ms grid (`timeline`), so that the
pipelines never guess units; only a codec has frames of its own. All arrays are numpy; no backend's own types leak
through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.annotations import Event, Segment, SpeakerTurn, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.progress import Progress
from hybrid_tok.core.timeline import Grid, Span, count_frames
from hybrid_tok.core.utterance import Speech, Utterance

Stage: TypeAlias = Literal["voice_activity", "recognizer", "aligner", "tagger", "diarizer", "codec", "synthesizer"]
"""What a backend does. Each is also the option that names one (`TokenizerOptions`)."""

STAGES: tuple[Stage, ...] = get_args(Stage)

WindowRule: TypeAlias = Literal["segment", "packed", "live"]
"""How a recording is cut for a recognizer: each speech segment by itself, or as much speech as fits each window, or
shorter segments, each as soon as it has ended."""


@runtime_checkable
class Backend(Protocol):
    """What every backend has: a name, and a fingerprint that changes whenever its output could."""

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...


class VoiceActivityDetector(Backend, Protocol):
    """Finds speech."""

    def detect(self, audio: Audio) -> tuple[Span, ...]:
        """Speech stretches, sorted and disjoint, in frames; `audio` is mono at 16 kHz."""
        ...


@runtime_checkable
class Recognizer(Backend, Protocol):
    """Turns speech into words with times and confidences."""

    def recognize(
        self,
        audio: Audio,
        speech: Sequence[Span],
        events: Sequence[Event] = (),
        progress: Progress | None = None,
    ) -> tuple[Word, ...]:
        """Words in order of time, inside the given speech stretches; `audio` is mono at 16 kHz.

        Args:
            events: vocal events in the audio, on which a recognizer may hallucinate words.
            progress: called with the seconds of audio done, and the seconds in all.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RecognizerWindow:
    """A window of a recording that is still going on, in frames from its own start.

    Attributes:
        start: frame of the recording at which it starts.
        audio: mono at 16 kHz.
        speech: in it.
        events: vocal events in it.
    """

    start: int
    audio: Audio
    speech: tuple[Span, ...]
    events: tuple[Event, ...]

    @property
    def span(self) -> Span:
        """Its frames in the recording."""
        return Span(self.start, self.start + count_frames(self.audio.num_samples, self.audio.sample_rate))


@runtime_checkable
class CarryingRecognizer(Recognizer, Protocol):
    """A recognizer that learns from one window what it needs for the next. Any other hears each window alone."""

    def recognize_next(
        self, windows: Sequence[RecognizerWindow], upcoming: int | None, learned: Mapping[str, float]
    ) -> tuple[list[tuple[Word, ...]], dict[str, float]]:
        """The words of as many of the first windows as can be told by now, in frames of each window.

        Window by window, this gives what `recognize` gives for the whole recording.

        Args:
            windows: in order; those that follow may be needed for the first.
            upcoming: no window starts before this frame; None when these are the last ones.
            learned: what the last call gave; empty at first.
        """
        ...


class Aligner(Backend, Protocol):
    """Finds where the words of a known text were said."""

    def align(
        self, audio: Audio, segments: Sequence[Segment], speech: Sequence[Span], progress: Progress | None = None
    ) -> tuple[Word, ...]:
        """Every word of the text in its order, as written; `audio` is mono at 16 kHz.

        A word that was not said has confidence near 0 and a frame or so at the place where it would have been. Speech
        that is not in the text has no word over it: nothing is stretched over what does not belong to it.
        """
        ...


@dataclass(frozen=True, slots=True)
class HeardSpeech:
    """Speech found since the last call, in frames of the whole recording.

    Attributes:
        spans: speech that has ended; sorted, disjoint, after all before.
        lasting: from where to where speech that goes on is certain; it may turn out to end later, not earlier.
        quiet: all other speech starts at this frame or later.
    """

    spans: tuple[Span, ...]
    lasting: Span | None
    quiet: int


class VoiceActivityStream(Protocol):
    """Finds speech while it is being heard: together exactly what `VoiceActivityDetector.detect` finds.

    Attributes:
        state: what it goes on with, a dataclass of plain values and arrays (`core.state`).
    """

    state: Any

    def push(self, samples: NDArray[np.float32]) -> HeardSpeech:
        """More samples (N,), mono at 16 kHz."""
        ...

    def flush(self) -> HeardSpeech:
        """The end of the recording: what is left."""
        ...


class EventTagger(Backend, Protocol):
    """Finds vocal events anywhere in the recording."""

    def tag(self, audio: Audio) -> tuple[Event, ...]: ...


class Diarizer(Backend, Protocol):
    """Says who speaks when."""

    def diarize(self, audio: Audio, speech: Sequence[Span], speakers: int | None = None) -> tuple[SpeakerTurn, ...]:
        """Turns, sorted by start; speakers are numbered in order of first appearance. `audio` is mono at 16 kHz.

        Args:
            speech: where there is talk.
            speakers: how many there are, where that is known; None has them counted.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecIdentity:
    """The properties of a codec that are needed to read its codes.

    Attributes:
        name: for people.
        fingerprint: changes whenever the same audio could get other codes, or the same codes another sound.
        sample_rate: in Hz.
        hop: samples per frame.
        num_codebooks: codebooks per frame in the full set.
        default_codebooks: how many of them are used by default.
        codebook_size: codes per codebook.
    """

    name: str
    fingerprint: str
    sample_rate: int
    hop: int
    num_codebooks: int
    default_codebooks: int
    codebook_size: int

    @property
    def grid(self) -> Grid:
        """Its frames."""
        return Grid(self.sample_rate, self.hop)

    @classmethod
    def of(cls, codec: UnitCodec) -> CodecIdentity:
        """The identity of a codec object, with all its codebooks in use."""
        return cls(
            name=codec.name,
            fingerprint=codec.fingerprint,
            sample_rate=codec.sample_rate,
            hop=codec.hop,
            num_codebooks=codec.num_codebooks,
            default_codebooks=codec.num_codebooks,
            codebook_size=codec.codebook_size,
        )


class UnitCodec(Backend, Protocol):
    """Audio to discrete units and back: `num_codebooks` integers below `codebook_size` per frame of `hop` samples."""

    @property
    def sample_rate(self) -> int: ...

    @property
    def hop(self) -> int: ...

    @property
    def num_codebooks(self) -> int: ...

    @property
    def codebook_size(self) -> int: ...

    def encode(self, samples: NDArray[np.float32]) -> NDArray[np.int64]:
        """Samples (N,) at `sample_rate` to codes (ceil(N / hop), num_codebooks)."""
        ...

    def decode(self, codes: NDArray[np.integer]) -> NDArray[np.float32]:
        """Codes (T, K), K <= num_codebooks a prefix of the codebooks, to samples (T * hop,)."""
        ...


class Synthesizer(Backend, Protocol):
    """Synthesizes speech."""

    @property
    def sample_rate(self) -> int:
        """Of its speech, in Hz."""
        ...

    def synthesize(self, utterance: Utterance) -> Speech:
        """Speak an utterance, each phrase in its place if it has one.

        What a synthesizer cannot follow (a voice code, the delivery of a word, the place of a phrase that touches
        another) it speaks in its own way, and its docs say so. The length of the whole is always exact.
        """
        ...
