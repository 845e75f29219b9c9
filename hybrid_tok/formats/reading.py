"""Words, speakers and events from a file of any format, on the time grid of a recording."""

from __future__ import annotations

import warnings
from pathlib import Path

from hybrid_tok.core.annotations import Annotations, KnownAnnotations, SpeakerTurn
from hybrid_tok.core.timeline import FRAME_RATE
from hybrid_tok.errors import AnnotationError, AnnotationWarning
from hybrid_tok.formats.detect import read_document
from hybrid_tok.formats.json_text import with_lines
from hybrid_tok.formats.place import Complaints, place_events, place_segments, place_turns, place_words
from hybrid_tok.formats.records import Document, TurnRecord
from hybrid_tok.formats.source import Source, read_source
from hybrid_tok.formats.speakers import number_speakers, speaker_name, turns_of_words


def read_words(path: str | Path, frames: int, recording: str | None = None) -> KnownAnnotations:
    """Words with their times, or segments of text where a file has only theirs. A file that says who said them gives
    the speaker turns too.

    Args:
        frames: length of the recording on the 20 ms grid.
        recording: name of the audio file without folder and suffix; picks it out of a file about several.

    Raises:
        AnnotationError: the file is damaged, of no known format, has no words, or is another recording's.

    Warns:
        AnnotationWarning: times had to be mended; those words have a low confidence.
    """
    source = read_source(path)
    with with_lines(source):
        return _words(source, frames, recording)


def _words(source: Source, frames: int, recording: str | None) -> KnownAnnotations:
    document, path = _read(source, frames, recording), source.path
    if isinstance(document, Annotations):
        return KnownAnnotations(words=document.words, turns=document.turns or None)
    complaints = Complaints(source)
    spoken = document.words if document.words is not None else document.segments
    if spoken is None:
        raise AnnotationError(f"{path}: {document.format} without words; give it for what it has ({_has(document)})")
    if not spoken:
        raise AnnotationError(
            f"{path}: {document.format} without a single word or segment; is it of this format at all?"
        )
    speakers = _numbers(document)
    for note in document.notes:
        complaints.add("note", note.where, f"{note.label!r} is a note and no word; left to be heard")
    if document.words is not None:
        words = place_words(document.words, frames, speakers, complaints, document.language)
        given = KnownAnnotations(words=words, turns=turns_of_words(words) or None)
    else:
        segments = place_segments(document.segments or (), frames, speakers, complaints, document.language)
        turns = place_turns(_speaking(document), frames, speakers, Complaints(source))
        given = KnownAnnotations(segments=segments, turns=turns or None)
    complaints.warn()
    return given


def read_speakers(path: str | Path, frames: int, recording: str | None = None) -> KnownAnnotations:
    """Who speaks when; arguments, errors and warnings as of `read_words`."""
    source = read_source(path)
    with with_lines(source):
        document = _read(source, frames, recording)
        if isinstance(document, Annotations):
            return KnownAnnotations(turns=document.turns)
        complaints = Complaints(source)
        turns = _turns(document, frames, complaints)
        if turns is None:
            raise AnnotationError(
                f"{path}: {document.format} without speakers; give it for what it has ({_has(document)})"
            )
        complaints.warn()
        return KnownAnnotations(turns=turns)


def speaker_numbers(path: str | Path, recording: str | None = None) -> dict[str, int]:
    """The numbers that the speakers named in a file get; arguments and errors as of `read_words`."""
    source = read_source(path)
    with with_lines(source):
        document = read_document(source, recording)
    if isinstance(document, Annotations):
        said = (*document.words, *document.turns)
        return {speaker_name(one.speaker): one.speaker for one in said if one.speaker is not None}
    return _numbers(document)


def read_events(path: str | Path, frames: int, recording: str | None = None) -> KnownAnnotations:
    """Vocal events; arguments, errors and warnings as of `read_words`. A label that is no name of an event, ours or
    of a published system, is an event `other`, with a warning."""
    source = read_source(path, empty=Path(path).suffix.lower() == ".txt")
    if not source.text.strip():
        warnings.warn(f"{path}: is empty: no events", AnnotationWarning, 2)  # as Audacity writes a track without labels
        return KnownAnnotations(events=())
    with with_lines(source):
        document = _read(source, frames, recording)
        if isinstance(document, Annotations):
            return KnownAnnotations(events=document.events)
        if document.labels is None:
            raise AnnotationError(
                f"{path}: {document.format} without events; give it for what it has ({_has(document)})"
            )
        if not document.labels and document.segments is not None and not document.segments:
            raise AnnotationError(f"{path}: {document.format} with nothing in it; is it of this format at all?")
        complaints = Complaints(source)
        events = place_events(document.labels, frames, complaints)
        complaints.warn()
        return KnownAnnotations(events=events)


def read_annotations(path: str | Path, frames: int) -> KnownAnnotations:
    """Everything, from a JSON file written here.

    Raises:
        AnnotationError: it is no such file, damaged, or of a recording of another length.
    """
    source = read_source(path)
    with with_lines(source):
        document = _read(source, frames, None)
        if not isinstance(document, Annotations):
            raise AnnotationError(
                f"{path}: {document.format}, not annotations written by hybrid-tok; "
                f"give it for what it has ({_has(document)})"
            )
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


def _numbers(document: Document) -> dict[str, int]:
    """The speakers of a document, numbered."""
    spoken = (*(document.words or ()), *(document.segments or ()), *(document.turns or ()))
    return number_speakers((said.start or 0.0, said.speaker) for said in spoken if said.speaker is not None)


def _speaking(document: Document) -> list[TurnRecord]:
    """Turns, from segments that say who speaks."""
    return [
        TurnRecord(segment.speaker, segment.start, segment.end, segment.where)
        for segment in document.segments or ()
        if segment.speaker is not None
    ]


def _turns(document: Document, frames: int, complaints: Complaints) -> tuple[SpeakerTurn, ...] | None:
    """Who speaks when, by the best witness in a document."""
    speakers = _numbers(document)
    if document.turns is not None:
        return place_turns(document.turns, frames, speakers, complaints)
    if document.words is not None and any(word.speaker is not None for word in document.words):
        return turns_of_words(place_words(document.words, frames, speakers, complaints))
    return place_turns(_speaking(document), frames, speakers, complaints) if speakers else None


def _has(document: Document) -> str:
    parts = {
        "words": document.words,
        "segments": document.segments,
        "events": document.labels,
        "speakers": document.turns,
    }
    return ", ".join(name for name, part in parts.items() if part is not None) or "nothing"
