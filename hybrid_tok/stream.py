"""`HybridStream`: the typed sequence between audio and ids.

A stream is what the grammar of `grammar.py` describes, as values: channels of turns of items, with a time cursor
on the 20 ms grid that every item starts at and moves. There is exactly one stream per id sequence: a stream that
has two spellings (two adjacent pauses, an empty text run) is refused when it is made, so that
ids -> stream -> ids and stream -> ids -> stream are both identities.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from hybrid_tok.errors import StreamError
from hybrid_tok.events import EventLabel
from hybrid_tok.timeline import Span

Timing: TypeAlias = Literal["locked", "free"]
Frame: TypeAlias = tuple[int, ...]
"""The units of one frame, one per codebook."""

VOICE_CODES = 8
"""A voice code is this many tokens."""


@dataclass(frozen=True, slots=True)
class Prosody:
    """Pitch, energy and rate of a word relative to the speaker's mean, as bin numbers."""

    pitch: int
    energy: int
    rate: int


@dataclass(frozen=True, slots=True)
class TextItem:
    """Consecutive words of one speaker written as text.

    Attributes:
        text: the words, as written; never empty.
        frames: how long the run lasts; None exactly when the stream's timing is free.
        prosody: of the run's (one) word, where prosody tokens are written.
        pieces: ids of the text tokenizer, only where they spell the text otherwise than the tokenizer itself would: a
            model may sample such, also ones that are not valid UTF-8 (`text` then has U+FFFD).
    """

    text: str
    frames: int | None = None
    prosody: Prosody | None = None
    pieces: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class EventItem:
    """A labelled vocalization; lasts as long as its units, or no time when they are left out."""

    label: EventLabel
    units: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitItem:
    """A stretch written as units without a label; never empty."""

    units: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Pause:
    """Moves the cursor forward over silence."""

    frames: int


@dataclass(frozen=True, slots=True)
class Back:
    """Moves the cursor back, so that the next item overlaps what was written before."""

    frames: int


Item: TypeAlias = TextItem | EventItem | UnitItem | Pause | Back


@dataclass(frozen=True, slots=True)
class Turn:
    """Items of one speaker; `voice` describes the speaker at the first turn he has in the stream."""

    speaker: int
    items: tuple[Item, ...] = ()
    voice: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """One audio channel: turns in order of their tags."""

    turns: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class PlacedItem:
    """An item with the place the cursor gave it."""

    item: Item
    span: Span
    channel: int
    speaker: int


@dataclass(frozen=True, slots=True)
class HybridStream:
    """What a recording says, channel by channel.

    Attributes:
        channels: at least one.
        timing: whether text runs and silences carry their length.
        remainder: locked timing only: samples in the last, partial frame, below the codec's hop; 0 when that frame is
            whole. None when free.
    """

    channels: tuple[Channel, ...]
    timing: Timing = "locked"
    remainder: int | None = 0

    def __post_init__(self) -> None:
        _check(self)

    @property
    def frames(self) -> int:
        """The furthest the cursor got in any channel. In free timing text counts as no time."""
        return max((placed.span.end for placed in self.placed()), default=0)

    def placed(self) -> Iterator[PlacedItem]:
        """Every item with the frames it covers, in order of writing (`Back` covers none)."""
        for number, channel in enumerate(self.channels):
            cursor = 0
            for turn in channel.turns:
                for item in turn.items:
                    if isinstance(item, Back):
                        cursor -= item.frames
                        yield PlacedItem(item, Span(cursor, cursor), number, turn.speaker)
                    else:
                        end = cursor + item_frames(item)
                        yield PlacedItem(item, Span(cursor, end), number, turn.speaker)
                        cursor = end


def item_frames(item: Item) -> int:
    """How far an item moves the cursor, in frames; negative for `Back`."""
    if isinstance(item, TextItem):
        return item.frames or 0
    if isinstance(item, Pause):
        return item.frames
    if isinstance(item, Back):
        return -item.frames
    return len(item.units)


def format_stream(stream: HybridStream) -> str:
    """The stream as a person reads it, a line per turn. For people: programs take `stream_to_json`.

    Text cannot forge a tag: `<|` in it is written `<\\|`.
    """
    lines: list[str] = []
    for number, channel in enumerate(stream.channels):
        if len(stream.channels) > 1:
            lines.append(f"<|channel:{number}|>")
        for turn in channel.turns:
            voice = "" if turn.voice is None else "".join(["<|voice|>", *(f"<|v{i}:{v}|>" for i, v in enumerate(turn.voice))])
            lines.append(" ".join([f"<|speaker:{turn.speaker}|>{voice}", *map(_format_item, turn.items)]))
    if stream.remainder is not None:
        lines.append(f"<|end:{stream.remainder}|>")
    return "\n".join(lines)


def _format_item(item: Item) -> str:
    if isinstance(item, TextItem):
        prosody = "" if item.prosody is None else f"<|prosody:{item.prosody.pitch},{item.prosody.energy},{item.prosody.rate}|>"
        duration = "" if item.frames is None else f"<|{item.frames}|>"
        return f"{prosody}{item.text.replace('<|', '<' + chr(92) + '|')}{duration}"
    if isinstance(item, Pause):
        return f"<|pause:{item.frames}|>"
    if isinstance(item, Back):
        return f"<|back:{item.frames}|>"
    units = "".join(f"<u{'.'.join(map(str, frame))}>" for frame in item.units)
    label = item.label if isinstance(item, EventItem) else "units"
    return f"<|{label}|>{units}<|/{label}|>"


