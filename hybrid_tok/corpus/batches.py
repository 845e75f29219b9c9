"""What of a shard is encoded at once: recordings of similar length together, long ones piece by piece.

A batch is what is lost when a process is killed, and what workers share out among themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from hybrid_tok.core.timeline import FRAME_RATE, Grid
from hybrid_tok.corpus.entries import Entry
from hybrid_tok.errors import OptionsError


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How large batches are.

    Attributes:
        seconds: of audio in a batch; a longer recording is a batch by itself.
        recordings: in a batch at most.
        piece: seconds of the pieces that a long recording is cut into; each ends in the quietest place within
            `search` seconds around.
        longest: seconds from which a recording is long.
        search: seconds before and after the end of a piece in which a quiet place is looked for.
    """

    seconds: float = 120.0
    recordings: int = 32
    piece: float = 600.0
    longest: float = 1800.0
    search: float = 30.0

    def __post_init__(self) -> None:
        if not self.seconds > 0.0:
            raise OptionsError(f"a batch needs more than 0 s of audio, not {self.seconds:g} (--batch-minutes)")
        if not 0.0 < 4.0 * self.search <= self.piece <= self.longest:
            raise OptionsError(
                f"pieces of {self.piece:g} s, looked for within {self.search:g} s, of recordings over "
                f"{self.longest:g} s: a piece must be 4 times as long as its search at least, and no longer than those"
            )


@dataclass(frozen=True, slots=True)
class Part:
    """A recording in a batch, or a piece of one.

    Attributes:
        entry: its place in the shard.
        piece, pieces: which of how many.
    """

    entry: int
    piece: int = 0
    pieces: int = 1


def batches_of(entries: Sequence[Entry], options: BatchOptions, grid: Grid) -> list[tuple[Part, ...]]:
    """The batches of a shard: the same for the same entries. Those of unknown length come first, then the longest."""
    batches: list[tuple[Part, ...]] = []
    open_batch: list[Part] = []
    seconds = 0.0
    order = sorted(range(len(entries)), key=lambda place: (-(entries[place].seconds or math.inf), place))
    for place in order:
        pieces = count_pieces(entries[place], options, grid)
        if pieces > 1:
            batches += [(Part(place, piece, pieces),) for piece in range(pieces)]
            continue
        length = entries[place].seconds or options.seconds / 8
        if open_batch and (seconds + length > options.seconds or len(open_batch) == options.recordings):
            batches.append(tuple(open_batch))
            open_batch, seconds = [], 0.0
        open_batch.append(Part(place))
        seconds += length
    if open_batch:
        batches.append(tuple(open_batch))
    return batches


def count_pieces(entry: Entry, options: BatchOptions, grid: Grid) -> int:
    """How many pieces a recording is cut into.

    It stays whole if its length is not known, if a text without times goes with it, which only the whole can be aligned
    to, or if several speakers are known, whose numbers hold for the whole.
    """
    seconds = entry.seconds
    untimed = any(segment.span is None for segment in entry.known.segments or ())
    several = len({turn.speaker for turn in entry.known.turns or ()}) > 1
    if seconds is None or seconds <= options.longest or untimed or several:
        return 1
    step = grid_step(grid)
    if step > options.search:  # no two places in reach
        return 1
    return max(1, round(seconds / options.piece))


def grid_step(grid: Grid) -> Fraction:
    """Seconds between the times that are on the grid of annotations and on the codec's: pieces begin there."""
    first, second = Fraction(1, FRAME_RATE), 1 / grid.frame_rate
    return Fraction(
        math.lcm(first.numerator * second.denominator, second.numerator * first.denominator),
        first.denominator * second.denominator,
    )
