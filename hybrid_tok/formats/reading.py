"""Words, speakers and events from a file of any format, on the time grid of a recording."""

from __future__ import annotations

import warnings
from pathlib import Path

from hybrid_tok.core.annotations import Annotations, KnownAnnotations, SpeakerTurn
from hybrid_tok.core.timeline import FRAME_RATE
from hybrid_tok.errors import AnnotationError, AnnotationWarning
from hybrid_tok.formats.detect import read_document
from hybrid_tok.formats.json_text import with_lines
from hybrid_tok.formats.place import Placer, numbers_of
from hybrid_tok.formats.records import Document, TurnRecord
from hybrid_tok.formats.source import Source, read_source
from hybrid_tok.formats.speakers import speaker_name, turns_of_words


def read_words(path: str | Path, frames: int, recording: str | None = None) -> KnownAnnotations:
    """Words with their times, or segments of text if the file has only those. A file with speakers gives the turns too.

    Args:
        frames: length of the recording on the 20 ms grid.
        recording: name of the audio file without folder and suffix; picks it out of a file about several.

    Raises:
        AnnotationError: the file is damaged, of no known format, has no words, or is another recording's.

    Warns:
        AnnotationWarning: times were repaired; those words have a low confidence.
    """
    source = read_source(path)
    with with_lines(source):
        document = _read(source, frames, recording)
        if isinstance(document, Annotations):
            return KnownAnnotations(words=document.words, turns=document.turns or None)
        spoken = document.words if document.words is not None else document.segments
        if spoken is None:
            raise _lacks(source, document, "words")
        if not spoken:
            empty = f"{document.format} without a single word or segment; is it of this format at all?"
            raise AnnotationError(f"{path}: {empty}")
        placer = Placer(source, document, frames)
        for note in document.notes:
            placer.report("note", note.where, f"{note.label!r} is a note, not a word; left out")
        if document.words is not None:
            words = placer.words(document.words)
            given = KnownAnnotations(words=words, turns=turns_of_words(words) or None)
        else:
            segments = placer.segments(document.segments or ())
            turns = Placer(source, document, frames).turns(_speaking(document))  # its reports are those of the segments
            given = KnownAnnotations(segments=segments, turns=turns or None)
        placer.warn()
        return given


def read_speakers(path: str | Path, frames: int, recording: str | None = None) -> KnownAnnotations:
    """Who speaks when; arguments, errors and warnings as of `read_words`."""
    source = read_source(path)
    with with_lines(source):
        document = _read(source, frames, recording)
        if isinstance(document, Annotations):
            return KnownAnnotations(turns=document.turns)
        placer = Placer(source, document, frames)
        turns = _turns(document, placer)
        if turns is None:
            raise _lacks(source, document, "speakers")
        placer.warn()
        return KnownAnnotations(turns=turns)


def speaker_numbers(path: str | Path, recording: str | None = None) -> dict[str, int]:
    """The numbers that the speakers named in a file get; arguments and errors as of `read_words`."""
    source = read_source(path)
    with with_lines(source):
        document = read_document(source, recording)
    if isinstance(document, Annotations):
        said = (*document.words, *document.turns)
        return {speaker_name(one.speaker): one.speaker for one in said if one.speaker is not None}
    return numbers_of(document)


def read_events(path: str | Path, frames: int, recording: str | None = None) -> KnownAnnotations:
    """Vocal events; arguments, errors and warnings as of `read_words`. A label that is not the name of an event, ours
    or of a published system, becomes an event `other`, with a warning."""
    source = read_source(path, empty=Path(path).suffix.lower() == ".txt")
    if not source.text.strip():
        warnings.warn(f"{path}: is empty: no events", AnnotationWarning, 2)  # as Audacity writes a track without labels
        return KnownAnnotations(events=())
    with with_lines(source):
        document = _read(source, frames, recording)
        if isinstance(document, Annotations):
            return KnownAnnotations(events=document.events)
        if document.labels is None:
            raise _lacks(source, document, "events")
        if not document.labels and document.segments is not None and not document.segments:
            raise AnnotationError(f"{path}: {document.format} with nothing in it; is it of this format at all?")
        placer = Placer(source, document, frames)
        events = placer.events(document.labels)
        placer.warn()
        return KnownAnnotations(events=events)


def read_annotations(path: str | Path, frames: int) -> KnownAnnotations:
    """Everything, from a JSON file written here.

    Raises:
        AnnotationError: it is not such a file, damaged, or of a recording of another length.
    """
    source = read_source(path)
    with with_lines(source):
        document = _read(source, frames, None)
        if not isinstance(document, Annotations):
            said = f"{document.format}, not annotations written by hybrid-tok; {_instead(document)}"
            raise AnnotationError(f"{path}: {said}")
        return KnownAnnotations.everything(document)


def _read(source: Source, frames: int, recording: str | None) -> Document | Annotations:
    if frames < 0:
        raise ValueError(f"a recording has at least 0 frames, not {frames}")
    document = read_document(source, recording)
    if isinstance(document, Annotations) and document.frames != frames:
        raise AnnotationError(
            f"{source.path}, $.frames: of a recording of {document.frames / FRAME_RATE:g} s, but this one has "
            f"{frames / FRAME_RATE:g} s; give the file of this recording"
        )
    return document


def _speaking(document: Document) -> list[TurnRecord]:
    """Turns, from segments with speakers."""
    said = document.segments or ()
    return [TurnRecord(one.speaker, one.start, one.end, one.where) for one in said if one.speaker is not None]


def _turns(document: Document, placer: Placer) -> tuple[SpeakerTurn, ...] | None:
    """Who speaks when, from the best source in a document."""
    if document.turns is not None:
        return placer.turns(document.turns)
    if document.words is not None and any(word.speaker is not None for word in document.words):
        return turns_of_words(placer.words(document.words))
    speaking = _speaking(document)
    return placer.turns(speaking) if speaking else None


def _lacks(source: Source, document: Document, what: str) -> AnnotationError:
    return AnnotationError(f"{source.path}: {document.format} without {what}; {_instead(document)}")


def _instead(document: Document) -> str:
    names = ("words", "segments", "events", "speakers")
    parts = zip(names, (document.words, document.segments, document.labels, document.turns), strict=True)
    has = ", ".join(name for name, part in parts if part is not None) or "nothing"
    return f"give it for what it has ({has})"
