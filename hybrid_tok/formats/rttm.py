"""RTTM, NIST's rich transcription time marks: who speaks when (pyannote, NeMo, dscore).

`SPEAKER recording channel start duration <NA> <NA> name <NA> <NA>`; `;;` starts a comment. Of the other types, NON-LEX
lines are vocal events, and NO_RT_METADATA says that a stretch has no turns, which is how none at all are written: a
file without lines, or with comments, cannot be read by everybody. The rest is left out.
"""

from __future__ import annotations

from hybrid_tok.core.annotations import Annotations
from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.lines import about_one, field_name, seconds, split_fields, start_and_end
from hybrid_tok.formats.records import Document, LabelRecord, TurnRecord
from hybrid_tok.formats.source import Source, quoted
from hybrid_tok.formats.speakers import speaker_name

_NOBODY = "NO_RT_METADATA"
_TYPES = frozenset(
    f"SPEAKER SPKR-INFO SEGMENT NOSCORE {_NOBODY} LEXEME NON-LEX NON-SPEECH FILLER EDIT IP SU CB A/P".split()
)
"""The types of NIST's specification (RT-09)."""


def recognizes(source: Source) -> bool:
    """Whether the first line that is no comment has one of the types."""
    for _, line in source.lines():
        if line.strip() and not line.startswith(";"):
            return (split_fields(line) or [""])[0] in _TYPES
    return False


def read(source: Source, recording: str | None = None) -> Document:
    """The turns and vocal events of an RTTM file.

    Raises:
        AnnotationError: a line is no such line, or the file is about several recordings and none is this one.
    """
    lines: list[tuple[str, int, TurnRecord | LabelRecord]] = []
    told = False  # whether the file says who speaks, or that nobody was told apart
    for index, line in source.lines():
        fields, where = split_fields(line), source.at(index)
        if not fields or line.startswith(";"):
            continue
        if fields[0] not in _TYPES:
            raise AnnotationError(f"{where}: {quoted(fields[0])} is no type of an RTTM line, such as SPEAKER")
        told = told or fields[0] in ("SPEAKER", _NOBODY)
        if fields[0] not in ("SPEAKER", "NON-LEX"):
            continue
        if not 8 <= len(fields) <= 10:
            raise AnnotationError(f"{where}: an RTTM line has 9 or 10 fields, not {len(fields)}")
        start, end = start_and_end(source, index, fields[3], fields[4])
        is_turn = fields[0] == "SPEAKER"
        said = TurnRecord(fields[7], start, end, where) if is_turn else LabelRecord(fields[6], start, end, None, where)
        lines.append((fields[1], index, said))
    chosen = about_one(source, lines, recording)
    labels = tuple(said for said in chosen if isinstance(said, LabelRecord))
    turns = tuple(said for said in chosen if isinstance(said, TurnRecord))
    return Document("RTTM", labels=labels or None, turns=turns if told else None)


def write(annotations: Annotations, name: str) -> str:
    """The turns as RTTM."""
    recording = field_name(name)
    lines = [
        f"SPEAKER {recording} 1 {seconds(turn.span.start)} {seconds(turn.span.frames)} "
        f"<NA> <NA> {speaker_name(turn.speaker)} <NA> <NA>\n"
        for turn in annotations.turns
    ]
    nobody = f"{_NOBODY} {recording} 1 0.00 {seconds(annotations.frames)} <NA> <NA> <NA> <NA> <NA>\n"
    return "".join(lines) or nobody
