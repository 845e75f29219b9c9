"""Words by an acoustic model of `transformers` with a CTC output (Graves et al. 2006): wav2vec 2.0, HuBERT, WavLM, ..

The most probable output of each frame is taken, repetitions are one, and blanks are left out; no language model takes
part. Such a model writes what it hears letter by letter: without case and punctuation, mostly, and without the made-up
sentences of models that also predict text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.backends.hearing import Heard, hear_windows
from hybrid_tok.backends.hf.loading import (
    find_folder,
    load_extractor,
    load_model,
    load_part,
    model_fingerprint,
    running,
)
from hybrid_tok.core.annotations import Event, Word
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import WindowRule
from hybrid_tok.core.languages import check_language
from hybrid_tok.core.progress import Progress
from hybrid_tok.core.spacing import split_words
from hybrid_tok.core.timeline import FRAME_RATE, Span
from hybrid_tok.core.windows import Window, WindowOptions

SAMPLE_RATE = 16_000
WHAT = "a CTC recognizer of transformers"

_FRAME = SAMPLE_RATE // FRAME_RATE
_SHORTEST = SAMPLE_RATE // 10
"""Samples that a window is padded to: the convolutions need more than one frame."""
_REACH = 0.2 * FRAME_RATE
"""Frames by which a word may begin before its first letter, and end after its last: a letter is a peak of a frame or
two somewhere in its sound."""
_DIGITS = 3
"""Of confidences: the number of threads of torch changes the later ones."""
_PIECE = "▁"
"""With it, a token of SentencePiece begins a word."""


@dataclass(frozen=True, slots=True)
class _Letter:
    """A character, or a break between words.

    Attributes:
        text: the character; "" is a break.
        start, end: frames of the network.
        posterior: the highest of the frames.
    """

    text: str
    start: int
    end: int
    posterior: float


class HfCtcRecognizer:
    """A `Recognizer` by any model of `AutoModelForCTC` at 16 kHz: `facebook/wav2vec2-base-960h`, for example.

    Each window is heard by itself. A word's confidence is the posterior of its least certain letter: it tells sure
    words from unsure ones, but it is not calibrated, and no probability that the word is right. Text of a model whose
    letters are all capitals is written in lower case. Chinese characters and kana are words of their own; what has
    neither letter nor digit is none.

    Args:
        model: a folder, or a name in the Hugging Face cache.
        device: "cpu", "cuda" or "cuda:N".
        language: what the model was trained on; the words are marked with it.
        windows: how the recording is cut (`core.windows`).

    Raises:
        ModelError: there is no such model, its files are damaged, or it takes audio at another rate than 16 kHz.
        OptionsError: there is no such language, or no such rule of windows.
    """

    name = "ctc"

    def __init__(
        self, model: str, *, device: str = "cpu", language: str | None = None, windows: WindowRule = "segment"
    ) -> None:
        if language is not None:
            check_language(language)
        self.language, self.windows = language, WindowOptions.of(windows)
        self.fingerprint = model_fingerprint(self.name, find_folder(model, WHAT), (language, self.windows))
        self.network = load_model("AutoModelForCTC", model, WHAT, device)
        tokenizer = load_part("AutoTokenizer", model, WHAT)
        self._extract = load_extractor(model, WHAT, SAMPLE_RATE)
        self._texts = _texts(tokenizer)
        self._blank = self.network.config.pad_token_id
        if self._blank is None:
            self._blank = tokenizer.pad_token_id
        self._model, self._device = model, device

    def recognize(
        self,
        audio: Audio,
        speech: Sequence[Span],
        events: Sequence[Event] = (),
        progress: Progress | None = None,
    ) -> tuple[Word, ...]:
        """Words in order of time, disjoint; `audio` is mono at 16 kHz. Words that touch no speech are left out.

        Events make no difference.
        """
        audio.mono_at(SAMPLE_RATE, self.name)
        return hear_windows(audio, speech, self.windows, self._hear, self.language, progress)

    def _hear(self, samples: NDArray[np.float32], window: Window) -> list[Heard]:
        """The words of a window's samples (N,), each up to `_REACH` wider than its letters where none is beside it."""
        heard = list(self._words(samples))
        edges = [0.0, *((left.end + right.start) / 2 for left, right in pairwise(heard)), float(window.frames)]
        return [
            replace(word, start=max(word.start - _REACH, low), end=min(word.end + _REACH, high))
            for word, low, high in zip(heard, edges, edges[1:], strict=False)
        ]

    def _words(self, samples: NDArray[np.float32]) -> Iterator[Heard]:
        """Words of samples (N,), from the first letter to the last."""
        posteriors = self._posteriors(np.pad(samples, (0, max(0, _SHORTEST - len(samples)))))
        # Convolutions without padding give fewer frames than the samples last: the stride is better known than told
        # from the lengths.
        stride = getattr(self.network.config, "inputs_to_logits_ratio", None)
        scale = (stride or max(_SHORTEST, len(samples)) / len(posteriors)) / _FRAME
        for letters in _words_of(_letters(posteriors, self._texts, self._blank)):
            text = "".join(letter.text for letter in letters)
            if any(character.isalnum() for character in text):
                confidence = min(letter.posterior for letter in letters)
                yield Heard(text, letters[0].start * scale, letters[-1].end * scale, confidence)

    def _posteriors(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of the outputs per frame of the network, (T, outputs)."""
        import torch

        with running(self._model, WHAT), torch.inference_mode():
            inputs = self._extract(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt").to(self._device)
            return self.network(**inputs).logits[0].float().softmax(-1).cpu().numpy()


def _texts(tokenizer: Any) -> dict[int, str]:
    """What each output writes: characters, with a space for a break before a word; special ones write nothing."""
    delimiter = getattr(tokenizer, "word_delimiter_token", None)
    special = set(tokenizer.all_special_tokens) - {delimiter}
    texts = {
        index: " " if token == delimiter else token.replace(_PIECE, " ")
        for token, index in tokenizer.get_vocab().items()
        if token not in special
    }
    if not any(character.islower() for text in texts.values() for character in text):
        return {index: text.lower() for index, text in texts.items()}
    return texts


def _letters(posteriors: NDArray[np.float32], texts: dict[int, str], blank: int) -> Iterator[_Letter]:
    """The characters of the best path, with the frames in which each is the most probable output."""
    best = posteriors.argmax(1)
    edges = np.flatnonzero(np.diff(best, prepend=-1, append=-1))
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        output = int(best[start])
        if output != blank:
            posterior = round(min(1.0, float(posteriors[start:end, output].max())), _DIGITS)
            for character in texts.get(output, ""):
                yield _Letter("" if character.isspace() else character, start, end, posterior)


def _words_of(letters: Iterator[_Letter]) -> Iterator[list[_Letter]]:
    """Letters between breaks, Chinese characters and kana one by one."""
    run: list[_Letter] = []
    for letter in (*letters, _Letter("", 0, 0, 0.0)):
        if letter.text:
            run.append(letter)
            continue
        for word in split_words("".join(one.text for one in run), "zh"):
            yield run[: len(word)]
            run = run[len(word) :]
        run = []
