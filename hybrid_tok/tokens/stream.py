"""`HybridStream`: the typed sequence between audio and ids.

A stream has the structure that `grammar.py` describes: channels of turns of items, with a time cursor that every item
starts at and moves, in frames of the codec. There is exactly one stream per id sequence: a stream that would have two
spellings (two adjacent pauses, an empty text run) is refused when it is made, so that ids -> stream -> ids and
stream -> ids -> stream are both identities.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hybrid_tok.core.events import EVENT_LABELS, EventLabel
from hybrid_tok.core.languages import LANGUAGES
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import StreamError

Timing: TypeAlias = Literal["locked", "free"]
Frame: TypeAlias = tuple[int, ...]
"""The units of one frame, one per codebook."""

VOICE_CODES = 16
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
        text: the words, as written; empty only where `pieces` spell nothing but a space.
        frames: how long the run lasts; None exactly when the stream's timing is free.
        prosody: of the run's (one) word, where prosody tokens are written.
        pieces: ids of the text tokenizer, only if they spell the text in another way than the tokenizer itself: a model
            may sample such ids, even invalid UTF-8 (`text` then has U+FFFD).
        language: the one in force, a code of `core.languages`; None only before the first text of its channel that has
            one.
    """

    text: str
    frames: int | None = None
    prosody: Prosody | None = None
    pieces: tuple[int, ...] | None = None
    language: str | None = None


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
    """Items of one speaker; `voice` is the speaker's voice code, at the first turn in the stream only."""

    speaker: int
    items: tuple[Item, ...] = ()
    voice: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """One audio channel: turns in order of their tags."""

    turns: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class PlacedItem:
    """An item with its frames, as the cursor places it."""

    item: Item
    span: Span
    channel: int
    speaker: int


@dataclass(frozen=True, slots=True)
class HybridStream:
    """The content of a recording, channel by channel.

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
        """The maximum of the cursor in any channel. In free timing text takes no time."""
        return max((placed.span.end for placed in self.placed()), default=0)

    @property
    def speakers(self) -> tuple[int, ...]:
        """All speakers with a turn, in order of their first one."""
        return tuple(dict.fromkeys(turn.speaker for channel in self.channels for turn in channel.turns))

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


def _check(stream: HybridStream) -> None:
    """Refuse a stream that has no spelling or more than one."""
    if stream.timing not in ("locked", "free"):
        raise StreamError(f"timing must be locked or free, not {stream.timing!r}")
    if not stream.channels:
        raise StreamError("a stream needs at least one channel, even an empty one")
    if (stream.timing == "locked") != (stream.remainder is not None):
        raise StreamError(f"{stream.timing} timing and remainder={stream.remainder}: locked has one, free has none")
    spoken: set[int] = set()
    furthest = 0
    for number, channel in enumerate(stream.channels):
        cursor = 0
        language: str | None = None
        previous_speaker: int | None = None
        for order, turn in enumerate(channel.turns):
            where = f"channel {number}, turn {order}"
            if turn.speaker == previous_speaker:
                raise StreamError(f"{where}: follows another turn of speaker {turn.speaker}; join them")
            _check_voice(turn, turn.speaker in spoken, where)
            spoken.add(turn.speaker)
            previous_speaker = turn.speaker
            previous: Item | None = None
            for item in turn.items:
                _check_item(item, previous, stream.timing, where)
                if isinstance(item, TextItem):
                    _check_language(item, language, where)
                    language = item.language
                cursor += item_frames(item)
                furthest = max(furthest, cursor)
                if cursor < 0:
                    raise StreamError(f"{where}: back over {-cursor} frames before the start")
                previous = item
    remainder = stream.remainder or 0
    if remainder < 0 or (remainder and not furthest):
        raise StreamError(f"a remainder of {remainder} samples in a last frame of {furthest} frames")


def _check_voice(turn: Turn, spoken: bool, where: str) -> None:
    if turn.speaker < 0:
        raise StreamError(f"{where}: speaker {turn.speaker}; they are numbered from 0")
    if turn.voice is None:
        return
    if spoken:
        raise StreamError(f"{where}: voice code of speaker {turn.speaker} after the speaker's first turn")
    if len(turn.voice) != VOICE_CODES:
        raise StreamError(f"{where}: a voice code has {VOICE_CODES} tokens, not {len(turn.voice)}")


def _check_item(item: Item, previous: Item | None, timing: Timing, where: str) -> None:
    if isinstance(item, TextItem):
        _check_text(item, previous, timing, where)
    elif isinstance(item, EventItem):
        if item.label not in EVENT_LABELS:
            raise StreamError(f"{where}: no event is called {item.label!r}; there are: {', '.join(EVENT_LABELS)}")
    elif isinstance(item, UnitItem):
        if not item.units:
            raise StreamError(f"{where}: an empty unit run; leave it out")
    elif isinstance(item, Pause | Back):
        name = type(item).__name__
        if timing == "free":
            raise StreamError(f"{where}: {name} in free timing, which has no places; leave it out")
        if item.frames < 1:
            raise StreamError(f"{where}: {name} of {item.frames} frames; leave it out")
        if isinstance(previous, Pause | Back):
            raise StreamError(f"{where}: {name} after {type(previous).__name__}; join them")
    else:
        raise StreamError(f"{where}: {type(item).__name__} is not an item of a stream")


def _check_text(item: TextItem, previous: Item | None, timing: Timing, where: str) -> None:
    if not (item.text if item.pieces is None else item.pieces):
        raise StreamError(f"{where}: an empty text run; leave it out")
    try:
        item.text.encode()
    except UnicodeEncodeError as error:
        raise StreamError(
            f"{where}: character {error.start} of {item.text!r} is a lone surrogate, no Unicode"
        ) from None
    if (timing == "locked") != (item.frames is not None):
        raise StreamError(f"{where}: text run {item.text!r} needs frames in locked timing, and none in free")
    if item.frames is not None and item.frames < 0:
        raise StreamError(f"{where}: text run {item.text!r} of {item.frames} frames")
    joins = isinstance(previous, TextItem) and previous.language == item.language and item.prosody is None
    if timing == "free" and joins:
        # Without a duration, a language tag or prosody between them nothing separates the pieces of two runs.
        raise StreamError(f"{where}: two adjacent text runs in free timing; join them")


def _check_language(item: TextItem, in_force: str | None, where: str) -> None:
    if item.language is not None and item.language not in LANGUAGES:
        raise StreamError(f"{where}: text run {item.text!r} in {item.language!r}, which is no code of a language")
    if item.language is None and in_force is not None:
        raise StreamError(f"{where}: text run {item.text!r} without a language after one in {in_force!r}; give it one")
