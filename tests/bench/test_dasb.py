"""The unit codec inside DASB: a small stand-in has its interface, and uses it as its recipes do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pydoc import locate
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hybrid_tok import HybridTokenizer
from hybrid_tok.bench.dasb import Tokenizer
from hybrid_tok.codec.backend import BuiltinCodec
from hybrid_tok.errors import OptionsError
from hybrid_tok.tokens.stream import UnitItem


class BaseTokenizer(ABC):
    """What the recipes call, with the names and defaults of DASB's own."""

    @abstractmethod
    def sig_to_tokens(self, signal: Any, lengths: Any = None, num_codebooks: Any = None) -> Any: ...

    @abstractmethod
    def tokens_to_sig(self, tokens: Any) -> Any: ...

    @abstractmethod
    def get_pretrained_embeddings(self, vocab_size: Any = None, num_codebooks: Any = None) -> Any: ...


class EmbeddingLayer(torch.nn.Module):
    """As DASB's: one table for all codebooks, and tokens that are changed in place."""

    def __init__(self, num_codebooks: int, vocab_size: int, weights: Tensor) -> None:
        super().__init__()
        self.first = torch.arange(0, num_codebooks * vocab_size, vocab_size)
        self.table = torch.nn.Embedding(num_codebooks * vocab_size, weights.shape[1])
        self.table.weight.data.copy_(weights)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens += self.first
        return self.table(tokens)


class Extractor:
    """As DASB's TokensExtractor: one batch to tokens without their padding."""

    def __init__(self, tokenizer: Any, sample_rate: int) -> None:
        self.tokenizer = tokenizer.to("cpu")
        assert tokenizer.sample_rate == sample_rate

    def extract(self, signal: Tensor, lengths: Tensor, num_codebooks: int | list[int] | None) -> list[Tensor]:
        tokens = self.tokenizer.sig_to_tokens(signal, lengths, num_codebooks=num_codebooks)
        return [row[: round(float(share) * len(row))] for row, share in zip(tokens, lengths, strict=True)]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer()


def hum(seconds: float, pitch: float) -> np.ndarray:
    time = np.arange(round(16_000 * seconds)) / 16_000
    phase = 2 * np.pi * (pitch * time + 5 * np.sin(2 * np.pi * 2 * time))
    return (0.1 * np.sin(phase) + 0.05 * np.sin(3 * phase)).astype(np.float32)


def batch() -> tuple[Tensor, Tensor]:
    """Two recordings of 2 s and 0.8 s; the padding is not zero, so that it would be heard."""
    signal = torch.full((2, 32_000), 0.3)
    signal[0], signal[1, :12_800] = torch.from_numpy(hum(2, 150)), torch.from_numpy(hum(0.8, 220))
    return signal, torch.tensor([1.0, 0.4])


def test_all_that_the_interface_has(tokenizer: Tokenizer) -> None:
    assert locate("hybrid_tok.bench.dasb.Tokenizer") is Tokenizer
    assert all(hasattr(tokenizer, name) for name in BaseTokenizer.__abstractmethods__)
    signal, lengths = batch()
    before = signal.clone()
    tokens = tokenizer.sig_to_tokens(signal, lengths)
    assert tokens.shape == (2, 100, 2) and tokens.dtype == torch.int64
    assert torch.equal(signal, before)
    sound = tokenizer.tokens_to_sig(tokens)
    assert sound.shape == (2, 32_000) and sound.dtype == torch.float32
    assert sound[0].abs().max() > 0.02 and not sound[1, 14_000:].any()


def test_a_batch_gives_each_recording_what_it_has_alone(tokenizer: Tokenizer) -> None:
    signal, lengths = batch()
    rows = Extractor(tokenizer, 16_000).extract(signal, lengths, None)
    assert [len(row) for row in rows] == [100, 40]
    alone = tokenizer.sig_to_tokens(signal[1:, :12_800])[0]
    assert torch.equal(rows[1], alone)
    assert len(alone.unique()) > 10


def test_tokens_are_the_units_of_the_units_layout(tokenizer: Tokenizer) -> None:
    signal, _ = batch()
    with HybridTokenizer.from_preset(layout="units") as whole:
        placed = whole.analyze((signal[0].numpy(), 16_000)).stream.placed()
    units = [frame for one in placed if isinstance(one.item, UnitItem) for frame in one.item.units]
    assert np.array_equal(tokenizer.sig_to_tokens(signal[:1])[0].numpy(), units)


def test_embeddings_are_in_the_order_of_the_tokens(tokenizer: Tokenizer) -> None:
    signal, _ = batch()
    tokens = tokenizer.sig_to_tokens(signal)
    weights = tokenizer.get_pretrained_embeddings(12_800, 2)
    assert weights.shape[0] == 2 * tokenizer.vocab_size and weights.dtype == torch.float32
    embedded = EmbeddingLayer(2, 12_800, weights)(tokens.clone())
    vectors = BuiltinCodec().codebook_vectors(1)
    assert np.array_equal(embedded[0, 7, 1].detach().numpy(), vectors[tokens[0, 7, 1]])
    assert torch.equal(tokenizer.get_pretrained_embeddings(None, None, device="cpu"), weights)
    assert torch.equal(tokenizer.get_pretrained_embeddings(num_codebooks=[1]), weights[12_800:])


def test_fewer_codebooks_or_chosen_ones() -> None:
    tokenizer = Tokenizer(num_codebooks=4)
    signal, _ = batch()
    tokens = tokenizer.sig_to_tokens(signal)
    assert tokens.shape[2] == 4
    assert torch.equal(tokenizer.sig_to_tokens(signal, num_codebooks=1), tokens[..., :1])
    assert torch.equal(tokenizer.sig_to_tokens(signal, num_codebooks=[0, 3]), tokens[..., [0, 3]])
    assert tokenizer.tokens_to_sig(tokens[..., :1]).shape == (2, 32_000)


def test_recipes_move_and_count_it(tokenizer: Tokenizer) -> None:
    """`to` leaves it alone; parameters say where it is and how large."""
    weights = next(tokenizer.parameters())
    moved = tokenizer.eval().to("meta")
    assert moved is tokenizer and next(tokenizer.parameters()) is weights and weights.device.type == "cpu"
    assert 4e6 < sum(value.numel() for value in tokenizer.state_dict().values()) < 6e6
    assert not any(parameter.requires_grad for parameter in tokenizer.parameters())


@pytest.mark.parametrize("wanted", [3, 0, [2], [-1], []])
def test_codebooks_that_are_not_there(tokenizer: Tokenizer, wanted: int | list[int]) -> None:
    with pytest.raises(OptionsError, match="were asked for, of a tokenizer with 2"):
        tokenizer.sig_to_tokens(torch.zeros(1, 640), num_codebooks=wanted)
    with pytest.raises(OptionsError, match="were asked for, of a tokenizer with 2"):
        tokenizer.get_pretrained_embeddings(num_codebooks=wanted)


def test_what_cannot_be_is_said(tokenizer: Tokenizer) -> None:
    with pytest.raises(OptionsError, match=r"num_codebooks must be 1\.\.4, not 5"):
        Tokenizer(num_codebooks=5)
    with pytest.raises(OptionsError, match="vocab_size must be 12800, the size of the codebooks, not 1024"):
        tokenizer.get_pretrained_embeddings(vocab_size=1024)
