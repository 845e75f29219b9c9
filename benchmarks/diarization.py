"""Who spoke when: the diarizer, offline and online, on the same speech; by pyannote.metrics.

    python benchmarks/diarization.py --data ../shared/audio --out benchmarks/results/diarization.json

Diarization error rate with overlap scored and a collar of 0.25 s (pyannote's: half of it on either side of a boundary),
with its parts, on `--data`/dialogues and `--data`/diarization, test files apart; how often one speaker is found where
one speaks; of the online diarizer, how long after a turn it is known, given speech and events without any delay of
their own; speed, and memory for an hour. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from hybrid_tok.audio import read_mono
from hybrid_tok.backends.silero import SileroDetector
from hybrid_tok.bench.metrics.diarization import DiarizationErrors, Spoken, diarization_errors, spoken
from hybrid_tok.bench.recordings import TEST_DIALOGUES, limited
from hybrid_tok.core.annotations import SpeakerTurn
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.interfaces import Diarizer
from hybrid_tok.core.manifest import read_manifest
from hybrid_tok.core.timeline import FRAME_RATE, Span, subtract_spans
from hybrid_tok.diarizer.backend import BuiltinDiarizer
from hybrid_tok.diarizer.conversation import ConversationDiarizer
from hybrid_tok.diarizer.online import OnlineDiarizer
from hybrid_tok.diarizer.speaker_encoder import SPEAKER_WEIGHTS
from hybrid_tok.encode.annotate import Annotator
from hybrid_tok.nn.arrays import Identity, read_identity
from hybrid_tok.tagger.backend import BuiltinTagger

COLLAR = 0.25
TEST = (*TEST_DIALOGUES, "trn06", "trn08", "trn09")
SINGLE = ("librispeech", "speechocean762", "ljspeech", "aishell1")
THREADS = 2
SURE = cast(float, {field.name: field.default for field in dataclasses.fields(Annotator)}["sure"])

CHUNK = 8_000
"""Samples that the online diarizer is given at a time: half a second."""

LATE = 5.0
"""Seconds after its end from which a turn is announced late."""

Truth = Sequence[Spoken]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/audio"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/diarization.json"))
    parser.add_argument("--no-hour", action="store_true", help="leave the hour of audio out")
    parser.add_argument("--limit", type=int, help="at most so many single-speaker clips per source")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    talk = Talk()
    builtin, online = BuiltinDiarizer(), Online()
    conversations = {name: (*prepared(path, talk), truth) for name, path, truth in read_truth(arguments.data)}
    alone = single_speaker(arguments.data / "dev", talk, arguments.limit)
    results: dict[str, Any] = {"collar": COLLAR, "overlap": "scored", "limit": arguments.limit, "diarizers": {}}
    conversation = ConversationDiarizer()
    for name, diarizer in (("builtin", builtin), ("online", online), ("conversation", conversation)):
        results["diarizers"][name] = measure(diarizer, conversations, alone)
    results["diarizers"]["online"]["announced"] = online.announced(conversations)
    results["fingerprint"] = builtin.fingerprint
    results["speed"] = speed(builtin, conversations)
    results["speed_online"] = speed(online, conversations)
    results["speed_conversation"] = speed(conversation, conversations)
    if not arguments.no_hour:
        results["hour"] = hour(builtin, conversations)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


class Online:
    """The online diarizer as a `Diarizer`: it is given a recording and its speech chunk by chunk."""

    name = "online"

    def __init__(self) -> None:
        self._diarizer = OnlineDiarizer()

    @property
    def fingerprint(self) -> str:
        return f"{self.name}:{read_identity(Identity, SPEAKER_WEIGHTS).fingerprint}:{self._diarizer.options!r}"

    def diarize(self, audio: Audio, speech: Sequence[Span], speakers: int | None = None) -> tuple[SpeakerTurn, ...]:
        """How many speakers there are cannot be told to it."""
        return tuple(turn for turn, _ in self.follow(audio, speech))

    def follow(self, audio: Audio, speech: Sequence[Span]) -> list[tuple[SpeakerTurn, float]]:
        """Turns, each with the seconds of the recording that had been pushed when it was announced."""
        per_chunk = CHUNK * FRAME_RATE // audio.sample_rate
        found: list[tuple[SpeakerTurn, float]] = []
        for k, start in enumerate(range(0, audio.num_samples, CHUNK)):
            low, high = k * per_chunk, (k + 1) * per_chunk
            new = [Span(max(s.start, low), min(s.end, high)) for s in speech if s.start < high and s.end > low]
            pushed = min(start + CHUNK, audio.num_samples) / audio.sample_rate
            found += [(turn, pushed) for turn in self._diarizer.push(audio.samples[start : start + CHUNK], new)]
        return found + [(turn, audio.seconds) for turn in self._diarizer.finish()]

    def announced(self, conversations: dict[str, Any]) -> dict[str, Any]:
        """How long after their end, and after their start, turns are announced; of conversations without their ends,
        at which everything left is announced at once."""
        after_end: list[float] = []
        after_start: list[float] = []
        renamed = 0
        for audio, speech, _ in conversations.values():
            known, until = 0, 0
            for turn, at in self.follow(audio, speech):
                # Speakers must come as 0, 1, 2... and turns in order: no decision is revised.
                renamed += turn.speaker > known or turn.span.start < until
                known, until = max(known, turn.speaker + 1), turn.span.end
                if at < audio.seconds:
                    after_end.append(at - turn.span.end / FRAME_RATE)
                    after_start.append(at - turn.span.start / FRAME_RATE)
        return {
            "turns": len(after_end),
            "seconds_after_end": {name: round(value, 2) for name, value in _spread(after_end).items()},
            "seconds_after_start": {name: round(value, 2) for name, value in _spread(after_start).items()},
            "late": f"{sum(delay > LATE for delay in after_end)} of {len(after_end)} after more than {LATE} s",
            "renamed": renamed,
        }


def _spread(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    return {"median": float(np.median(values)), "p90": float(np.quantile(values, 0.9)), "most": max(values)}


class Talk:
    """Where there is talk, as the pipeline hands it to a diarizer: speech without the events that are sure."""

    def __init__(self) -> None:
        self._detector, self._tagger = SileroDetector(), BuiltinTagger()

    def find(self, audio: Audio) -> tuple[Span, ...]:
        events = [event.span for event in self._tagger.tag(audio) if event.confidence >= SURE]
        return tuple(subtract_spans(self._detector.detect(audio), events))


def prepared(path: Path, talk: Talk) -> tuple[Audio, tuple[Span, ...]]:
    audio, _ = read_mono(path)
    return audio, talk.find(audio)


def read_truth(data: Path) -> list[tuple[str, Path, Truth]]:
    """Name, audio and turns of every conversation."""
    found: list[tuple[str, Path, Truth]] = []
    for path in sorted((data / "dialogues").glob("*.json")):
        turns = json.loads(path.read_text("utf-8"))["turns"]
        truth = [(turn["start"], turn["end"], turn["speaker"]) for turn in turns]
        found.append((path.stem, path.with_suffix(".flac"), truth))
    for path in sorted((data / "diarization").glob("*.rttm")):
        rows = [line.split() for line in path.read_text("utf-8").splitlines() if line.strip()]
        truth = [(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in rows]
        found.append((path.stem, path.with_suffix(".flac"), truth))
    return found


def single_speaker(dev: Path, talk: Talk, limit: int | None = None) -> list[tuple[str, Audio, tuple[Span, ...]]]:
    """Every clip of one speaker, and up to a minute of each speaker's clips in a row."""
    found: list[tuple[str, Audio, tuple[Span, ...]]] = []
    speakers: dict[tuple[str, str], list[np.ndarray]] = {}
    for clip in limited([clip for clip in read_manifest(dev) if clip.source in SINGLE], limit):
        audio, speech = prepared(clip.path, talk)
        found.append((clip.source, audio, speech))
        speakers.setdefault((clip.source, clip.speaker or ""), []).append(audio.samples)
    for _, clips in sorted(speakers.items()):
        joined = Audio(np.concatenate(clips)[: 60 * 16_000], 16_000)
        found.append(("joined clips", joined, talk.find(joined)))
    return found


