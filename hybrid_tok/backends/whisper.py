"""Words by Whisper (Radford et al. 2022), window by window, each in its own language."""

from __future__ import annotations

import hashlib
import importlib.metadata
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import chain, groupby, pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.whisper_language import (
    LanguageOptions,
    LanguageState,
    count_first,
    cut_stretches,
    tell_languages,
    with_context,
)
from hybrid_tok.backends.whisper_model import SAMPLE_RATE, CTranslate2Whisper, EncodedWindow, WrittenText, write_window
from hybrid_tok.backends.word_times import frame_levels, separate, tighten
from hybrid_tok.confidence.calibration import Calibration
from hybrid_tok.confidence.features import HeardWord
from hybrid_tok.core.annotations import Event, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import RecognizerWindow, WindowRule
from hybrid_tok.core.languages import check_language
from hybrid_tok.core.model_sources import find_model, model_identity
from hybrid_tok.core.progress import Progress
from hybrid_tok.core.threads import thread_count
from hybrid_tok.core.timeline import FRAME_RATE, Span, count_frames
from hybrid_tok.core.windows import Window, WindowOptions, cut_windows
from hybrid_tok.errors import OptionsError


@dataclass(frozen=True, slots=True)
class WhisperOptions:
    """How Whisper listens.

    Attributes:
        model: a model pack ("base", "tiny.en"), a folder with a CTranslate2 model, or a name on the Hugging Face hub
            that is in the local cache.
        language: code of the language spoken; None has it found, stretch by stretch.
        windows: how the recording is cut.
        beam_size: 1 is greedy.
        silence: seconds of silence after each window that the encoder sees first; the full 30 s only where the text
            repeats itself. 30 always sees all.
        device: "cpu", "cuda" or "auto".
        compute_type: CTranslate2's type of the weights; "int8" is fastest on a CPU.
        languages: how languages are told.
    """

    model: str = "base"
    language: str | None = None
    windows: WindowOptions = field(default_factory=WindowOptions)
    beam_size: int = 5
    silence: float = 5.0
    device: str = "cpu"
    compute_type: str = "int8"
    languages: LanguageOptions = field(default_factory=LanguageOptions)

    def __post_init__(self) -> None:
        if not self.model:
            raise OptionsError("whisper needs a model: a name such as base, or a folder")
        if self.language is not None:
            check_language(self.language)
        if self.beam_size < 1:
            raise OptionsError(f"beam_size must be at least 1, not {self.beam_size}")


@dataclass(frozen=True, slots=True)
class _Listened:
    """An encoded window, and the probabilities of languages in each stretch of its speech."""

    window: Window
    encoded: EncodedWindow
    stretches: Sequence[Span] = ()
    probabilities: Sequence[dict[str, float]] = ()


@dataclass(frozen=True, slots=True)
class _Passage:
    """Part of a window in one language."""

    window: Window
    language: str
    encoded: EncodedWindow | None


