"""Words of texts laid over clips, known to be said or not: what the confidence of aligned words is fitted on.

The clips' own texts, some with words left out, put in or replaced, are aligned to the clips, some through noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.align.aligner import BuiltinAligner
from hybrid_tok.align.phones import SAMPLE_RATE
from hybrid_tok.align.word_features import word_features
from hybrid_tok.audio import read_mono
from hybrid_tok.bench.words import normalize
from hybrid_tok.core.annotations import Segment
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.manifest import read_manifest
from hybrid_tok.train.align.phone_labels import NOISES, held_out


@dataclass(frozen=True, slots=True)
class WordOptions:
    """What is aligned; see `confidence.TrainAlignedConfidenceOptions`."""

    data: Path
    sources: tuple[str, ...]
    phones: Path
    hold_out: int
    noisy: float
    edited: float
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class JudgedWords:
    """Words as rows.

    Attributes:
        features: (n, len(FEATURES)).
        right: (n,), bool.
        speaker: (n,), number of the speaker.
    """

    features: NDArray[np.float32]
    right: NDArray[np.bool_]
    speaker: NDArray[np.int64]

    @classmethod
    def joined(cls, parts: Sequence[JudgedWords]) -> JudgedWords:
        columns = ("features", "right", "speaker")
        return cls(*(np.concatenate([getattr(part, column) for part in parts]) for column in columns))


def collect(options: WordOptions) -> Iterator[JudgedWords]:
    """The words that were placed, clip by clip."""
    clips = read_manifest(options.data)
    sentences = [clip for clip in clips if clip.source in options.sources and clip.text]
    noises = [clip for clip in clips if clip.source in NOISES and not clip.text]
    apart = held_out(sentences, options.hold_out)
    vocabulary = sorted({word for clip in sentences for word in normalize(clip.text or "")})
    aligner = BuiltinAligner(phones=options.phones)
    for index, clip in enumerate(sentences):
        if str(clip.speaker) not in apart:
            continue
        rng = np.random.default_rng((options.seed, index))
        samples = read_mono(clip.path, SAMPLE_RATE)[0].samples
        if noises and rng.random() < options.noisy:
            noise = read_mono(noises[int(rng.integers(len(noises)))].path, SAMPLE_RATE)[0].samples
            samples = disturb(samples, noise, rng)
        words, right = edit(normalize(clip.text or ""), vocabulary, options.edited if rng.random() < 0.5 else 0.0, rng)
        fit = aligner.fit(Audio(samples, SAMPLE_RATE), [Segment(" ".join(words))])
        judged = fit.judged()
        if len(judged) != len(right):  # a word without a sound has joined another
            continue
        said = [word for word in judged if word is not None]
        kept = [known for known, word in zip(right, judged, strict=True) if word is not None]
        features = word_features(fit.log_posteriors, said, aligner.phones.mean_frames)
        speaker = np.full(len(said), apart.index(str(clip.speaker)))
        yield JudgedWords(features, np.array(kept, np.bool_), speaker)


def disturb(samples: NDArray[np.float32], noise: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Samples with noise under them, at 5 to 25 dB."""
    under = np.resize(np.roll(noise, int(rng.integers(len(noise)))), len(samples))
    gain = np.sqrt(np.mean(samples**2) / max(float(np.mean(under**2)), 1e-12)) * 10 ** (-rng.uniform(5, 25) / 20)
    return np.clip(samples + gain * under, -1.0, 1.0).astype(np.float32)


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
