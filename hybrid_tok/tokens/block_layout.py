"""The shape of a sequence of blocks: its channels, the length of a block, and the outside tokens that ride along."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor

from hybrid_tok.core.timeline import Grid
from hybrid_tok.errors import OptionsError

LONGEST_NAME = 200
"""Characters of an outside channel's name."""

MOST_IDS = 1 << 32
"""Ids of outside tokens are below this, so that a file can hold them."""


@dataclass(frozen=True, slots=True)
class OutsideChannel:
    """A channel of tokens that are not this vocabulary's, such as those of images.

    Attributes:
        name: what its tokens are given and found under.
        size: its tokens are 0 to size - 1.
        offset: the id of its token 0, not below the size of the vocabulary; `vocabulary.size` is the first free one.
    """

    name: str
    size: int
    offset: int

    def __post_init__(self) -> None:
        if not self.name or len(self.name) > LONGEST_NAME or not self.name.isprintable():
            raise OptionsError(f"{self.name[:40]!r} is no name of an outside channel: 1..{LONGEST_NAME} characters")
        if self.size < 1 or self.offset < 0 or self.offset + self.size > MOST_IDS:
            raise OptionsError(
                f"outside channel {self.name!r} of {self.size} ids from {self.offset} on: give at least one, "
                f"all in 0..{MOST_IDS - 1}"
            )

    def __contains__(self, token: int) -> bool:
        return self.offset <= token < self.offset + self.size

    def describe(self) -> str:
        """The name and the ids, for messages."""
        return f"{self.name} (ids {self.offset}..{self.offset + self.size - 1})"


@dataclass(frozen=True, slots=True)
class BlockLayout:
    """The shape of a sequence of blocks; a reader must know it.

    Attributes:
        channels: of speech.
        frames: of the codec in a block; 8 are 160 ms with the codec in the package.
        outside: channels of other tokens, after those of speech.
    """

    channels: int
    frames: int
    outside: tuple[OutsideChannel, ...] = ()

    def __post_init__(self) -> None:
        if self.channels < 1:
            raise OptionsError(f"blocks of {self.channels} channels: give at least 1")
        if self.frames < 1:
            raise OptionsError(f"a block of {self.frames} frames: give at least 1")
        for index, one in enumerate(self.outside):
            for other in self.outside[:index]:
                if one.name == other.name:
                    raise OptionsError(f"two outside channels are called {one.name!r}")
                if max(one.offset, other.offset) < min(one.offset + one.size, other.offset + other.size):
                    raise OptionsError(f"outside channels share ids: {other.describe()} and {one.describe()}")

    @property
    def rows(self) -> int:
        """Rows in a block."""
        return self.channels + len(self.outside)


def block_frames(seconds: float, grid: Grid) -> int:
    """The frames of a block that lasts about so long; at least one.

    Raises:
        OptionsError: it lasts no time.
    """
    if not 0.0 < seconds < float("inf"):
        raise OptionsError(f"a block must last more than 0 s, not {seconds:g} s (--block)")
    return max(floor(seconds * grid.frame_rate + 0.5), 1)


def outside_tokens(tokens: Iterable[tuple[float, int]], grid: Grid) -> tuple[tuple[int, int], ...]:
    """Outside tokens with times in seconds, as (frame, token): the frame of the codec in which each time is."""
    return tuple((floor(seconds * grid.frame_rate), token) for seconds, token in tokens)
