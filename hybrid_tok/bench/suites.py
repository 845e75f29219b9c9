"""Suites: the recordings of a folder, and what is measured of them unless other things are asked for.

Any folder of audio is a suite. Its recordings are those of its `manifest.jsonl` (`core.manifest`, or NeMo's
`audio_filepath`), of a data set that `datasets` has saved, or of a WESR-Bench JSONL file; without one of these, all
audio files in it and below. `bench.truth` says what may lie beside them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from hybrid_tok.audio import read_mono
from hybrid_tok.bench import wesr
from hybrid_tok.bench.saved import is_saved, read_row, read_rows
from hybrid_tok.bench.truth import Truth, read_truth, text_language
from hybrid_tok.core.annotations import Event
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.events import EventLabel
from hybrid_tok.core.timeline import Span, count_frames
from hybrid_tok.errors import HybridTokError

RATE = 16_000
"""At which everything is compared, mono."""

AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".wma", ".aiff", ".aif", ".webm", ".mp4")

CLIP_LABELS: Mapping[str, EventLabel] = MappingProxyType(
    {
        "cough": "cough",
        "coughing": "cough",
        "sneeze": "sneeze",
        "sneezing": "sneeze",
        "cry": "cry",
        "crying": "cry",
        "laughing": "laugh",
        "sighing": "sigh",
        "throat-clearing": "throat_clear",
        "yawning": "yawn",
        "screaming": "scream",
        "moaning": "moan",
        "lip-smacking": "lip_smack",
        "panting": "breath",
        "nose-blowing": "other",
    }
)
"""Labels of clips of one sound (Deeply, ESC-10, covid19-cough), as events; a clip with another label has none."""


class SuiteError(HybridTokError):
    """A folder that is no suite, or a recording of it that cannot be read."""


@dataclass(frozen=True, slots=True)
class Suite:
    """What is measured of a kind of recordings.

    Attributes:
        about: one sentence.
        systems: compared unless others are named.
        metrics: measured unless others are named; those that a recording has no truth for are left out of it.
    """

    name: str
    about: str
    systems: tuple[str, ...]
    metrics: tuple[str, ...]


_RATES = ("default", "default:rate_weight=0.005", "default:layout=text", "default:layout=units")
_COST = ("tokens_per_second", "bits_per_second")
_WAVEFORM = ("mel", "stft", "pesq_wb", "stoi", "f0_correlation")

SUITES: Mapping[str, Suite] = MappingProxyType(
    {
        suite.name: suite
        for suite in (
            Suite(
                "speech",
                "utterances of one speaker: what is understood, and whose voice it is",
                ("recording", *_RATES, "opus:bit_rate=6000", "codec2:mode=3200"),
                (*_COST, *_WAVEFORM, "wer", "text_wer", "speaker", "pitch_correlation", "energy_correlation", "dnsmos"),
            ),
            Suite(
                "nonverbal",
                "vocal sounds: whether a laugh is still a laugh",
                ("recording", "default", "default:layout=units", "opus:bit_rate=6000", "codec2:mode=3200"),
                (*_COST, "mel", "stft", "event_f1", "event_survival", "event_survival_second"),
            ),
            Suite(
                "dialogue",
                "conversations: who says what, and what is not words",
                ("recording", *_RATES, "opus:bit_rate=6000"),
                (*_COST, "wer", "text_wer", "cpwer", "der", "event_f1", "event_survival", "event_survival_second"),
            ),
            Suite(
                "codec-superb",
                "the waveform metrics of Codec-SUPERB, over its categories",
                ("default", "default:layout=units", "default:layout=units,codebooks=1", "opus:bit_rate=6000"),
                (*_COST, *_WAVEFORM),
            ),
            Suite(
                "wesr",
                "WESR-Bench: tags of vocal events at their places in a transcript",
                ("default", "default:layout=text"),
                (*_COST, "text_wer", "wesr_f1"),
            ),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A recording of a suite.

    Attributes:
        name: unique in the suite.
        audio: its file; of a saved data set, the data set's folder.
        category: figures are also given of each category.
        known: what the manifest says of it.
        label: the sound that a clip of one sound is; "" for speech, None where nothing is known.
        row: of a saved data set, its part and its number there.
    """

    name: str
    audio: Path
    category: str = ""
    known: Truth = field(default_factory=Truth)
    label: str | None = None
    row: tuple[str, int] | None = None

    def read(self) -> Audio:
        """Mono at `RATE`, channels mixed.

        Raises:
            AudioError: it cannot be read.
        """
        if self.row is None:
            return read_mono(self.audio, RATE)[0]
        return read_row(self.audio, *self.row, RATE)

    @property
    def seconds(self) -> float | None:
        """Its length where the file's header says so, without reading it."""
        import soundfile

        try:
            return float(soundfile.info(str(self.audio)).duration) if self.row is None else None
        except (OSError, RuntimeError):  # a format of another library, or no audio: found when it is read
            return None

    def truth(self, audio: Audio) -> Truth:
        """What is known about it, from the manifest and the files beside it."""
        frames = count_frames(audio.num_samples, audio.sample_rate)
        truth = self.known if self.row is not None else read_truth(self.audio, frames, self.known)
        if self.label is not None and truth.events is None:
            event = CLIP_LABELS.get(self.label)
            whole = (Event(event, Span(0, frames), 1.0),) if event is not None and frames else ()
            truth = replace(truth, events=whole)
        return truth


