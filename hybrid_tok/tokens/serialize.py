"""From a stream to its ids."""

from __future__ import annotations

from itertools import chain, islice
from operator import eq

import numpy as np

from hybrid_tok.core.events import EVENT_LABELS
from hybrid_tok.core.languages import writes_spaces
from hybrid_tok.errors import StreamError
from hybrid_tok.tokens.idspace import BASE, LANGUAGE_CODES, MAX_NUMBER, IdRange, IdSpace
from hybrid_tok.tokens.parts import MAX_REPEATS
from hybrid_tok.tokens.stream import EventItem, Frame, HybridStream, Item, Pause, TextItem, Turn, UnitItem


def serialize(space: IdSpace, stream: HybridStream) -> list[int]:
    """The ids of a stream.

    Raises:
        StreamError: the stream has something that this space or its layout has no ids for; the message says where.
    """
    options = space.options
    if stream.timing != options.timing:
        raise StreamError(f"the stream's timing is {stream.timing}, the vocabulary's {options.timing}")
    if options.run_length and (repeats := _repeats(stream)) > MAX_REPEATS:
        raise StreamError(f"{repeats} repeated frames, more than a stream may have ({MAX_REPEATS})")
    ids: list[int] = []
    for number, channel in enumerate(stream.channels):
        if len(stream.channels) > 1:
            ids.append(_tag(space.channels, number))
        language: str | None = None
        for order, turn in enumerate(channel.turns):
            try:
                ids += _turn(space, turn, language)
            except StreamError as error:
                raise StreamError(f"channel {number}, turn {order}: {error}") from None
            language = _language_after(turn, language)
    return ids if stream.remainder is None else ids + spell_end(space, stream.remainder)


def spell_end(space: IdSpace, remainder: int) -> list[int]:
    """The end of a locked stream: how many samples its last frame has."""
    if remainder >= space.options.hop:
        raise StreamError(f"a remainder of {remainder} samples is not below the hop of {space.options.hop}")
    high, low = divmod(remainder, BASE)
    return [space.end.start, space.numbers.start + high, space.numbers.start + low]


def _turn(space: IdSpace, turn: Turn, language: str | None) -> list[int]:
    ids = spell_turn(space, turn.speaker, turn.voice)
    for item in turn.items:
        if isinstance(item, TextItem) and item.language is not None and item.language != language:
            language = item.language
            ids.append(spell_language(space, language))
        ids += spell_item(space, item)
    return ids


def spell_turn(space: IdSpace, speaker: int, voice: tuple[int, ...] | None) -> list[int]:
    """The ids that begin a turn: the speaker's tag, and the voice code if there is one."""
    ids = [_tag(space.speakers, speaker)]
    if voice is not None:
        ids.append(space.voice_open.start)
        ids += [_tag(space.voice_codes, code) for code in voice]
    return ids


def spell_language(space: IdSpace, language: str) -> int:
    """The tag of a language."""
    return space.languages.start + LANGUAGE_CODES.index(language)


def _language_after(turn: Turn, language: str | None) -> str | None:
    """The language in force after a turn."""
    return next((item.language for item in reversed(turn.items) if isinstance(item, TextItem)), language)


def spell_item(space: IdSpace, item: Item) -> list[int]:
    """The ids of an item, without a language tag before it."""
    layout = space.options.layout
    if layout == "units" and not isinstance(item, UnitItem):
        raise StreamError(f"the units layout has no {type(item).__name__}")
    if isinstance(item, TextItem):
        return _text(space, item)
    if isinstance(item, EventItem):
        label = EVENT_LABELS.index(item.label)
        frames = spell_frames(space, item.units, space.options.event_width)
        return [space.event_open.start + label, *frames, space.event_close.start + label]
    if isinstance(item, UnitItem):
        return [
            space.units_open.start,
            *spell_frames(space, item.units, space.options.num_codebooks),
            space.units_close.start,
        ]
    return [(space.pause if isinstance(item, Pause) else space.back).start, *_number(space, item.frames)]


