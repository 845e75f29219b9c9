"""A stream as text with tags, for people, and as JSON, for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from hybrid_tok.errors import StreamError, printable
from hybrid_tok.tokens.stream import (
    Back,
    Channel,
    EventItem,
    HybridStream,
    Item,
    Pause,
    Prosody,
    TextItem,
    Turn,
    UnitItem,
)

JSON_VERSION = 1
"""Changes whenever an older reader would misread the JSON."""


def format_stream(stream: HybridStream, max_frames: int | None = None) -> str:
    """The stream as readable text, a line per turn; for programs there is `stream_to_json`.

    Text cannot forge a tag: a backslash in it is doubled, `<|` is written `<\\\\|`, and unprintable characters are
    escaped as in Python.

    Args:
        max_frames: longer runs of units are cut there, with the number of omitted frames; None writes all.
    """
    lines: list[str] = []
    for number, channel in enumerate(stream.channels):
        language: str | None = None
        if len(stream.channels) > 1:
            lines.append(f"<|channel:{number}|>")
        for turn in channel.turns:
            parts = [f"<|speaker:{turn.speaker}|>"]
            if turn.voice is not None:
                parts.append(f"<|voice:{','.join(map(str, turn.voice))}|>")
            for item in turn.items:
                if isinstance(item, TextItem) and item.language != language:
                    language = item.language
                    parts.append(f"<|lang:{language}|>")
                parts.append(_format_item(item, max_frames))
            lines.append(" ".join(parts))
    if stream.remainder is not None:
        lines.append(f"<|end:{stream.remainder}|>")
    return "\n".join(lines)


def escape(text: str) -> str:
    """Text escaped so that it has no tags and no line breaks."""
    return printable(text.replace("\\", "\\\\").replace("<|", "<\\|"))


def _format_item(item: Item, max_frames: int | None) -> str:
    if isinstance(item, TextItem):
        bins = item.prosody
        prosody = "" if bins is None else f"<|prosody:{bins.pitch},{bins.energy},{bins.rate}|> "
        duration = "" if item.frames is None else f" <|duration:{item.frames}|>"
        return f"{prosody}{escape(item.text)}{duration}"
    if isinstance(item, Pause):
        return f"<|pause:{item.frames}|>"
    if isinstance(item, Back):
        return f"<|back:{item.frames}|>"
    label = item.label if isinstance(item, EventItem) else "units"
    frames = ["".join(f"<|u{k}:{unit}|>" for k, unit in enumerate(frame)) for frame in item.units[:max_frames]]
    left_out = len(item.units) - len(frames)
    return f"<|{label}|>{''.join(frames)}{f' .. {left_out} more frames .. ' if left_out else ''}<|/{label}|>"


def stream_to_json(stream: HybridStream) -> dict[str, Any]:
    """The stream as JSON values, from which `stream_from_json` makes an equal one. None values are left out."""
    data: dict[str, Any] = {"version": JSON_VERSION, "timing": stream.timing, "remainder": stream.remainder}
    data["channels"] = [
        [
            {"speaker": turn.speaker, "voice": turn.voice, "items": [_item_to_json(item) for item in turn.items]}
            for turn in channel.turns
        ]
        for channel in stream.channels
    ]
    return _plain(data)


def stream_from_json(data: Mapping[str, Any]) -> HybridStream:
    """The stream that `stream_to_json` wrote.

    Raises:
        StreamError: it is not such a stream, or of another version.
    """
    try:
        if data["version"] != JSON_VERSION:
            raise StreamError(f"stream JSON of version {data['version']!r}; this release reads version {JSON_VERSION}")
        channels = tuple(Channel(tuple(_turn_from_json(turn) for turn in turns)) for turns in data["channels"])
        return HybridStream(channels, data["timing"], _optional(_whole, data.get("remainder")))
    except KeyError as error:
        raise StreamError(f"not a stream in JSON: {error} is missing") from None
    except (TypeError, AttributeError) as error:
        raise StreamError(f"not a stream in JSON: {error}") from None


def _item_to_json(item: Item) -> dict[str, Any]:
    if isinstance(item, TextItem):
        bins = item.prosody
        prosody = None if bins is None else {"pitch": bins.pitch, "energy": bins.energy, "rate": bins.rate}
        data = {"type": "text", "text": item.text, "language": item.language, "frames": item.frames}
        return {**data, "prosody": prosody, "pieces": item.pieces}
    if isinstance(item, EventItem):
        return {"type": "event", "label": item.label, "units": item.units}
    if isinstance(item, UnitItem):
        return {"type": "units", "units": item.units}
    return {"type": "pause" if isinstance(item, Pause) else "back", "frames": item.frames}


def _plain(value: Any) -> Any:
    """As `json.loads(json.dumps(value))` gives it, without the fields that are None."""
    if isinstance(value, dict):
        return {name: _plain(field) for name, field in value.items() if field is not None}
    return [_plain(field) for field in value] if isinstance(value, list | tuple) else value


def _turn_from_json(data: Mapping[str, Any]) -> Turn:
    items = tuple(_item_from_json(item) for item in data["items"])
    return Turn(_whole(data["speaker"]), items, _optional(_wholes, data.get("voice")))


def _item_from_json(data: Mapping[str, Any]) -> Item:
    if data["type"] not in _READERS:
        raise StreamError(f"no item of a stream has the type {data['type']!r}; there are: {', '.join(_READERS)}")
    return _READERS[data["type"]](data)


def _text_from_json(data: Mapping[str, Any]) -> TextItem:
    bins = data.get("prosody")
    prosody = None if bins is None else Prosody(_whole(bins["pitch"]), _whole(bins["energy"]), _whole(bins["rate"]))
    frames, pieces = _optional(_whole, data.get("frames")), _optional(_wholes, data.get("pieces"))
    return TextItem(_string(data["text"]), frames, prosody, pieces, _optional(_string, data.get("language")))


def _frames_from_json(data: Mapping[str, Any]) -> tuple[tuple[int, ...], ...]:
    return tuple(_wholes(frame) for frame in data["units"])


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Item]] = MappingProxyType(
    {
        "text": _text_from_json,
        "event": lambda data: EventItem(data["label"], _frames_from_json(data)),
        "units": lambda data: UnitItem(_frames_from_json(data)),
        "pause": lambda data: Pause(_whole(data["frames"])),
        "back": lambda data: Back(_whole(data["frames"])),
    }
)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} where a string should be")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} where a whole number should be")
    return value


def _wholes(values: Any) -> tuple[int, ...]:
    return tuple(_whole(value) for value in values)


def _optional(read: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else read(value)