class WhisperRecognizer:
    """A `Recognizer` in Whisper's languages, with case, punctuation, word times and calibrated confidences.

    Each window is recognized by itself at temperature 0: what is heard in one does not depend on the text before it,
    and nothing is drawn at random. The number of workers changes nothing but the speed.
    """

    def __init__(
        self,
        model: str = "base",
        language: str | None = None,
        windows: WindowRule = "segment",
        options: WhisperOptions | None = None,
        workers: int | None = None,
        device: str = "cpu",
    ) -> None:
        """Args:
        model, language, device: see `WhisperOptions`.
        windows: see `WindowOptions.of`.
        options: all of them, in place of the others.
        workers: windows recognized at the same time; None is `thread_count()`.
        """
        languages = LanguageOptions(look_ahead=0.0) if windows == "live" else LanguageOptions()
        self.options = options or WhisperOptions(
            str(model), language, WindowOptions.of(windows), device=device, languages=languages
        )
        self._workers = workers or thread_count()

    @property
    def name(self) -> str:
        return "whisper"

    @cached_property
    def fingerprint(self) -> str:
        """Of the options, the library's version, the model's files and the calibration."""
        options = {**asdict(self.options), "model": model_identity(self.options.model)}
        digest = hashlib.sha256(repr(sorted(options.items())).encode())
        digest.update(self._calibration.fingerprint.encode())
        return f"ctranslate2-{importlib.metadata.version('ctranslate2')}:{digest.hexdigest()[:16]}"

    @cached_property
    def model(self) -> CTranslate2Whisper:
        """The model, loaded when first asked for."""
        options = self.options
        loaded = CTranslate2Whisper(find_model(options.model), options.device, options.compute_type, self._workers)
        if options.language is not None and options.language not in loaded.languages:
            raise OptionsError(
                f"Whisper {options.model} does not know the language {options.language!r}: it has "
                f"{', '.join(loaded.languages[:12])}{', ..' * (len(loaded.languages) > 12)}"
            )
        return loaded

    def recognize(
        self,
        audio: Audio,
        speech: Sequence[Span],
        events: Sequence[Event] = (),
        progress: Progress | None = None,
    ) -> tuple[Word, ...]:
        """Words in order of time, disjoint; `audio` is mono at 16 kHz. Words that touch no speech are left out.

        Raises:
            ModelError: the model is not there; the message has the command that gets it.
            BackendError: it failed on the recording.
        """
        return self._judged(self.hear(audio, speech, progress), speech, events)

    def recognize_next(
        self, windows: Sequence[RecognizerWindow], upcoming: int | None, learned: Mapping[str, float]
    ) -> tuple[list[tuple[Word, ...]], dict[str, float]]:
        """See `CarryingRecognizer`: what is learned is the language so far, the cost of each to be the present one."""
        count: int | None = 1
        if self._tells_languages and not learned:
            lengths = [(one.span, sum(span.seconds for span in one.speech)) for one in windows]
            count = count_first(lengths, upcoming, self.options.languages)
        if not windows or count is None:
            return [], dict(learned)
        given = windows[:count]
        listened = [self._listen(one.audio, one.speech, _whole(one.audio)) for one in given]
        passages, state = self._passages(listened, LanguageState(MappingProxyType(dict(learned))))
        found: list[tuple[Word, ...]] = []
        for one, own in zip(given, passages, strict=True):
            levels = frame_levels(one.audio)
            heard = [
                word
                for passage in own
                for word in _placed(passage, self._write(one.audio, passage), levels, one.speech)
            ]
            found.append(self._judged(heard, one.speech, one.events))
        return found, dict(state.costs)

    def _judged(self, heard: Sequence[HeardWord], speech: Sequence[Span], events: Sequence[Event]) -> tuple[Word, ...]:
        """Words with their confidences."""
        confidences = self._calibration.judge(heard, speech, events)
        return tuple(
            Word(word.text, word.span, confidence, language=word.language)
            for word, confidence in zip(heard, confidences, strict=True)
        )

    def hear(self, audio: Audio, speech: Sequence[Span], progress: Progress | None = None) -> list[HeardWord]:
        """The words before their confidences are judged; arguments and errors as of `recognize`."""
        audio.mono_at(SAMPLE_RATE, "whisper")
        windows, levels = cut_windows(audio, speech, self.options.windows), frame_levels(audio)
        heard: list[HeardWord] = []
        total = sum(window.frames for window in windows) / FRAME_RATE
        done = 0.0
        with ThreadPoolExecutor(self._workers) as pool:
            for passage, text in self._written(audio, speech, windows, pool):
                heard += _placed(passage, text, levels, speech)
                done += passage.window.frames / FRAME_RATE
                if progress is not None:
                    progress(done, total)
        return heard

    def _written(
        self, audio: Audio, speech: Sequence[Span], windows: Sequence[Window], pool: ThreadPoolExecutor
    ) -> Iterator[tuple[_Passage, WrittenText]]:
        """The text of each passage, in order. Work runs a bounded number of windows ahead, so that memory is too."""
        encoding: deque[Future[_Listened]] = deque()
        writing: deque[tuple[_Passage, Future[WrittenText]]] = deque()
        waiting = deque(windows)
        state = LanguageState()
        lengths = [(one.span, sum(span.seconds for span in _inside(speech, one))) for one in windows]
        first = count_first(lengths, None, self.options.languages) if self._tells_languages else 1
        while waiting or encoding or writing:
            while waiting and len(encoding) <= self._workers:
                encoding.append(pool.submit(self._listen, audio, speech, waiting.popleft()))
            if encoding and len(writing) <= self._workers:
                listened = [encoding.popleft().result()]
                while len(listened) < (first or 1):
                    listened.append(encoding.popleft().result())
                    if waiting:
                        encoding.append(pool.submit(self._listen, audio, speech, waiting.popleft()))
                first = 1
                passages, state = self._passages(listened, state)
                for passage in chain.from_iterable(passages):
                    writing.append((passage, pool.submit(self._write, audio, passage)))
                continue
            passage, future = writing.popleft()
            yield passage, future.result()

    def _listen(self, audio: Audio, speech: Sequence[Span], window: Window) -> _Listened:
        """A window's encoder states, and the probabilities of languages in each stretch of its speech."""
        encoded = self.model.encode(window.samples(audio), self.options.silence)
        if not self._tells_languages:
            return _Listened(window, encoded)
        options = self.options.languages
        stretches = cut_stretches(_inside(speech, window), options)
        heard = [with_context(part, window.frames, options) for part in window.parts(stretches)]
        return _Listened(
            window,
            encoded,
            stretches,
            [self.model.language_probabilities(encoded, p.start / FRAME_RATE, p.end / FRAME_RATE) for p in heard],
        )

    @property
    def _tells_languages(self) -> bool:
        return self.options.language is None and self.model.multilingual

    def _passages(
        self, listened: Sequence[_Listened], state: LanguageState
    ) -> tuple[list[list[_Passage]], LanguageState]:
        """Each window with its language, or its parts where it holds several."""
        if not self._tells_languages:
            return [[_Passage(one.window, self.options.language or "en", one.encoded)] for one in listened], state
        told, state = tell_languages(
            [stretch for one in listened for stretch in one.stretches],
            [each for one in listened for each in one.probabilities],
            state,
            self.options.languages,
        )
        passages: list[list[_Passage]] = []
        for one in listened:
            own, told = told[: len(one.stretches)], told[len(one.stretches) :]
            passages.append(list(_in_one_language(one, own)))
        return passages, state

    def _write(self, audio: Audio, passage: _Passage) -> WrittenText:
        samples = passage.window.samples(audio)
        encoded = passage.encoded or self.model.encode(samples, self.options.silence)
        return write_window(self.model, samples, encoded, passage.language, self.options.beam_size)

    @cached_property
    def _calibration(self) -> Calibration:
        return Calibration(self.options.model)