def measure(diarizer: Diarizer, conversations: dict[str, Any], alone: list[Any]) -> dict[str, Any]:
    groups: dict[str, DiarizationErrors] = {}
    files: dict[str, Any] = {}
    for name, (audio, speech, truth) in conversations.items():
        turns = diarizer.diarize(audio, speech)
        kind = "dialogues" if name.startswith("dialogue") else "meetings"
        group = f"{kind}, {'test' if name in TEST else 'dev'}"
        errors = diarization_errors(truth, spoken(turns), COLLAR)
        groups[group] = groups.get(group, DiarizationErrors()) + errors
        found = len({turn.speaker for turn in turns})
        rate = errors.errors / errors.total
        files[name] = {"der": round(rate, 4), "speakers": len({t[2] for t in truth}), "found": found}
    counts: dict[str, list[int]] = {}
    for source, audio, speech in alone:
        counts.setdefault(source, []).append(len({turn.speaker for turn in diarizer.diarize(audio, speech)}))
    every = [count for found in counts.values() for count in found]
    return {
        "groups": {group: parts(errors) for group, errors in sorted(groups.items())},
        "files": files,
        "one_speaker": {s: f"{found.count(1)} of {len(found)}" for s, found in counts.items()},
        "one_speaker_share": round(every.count(1) / len(every), 4),
        "no_speaker_found": every.count(0),
    }


def parts(errors: DiarizationErrors) -> dict[str, float]:
    shares = {name: getattr(errors, name) for name in ("errors", "confusion", "missed", "false_alarm")}
    return {{"errors": "der"}.get(name, name): round(share / errors.total, 4) for name, share in shares.items()}


def speed(diarizer: Diarizer, conversations: dict[str, Any]) -> dict[str, float]:
    """Times real time over all conversations; voice activity detection not counted."""
    started = time.perf_counter()
    for audio, speech, _ in conversations.values():
        diarizer.diarize(audio, speech)
    seconds = sum(audio.seconds for audio, _, _ in conversations.values())
    return {"threads": THREADS, "x_real_time": round(seconds / (time.perf_counter() - started), 1)}


def hour(diarizer: Diarizer, conversations: dict[str, Any]) -> dict[str, float]:
    """All conversations, over and over, for an hour."""
    joined = np.concatenate([audio.samples for audio, _, _ in conversations.values()])
    audio = Audio(np.resize(joined, 3600 * 16_000), 16_000)
    speech = Talk().find(audio)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    turns = diarizer.diarize(audio, speech)
    return {
        "x_real_time": round(3600 / (time.perf_counter() - started), 1),
        "memory_beyond_audio_mb": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1),
        "speakers": len({turn.speaker for turn in turns}),
    }


if __name__ == "__main__":
    main()
