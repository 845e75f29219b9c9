"""Whisper (Radford et al. 2022) by CTranslate2, one window at a time: encode, tell the language, write, align.

CTranslate2's Whisper is called directly, not by faster-whisper's pipelines: a window keeps its own language, and text
without spaces is split into characters. Windows are never batched on a CPU: a matrix product of another shape may
differ in its last bits, and with it a word. Several windows run at the same time instead, one per thread.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.core.languages import LANGUAGES, writes_spaces
from hybrid_tok.errors import BackendError, first_line

SAMPLE_RATE = 16_000
WINDOW_SECONDS = 30
_MEL_HOP = 160
_STATE_RATE = 50
"""Encoder states per second."""

_LOOPING = 2.2
"""zlib ratio of a text from which it repeats itself."""
_PHRASE = 5
"""Tokens of a phrase that may occur only once where a text would otherwise repeat itself."""
_STYLES: Mapping[str, str] = MappingProxyType({"zh": "以下是普通话的句子。"})
"""Mandarin in simplified characters; without, Whisper writes traditional ones now and then."""
_TOKENS_PER_SECOND = 14.0
"""More than people say in any language; a longer text repeats itself."""
_MOST_TOKENS = 444

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, eq=False)
class EncodedWindow:
    """Encoder states of a window.

    Attributes:
        states: (1, T, width) float32, 50 a second; beyond `seconds` they are of silence.
        seconds: how much of them is recording.
    """

    states: NDArray[np.float32]
    seconds: float

    @property
    def full(self) -> bool:
        """Whether the states are of 30 s, as in Whisper's training."""
        return self.states.shape[1] >= WINDOW_SECONDS * _STATE_RATE


@dataclass(frozen=True, slots=True)
class WrittenWord:
    """A word as Whisper writes it.

    Attributes:
        text: with its punctuation, without surrounding space.
        start, end: seconds from the start of the window.
        log_probs: of each of its tokens but punctuation, given all before them.
        agreement: share of the other hypotheses of the beam that have the word at its place; 1 where there are none.
    """

    text: str
    start: float
    end: float
    log_probs: tuple[float, ...]
    agreement: float = 1.0


@dataclass(frozen=True, slots=True)
class WrittenText:
    """What Whisper writes for a window.

    Attributes:
        words: in order.
        no_speech: probability that the window has no speech, by Whisper's own token.
        compression: length of the text over its length compressed by zlib; high where it repeats itself.
    """

    words: tuple[WrittenWord, ...]
    no_speech: float
    compression: float


