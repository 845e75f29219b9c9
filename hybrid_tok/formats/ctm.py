"""CTM, NIST's time-marked words: `recording channel start duration word [confidence]` (sclite; Kaldi, NeMo).

A line is a word; `;;` starts a comment. NeMo's forced aligner writes a space inside a word as `<space>` and leaves the
confidence out; other programs write NA. A file with several channels has a speaker on each, as telephone calls do.
"""

from __future__ import annotations

import re
from dataclasses import replace

from hybrid_tok.core.annotations import Annotations
from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.lines import about_one, field_name, number, seconds, split_fields, start_and_end, to_number
from hybrid_tok.formats.records import Document, WordRecord
from hybrid_tok.formats.source import Source, quoted
from hybrid_tok.formats.speakers import is_speaker_name, speaker_name

_SPACE = "<space>"
"""NeMo's spelling of a space inside a field."""
_CHANNEL = "1"
"""The channel of words whose speaker is not known."""
_BLANKS = re.compile(r"[ \t\r\n]+")


def recognizes(source: Source) -> bool:
    """Whether the first line that is not a comment has the fields of a word."""
    for _, line in source.lines():
        if line.strip() and not line.startswith(";;"):
            fields = split_fields(line)
            return len(fields) in (5, 6) and all(to_number(field) is not None for field in fields[2:4])
    return source.text.lstrip().startswith(";;")


def read(source: Source, recording: str | None = None) -> Document:
    """The words of a CTM file.

    Raises:
        AnnotationError: a line is invalid, or the file is about several recordings and none is this one.
    """
    lines: list[tuple[str, int, WordRecord]] = []
    for index, line in source.lines():
        if not line.strip() or line.startswith(";;"):
            continue
        fields, where = split_fields(line), source.at(index)
        if len(fields) not in (5, 6):
            form = "recording channel start duration word [confidence]"
            raise AnnotationError(f"{where}: a CTM line is '{form}', not {quoted(line)}")
        if fields[4].startswith("<ALT"):
            raise AnnotationError(f"{where}: alternatives ({quoted(fields[4])}) cannot be read; choose one")
        start, end = start_and_end(source, index, fields[2], fields[3])
        unstated = len(fields) == 5 or fields[5].upper() in ("NA", "<NA>", "-")
        stated = None if unstated else number(source, index, fields[5], "the confidence")
        word = WordRecord(fields[4].replace(_SPACE, " "), start, end, stated, fields[1], where)
        lines.append((fields[0], index, word))
    words = about_one(source, lines, recording)
    channels = {word.speaker for word in words}
    ours = any(is_speaker_name(channel) for channel in channels)  # written here: the plain channel has no speaker
    if ours or len(channels) == 1:
        words = [word if ours and is_speaker_name(word.speaker) else replace(word, speaker=None) for word in words]
    return Document("CTM", words=tuple(words))


def write(annotations: Annotations, name: str) -> str:
    """The words as CTM. A speaker known with the word is its channel."""
    lines = [";; hybrid-tok: recording channel start duration word confidence"]
    for word in annotations.words:
        channel = _CHANNEL if word.speaker is None else speaker_name(word.speaker)
        times = f"{seconds(word.span.start)} {seconds(word.span.frames)}"
        text = _BLANKS.sub(_SPACE, word.text)
        lines.append(f"{field_name(name)} {channel} {times} {text} {float(word.confidence)!r}")
    return "\n".join(lines) + "\n"
