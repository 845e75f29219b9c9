"""`generate` of a small random model under the grammar: everything it writes decodes, however it is searched."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from llm_tokenizers import make
from transformers import LlamaConfig, LlamaForCausalLM, LogitsProcessor

from hybrid_tok.errors import GrammarError, OptionsError
from hybrid_tok.lm.mixed_grammar import MixedGrammar, MixedRules
from hybrid_tok.lm.prefix_states import KEPT_CALLS
from hybrid_tok.lm.sampling import HybridLogitsProcessor, MaskCache, spans_of
from hybrid_tok.tokens.idspace import IdRange
from hybrid_tok.tokens.text import TokenizersText
from hybrid_tok.tokens.vocabulary import Vocabulary, VocabularyOptions

OPTIONS = VocabularyOptions("test", 6, timing="free", max_speakers=2, max_channels=1, voice_codes=2)
TOKENIZER = make("qwen")
VOCABULARY = Vocabulary(OPTIONS, TokenizersText(TOKENIZER.backend_tokenizer.to_str().encode(), "qwen"))
END = TOKENIZER.eos_token_id
SPACE = VOCABULARY.space
PAD, OPEN, CLOSE = VOCABULARY.pad_id, SPACE.audio_open.start, SPACE.audio_close.start
SPEAKER, UNITS, U0, U1 = SPACE.speakers.start, SPACE.units_open.start, SPACE.units[0].start, SPACE.units[1].start
TEXT = TOKENIZER("hello world").input_ids
INSIDE = [*TEXT, OPEN, SPEAKER, UNITS, U0 + 3, U1 + 5, U0]
"""A prompt that ends inside a frame."""


@cache
def model() -> LlamaForCausalLM:
    """Random, with more ids than the vocabulary, and likes `<|/audio|>`, so that streams end."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY.size + 13,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=512,
    )
    made = LlamaForCausalLM(config).eval()
    made.generation_config.pad_token_id = PAD
    made.generation_config.eos_token_id = END
    return made


class LikeEnds(LogitsProcessor):
    """Makes what ends runs, streams and sequences likely, as a trained model would."""

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        scores = scores.clone()
        scores[:, [CLOSE, END, SPACE.units_close.start, SPEAKER, OPEN]] += 4.0
        return scores


