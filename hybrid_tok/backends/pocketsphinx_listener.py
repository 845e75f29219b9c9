"""pocketsphinx with a second look: a first pass with its own models, then its lattice decided anew (`rescoring`)."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.lattice import parse_lattice
from hybrid_tok.backends.rescoring import RescoredWord, RescoringOptions, compile_scoring, rescore
from hybrid_tok.models.phones import PhoneModel
from hybrid_tok.models.pronounce import dictionary
from hybrid_tok.models.word_features import HeardPhones

MAX_HMMS = 3000
MAX_WORDS = 20
"""Histogram pruning: at most so many active states per 10 ms, and words ending in one. Noise and laughter
otherwise keep ten times as many alive. It about doubles the speed; on the development clips the word error rate of the
first pass goes from 0.57 to 0.58 (LibriSpeech) and 0.70 to 0.73 (speechocean762), and stays at 0.28 (LJSpeech) and 0.74
(dialogues)."""

_NAT = 1e-4
"""Natural logarithm of pocketsphinx's unit of log probability, 1.0001."""

_UNSEEN = -20.0
"""Nats of a word that the language model does not know."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What was heard in an utterance.

    Attributes:
        words: of the best path, in order of time.
        log_posteriors: (T, phones) of the phone network, 100 frames a second.
    """

    words: tuple[RescoredWord, ...]
    log_posteriors: NDArray[np.float32]


class PocketsphinxListener:
    """One utterance after another, each as if it were the only one if the process is forked before.

    Args:
        gain: factor on the samples for pocketsphinx.
    """

    def __init__(self, gain: float, options: RescoringOptions | None = None) -> None:
        from pocketsphinx import Decoder  # pyright: ignore[reportAttributeAccessIssue] - compiled, without types

        self._decoder: Any = Decoder(loglevel="FATAL", maxhmmpf=MAX_HMMS, maxwpf=MAX_WORDS)
        self._language_model: Any = self._decoder.get_lm("_default")
        self._gain = gain
        self._options = options or RescoringOptions()
        self._dictionary = dictionary()
        self._known: dict[tuple[str, ...], float] = {}
        self.phones = PhoneModel()
        compile_scoring()

    def hear(self, samples: NDArray[np.float32]) -> Heard:
        """Words of mono samples (N,) at 16 kHz."""
        self._decode(samples)
        log_posteriors = self.phones.log_posteriors(samples)
        lattice = self._decoder.get_lattice() if self._decoder.hyp() is not None else None
        if lattice is None:
            return Heard((), log_posteriors)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "lattice"
            lattice.write_htk(str(path))
            text = path.read_text(encoding="utf-8")
        words = rescore(
            parse_lattice(text, self._options.least), log_posteriors, self.columns, self._language, self._options
        )
        return Heard(tuple(words), log_posteriors)

    def first_pass(self, samples: NDArray[np.float32]) -> list[tuple[str, int, int, float]]:
        """What pocketsphinx alone hears: (word, first frame, end frame, posterior) in frames of 10 ms."""
        self._decode(samples)
        return heard_words(self._decoder)

    def _decode(self, samples: NDArray[np.float32]) -> None:
        pcm = np.clip(np.rint(samples.astype(np.float64) * self._gain * 32768), -32768, 32767).astype("<i2").tobytes()
        self._decoder.start_utt()
        self._decoder.process_raw(pcm, full_utt=True)  # the whole utterance, so that its own mean is subtracted
        self._decoder.end_utt()

    def columns(self, word: str, variant: int) -> tuple[int, ...]:
        """Phones of a word of the dictionary, as columns of the posteriors; () where there is no such word."""
        return tuple(self.phones.index[phone] for phone in self.spelled(word, variant))

    def spelled(self, word: str, variant: int) -> tuple[str, ...]:
        """Phones of a word of the dictionary in one of its pronunciations, from 1."""
        entry = self._dictionary.get(word, ())
        return tuple(entry[variant - 1].split()) if variant <= len(entry) else ()

    def to_judge(self, words: tuple[RescoredWord, ...]) -> list[HeardPhones]:
        """The words as the confidence model wants them."""
        return [
            HeardPhones(
                text=word.text,
                phones=self.spelled(word.text, word.variant),
                start=word.start / 100,
                end=word.end / 100,
                posterior=word.posterior,
                rival=word.rival,
                recognizer=word.recognizer,
                language=word.language,
                acoustic=word.acoustic,
            )
            for word in words
        ]

    def _language(self, words: tuple[str, ...]) -> float:
        nats = self._known.get(words)
        if nats is None:
            nats = self._known[words] = max(_NAT * self._language_model.prob(list(words)), _UNSEEN)
        return nats


def is_filler(word: str) -> bool:
    """Whether an entry of pocketsphinx's is silence or a noise (`<sil>`, `[NOISE]`, `++SMACK++`)."""
    return word.startswith(("<", "[", "+"))


def heard_words(decoder: Any) -> list[tuple[str, int, int, float]]:
    """Words of a decoder's best path, (word, first frame, end frame, posterior) in frames of 10 ms; fillers are left
    out, and numbers of alternate pronunciations (`read(2)`) taken off."""
    segments = decoder.seg() if decoder.hyp() is not None else None
    return [
        (re.sub(r"\(\d+\)$", "", s.word), s.start_frame, s.end_frame + 1, s.prob)
        for s in segments or ()
        if not is_filler(s.word)
    ]
