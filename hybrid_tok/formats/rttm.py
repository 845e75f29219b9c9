"""RTTM, NIST's rich transcription time marks: who speaks when (pyannote, NeMo, dscore).

`SPEAKER recording channel start duration <NA> <NA> name <NA> <NA>`; `;;` starts a comment. Of the other types, NON-LEX
lines are vocal events, and NO_RT_METADATA marks a stretch without turns. It is also written if there are none at all,
since some programs cannot read a file without lines, or with comments. The rest is ignored.
"""

from __future__ import annotations

from hybrid_tok.core.annotations import Annotations
from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.lines import about_one, field_name, seconds, split_fields, start_and_end
from hybrid_tok.formats.records import Document, LabelRecord, TurnRecord
from hybrid_tok.formats.source import Source, quoted
from hybrid_tok.formats.speakers import speaker_name

_NO_TURNS = "NO_RT_METADATA"
_TYPES = frozenset(
    f"SPEAKER SPKR-INFO SEGMENT NOSCORE {_NO_TURNS} LEXEME NON-LEX NON-SPEECH FILLER EDIT IP SU CB A/P".split()
)
"""The types of NIST's specification (RT-09)."""


def recognizes(source: Source) -> bool:
    """Whether the first line that is not a comment has one of the types."""
    for _, line in source.lines():
        if line.strip() and not line.startswith(";"):
            return (split_fields(line) or [""])[0] in _TYPES
    return False


def read(source: Source, recording: str | None = None) -> Document:
    """The turns and vocal events of an RTTM file.

    Raises:
        AnnotationError: a line is invalid, or the file is about several recordings and none is this one.
    """
    lines: list[tuple[str, int, TurnRecord | LabelRecord]] = []
    known = False  # whether the file has turns, or says that it has none
    for index, line in source.lines():
        fields, where = split_fields(line), source.at(index)
        if not fields or line.startswith(";"):
            continue
        if fields[0] not in _TYPES:
            raise AnnotationError(f"{where}: {quoted(fields[0])} is not a type of an RTTM line, such as SPEAKER")
        known = known or fields[0] in ("SPEAKER", _NO_TURNS)
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
    return Document("RTTM", labels=labels or None, turns=turns if known else None)


def write(annotations: Annotations, name: str) -> str:
    """The turns as RTTM."""
    recording = field_name(name)
    lines = [
        f"SPEAKER {recording} 1 {seconds(turn.span.start)} {seconds(turn.span.frames)} "
        f"<NA> <NA> {speaker_name(turn.speaker)} <NA> <NA>\n"
        for turn in annotations.turns
    ]
    no_turns = f"{_NO_TURNS} {recording} 1 0.00 {seconds(annotations.frames)} <NA> <NA> <NA> <NA> <NA>\n"
    return "".join(lines) or no_turns
