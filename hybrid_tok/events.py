"""The event taxonomy and the names other systems give the same sounds."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

EventLabel: TypeAlias = Literal[
    "laugh",
    "breath",
    "sigh",
    "cough",
    "sneeze",
    "cry",
    "throat_clear",
    "gasp",
    "sniff",
    "yawn",
    "snore",
    "scream",
    "moan",
    "lip_smack",
    "other",
]
"""A labelled non-lexical vocalization. Filled pauses (um, uh) are words, not events."""

EVENT_LABELS: tuple[EventLabel, ...] = get_args(EventLabel)
"""The taxonomy in the order of its ids."""
