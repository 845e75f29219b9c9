"""Sample ids under the grammar, and hear what they say: whatever the sampler does, the result decodes.

    python examples/constrained_sampling.py sampled.wav --tokens 60 --seed 0

The "model" here draws every allowed kind of token with the same probability; yours would add its logits to the
allowed ids, and minus infinity to all others.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from hybrid_tok import HybridTokenizer, Vocabulary
from hybrid_tok.audio import write_wav


def sample(vocabulary: Vocabulary, tokens: int, seed: int) -> list[int]:
    """Draw so many ids, then let the grammar close what is open."""
    generator = np.random.default_rng(seed)
    grammar = vocabulary.grammar
    state, ids = grammar.start, []
    while len(ids) < tokens and (allowed := grammar.allowed(state)):
        kind = allowed[generator.integers(len(allowed))]
        token = int(generator.integers(kind.start, kind.stop))
        state = grammar.advance(state, token)
        ids.append(token)
    return list(vocabulary.repair(ids).ids)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="the WAV to write")
    parser.add_argument("--tokens", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    # Free timing: a random walk through locked durations would be mostly silence.
    with HybridTokenizer.from_preset("default", timing="free") as tokenizer:
        ids = sample(tokenizer.vocabulary, arguments.tokens, arguments.seed)
        audio = tokenizer.decode(ids)
    write_wav(arguments.output, audio)
    print(f"{len(ids)} ids, {audio.seconds:.2f} s: {arguments.output}")


if __name__ == "__main__":
    main()
