"""Words that are known to be right or wrong, for the confidence model to be fitted on.

Utterances of the transcribed sentences whose speakers `train phones` kept apart are recognized, and their own texts,
some with words left out, put in or replaced, are aligned to them. Each is heard in a process of its own (`workers`), so
that what is heard does not depend on what was heard before, and all cores have work.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.annotations import Segment
from hybrid_tok.audio import Audio
from hybrid_tok.backends.protocol import Handler, Message, serve
from hybrid_tok.backends.workers import WorkerPool
from hybrid_tok.bench.words import normalize
from hybrid_tok.models.word_features import FEATURES, word_features
from hybrid_tok.train.phone_labels import NOISES, held_out, read_clips, read_samples


@dataclass(frozen=True, slots=True)
class WordOptions:
    """What is heard; see `confidence.TrainConfidenceOptions`."""

    data: Path
    sources: tuple[str, ...]
    hold_out: int
    noisy: float
    edited: float
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Words as rows.

    Attributes:
        features: (n, len(FEATURES)).
        right: (n,), bool.
        speaker: (n,), number of the speaker.
    """

    features: NDArray[np.float32]
    right: NDArray[np.bool_]
    speaker: NDArray[np.int64]


def collect(options: WordOptions) -> Iterator[dict[str, Judged]]:
    """Utterance by utterance, the words recognized in it and those of its text: {"recognized": ..., "given": ...}."""
    sentences = list(read_clips(options.data, options.sources))
    apart = sorted(held_out(sentences, options.hold_out))
    chosen = [index for index, clip in enumerate(sentences) if str(clip["speaker"]) in apart]
    told = json.dumps([str(options.data), options.sources, options.noisy, options.edited, options.seed])
    pool = WorkerPool(os.cpu_count() or 1, "hybrid_tok.train.confidence_words", [told])
    try:
        answers = pool.map([Message({"clip": index}) for index in chosen], [f"clip {index}" for index in chosen])
    finally:
        pool.close()
    for index, answer in zip(chosen, answers, strict=True):
        who = apart.index(str(sentences[index]["speaker"]))
        rows = np.frombuffer(answer.body, "<f4").reshape(-1, len(FEATURES) + 1)
        count = int(answer.header["recognized"])
        yield {"recognized": _judged(rows[:count], who), "given": _judged(rows[count:], who)}


def _judged(rows: NDArray[np.float32], who: int) -> Judged:
    return Judged(rows[:, :-1], rows[:, -1] > 0.5, np.full(len(rows), who))


class _Listener:
    """What a worker does: one clip, heard and aligned."""

    def __init__(self, data: str, sources: list[str], noisy: float, edited: float, seed: int) -> None:
        from hybrid_tok.backends.aligner import EmbeddedAligner
        from hybrid_tok.backends.pocketsphinx import PocketsphinxOptions
        from hybrid_tok.backends.pocketsphinx_listener import PocketsphinxListener

        self._noisy, self._edited, self._seed = noisy, edited, seed
        self._sentences = list(read_clips(Path(data), tuple(sources)))
        self._noises = [clip for clip in read_clips(Path(data), NOISES) if not clip.get("text")]
        self._vocabulary = sorted({word for clip in self._sentences for word in normalize(clip["text"]).split()})
        self._listener = PocketsphinxListener(PocketsphinxOptions().gain)
        self._aligner = EmbeddedAligner()
        self._aligner.fit(Audio(np.zeros(16_000, np.float32), 16_000), [Segment("one")])  # loads and compiles

    def __call__(self, request: Message) -> Message:
        """{"clip": number among the sentences} to rows of features and whether the word is right, those of recognized
        words first."""
        index = int(request.header["clip"])
        clip, rng = self._sentences[index], np.random.default_rng((self._seed, index))
        samples = read_samples(clip["audio"])
        if self._noises and rng.random() < self._noisy:
            noise = read_samples(self._noises[int(rng.integers(len(self._noises)))]["audio"])
            samples = disturb(samples, noise, rng)
        text = normalize(clip["text"]).split()
        recognized = self._recognized(samples, text)
        words, right = edit(text, self._vocabulary, self._edited if rng.random() < 0.5 else 0.0, rng)
        given = self._given(samples, words, right)
        rows = np.concatenate([recognized, given]).astype("<f4")
        return Message({"recognized": len(recognized)}, rows.tobytes())

    def _recognized(self, samples: NDArray[np.float32], text: Sequence[str]) -> NDArray[np.float32]:
        heard = self._listener.hear(samples)
        judged = self._listener.to_judge(heard.words)
        features = word_features(heard.log_posteriors, judged, self._listener.phones.mean_frames)
        return _rows(features, right_words([word.text for word in heard.words], text))

    def _given(self, samples: NDArray[np.float32], words: Sequence[str], right: Sequence[bool]) -> Any:
        fit = self._aligner.fit(Audio(samples, 16_000), [Segment(" ".join(words))])
        judged = fit.judged()
        if len(judged) != len(right):  # a word without a sound has joined another
            return _rows(np.zeros((0, len(FEATURES)), np.float32), [])
        said = [word for word in judged if word is not None]
        features = word_features(fit.log_posteriors, said, self._listener.phones.mean_frames)
        return _rows(features, [r for r, word in zip(right, judged, strict=True) if word is not None])


def _rows(features: NDArray[np.float32], right: Sequence[bool]) -> NDArray[np.float32]:
    return np.column_stack([features, np.array(right, np.float32)])


def disturb(samples: NDArray[np.float32], noise: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Samples with noise under them, at 5 to 25 dB."""
    under = np.resize(np.roll(noise, int(rng.integers(len(noise)))), len(samples))
    gain = np.sqrt(np.mean(samples**2) / max(float(np.mean(under**2)), 1e-12)) * 10 ** (-rng.uniform(5, 25) / 20)
    return np.clip(samples + gain * under, -1.0, 1.0).astype(np.float32)


def right_words(heard: Sequence[str], said: Sequence[str]) -> list[bool]:
    """Which of the words heard are right: those that a minimal alignment puts beside the same word."""
    rows = [list(range(len(said) + 1))]
    for i, word in enumerate(heard, 1):
        before, row = rows[-1], [i]
        for j, other in enumerate(said, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (word != other)))
        rows.append(row)
    right = [False] * len(heard)
    i, j = len(heard), len(said)
    while i and j:
        if rows[i][j] == rows[i - 1][j - 1] + (heard[i - 1] != said[j - 1]):
            right[i - 1] = heard[i - 1] == said[j - 1]
            i, j = i - 1, j - 1
        elif rows[i][j] == rows[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
    return right


def edit(
    text: Sequence[str], vocabulary: Sequence[str], share: float, rng: np.random.Generator
) -> tuple[list[str], list[bool]]:
    """A text with that share of its words left out, put in or replaced, and which of its words were said."""
    words: list[str] = []
    right: list[bool] = []
    for word in text:
        drawn = rng.random() / share if share else 1.0
        if drawn < 1 / 3:
            continue
        if drawn < 1.0:
            words.append(vocabulary[int(rng.integers(len(vocabulary)))])
            right.append(words[-1] == word)
        if not 2 / 3 <= drawn < 1.0:
            words.append(word)
            right.append(True)
    return (words, right) if words else (list(text), [True] * len(text))


def make_handler() -> Handler:
    """The handler of a worker, told by its command line."""
    return _Listener(*json.loads(sys.argv[1]))


if __name__ == "__main__":
    serve(make_handler)
