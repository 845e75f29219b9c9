"""SubRip subtitles: a number, `00:00:01,000 --> 00:00:02,500`, lines of text, an empty line; WebVTT has the same cues.

They have no confidences, and times only of whole subtitles: words that are read back are aligned again.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from hybrid_tok.core.annotations import Annotations
from hybrid_tok.core.timeline import Span, frame_to_seconds
from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.captions import captions
from hybrid_tok.formats.records import Document, SegmentRecord
from hybrid_tok.formats.source import Source, quoted
from hybrid_tok.formats.speakers import speaker_name
from hybrid_tok.formats.wording import as_words, named_speaker, without_notes

_ARROW = "-->"
_START = re.compile(r"(?:\d{1,9}[ \t]*(?:\r\n|\r|\n)[ \t]*)?\d{1,6}:\d{1,2}:\d{1,2}[,.]\d{1,9}[ \t]*-->")
_CLOCK = re.compile(r"(?:(\d{1,6}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?")


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines of text, with their tags, under a time range in seconds.

    Attributes:
        line: number of the line with the times.
    """

    start: float
    end: float
    line: int
    lines: tuple[str, ...]


def recognizes(source: Source) -> bool:
    """Whether it starts with a number and a range of times."""
    return _START.match(source.text.lstrip()[:200]) is not None


def read(source: Source, recording: str | None = None) -> Document:
    """The subtitles as segments, or as words where each is one; notes in brackets are labels.

    Raises:
        AnnotationError: a range of times is invalid.
    """
    segments = []
    for cue in read_cues(source):
        speaker, text = named_speaker(plain(" ".join(cue.lines)))
        segments.append(SegmentRecord(text, cue.start, cue.end, speaker, source.at(cue.line)))
    spoken, notes = without_notes(segments)
    words = as_words(spoken) if spoken else None
    return Document("SRT", words=words, segments=spoken if words is None else None, labels=notes, notes=notes)


def write(annotations: Annotations, name: str) -> str:
    """The words as subtitles of a line each, and the events between them in brackets."""
    blocks = []
    for number, caption in enumerate(captions(annotations), 1):
        speaker = "" if caption.speaker is None else f"[{speaker_name(caption.speaker)}]: "
        text = caption.text.replace(_ARROW, "->")
        blocks.append(f"{number}\n{time_range(caption.span, ',')}\n{speaker}{text}\n")
    return "\n".join(blocks)


def read_cues(source: Source) -> Iterator[Cue]:
    """The cues of a file: after a line with an arrow, lines up to an empty one. Lines between cues are ignored.

    Raises:
        AnnotationError: the times over a cue are invalid.
    """
    times: tuple[float, float, int] | None = None
    text: list[str] = []
    for number, line in source.lines():
        if _ARROW in line:
            if times is not None:  # no empty line between two cues: the last line before is the number of this one
                yield Cue(*times, tuple(text[:-1] if text and text[-1].strip().isdecimal() else text))
            times, text = (*_times(source, number, line), number), []
        elif times is not None and line.strip():
            text.append(line)
        elif times is not None:
            yield Cue(*times, tuple(text))
            times = None
    if times is not None:
        yield Cue(*times, tuple(text))


def _times(source: Source, number: int, line: str) -> tuple[float, float]:
    first, _, rest = line.partition(_ARROW)
    start, end = clock(first), clock((rest.split() or [""])[0])  # WebVTT has settings after it
    if start is None or end is None:
        found = quoted(line.strip())
        raise AnnotationError(
            f"{source.at(number)}: the times of a cue are like 00:00:01.000 --> 00:00:02.500, not {found}"
        )
    return start, end


def clock(text: str) -> float | None:
    """Seconds of a time such as 01:02:03,400 or 02:03.4; None for other text."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds, fraction = match.groups()
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return whole + (int(fraction) / 10 ** len(fraction) if fraction else 0.0)


def clock_text(frame: int, point: str) -> str:
    """The time of a frame boundary as 00:00:01.240."""
    seconds, milliseconds = divmod(round(frame_to_seconds(frame) * 1000), 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{milliseconds:03d}"


def time_range(span: Span, point: str) -> str:
    """The times over a cue."""
    return f"{clock_text(span.start, point)} {_ARROW} {clock_text(span.end, point)}"


def plain(text: str) -> str:
    """Text without its tags and escapes."""
    return html.unescape(re.sub(r"<[^<>]*>|\{\\[^{}]*\}", "", text))
