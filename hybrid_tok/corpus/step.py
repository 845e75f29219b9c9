"""The step that everything else is around: an entry to a row."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio import resample
from hybrid_tok.core.annotations import Annotations
from hybrid_tok.core.audio import Audio, SourceInfo
from hybrid_tok.core.frame_power import frame_powers
from hybrid_tok.core.spacing import join_words
from hybrid_tok.core.threads import VARIABLE, map_threads
from hybrid_tok.core.timeline import FRAME_RATE, Span
from hybrid_tok.corpus.audio import PlaceError, load
from hybrid_tok.corpus.entries import Entry
from hybrid_tok.corpus.rows import Columns, Failure, Outcome, Reason, Row
from hybrid_tok.encode.annotate import ANALYSIS_RATE
from hybrid_tok.errors import AnnotationError, AudioError, HybridTokError, OptionsError, first_line
from hybrid_tok.tokenizer import Analysis, HybridTokenizer
from hybrid_tok.tokens.stream import EventItem, HybridStream, TextItem
from hybrid_tok.tokens.summary import summarize
from hybrid_tok.tokens.vocabulary import Vocabulary

_REASONS: tuple[tuple[type[BaseException], Reason], ...] = (
    (AnnotationError, "annotations"),
    (AudioError, "unreadable"),
    (MemoryError, "memory"),
)


@dataclass(frozen=True, slots=True)
class TokenizerRecipe:
    """How every process makes the same tokenizer.

    Attributes:
        preset: its name, or the path of a preset file.
        options: fields of `TokenizerOptions`, in place of the preset's.
        threads: of each process: figures of networks differ in their last digits with it, and ids may follow.
    """

    preset: str = "default"
    options: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 1

    def make(self) -> HybridTokenizer:
        """The tokenizer; its models load when they are first needed.

        Raises:
            OptionsError: there is no such preset or option, or one that a corpus cannot follow.
        """
        tokenizer = HybridTokenizer.from_preset(self.preset, **self.options)
        if tokenizer.options.diarize_channels == "separate":
            raise OptionsError("diarize_channels='separate': a corpus is encoded from the mix of the channels")
        return tokenizer


class EncodeStep:
    """Encodes entries in this process, with models that are loaded once.

    Args:
        tokenizer: a tokenizer, or how to make one.

    Attributes:
        stage_seconds: spent so far per stage; reading the audio is "load".
    """

    def __init__(self, tokenizer: TokenizerRecipe | HybridTokenizer) -> None:
        self._threads = 1
        if isinstance(tokenizer, TokenizerRecipe):
            self._threads = tokenizer.threads
            _use_threads(tokenizer.threads)
            tokenizer = tokenizer.make()
        self.tokenizer = tokenizer
        self.stage_seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    def setup(self) -> None:
        """Load all models but the aligner's, so that what is missing is said before anything is encoded.

        The aligner is for texts that a manifest knows; without it, its entries fail.

        Raises:
            BackendError: a backend is missing, or has no model.
        """
        silence = Audio(np.zeros(ANALYSIS_RATE, np.float32), ANALYSIS_RATE)
        self.tokenizer.encode(silence)
        if self.tokenizer.options.layout != "units":
            annotator = self.tokenizer.encoder.annotator
            annotator.recognizer().recognize(silence, (Span(0, FRAME_RATE),))
            if annotator.diarizer is not None:
                annotator.diarizer()
            if self.tokenizer.options.voice:
                self.tokenizer.encoder.embed(silence.samples)
        self._rate  # noqa: B018 - it is read from the codec's files once

    @cached_property
    def _rate(self) -> int:
        return self.tokenizer.codec_identity.sample_rate

    def encode(self, entries: Sequence[Entry]) -> list[Outcome]:
        """The outcome of each entry, each exactly as it would be alone. None of them raises."""
        if self._threads == 1:
            return [self.encode_one(entry) for entry in entries]
        return map_threads(self.encode_one, entries)

    def encode_one(self, entry: Entry) -> Outcome:
        """The row of an entry, or why it has none."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                audio, source, analysis = self.analyze(entry)
            heard = heard_in(audio, analysis.annotations)
            return row_of(entry, self.tokenizer.vocabulary, analysis.ids, analysis.stream, source, heard)
        except Exception as error:  # one recording must not end the run, whatever a library makes of it
            return failure_of(entry, error)

    def analyze(
        self, entry: Entry, length: Callable[[SourceInfo], int] | None = None
    ) -> tuple[Audio, SourceInfo, Analysis]:
        """The audio of an entry at the codec's rate, what it was, and its ids with all that led to them.

        Args:
            length: how many samples the audio must have: resampling a part may give one more or less.
        """
        begun = time.perf_counter()
        audio, source = load(entry.audio, self._rate)
        if length is not None and (wanted := length(source)) != audio.num_samples:
            missing = max(0, wanted - audio.num_samples)
            audio = Audio(np.pad(audio.samples[:wanted], (0, missing)), audio.sample_rate)
        loaded = time.perf_counter() - begun
        analysis = self.tokenizer.analyze(audio, annotations=entry.known)
        with self._lock:
            for stage, seconds in {"load": loaded, **analysis.stage_seconds}.items():
                self.stage_seconds[stage] = self.stage_seconds.get(stage, 0.0) + seconds
        return audio, source, analysis


