"""Recordings of a Hugging Face dataset to ids, once, so that training never waits for them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid_tok.audio import read_audio
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.threads import map_threads
from hybrid_tok.errors import AudioError, HybridTokError, OptionsError
from hybrid_tok.tokenizer import HybridTokenizer


@dataclass(frozen=True)
class EncodeColumn:
    """For `Dataset.map(.., batched=True)`: the ids of the recordings in a column, in a new column.

        dataset = dataset.map(EncodeColumn(processor.hybrid), batched=True, num_proc=8, remove_columns=["audio"])

    Can be pickled: each process of `map` loads the models for itself. The new column is named as the collator and the
    processor have it, and holds a list of recordings per row (of one).

    Attributes:
        hybrid: the tokenizer.
        column: of recordings: paths, `{"path": ..}`, `{"bytes": ..}`, `{"array": .., "sampling_rate": ..}`, or lists of
            these, one per placeholder.
        to: the new column.
    """

    hybrid: HybridTokenizer
    column: str = "audio"
    to: str = "audio_ids"

    def __call__(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, list[list[list[int]]]]:
        """Raises:
        OptionsError: there is no such column.
        AudioError: a recording cannot be read; the message says which row of the batch it is in.
        """
        if self.column not in batch:
            raise OptionsError(f"there is no column {self.column!r}; there are: {', '.join(batch)}")
        return {self.to: map_threads(self._row, enumerate(batch[self.column]))}

    def _row(self, numbered: tuple[int, Any]) -> list[list[int]]:
        number, row = numbered
        several = row if isinstance(row, list) else [row]
        try:
            return [self.hybrid.encode(_source(one)) for one in several]
        except HybridTokError as error:
            raise AudioError(f"row {number} of the batch: {error}") from error


def _source(cell: Any) -> Any:
    """A cell of an audio column as the tokenizer takes it."""
    if hasattr(cell, "get_all_samples"):  # what datasets gives for a column that decodes itself
        samples = cell.get_all_samples()
        return Audio.from_samples(samples.data.numpy(), samples.sample_rate)
    if not isinstance(cell, Mapping):
        return cell
    if cell.get("array") is not None:
        if cell.get("sampling_rate") is None:
            raise AudioError("an array says nothing about its rate: the cell needs sampling_rate")
        return np.asarray(cell["array"]), cell["sampling_rate"]
    if cell.get("bytes") is not None:
        return read_audio(io.BytesIO(cell["bytes"]))
    if cell.get("path"):
        return cell["path"]
    raise AudioError("a cell of an audio column has path, bytes, or array and sampling_rate")
