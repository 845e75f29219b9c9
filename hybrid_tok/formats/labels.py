"""What other systems' names for vocal events mean here, and text in brackets that is no speech."""

from __future__ import annotations

import re
from functools import cache

from hybrid_tok.core.events import EVENT_LABELS, PUBLISHED_NAMES, EventLabel

_NOTE = re.compile(r"\[([^\[\]]{0,80})\]|\(([^()]{0,80})\)|[♪♫]+")
_MARKUP = re.compile(r"[<>\[\]()|*]")


def event_label(name: str) -> EventLabel | None:
    """The label of an event by its name here or in any published system, however it is bracketed; None: unknown."""
    return _names().get(_plain(name))


def split_notes(text: str) -> tuple[str, list[str]]:
    """The speech in a subtitle's text, and the notes about other sounds.

    What is in square brackets is a note, and so are the signs of music; what is in round brackets only where it names
    an event, since people also speak in parentheses.
    """
    notes: list[str] = []

    def taken(match: re.Match[str]) -> str:
        if match[2] is not None and event_label(match[2]) is None:
            return match[0]
        notes.append(match[0])
        return " "

    return _NOTE.sub(taken, text), notes


def is_note(word: str) -> bool:
    """Whether a word from Whisper is (part of) a note such as "[Music]", which it has learnt from subtitles."""
    return (
        word.startswith("[")
        or word.endswith("]")
        or "♪" in word
        or (word.startswith("(") and event_label(word) is not None)
    )


def _plain(name: str) -> str:
    return " ".join(_MARKUP.sub(" ", name).replace("_", " ").replace("-", " ").lower().split())


@cache
def _names() -> dict[str, EventLabel]:
    names: dict[str, EventLabel] = {}
    for system in PUBLISHED_NAMES.values():
        for name, label in system.items():
            names.setdefault(_plain(name), label)
    names.update((_plain(label), label) for label in EVENT_LABELS)
    return names
