"""Finds where the words of a known text were said: our own phone network, and one search over all words.

The text is read as it is spoken (`normalize`), each word in all its pronunciations (`pronounce`). A Viterbi search
(`search`) then gives frames to words, to silence, or to speech that is not in the text, and skips words that were not
said; so nothing is stretched over what does not belong to it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.align.band import BandOptions, heard_band, window_band
from hybrid_tok.align.confidence import CONFIDENCE_WEIGHTS, AlignedConfidence
from hybrid_tok.align.graph import WordGraph, build_graph
from hybrid_tok.align.phones import PHONE_WEIGHTS, PHONES, PhoneModel
from hybrid_tok.align.pronounce import PRONOUNCE_WEIGHTS, Pronouncer
from hybrid_tok.align.search import OTHER, Band, Costs, Floats, StatePath, search
from hybrid_tok.align.word_features import AlignedWord
from hybrid_tok.core.annotations import Segment, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.languages import LANGUAGES
from hybrid_tok.core.masks import mask_to_spans
from hybrid_tok.core.progress import Progress
from hybrid_tok.core.timeline import FRAME_RATE, Span, count_frames
from hybrid_tok.errors import AnnotationWarning, BackendError, OptionsError
from hybrid_tok.nn.arrays import fingerprint_of
from hybrid_tok.normalize import WrittenWord, read_words

SAMPLE_RATE = 16_000
STEPS = 100
"""Frames of the phone network per second."""
_PER_FRAME = STEPS // FRAME_RATE


@dataclass(frozen=True, slots=True)
class AlignerOptions:
    """How a text is laid over a recording.

    Attributes:
        floor: nats; no frame speaks against a phone by more than this, so that one bad frame does not cost a word.
        skip: nats that it costs to leave out a word, and `skip_phone` for each of its phones.
        other: nats that each 10 ms of speech outside the text costs, and `enter` each stretch of it.
        margin: seconds by which the times of a segment are widened; subtitles are timed loosely.
        belongs: how well a text must fit (`Fit.merit`) not to be taken for another recording's. This and the
            costs were chosen on the development clips with their own texts, each other's, and texts edited.
        unsaid: confidence of a word that was skipped.
        band: where a transcript without times is looked for.
    """

    floor: float = 8.0
    skip: float = 8.0
    skip_phone: float = 2.0
    other: float = 2.5
    enter: float = 12.0
    margin: float = 1.0
    belongs: float = 0.6
    unsaid: float = 0.01
    band: BandOptions = field(default_factory=BandOptions)

    def __post_init__(self) -> None:
        if min(self.floor, self.skip, self.skip_phone, self.other, self.enter, self.margin) < 0:
            raise OptionsError(f"costs and margin of the aligner cannot be negative: {self}")
        if not (-1 <= self.belongs <= 1 and 0 <= self.unsaid <= 1):
            raise OptionsError("belongs must be in [-1, 1], unsaid in [0, 1]")


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a word lies, in frames of 10 ms, half-open; start == end where it was not said.

    Attributes:
        shortfall: mean over its frames of the nats by which its phones fall short of the best.
        phones: those of the reading that fits best, as columns of the frame scores; () where it was not said.
    """

    start: int
    end: int
    shortfall: float
    phones: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A text laid over a recording.

    Attributes:
        words: where each lies.
        outside: stretches of speech that is not in the text, in frames of 10 ms, half-open.
        covered: share of what is spoken that the words cover.
        log_posteriors: (T, phones), what was heard.
    """

    words: tuple[Placed, ...]
    outside: tuple[tuple[int, int], ...]
    covered: float
    log_posteriors: NDArray[np.float32]

    def judged(self) -> list[AlignedWord | None]:
        """The words as the confidence model wants them; None for those that were not said."""
        return [
            AlignedWord(tuple(PHONES[phone] for phone in word.phones), word.start / STEPS, word.end / STEPS)
            if word.end > word.start
            else None
            for word in self.words
        ]

    @property
    def merit(self) -> float:
        """How well the text fits: near 1 where it is what is said, about 0.4 for another recording's."""
        said = [word.shortfall for word in self.words if word.end > word.start]
        return self.covered * len(said) / len(self.words) - 0.1 * float(np.mean(said)) if said else 0.0