@dataclass(frozen=True, slots=True)
class Heard:
    """What of a recording is not in its stream; sums, so that those of its pieces add up.

    Attributes:
        samples: at the codec's rate.
        words: recognized.
        confidence: the sum over them.
        speech_frames, other_frames: in speech, and in neither speech nor events.
        speech_power, other_power: the sums of their powers.
    """

    samples: int = 0
    words: int = 0
    confidence: float = 0.0
    speech_frames: int = 0
    speech_power: float = 0.0
    other_frames: int = 0
    other_power: float = 0.0

    def __add__(self, other: Heard) -> Heard:
        return Heard(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def snr(self) -> float | None:
        """In dB, to a tenth."""
        if not self.speech_frames or not self.other_frames or not self.speech_power:
            return None
        speech, other = self.speech_power / self.speech_frames, self.other_power / self.other_frames
        return round(10.0 * float(np.log10(speech / max(other, 1e-10))), 1)


def heard_in(audio: Audio, annotations: Annotations) -> Heard:
    """The confidence of the words, and the powers inside and outside speech."""
    powers = frame_powers(resample(audio, ANALYSIS_RATE).samples, ANALYSIS_RATE)
    speech = _marked(len(powers), annotations.speech)
    other = ~speech & ~_marked(len(powers), tuple(event.span for event in annotations.events))
    return Heard(
        samples=audio.num_samples,
        words=len(annotations.words),
        confidence=sum(word.confidence for word in annotations.words),
        speech_frames=int(speech.sum()),
        speech_power=float(powers[speech].sum()),
        other_frames=int(other.sum()),
        other_power=float(powers[other].sum()),
    )


def _marked(frames: int, spans: Sequence[Span]) -> NDArray[np.bool_]:
    marked = np.zeros(frames, np.bool_)
    for span in spans:
        marked[span.start : span.end] = True
    return marked


def row_of(
    entry: Entry,
    vocabulary: Vocabulary,
    ids: Sequence[int],
    stream: HybridStream,
    source: SourceInfo,
    heard: Heard,
) -> Row:
    """The row of an entry that was written as a stream."""
    seconds = source.num_samples / source.sample_rate
    summary = summarize(stream, ids, vocabulary, seconds)
    items = [(turn.speaker, item) for channel in stream.channels for turn in channel.turns for item in turn.items]
    texts = [item for _, item in items if isinstance(item, TextItem)]
    speakers = dict.fromkeys(speaker for speaker, item in items if isinstance(item, TextItem | EventItem))
    names = dict(enumerate(entry.speakers))
    columns = Columns(
        text_share=round(summary.text_share, 4),
        unit_share=round(summary.unit_share, 4),
        silence_share=round(summary.silence_share, 4),
        words=summary.words,
        text=_joined(texts),
        languages=tuple(dict.fromkeys(item.language for item in texts if item.language is not None)),
        speakers=tuple(names.get(speaker, str(speaker)) for speaker in speakers),
        events=tuple(item.label for _, item in items if isinstance(item, EventItem)),
        confidence=round(heard.confidence / heard.words, 4) if heard.words else None,
        snr=heard.snr,
        sample_rate=source.sample_rate,
        num_samples=source.num_samples,
        channels=source.channels,
        codec_samples=heard.samples,
    )
    return Row(entry.id, np.asarray(ids, np.int32), seconds, columns)


def _joined(texts: Sequence[TextItem]) -> str:
    """Texts with spaces between them where their language has some."""
    text = ""
    for item in texts:
        text = join_words((text, item.text), item.language) if text else item.text
    return text


def failure_of(entry: Entry, error: BaseException) -> Failure:
    """Why an entry has no row."""
    reason: Reason = error.reason if isinstance(error, PlaceError) else "backend"
    for kind, one in _REASONS:
        if isinstance(error, kind):
            reason = one
    message = first_line(error) if isinstance(error, Exception) else type(error).__name__
    if not isinstance(error, HybridTokError | MemoryError):
        message = f"{type(error).__name__}: {message}"
    return Failure(entry.where, reason, message, entry.id, entry.audio.address)


def _use_threads(threads: int) -> None:
    """Have everything that is loaded from now on compute in so many threads, and torch, which may be loaded already."""
    os.environ[VARIABLE] = os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch

    torch.set_num_threads(threads)
