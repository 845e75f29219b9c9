"""SubRip subtitles: a number, `00:00:01,000 --> 00:00:02,500`, lines of text, an empty line.

Nothing in them has confidences, and only the whole of a subtitle has times: words read back are aligned anew.
"""

from __future__ import annotations

import re

from hybrid_tok.core.annotations import Annotations
from hybrid_tok.formats.captions import captions
from hybrid_tok.formats.cues import ARROW, clock_text, named_speaker, plain, read_cues, without_notes
from hybrid_tok.formats.records import Document, SegmentRecord
from hybrid_tok.formats.source import Source
from hybrid_tok.formats.speakers import speaker_name
from hybrid_tok.formats.wording import as_words

_START = re.compile(r"(?:\d{1,9}[ \t]*(?:\r\n|\r|\n)[ \t]*)?\d{1,6}:\d{1,2}:\d{1,2}[,.]\d{1,9}[ \t]*-->")


def recognizes(source: Source) -> bool:
    """Whether it starts with a number and a range of times."""
    return _START.match(source.text.lstrip()[:200]) is not None


def read(source: Source, recording: str | None = None) -> Document:
    """The subtitles as segments, or as words where each is one; notes in brackets are labels.

    Raises:
        AnnotationError: a range of times is none.
    """
    segments = []
    for cue in read_cues(source):
        speaker, text = named_speaker(plain(" ".join(cue.lines)))
        segments.append(SegmentRecord(text, cue.start, cue.end, speaker, source.at(cue.line)))
    spoken, notes = without_notes(segments)
    words = as_words(spoken) if spoken else None
    return Document(
        "SRT",
        words=words,
        segments=tuple(spoken) if words is None else None,
        labels=tuple(notes),
        notes=tuple(notes),
    )


def write(annotations: Annotations, name: str) -> str:
    """The words as subtitles of a line each, and the events between them in brackets."""
    blocks = []
    for number, caption in enumerate(captions(annotations), 1):
        times = f"{clock_text(caption.span.start, ',')} {ARROW} {clock_text(caption.span.end, ',')}"
        speaker = "" if caption.speaker is None else f"[{speaker_name(caption.speaker)}]: "
        blocks.append(f"{number}\n{times}\n{speaker}{caption.text.replace(ARROW, '->')}\n")
    return "\n".join(blocks)
