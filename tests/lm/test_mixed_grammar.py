"""What may stand in a sequence of a language model, and where it may end."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_tokenizers import make

from hybrid_tok.errors import GrammarError, OptionsError
from hybrid_tok.lm.mixed_grammar import MixedGrammar, MixedRules, MixedState
from hybrid_tok.tokens.text import TokenizersText
from hybrid_tok.tokens.vocabulary import Vocabulary, VocabularyOptions
from strategies import streams, vocabulary

OPTIONS = VocabularyOptions("test", 10, max_speakers=2, max_channels=2, voice_codes=2)


@cache
def of_llm() -> Vocabulary:
    """Ids of a small LLM, and ours after them."""
    tokenizer = make("qwen")
    return Vocabulary(OPTIONS, TokenizersText(tokenizer.backend_tokenizer.to_str().encode(), "qwen"))


LLM = of_llm()
SO = LLM.space.text.encode("so")[0]
END = next(iter(sorted(LLM.space.text.silent)))
PAD, OPEN, CLOSE = LLM.pad_id, LLM.space.audio_open.start, LLM.space.audio_close.start
EMPTY = [LLM.space.end.start, LLM.space.numbers.start, LLM.space.numbers.start]
"""The stream of no channel content."""
LONG = [LLM.space.speakers.start, LLM.space.units_open.start] + [LLM.space.units[k % 2].start for k in range(60)]
"""A stream with an open run of units."""


def state_after(grammar: MixedGrammar, ids: list[int]) -> MixedState:
    state = grammar.start
    for position, token in enumerate(ids):
        state = grammar.advance(state, token, position)
    assert grammar.read(grammar.start, ids) == state
    return state


def allowed(grammar: MixedGrammar, state: MixedState) -> set[int]:
    ids = [token for part in grammar.allowed(state) for token in range(part.start, part.stop)]
    assert len(ids) == len(set(ids)) > 0, "ranges do not overlap, and something may always follow"
    return set(ids)


TEXT = set(range(LLM.space.text.size))


@pytest.mark.parametrize(
    "rules, ids, expected, may_end",
    [
        (MixedRules(), [], TEXT | {OPEN}, True),
        (MixedRules(), [PAD, PAD, SO, END], TEXT | {OPEN}, True),
        (MixedRules(), [OPEN, *EMPTY], {CLOSE}, False),
        (MixedRules(), [SO, OPEN, *EMPTY, CLOSE], TEXT | {OPEN}, True),
        (MixedRules(), [SO, PAD], {PAD}, True),
        (MixedRules(padding=(END,)), [SO, PAD], {PAD, END}, True),
        (MixedRules(padding=(END,)), [END, END, SO, END, SO], TEXT | {OPEN}, True),
        (MixedRules(end=(END,)), [SO, END], {PAD}, True),
        (MixedRules(max_streams=0), [SO], TEXT, True),
        (MixedRules(max_streams=1), [OPEN, *EMPTY, CLOSE, SO], TEXT, True),
        (MixedRules("required", end=(END,)), [SO], TEXT - {END} | {OPEN}, False),
        (MixedRules("required", end=(END,)), [SO, OPEN, *EMPTY, CLOSE], TEXT | {OPEN}, True),
        (MixedRules("only"), [], {OPEN}, False),
        (MixedRules("only"), [OPEN, *EMPTY, CLOSE], {OPEN, PAD}, True),
        (MixedRules("only", 1), [OPEN, *EMPTY, CLOSE], {PAD}, True),
        (MixedRules("only", 1, (END,)), [OPEN, *EMPTY, CLOSE], {END}, True),
        (MixedRules("only", 2, (END,)), [OPEN, *EMPTY, CLOSE], {OPEN, END}, True),
        (MixedRules(bare=True), EMPTY, {PAD}, True),
        (MixedRules(bare=True, end=(END,)), [PAD, *EMPTY], {END}, True),
        (MixedRules(bare=True, end=(CLOSE,)), [*EMPTY, CLOSE], {PAD}, True),
    ],
)
def test_what_may_follow(rules: MixedRules, ids: list[int], expected: set[int], may_end: bool) -> None:
    grammar = MixedGrammar(LLM, rules)
    state = state_after(grammar, ids)
    assert allowed(grammar, state) == expected
    assert grammar.accepts_end(state) == may_end


@pytest.mark.parametrize(
    "rules, ids, position, expected",
    [
        (MixedRules(), [SO, CLOSE], 1, "text"),
        (MixedRules(), [SO, *EMPTY], 1, "<|audio|>"),
        (MixedRules(), [SO, PAD, SO], 2, "padding"),
        (MixedRules(), [OPEN, PAD], 1, "speaker"),
        (MixedRules(), [OPEN, OPEN], 1, "speaker"),
        (MixedRules(), [OPEN, SO], 1, "speaker"),
        (MixedRules(), [OPEN, *EMPTY, SO], 4, "<|/audio|>"),
        (MixedRules(), [SO, OPEN, *LONG, CLOSE], 64, "<|/units|>"),
        (MixedRules(), [SO, OPEN, *LONG, LONG[-1], CLOSE], 64, "<|/units|>"),
        (MixedRules("only"), [SO], 0, "<|audio|>"),
        (MixedRules(max_streams=0), [OPEN], 0, "text"),
        (MixedRules("required", end=(END,)), [SO, END], 1, "<|audio|>"),
        (MixedRules(bare=True), [SO], 0, "speaker"),
        (MixedRules(bare=True), [*EMPTY, CLOSE], 3, "<|pad|>"),
        (MixedRules(bare=True), [*LONG, PAD], 62, "<|/units|>"),
    ],
)
def test_what_may_not(rules: MixedRules, ids: list[int], position: int, expected: str) -> None:
    grammar = MixedGrammar(LLM, rules)
    for read in (grammar.read, lambda start, ids: state_after(grammar, ids)):
        with pytest.raises(GrammarError) as caught:
            read(grammar.start, ids)
        assert caught.value.position == position
        assert any(expected in name for name in caught.value.allowed), caught.value
        assert "the end of the sequence" not in str(caught.value)


@pytest.mark.parametrize(
    "make_grammar, message",
    [
        (lambda: MixedRules("always"), "optional, required or only"),  # type: ignore[arg-type]
        (lambda: MixedRules("only", bare=True), "leave out"),
        (lambda: MixedRules("only", 0), "max_streams of 0"),
        (lambda: MixedRules(max_streams=-1), "max_streams of -1"),
        (lambda: MixedRules("required"), "give the ids"),
        (lambda: MixedGrammar(LLM, MixedRules(end=(OPEN,))), "of the language model"),
        (lambda: MixedGrammar(LLM, MixedRules(end=(-1,))), "outside"),
        (lambda: MixedGrammar(LLM, MixedRules(bare=True, end=(SO,))), "no part of a stream"),
        (lambda: MixedGrammar(LLM, MixedRules(bare=True, padding=(LLM.space.pause.start,))), "no part of a stream"),
    ],
)
def test_rules_that_make_no_sense(make_grammar, message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        make_grammar()


def test_the_bundled_text_model_has_the_same_boundaries() -> None:
    ours = vocabulary(OPTIONS)
    grammar, space = MixedGrammar(ours), ours.space
    stream = [space.end.start, space.numbers.start, space.numbers.start]
    ids = [space.text_range.start + 5, space.audio_open.start, *stream]
    state = state_after(grammar, ids)
    assert allowed(grammar, state) == {space.audio_close.start}


@given(st.data())
def test_streams_in_text_are_accepted_and_whole(data: st.DataObject) -> None:
    grammar, ids, bounds = MixedGrammar(LLM), [PAD] * data.draw(st.integers(0, 3)), []
    for _ in range(data.draw(st.integers(0, 3))):
        ids += data.draw(st.lists(st.integers(0, LLM.space.text.size - 1), max_size=3))
        stream = LLM.encode(data.draw(streams(OPTIONS)))
        bounds.append((len(ids) + 1, len(ids) + 1 + len(stream)))
        ids += [OPEN, *stream, CLOSE]
    ids += [PAD] * data.draw(st.integers(0, 2))
    state = grammar.start
    for position, token in enumerate(ids):
        assert grammar.accepts_end(state) == (not any(start <= position <= stop for start, stop in bounds))
        state = grammar.advance(state, token, position)
    assert grammar.accepts_end(state)
    assert grammar.read(grammar.start, ids) == state
