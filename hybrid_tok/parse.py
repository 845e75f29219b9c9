"""From ids to a stream: items are put together while the automaton says what each id is."""

from __future__ import annotations

from collections.abc import Sequence

from hybrid_tok.events import EVENT_LABELS
from hybrid_tok.grammar import State
from hybrid_tok.idspace import BASE, IdSpace
from hybrid_tok.stream import (
    Back,
    Channel,
    EventItem,
    Frame,
    HybridStream,
    Item,
    Pause,
    Prosody,
    TextItem,
    Turn,
    UnitItem,
)


class StreamBuilder:
    """Takes ids in order, each with the state before it; gives the stream at the end.

    Every id it is fed must have been allowed by the grammar.
    """

    def __init__(self, space: IdSpace) -> None:
        self._space = space
        self._channels: list[Channel] = []
        self._turns: list[Turn] = []
        self._speaker = -1
        self._voice: list[int] = []
        self._items: list[Item] = []
        self._tokens: list[int] = []
        """Ids of the open item, its opening tag left out."""
        self._digits: list[int] = []
        self._prosody: list[int] = []
        self._frames: list[Frame] = []
        self._phase = ""
        self._event = -1

    def feed(self, state: State, token: int) -> None:
        """One more id, and the state it was read in."""
        space = self._space
        if token in space.numbers:
            self._digits.append(token - space.numbers.start)
        elif state.phase in ("event", "units") and token not in space.event_close and token not in space.units_close:
            self._count()
            self._tokens.append(token - space.units[len(self._tokens)].start)
            if len(self._tokens) == len(space.units):
                self._frames.append(tuple(self._tokens))
                self._tokens = []
        elif token in space.voice_codes:
            self._voice.append(token - space.voice_codes.start)
        elif space.is_piece(token) and state.phase in ("text", "prosody"):
            self._tokens.append(token)
        elif state.phase == "prosody" and any(token in part for part in space.prosody):
            self._prosody.append(token - space.prosody[len(self._prosody)].start)
        else:
            self._open(token)

    def finish(self) -> HybridStream:
        """The stream of all ids fed."""
        self._close_turn()
        channels = (*self._channels, Channel(tuple(self._turns)))
        if self._space.options.timing == "free":
            return HybridStream(channels, "free", None)
        return HybridStream(channels, "locked", self._number())

    def _open(self, token: int) -> None:
        space = self._space
        if token in space.channels:
            self._close_turn()
            if token > space.channels.start:
                self._channels.append(Channel(tuple(self._turns)))
            self._turns = []
        elif token in space.speakers:
            self._close_turn()
            self._speaker = token - space.speakers.start
        elif token in space.voice_open:
            self._voice = []
        else:
            self._close_item()
            if space.is_piece(token):
                self._phase, self._tokens = "text", [token]
            elif space.options.prosody and token in space.prosody[0]:
                self._phase, self._prosody = "text", [token - space.prosody[0].start]
            elif token in space.event_open:
                self._phase, self._event = "event", token - space.event_open.start
            elif token in space.units_open:
                self._phase, self._event = "units", -1
            elif token in space.pause:
                self._phase = "pause"
            elif token in space.back:
                self._phase = "back"

    def _close_item(self) -> None:
        """Make the item whose ids are complete."""
        if self._phase == "text":
            text = self._space.text.decode([token - self._space.text_range.start for token in self._tokens])
            pieces = tuple(token - self._space.text_range.start for token in self._tokens)
            spelled = text_pieces(self._space, text)
            self._items.append(
                TextItem(
                    text,
                    self._number() if self._space.options.timing == "locked" else None,
                    Prosody(*self._prosody) if self._prosody else None,
                    None if spelled == pieces else pieces,
                )
            )
        elif self._phase == "event":
            self._count()
            self._items.append(EventItem(EVENT_LABELS[self._event], tuple(self._frames)))
        elif self._phase == "units":
            self._count()
            self._items.append(UnitItem(tuple(self._frames)))
        elif self._phase == "pause":
            self._items.append(Pause(self._number()))
        elif self._phase == "back":
            self._items.append(Back(self._number()))
        self._phase, self._tokens, self._digits, self._prosody, self._frames = "", [], [], [], []

    def _close_turn(self) -> None:
        if self._phase:
            self._close_item()
        if self._speaker >= 0:
            self._turns.append(Turn(self._speaker, tuple(self._items), tuple(self._voice) or None))
        self._speaker, self._items, self._voice = -1, [], []

    def _count(self) -> None:
        """Repeat the last frame as often as the digits after it say."""
        if self._digits:
            self._frames += [self._frames[-1]] * self._number()
            self._digits = []

    def _number(self) -> int:
        return read_number(self._digits)


def text_pieces(space: IdSpace, text: str) -> tuple[int, ...] | None:
    """How the text tokenizer spells a text; None where it cannot."""
    try:
        return tuple(space.text.encode(text))
    except ValueError:
        return None


def read_number(digits: Sequence[int]) -> int:
    """Big-endian base-64 digits to the number they spell."""
    value = 0
    for digit in digits:
        value = value * BASE + digit
    return value
