"""Words by Whisper (Radford et al. 2022) as faster-whisper runs it (https://github.com/SYSTRAN/faster-whisper, MIT)."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

from hybrid_tok.backends.pieces import HeardWord, PieceOptions, cut_pieces, piece_samples, place_words, touching
from hybrid_tok.core.annotations import Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.progress import Progress
from hybrid_tok.core.timeline import Span, frame_to_seconds
from hybrid_tok.errors import BackendError, OptionsError

SAMPLE_RATE = 16_000

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class WhisperOptions:
    """How Whisper listens.

    Attributes:
        model: a size ("tiny" to "large-v3", "distil-..."), a name on the Hugging Face hub, or a folder.
        language: such as "en"; None lets Whisper find out, once per recording, from its longest piece.
        beam_size: 1 is greedy.
        device: "cpu", "cuda" or "auto".
        compute_type: CTranslate2's type of the weights; "int8" is fastest on a CPU.
        pieces: where recordings are cut. Whisper listens to 30 s at once.
    """

    model: str
    language: str | None = None
    beam_size: int = 5
    device: str = "cpu"
    compute_type: str = "int8"
    pieces: PieceOptions = field(default_factory=lambda: PieceOptions(silence=1.0))

    def __post_init__(self) -> None:
        if not self.model:
            raise OptionsError("whisper needs a model: a size such as base, or a folder")
        if self.beam_size < 1:
            raise OptionsError(f"beam_size must be at least 1, not {self.beam_size}")


class WhisperRecognizer:
    """A `Recognizer` in Whisper's languages, with punctuation, word times and probabilities.

    Each piece is recognized by itself, at temperature 0: what is heard in one does not depend on what came before, and
    nothing is drawn at random.
    """

    def __init__(
        self, model: str, language: str | None = None, beam_size: int = 5, options: WhisperOptions | None = None
    ) -> None:
        """Args:
        model, language, beam_size: see `WhisperOptions`.
        options: all of them, in place of the others.
        """
        self.options = options or WhisperOptions(str(model), language, beam_size)

    @property
    def name(self) -> str:
        return "whisper"

    @cached_property
    def fingerprint(self) -> str:
        """Of the options, the version and, for a folder, the size and hash of its weights."""
        digest = hashlib.sha256(repr(self.options).encode())
        weights = Path(self.options.model) / "model.bin"
        if weights.is_file():
            with weights.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        return f"faster-whisper-{importlib.metadata.version('faster-whisper')}:{digest.hexdigest()[:16]}"

    def recognize(self, audio: Audio, speech: Sequence[Span], progress: Progress | None = None) -> tuple[Word, ...]:
        """Words in order of time, disjoint; `audio` is mono at 16 kHz. Words that touch no speech are left out.

        Raises:
            BackendError: the model is not there, or failed on a piece, which the message names.
        """
        if audio.samples.ndim != 1 or audio.sample_rate != SAMPLE_RATE:
            raise BackendError(f"whisper listens to mono at {SAMPLE_RATE} Hz, not at {audio.sample_rate} Hz")
        pieces = cut_pieces(audio, speech, self.options.pieces)
        if not pieces:
            return ()
        language = self.options.language or self._language(audio, max(pieces, key=lambda piece: piece.frames))
        total = sum(piece.seconds for piece in pieces)
        done = 0.0
        words: list[Word] = []
        for piece in pieces:
            heard = place_words(self._run(piece, partial(self._hear, audio, piece, language)), piece)
            words.extend(heard)
            done += piece.seconds
            if progress is not None:
                progress(done, total)
        return touching(words, speech)

    def _language(self, audio: Audio, piece: Span) -> str:
        if not self._model.model.is_multilingual:
            return "en"
        return self._run(piece, lambda: self._model.detect_language(piece_samples(audio, piece))[0])

    def _hear(self, audio: Audio, piece: Span, language: str) -> list[HeardWord]:
        segments, _ = self._model.transcribe(
            piece_samples(audio, piece),
            language=language,
            beam_size=self.options.beam_size,
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=True,
            vad_filter=False,
        )
        return [
            HeardWord(word.word.strip(), float(word.start), float(word.end), min(max(float(word.probability), 0), 1))
            for segment in segments
            for word in segment.words or ()
            if word.word.strip()
        ]

    def _run(self, piece: Span, act: Callable[[], _T]) -> _T:
        try:
            return act()
        except (RuntimeError, ValueError) as error:
            where = f"{frame_to_seconds(piece.start):.2f}-{frame_to_seconds(piece.end):.2f} s"
            raise BackendError(f"whisper failed on {where}: {_first_line(error)}") from None

    @cached_property
    def _model(self) -> Any:
        from faster_whisper import WhisperModel

        options = self.options
        try:
            return WhisperModel(options.model, device=options.device, compute_type=options.compute_type)
        except Exception as error:  # the hub's client raises errors of its own and of three libraries below it
            raise BackendError(
                f"no Whisper model {options.model!r} ({_first_line(error)}): give the folder of a CTranslate2 model, "
                "or a size that is downloaded already or can be"
            ) from None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
