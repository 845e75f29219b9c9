"""What is known about a recording: read from the files beside it.

Beside `NAME.wav`, each if there:

- `NAME.txt`: the transcript (as plain text), or a line `NAME the transcript` in a `*.trans.txt` of its folder, as
  LibriSpeech has it;
- `NAME.srt`, `.vtt`, `.ctm`, `.TextGrid`: words or subtitles, whose text is the transcript;
- `NAME.rttm`: who speaks when;
- `NAME.labels.txt`: vocal events, as Audacity exports labels;
- `NAME.json`: annotations of any program that `hybrid_tok.formats` reads, or `{"turns": [{"start", "end", "speaker",
  "text"}], "events": [{"start", "end", "label"}]}`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hybrid_tok.core.annotations import Event, KnownAnnotations, SpeakerTurn
from hybrid_tok.core.events import EVENT_LABELS, EventLabel
from hybrid_tok.core.languages import writes_spaces
from hybrid_tok.core.scripts import languages_of_script
from hybrid_tok.core.timeline import Span, seconds_to_frame
from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats import read_events, read_speakers, read_words
from hybrid_tok.formats.annotation_files import read_transcript

_TIMED_TEXT = (".srt", ".vtt", ".ctm", ".TextGrid", ".json")


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of a recording; None where it is not known.

    Attributes:
        text: what is said, by all speakers.
        language: of the text, a code of `core.languages`.
        turns: who speaks when.
        speaker_texts: what each speaker says, by the numbers of `turns`.
        events: vocal events; empty: it is known that there are none.
        tagged: `text` with tags of events at their places (`bench.wesr`).
    """

    text: str | None = None
    language: str = "en"
    turns: tuple[SpeakerTurn, ...] | None = None
    speaker_texts: Mapping[int, str] | None = None
    events: tuple[Event, ...] | None = None
    tagged: str | None = None


def read_truth(audio: Path, frames: int, known: Truth = Truth()) -> Truth:
    """What the files beside a recording say of it.

    Args:
        frames: length of the recording on the 20 ms grid.
        known: what a manifest says, which goes before the files.

    Raises:
        AnnotationError: one of them is damaged; the message has its line.
    """
    truth = known
    for suffix in _TIMED_TEXT:
        path = audio.with_suffix(suffix)
        if path.is_file():
            truth = _over(truth, _composed(path, frames) or _annotated(path, frames, audio.stem))
    rttm, labels = audio.with_suffix(".rttm"), audio.with_suffix(".labels.txt")
    if truth.turns is None and rttm.is_file():
        truth = replace(truth, turns=read_speakers(rttm, frames, audio.stem).turns)
    if truth.events is None and labels.is_file():
        truth = replace(truth, events=read_events(labels, frames, audio.stem).events)
    if truth.text is None:
        text = _transcript(audio)
        truth = truth if text is None else replace(truth, text=text, language=text_language(text))
    return truth


def text_language(text: str) -> str:
    """The language of a transcript by its script: Latin letters are English until a manifest says otherwise."""
    return next(iter(languages_of_script(text)), "en")


def _over(truth: Truth, found: Truth) -> Truth:
    """A truth, with what it lacks from another."""
    missing = {
        name: getattr(found, name)
        for name in ("turns", "speaker_texts", "events")
        if getattr(truth, name) is None and getattr(found, name) is not None
    }
    if truth.text is None and found.text is not None:
        missing |= {"text": found.text, "language": found.language}
    return replace(truth, **missing)


def _composed(path: Path, frames: int) -> Truth | None:
    """Turns with texts, and events, from our conversations' JSON; None for a file of another kind."""
    if path.suffix != ".json":
        return None
    try:
        entry = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise AnnotationError(f"{path}: not JSON ({error}); repair or remove it") from None
    if not (isinstance(entry, dict) and "turns" in entry and "format" not in entry):
        return None
    try:
        turns = sorted(entry["turns"], key=lambda turn: turn["start"])
        numbers: dict[str, int] = {}
        for turn in turns:
            numbers.setdefault(str(turn["speaker"]), len(numbers))
        texts: dict[int, list[str]] = {number: [] for number in numbers.values()}
        for turn in turns:
            texts[numbers[str(turn["speaker"])]].append(str(turn["text"]))
        text = " ".join(str(turn["text"]) for turn in turns)
        return Truth(
            text=text or None,
            language=text_language(text),
            turns=tuple(SpeakerTurn(numbers[str(turn["speaker"])], _span(turn, frames)) for turn in turns),
            speaker_texts=MappingProxyType({number: " ".join(said) for number, said in texts.items()}),
            events=tuple(_event(event, frames) for event in entry.get("events", ())),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise AnnotationError(f"{path}: no turns with start, end, speaker and text ({error!r}); repair it") from None


def _span(entry: Mapping[str, Any], frames: int) -> Span:
    start = max(0, min(seconds_to_frame(entry["start"]), frames - 1))
    return Span(start, max(start + 1, min(seconds_to_frame(entry["end"]), frames)))


def _event(entry: Mapping[str, Any], frames: int) -> Event:
    label: EventLabel = "other"
    for known in EVENT_LABELS:
        if known == entry["label"]:
            label = known
    return Event(label, _span(entry, frames), 1.0)


def _annotated(path: Path, frames: int, name: str) -> Truth:
    """Words, turns and events of a file that `formats` reads."""
    known = read_words(path, frames, name)
    text = _text_of(known)
    events: tuple[Event, ...] | None = None
    if path.suffix in (".json", ".TextGrid"):
        try:
            events = read_events(path, frames, name).events
        except AnnotationError:  # a format, or a file, without labels of sounds
            events = None
    return Truth(text=text, language=text_language(text), turns=known.turns, events=events)


def _text_of(known: KnownAnnotations) -> str:
    spoken: Sequence[Any] = known.words if known.words is not None else known.segments or ()
    texts = [one.text for one in spoken]
    language = text_language("".join(texts))
    return (" " if writes_spaces(language) else "").join(texts)


def _transcript(audio: Path) -> str | None:
    plain = audio.with_suffix(".txt")
    if plain.is_file():
        return read_transcript(plain).text
    return _folder_transcripts(audio.parent).get(audio.stem)


@cache
def _folder_transcripts(folder: Path) -> Mapping[str, str]:
    """Transcripts by name, from the `*.trans.txt` of a folder."""
    texts: dict[str, str] = {}
    for path in sorted(folder.glob("*.trans.txt")):
        for line in path.read_text("utf-8").splitlines():
            name, _, text = line.strip().partition(" ")
            if text:
                texts[name] = text.strip()
    return MappingProxyType(texts)
