"""Batches for training: padded or packed, with a label, and where asked a weight, for each id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.errors import OptionsError
from hybrid_tok.lm.batches import Padding, pad
from hybrid_tok.lm.kinds import Kind, kinds_of
from hybrid_tok.lm.processor import IGNORED, HybridProcessor

Feature = Mapping[str, Any]
"""A sequence: `input_ids`, or `text` with the `audio_ids` of its placeholders; maybe `labels` or `assistant_masks`."""


@dataclass(frozen=True)
class HybridCollator:
    """Makes batches of sequences, for `Trainer` or a `DataLoader`.

    Attributes:
        processor: of the model.
        weights: of the loss, by kind of id (`Kind.UNITS: 0.1`); 1 where there is none. Ids of weight 0 are ignored by
            every loss. With other weights than 0 and 1 the batch has `loss_weights`, for a loss that knows them
            (`weighted_loss`).
        packed: sequences one after another in one row, without padding, told apart by `position_ids`, as
            `DataCollatorWithFlattening` has it: for models with variable-length attention (flash attention), which
            reads these.
        pad_to_multiple_of: what lengths are rounded up to.
        longest: ids that a sequence may have; None for any number.
    """

    processor: HybridProcessor
    weights: Mapping[Kind, float] = field(default_factory=lambda: MappingProxyType({}))
    packed: bool = False
    pad_to_multiple_of: int = 1
    longest: int | None = None

    def __post_init__(self) -> None:
        for kind, weight in self.weights.items():
            if not 0.0 <= weight < float("inf"):
                raise OptionsError(f"the weight of {Kind(kind).name} is {weight}; weights are 0 or more")
        if self.packed and self.pad_to_multiple_of != 1:
            raise OptionsError("packed sequences are not padded: leave pad_to_multiple_of out")

    def __call__(self, features: Sequence[Feature]) -> dict[str, Any]:
        """A batch of tensors: `input_ids`, `labels`, `attention_mask` (B, T), or `position_ids` (1, T) of packed ones.

        Raises:
            OptionsError: a sequence has neither ids nor text, or is too long; the message says which.
        """
        import torch

        rows = [self._row(number, feature) for number, feature in enumerate(features)]
        fillers = {"input_ids": self.processor.pad_token_id, "labels": IGNORED}
        if any(weight not in (0.0, 1.0) for weight in self.weights.values()):
            fillers["loss_weights"] = 0
        else:
            for row in rows:
                del row["loss_weights"]
        if self.packed:
            joined = {name: np.concatenate([row[name] for row in rows])[None] for name in fillers}
            joined["position_ids"] = np.concatenate([np.arange(len(row["input_ids"])) for row in rows])[None]
            starts = np.cumsum([0, *(len(row["input_ids"]) for row in rows[:-1])])
            joined["labels"][0, starts] = IGNORED  # the first of a sequence does not follow from the one before
            return {name: torch.from_numpy(array) for name, array in joined.items()}
        padding = Padding("longest", self.processor.tokenizer.padding_side, multiple=self.pad_to_multiple_of)
        for row in rows:
            row["attention_mask"] = np.ones(len(row["input_ids"]), np.int64)
        fillers["attention_mask"] = 0
        return {
            name: torch.tensor(np.array(pad([row[name].tolist() for row in rows], filler, padding)))
            for name, filler in fillers.items()
        }

    def _row(self, number: int, feature: Feature) -> dict[str, NDArray[Any]]:
        ids = self._ids(number, feature)
        if self.longest is not None and len(ids) > self.longest:
            raise OptionsError(f"sequence {number} is {len(ids)} ids long, more than {self.longest}: leave it out")
        kinds = kinds_of(self.processor.vocabulary.space, ids)
        weights = np.ones(len(ids), np.float32)
        for kind, weight in self.weights.items():
            weights[kinds == kind] = weight
        labels = np.array(feature.get("labels", ids), np.int64)
        if "assistant_masks" in feature:
            labels[np.asarray(feature["assistant_masks"]) == 0] = IGNORED
        labels[weights == 0.0] = IGNORED
        return {"input_ids": ids, "labels": labels, "loss_weights": np.where(labels == IGNORED, 0.0, weights)}

    def _ids(self, number: int, feature: Feature) -> NDArray[np.int64]:
        if "input_ids" in feature:
            return np.array(feature["input_ids"], np.int64)
        if "text" not in feature and "audio_ids" not in feature:
            raise OptionsError(f"sequence {number} has neither input_ids nor text nor audio_ids")
        made = self.processor(text=feature.get("text"), audio_ids=feature.get("audio_ids"))
        return np.array(made["input_ids"][0], np.int64)


def weighted_loss(logits: Any, labels: Any, weights: Any) -> Any:
    """Cross entropy of the next id, its mean by weight.

    Args:
        logits: (B, T, vocabulary).
        labels, weights: (B, T), as `HybridCollator` makes them.
    """
    import torch

    flat = logits[:, :-1].flatten(0, 1).float()
    losses = torch.nn.functional.cross_entropy(flat, labels[:, 1:].flatten(), ignore_index=IGNORED, reduction="none")
    weights = weights[:, 1:].flatten().to(losses)
    return (losses * weights).sum() / weights.sum().clamp(min=1e-9)