JSON_VERSION = 1


def stream_to_json(stream: HybridStream) -> dict[str, Any]:
    """The stream as JSON-able values; `stream_from_json` gives the same stream back."""

    def item(value: Item) -> dict[str, Any]:
        kind = next(name for name, made in _ITEM_KINDS.items() if type(value) is made)
        return {"kind": kind, **{name: field for name, field in asdict(value).items() if field is not None}}

    return {
        "version": JSON_VERSION,
        "timing": stream.timing,
        "remainder": stream.remainder,
        "channels": [
            [
                {"speaker": turn.speaker, "voice": turn.voice, "items": [item(value) for value in turn.items]}
                for turn in channel.turns
            ]
            for channel in stream.channels
        ],
    }


def stream_from_json(data: dict[str, Any]) -> HybridStream:
    """The stream that `stream_to_json` wrote.

    Raises:
        StreamError: it is not such a stream, or of another version.
    """
    try:
        if data["version"] != JSON_VERSION:
            raise StreamError(f"stream JSON of version {data['version']}, not {JSON_VERSION}: written by another release")
        channels = tuple(
            Channel(
                tuple(
                    Turn(turn["speaker"], tuple(map(_item_from_json, turn["items"])), _tuple(turn["voice"]))
                    for turn in channel
                )
            )
            for channel in data["channels"]
        )
        return HybridStream(channels, data["timing"], data["remainder"])
    except (KeyError, TypeError) as error:
        raise StreamError(f"not a stream in JSON: {type(error).__name__} {error}") from error


def _item_from_json(data: dict[str, Any]) -> Item:
    fields = {name: value for name, value in data.items() if name != "kind"}
    if "units" in fields:
        fields["units"] = tuple(map(tuple, fields["units"]))
    if "prosody" in fields:
        fields["prosody"] = Prosody(**fields["prosody"])
    if "pieces" in fields:
        fields["pieces"] = tuple(fields["pieces"])
    return _ITEM_KINDS[data["kind"]](**fields)


def _tuple(values: list[int] | None) -> tuple[int, ...] | None:
    return None if values is None else tuple(values)


_ITEM_KINDS: dict[str, type[Item]] = {
    "text": TextItem,
    "event": EventItem,
    "units": UnitItem,
    "pause": Pause,
    "back": Back,
}


def _check(stream: HybridStream) -> None:
    """Refuse what has no spelling or more than one."""
    if not stream.channels:
        raise StreamError("a stream needs at least one channel, even an empty one")
    locked = stream.timing == "locked"
    if locked != (stream.remainder is not None):
        raise StreamError(f"{stream.timing} timing and remainder={stream.remainder}: locked has one, free has none")
    spoken: set[int] = set()
    for number, channel in enumerate(stream.channels):
        where = f"channel {number}"
        cursor = 0
        previous_speaker: int | None = None
        for turn in channel.turns:
            if turn.speaker == previous_speaker:
                raise StreamError(f"{where}: two adjacent turns of speaker {turn.speaker}; join them")
            if turn.voice is not None:
                if turn.speaker in spoken:
                    raise StreamError(f"{where}: voice code of speaker {turn.speaker} after the speaker's first turn")
                if len(turn.voice) != VOICE_CODES:
                    raise StreamError(f"{where}: a voice code has {VOICE_CODES} tokens, not {len(turn.voice)}")
            spoken.add(turn.speaker)
            previous_speaker = turn.speaker
            previous: Item | None = None
            for item in turn.items:
                _check_item(item, previous, locked, where)
                cursor += item_frames(item)
                if cursor < 0:
                    raise StreamError(f"{where}: back over {-cursor} frames before the start")
                previous = item


def _check_item(item: Item, previous: Item | None, locked: bool, where: str) -> None:
    if isinstance(item, TextItem):
        if not item.text:
            raise StreamError(f"{where}: an empty text run")
        if locked != (item.frames is not None):
            raise StreamError(f"{where}: text run {item.text!r} needs frames in locked timing and none in free")
        if not locked and isinstance(previous, TextItem) and item.prosody is None:
            # Without a duration or prosody between them nothing separates the pieces of two runs.
            raise StreamError(f"{where}: two adjacent text runs in free timing; join them")
        if item.frames is not None and item.frames < 0:
            raise StreamError(f"{where}: text run of {item.frames} frames")
    elif isinstance(item, UnitItem):
        if not item.units:
            raise StreamError(f"{where}: an empty unit run")
    elif isinstance(item, Pause | Back):
        if not locked:
            raise StreamError(f"{where}: {type(item).__name__} in free timing, which has no places")
        if item.frames < 1:
            raise StreamError(f"{where}: {type(item).__name__} of {item.frames} frames; leave it out")
        if isinstance(previous, Pause | Back):
            raise StreamError(f"{where}: {type(item).__name__} after {type(previous).__name__}; join them")