def _text(space: IdSpace, item: TextItem) -> list[int]:
    ids: list[int] = []
    if item.prosody is not None:
        if not space.options.prosody:
            raise StreamError("this vocabulary writes no prosody")
        bins = (item.prosody.pitch, item.prosody.energy, item.prosody.rate)
        ids += [_tag(part, value) for part, value in zip(space.prosody, bins, strict=True)]
    start = space.text_range.start
    ids += [start + piece for piece in spell_pieces(space, item)]
    if item.frames is not None:
        ids += _number(space, item.frames)
    return ids


def spell_pieces(space: IdSpace, item: TextItem) -> list[int]:
    """The pieces of a text, numbered as in the text tokenizer.

    Raises:
        StreamError: its own pieces are none that spell it.
    """
    text, spaced = space.text, writes_spaces(item.language)
    spelled = text.encode(item.text, spaced) if item.text else []
    if item.pieces is None:
        return spelled
    pieces = list(item.pieces)
    if not all(0 <= piece < text.size and piece not in text.silent for piece in pieces):
        raise StreamError(f"pieces of {item.text!r} that {text.name} has not, or that spell nothing")
    if text.decode(pieces, spaced) != item.text:
        raise StreamError(f"pieces that spell {text.decode(pieces, spaced)!r}, not {item.text!r}")
    if pieces == spelled:
        raise StreamError(f"pieces of {item.text!r} that are what {text.name} writes anyway; leave them out")
    return pieces


def spell_frames(space: IdSpace, frames: tuple[Frame, ...], width: int) -> list[int]:
    """The ids of a run of frames of so many units each.

    Raises:
        StreamError: the space has no ids for them.
    """
    if frames and space.options.layout == "text":
        raise StreamError("the text layout has no units")
    codes = _codes(space, frames, width)
    if (merges := space.options.unit_merges) is not None:
        ids, at = list[int](), 0
        for unit in merges.encode(frames):
            if isinstance(unit, int):
                ids.append(space.merged.start + unit)
                at += merges.lengths[unit]
            else:
                ids += codes[at].tolist()
                at += 1
        return ids
    if not space.options.run_length or len(frames) < 2:
        return codes.ravel().tolist()
    firsts = np.flatnonzero(np.concatenate([[True], (codes[1:] != codes[:-1]).any(1)]))
    repeats = np.diff(firsts, append=len(frames)) - 1
    distinct, written = codes[firsts].ravel().tolist(), 0
    ids = list[int]()
    repeating = np.flatnonzero(repeats)
    for frame, count in zip(repeating.tolist(), repeats[repeating].tolist(), strict=True):
        ids += distinct[written : (frame + 1) * width]
        ids += _number(space, count)
        written = (frame + 1) * width
    return ids + distinct[written:]


def _repeats(stream: HybridStream) -> int:
    """Frames that are equal to the one before in the same item."""
    items = (item for channel in stream.channels for turn in channel.turns for item in turn.items)
    runs = (item.units for item in items if isinstance(item, EventItem | UnitItem))
    return sum(sum(map(eq, run, islice(run, 1, None))) for run in runs)


def _codes(space: IdSpace, frames: tuple[Frame, ...], width: int) -> np.ndarray:
    """The ids of frames [frames, width], repetitions too."""
    for found in set(map(len, frames)) - {width}:
        raise StreamError(f"a frame of {found} units, but this vocabulary writes {width} here")
    units = list(chain.from_iterable(frames))
    try:
        codes = np.array(units, np.int64).reshape(-1, width)
    except OverflowError:
        codes = np.full((1, width), -1)
    if ((codes < 0) | (codes >= space.options.codebook_size)).any():
        for index, unit in enumerate(units):
            _tag(space.units[index % width], unit)  # raises at the first that is outside
    return codes + space.first_units[:width]


def _number(space: IdSpace, value: int) -> list[int]:
    if value > MAX_NUMBER:
        raise StreamError(f"{value} frames, more than a number can say ({MAX_NUMBER})")
    digits = [space.numbers.start + value % BASE]
    while value := value // BASE:
        digits.insert(0, space.numbers.start + value % BASE)
    return digits


def _tag(part: IdRange, index: int) -> int:
    if not 0 <= index < part.size:
        raise StreamError(f"{part.name} {index} is outside this vocabulary's 0..{part.size - 1}")
    return part.start + index
