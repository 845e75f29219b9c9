"""English words by pocketsphinx (https://github.com/cmusphinx/pocketsphinx, BSD), with the model of its wheel.

An old recognizer that gets half of the words of hard read speech wrong. It needs no download. Its lattice is decided
anew with the help of our phone network (`rescoring`), every word gets a confidence that means what it says
(`models.confidence`), and the gate writes what is doubtful as units.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.annotations import Word
from hybrid_tok.audio import Audio
from hybrid_tok.backends.pieces import HeardWord, PieceOptions, cut_pieces, piece_samples, place_words, touching
from hybrid_tok.backends.protocol import Message
from hybrid_tok.backends.rescoring import RescoringOptions
from hybrid_tok.backends.workers import WorkerPool
from hybrid_tok.errors import BackendError, OptionsError
from hybrid_tok.models.arrays import fingerprint_of
from hybrid_tok.models.confidence import CONFIDENCE_WEIGHTS
from hybrid_tok.models.phones import PHONE_WEIGHTS
from hybrid_tok.stage import Progress
from hybrid_tok.timeline import Span, frame_to_seconds

SAMPLE_RATE = 16_000
_STEPS = 100
"""pocketsphinx counts frames of 10 ms."""

_SHORTEST = 1_600
"""Samples; pocketsphinx cannot normalise less, and no word is shorter."""


@dataclass(frozen=True, slots=True)
class PocketsphinxOptions:
    """How pocketsphinx listens.

    Attributes:
        gain: factor on the samples; below 1 it recognizes better, its model having been trained on quieter speech.
        pieces: where recordings are cut.
        processes: how many to run; 0 is one per core. The words do not depend on it.
    """

    gain: float = 0.3
    pieces: PieceOptions = field(default_factory=PieceOptions)
    processes: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.gain <= 10:
            raise OptionsError(f"gain must be above 0 and at most 10, not {self.gain}")
        if not 0 <= self.processes <= 256:
            raise OptionsError(f"processes must be 0 (one per core) to 256, not {self.processes}")


class PocketsphinxRecognizer:
    """A `Recognizer` of English: whole utterances at full accuracy, several at a time in processes of their own.

    Words that touch no speech at all are left out; those that begin or end a little outside are not cut.
    """

    def __init__(self, options: PocketsphinxOptions | None = None) -> None:
        self.options = options or PocketsphinxOptions()
        processes = self.options.processes or os.cpu_count() or 1
        self._pool = WorkerPool(processes, "hybrid_tok.backends.pocketsphinx_worker", [str(self.options.gain)])

    @property
    def name(self) -> str:
        return "pocketsphinx"

    @cached_property
    def fingerprint(self) -> str:
        from hybrid_tok.backends.pocketsphinx_listener import MAX_HMMS, MAX_WORDS

        models = f"{fingerprint_of(PHONE_WEIGHTS)} {fingerprint_of(CONFIDENCE_WEIGHTS)}"
        options = (
            f"{self.options.gain!r} {self.options.pieces!r} {RescoringOptions()!r} {MAX_HMMS} {MAX_WORDS} {models}"
        )
        version = importlib.metadata.version("pocketsphinx")
        return f"pocketsphinx-{version}:{hashlib.sha256(options.encode()).hexdigest()[:16]}"

    def recognize(self, audio: Audio, speech: Sequence[Span], progress: Progress | None = None) -> tuple[Word, ...]:
        """Words in order of time, disjoint; `audio` is mono at 16 kHz.

        Raises:
            BackendError: a process failed; the message names the piece of the recording.
        """
        if audio.samples.ndim != 1 or audio.sample_rate != SAMPLE_RATE:
            raise BackendError(f"pocketsphinx listens to mono at {SAMPLE_RATE} Hz, not at {audio.sample_rate} Hz")
        pieces = cut_pieces(audio, speech, self.options.pieces)
        total = sum(piece.seconds for piece in pieces)
        done = 0.0

        def advance(index: int) -> None:
            nonlocal done
            done += pieces[index].seconds
            if progress is not None:
                progress(done, total)

        answers = self._pool.map(
            [Message(body=_body(piece_samples(audio, piece))) for piece in pieces],
            [f"{frame_to_seconds(piece.start):.2f}-{frame_to_seconds(piece.end):.2f} s" for piece in pieces],
            advance,
        )
        words: list[Word] = []
        for piece, answer in zip(pieces, answers, strict=True):
            words.extend(words_of(answer.header["words"], piece))
        return touching(words, speech)

    def close(self) -> None:
        """Stop the processes; they start again when needed."""
        self._pool.close()


def words_of(found: Sequence[tuple[str, int, int, float]], piece: Span) -> list[Word]:
    """Words [text, first, end, confidence] in 10 ms frames of a piece, on the grid of the recording."""
    return place_words([HeardWord(t, first / _STEPS, end / _STEPS, c) for t, first, end, c in found], piece)


def _body(samples: NDArray[np.float32]) -> bytes:
    return np.pad(samples, (0, max(0, _SHORTEST - len(samples)))).astype("<f4").tobytes()
