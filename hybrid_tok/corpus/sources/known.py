"""What a manifest says about a recording, as known annotations: times are seconds from the start of its part.

The rules are those of annotation files (`formats.place`): what lies a little outside is cut, words that overlap share
the time, events of unknown names are `other`. Here nothing is said about it: a manifest may have 10^8 lines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from hybrid_tok.core.annotations import KnownAnnotations, Segment, SpeakerTurn
from hybrid_tok.core.languages import find_language
from hybrid_tok.core.timeline import FRAME_RATE, Span
from hybrid_tok.corpus.entries import BadLine
from hybrid_tok.errors import AnnotationError, HybridTokError
from hybrid_tok.formats import nemo
from hybrid_tok.formats.annotation_files import check_length
from hybrid_tok.formats.json_text import Node
from hybrid_tok.formats.place import LATEST, Placer, numbers_of
from hybrid_tok.formats.records import Document, LabelRecord, TurnRecord
from hybrid_tok.formats.source import Source, quoted
from hybrid_tok.formats.speakers import speaker_name, turns_of_words
from hybrid_tok.formats.whisper_json import read_speaker

TEXT_NAMES = ("text", "sentence", "transcription")
LANGUAGE_NAMES = ("language", "lang")

_UNKNOWN = frozenset({"", "und", "unknown"})
"""How a manifest says that it does not know the language (ISO 639-2)."""

_ENDLESS = 1 << 36
"""Frames of a recording whose length is not known: more than any time in a manifest."""

_TIMED = ("timestamp", "timestamps", "timestep")


@dataclass(frozen=True, slots=True)
class Described:
    """What is known about a recording; attributes as of `Entry`."""

    known: KnownAnnotations
    language: str | None
    speakers: tuple[str, ...]


def describe(node: Node, seconds: float | None, where: str) -> Described:
    """What an object of JSON says: `text`, `language`, `speaker`, `words` or timestamps as NeMo has them, `events`.

    Args:
        node: the object; its times are from the start of the part.
        seconds: of the part, where they are known.
        where: the line, for messages.

    Raises:
        AnnotationError: a value is of another kind, or impossible.
    """
    language = read_language(node)
    timed = _timed(node)
    document = Document("a line", labels=read_events(node), language=language)
    if timed is not None:
        document = Document("a line", timed.words, timed.segments, document.labels, language=language)
    text = node.first(*TEXT_NAMES)
    return place(document, seconds, where, "" if text is None else text.text(), read_speaker(node))


def place(
    document: Document, seconds: float | None, where: str, text: str = "", speaker: str | None = None
) -> Described:
    """A document on the grid of a part.

    Args:
        text: what is said in all of the part, where the document has neither words nor segments.
        speaker: who says it, where the document has none.

    Raises:
        AnnotationError: a value is impossible.
    """
    frames = _ENDLESS if seconds is None else math.ceil(round(seconds * FRAME_RATE, 6))
    placer = Placer(Source(where, ""), document, frames)
    numbers = numbers_of(document)
    words = segments = turns = None
    if document.words is not None:
        words = placer.words(document.words)
        turns = turns_of_words(words) or None
    elif document.segments is not None:
        segments = placer.segments(document.segments)
    elif text.strip():
        number = None if speaker is None else 0
        segments = (Segment(text.strip(), None, number, where, document.language),)
        if seconds is not None:
            check_length(segments[0], frames)
    if document.turns is not None:
        turns = placer.turns(document.turns)
    elif turns is None and segments is not None:
        spoken = [TurnRecord(one.speaker, one.start, one.end) for one in document.segments or () if one.speaker]
        turns = placer.turns(spoken) or None
    if not numbers and speaker is not None and frames:
        numbers, turns = {speaker: 0}, (SpeakerTurn(0, Span(0, frames)),)
    events = None if document.labels is None else placer.events(document.labels)
    return Described(KnownAnnotations(words, segments, events, turns), document.language, _names(numbers))


def read_events(node: Node) -> tuple[LabelRecord, ...] | None:
    """`events`: objects of `label`, `start`, `end` and, where there is one, `confidence`."""
    listed = node.get("events")
    if listed is None:
        return None
    return tuple(
        LabelRecord(
            item.need("label").text(),
            item.need("start").number(),
            item.need("end").number(),
            None if (stated := item.get("confidence")) is None else stated.number(),
            item.where,
        )
        for item in listed.items()
    )


def read_language(node: Node) -> str | None:
    """The code of a language; None where the line says that it is not known.

    Raises:
        AnnotationError: there is no such language.
    """
    stated = node.first(*LANGUAGE_NAMES)
    if stated is None or stated.text().strip().lower() in _UNKNOWN:
        return None
    code = language_code(stated.text())
    if code is None:
        raise AnnotationError(
            f"{stated.where}: no known language is called {quoted(stated.text())}; give a code such as 'en', or leave "
            "it out"
        )
    return code


@lru_cache(maxsize=1024)
def language_code(name: str) -> str | None:
    """As `find_language`, which looks through all names, and manifests have the same few ones on all lines."""
    return find_language(name)


def read_seconds(node: Node, name: str) -> float | None:
    """A time that is not negative; None where there is none."""
    stated = node.get(name)
    if stated is None:
        return None
    seconds = stated.number()
    if not 0.0 <= seconds <= LATEST:
        raise AnnotationError(f"{stated.where}: must be seconds, 0 or more, not {seconds:g}")
    return seconds


def read_id(node: Node, *names: str) -> str | None:
    """The name of a recording in the corpus, a string or a whole number; None where the line has none."""
    stated = node.first(*names)
    if stated is None:
        return None
    written = str(stated.value) if type(stated.value) is int else stated.text()
    if not written.strip():
        raise AnnotationError(f"{stated.where}: is empty")
    return written


def line_node(value: object, where: str) -> Node:
    """A line as a value that knows its place.

    Raises:
        AnnotationError: it is no object.
    """
    node = Node(value, f"{where}, $")
    if not node.is_object:
        raise AnnotationError(f"{where}: must be an object, {{...}}")
    return node


def bad_line(where: str, error: HybridTokError | ValueError) -> BadLine:
    """An error as what is wrong with a line, without the line's place twice."""
    return BadLine(where, str(error).removeprefix(f"{where}, ").removeprefix(f"{where}: ").removeprefix("$: "))


def _timed(node: Node) -> Document | None:
    """Words or segments with times as NeMo has them; None where there are none. Other uses of the names are left."""
    listed = node.get("words")
    stamps = [stamp for name in _TIMED if (stamp := node.get(name)) is not None and stamp.is_object]
    there = (
        (listed is not None and listed.is_array and bool(listed.value) and isinstance(listed.value[0], dict))
        or node.first("timestamps_word", "timestamps_segment") is not None
        or any(stamp.first("word", "segment") is not None for stamp in stamps)
    )
    if not there:
        return None
    kept = {name: value for name, value in node.value.items() if name != "offset"}  # they are from the part's start
    return nemo.read([Node(kept, node.where)])


def _names(numbers: dict[str, int]) -> tuple[str, ...]:
    """The name of each number; names that are numbers already may leave some out."""
    names: Sequence[str] = [speaker_name(number) for number in range(max(numbers.values(), default=-1) + 1)]
    found = {number: name for name, number in numbers.items()}
    return tuple(found.get(number, name) for number, name in enumerate(names))
