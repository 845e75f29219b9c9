"""How fast ids are read, written and constrained, and what becomes of a million sampled sequences.

    python benchmarks/vocabulary.py --data ../shared/audio --out benchmarks/results/vocabulary.json
    python benchmarks/vocabulary.py --only sequences --sequences 1000000

- units: streams that are mostly units, in the default vocabulary: unit ids per second to ids, back, and checked; with
  run-length coding too, where a fifth of the frames repeat the one before.
- text: the transcripts of `--data`/dev: characters per second, beside those of the text tokenizer alone. Reading spells
  each text again, to know whether its pieces are the tokenizer's own.
- grammar: beside a language model of 150,000 ids. Random sequences, of which 32 grow together: microseconds for each
  sequence's next state and the ranges of what may follow, and milliseconds to write them into all scores.
- llguidance: the same sequences with its own parser and the exported grammar: an id is consumed, and a mask made.
- sequences: as `bench.sampled` describes; the results have how many of how many.
- sounds: a thousand sampled sequences of five real vocabularies are decoded to audio, with espeak-ng.

One thread. Rates are of processor time, so that other processes disturb them less; single steps are of wall-clock time,
since reading the processor time alone takes as long as a step. The medians are what counts.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tiktoken
import torch

from hybrid_tok import HybridTokenizer, Vocabulary
from hybrid_tok.bench.results import measure_parts
from hybrid_tok.bench.sampled import Outcome, decode_sampled, try_sequences
from hybrid_tok.core.manifest import read_manifest
from hybrid_tok.lm.llguidance import llguidance_tokenizer
from hybrid_tok.lm.mixed_grammar import MixedGrammar
from hybrid_tok.lm.sampling import HybridLogitsProcessor
from hybrid_tok.tokens.stream import Channel, HybridStream, Pause, TextItem, Turn, UnitItem
from hybrid_tok.tokens.text import TiktokenText, load_text_tokenizer
from hybrid_tok.tokens.vocabulary import VocabularyOptions

FRAMES = 100_000
RUN = 200
"""Frames of each unit run, 4 s."""

RUNS = 11

LLM_IDS = 150_000
BATCHES = (1, 32)
LENGTH = 400
"""Ids of each random sequence."""


@cache
def default_options() -> VocabularyOptions:
    with HybridTokenizer.from_preset() as tokenizer:
        return tokenizer.vocabulary.options


def units() -> dict[str, Any]:
    return {
        name: _of_units(Vocabulary(replace(default_options(), run_length=run_length), load_text_tokenizer()))
        for name, run_length in (("plain", False), ("run length", True))
    }


def _of_units(vocabulary: Vocabulary) -> dict[str, Any]:
    options, generator = vocabulary.options, np.random.default_rng(0)
    codes = generator.integers(options.codebook_size, size=(FRAMES, options.num_codebooks))
    repeats = np.flatnonzero(generator.random(FRAMES) < 0.2)[1:] if options.run_length else []
    for frame in repeats:
        codes[frame] = codes[frame - 1]
    frames = list(map(tuple, codes.tolist()))
    runs = [UnitItem(tuple(frames[start : start + RUN])) for start in range(0, FRAMES, RUN)]
    items = [item for run in runs for item in (run, Pause(5))]
    stream = HybridStream((Channel((Turn(0, tuple(items)),)),))
    ids = vocabulary.encode(stream)
    count = codes.size
    return {
        "ids": count,
        "to_ids": _rates(count, lambda: vocabulary.encode(stream)),
        "to_stream": _rates(count, lambda: vocabulary.decode(ids)),
        "checked": _rates(count, lambda: vocabulary.check(ids)),
    }


def text(data: Path) -> dict[str, Any]:
    vocabulary = Vocabulary(default_options(), load_text_tokenizer())
    tokenizer = vocabulary.space.text
    texts = [clip.text for clip in read_manifest(data / "dev") if clip.text]
    stream = HybridStream((Channel((Turn(0, tuple(TextItem(said, 100, language="en") for said in texts)),)),))
    ids, count = vocabulary.encode(stream), sum(map(len, texts))
    pieces = [tokenizer.encode(said) for said in texts]
    assert vocabulary.decode(ids) == stream
    return {
        "characters": count,
        "pieces": sum(map(len, pieces)),
        "tokenizer_alone": _rates(count, lambda: [tokenizer.encode(said) for said in texts]),
        "to_ids": _rates(count, lambda: vocabulary.encode(stream)),
        "tokenizer_back_and_forth": _rates(count, lambda: [tokenizer.encode(tokenizer.decode(one)) for one in pieces]),
        "to_stream": _rates(count, lambda: vocabulary.decode(ids)),
    }


def _rates(count: int, function: Callable[[], object]) -> dict[str, float]:
    """How many per second."""
    seconds: list[float] = []
    for _ in range(RUNS):
        started = time.process_time()
        function()
        seconds.append(time.process_time() - started)
    return {"median": count / float(np.median(seconds)), "most": count / min(seconds)}


@cache
def beside_a_language_model() -> Vocabulary:
    """The default options and random pieces of text: nothing is spelled with them here."""
    generator = np.random.default_rng(0)
    ranks = {bytes([value]): value for value in range(256)}
    while len(ranks) < LLM_IDS - 256:
        ranks.setdefault(generator.bytes(int(generator.integers(2, 9))), len(ranks))
    special = {f"<|special:{index}|>": LLM_IDS - 256 + index for index in range(256)}
    encoding = tiktoken.Encoding("random", pat_str=r"\S+|\s", mergeable_ranks=ranks, special_tokens=special)
    return Vocabulary(default_options(), TiktokenText(encoding))


@cache
def sequences_of_ids() -> np.ndarray:
    """Random sequences [32, 400] beside the language model: text and streams, kinds of ids with equal probability."""
    grammar, generator = MixedGrammar(beside_a_language_model()), np.random.default_rng(0)
    rows: list[list[int]] = []
    for _ in range(max(BATCHES)):
        state, row = grammar.start, list[int]()
        while len(row) < LENGTH:
            ranges = grammar.allowed(state)
            drawn = ranges[int(generator.integers(len(ranges)))]
            row.append(int(generator.integers(drawn.start, drawn.stop)))
            state = grammar.advance(state, row[-1])
        rows.append(row)
    return np.array(rows)


def grammar() -> dict[str, Any]:
    vocabulary, rows = beside_a_language_model(), torch.from_numpy(sequences_of_ids())
    generator = torch.Generator().manual_seed(0)
    results: dict[str, Any] = {"ids": vocabulary.size}
    for batch in BATCHES:
        processor, steps, writes = HybridLogitsProcessor(vocabulary), list[float](), list[float]()
        scores = torch.randn(batch, vocabulary.size, generator=generator)
        processor(rows[:batch, :1], scores)
        for length in range(2, LENGTH):
            grown = rows[:batch, :length]
            started = time.perf_counter()
            spans = processor.allowed_spans(grown)
            stepped = time.perf_counter()
            processor.write(spans, scores)
            steps.append((stepped - started) / batch)
            writes.append(time.perf_counter() - stepped)
        results[f"batch {batch}"] = {
            "step_and_ranges_us": _microseconds(steps),
            "writing_ms": float(np.median(writes) * 1e3),
        }
    return results


def llguidance() -> dict[str, Any]:
    import llguidance as library
    from llguidance.torch import allocate_token_bitmask, fill_next_token_bitmask, fill_next_token_bitmask_par

    vocabulary, rows = beside_a_language_model(), sequences_of_ids()
    tokenizer = llguidance_tokenizer(vocabulary, vocabulary.pad_id)
    lark = MixedGrammar(vocabulary).to_llguidance()
    executor = library.LLExecutor(num_threads=1)
    results: dict[str, Any] = {"version": library.__version__}
    for batch in BATCHES:
        matchers = [library.LLMatcher(tokenizer, lark) for _ in range(batch)]
        masks, steps = allocate_token_bitmask(batch, vocabulary.size), list[float]()
        for position in range(LENGTH):
            started = time.perf_counter()
            for matcher, token in zip(matchers, rows[:batch, position].tolist(), strict=True):
                if not matcher.consume_token(token):
                    raise RuntimeError(matcher.get_error())
            if batch == 1:
                fill_next_token_bitmask(matchers[0], masks)
            else:
                fill_next_token_bitmask_par(executor, [(one, row) for row, one in enumerate(matchers)], masks)
            steps.append((time.perf_counter() - started) / batch)
        results[f"batch {batch}"] = {"step_and_mask_us": _microseconds(steps)}
    return results


def _microseconds(seconds: list[float]) -> dict[str, float]:
    """Of a sequence's step."""
    return {"median": float(np.median(seconds) * 1e6), "99 %": float(np.quantile(seconds, 0.99) * 1e6)}


