"""English words by pocketsphinx (https://github.com/cmusphinx/pocketsphinx, BSD), with the model of its wheel.

An old recognizer: it gets half of the words of read speech right and fewer of spontaneous speech. It needs no
download, and the gate writes what it is unsure of as units.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.annotations import Word
from hybrid_tok.audio import Audio
from hybrid_tok.backends.pieces import HeardWord, PieceOptions, cut_pieces, piece_samples, place_words, touching
from hybrid_tok.backends.pocketsphinx_worker import MAX_HMMS, MAX_WORDS
from hybrid_tok.backends.protocol import Message
from hybrid_tok.backends.workers import WorkerPool
from hybrid_tok.errors import BackendError, OptionsError
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

    Confidence: see `confidences`.
    """

    def __init__(self, options: PocketsphinxOptions | None = None) -> None:
        self.options = options or PocketsphinxOptions()
        processes = self.options.processes or os.cpu_count() or 1
        self._pool = WorkerPool(processes, "hybrid_tok.backends.pocketsphinx_worker")

    @property
    def name(self) -> str:
        return "pocketsphinx"

    @cached_property
    def fingerprint(self) -> str:
        options = f"{self.options.gain!r} {self.options.pieces!r} {MAX_HMMS} {MAX_WORDS}"
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
            [Message(body=_pcm(piece_samples(audio, piece), self.options.gain)) for piece in pieces],
            [f"{frame_to_seconds(piece.start):.2f}-{frame_to_seconds(piece.end):.2f} s" for piece in pieces],
            advance,
        )
        words: list[Word] = []
        for piece, answer in zip(pieces, answers, strict=True):
            words.extend(words_of(answer.header["segments"], piece))
        return touching(words, speech)

    def close(self) -> None:
        """Stop the processes; they start again when needed."""
        self._pool.close()


def words_of(segments: Sequence[tuple[str, int, int, float]], piece: Span) -> list[Word]:
    """Segments [text, first, last, posterior] in 10 ms frames of a piece, as words on the grid of the recording.

    Fillers (`<sil>`, `[NOISE]`, `++SMACK++`) are dropped and numbers of alternate pronunciations (`read(2)`) taken
    off.
    """
    lexical = [segment for segment in segments if not re.match(r"[<\[+]", segment[0])]
    trust = confidences([posterior for *_, posterior in lexical])
    heard = [
        HeardWord(re.sub(r"\(\d+\)$", "", text), first / _STEPS, (last + 1) / _STEPS, confidence)
        for (text, first, last, _), confidence in zip(lexical, trust, strict=True)
    ]
    return place_words(heard, piece)


def confidences(posteriors: Sequence[float]) -> list[float]:
    """Confidence per word from the posteriors of the words of one utterance.

    pocketsphinx's posteriors are too low in the middle and too high at the top: among words said to be 0.95 sure, a
    quarter are wrong on hard recordings. A logistic function of the log posterior and the mean log posterior of both
    neighbours is right on average. Its three numbers were chosen on 700 words of LibriSpeech test-other, LJSpeech
    and speechocean762, where the cross-entropy falls from 0.76 (posterior) to 0.61 nats a word; knowing only the share
    of right words gives 0.69. It ranks words little better than the posterior does, and never exceeds 0.73.
    """
    logs = [math.log(min(max(posterior, 1e-4), 1.0)) for posterior in posteriors]
    trust: list[float] = []
    for index, own in enumerate(logs):
        beside = logs[max(0, index - 1) : index] + logs[index + 1 : index + 2]
        around = sum(beside) / len(beside) if beside else own
        trust.append(1.0 / (1.0 + math.exp(-(1.0 + 0.6 * own + 0.25 * around))))
    return trust


def _pcm(samples: NDArray[np.float32], gain: float) -> bytes:
    padded = np.pad(samples, (0, max(0, _SHORTEST - len(samples))))
    return np.clip(np.rint(padded.astype(np.float64) * gain * 32768), -32768, 32767).astype("<i2").tobytes()
