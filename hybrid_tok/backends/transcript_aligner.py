"""The aligner of all languages: our own for English, whose word boundaries are better; Whisper's for the others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from hybrid_tok.align.aligner import BuiltinAligner
from hybrid_tok.backends.whisper_aligner import WhisperAligner
from hybrid_tok.backends.whisper_language import LanguageOptions
from hybrid_tok.core.annotations import Segment, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.languages import LANGUAGES, check_language
from hybrid_tok.core.progress import Progress
from hybrid_tok.core.scripts import languages_of_script
from hybrid_tok.core.timeline import Span, count_frames
from hybrid_tok.core.windows import WindowOptions, cut_windows
from hybrid_tok.errors import BackendError

_LISTENED = 30.0
"""Seconds of speech from which the language of a text is told."""


class TranscriptAligner:
    """An `Aligner` in English and Whisper's languages.

    The language of a text is the one given, else its own, else told from the recording, among those that are written in
    its script. Texts in several languages are aligned by Whisper.

    Args:
        model: Whisper model, loaded when a text is not known to be English.
        language: code of what is spoken.
        workers, device: as of `WhisperAligner`.
    """

    def __init__(
        self, model: str = "base", language: str | None = None, workers: int | None = None, device: str = "cpu"
    ) -> None:
        if language is not None:
            check_language(language)
        self._model = model
        self._language = language
        self._english = BuiltinAligner()
        self._whisper = WhisperAligner(model, workers=workers, device=device)

    @property
    def name(self) -> str:
        return "builtin"

    @cached_property
    def fingerprint(self) -> str:
        return f"{self._language}:{self._english.fingerprint}:{self._whisper.fingerprint}"

    def align(
        self, audio: Audio, segments: Sequence[Segment], speech: Sequence[Span], progress: Progress | None = None
    ) -> tuple[Word, ...]:
        """Every word of the segments in order, as written, in its language; `audio` is mono at 16 kHz.

        Raises:
            BackendError: no aligner reads the language of a segment.
            ModelError: Whisper is needed, and its model is not there.
        """
        told = self._tell(audio, segments, speech)
        if all(segment.language == "en" for segment in told):
            return self._english.align(audio, told, speech, progress)
        readable = self._whisper.model.languages
        for segment in told:
            if segment.language not in readable:
                raise BackendError(
                    f"{segment.source or 'the transcript'} is in {LANGUAGES[segment.language or 'en']}, which Whisper "
                    f"{self._model} does not know: give another model, or the language if it is another"
                )
        return self._whisper.align(audio, told, speech, progress)

    def _tell(self, audio: Audio, segments: Sequence[Segment], speech: Sequence[Span]) -> list[Segment]:
        """The segments with a language each."""
        heard: list[Mapping[str, float]] | None = None
        told: list[Segment] = []
        for segment in segments:
            code = self._language or segment.language
            if code is None:
                candidates = languages_of_script(segment.text)
                if not candidates:
                    source = segment.source or "the transcript"
                    raise BackendError(f"{source} is in a script that no aligner reads: {segment.text[:20]!r}")
                if heard is None and len(candidates) > 1:
                    heard = self._listen(audio, speech)
                code = _likeliest(candidates, heard or ())
            told.append(replace(segment, language=code))
        return told

    def _listen(self, audio: Audio, speech: Sequence[Span]) -> list[Mapping[str, float]]:
        """Probabilities of languages in each window of the first speech; none by a model of English alone."""
        model = self._whisper.model
        if not model.multilingual:
            return []
        frames = count_frames(audio.num_samples, audio.sample_rate)
        heard: list[Mapping[str, float]] = []
        seconds = 0.0
        for window in cut_windows(audio, speech or (Span(0, frames),), WindowOptions()):
            encoded = model.encode(window.samples(audio), self._whisper.options.silence)
            heard.append(model.language_probabilities(encoded, 0.0, encoded.seconds))
            seconds += encoded.seconds
            if seconds >= _LISTENED:
                break
        return heard


def _likeliest(candidates: Sequence[str], heard: Sequence[Mapping[str, float]]) -> str:
    """The candidate that is likeliest in all windows together; languages that are rare need more evidence."""
    options = LanguageOptions()
    ranks = {code: rank for rank, code in enumerate(LANGUAGES, 1)}

    def surprise(code: str) -> float:
        return sum(-math.log(max(one.get(code, 0.0) / ranks[code] ** options.rarity, 1e-6)) for one in heard)

    return min(candidates, key=surprise)
