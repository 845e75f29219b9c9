"""CTM, NIST's time-marked words: `recording channel start duration word [confidence]` (sclite; Kaldi, NeMo).

A line is a word; `;;` starts a comment. NeMo's forced aligner writes a space inside a word as `<space>` and leaves the
confidence out; other programs write NA. A file with several channels has a speaker on each, as telephone calls do.
"""

from __future__ import annotations

import re
from dataclasses import replace

from hybrid_tok.core.annotations import Annotations
from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats import numbers
from hybrid_tok.formats.one_recording import about_one, field_name
from hybrid_tok.formats.records import Document, WordRecord
from hybrid_tok.formats.source import Source, quoted
from hybrid_tok.formats.speakers import is_speaker_name, speaker_name

SPACE = "<space>"
"""NeMo's spelling of a space inside a field."""
_CHANNEL = "1"
"""The channel of words nobody is known to have said."""
_BLANKS = re.compile(r"[ \t\r\n]+")


def recognizes(source: Source) -> bool:
    """Whether the first line that is no comment has the fields of a word."""
    for _, line in source.lines():
        if line.strip() and not line.startswith(";;"):
            fields = split_fields(line)
            return len(fields) in (5, 6) and all(numbers.to_number(field) is not None for field in fields[2:4])
    return source.text.lstrip().startswith(";;")


def read(source: Source, recording: str | None = None) -> Document:
    """The words of a CTM file.

    Raises:
        AnnotationError: a line is no such line, or the file is about several recordings and none is this one.
    """
    lines: list[tuple[str, int, WordRecord]] = []
    for number, line in source.lines():
        if not line.strip() or line.startswith(";;"):
            continue
        fields = split_fields(line)
        if len(fields) not in (5, 6):
            raise AnnotationError(
                f"{source.at(number)}: a CTM line is 'recording channel start duration word [confidence]', "
                f"not {quoted(line)}"
            )
        if fields[4].startswith("<ALT"):
            raise AnnotationError(f"{source.at(number)}: alternatives ({quoted(fields[4])}) cannot be read; choose one")
        lines.append((fields[0], number, _word(source, number, fields)))
    words = about_one(source, lines, recording)
    channels = {word.speaker for word in words if word.speaker is not None}
    if any(is_speaker_name(channel) for channel in channels):  # written here: the plain channel is nobody's
        words = [word if is_speaker_name(word.speaker) else replace(word, speaker=None) for word in words]
    elif len(channels) == 1:
        words = [replace(word, speaker=None) for word in words]
    stated = any(word.confidence is not None for word in words)
    return Document("CTM", "stated" if stated else "none", words=tuple(words))


def write(annotations: Annotations, name: str) -> str:
    """The words as CTM. A speaker known with the word is its channel."""
    recording = field_name(name)
    lines = [";; hybrid-tok: recording channel start duration word confidence"]
    for word in annotations.words:
        channel = _CHANNEL if word.speaker is None else speaker_name(word.speaker)
        text = _BLANKS.sub(SPACE, word.text)
        times = f"{numbers.seconds(word.span.start)} {numbers.seconds(word.span.frames)}"
        lines.append(f"{recording} {channel} {times} {text} {numbers.confidence(word.confidence)}")
    return "\n".join(lines) + "\n"


def split_fields(line: str) -> list[str]:
    """Fields between blanks. Other Unicode spaces may be part of a word."""
    return [field for field in line.replace("\t", " ").split(" ") if field]


def _word(source: Source, number: int, fields: list[str]) -> WordRecord:
    start = numbers.number(source, number, fields[2], "the start")
    duration = numbers.number(source, number, fields[3], "the duration")
    if duration < 0:
        raise AnnotationError(f"{source.at(number)}: a duration must not be negative, as {fields[3]} is")
    stated = None
    if len(fields) == 6 and fields[5].upper() not in ("NA", "<NA>", "-"):
        stated = numbers.number(source, number, fields[5], "the confidence")
    return WordRecord(fields[4].replace(SPACE, " "), start, start + duration, stated, fields[1], source.at(number))
