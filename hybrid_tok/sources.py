"""Annotations that lie in files beside a recording, gathered into what is `Given`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hybrid_tok.annotations import Given, Segment
from hybrid_tok.errors import AnnotationError, OptionsError

MAX_TRANSCRIPT = 64 << 20
"""Bytes; a thousand hours of speech are written in less."""


@dataclass(frozen=True, slots=True)
class AnnotationFiles:
    """Files that say what is in a recording.

    Attributes:
        words: word or segment times, in any format that `formats.read_words` knows; segments are aligned.
        transcript: plain text in UTF-8, aligned to the recording.
        speakers: who speaks when, as `formats.read_speakers` reads it.
        events: vocal events, as `formats.read_events` reads them.
    """

    words: str | Path | None = None
    transcript: str | Path | None = None
    speakers: str | Path | None = None
    events: str | Path | None = None

    def __post_init__(self) -> None:
        if self.words is not None and self.transcript is not None:
            raise OptionsError("words and transcript both say what was spoken; give one of them")

    def read(self, frames: int, recording: str | None = None) -> Given:
        """Read the files for a recording of `frames` frames.

        Args:
            recording: its name, by which it is found in files about several recordings.

        Raises:
            AnnotationError: a file is damaged or of no known format; the message has its line.
        """
        given = Given()
        if self.words is not None or self.speakers is not None or self.events is not None:
            from hybrid_tok import formats

            if self.words is not None:
                given = formats.read_words(Path(self.words), frames, recording)
            if self.speakers is not None:
                turns = formats.read_speakers(Path(self.speakers), frames, recording).turns
                given = replace(_without_speakers(given), turns=turns)
            if self.events is not None:
                given = replace(given, events=formats.read_events(Path(self.events), frames, recording).events)
        if self.transcript is not None:
            given = replace(given, segments=(read_transcript(Path(self.transcript)),))
        return given


def _without_speakers(given: Given) -> Given:
    """Speakers forgotten: two files number them each on its own."""
    words, segments = given.words, given.segments
    return replace(
        given,
        words=None if words is None else tuple(replace(word, speaker=None) for word in words),
        segments=None if segments is None else tuple(replace(segment, speaker=None) for segment in segments),
    )


def read_transcript(path: Path) -> Segment:
    """A plain text file as one segment without times.

    Raises:
        AnnotationError: it is empty, too large, or not UTF-8.
    """
    if path.stat().st_size > MAX_TRANSCRIPT:
        raise AnnotationError(f"{path} is larger than {MAX_TRANSCRIPT >> 20} MiB: no transcript of one recording is")
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise AnnotationError(f"{path}, line {line}: not UTF-8; convert it (iconv -t utf-8) first") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise AnnotationError(f"{path}, line {line}: has a zero byte, so it is no plain text")
    if not text.strip():
        raise AnnotationError(f"{path} is empty: a transcript needs at least a word")
    return Segment(text.strip(), source=str(path))
