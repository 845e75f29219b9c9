"""The event tagger on clips, in conversations, on what holds no event, and its speed, all in one run.

    python benchmarks/events.py --data ../shared/audio --out benchmarks/results/events.json

Clips: every vocal sound and every utterance of `--data`/dev. A clip's score is its highest probability of any event
over half a second; average precision tells sounds from speech with it. A clip's label is the one with most time x
confidence among its events, or "none". Beside it, in the same run, what one has without a tagger: the share of the
audible frames in which Silero hears no speech. Clips are labelled as `bench.suites.CLIP_LABELS` says; one with another
label is noise.

Conversations: `--data`/dialogues. An event counts as found when one starts within 0.3 s, whatever its label; the F1 is
over those. A false event overlaps none of the reference. Beside it: stretches that are audible and not speech to
Silero. dialogue10 to 13 are test: nothing was chosen with them.

Speed and memory: each in a process of its own, two threads. Run it on an otherwise idle machine.

`--idea NAME=WEIGHTS` measures another training of `hybrid-tok train events` beside it (say, one `--without simulated`);
without it, the ideas measured before are kept. `--no-speed` does the same for the speeds.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio import read_mono
from hybrid_tok.backends.silero import SileroDetector
from hybrid_tok.bench.metrics.events import match_onsets
from hybrid_tok.bench.suites import CLIP_LABELS
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.event_spans import events_of, frame_levels
from hybrid_tok.core.events import EVENT_LABELS
from hybrid_tok.core.manifest import Clip, read_manifest
from hybrid_tok.core.timeline import FRAME_RATE, Span, count_frames, frame_to_seconds
from hybrid_tok.encode.activity import find_activity
from hybrid_tok.tagger.backend import BuiltinTagger

MACRO = ("laugh", "cough", "sneeze", "sigh", "throat_clear", "scream", "yawn")
PARTS = {"tuning": range(10), "test": range(10, 14)}
THREADS = 2

Row = tuple[str, str, float, str, float]
"""Source, reference ("speech", "noise" or a label), score, label found, baseline's score (0 where not asked for)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/audio"), help="folder with dev/ and dialogues/")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/events.json"))
    parser.add_argument("--idea", action="append", default=[], metavar="NAME=WEIGHTS", help="measure this training too")
    parser.add_argument("--no-speed", action="store_true", help="on a busy machine: keep the speeds measured before")
    parser.add_argument("--speed-of", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.speed_of:
        print(json.dumps(speed(arguments.data, arguments.speed_of)))
        return
    import torch

    torch.set_num_threads(1)  # clips are short: a second thread would only wait
    tagger = BuiltinTagger()
    results: dict[str, Any] = {
        "machine": {"processor": platform.processor() or platform.machine(), "threads": THREADS},
        "tagger": tagger.fingerprint,
        "clips": clips(arguments.data / "dev", tagger),
        "conversations": conversations(arguments.data / "dialogues", tagger),
        "ideas": ideas(arguments),
        "speed": before(arguments.out, "speed") if arguments.no_speed else {},
    }
    for minutes in () if arguments.no_speed else (1, 10, 60):
        command = [sys.executable, __file__, "--data", str(arguments.data), "--speed-of", str(minutes)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        results["speed"][f"{minutes} min"] = json.loads(done.stdout.splitlines()[-1])
    results["targets"] = targets(results)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    for name, met in results["targets"].items():
        print("met   " if met else "MISSED", name)


def before(out: Path, part: str) -> dict[str, Any]:
    """A part of the results that was measured before."""
    return json.loads(out.read_text("utf-8")).get(part, {}) if out.is_file() else {}


def ideas(arguments: argparse.Namespace) -> dict[str, Any]:
    """The marks of other trainings, given or measured before."""
    if not arguments.idea:
        return before(arguments.out, "ideas")
    marks = {}
    for name, weights in (idea.split("=", 1) for idea in arguments.idea):
        tagger = BuiltinTagger(weights=Path(weights))
        on_clips = clips(arguments.data / "dev", tagger, baseline=False)
        talk = conversations(arguments.data / "dialogues", tagger, parts=("tuning",))["hybrid-tok"]["tuning"]
        marks[name] = {
            "average_precision": on_clips["average_precision"],
            "macro_f1": on_clips["macro_f1"],
            "labels": {label: figures["f1"] for label, figures in on_clips["labels"].items()},
            "noise_with_an_event": on_clips["noise_with_an_event"],
            "onset_f1": talk["f1"],
            "false_per_minute_of_speech": talk["false_per_minute_of_speech"],
        }
    return marks


def clips(dev: Path, tagger: BuiltinTagger, baseline: bool = True) -> dict[str, Any]:
    """Average precision against speech, and precision and recall per label."""
    rows = [measured(recording, tagger, baseline) for recording in read_manifest(dev)]
    vocal = [row for row in rows if row[1] != "noise"]
    references = [row[1] != "speech" for row in vocal]
    confusion: dict[str, Counter[str]] = defaultdict(Counter)
    for _, reference, _, found, _ in rows:
        confusion[reference][found] += 1
    labels = {}
    for label in (name for name in EVENT_LABELS if name in confusion):
        right, there = confusion[label][label], sum(confusion[label].values())
        told = sum(counts[label] for reference, counts in confusion.items() if reference != "noise")
        recall, precision = right / there, right / told if told else 0.0
        f1 = 2 * recall * precision / (recall + precision) if right else 0.0
        labels[label] = {"clips": there, "recall": recall, "precision": precision, "f1": f1}
    real = [row for row in rows if row[1] == "noise"]
    return {
        "average_precision": average_precision([row[2] for row in vocal], references),
        "average_precision_silero": average_precision([row[4] for row in vocal], references),
        "vocal_clips": sum(references),
        "speech_clips": len(vocal) - sum(references),
        "speech_with_an_event": by_source(row for row in vocal if row[1] == "speech"),
        "noise_with_an_event": by_source(real),
        "noise_with_an_event_share": float(np.mean([row[3] != "none" for row in real])),
        "labels": labels,
        "macro_f1": float(np.mean([labels[label]["f1"] for label in MACRO if label in labels])),
        "confusion": {reference: dict(counts.most_common()) for reference, counts in sorted(confusion.items())},
    }


def measured(recording: Clip, tagger: BuiltinTagger, baseline: bool) -> Row:
    """What is found in one clip."""
    audio, _ = read_mono(recording.path)
    posteriors = tagger.posteriors(audio)
    reference = "speech" if recording.label is None else CLIP_LABELS.get(recording.label, "noise")
    weights: dict[str, float] = defaultdict(float)
    for event in events_of(posteriors, tagger.options, frame_levels(audio)):
        weights[event.label] += event.span.frames * event.confidence
    found = max(weights, key=lambda label: weights[label]) if weights else "none"
    return recording.source, reference, score(posteriors), found, silero_score(audio) if baseline else 0.0


def score(posteriors: NDArray[np.float32]) -> float:
    """The highest probability of any event over half a second."""
    any_event = posteriors[:, : len(EVENT_LABELS)].sum(axis=1)
    width = min(FRAME_RATE // 2, len(any_event))
    return float(np.convolve(any_event, np.ones(width) / width, "valid").max()) if width else 0.0


def silero_score(audio: Audio) -> float:
    """The share of the audible frames in which Silero hears no speech."""
    active = find_activity(audio)
    speech = SileroDetector().detect(audio)
    heard = sum(span.frames for span in active)
    return 1 - sum(a.overlap(s) for a in active for s in speech) / heard if heard else 0.0


def by_source(rows: Iterable[Row]) -> dict[str, str]:
    """Clips in which an event was found, of all, per source."""
    found: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row[3] != "none")
    return {source: f"{sum(clips)} of {len(clips)}" for source, clips in found.items()}


def average_precision(scores: Sequence[float], references: Sequence[bool]) -> float:
    """Mean over the positives of the precision at their rank (ties in the positives' disfavour)."""
    order = sorted(range(len(scores)), key=lambda k: (-scores[k], references[k]))
    hits = np.array([references[k] for k in order])
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def conversations(folder: Path, tagger: BuiltinTagger, parts: Sequence[str] = ("tuning", "test")) -> dict[str, Any]:
    """Onset F1 and false events, tuning and test apart and all together, ours and the baseline's."""
    totals: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    seconds: Counter[str] = Counter()
    for part in parts:
        for number in PARTS[part]:
            truth = json.loads((folder / f"dialogue{number:02d}.json").read_text("utf-8"))
            audio, _ = read_mono(folder / f"dialogue{number:02d}.flac")
            seconds[part] += sum(turn["end"] - turn["start"] for turn in truth["turns"])
            ours = tagger.tag(audio)
            for name, events in (
                ("hybrid-tok", [(e.span, e.label) for e in ours]),
                ("hybrid-tok, confidence >= 0.5", [(e.span, e.label) for e in ours if e.confidence >= 0.5]),
                ("audible, not Silero's speech", [(span, "") for span in unspoken(audio)]),
            ):
                totals[name][part] += matched(truth["events"], events)
    if len(parts) > 1:
        seconds["all"] = sum(seconds.values())
        for figures in totals.values():
            figures["all"] = sum(figures.values(), Counter())
    return {
        name: {part: rates(counts, seconds[part]) for part, counts in figures.items()}
        for name, figures in totals.items()
    }


def unspoken(audio: Audio, shortest: float = 0.3) -> list[Span]:
    """Stretches of at least `shortest` seconds that are audible and not speech to Silero."""
    quiet = np.zeros(count_frames(audio.num_samples, audio.sample_rate) + 2, bool)
    for span in find_activity(audio):
        quiet[span.start + 1 : span.end + 1] = True
    for span in SileroDetector().detect(audio):
        quiet[span.start + 1 : span.end + 1] = False
    edges = np.flatnonzero(np.diff(quiet)).reshape(-1, 2)
    return [Span(int(a), int(b)) for a, b in edges if b - a >= shortest * FRAME_RATE]


def matched(truth: Sequence[dict[str, Any]], events: Sequence[tuple[Span, str]]) -> Counter[str]:
    """Reference events found by their onset (each by at most one), those with the right label, and false ones."""
    counts: Counter[str] = Counter(reference=len(truth), found=len(events))
    onsets = [(event["start"], event["label"]) for event in truth]
    pairs = match_onsets(onsets, [(frame_to_seconds(span.start), label) for span, label in events])
    counts["right"] = len(pairs)
    counts["labelled"] = sum(truth[true]["label"] == events[found][1] for true, found in pairs)
    for span, _ in events:
        start, end = frame_to_seconds(span.start), frame_to_seconds(span.end)
        counts["false"] += not any(start < event["end"] and event["start"] < end for event in truth)
    return counts


def rates(counts: Counter[str], seconds: float) -> dict[str, float]:
    """F1 of the onsets, and false events per minute of speech."""
    return {
        "reference": counts["reference"],
        "found": counts["found"],
        "recall": counts["right"] / counts["reference"],
        "precision": counts["right"] / counts["found"] if counts["found"] else 0.0,
        "f1": 2 * counts["right"] / (counts["reference"] + counts["found"]),
        "right_label": counts["labelled"] / counts["right"] if counts["right"] else 0.0,
        "false_per_minute_of_speech": counts["false"] / (seconds / 60),
    }


def speed(data: Path, minutes: float) -> dict[str, float]:
    """Times real time and peak memory in this process, on conversations one after another."""
    import torch

    torch.set_num_threads(THREADS)
    pieces = [read_mono(path)[0].samples for path in sorted((data / "dialogues").glob("*.flac"))]
    audio = Audio(np.resize(np.concatenate(pieces), int(minutes * 60 * 16_000)), 16_000)
    tagger = BuiltinTagger()
    tagger.tag(Audio(audio.samples[: 16_000 * 30], 16_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    tagger.tag(audio)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "x_real_time": round(audio.seconds / seconds, 1),
        "peak_memory_mb": round(peak / 1024),
        "added_to_the_samples_mb": round((peak - before) / 1024),
    }


def targets(results: dict[str, Any]) -> dict[str, bool]:
    """The marks the tagger was made for."""
    marks, talk = results["clips"], results["conversations"]["hybrid-tok"]
    return {
        "average precision against speech >= 0.95": marks["average_precision"] >= 0.95,
        "macro F1 over seven labels >= 0.6": marks["macro_f1"] >= 0.6,
        "throat clearing F1 >= 0.3": marks["labels"]["throat_clear"]["f1"] >= 0.3,
        "yawn F1 >= 0.3": marks["labels"]["yawn"]["f1"] >= 0.3,
        "cough F1 >= 0.75": marks["labels"]["cough"]["f1"] >= 0.75,
        "laugh F1 >= 0.6": marks["labels"]["laugh"]["f1"] >= 0.6,
        "sneeze F1 >= 0.75": marks["labels"]["sneeze"]["f1"] >= 0.75,
        "noises with an event <= 10%": marks["noise_with_an_event_share"] <= 0.1,
        "onset F1 >= 0.75, all conversations": talk["all"]["f1"] >= 0.75,
        "onset F1 >= 0.7, tuning conversations": talk["tuning"]["f1"] >= 0.7,
        "onset F1 >= 0.7, test conversations": talk["test"]["f1"] >= 0.7,
        "false events per minute of speech <= 1, tuning": talk["tuning"]["false_per_minute_of_speech"] <= 1,
        "false events per minute of speech <= 1, test": talk["test"]["false_per_minute_of_speech"] <= 1,
    } | {f"200 times real time, {length}": s["x_real_time"] >= 200 for length, s in results["speed"].items()}


if __name__ == "__main__":
    main()
