"""Models that get our ids: what was there stays, what is new starts near the mean, units as in the codec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import llm_tokenizers
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from hybrid_tok.codec.backend import BuiltinCodec
from hybrid_tok.errors import FingerprintError, OptionsError
from hybrid_tok.lm import HybridProcessor, check_model, extend

WIDTH = 48


def model(vocabulary: int, tied: bool = False, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        tie_word_embeddings=tied,
        initializer_range=0.3,
    )
    return LlamaForCausalLM(config)


@pytest.mark.parametrize("tied", [False, True])
def test_what_was_there_stays_and_what_is_new_is_near_the_mean(tied: bool) -> None:
    tokenizer = llm_tokenizers.make("qwen")
    plain = model(len(tokenizer), tied)
    old = plain.get_input_embeddings().weight.detach().clone()
    head = plain.get_output_embeddings().weight.detach().clone()
    grown, processor = extend(plain, tokenizer)
    size = processor.vocabulary.size
    for table, before in ((grown.get_input_embeddings(), old), (grown.get_output_embeddings(), head)):
        weight = table.weight.detach()
        assert weight.shape == (-(-size // 64) * 64, WIDTH)
        assert torch.equal(weight[: len(before)], before)
        new = weight[len(before) : size]
        assert (new.mean(0) - before.mean(0)).abs().max() < 0.2 * before.std()
        assert 0.3 < float(new.std() / before.std()) < 0.7
    assert (grown.get_output_embeddings().weight is grown.get_input_embeddings().weight) == tied
    assert grown.config.vocab_size == weight.shape[0]
    assert grown.config.pad_token_id == grown.generation_config.pad_token_id == processor.pad_token_id


def test_the_same_seed_gives_the_same_rows() -> None:
    tokenizer = llm_tokenizers.make("gpt2")
    rows = [extend(model(len(tokenizer)), tokenizer, seed=seed)[0].get_input_embeddings().weight for seed in (1, 1, 2)]
    assert torch.equal(rows[0], rows[1])
    assert not torch.equal(rows[0], rows[2])


def test_units_that_are_near_in_the_codec_are_near_in_the_model() -> None:
    tokenizer = llm_tokenizers.make("qwen")
    grown, processor = extend(model(len(tokenizer)), tokenizer)
    codec, rng = BuiltinCodec(), np.random.default_rng(0)
    for number, units in enumerate(processor.vocabulary.space.units):
        points = codec.codebook_vectors(number)
        assert points.shape[0] == codec.codebook_size
        assert len(np.unique(points, axis=0)) == codec.codebook_size
        rows = grown.get_input_embeddings().weight[units.start : units.stop].detach().numpy()
        one, other = rng.integers(0, codec.codebook_size, (2, 4000))
        inside, outside = (np.linalg.norm(table[one] - table[other], axis=1) for table in (points, rows))
        assert np.corrcoef(inside, outside)[0, 1] > 0.8


def test_a_padded_model_keeps_its_rows_in_use() -> None:
    """Models often have more embeddings than their tokenizer has ids: the rest was never trained."""
    tokenizer = llm_tokenizers.make("qwen")
    plain = model(len(tokenizer) + 100)
    old = plain.get_input_embeddings().weight.detach().clone()
    grown, processor = extend(plain, tokenizer, pad_to_multiple_of=None)
    weight = grown.get_input_embeddings().weight
    assert weight.shape[0] == processor.vocabulary.size
    assert torch.equal(weight[: len(tokenizer)], old[: len(tokenizer)])
    assert processor.vocabulary.space.audio_open.start == len(tokenizer)


def test_a_head_with_a_bias_and_other_models() -> None:
    tokenizer = llm_tokenizers.make("gpt2")
    gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), n_embd=WIDTH, n_layer=1, n_head=2))
    grown, processor = extend(gpt2, tokenizer, timing="free")
    ids = torch.tensor(processor(text="hello")["input_ids"])
    assert grown(ids).logits.shape[-1] >= processor.vocabulary.size


def test_the_fingerprint_is_kept_and_checked(tmp_path: Path) -> None:
    tokenizer = llm_tokenizers.make("qwen")
    plain = model(len(tokenizer))
    processor = HybridProcessor.from_tokenizer(tokenizer)
    with pytest.raises(FingerprintError, match="no hybrid tokens: extend it first"):
        check_model(plain, processor)
    grown, _ = extend(plain, processor)
    grown.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    check_model(loaded, processor)
    rows = loaded.get_input_embeddings().weight.detach().clone()
    again, _ = extend(loaded, processor)
    assert torch.equal(again.get_input_embeddings().weight, rows)
    other = HybridProcessor.from_tokenizer(tokenizer, layout="units")
    with pytest.raises(FingerprintError, match="extended with another vocabulary than the processor has"):
        extend(loaded, other)


def test_a_tokenizer_of_another_model_is_refused() -> None:
    tokenizer = llm_tokenizers.make("qwen")
    with pytest.raises(OptionsError, match="the model has 100 embeddings, fewer than the tokenizer's"):
        extend(model(100), tokenizer)
    with pytest.raises(OptionsError, match="layout would be ignored"):
        extend(model(400), HybridProcessor.from_tokenizer(tokenizer), layout="units")


def test_an_extended_model_is_trained_on_a_batch() -> None:
    """A step on text and recordings: the loss falls on both."""
    tokenizer = llm_tokenizers.make("qwen")
    grown, processor = extend(model(len(tokenizer)), tokenizer, layout="units", num_codebooks=1)
    wave = 0.1 * np.random.default_rng(0).standard_normal(3200).astype(np.float32)
    batch = processor(
        text=["hello <|audio|>", "so funny"],
        audio=[wave],
        sampling_rate=16_000,
        padding=True,
        return_tensors="pt",
        output_labels=True,
    )
    optimizer = torch.optim.Adam(grown.parameters(), 0.01)
    losses = []
    for _ in range(8):
        loss = grown(**batch).loss
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < losses[0] - 1.0
