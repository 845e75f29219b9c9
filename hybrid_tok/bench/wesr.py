"""WESR-Bench (arXiv 2601.04508): vocal events as tags at their places in a transcript.

A line of its JSONL is `{"audio": {"path": ..}, "sentence": ..}`. In a sentence `[laughter]` is an event between words,
and `<laughing> .. </laughing>` an event over words. Its labels are finer than ours: they are compared as ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from hybrid_tok.bench.words import normalize
from hybrid_tok.core.events import EventLabel
from hybrid_tok.core.languages import writes_spaces
from hybrid_tok.tokens.stream import EventItem, HybridStream, TextItem

LABELS: Mapping[str, EventLabel] = MappingProxyType(
    {
        "laughter": "laugh",
        "laughing": "laugh",
        "laugh": "laugh",
        "chuckle": "laugh",
        "giggle": "laugh",
        "inhale": "breath",
        "exhale": "breath",
        "breath": "breath",
        "breathing": "breath",
        "panting": "breath",
        "sigh": "sigh",
        "cough": "cough",
        "sneeze": "sneeze",
        "cry": "cry",
        "crying": "cry",
        "sobbing": "cry",
        "sob": "cry",
        "clear_throat": "throat_clear",
        "throat_clearing": "throat_clear",
        "gasp": "gasp",
        "sniff": "sniff",
        "sniffle": "sniff",
        "yawn": "yawn",
        "snore": "snore",
        "scream": "scream",
        "shouting": "other",
        "moan": "moan",
        "groan": "moan",
        "lip_smack": "lip_smack",
        "tongue_click": "lip_smack",
        "singing": "other",
        "whispering": "other",
    }
)
"""Names of tags, as ours; others are `other`."""

_NAMES: Mapping[EventLabel, str] = MappingProxyType(
    {"laugh": "laughter", "breath": "inhale", "throat_clear": "clear_throat"}
)
"""Our labels as tags, where they are called something else."""

_TAG = re.compile(r"\[([a-zA-Z][\w ,'-]*)\]|<(/?)([a-zA-Z][\w '-]*)>")
NEAR = 1
"""Words by which a tag may be misplaced and still count as found."""


@dataclass(frozen=True, slots=True)
class Tag:
    """An event in a transcript.

    Attributes:
        first, last: words before its start and before its end; equal for an event between words.
    """

    label: EventLabel
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Tagged:
    """A sentence: its words, normalized, and its tags in order of their starts."""

    words: tuple[str, ...]
    tags: tuple[Tag, ...]


def has_tags(sentence: str) -> bool:
    """Whether a transcript has a tag of an event that is known by name."""
    return any((match[1] or match[3]).lower().replace(" ", "_") in LABELS for match in _TAG.finditer(sentence))


def strip_tags(sentence: str) -> str:
    """The words alone."""
    return " ".join(_TAG.sub(" ", sentence).split())


def read_tags(sentence: str, language: str = "en") -> Tagged:
    """Words and tags of a sentence. A span that never ends goes to the last word; an end without a start is left out.

    Args:
        language: of the words, which says what a word is (`bench.words.normalize`).
    """
    words: list[str] = []
    tags: list[Tag] = []
    open_at: list[tuple[EventLabel, int]] = []
    at = 0
    for match in _TAG.finditer(sentence):
        words += normalize(sentence[at : match.start()], language)
        at = match.end()
        label = LABELS.get((match[1] or match[3]).lower().replace(" ", "_").replace("-", "_"), "other")
        if match[1]:
            tags.append(Tag(label, len(words), len(words)))
        elif not match[2]:
            open_at.append((label, len(words)))
        else:
            start = next((one for one in reversed(open_at) if one[0] == label), None)
            if start is not None:
                open_at.remove(start)
                tags.append(Tag(label, start[1], len(words)))
    words += normalize(sentence[at:], language)
    tags += [Tag(label, first, len(words)) for label, first in open_at]
    return Tagged(tuple(words), tuple(sorted(tags, key=lambda tag: (tag.first, tag.last))))


def tag_hits(reference: Tagged, found: Tagged) -> int:
    """Tags that were found at their places: the same label, its words (those of the reference that are aligned with
    what was found) overlapping, or at most `NEAR` words away. Each tag counts once."""
    places = _places(reference.words, found.words)
    left = list(reference.tags)
    hits = 0
    for tag in found.tags:
        first, last = places[tag.first], places[tag.last]
        near = [one for one in left if one.label == tag.label and one.first - NEAR <= last and first <= one.last + NEAR]
        if near:
            left.remove(min(near, key=lambda one: abs(one.first - first)))
            hits += 1
    return hits


def tag_of(label: EventLabel) -> str:
    """The name of its tag for an event."""
    return _NAMES.get(label, label)


def sentence_of(stream: HybridStream) -> str:
    """A stream as a sentence with tags, all its speakers in order of time; units without a label are not shown."""
    placed = sorted(stream.placed(), key=lambda one: one.span.start)
    items = [one.item for one in placed if isinstance(one.item, TextItem | EventItem)]
    parts: list[str] = []
    for item in items:
        if isinstance(item, EventItem):
            parts.append(f"[{tag_of(item.label)}]")
        else:
            parts.append(item.text)
    spaced = all(writes_spaces(item.language or "en") for item in items if isinstance(item, TextItem))
    return (" " if spaced else "").join(parts)


def to_line(path: str, sentence: str) -> str:
    """A line of its JSONL."""
    return json.dumps({"audio": {"path": path}, "sentence": sentence}, ensure_ascii=False)


def _places(reference: Sequence[str], found: Sequence[str]) -> list[int]:
    """(found words + 1,): how many words of the reference lie before each boundary between found words."""
    import jiwer

    if not reference or not found:
        return [0] * len(found) + [len(reference)]
    places = [0] * (len(found) + 1)
    for chunk in jiwer.process_words(" ".join(reference), " ".join(found)).alignments[0]:
        for index in range(chunk.hyp_start_idx, chunk.hyp_end_idx):
            aligned = index - chunk.hyp_start_idx if chunk.type != "insert" else 0
            places[index] = chunk.ref_start_idx + aligned
    places[-1] = len(reference)
    return places
