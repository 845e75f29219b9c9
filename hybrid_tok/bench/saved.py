"""Data sets that the library `datasets` has saved to a folder, such as those of Codec-SUPERB.

Audio is decoded here: the library's own decoding needs torchcodec, which CPU builds of torch do not have. A column
`audio` of arrays (`{"array", "sampling_rate"}`) is taken as it is.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from hybrid_tok.audio import read_mono, resample
from hybrid_tok.core.audio import Audio
from hybrid_tok.errors import HybridTokError


class SavedDataError(HybridTokError):
    """A folder that is no saved data set with audio, or cannot be read here."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a saved data set.

    Attributes:
        part: its split; "" for a data set without splits.
        category: its column of that name, or the split.
    """

    part: str
    number: int
    category: str
    text: str | None


def is_saved(folder: Path) -> bool:
    """Whether a folder is a data set saved by `save_to_disk`."""
    return (folder / "dataset_info.json").is_file() or (folder / "dataset_dict.json").is_file()


def read_rows(folder: Path) -> Iterator[Row]:
    """All rows, without their audio.

    Raises:
        SavedDataError: `datasets` is not installed, or there is no column of audio.
    """
    for part, table in _tables(folder).items():
        plain = table.select_columns([name for name in ("category", "text") if name in table.column_names])
        for number in range(len(table)):
            entry = plain[number]
            text = entry.get("text")
            yield Row(part, number, str(entry.get("category") or part), None if text is None else str(text))


def read_row(folder: Path, part: str, number: int, rate: int) -> Audio:
    """The recording of a row: mono, at `rate`."""
    entry = _tables(folder)[part][number]["audio"]
    if entry.get("array") is not None:
        samples = np.asarray(entry["array"], np.float32)
        return resample(Audio.from_samples(samples, int(entry["sampling_rate"])).to_mono(), rate)
    if entry.get("bytes") is not None:
        return read_mono(io.BytesIO(entry["bytes"]), rate)[0]
    return read_mono(Path(entry["path"]), rate)[0]


@cache
def _tables(folder: Path) -> Mapping[str, Any]:
    try:
        import datasets
    except ImportError:
        needs = "a data set saved by datasets, which is not installed"
        raise SavedDataError(f"{folder} is {needs}: pip install 'hybrid-tok[bench]'") from None
    loaded = datasets.load_from_disk(str(folder))
    tables: dict[str, Any] = {"": loaded}
    if isinstance(loaded, datasets.DatasetDict):
        tables = {str(part): table for part, table in loaded.items()}
    for name, table in tables.items():
        if "audio" not in table.column_names:
            raise SavedDataError(f"{folder}: its part {name!r} has no column 'audio'")
        if isinstance(table.features["audio"], datasets.Audio):
            tables[name] = table.cast_column("audio", datasets.Audio(decode=False))
    return MappingProxyType(tables)
