"""Rows of different lengths as one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hybrid_tok.errors import OptionsError


@dataclass(frozen=True, slots=True)
class Padding:
    """How rows are padded.

    Attributes:
        to: `longest` of the batch, `max_length`, or None for not at all.
        side: where the padding is.
        max_length: of a row.
        multiple: that lengths are rounded up to.
        cut: whether the language model's tokenizer was asked to cut rows.
    """

    to: Literal["longest", "max_length"] | None
    side: Literal["left", "right"]
    max_length: int | None = None
    multiple: int = 1
    cut: bool = False

    @classmethod
    def of(cls, kwargs: Mapping[str, Any], tokenizer: Any) -> Padding:
        """What transformers' arguments say."""
        asked = kwargs.get("padding", False)
        to = {True: "longest", "longest": "longest", "max_length": "max_length"}.get(getattr(asked, "value", asked))
        longest = kwargs.get("max_length")
        if to == "max_length" and longest is None:
            longest = tokenizer.model_max_length
        return cls(
            to,  # pyright: ignore[reportArgumentType]
            kwargs.get("padding_side") or tokenizer.padding_side,
            longest,
            kwargs.get("pad_to_multiple_of") or 1,
            bool(kwargs.get("truncation")),
        )

    @property
    def longest(self) -> int | None:
        """Ids that a row may have."""
        return self.max_length if self.cut or self.to == "max_length" else None


def pad(rows: Sequence[Sequence[Any]], filler: Any, padding: Padding) -> list[list[Any]]:
    """Rows with fillers at one side."""
    if padding.to is None:
        return [list(row) for row in rows]
    length = padding.max_length if padding.to == "max_length" else max(map(len, rows), default=0)
    if length is None:
        raise OptionsError("padding='max_length' needs max_length")
    length = -(-length // padding.multiple) * padding.multiple
    missing = [[filler] * (length - len(row)) for row in rows]
    if padding.side == "left":
        return [[*more, *row] for row, more in zip(rows, missing, strict=True)]
    return [[*row, *more] for row, more in zip(rows, missing, strict=True)]