def batch_of(prompts: list[list[int]], pad: int = PAD) -> dict[str, torch.Tensor]:
    longest = max(map(len, prompts))
    ids = [[pad] * (longest - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}


def generate(prompts: list[list[int]], processor: LogitsProcessor, seed: int = 0, **options: Any) -> list[list[int]]:
    torch.manual_seed(seed)
    given = {"max_new_tokens": 40, "do_sample": False, **options}
    processors: Any = [LikeEnds(), processor]
    return model().generate(**batch_of(prompts), logits_processor=processors, **given).tolist()  # type: ignore[operator]


def check(ids: list[int], rules: MixedRules | None = None, prompt: int = 0) -> int:
    """Read a sequence by the plain grammar, decode its whole streams, and return how many there are."""
    grammar = MixedGrammar(VOCABULARY)
    grammar.read(grammar.start, ids)
    if rules is not None:
        ruled = MixedGrammar(VOCABULARY, rules)
        ruled.read(ruled.resumed(grammar.read(grammar.start, ids[:prompt])), ids[prompt:])
    whole = 0
    for part in "".join(map(chr, ids)).split(chr(OPEN))[1:]:
        stream, close, _ = part.partition(chr(CLOSE))
        decoded = VOCABULARY.decode(list(map(ord, stream)), errors="strict" if close else "repair")
        assert not close or VOCABULARY.encode(decoded) == list(map(ord, stream))
        whole += bool(close)
    return whole


PROMPTS = [TEXT, [*TEXT, OPEN], INSIDE, [*TEXT, OPEN, SPEAKER, CLOSE, *TEXT[:2]], [TEXT[0]]]


@pytest.mark.parametrize("options", [{}, {"num_beams": 3}, {"num_beams": 4, "num_return_sequences": 4}])
def test_a_batch_is_what_its_prompts_give_alone(options: dict[str, Any]) -> None:
    together = generate(PROMPTS, HybridLogitsProcessor(VOCABULARY), **options)
    count = options.get("num_return_sequences", 1)
    for number, prompt in enumerate(PROMPTS):
        alone = generate([prompt], HybridLogitsProcessor(VOCABULARY), **options)
        assert len(alone) == count
        for ids, single in zip(together[number * count :], alone, strict=False):
            assert stripped(ids) == stripped(single)


def stripped(ids: list[int]) -> list[int]:
    return [token for token in ids if token != PAD]


@pytest.mark.parametrize(
    "options",
    [
        {"do_sample": True},
        {"do_sample": True, "num_return_sequences": 3, "temperature": 2.0},
        {"do_sample": True, "num_beams": 3, "num_return_sequences": 2, "top_k": 0},
        {"num_beams": 2},
        {"repetition_penalty": 1.5, "no_repeat_ngram_size": 3},
        {"min_new_tokens": 30},
    ],
)
def test_everything_that_is_generated_decodes(options: dict[str, Any]) -> None:
    processor, streams = HybridLogitsProcessor(VOCABULARY), 0
    for seed in range(3):
        made = generate(PROMPTS, processor, seed, **options)
        assert len(made) == len(PROMPTS) * options.get("num_return_sequences", 1)
        streams += sum(map(check, made))
    assert streams > 0


def test_without_the_processor_it_does_not() -> None:
    refused = 0
    for ids in generate(PROMPTS, LogitsProcessorThatDoesNothing(), do_sample=True):
        try:
            check(ids)
        except GrammarError:
            refused += 1
    assert refused >= len(PROMPTS) - 1


class LogitsProcessorThatDoesNothing(LogitsProcessor):
    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        return scores[:, : VOCABULARY.size]


@pytest.mark.parametrize(
    "rules",
    [
        MixedRules("only", end=(END,)),
        MixedRules("only", 1, (END,)),
        MixedRules("required", 1, (END,)),
        MixedRules("optional", 0),
        MixedRules("only", 1),
    ],
)
@pytest.mark.parametrize("search", [{"do_sample": True}, {"num_beams": 3}])
def test_the_rules_hold_after_the_prompt(rules: MixedRules, search: dict[str, Any]) -> None:
    prompts = [prompt for prompt in PROMPTS if rules.max_streams != 0 or prompt[-1] not in (OPEN, INSIDE[-1])]
    processor = HybridLogitsProcessor(VOCABULARY, audio=rules.audio, max_streams=rules.max_streams, end=rules.end or ())
    length = max(map(len, prompts))
    ended = 0
    for seed in range(3):
        for ids in generate(prompts, processor, seed, max_new_tokens=80, **search):
            check(ids, rules, length)
            after = ids[length:]
            assert after.count(OPEN) <= (rules.max_streams if rules.max_streams is not None else 99)
            ended += PAD in after or END in after
            if rules.audio == "only" and END in after:
                assert CLOSE in after[: after.index(END)]
    assert ended > 0 or "num_beams" in search  # which may prefer to go on


def test_bare_sequences_of_the_model() -> None:
    processor = HybridLogitsProcessor(VOCABULARY, bare=True, end=END)
    prompts = [[SPEAKER], [SPEAKER, UNITS, U0, U1, SPACE.units_close.start]]
    made = generate(prompts, processor, do_sample=True, max_new_tokens=100)
    for ids in made:
        stream = stripped(ids)
        VOCABULARY.decode(stream[: stream.index(END)] if END in stream else stream, errors="repair")
        if END in stream:
            VOCABULARY.decode(stream[: stream.index(END)])
    assert any(END in ids for ids in made)


def test_the_models_own_padding_may_pad_bare_prompts() -> None:
    pad = TOKENIZER.pad_token_id
    rows = torch.tensor([[pad, pad, SPEAKER], [SPEAKER, UNITS, U0]])
    spans = HybridLogitsProcessor(VOCABULARY, bare=True, padding=pad).allowed_spans(rows)
    assert spans[1] == ((U1, U1 + 6),)
    with pytest.raises(GrammarError, match=r"position 0.*row 0"):
        HybridLogitsProcessor(VOCABULARY, bare=True).allowed_spans(rows)


def test_a_prompt_that_is_wrong_is_named() -> None:
    rows = torch.tensor([[PAD, *TEXT[:2]], [*TEXT[:2], CLOSE]])
    with pytest.raises(
        GrammarError, match=r"^position 2: found '<\|/audio\|>' \(id \d+\) in row 1 of the prompts"
    ) as caught:
        HybridLogitsProcessor(VOCABULARY)(rows, torch.zeros(2, VOCABULARY.size))
    assert caught.value.position == 2
    with pytest.raises(OptionsError, match=r"row 0 .* left"):
        HybridLogitsProcessor(VOCABULARY)(torch.tensor([[TEXT[0], PAD]]), torch.zeros(1, VOCABULARY.size))


def test_a_model_that_was_not_extended_is_refused() -> None:
    with pytest.raises(OptionsError, match="extend the model"):
        HybridLogitsProcessor(VOCABULARY)(torch.tensor([TEXT]), torch.zeros(1, VOCABULARY.size - 1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("more", [0, 7])
def test_scores_of_what_may_follow_stay_and_all_others_go(dtype: torch.dtype, more: int) -> None:
    generator = np.random.default_rng(0)
    scores = torch.tensor(generator.normal(size=(len(PROMPTS), VOCABULARY.size + more))).to(dtype)
    given = scores.clone()
    batch = batch_of(PROMPTS)["input_ids"]
    written = HybridLogitsProcessor(VOCABULARY)(batch, scores)
    assert written.dtype == dtype and torch.equal(scores, given)
    grammar = MixedGrammar(VOCABULARY)
    for ids, row, before in zip(batch.tolist(), written, given, strict=True):
        may = [
            token
            for part in grammar.allowed(grammar.read(grammar.start, ids))
            for token in range(part.start, part.stop)
        ]
        assert torch.isfinite(row).nonzero().flatten().tolist() == sorted(may)
        assert torch.equal(row[may], before[may])


def test_no_row_is_left_without_anything() -> None:
    """What ran before may have excluded all that the grammar allows."""
    scores = torch.zeros(1, VOCABULARY.size)
    scores[0, UNITS:] = -torch.inf
    row = HybridLogitsProcessor(VOCABULARY)(torch.tensor([INSIDE]), scores)[0]
    assert torch.isfinite(row).nonzero().flatten().tolist() == list(range(U1, U1 + 6))


def test_rows_are_known_by_their_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reordered, doubled, stepped back: nothing is read from its start again, and nothing is taken for another."""
    processor = HybridLogitsProcessor(VOCABULARY)
    first = batch_of(PROMPTS)["input_ids"]
    processor.allowed_spans(first)
    monkeypatch.setattr(MixedGrammar, "read", lambda *_: pytest.fail("read from the start"))
    order = [4, 1, 1, 3, 0]
    second = torch.cat([first[order], torch.tensor([[TEXT[0]], [SPEAKER], [SPEAKER + 1], [OPEN], [OPEN]])], 1)
    found = processor.allowed_spans(second)
    third = torch.cat([second, torch.tensor([[TEXT[0]], [UNITS], [UNITS], [SPEAKER], [SPEAKER]])], 1)
    processor.allowed_spans(third)
    assert processor.allowed_spans(second) == found
    assert processor.allowed_spans(first[[2, 2]])[0] == ((U1, U1 + 6),)
    monkeypatch.undo()
    assert HybridLogitsProcessor(VOCABULARY).allowed_spans(second) == found
    assert len(set(found)) > 1


def test_a_hypothesis_that_was_given_up_raises_nothing() -> None:
    """Beam search fills up with hypotheses of score minus infinity when fewer ids may follow than it looks for."""
    processor = HybridLogitsProcessor(VOCABULARY)
    rows = torch.tensor([INSIDE])
    processor.allowed_spans(rows)
    broken = torch.cat([rows, torch.tensor([[CLOSE]])], 1)
    assert processor.allowed_spans(broken) == [((PAD, PAD + 1),)]
    assert processor.allowed_spans(torch.cat([broken, torch.tensor([[U0]])], 1)) == [((PAD, PAD + 1),)]


def test_generations_do_not_grow_its_memory() -> None:
    processor = HybridLogitsProcessor(VOCABULARY)
    for seed in range(12):
        generate(PROMPTS, processor, seed, do_sample=True)
    assert len(processor._states._calls) == KEPT_CALLS
    masks = MaskCache(4)
    for start in range(20):
        masks.get(((start, start + 1),), 30, torch.device("cpu"))
    assert len(masks) == 4
    assert masks.get(((19, 20),), 30, torch.device("cpu")).logical_not().nonzero().flatten().tolist() == [19]


def test_spans_join_what_touches() -> None:
    ranges = (IdRange("b", 5, 7), IdRange("a", 0, 5), IdRange("c", 8, 9))
    assert spans_of(ranges) == ((0, 7), (8, 9))
