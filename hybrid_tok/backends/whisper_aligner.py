"""Finds where the words of a known text were said, by Whisper: in any of its languages.

Each window of the recording is first heard freely. What is heard there tells which part of the text belongs to it. That
part is then forced through the decoder, and once more without the words that were neither heard nor are probable, and
with what was heard in their place: so no word is stretched over what does not belong to it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, count, groupby, pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.forced_text import IMPROBABLE, HeardWindow, WindowListener
from hybrid_tok.backends.text_matching import text_units
from hybrid_tok.backends.text_reading import Reading, read_text
from hybrid_tok.backends.whisper_model import SAMPLE_RATE, CTranslate2Whisper
from hybrid_tok.backends.word_times import frame_levels, separate, tighten
from hybrid_tok.core.annotations import Segment, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.model_sources import find_model, model_identity
from hybrid_tok.core.progress import Progress
from hybrid_tok.core.threads import thread_count
from hybrid_tok.core.timeline import FRAME_RATE, Span, count_frames
from hybrid_tok.core.windows import Window, WindowOptions, cut_windows
from hybrid_tok.errors import AnnotationWarning

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class WhisperAlignerOptions:
    """How a text is laid over a recording.

    Attributes:
        windows: how the recording is cut.
        silence: seconds of silence after each window that the encoder sees.
        margin: seconds by which the times of a segment are widened; subtitles are timed loosely.
        word: bias and weights of a logistic function of `Reading.evidence`, whether a word is said. Fitted on edited
            texts of the training clips, Mandarin and English.
        text: weights of another, whether the text around a word is said: bias, share of the words that were heard, mean
            log probability when forced. Fitted on the training clips with their own texts and with each other's.
        around: words on either side of a word that are the text around it.
        belongs: the least that the second gives for the whole text of a recording.
        unsaid: highest confidence of the words of a text that has less.
    """

    windows: WindowOptions = field(default_factory=WindowOptions)
    silence: float = 5.0
    margin: float = 1.0
    word: tuple[float, ...] = (1.891, 0.322, 0.426, 5.039, 2.129, -1.193)
    text: tuple[float, float, float] = (4.47, 9.07, 1.35)
    around: int = 12
    belongs: float = 0.6
    unsaid: float = 0.01


@dataclass(frozen=True, slots=True)
class _Forced:
    """What forcing tells of a word of the text: its log probability, and where it is, if it is said."""

    log_prob: float = IMPROBABLE
    place: tuple[float, float] | None = None


class WhisperAligner:
    """An `Aligner` in Whisper's languages, for segments of known language.

    Args:
        model: as in `WhisperOptions`.
        workers: windows that are worked on at the same time; None is `thread_count()`. Only the speed depends on it.
        device: "cpu", "cuda" or "cuda:N".
    """

    def __init__(
        self,
        model: str = "base",
        options: WhisperAlignerOptions | None = None,
        workers: int | None = None,
        device: str = "cpu",
    ) -> None:
        self._name, self._device = model, device
        self.options = options or WhisperAlignerOptions()
        self._workers = workers or thread_count()

    @property
    def name(self) -> str:
        return "whisper"

    @cached_property
    def fingerprint(self) -> str:
        """Of the options, the library's version and the model's files."""
        digest = hashlib.sha256(f"{self.options!r}:{model_identity(self._name)}".encode()).hexdigest()
        return f"ctranslate2-{importlib.metadata.version('ctranslate2')}:{digest[:16]}"

    @cached_property
    def model(self) -> CTranslate2Whisper:
        """The model, loaded when first asked for."""
        return CTranslate2Whisper(find_model(self._name), self._device, "int8", self._workers)

    def align(
        self, audio: Audio, segments: Sequence[Segment], speech: Sequence[Span], progress: Progress | None = None
    ) -> tuple[Word, ...]:
        """Every word of the segments in order, as written; `audio` is mono at 16 kHz.

        A word that was not said has a confidence near 0 and a frame at its place. A text that does not seem to belong
        to the recording at all is warned about, and its words have little confidence.

        Args:
            segments: with times, in order of time; or without, the first to the last as they were said.
            speech: where there is speech; without any, the whole recording is listened to.
        """
        audio.mono_at(SAMPLE_RATE, "the aligner")
        parts = [text_units(segment.text, segment.language) for segment in segments]
        words = [word for part in parts for word in part]
        owners = [segment for segment, part in zip(segments, parts, strict=True) for _ in part]
        frames = count_frames(audio.num_samples, SAMPLE_RATE)
        source = next((segment.source for segment in segments if segment.source), "the transcript")
        if not words or not frames:
            what = "has no words" if not words else "cannot be aligned to an empty recording"
            warnings.warn(f"{source} {what}: nothing was written of it", AnnotationWarning, stacklevel=2)
            return ()
        speech = speech or (Span(0, frames),)
        reading, forced = self._lay(audio, words, owners, speech, progress)
        confidence, merit = self._judge(reading, forced)
        if merit < self.options.belongs:
            warnings.warn(
                f"{source} does not seem to be what is said in this recording "
                f"(it fits {merit:.2f}, where {self.options.belongs:.2f} is the least); its words are not trusted",
                AnnotationWarning,
                stacklevel=2,
            )
            confidence = np.minimum(confidence, self.options.unsaid)
        spans = tighten(_spans(forced, owners, frames), frame_levels(audio), speech)
        return tuple(
            Word(word, span, float(sure), owner.speaker, owner.language)
            for word, span, sure, owner in zip(words, spans, confidence, owners, strict=True)
        )

    def _lay(
        self,
        audio: Audio,
        words: list[str],
        owners: Sequence[Segment],
        speech: Sequence[Span],
        progress: Progress | None,
    ) -> tuple[Reading, list[_Forced]]:
        """The text beside what is heard, and forced."""
        listener = WindowListener(self.model, audio, self.options.silence)
        windows = self._windows(audio, owners, speech)
        done = _counter(progress, 2 * len(windows))
        with ThreadPoolExecutor(self._workers) as pool:
            heard = list(map(done, pool.map(lambda pair: listener.hear(*pair), windows)))
            reading = read_text(words, owners, heard, self.options.margin * FRAME_RATE)
            forced = [_Forced()] * len(words)
            numbers = range(len(windows))
            for part in map(done, pool.map(lambda n: self._force(listener, heard[n], reading, n), numbers)):
                for index, one in part.items():
                    forced[index] = one
        return reading, forced

    def _windows(
        self, audio: Audio, owners: Sequence[Segment], speech: Sequence[Span]
    ) -> list[tuple[Window, list[str]]]:
        """Windows, and the languages that may be spoken in each; where times tell languages apart, it is one."""
        spans = [owner.span for owner in owners if owner.span is not None]
        timed = len(spans) == len(owners)
        runs = [list(run) for _, run in groupby(owners, lambda owner: owner.language if timed else None)]
        edges = [0]
        for at in accumulate(len(run) for run in runs[:-1]):
            edges.append(max((spans[at - 1].end + spans[at].start) // 2, edges[-1]))
        edges.append(count_frames(audio.num_samples, SAMPLE_RATE))
        windows: list[tuple[Window, list[str]]] = []
        for run, (start, end) in zip(runs, pairwise(edges), strict=True):
            cut = [(max(span.start, start), min(span.end, end)) for span in speech]
            inside = [Span(first, last) for first, last in cut if first < last]
            languages = sorted({owner.language or "en" for owner in run})
            windows += [(window, languages) for window in cut_windows(audio, inside, self.options.windows)]
        return windows

    def _force(self, listener: WindowListener, one: HeardWindow, reading: Reading, number: int) -> dict[int, _Forced]:
        """The words of the text that belong to a window."""
        share = reading.share(number)
        if not share:
            return {}
        encoded = listener.encode(one.window)
        # Where there is more text than a window holds, most of it was not said there.
        for chosen in (share, [k for k in share if reading.matched[k]]):
            forced = listener.force(one, encoded, [reading.words[k] for k in chosen])
            if forced is not None:
                break
        likely = dict(zip(chosen, (word.log_prob for word in forced or ()), strict=False))
        log_prob = [likely.get(k, IMPROBABLE) for k in share]
        said = [k for k, p in zip(share, self._said(reading, share, log_prob), strict=True) if p >= 0.5]
        items = reading.said_and_beside(said, number)
        places = listener.place(one, encoded, [text for text, _ in items])
        places = dict(zip((k for _, k in items), places or (), strict=False))
        return {k: _Forced(p, places.get(k)) for k, p in zip(share, log_prob, strict=True)}

    def _said(self, reading: Reading, words: Sequence[int], log_prob: Sequence[float]) -> NDArray[np.float64]:
        """The probability of words to be said, each by itself."""
        bias, *weights = self.options.word
        return _logistic(bias + reading.evidence(words, log_prob) @ np.array(weights))

    def _judge(self, reading: Reading, forced: Sequence[_Forced]) -> tuple[NDArray[np.float64], float]:
        """The confidence of each word, and how well the whole text fits."""
        log_prob = [one.log_prob for one in forced]
        rows = np.column_stack([np.ones(len(forced)), reading.matched, log_prob])
        sums = np.concatenate([np.zeros((1, 3)), np.cumsum(rows, axis=0)])
        index = np.arange(len(forced))
        first = np.maximum(index - self.options.around, 0)
        last = np.minimum(index + self.options.around + 1, len(forced))
        around = (sums[last] - sums[first]) / (last - first)[:, None]
        weights = np.array(self.options.text)
        confidence = self._said(reading, index.tolist(), log_prob) * _logistic(around @ weights)
        return confidence, float(_logistic(rows.mean(axis=0) @ weights))


def _spans(forced: Sequence[_Forced], owners: Sequence[Segment], frames: int) -> list[Span]:
    """Where the words are, in order and disjoint; those that were not said get a frame after the word before."""
    bounds: list[tuple[float, float]] = []
    at = 0.0
    for one, owner in zip(forced, owners, strict=True):
        at = max(at, owner.span.start if owner.span else 0.0)
        bounds.append(one.place or (at, at))
        at = bounds[-1][1]
    return separate([start for start, _ in bounds], [end for _, end in bounds], Span(0, frames))


def _logistic(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1.0 / (1.0 + np.exp(-log_odds))


def _counter(progress: Progress | None, total: int) -> Callable[[_T], _T]:
    """Passes on what it is given, and tells how many that makes."""
    done = count(1)

    def tell(value: _T) -> _T:
        if progress is not None:
            progress(next(done), total)
        return value

    return tell
