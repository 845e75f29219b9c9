"""Our own JSON: everything `Annotations` holds, exactly.

Times are in seconds, for people and other programs; the grid has 50 frames per second, so that two decimals are exact.
It is read strictly: nothing is repaired, since a file that differs from what was written is damaged.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar, cast

from hybrid_tok.core.annotations import Annotations, Event, SpeakerTurn, Word
from hybrid_tok.core.events import EVENT_LABELS, EventLabel
from hybrid_tok.core.languages import LANGUAGES
from hybrid_tok.core.timeline import FRAME_RATE, Span, frame_to_seconds, seconds_to_frame
from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.json_text import Node
from hybrid_tok.formats.source import quoted

NAME = "hybrid-tok annotations"
VERSION = 1
_T = TypeVar("_T")


def recognizes(node: Node) -> bool:
    """Whether it has the signature."""
    return node.is_object and node.value.get("format") == NAME


def write(annotations: Annotations, name: str, seconds: float) -> str:
    """Annotations as JSON, a line for each word, event and stretch.

    Args:
        seconds: length of the recording; the grid's last frame may reach beyond it.
    """
    parts: dict[str, list[Any]] = {
        "speech": [list(_bounds(span).values()) for span in annotations.speech],
        "active": [list(_bounds(span).values()) for span in annotations.active],
        "words": [
            {"text": word.text, **_bounds(word.span), "confidence": float(word.confidence)}
            | {key: value for key in ("speaker", "language") if (value := getattr(word, key)) is not None}
            for word in annotations.words
        ],
        "events": [
            {"label": event.label, **_bounds(event.span), "confidence": float(event.confidence)}
            for event in annotations.events
        ],
        "turns": [{"speaker": turn.speaker, **_bounds(turn.span)} for turn in annotations.turns],
    }
    head = {"format": NAME, "version": VERSION, "recording": name, "seconds": seconds, "frames": annotations.frames}
    lines = [f"{_dump(key)}: {_dump(value)}" for key, value in head.items()]
    for key, items in parts.items():
        inside = ",\n".join(f"  {_dump(item)}" for item in items)
        lines.append(f"{_dump(key)}: [\n{inside}\n ]" if items else f"{_dump(key)}: []")
    return "{\n " + ",\n ".join(lines) + "\n}\n"


def read(node: Node) -> Annotations:
    """The annotations in a file.

    Raises:
        AnnotationError: something in it is not as we write it.
    """
    version = node.need("version").whole()
    if version != VERSION:
        raise AnnotationError(f"{node.where}.version: {version} is not {VERSION}, the one this release reads")
    frames = node.need("frames").whole()

    def items(name: str, make: Callable[[Node], _T], what: str, wrong: Callable[[_T, _T], bool]) -> tuple[_T, ...]:
        """The items of a list, no two neighbours of which may be wrong."""
        made = tuple(make(item) for item in node.need(name).items())
        for index, (before, after) in enumerate(pairwise(made), 1):
            if wrong(before, after):
                raise AnnotationError(f"{node.where}.{name}[{index}]: {what}")
        return made

    def span(item: Node) -> Span:
        return _span(item, item.need("start"), item.need("end"), frames)

    def pair(item: Node) -> Span:
        times = list(item.items())
        if len(times) != 2:
            raise AnnotationError(f"{item.where}: must be [start, end]")
        return _span(item, times[0], times[1], frames)

    def word(item: Node) -> Word:
        text, speaker, language = item.need("text"), item.get("speaker"), item.get("language")
        if not text.text() or text.text() != text.text().strip():
            raise AnnotationError(f"{text.where}: a word must be non-empty without surrounding space")
        if language is not None and language.text() not in LANGUAGES:
            raise AnnotationError(f"{language.where}: no language has the code {quoted(language.text())}")
        who = None if speaker is None else speaker.whole()
        return Word(text.text(), span(item), _confidence(item), who, None if language is None else language.text())

    def event(item: Node) -> Event:
        label = item.need("label")
        if label.text() not in EVENT_LABELS:
            names = ", ".join(EVENT_LABELS)
            raise AnnotationError(f"{label.where}: no event is called {quoted(label.text())}; there are: {names}")
        return Event(cast(EventLabel, label.text()), span(item), _confidence(item))

    def turn(item: Node) -> SpeakerTurn:
        return SpeakerTurn(item.need("speaker").whole(), span(item))

    def overlapping(before: Span, after: Span) -> bool:
        return after.start < before.end

    def disordered(before: Word | Event | SpeakerTurn, after: Word | Event | SpeakerTurn) -> bool:
        return after.span.start < before.span.start

    overlaps, order = "overlaps the one before it", "starts before the one before it; sort them by start"
    return Annotations(
        frames=frames,
        speech=items("speech", pair, overlaps, overlapping),
        active=items("active", pair, overlaps, overlapping),
        words=items("words", word, order, disordered),
        events=items("events", event, order, disordered),
        turns=items("turns", turn, order, disordered),
    )


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _bounds(span: Span) -> dict[str, float]:
    return {"start": frame_to_seconds(span.start), "end": frame_to_seconds(span.end)}


def _span(item: Node, start: Node, end: Node, frames: int) -> Span:
    latest = (frames + 1) / FRAME_RATE
    first, last = (seconds_to_frame(min(max(time.number(), -1.0), latest)) for time in (start, end))
    if not 0 <= first <= last <= frames:
        raise AnnotationError(
            f"{item.where}: {start.number():g} to {end.number():g} s is not within {frames / FRAME_RATE:g} s"
        )
    return Span(first, last)


def _confidence(item: Node) -> float:
    confidence = item.need("confidence")
    if not 0.0 <= confidence.number() <= 1.0:
        raise AnnotationError(f"{confidence.where}: must be from 0 to 1, not {confidence.number():g}")
    return confidence.number()
