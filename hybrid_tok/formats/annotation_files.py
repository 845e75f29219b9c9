"""Annotation files of a recording, read into `KnownAnnotations`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hybrid_tok.core.annotations import KnownAnnotations, Segment
from hybrid_tok.core.timeline import FRAME_RATE
from hybrid_tok.errors import AnnotationError, OptionsError

_FASTEST = 100
"""Characters per second that no one says: the fastest speech has about 30."""

_FEWEST_REFUSED = 2_000
"""Characters that are aligned to any recording."""


@dataclass(frozen=True, slots=True)
class AnnotationFiles:
    """The annotation files of a recording.

    Attributes:
        words: word or segment times, in any format that `formats.read_words` knows; segments are aligned.
        transcript: plain text, UTF-8 or UTF-16 with its mark, aligned to the recording.
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

    @property
    def paths(self) -> tuple[str | Path, ...]:
        """The files that are given."""
        return tuple(path for path in (self.words, self.transcript, self.speakers, self.events) if path is not None)

    def read(self, frames: int, recording: str | None = None) -> KnownAnnotations:
        """Read the files for a recording of `frames` frames.

        Args:
            recording: its name, by which it is found in files about several recordings.

        Raises:
            AnnotationError: a file is damaged or of no known format; the message has its line.
        """
        given = KnownAnnotations()
        if self.words is not None or self.speakers is not None or self.events is not None:
            from hybrid_tok import formats

            if self.words is not None:
                given = formats.read_words(Path(self.words), frames, recording)
            if self.speakers is not None:
                turns = formats.read_speakers(Path(self.speakers), frames, recording).turns
                same: dict[int, int] = {}
                if self.words is not None:
                    there = formats.speaker_numbers(Path(self.words), recording)
                    here = formats.speaker_numbers(Path(self.speakers), recording)
                    same = {there[name]: here[name] for name in there.keys() & here.keys()}
                given = replace(_with_speakers(given, same), turns=turns)
            if self.events is not None:
                given = replace(given, events=formats.read_events(Path(self.events), frames, recording).events)
        if self.transcript is not None:
            text = read_transcript(Path(self.transcript))
            check_length(text, frames)
            given = replace(given, segments=(text,))
        return given


def check_length(text: Segment, frames: int) -> None:
    """Refuse a text that cannot be this recording's, before an hour is spent on aligning it."""
    letters, seconds = len(text.text), frames / FRAME_RATE
    if letters > _FEWEST_REFUSED + _FASTEST * seconds:
        raise AnnotationError(
            f"{text.source}: {letters:,} characters cannot be said in {seconds:.1f} s: is it of another recording?"
        )


def _with_speakers(given: KnownAnnotations, same: Mapping[int, int]) -> KnownAnnotations:
    """Words with their speakers renumbered as in another file: {number: number there} of those with the same name.
    Other speakers are dropped, since the turns give them."""

    def number(speaker: int | None) -> int | None:
        return None if speaker is None else same.get(speaker)

    words, segments = given.words, given.segments
    return replace(
        given,
        words=None if words is None else tuple(replace(one, speaker=number(one.speaker)) for one in words),
        segments=None if segments is None else tuple(replace(one, speaker=number(one.speaker)) for one in segments),
    )


def read_transcript(path: Path) -> Segment:
    """A plain text file as one segment without times.

    Raises:
        AnnotationError: it cannot be read, is empty, too large, not text, or a file with times.
    """
    from hybrid_tok.formats.detect import with_times
    from hybrid_tok.formats.source import read_source

    source = read_source(path, json=False)
    found = with_times(source)
    if found is not None:
        raise AnnotationError(
            f"{path}, line 1: {found}, not the plain text of what is said; give it as words (--words), for its times"
        )
    return Segment(source.text.strip(), source=str(path))
