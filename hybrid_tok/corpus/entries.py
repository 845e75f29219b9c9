"""What is to be encoded: a recording, or a part of one, as a manifest names it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from hashlib import blake2b
from typing import Any

from hybrid_tok.core.annotations import Event, KnownAnnotations, Segment, SpeakerTurn, Word
from hybrid_tok.core.timeline import Span


@dataclass(frozen=True, slots=True)
class AudioPlace:
    """Where the audio of an entry is.

    Attributes:
        address: of a file: a local path, or any address of fsspec ("s3://bucket/talk.flac").
        byte_range: first byte and number of bytes in that file, where it is a tar that holds recordings.
        row, column: of an Arrow file of Hugging Face `datasets`, whose column has the bytes or the path of a recording.
        offset: seconds of the recording before the part to be encoded.
        duration: seconds of the part; None is the rest of the recording.
        whole: whether `duration` is said to be the whole recording's, so that a longer one is an error.
        channel: of the recording that is the part, counted from 0; None is the mix of all.
    """

    address: str
    byte_range: tuple[int, int] | None = None
    row: int | None = None
    column: str | None = None
    offset: float = 0.0
    duration: float | None = None
    whole: bool = False
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A recording, or a part of one, that becomes a row of a shard.

    Attributes:
        id: its name in the corpus; unique.
        audio: where its samples are.
        where: its place in the manifest, for messages: "train.jsonl, line 12".
        known: what the manifest knows about it; times are frames of 20 ms from the start of the part.
        language: that is spoken, a code of `core.languages`; None where the manifest does not say.
        speakers: names of the speakers that `known` numbers.
    """

    id: str
    audio: AudioPlace
    where: str
    known: KnownAnnotations = field(default_factory=KnownAnnotations)
    language: str | None = None
    speakers: tuple[str, ...] = ()

    @property
    def seconds(self) -> float | None:
        """Length as the manifest has it; None where only the file knows."""
        return self.audio.duration

    def to_json(self) -> dict[str, Any]:
        """For the plan of a corpus; what is None or empty, and what has its default, is left out."""
        audio = {
            one.name: value for one in fields(self.audio) if (value := getattr(self.audio, one.name)) != one.default
        }
        known = {name: value for name, value in asdict(self.known).items() if value is not None}
        written = {"id": self.id, "audio": audio, "where": self.where, "known": known}
        written |= {"language": self.language, "speakers": list(self.speakers)}
        return {name: value for name, value in written.items() if value not in (None, {}, [])}

    @classmethod
    def from_json(cls, written: dict[str, Any]) -> Entry:
        """The entry that `to_json` wrote."""
        audio = dict(written["audio"])
        if "byte_range" in audio:
            audio["byte_range"] = tuple(audio["byte_range"])
        return cls(
            id=written["id"],
            audio=AudioPlace(**audio),
            where=written["where"],
            known=_known(written.get("known", {})),
            language=written.get("language"),
            speakers=tuple(written.get("speakers", ())),
        )


def id_mark(id: str) -> int:
    """An id in 64 bits, by which the ids of a corpus are compared in memory."""
    return int.from_bytes(blake2b(id.encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line of a manifest that names no recording.

    Attributes:
        where: "train.jsonl, line 12".
        message: what is wrong with it.
    """

    where: str
    message: str


_PARTS: dict[str, type[Word] | type[Segment] | type[Event] | type[SpeakerTurn]] = {
    "words": Word,
    "segments": Segment,
    "events": Event,
    "turns": SpeakerTurn,
}


def _known(written: dict[str, Any]) -> KnownAnnotations:
    """Annotations from what `dataclasses.asdict` made of them."""
    parts: dict[str, Any] = {}
    for name, items in written.items():
        kind = _PARTS.get(name)
        if kind is None:  # stretches of speech, and of sound
            parts[name] = tuple(Span(**item) for item in items)
        else:
            parts[name] = tuple(kind(**{**item, "span": item["span"] and Span(**item["span"])}) for item in items)
    return KnownAnnotations(**parts)