def sequences(count: int) -> dict[str, Any]:
    """As many processes as there are cores, each with a seed of its own."""
    processes = os.cpu_count() or 1
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        outcomes = list(pool.map(try_sequences, [count // processes] * processes, range(processes)))
    outcome = Outcome.together(outcomes)
    for fault in outcome.faults[:10]:
        print(f"fault: {fault[:500]}")
    return {
        "sequences": count // processes * processes,
        "processes": processes,
        **asdict(outcome),
        "faults": len(outcome.faults),
    }


def sounds(count: int) -> dict[str, Any]:
    outcome = decode_sampled(count)
    for fault in outcome.faults[:10]:
        print(f"fault: {fault[:500]}")
    return {**asdict(outcome), "faults": len(outcome.faults)}


def main() -> None:
    parts = ("units", "text", "grammar", "llguidance", "sequences", "sounds")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/audio"), help="folder with dev/")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/vocabulary.json"))
    parser.add_argument("--sequences", type=int, default=10_000, help="how many are sampled")
    parser.add_argument("--sounds", type=int, default=1000, help="how many of them are decoded to audio")
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts), help="measure these, keep the others")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    about = {"vocabulary": asdict(default_options())}
    measures = (
        units,
        lambda: text(arguments.data),
        grammar,
        llguidance,
        lambda: sequences(arguments.sequences),
        lambda: sounds(arguments.sounds),
    )
    measure_parts(arguments, dict(zip(parts, measures, strict=True)), about)


if __name__ == "__main__":
    main()