class BuiltinAligner:
    """An `Aligner` for English. Other scripts have no pronunciation here: their words come back as not said.

    Args:
        pronunciations: of words, in phones of the CMU Pronouncing Dictionary: {"Zuleika": "Z UW L AY K AH"}.
        phones: weights of the phone network.
    """

    def __init__(
        self,
        pronunciations: Mapping[str, str] | None = None,
        options: AlignerOptions = AlignerOptions(),
        phones: Path = PHONE_WEIGHTS,
    ) -> None:
        self._pronouncer = Pronouncer(pronunciations)
        self._given = sorted((pronunciations or {}).items())
        self._weights = phones
        self.options = options

    @property
    def name(self) -> str:
        return "builtin"

    @cached_property
    def fingerprint(self) -> str:
        models = ":".join(fingerprint_of(file) for file in (self._weights, CONFIDENCE_WEIGHTS, PRONOUNCE_WEIGHTS))
        return f"aligner:{models}:{self.options!r}:{self._given!r}"

    @cached_property
    def phones(self) -> PhoneModel:
        """The phone network, loaded when first asked for."""
        return PhoneModel(self._weights)

    @cached_property
    def _confidence(self) -> AlignedConfidence:
        return AlignedConfidence()

    def align(
        self, audio: Audio, segments: Sequence[Segment], speech: Sequence[Span], progress: Progress | None = None
    ) -> tuple[Word, ...]:
        """Every word of the segments in order, as written; `audio` is mono at 16 kHz.

        A word that was not said has a confidence near 0 and a frame at its place. A text that does not seem to belong
        to the recording at all is warned about, and its words have little confidence.

        Args:
            segments: with times, in order of time; or without, the first to the last as they were said.

        Raises:
            BackendError: a segment is in another language, or the audio at another rate.
        """
        audio.mono_at(SAMPLE_RATE, "the aligner")
        frames = count_frames(audio.num_samples, audio.sample_rate)
        for segment in segments:
            if segment.language not in (None, "en"):
                source = segment.source or "the transcript"
                raise BackendError(
                    f"{source} is {LANGUAGES[segment.language]}: the built-in aligner reads English only"
                )
        written = [read_words(segment.text) for segment in segments]
        words = [word for part in written for word in part]
        source = next((segment.source for segment in segments if segment.source), "the transcript")
        if not words or not frames:
            what = "has no words" if not words else "cannot be aligned to an empty recording"
            warnings.warn(f"{source} {what}: nothing was written of it", AnnotationWarning, stacklevel=2)
            return ()
        fit = self.fit(audio, segments)
        confidence = self._judge(fit)
        if fit.merit < self.options.belongs:
            warnings.warn(
                f"{source} does not seem to be what is said in this recording "
                f"(it fits {fit.merit:.2f}, where {self.options.belongs:.2f} is the least); its words are not trusted",
                AnnotationWarning,
                stacklevel=2,
            )
            confidence = [min(c, self.options.unsaid) for c in confidence]
        speakers = [segment.speaker for segment, part in zip(segments, written, strict=True) for _ in part]
        if progress is not None:
            progress(audio.seconds, audio.seconds)
        return tuple(
            Word(word.text, span, sure, speaker, "en")
            for word, span, sure, speaker in zip(words, _spans(fit.words, frames), confidence, speakers, strict=True)
        )

    def fit(self, audio: Audio, segments: Sequence[Segment]) -> Fit:
        """Where the words of the segments lie in mono audio at 16 kHz, and how much of the speech they cover.

        Both must have something in them: samples and words.
        """
        options = self.options
        written = [read_words(segment.text) for segment in segments]
        words = [word for part in written for word in part]
        posteriors = self.phones.log_posteriors(audio.samples.astype(np.float32, copy=False))
        scores = np.maximum(posteriors - posteriors.max(1, keepdims=True), -options.floor).astype(np.float32)
        graph = build_graph(words, self._pronouncer, self.phones.phones)
        silence = self.phones.index["SIL"]
        path = search(scores, silence, graph, self._costs(graph), self._band(scores, silence, graph, segments, written))
        inside, outside = int((path.state >= 0).sum()), int((path.state == OTHER).sum())
        return Fit(
            tuple(_placed(path, scores, graph, index) for index in range(len(words))),
            tuple(mask_to_spans(path.state == OTHER)),
            inside / max(inside + outside, 1),
            posteriors,
        )

    def _costs(self, graph: WordGraph) -> Costs:
        skip = [self.options.skip + self.options.skip_phone * len(phones) for phones in graph.plain]
        return Costs(np.array(skip, np.float32), self.options.other, self.options.enter)

    def _band(
        self,
        scores: Floats,
        silence: int,
        graph: WordGraph,
        segments: Sequence[Segment],
        written: Sequence[Sequence[WrittenWord]],
    ) -> Band:
        """Where each word may be: within its segment's time, or around where its phones are heard."""
        frames, margin = len(scores), round(self.options.margin * STEPS)
        windows: list[tuple[int, int, int]] = []
        for segment, part in zip(segments, written, strict=True):
            if segment.span is None:
                return heard_band(scores, silence, graph, self.options.band)
            start, end = _PER_FRAME * segment.span.start - margin, _PER_FRAME * segment.span.end + margin
            windows.append((len(part), max(0, start), min(frames, end)))
        return window_band(frames, windows)

    def _judge(self, fit: Fit) -> list[float]:
        """The probability of each word that it was said."""
        said = [word for word in fit.judged() if word is not None]
        trust = iter(self._confidence.judge(fit.log_posteriors, said))
        return [next(trust) if word.end > word.start else self.options.unsaid for word in fit.words]


def _placed(path: StatePath, scores: NDArray[np.float32], graph: WordGraph, index: int) -> Placed:
    """A word's place, and how badly its phones fit there."""
    start, end = int(path.start[index]), int(path.end[index])
    states = path.state[start:end]
    own = states >= 0
    if not own.any():
        return Placed(start, start, math.inf)
    states = states[own]
    phones = graph.phone[states[np.diff(graph.unit[states], prepend=-1) != 0]]
    shortfall = float(-scores[start:end][own, graph.phone[states]].mean())
    return Placed(start, end, shortfall, tuple(int(phone) for phone in phones))


def _spans(placed: Sequence[Placed], frames: int) -> list[Span]:
    """Places on the grid: in order, disjoint, at least a frame each as long as there are frames for all."""
    bounds: list[list[int]] = []
    free = 0
    for place in placed:
        start = max(free, (place.start + _PER_FRAME // 2) // _PER_FRAME)
        free = max(start + 1, (place.end + _PER_FRAME // 2) // _PER_FRAME)
        bounds.append([start, free])
    limit = frames
    for bound in reversed(bounds):
        bound[1] = max(1, min(bound[1], limit))
        bound[0] = limit = max(0, min(bound[0], bound[1] - 1))
    return [Span(start, end) for start, end in bounds]
