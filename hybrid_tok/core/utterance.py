"""What a synthesizer is asked to say: which words, how, in whose voice, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.timeline import FRAME_RATE, Span, frames_to_samples


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a word is said, relative to the speaker's mean.

    Attributes:
        pitch: in semitones; NaN where the word has none.
        energy: in dB.
        rate: as a factor.
    """

    pitch: float
    energy: float
    rate: float


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that have a place together.

    Attributes:
        words: at least one, as `core.spacing.split_words` finds them: in Chinese and Japanese, characters.
        span: the frames they fill, counted at the utterance's `frame_rate`; only differences to the other spans of the
            utterance count. None leaves the pace to the synthesizer.
        delivery: how all of its words are said; None leaves that to the synthesizer too.
    """

    words: tuple[str, ...]
    span: Span | None = None
    delivery: Delivery | None = None


@dataclass(frozen=True, slots=True)
class Utterance:
    """Phrases spoken in one go, so that they have the intonation of a sentence.

    Attributes:
        phrases: at least one. Either all have a span, in order and without overlap, or none has.
        language: a code of `core.languages`; None where it is not known.
        voice: a voice code (see `voice.code`), the name of a voice or a mixture as the synthesizer understands it, or
            None for the synthesizer's own.
        speaker: whose words these are, so that speakers without a voice can be told apart by ear.
        frame_rate: frames per second that the spans are counted in: any codec's.
    """

    phrases: tuple[Phrase, ...]
    language: str | None = None
    voice: tuple[int, ...] | str | None = None
    speaker: int = 0
    frame_rate: Fraction = Fraction(FRAME_RATE)

    @classmethod
    def of(
        cls, words: Sequence[str], language: str | None = None, voice: tuple[int, ...] | str | None = None
    ) -> Utterance:
        """Words at the synthesizer's own pace."""
        return cls((Phrase(tuple(words)),), language, voice)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(word for phrase in self.phrases for word in phrase.words)

    @property
    def deliveries(self) -> list[Delivery | None]:
        """How each word is said."""
        return [phrase.delivery for phrase in self.phrases for _ in phrase.words]

    @property
    def runs(self) -> list[tuple[tuple[str, ...], Span]]:
        """The words of phrases that touch, and their place together; of an utterance whose phrases have places."""
        runs: list[tuple[tuple[str, ...], Span]] = []
        for phrase in self.phrases:
            span = phrase.span
            assert span is not None, "an utterance with a place has one for every phrase"
            if runs and runs[-1][1].end == span.start:
                words, before = runs[-1]
                runs[-1] = ((*words, *phrase.words), Span(before.start, span.end))
            else:
                runs.append((phrase.words, span))
        return runs

    @property
    def span(self) -> Span | None:
        """From the start of the first phrase to the end of the last; None where phrases have no places."""
        first, last = self.phrases[0].span, self.phrases[-1].span
        return None if first is None or last is None else Span(first.start, last.end)

    def samples_of(self, span: Span, sample_rate: int) -> tuple[int, int]:
        """The range of samples of a span at any rate, counted from the start of the utterance.

        Every edge is rounded by itself, so that nothing drifts; that of the utterance's own span is (0, N).
        """
        assert self.span is not None, "an utterance with a place has one for every phrase"
        start, end = (
            frames_to_samples(edge - self.span.start, self.frame_rate, sample_rate) for edge in (span.start, span.end)
        )
        return start, end


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """A spoken utterance.

    Attributes:
        audio: mono.
        body: the range of samples that is the utterance; what is before and after it may sound too and is there for
            cross-fades. Of an utterance with a span, exactly as long as `Utterance.samples_of` says.
        words: the range of samples of each word; empty where it has no sound.
    """

    audio: Audio
    body: tuple[int, int]
    words: tuple[tuple[int, int], ...]

    @classmethod
    def silent(cls, utterance: Utterance, sample_rate: int) -> Speech:
        """Nothing, as long as the utterance's place."""
        import numpy as np

        length = utterance.samples_of(utterance.span, sample_rate)[1] if utterance.span else 0
        samples = np.zeros(length, np.float32)
        return cls(Audio(samples, sample_rate), (0, len(samples)), ((0, 0),) * len(utterance.words))
