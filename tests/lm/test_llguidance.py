"""What llguidance allows under the exported grammars, id by id: all that ours allow, and what is listed besides."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache

import llguidance
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llm_tokenizers import make

from hybrid_tok.lm.llguidance import llguidance_tokenizer
from hybrid_tok.lm.mixed_grammar import MixedGrammar, MixedRules
from hybrid_tok.tokens.grammar import Grammar
from hybrid_tok.tokens.parts import Frames, Number, Remainder, State
from hybrid_tok.tokens.text import TokenizersText
from hybrid_tok.tokens.unit_merges import UnitMerges
from hybrid_tok.tokens.vocabulary import Vocabulary, VocabularyOptions
from strategies import streams, vocabulary_options

OPTIONS = VocabularyOptions("test", 5, max_speakers=3, max_channels=3, voice_codes=2, prosody=True, prosody_bins=2)
MERGES = UnitMerges("test", ((0, 0), (1, 2)), ((0, 1), (2, 0)))


@cache
def of_llm(options: VocabularyOptions) -> Vocabulary:
    return Vocabulary(options, TokenizersText(make("qwen").backend_tokenizer.to_str().encode(), "qwen"))


def matcher(vocabulary: Vocabulary, lark: str, end: int) -> llguidance.LLMatcher:
    made = llguidance.LLMatcher(llguidance_tokenizer(vocabulary, end), llguidance.LLMatcher.grammar_from_lark(lark))
    assert not made.is_error(), made.get_error()
    assert not made.get_grammar_warnings()
    return made


def theirs(made: llguidance.LLMatcher, end: int) -> set[int]:
    return set(np.flatnonzero(np.frombuffer(made.compute_logit_bias(), np.uint8)).tolist()) - {end}


def reason(grammar: Grammar, state: State, token: int) -> str:
    """Which of the things that a context-free grammar cannot say keeps an id out; raises KeyError if none does."""
    space, (place, part) = grammar.space, state
    after = part.settled(grammar, place)
    cursor = place.cursor if after is None else after.place.cursor
    if isinstance(part, Remainder):
        return {0: "last frame"}[place.furthest]
    if isinstance(part, Number) and token in space.numbers:
        return {"back": "back"}[part.of]
    if isinstance(part, Frames):
        if space.options.unit_merges is not None:
            return "merges"
        return {True: "repeats"}[space.options.run_length]
    if token in space.speakers:
        return {place.speaker: "speaker"}[token - space.speakers.start]
    if token in space.languages:
        return {place.language: "language"}[token - space.languages.start]
    if token in space.voice_open:
        return {True: "voice"}[place.speaker in place.spoken]
    return {(space.back.start, 0): "back"}[token, cursor]


def compared(vocabulary: Vocabulary, made: llguidance.LLMatcher, ids: list[int]) -> Counter[str]:
    """Both along a stream; counts why llguidance allowed more."""
    grammar, end = vocabulary.grammar, vocabulary.pad_id
    state, reasons = grammar.start, Counter[str]()
    made.reset()
    for token in [*ids, None]:
        ours = {one for part in grammar.allowed(state) for one in range(part.start, part.stop)}
        allowed = theirs(made, end) if ours else ours
        assert ours <= allowed
        reasons.update(reason(grammar, state, more) for more in allowed - ours)
        assert made.is_accepting() == grammar.accepts_end(state)
        if token is not None:
            assert made.consume_token(token), made.get_error()
            state = grammar.advance(state, token)
    return reasons


def walk(grammar: Grammar, seed: int, length: int) -> list[int]:
    """Ids that a sampler draws which likes to go on: the end only where nothing else may follow."""
    generator, state, ids = np.random.default_rng(seed), grammar.start, []
    while len(ids) < length and (ranges := grammar.allowed(state)):
        ranges = [part for part in ranges if part.start != grammar.space.end.start] or ranges
        drawn = ranges[generator.integers(len(ranges))]
        ids.append(int(generator.integers(drawn.start, drawn.stop)))
        state = grammar.advance(state, ids[-1])
    return ids


@pytest.mark.parametrize(
    "options, expected",
    [
        (OPTIONS, {"speaker", "language", "voice", "back"}),
        (replace(OPTIONS, run_length=True), {"speaker", "language", "voice", "back", "repeats"}),
        (replace(OPTIONS, event_codebooks=1), {"speaker", "language", "voice", "back"}),
        (replace(OPTIONS, timing="free"), {"speaker", "language", "voice"}),
        (replace(OPTIONS, layout="text", prosody=False), {"speaker", "language", "voice", "back"}),
        (replace(OPTIONS, layout="units"), {"speaker", "voice"}),
        (replace(OPTIONS, unit_merges=MERGES), {"speaker", "language", "voice", "back", "merges"}),
        (replace(OPTIONS, max_channels=1, num_codebooks=1, hop=1), {"speaker", "language", "voice", "back"}),
    ],
)
def test_along_random_walks(options: VocabularyOptions, expected: set[str]) -> None:
    vocabulary = of_llm(options)
    made = matcher(vocabulary, vocabulary.grammar.to_llguidance(), vocabulary.pad_id)
    reasons = Counter[str]()
    for seed in range(6):
        reasons += compared(vocabulary, made, walk(vocabulary.grammar, seed, 120))
    assert set(reasons) == expected


def test_the_end_of_an_empty_stream() -> None:
    vocabulary = of_llm(OPTIONS)
    made = matcher(vocabulary, vocabulary.grammar.to_llguidance(), vocabulary.pad_id)
    assert set(compared(vocabulary, made, [vocabulary.space.end.start] + 2 * [vocabulary.space.numbers.start])) == {
        "last frame"
    }


@settings(max_examples=40)
@given(st.data())
def test_along_streams(data: st.DataObject) -> None:
    options = data.draw(vocabulary_options())
    vocabulary = of_llm(options)
    made = matcher(vocabulary, vocabulary.grammar.to_llguidance(), vocabulary.pad_id)
    compared(vocabulary, made, vocabulary.encode(data.draw(streams(options)))[:150])


def test_the_language_models_own_tokenizer_takes_our_ids_when_it_is_told_how_many() -> None:
    from llguidance.hf import from_tokenizer

    vocabulary = of_llm(replace(OPTIONS, timing="free"))
    lark, space = MixedGrammar(vocabulary).to_llguidance(), vocabulary.space
    made = llguidance.LLMatcher(from_tokenizer(make("qwen"), vocabulary.size), lark)
    unit = [codebook.start for codebook in space.units]
    ids = [5, space.audio_open.start, space.speakers.start, space.units_open.start, *unit, space.units_close.start]
    assert made.consume_tokens([*ids, space.audio_close.start, 6]), made.get_error()


END = make("qwen").eos_token_id


@pytest.mark.parametrize(
    "rules",
    [
        MixedRules(end=(END,)),
        MixedRules(max_streams=0, end=(END,)),
        MixedRules(max_streams=2, end=(END,)),
        MixedRules("required", end=(END,)),
        MixedRules("required", 1, (END,)),
        MixedRules("only", end=(END,)),
        MixedRules("only", 2, (END,)),
        MixedRules(bare=True, end=(END,)),
    ],
)
def test_streams_in_text(rules: MixedRules) -> None:
    vocabulary = of_llm(replace(OPTIONS, timing="free"))
    grammar, space = MixedGrammar(vocabulary, rules), vocabulary.space
    made = matcher(vocabulary, grammar.to_llguidance(), END)
    ends = 0
    for seed in range(4):
        generator, state = np.random.default_rng(seed), grammar.start
        made.reset()
        for _ in range(100):
            ours = {one for part in grammar.allowed(state) for one in range(part.start, part.stop)}
            assert made.is_accepting() == (END in ours) == grammar.accepts_end(state)
            ours.discard(END)
            allowed = theirs(made, END) if ours else ours
            assert ours <= allowed
            if state.stream is None:
                assert ours == allowed
            ends += not ours
            if not ours:
                break
            likely = sorted(ours & {space.audio_open.start, space.audio_close.start})
            token = likely[0] if likely and generator.random() < 0.3 else int(generator.choice(sorted(ours)))
            assert made.consume_token(token), made.get_error()
            state = grammar.advance(state, token)
    assert ends or rules.audio != "only" or rules.max_streams is None
