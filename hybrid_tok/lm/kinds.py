"""What each id of a sequence is: a language model's own text, a word that was said, a unit, a tag."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.tokens.idspace import IdSpace


class Kind(IntEnum):
    """Kinds of ids; what is inside `<|audio|>` and `<|/audio|>` is of the last five."""

    PADDING = 0
    OWN_TEXT = 1
    """The language model's own text: prompts and answers."""
    BOUNDARY = 2
    """`<|audio|>` and `<|/audio|>`."""
    WORDS = 3
    """Words that were said."""
    UNITS = 4
    EVENTS = 5
    """Where an event begins and ends."""
    VOICE = 6
    """Voice codes and prosody."""
    STRUCTURE = 7
    """Speakers, channels, languages, pauses, lengths, the end."""


def kinds_of(space: IdSpace, ids: Sequence[int] | NDArray[np.integer]) -> NDArray[np.int8]:
    """The `Kind` of each id (N,) of one sequence; ids beyond the space, as padding in labels is (-100), are padding."""
    ids = np.asarray(ids, np.int64).reshape(-1)
    table = np.full(space.size + 1, Kind.STRUCTURE, np.int8)
    table[-1] = Kind.PADDING
    for part, kind in (
        (space.pad, Kind.PADDING),
        (space.text_range, Kind.OWN_TEXT),
        (space.audio_open, Kind.BOUNDARY),
        (space.audio_close, Kind.BOUNDARY),
        (space.voice_open, Kind.VOICE),
        (space.voice_codes, Kind.VOICE),
        *((part, Kind.VOICE) for part in space.prosody),
        (space.event_open, Kind.EVENTS),
        (space.event_close, Kind.EVENTS),
        *((part, Kind.UNITS) for part in (*space.units, space.merged)),
    ):
        table[part.start : part.stop] = kind
    known = (ids >= 0) & (ids < space.size)
    kinds = table[np.where(known, ids, space.size)]
    depth = np.cumsum(ids == space.audio_open.start) - np.cumsum(ids == space.audio_close.start)
    kinds[(depth > 0) & (kinds == Kind.OWN_TEXT)] = Kind.WORDS
    return kinds
