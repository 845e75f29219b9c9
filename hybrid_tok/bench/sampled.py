"""Sequences sampled at random under the grammar, whole and damaged: what is accepted must be what it says it is.

A model with random scores stands in for a language model: each sequence has its own likes among the kinds of ids, so
that some are short and some long, some all units and some all text.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import tiktoken
import torch

from hybrid_tok.errors import GrammarError
from hybrid_tok.lm.sampling import HybridLogitsProcessor
from hybrid_tok.tokenizer import HybridTokenizer
from hybrid_tok.tokens.idspace import BASE
from hybrid_tok.tokens.text import TiktokenText
from hybrid_tok.tokens.unit_merges import UnitMerges
from hybrid_tok.tokens.vocabulary import Vocabulary, VocabularyOptions

BATCH = 256
NOISE_ROWS = 1024
"""Rows of random scores that are drawn once; sequences take parts of them."""

MOST_NOISE = 2**24
"""Rows times ids, at most: 128 MB of noise."""

_OPTIONS = VocabularyOptions("sampled", 12, max_speakers=3, max_channels=3, voice_codes=4, prosody_bins=3)
_MERGES = UnitMerges("sampled", ((0, 0), (1, 2), (2, 1)), ((0, 1), (3, 3), (4, 2)))
"""A pair of frames, that pair twice, and both pairs with another frame."""

VARIANTS = (
    _OPTIONS,
    replace(_OPTIONS, timing="free"),
    replace(_OPTIONS, run_length=True, prosody=True, codebook_size=3),
    replace(_OPTIONS, timing="free", run_length=True, num_codebooks=1, codebook_size=4),
    replace(_OPTIONS, layout="units", num_codebooks=4),
    replace(_OPTIONS, codebook_size=4, unit_merges=_MERGES),
    replace(_OPTIONS, layout="text", prosody=True, max_channels=1),
)


@dataclass(slots=True)
class Outcome:
    """What became of the sequences.

    Attributes:
        ids: in all of them.
        whole: sampled ones that ended by themselves; all are accepted, and spell themselves again.
        cut: that reached their limit before, refused because of that.
        damaged, still_accepted: changed ones; those that are still streams spell themselves too.
        faults: everything else, of which there should be none: other errors, other lengths, other ids.
        slowest: seconds to read a sequence.
        memory: MB that the process has held at most, after each tenth; of several processes the sums.
    """

    ids: int = 0
    whole: int = 0
    cut: int = 0
    damaged: int = 0
    still_accepted: int = 0
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0
    memory: list[float] = field(default_factory=list)

    @classmethod
    def together(cls, outcomes: Sequence[Outcome]) -> Outcome:
        """Of processes that ran beside each other."""
        counted = {name: sum(getattr(one, name) for one in outcomes) for name in _COUNTED}
        faults = [fault for one in outcomes for fault in one.faults]
        memory = [float(sum(held)) for held in zip(*(one.memory for one in outcomes), strict=True)]
        return cls(**counted, faults=faults, slowest=max(one.slowest for one in outcomes), memory=memory)


_COUNTED = ("ids", "whole", "cut", "damaged", "still_accepted")

LONGEST = 1500
"""Frames of a sequence that is decoded to audio, 30 s."""

DECODED: tuple[Mapping[str, Any], ...] = (
    {},
    {"timing": "free"},
    {"run_length": True, "prosody": "word", "durations": "word"},
    {"layout": "units", "num_codebooks": 4},
    {"layout": "text", "prosody": "word"},
)
"""Options of the tokenizers that decode sampled sequences."""


@dataclass(slots=True)
class Sounds:
    """What became of the sequences that were decoded to audio.

    Attributes:
        decoded: whole sampled sequences.
        seconds: of audio.
        longer: sequences left out because they say that they are longer than `LONGEST`.
        faults: errors, samples that are not finite, and in locked timing other lengths than a sequence says.
    """

    decoded: int = 0
    seconds: float = 0.0
    longer: int = 0
    faults: list[str] = field(default_factory=list)


def decode_sampled(count: int, seed: int = 0, options: Sequence[Mapping[str, Any]] = DECODED) -> Sounds:
    """Sample sequences of real vocabularies, and decode so many of them to audio; texts are spoken by espeak-ng."""
    outcome, random = Sounds(), np.random.default_rng(seed)
    for number, chosen in enumerate(options):
        wanted = count * (number + 1) // len(options)
        with HybridTokenizer.from_preset(synthesizer="espeak", speak_as="en", **chosen) as tokenizer:
            sampler = Sampler(tokenizer.vocabulary)
            while outcome.decoded < wanted:
                longest, reluctance = int(random.integers(8, 120)), float(random.uniform(0.0, 20.0))
                drawn = sampler.sample(min(32, count), longest, random, reluctance)
                for ids in drawn:
                    if outcome.decoded < wanted and ids and ids[-1] == sampler.end:
                        _decode_sampled(tokenizer, ids[:-1], outcome)
    return outcome


def _decode_sampled(tokenizer: HybridTokenizer, ids: Sequence[int], outcome: Sounds) -> None:
    stream, hop = tokenizer.vocabulary.decode(ids), tokenizer.vocabulary.options.hop
    if said_frames(tokenizer.vocabulary, ids) > LONGEST:
        outcome.longer += 1
        return
    outcome.decoded += 1
    try:
        audio = tokenizer.decode(ids)
    except Exception as error:
        outcome.faults.append(f"{type(error).__name__}: {error}: {list(ids)}")
        return
    outcome.seconds += audio.seconds
    if not np.isfinite(audio.samples).all():
        outcome.faults.append(f"samples that are not finite: {list(ids)}")
    if stream.remainder is not None:
        said = stream.frames * hop - (hop - stream.remainder) % hop
        if audio.num_samples != said:
            outcome.faults.append(f"{audio.num_samples} samples, not {said}: {list(ids)}")


def small_text() -> TiktokenText:
    """A text tokenizer of a few ids, one of which ends a text."""
    ranks = {bytes([value]): value for value in range(256)} | {b" so": 256, b" the": 257}
    return TiktokenText(
        tiktoken.Encoding("small", pat_str=r" ?\S+|\s", mergeable_ranks=ranks, special_tokens={"<|end|>": 258})
    )


def try_sequences(count: int, seed: int = 0) -> Outcome:
    """Sample so many sequences, damage those that are whole, and read all of them."""
    outcome, text, done, tenth = Outcome(), small_text(), 0, 0
    vocabularies = [Vocabulary(options, text) for options in VARIANTS]
    samplers = [Sampler(vocabulary) for vocabulary in vocabularies]
    random = np.random.default_rng(seed)
    while done < count:
        number = int(random.integers(len(VARIANTS)))
        for ids in samplers[number].sample(min(BATCH, count - done), int(random.integers(4, 80)), random):
            read_sampled(vocabularies[number], ids, random, outcome)
            done += 1
        if done * 10 // count > tenth:
            tenth = done * 10 // count
            outcome.memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return outcome


class Sampler:
    """Draws bare streams of a vocabulary through the logits processor."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.end = max(vocabulary.space.text.silent)
        self._processor = HybridLogitsProcessor(vocabulary, bare=True, end=self.end)
        generator = torch.Generator().manual_seed(0)
        rows = min(NOISE_ROWS, MOST_NOISE // vocabulary.size)
        self._noise = 2 * torch.randn(rows, 2 * vocabulary.size, generator=generator)

    def sample(
        self, count: int, longest: int, random: np.random.Generator, reluctance: float = 0.0
    ) -> Iterator[list[int]]:
        """So many sequences of at most so many ids; those that are whole have the end of text at their end.

        Args:
            reluctance: by which ends are liked less at first, and more at last, so that more sequences are long and
                whole.
        """
        size, rows = self._vocabulary.size, np.zeros((count, 0), np.int64)
        likes = torch.zeros(count, size)
        for part in self._vocabulary.ranges:
            # Ranges are liked as a whole, so that one of many ids is not drawn more often than one of few.
            drawn = 3 * random.standard_normal(count) - np.log(part.size)
            if part is self._vocabulary.space.numbers:
                # Where digits repeat a frame, few sequences have hours of them, since each takes seconds to read.
                drawn -= 5 if self._vocabulary.options.run_length else 2
            likes[:, part.start : part.stop] = torch.from_numpy(drawn).float()[:, None]
        ends = [self._vocabulary.space.end.start, self.end]
        likes[:, ends] -= reluctance
        for _ in range(longest):
            likes[:, ends] += 2.0 * reluctance / longest
            shift = int(random.integers(size))
            noise = self._noise[random.integers(len(self._noise), size=count), shift : shift + size]
            chosen = self._processor(torch.from_numpy(rows), likes + noise).argmax(-1)
            rows = np.concatenate([rows, chosen.numpy()[:, None]], 1)
            if (rows == self.end).any(1).all():
                break
        for row in rows.tolist():
            yield row[: row.index(self.end) + 1] if self.end in row else row


def read_sampled(vocabulary: Vocabulary, sampled: Sequence[int], random: np.random.Generator, outcome: Outcome) -> None:
    """Read a sampled sequence, and a damaged one of its ids."""
    end = max(vocabulary.space.text.silent)
    whole = bool(sampled) and sampled[-1] == end
    ids = list(sampled[:-1] if whole else sampled)
    outcome.ids += len(ids)
    accepted = _read(vocabulary, ids, outcome)
    if whole:
        outcome.whole += 1
        if not accepted:
            outcome.faults.append(f"not accepted: {ids}")
    else:
        outcome.cut += not accepted  # one that just reached its limit may be whole
    outcome.damaged += 1
    outcome.still_accepted += _read(vocabulary, damaged(ids, vocabulary.size, random), outcome)


def damaged(ids: Sequence[int], size: int, random: np.random.Generator) -> list[int]:
    """Ids with up to three cut out, put in, set to others, doubled or swapped, or cut off."""
    ids = list(ids)
    for _ in range(int(random.integers(1, 4))):
        at, other = (int(random.integers(len(ids) + 1)) for _ in range(2))
        token = int(random.integers(size)) if random.random() < 0.7 or not ids else ids[other % len(ids)]
        match int(random.integers(5)):
            case 0:
                del ids[at : at + 1]
            case 1:
                ids.insert(at, token)
            case 2:
                ids[at : at + 1] = [token]
            case 3:
                ids[min(at, other) : max(at, other)] *= 2
            case _ if random.random() < 0.3:
                del ids[at:]
    return ids


def _read(vocabulary: Vocabulary, ids: list[int], outcome: Outcome) -> bool:
    """Whether a sequence is accepted; a fault is whatever it should not be then."""
    started = time.perf_counter()
    try:
        stream = vocabulary.decode(ids)
        if vocabulary.encode(stream) != ids:
            outcome.faults.append(f"spelled in another way: {ids}")
        if stream.frames != said_frames(vocabulary, ids):
            outcome.faults.append(f"{stream.frames} frames, not {said_frames(vocabulary, ids)}: {ids}")
        return True
    except GrammarError as error:
        if not 0 <= error.position <= len(ids):
            outcome.faults.append(f"position {error.position}: {ids}")
        return False
    except Exception as error:
        outcome.faults.append(f"{type(error).__name__}: {error}: {ids}")
        return False
    finally:
        outcome.slowest = max(outcome.slowest, time.perf_counter() - started)


def said_frames(vocabulary: Vocabulary, ids: Sequence[int]) -> int:
    """How long a sequence says that it is, in frames, read from its ids alone, without the grammar or the parser."""
    space, merges = vocabulary.space, vocabulary.options.unit_merges
    cursor = furthest = value = 0
    sign = 1
    for token in [*ids, space.end.start]:
        if token in space.numbers:
            value = value * BASE + token - space.numbers.start
            continue
        cursor += sign * value
        value, sign = 0, -1 if token in space.back else 1
        cursor += token in space.units[0]  # an event may have no others
        if merges is not None and token in space.merged:
            cursor += merges.lengths[token - space.merged.start]
        furthest = max(furthest, cursor)
        if token in space.channels:
            cursor = 0
        if token in space.end:  # what comes after it is no number of frames
            break
    return furthest
