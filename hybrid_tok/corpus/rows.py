"""What an entry becomes: a row of a shard, or a failure with its reason."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Reason: TypeAlias = Literal[
    "line", "duplicate", "missing", "unreadable", "duration", "annotations", "backend", "memory", "killed"
]
"""Why there is no row: a broken line of the manifest, an id that an earlier line has, no such file or no right to read
it, damaged audio, a duration that is not the file's, annotations that contradict the recording, a backend that failed,
too little memory, a process that ended while it encoded it."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A recording as ids, and what filters need to know about it.

    Attributes:
        id: of its entry.
        ids: tokens (n,), int32.
        seconds: that were encoded.
        columns: the figures.
    """

    id: str
    ids: NDArray[np.int32]
    seconds: float
    columns: Columns

    def to_json(self) -> dict[str, Any]:
        """Everything but the ids."""
        return {"id": self.id, "seconds": self.seconds, "tokens": len(self.ids), **asdict(self.columns)}

    @classmethod
    def from_json(cls, written: dict[str, Any], ids: NDArray[np.int32]) -> Row:
        """The row that `to_json` wrote, with its ids."""
        known = {field.name: written[field.name] for field in fields(Columns)}
        for name in ("languages", "events", "speakers"):
            known[name] = tuple(known[name])
        return cls(written["id"], ids, written["seconds"], Columns(**known))


@dataclass(frozen=True, slots=True)
class Columns:
    """The figures of a row.

    Attributes:
        text_share, unit_share, silence_share: of the time, in [0, 1].
        words: written as text; characters in Chinese and Japanese.
        text: the words as they are read, without events and units.
        languages: of the text, in order of first use.
        speakers: names of the speakers: those of the manifest, else "0", "1", ..
        events: labels of the events that are written, in order of time.
        confidence: mean probability that a recognized word is right; None without words.
        snr: level of speech above that of what is between, in dB; None without either.
        sample_rate, num_samples, channels: of the recording before it was mixed and resampled; of a part, its samples.
        codec_samples: at the codec's rate; what locked timing decodes to.
    """

    text_share: float
    unit_share: float
    silence_share: float
    words: int
    text: str
    languages: tuple[str, ...]
    speakers: tuple[str, ...]
    events: tuple[str, ...]
    confidence: float | None
    snr: float | None
    sample_rate: int
    num_samples: int
    channels: int
    codec_samples: int


@dataclass(frozen=True, slots=True)
class Failure:
    """An entry that has no row.

    Attributes:
        id: of the entry; None for a line that names none.
        where: its place in the manifest.
        audio: the address of its file.
        reason: its kind.
        message: one line: what was wrong.
    """

    where: str
    reason: Reason
    message: str
    id: str | None = None
    audio: str | None = None

    def to_json(self) -> dict[str, Any]:
        """For `errors.jsonl`."""
        return asdict(self)


Outcome: TypeAlias = "Row | Failure"


def json_line(value: Any) -> bytes:
    """A value as a line of JSON, the same bytes for the same value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class ShardInfo:
    """A finished shard, as the manifest of shards lists it.

    Attributes:
        name: "shard-000012".
        files: of the shard: name -> (bytes, SHA-256).
        rows, seconds, tokens: that it holds.
        failures: of its entries, in their order.
        fingerprint: of vocabulary, codec, backends and options.
    """

    name: str
    files: dict[str, tuple[int, str]]
    rows: int
    seconds: float
    tokens: int
    fingerprint: str
    failures: tuple[Failure, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, written: dict[str, Any]) -> ShardInfo:
        """The shard that `to_json` wrote."""
        files = {name: (int(size), str(digest)) for name, (size, digest) in written["files"].items()}
        failures = tuple(Failure(**failure) for failure in written["failures"])
        return cls(**{**written, "files": files, "failures": failures})
