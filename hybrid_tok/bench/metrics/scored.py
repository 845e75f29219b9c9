"""What a metric is given: a recording before and after a system, and the judges that listen to both."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Literal, TypeAlias, TypeVar

from hybrid_tok.bench.dnsmos import Dnsmos, Rating
from hybrid_tok.bench.hearing import Ear
from hybrid_tok.bench.judges import CamPlus, Judge, Resemblyzer, Vector
from hybrid_tok.bench.metrics.captions import CaptionJudge
from hybrid_tok.bench.metrics.events import EventJudge, TaggerJudge
from hybrid_tok.bench.truth import Truth
from hybrid_tok.core.annotations import Event
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.events import EventLabel
from hybrid_tok.tokenizer import Analysis

Need: TypeAlias = Literal[
    "text", "turns", "speaker_texts", "events", "tagged", "speech", "tokens", "counts", "bits", "analysis"
]
"""What must be there for a metric: truth about the recording, speech in it, or what its system says of itself."""

_KEPT = 64
"""Results of judges that are kept: the recording itself is judged once for all systems."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A recording after a system.

    Attributes:
        reference: the recording, mono at 16 kHz.
        decoded: mono at 16 kHz, of another length in free timing.
        truth: what is known about the recording.
        tokens: that the system wrote, of all kinds; None where it writes none.
        counts: of them "text", "units" and "control".
        bits: that the system wrote.
        analysis: the tokenizer's; None of other systems.
    """

    reference: Audio
    decoded: Audio
    truth: Truth = field(default_factory=Truth)
    tokens: int | None = None
    counts: Mapping[str, int] | None = None
    bits: float | None = None
    analysis: Analysis | None = None

    def has(self, need: Need) -> bool:
        """Whether something is there. An `analysis` is one in which something was listened for: units alone say
        nothing of words, speakers and events. A recording has `speech` where its truth says so, or nothing."""
        if need == "speech":
            return self._has_speech()
        if need == "analysis":
            return self.analysis is not None and bool(
                self.analysis.annotations.active or self.analysis.annotations.speech
            )
        if need in ("tokens", "counts", "bits"):
            return getattr(self, need) is not None
        return getattr(self.truth, need) is not None

    def _has_speech(self) -> bool:
        if self.truth.text is not None:
            return bool(self.truth.text.strip())
        if self.truth.turns is not None:
            return bool(self.truth.turns)
        return self.truth.events is None


class Judges:
    """Networks that listen, each loaded when it is first asked and kept; so are their last answers.

    Args:
        recognizer: Whisper model of the listener that hears decoded speech.
    """

    def __init__(self, recognizer: str = "base") -> None:
        self._recognizer = recognizer
        self._ears: dict[str, Ear] = {}
        self._answers: dict[Hashable, object] = {}

    def hear(self, audio: Audio, language: str) -> Sequence[str]:
        """The words of a recording (`bench.hearing`)."""
        if language not in self._ears:
            self._ears[language] = Ear(language, self._recognizer)
        return self._remembered(("words", language), audio, self._ears[language].hear)

    def rate(self, audio: Audio) -> Rating:
        """How speech sounds (`bench.dnsmos`)."""
        return self._remembered("rating", audio, lambda audio: self._dnsmos.rate(audio.samples))

    @cached_property
    def resemblyzer(self) -> Judge:
        return _RememberingJudge(Resemblyzer(), self)

    @cached_property
    def camplus(self) -> Judge:
        return _RememberingJudge(CamPlus(), self)

    @cached_property
    def tagger(self) -> EventJudge:
        """The tokenizer's own."""
        return TaggerJudge()

    @cached_property
    def captions(self) -> EventJudge:
        """One that nothing of the tokenizer was trained with; always Whisper base."""
        return CaptionJudge()

    def name_events(self, judge: EventJudge, audio: Audio, events: Sequence[Event]) -> Sequence[EventLabel | None]:
        """What a judge calls events, by their spans."""
        spans = tuple(event.span for event in events)
        return self._remembered((judge.name, spans), audio, lambda audio: judge.name_events(audio, spans))

    @cached_property
    def _dnsmos(self) -> Dnsmos:
        return Dnsmos()

    def _remembered(self, question: Hashable, audio: Audio, answer: Callable[[Audio], _T]) -> _T:
        key = (question, audio.sample_rate, blake2b(audio.samples.tobytes()).digest())
        if key not in self._answers:
            found = answer(audio)
            while len(self._answers) >= _KEPT:
                del self._answers[next(iter(self._answers))]
            self._answers[key] = found
        return self._answers[key]  # type: ignore[return-value]


class _RememberingJudge:
    """A judge of voices that embeds no recording twice."""

    def __init__(self, judge: Judge, judges: Judges) -> None:
        self._judge, self._judges = judge, judges

    @property
    def name(self) -> str:
        return self._judge.name

    def embed(self, audio: Audio) -> Vector:
        return self._judges._remembered(self.name, audio, self._judge.embed)
