"""What SRT and WebVTT share: cues, that is, lines of text with a time range over them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hybrid_tok.core.timeline import frame_to_seconds
from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.labels import split_notes
from hybrid_tok.formats.records import LabelRecord, SegmentRecord
from hybrid_tok.formats.source import Source, quoted

ARROW = "-->"
_CLOCK = re.compile(r"(?:(\d{1,6}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?")
_SPEAKER = re.compile(r"\s*(?:\[([^\[\]]{1,60})\]:|\((speaker [^()]{1,20})\)|(SPEAKER_\d{1,4}):)\s*")
"""How speakers are written before a subtitle: "[NAME]: " (WhisperX), "(speaker 0)" (whisper.cpp), "SPEAKER_00:"."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A cue as it is in the file.

    Attributes:
        line: number of the line with the times.
        lines: the text, with its tags.
    """

    start: float
    end: float
    line: int
    lines: tuple[str, ...]


def read_cues(source: Source) -> Iterator[Cue]:
    """The cues of a file: after a line with an arrow, lines up to an empty one. What lies between cues is left alone.

    Raises:
        AnnotationError: the times over a cue are none.
    """
    times: tuple[float, float, int] | None = None
    text: list[str] = []
    for number, line in source.lines():
        if ARROW in line:
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


def clock(text: str) -> float | None:
    """Seconds of a time such as 01:02:03,400 or 02:03.4; None where it is none."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds, fraction = match.groups()
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return whole + (int(fraction) / 10 ** len(fraction) if fraction else 0.0)


def clock_text(frame: int, point: str) -> str:
    """The time of a frame boundary as 00:00:01.240."""
    milliseconds = round(frame_to_seconds(frame) * 1000)
    seconds, milliseconds = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{milliseconds:03d}"


def plain(text: str) -> str:
    """Text without its tags and escapes."""
    return html.unescape(re.sub(r"<[^<>]*>|\{\\[^{}]*\}", "", text))


def named_speaker(text: str) -> tuple[str | None, str]:
    """The speaker written before a subtitle's text, and the text without."""
    match = _SPEAKER.match(text)
    if match is None:
        return None, text
    return next(group for group in match.groups() if group), text[match.end() :]


def without_notes(segments: list[SegmentRecord]) -> tuple[list[SegmentRecord], list[LabelRecord]]:
    """Segments with their speech alone, and the notes that stood in them."""
    kept: list[SegmentRecord] = []
    labels: list[LabelRecord] = []
    for segment in segments:
        text, notes = split_notes(segment.text)
        if text.strip():
            kept.append(replace(segment, text=text))
        labels.extend(LabelRecord(note, segment.start, segment.end, None, segment.where) for note in notes)
    return kept, labels


def _times(source: Source, number: int, line: str) -> tuple[float, float]:
    first, _, rest = line.partition(ARROW)
    second = (rest.split() or [""])[0]  # WebVTT has settings behind it
    start, end = clock(first), clock(second)
    if start is None or end is None:
        found = quoted(line.strip())
        raise AnnotationError(
            f"{source.at(number)}: the times of a cue are like 00:00:01.000 --> 00:00:02.500, not {found}"
        )
    return start, end