def read_suite(folder: Path, limit: int | None = None, categories: Sequence[str] = ()) -> list[Entry]:
    """The recordings of a folder or of a list of recordings, in a fixed order.

    Args:
        limit: at most so many of each category, the first ones.
        categories: only recordings of these; empty: all.

    Raises:
        SuiteError: there is no recording, or its list is damaged.
    """
    if folder.is_file():
        entries = list(_listed(folder))
    elif is_saved(folder):
        entries = [
            Entry(f"{row.part}/{row.number}", folder, row.category, _text(row.text), row=(row.part, row.number))
            for row in read_rows(folder)
        ]
    elif (folder / "manifest.jsonl").is_file():
        entries = list(_listed(folder / "manifest.jsonl"))
    elif folder.is_dir():
        entries = list(_found(folder))
    else:
        raise SuiteError(f"{folder}: no such folder")
    if not entries:
        raise SuiteError(f"{folder}: no recording in it; files of audio end in {', '.join(AUDIO_SUFFIXES)}")
    there = sorted({entry.category for entry in entries})
    for category in categories:
        if category not in there:
            raise SuiteError(f"{folder}: no category {category!r}; there are: {', '.join(there)}")
    if categories:
        entries = [entry for entry in entries if entry.category in categories]
    kept: list[Entry] = []
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry.category] = counts.get(entry.category, 0) + 1
        if limit is None or counts[entry.category] <= limit:
            kept.append(entry)
    return kept


def guess_suite(entries: Sequence[Entry]) -> str:
    """The suite that recordings look like, by the first of each category."""
    if entries[0].row is not None:
        return "codec-superb"
    if any(entry.known.tagged is not None for entry in entries):
        return "wesr"
    first = {entry.category: entry for entry in reversed(entries)}.values()
    if all(entry.audio.with_suffix(".json").is_file() or entry.audio.with_suffix(".rttm").is_file() for entry in first):
        return "dialogue"
    return "nonverbal" if all(entry.label for entry in first) else "speech"


def _text(text: str | None, language: object = None) -> Truth:
    """What a list of recordings says of one. Tags of events are no part of what is said."""
    if not text:
        return Truth()
    words = wesr.strip_tags(text) if wesr.has_tags(text) else text
    tagged = None if words is text else text
    return Truth(words, str(language or text_language(words)), tagged=tagged)


def _found(folder: Path) -> Iterator[Entry]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file():
            name = path.relative_to(folder)
            yield Entry(name.as_posix(), path, name.parts[0] if len(name.parts) > 1 else "")


def _listed(manifest: Path) -> Iterator[Entry]:
    """The lines of a manifest: ours, NeMo's, or WESR-Bench's."""
    for number, line in enumerate(manifest.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            audio = entry["audio"] if "audio" in entry else entry["audio_filepath"]
            name = str(audio["path"] if isinstance(audio, Mapping) else audio)
            text = entry.get("text", entry.get("sentence"))
            known = _text(None if text is None else str(text), entry.get("language") or entry.get("lang"))
            category = str(entry.get("source") or (Path(name).parts[0] if len(Path(name).parts) > 1 else ""))
            label = entry.get("label")
            yield Entry(name, manifest.parent / name, category, known, None if label is None else str(label))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise SuiteError(f"{manifest}, line {number}: not a recording with an 'audio' path ({error!r})") from None