def _whole(audio: Audio) -> Window:
    """All of a window's audio."""
    return Window((Span(0, count_frames(audio.num_samples, audio.sample_rate)),))


def _in_one_language(listened: _Listened, told: Sequence[str]) -> Iterator[_Passage]:
    """A window, or its parts where its stretches are in several languages; cut in the middle of the silence between."""
    window = listened.window
    runs = [
        (code, [span for span, _ in run])
        for code, run in groupby(zip(listened.stretches, told, strict=True), lambda pair: pair[1])
    ]
    if len(runs) <= 1:
        yield _Passage(window, told[0] if told else "en", listened.encoded)
        return
    edges = [(left[-1].end + right[0].start) // 2 for (_, left), (_, right) in pairwise(runs)]
    bounds = pairwise([window.span.start, *edges, window.span.end])
    for (code, _), (start, end) in zip(runs, bounds, strict=True):
        chunks = tuple(
            Span(max(chunk.start, start), min(chunk.end, end))
            for chunk in window.chunks
            if min(chunk.end, end) > max(chunk.start, start)
        )
        yield _Passage(Window(chunks), code, None)


def _inside(speech: Sequence[Span], window: Window) -> list[Span]:
    """The speech in a window."""
    found: list[Span] = []
    for chunk in window.chunks:
        index = bisect_right(speech, chunk.start, key=lambda span: span.end)
        while index < len(speech) and speech[index].start < chunk.end:
            found.append(Span(max(speech[index].start, chunk.start), min(speech[index].end, chunk.end)))
            index += 1
    return found


def _placed(
    passage: _Passage, text: WrittenText, levels: NDArray[np.float64], speech: Sequence[Span]
) -> Iterator[HeardWord]:
    """The words of a passage on the grid of the recording, without those that touch no speech."""
    window = passage.window
    starts = [window.place(word.start * FRAME_RATE) for word in text.words]
    ends = [window.place(np.nextafter(word.end * FRAME_RATE, 0.0)) for word in text.words]
    spans = tighten(separate(starts, ends, window.span), levels, speech)
    inside = _inside(speech, window)
    for word, span in zip(text.words, spans, strict=True):
        if any(span.overlap(one) for one in inside):
            yield HeardWord(
                word.text,
                span,
                word.log_probs,
                word.agreement,
                window.span,
                text.no_speech,
                text.compression,
                passage.language,
            )
