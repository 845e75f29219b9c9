"""An adapter for other recognizers' words: what they state of a word, moved by how its English phones fit the sound."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.annotations import Word
from hybrid_tok.audio import Audio
from hybrid_tok.errors import BackendError
from hybrid_tok.models.confidence import ConfidenceModel, judges_fingerprint, with_probability
from hybrid_tok.models.goodness import fit_phones
from hybrid_tok.models.phones import PhoneModel
from hybrid_tok.models.pronounce import Phones, Pronouncer
from hybrid_tok.models.word_features import HeardPhones
from hybrid_tok.normalize import read_words
from hybrid_tok.timeline import FRAME_RATE

SAMPLE_RATE = 16_000
_PER_FRAME = 2
"""Frames of the phone network (10 ms) per frame of the time grid (20 ms)."""


class WordJudge:
    """Judges words in the light of the recording."""

    @cached_property
    def _phones(self) -> PhoneModel:
        return PhoneModel()

    @cached_property
    def _confidence(self) -> ConfidenceModel:
        return ConfidenceModel()

    @cached_property
    def _pronouncer(self) -> Pronouncer:
        return Pronouncer()

    @property
    def fingerprint(self) -> str:
        return judges_fingerprint()

    def judge(self, audio: Audio, words: Sequence[Word], first: int = 0) -> tuple[Word, ...]:
        """The words with their confidences moved; those that cannot be pronounced keep theirs.

        Args:
            audio: mono at 16 kHz.
            words: in order of time.
            first: frame of the words' time grid at which the audio begins.
        """
        if audio.samples.ndim != 1 or audio.sample_rate != SAMPLE_RATE:
            raise BackendError(f"words are judged on mono at {SAMPLE_RATE} Hz, not at {audio.sample_rate} Hz")
        log_posteriors = self._phones.log_posteriors(audio.samples)
        heard = [self._heard(log_posteriors, word, first) for word in words]
        known = [word for word in heard if word is not None]
        trust = iter(self._confidence.judge(log_posteriors, known))
        usual = self._confidence.usual["given"]
        return tuple(
            word
            if phones is None
            else Word(word.text, word.span, with_probability(next(trust), word.confidence, usual), word.speaker)
            for word, phones in zip(words, heard, strict=True)
        )

    def _heard(self, log_posteriors: NDArray[np.float32], word: Word, first: int) -> HeardPhones | None:
        """A word in the pronunciation that fits best."""
        start = word.span.start - first
        end = max(word.span.end - first, start + 1)
        best: Phones | None = None
        least = float("inf")
        for phones in self._pronunciations(word.text):
            columns = [self._phones.index[phone] for phone in phones]
            fit = fit_phones(log_posteriors, columns, _PER_FRAME * start, _PER_FRAME * end)
            if fit.deficits.mean() < least:
                best, least = phones, float(fit.deficits.mean())
        return None if best is None else HeardPhones(word.text, best, start / FRAME_RATE, end / FRAME_RATE)

    def _pronunciations(self, text: str) -> list[Phones]:
        """All ways to say what is written, of its likeliest reading."""
        spoken = [part for word in read_words(text) for part in (word.spoken[0] if word.spoken else ())]
        ways: list[Phones] = [()]
        for part in spoken:
            ways = [(*way, *phones) for way in ways for phones in self._pronouncer.pronounce(part)][:8]
        return [way for way in ways if way]
