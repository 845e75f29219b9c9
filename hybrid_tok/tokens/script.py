r"""Text with tags, as people and language models write it, to a stream in free timing.

    So funny <laugh> I can't. <speaker:1> Me neither [sighs]

- A sound is a tag with a label of the taxonomy, or with a name that another system has for it (`core.events`):
  `<chuckle>`, `<|Laughter|>`, `[clear throat]`, `(coughs)`. In angle brackets the name of any system will do, also
  written `<laugh/>`.
- `<speaker:1>` gives what follows to another speaker; it begins with speaker 0.
- Anything else that looks like a tag (`<` with a letter or bar after it, .. and `>`) is an error: a tag is never read
  aloud. Brackets that hold no sound, and `<` elsewhere ("a < b", "<3"), are text.
- A backslash before `<`, `[` or `(` makes it text: `\<laugh>`.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from hybrid_tok.core.events import EVENT_LABELS, PUBLISHED_NAMES, EventLabel
from hybrid_tok.errors import OptionsError, TextError, printable
from hybrid_tok.tokens.idspace import VocabularyOptions
from hybrid_tok.tokens.stream import Channel, EventItem, Frame, HybridStream, Item, TextItem, Turn

MAX_SPEAKERS = VocabularyOptions(codec="", codebook_size=2).max_speakers


@dataclass(frozen=True, slots=True)
class Tag:
    """A sound asked for: its label, and the tag as it was written."""

    label: EventLabel
    written: str


@dataclass(frozen=True, slots=True)
class Line:
    """What one speaker says: texts and sounds in their order, no two texts beside each other."""

    speaker: int
    parts: tuple[str | Tag, ...]


Units: TypeAlias = Callable[[EventLabel, int], tuple[Frame, ...]]
"""The units of a sound, given its label and how many of that label came before it."""


def read_script(text: str) -> tuple[Line, ...]:
    """The lines of a text with tags; white space is joined to single spaces. No line is empty, none follows another of
    its speaker.

    Raises:
        OptionsError: there is a tag that names no sound, or nothing to say.
        TextError: the text is not Unicode.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TextError(f"character {error.start} of the text is a lone surrogate, which is not Unicode") from None
    lines: list[tuple[int, list[str | Tag]]] = [(0, [])]
    for part in _parts(text):
        speaker, parts = lines[-1]
        if isinstance(part, int):
            if part != speaker:
                if not parts:
                    lines.pop()
                if lines and lines[-1][0] == part:
                    continue
                lines.append((part, []))
        elif isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] = f"{parts[-1]} {part}"
        else:
            parts.append(part)
    if not lines[-1][1]:
        lines.pop()
    if not lines:
        raise OptionsError("the text is empty: there is nothing to say")
    return tuple(Line(speaker, tuple(parts)) for speaker, parts in lines)


def stream_of_script(lines: tuple[Line, ...], language: str | None, units: Units) -> HybridStream:
    """Lines as a stream of one channel in free timing.

    Args:
        language: of all texts, a code of `core.languages`.
        units: gives each sound its units.
    """
    before: Counter[EventLabel] = Counter()
    turns: list[Turn] = []
    for line in lines:
        items: list[Item] = []
        for part in line.parts:
            if isinstance(part, str):
                items.append(TextItem(part, language=language))
            else:
                items.append(EventItem(part.label, units(part.label, before[part.label])))
                before[part.label] += 1
        turns.append(Turn(line.speaker, tuple(items)))
    return HybridStream((Channel(tuple(turns)),), "free", None)


def _parts(text: str) -> Iterator[str | Tag | int]:
    """Texts without white space around them, sounds, and speakers' numbers."""
    said: list[str] = []
    position = 0
    for found in _MARKUP.finditer(text):
        part = _read(found[0])
        said.append(text[position : found.start()])
        position = found.end()
        if isinstance(part, str):
            said.append(part)
            continue
        if spoken := " ".join("".join(said).split()):
            yield spoken
        said.clear()
        yield part
    said.append(text[position:])
    if spoken := " ".join("".join(said).split()):
        yield spoken


def _read(markup: str) -> str | Tag | int:
    """What a piece of markup stands for."""
    if markup[0] == "\\":
        return markup[1]
    if markup in _PUBLISHED:
        return Tag(_PUBLISHED[markup], markup)
    name = _plain(markup)
    shown = printable(" ".join(markup.split()))
    if speaker := re.fullmatch(r"speaker: ?([0-9]{1,9})", name):
        number = int(speaker[1])
        if number >= MAX_SPEAKERS:
            raise OptionsError(f"{shown}: speakers are numbered from 0 to {MAX_SPEAKERS - 1}")
        return number
    if name in _NAMES:
        return Tag(_NAMES[name], markup)
    near = [_NAMES[one] for one in difflib.get_close_matches(name.strip("/ "), _NAMES)]
    meant = [f"<{label}>" for label in dict.fromkeys(near) if label != "other"]
    names = f"did you mean {' or '.join(meant)}?" if meant else f"there are: {_listed()};"
    short = shown if len(shown) <= 40 else f"{shown[:36]}..>"
    raise OptionsError(f"no tag is called {short}: {names} to have it read as text, write a backslash before it")


def _plain(name: str) -> str:
    """A name without brackets, in small letters, words apart."""
    return " ".join(re.sub(r"[_\s-]+", " ", name.strip("<>|[]()").removesuffix("/")).lower().split())


def _listed() -> str:
    return ", ".join(f"<{label}>" for label in EVENT_LABELS if label != "other")


_PUBLISHED: Mapping[str, EventLabel] = MappingProxyType(
    {
        name: label
        for names in PUBLISHED_NAMES.values()
        for name, label in names.items()
        if name[0] in "<[("  # AudioSet's are words
    }
)


def _names() -> Iterator[tuple[str, EventLabel]]:
    """What may stand in angle brackets, and its label."""
    for names in PUBLISHED_NAMES.values():
        for name, label in names.items():
            yield _plain(name), label
    for label in EVENT_LABELS:
        yield _plain(label), label


_NAMES: Mapping[str, EventLabel] = MappingProxyType(dict(_names()))

_MARKUP = re.compile(
    r"\\[<\[(]"
    r"|<(?:\||/?[^\W\d_])[^<>]*(?<!\s)>"
    rf"|{'|'.join(re.escape(name) for name in sorted(_PUBLISHED) if name[0] != '<')}"
)
