"""A language model with our ids: embeddings and head grown, and the rows of units made from the codec.

A new row starts near the mean of the old ones, so that at first a new id is neither likely nor unlikely (Hewitt 2021,
"Initializing new word embeddings for pretrained language models"). How a row differs from the mean is drawn at random
with the deviations of the old rows; for units it is the codec's own vector of that code, by a random projection that
nearly keeps distances (Johnson and Lindenstrauss): units that sound alike start out alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.errors import FingerprintError, OptionsError
from hybrid_tok.lm.processor import HybridProcessor
from hybrid_tok.tokens.idspace import IdSpace

_SPREAD = 0.5
"""Deviation of new rows relative to that of the old ones."""


def extend(
    model: Any, tokenizer: Any, *, seed: int = 0, pad_to_multiple_of: int | None = 64, **options: Any
) -> tuple[Any, HybridProcessor]:
    """A language model and the processor for it; the model is changed in place.

    The fingerprint of the vocabulary is kept in the model's configuration (`check_model`).

    Args:
        model: a transformers model with input embeddings, tied to its head or not.
        tokenizer: the model's, which stays as it is; or a `HybridProcessor` made from it.
        seed: of the new rows.
        pad_to_multiple_of: what the number of rows is rounded up to.
        options: of `HybridProcessor.from_tokenizer`.

    Raises:
        OptionsError: the tokenizer cannot be used, or is not the model's.
        FingerprintError: the model has been extended by another vocabulary.
    """
    if isinstance(tokenizer, HybridProcessor):
        if options:
            raise OptionsError(f"the processor is made already, so that {', '.join(sorted(options))} would be ignored")
        processor = tokenizer
    else:
        processor = HybridProcessor.from_tokenizer(tokenizer, **options)
    if getattr(model.config, "hybrid_tok", None) is not None:
        check_model(model, processor)
        return model, processor
    space = processor.vocabulary.space
    rows = model.get_input_embeddings().weight.shape[0]
    kept = space.text_range.size
    if rows < kept:
        raise OptionsError(
            f"the model has {rows} embeddings, fewer than the tokenizer's {kept} ids: one of them is another's"
        )
    model.resize_token_embeddings(max(rows, space.size), pad_to_multiple_of=pad_to_multiple_of, mean_resizing=False)
    vectors = _unit_vectors(processor)
    tables = [model.get_input_embeddings()]
    head = model.get_output_embeddings()
    if head is not None and head.weight is not tables[0].weight:
        tables.append(head)
    for number, table in enumerate(tables):
        _fill(table, space, kept, vectors, np.random.default_rng([seed, number]))
    model.config.hybrid_tok = {"fingerprint": processor.fingerprint, "size": space.size}
    if model.config.pad_token_id is None:
        model.config.pad_token_id = processor.pad_token_id
    generation = getattr(model, "generation_config", None)
    if generation is not None and generation.pad_token_id is None:
        generation.pad_token_id = processor.pad_token_id
    return model, processor


def check_model(model: Any, processor: HybridProcessor) -> None:
    """Refuse a model that was not extended by this processor's vocabulary.

    Raises:
        FingerprintError: it was extended by another, or by none.
    """
    held = getattr(model.config, "hybrid_tok", None)
    if held is None:
        raise FingerprintError("the model has no hybrid tokens: extend it first (hybrid_tok.lm: extend)")
    differing = [part for part, value in processor.fingerprint.items() if held["fingerprint"].get(part) != value]
    if differing:
        raise FingerprintError(
            f"the model was extended with another {' and '.join(differing)} than the processor has: "
            "load the processor that was saved with it"
        )


def _unit_vectors(processor: HybridProcessor) -> list[NDArray[np.float32]]:
    """Vectors (codebook_size, dimensions) of the codes of each codebook; none where the codec has no such thing."""
    codec = processor.hybrid.decoder.codec
    assert codec is not None, "a tokenizer has a codec"
    made = getattr(codec(), "codebook_vectors", None)
    count = processor.vocabulary.options.num_codebooks
    return [np.asarray(made(number), np.float32) for number in range(count)] if made is not None else []


def _fill(table: Any, space: IdSpace, kept: int, vectors: list[NDArray[np.float32]], rng: np.random.Generator) -> None:
    """New rows of an embedding or a head."""
    import torch

    weight = table.weight
    with torch.no_grad():
        old = weight[:kept].float().cpu().numpy()
        mean, deviation = old.mean(axis=0), _SPREAD * old.std(axis=0)
        new = rng.standard_normal((weight.shape[0] - kept, weight.shape[1]), np.float32)
        for units, points in zip(space.units, vectors, strict=False):
            scaled = (points - points.mean(axis=0)) / max(float(points.std()), 1e-6)
            projection = rng.standard_normal((points.shape[1], weight.shape[1]), np.float32)
            # Another projection for each codebook: the same vector in another one is another sound.
            new[units.start - kept : units.stop - kept] = scaled @ projection / np.sqrt(points.shape[1])
        weight[kept:] = torch.from_numpy(mean + deviation * new).to(weight)
        bias = getattr(table, "bias", None)
        if bias is not None:
            bias[kept:] = bias[:kept].float().mean().to(bias)