class CTranslate2Whisper:
    """A Whisper model in CTranslate2's format.

    Args:
        folder: model.bin, config.json, tokenizer.json, vocabulary.
        device: "cpu", "cuda" or "cuda:N".
        compute_type: as CTranslate2 takes it ("int8", "float16", ..).
        workers: windows that may run at the same time, each on one thread; the result does not depend on it.

    Raises:
        BackendError: the folder holds no such model.
    """

    def __init__(self, folder: Path, device: str, compute_type: str, workers: int) -> None:
        from faster_whisper import WhisperModel

        kind, _, index = device.partition(":")
        try:
            self._whisper = WhisperModel(
                str(folder),
                device=kind,
                device_index=int(index or 0),
                compute_type=compute_type,
                cpu_threads=1,
                num_workers=workers,
                local_files_only=True,
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise BackendError(f"{folder} holds no Whisper model that CTranslate2 loads: {first_line(error)}") from None
        self._model: Any = self._whisper.model

    @property
    def multilingual(self) -> bool:
        return bool(self._model.is_multilingual)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages it knows."""
        if not self.multilingual:
            return ("en",)
        tokenizer = self._whisper.hf_tokenizer
        return tuple(code for code in LANGUAGES if tokenizer.token_to_id(f"<|{code}|>") is not None)

    def encode(self, samples: NDArray[np.float32], silence: float = WINDOW_SECONDS) -> EncodedWindow:
        """Up to 30 s of mono samples at 16 kHz to encoder states.

        Args:
            silence: seconds of silence after the samples, up to 30 s in all. Whisper was trained with 30 s; the encoder
                takes time with the square of the length, and mostly does as well with less.
        """
        import ctranslate2

        seconds = len(samples) / SAMPLE_RATE
        whole = math.ceil(min(seconds + silence, WINDOW_SECONDS))
        padded = np.pad(samples, (0, max(whole * SAMPLE_RATE - len(samples), 0)))
        features = self._whisper.feature_extractor(padded, padding=_MEL_HOP)[:, : whole * SAMPLE_RATE // _MEL_HOP]
        view = ctranslate2.StorageView.from_array(np.ascontiguousarray(features[np.newaxis], np.float32))
        states = _run("encode", lambda: np.array(self._model.encode(view, to_cpu=True), np.float32))
        return EncodedWindow(states, min(seconds, WINDOW_SECONDS))

    def language_probabilities(self, window: EncodedWindow, start: float, end: float) -> dict[str, float]:
        """Probability of each language, told from the encoder states between two times in seconds.

        States of silence follow them, as after every speech that Whisper was trained on: without, it mistakes one
        stretch in four.
        """
        import ctranslate2

        first = min(int(start * _STATE_RATE), window.states.shape[1] - 1)
        last = max(min(round(end * _STATE_RATE), window.states.shape[1]), first + 1)
        states = np.concatenate([window.states[:, first:last], self._silence], axis=1)
        view = ctranslate2.StorageView.from_array(states)
        found = _run("tell the language", lambda: self._model.detect_language(view)[0])
        return {token[2:-2]: float(probability) for token, probability in found}

    @cached_property
    def _silence(self) -> NDArray[np.float32]:
        """Two seconds of states of silence, (1, 100, width)."""
        return self.encode(np.zeros(0, np.float32), 10.0).states[:, -2 * _STATE_RATE :]

    def write(self, window: EncodedWindow, language: str, beam_size: int) -> WrittenText | None:
        """The words of a window, at temperature 0 and without the text before.

        A text that repeats itself is decoded again without repeated phrases where the window is full, and refused with
        None where it is not: a full one mostly cures it.
        """
        import ctranslate2

        tokenizer = self._tokenizer(language)
        view = ctranslate2.StorageView.from_array(window.states)
        prompt = [*self._style(tokenizer, language), *tokenizer.sot_sequence, tokenizer.no_timestamps]
        most = min(int(window.seconds * _TOKENS_PER_SECOND) + 8, _MOST_TOKENS)

        def generate(**options: Any) -> tuple[list[list[int]], float, float]:
            result = _run(
                "write",
                lambda: self._model.generate(
                    view,
                    [prompt],
                    beam_size=beam_size,
                    num_hypotheses=beam_size,
                    max_length=len(prompt) + most,
                    return_no_speech_prob=True,
                    suppress_blank=True,
                    **options,
                )[0],
            )
            hypotheses = [[token for token in ids if token < tokenizer.eot] for ids in result.sequences_ids]
            return hypotheses, float(result.no_speech_prob), _compression(tokenizer.decode(hypotheses[0]))

        hypotheses, no_speech, compression = generate()
        if compression > _LOOPING or len(hypotheses[0]) >= most:
            if not window.full:
                return None
            hypotheses, no_speech, _ = generate(no_repeat_ngram_size=_PHRASE)
        if not hypotheses[0]:
            return WrittenText((), no_speech, compression)
        others = [self._plain_words(tokens, language) for tokens in hypotheses[1:]]
        agreed = _agreement(self._plain_words(hypotheses[0], language), others)
        words = self.align(window, language, hypotheses[0])
        return WrittenText(
            tuple(replace(word, agreement=share) for word, share in zip(words, agreed, strict=True)),
            no_speech,
            compression,
        )

    def _style(self, tokenizer: Any, language: str) -> list[int]:
        """A prompt that shows how a language is to be written; most need none."""
        shown = _STYLES.get(language)
        return [tokenizer.sot_prev, *tokenizer.encode(f" {shown}")] if shown else []

    def _plain_words(self, tokens: Sequence[int], language: str) -> list[str]:
        """The words of a hypothesis, lower-case, without punctuation."""
        subwords, pieces = self._tokenizer(language).split_tokens_on_unicode(list(tokens))
        return ["".join(filter(str.isalnum, text.lower())) for text, _, _ in _words(subwords, pieces, language)]

    def tokens(self, text: str, language: str, letters: int | None = None) -> list[int]:
        """The tokens of a text as Whisper would write it: with a space before its first word.

        Args:
            letters: of each token at most. Whisper's own tokens are likelier, but are placed only half as exactly: most
                are whole words.
        """
        tokenizer = self._tokenizer(language)
        if letters is None:
            return tokenizer.encode(f" {text.strip()}")
        pieces = re.findall(rf"\s*\S{{1,{letters}}}", f" {text.strip()}")
        return [token for piece in pieces for token in tokenizer.encode(piece)]

    def log_probs(self, window: EncodedWindow, language: str, texts: Sequence[str]) -> list[float]:
        """How likely Whisper would write each of some texts for a window: the logarithm of all its tokens together."""
        import ctranslate2

        tokenizer = self._tokenizer(language)
        tokens = [self.tokens(text, language) for text in texts]
        view = ctranslate2.StorageView.from_array(np.repeat(window.states, len(texts), axis=0))
        frames = [max(round(window.seconds * SAMPLE_RATE / _MEL_HOP), 2)] * len(texts)
        start = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        found = _run("score texts", lambda: self._model.align(view, start, tokens, frames))
        return [float(np.log(np.clip(one.text_token_probs, 1e-9, 1.0)).sum()) for one in found]

    def align(self, window: EncodedWindow, language: str, tokens: Sequence[int]) -> tuple[WrittenWord, ...]:
        """Where each word of a text lies in a window, and how likely its tokens are there.

        By dynamic time warping over the decoder's cross-attention. All tokens are placed, said or not.

        Args:
            tokens: of the text, at most 444.
        """
        import ctranslate2

        tokenizer = self._tokenizer(language)
        view = ctranslate2.StorageView.from_array(window.states)
        frames = max(round(window.seconds * SAMPLE_RATE / _MEL_HOP), 2)
        sot = list(tokenizer.sot_sequence)
        found = _run("align", lambda: self._model.align(view, sot, [list(tokens)], [frames])[0])
        # The first frame of each token, and of the end of the text after them.
        index, frame = (np.array(column) for column in zip(*found.alignments, strict=True))
        starts = np.append(frame[np.diff(index, prepend=-1) > 0] / _STATE_RATE, frame[-1] / _STATE_RATE)[
            : len(tokens) + 1
        ]
        subwords, pieces = tokenizer.split_tokens_on_unicode(list(tokens))
        log_probs = np.log(np.clip(found.text_token_probs, 1e-6, 1.0))
        return tuple(
            WrittenWord(text, float(starts[first]), float(starts[last]), tuple(log_probs[first:last].tolist()))
            for text, first, last in _words(subwords, pieces, language)
        )

    def _tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        return Tokenizer(self._whisper.hf_tokenizer, self.multilingual, task="transcribe", language=language)


def write_window(
    model: CTranslate2Whisper, samples: NDArray[np.float32], encoded: EncodedWindow, language: str, beam_size: int
) -> WrittenText:
    """The words of a window; where its text repeats itself, those of the window encoded in full.

    Args:
        samples: what `encoded` was encoded from.
    """
    text = model.write(encoded, language, beam_size)
    if text is None:
        text = model.write(model.encode(samples), language, beam_size)
    assert text is not None, "a full window always has a text"
    return text


def _words(subwords: Sequence[str], pieces: Sequence[Sequence[int]], language: str) -> Iterator[tuple[str, int, int]]:
    """Words with their punctuation, and which tokens [first, last) say them, those of the punctuation left out.

    Words start at a space; in languages without spaces each piece that is whole characters is a word.
    """
    spaced = writes_spaces(language)
    text, first, last, at = "", 0, 0, 0
    for subword, piece in zip(subwords, pieces, strict=True):
        spoken = any(character.isalnum() for character in subword)
        starts = subword.startswith(" ") or (spoken and not spaced)
        if starts and last > first:  # a word is complete; punctuation before one opens it
            yield text.strip(), first, last
            text, first, last = "", at, at
        if spoken:
            first = first if last > first else at
            last = at + len(piece)
        text += subword
        at += len(piece)
    if last > first:
        yield text.strip(), first, last


def _agreement(words: Sequence[str], others: Sequence[Sequence[str]]) -> list[float]:
    """Share of the other hypotheses that have each word at its place, by the longest matching blocks."""
    agreed = [0] * len(words)
    for other in others:
        for block in SequenceMatcher(None, words, other, autojunk=False).get_matching_blocks():
            for index in range(block.a, block.a + block.size):
                agreed[index] += 1
    return [count / len(others) if others else 1.0 for count in agreed]


def _compression(text: str) -> float:
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 1.0


def _run(what: str, act: Callable[[], _T]) -> _T:
    try:
        return act()
    except (RuntimeError, ValueError) as error:
        raise BackendError(f"whisper failed to {what}: {first_line(error)}") from None
