"""How fast and how large: encode, decode, each stage, cold start and peak memory, for 10 s to 60 min of audio.

    python benchmarks/speed.py --data ../shared/audio --out benchmarks/results/speed.json

The recordings are the conversations under `--data`/dialogues, one after another until the length is reached. Run it on
an otherwise idle machine.

- lengths: with everything on, each length in a process of its own, so that its peak memory (of the process and its
  children, sampled five times a second) is its own. Loading the models counts. Decoding is by espeak-ng, so that it
  measures everything but Kokoro, whose speed is that of `resynthesis.py --only speed`.
- short_clip: 5 s in a process that has encoded before; the median of five.
- cold_start: `hybrid-tok info` as a process of its own, once the disk cache is filled.
- batch: clips of LibriSpeech one by one, and in batches, the models loaded: times real time.
- windows: the recognizer's two rules on the conversations one by one, the model loaded: times real time, and word error
  rate.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_tok import Audio, HybridTokenizer
from hybrid_tok.audio import read_mono, write_wav
from hybrid_tok.backends.silero import SileroDetector
from hybrid_tok.backends.whisper import WhisperRecognizer
from hybrid_tok.bench.processes import PeakMemory, spent
from hybrid_tok.bench.recordings import read_dialogues
from hybrid_tok.bench.results import measure_parts, read_arguments
from hybrid_tok.bench.words import judge
from hybrid_tok.core.manifest import Clip, read_manifest

RATE = 16_000
LENGTHS = (10, 60, 600, 3600)
"""Seconds of audio."""

SHORT = 5
"""Seconds of a short clip."""

BATCH = 32
"""Clips in a batch."""

TARGETS = {
    "recognizer, 10 min, x real time": 20.0,
    "encode, 10 min, x real time": 12.0,
    "peak memory for 60 min, MB": 1500.0,
    "5 s in a warm process, seconds": 1.5,
    "info cold, seconds": 0.7,
}


def main() -> None:
    if sys.argv[1:2] == ["--one"]:  # the child process: measure this file
        print(json.dumps({"lengths": measure, "short_clip": short_clip}[sys.argv[2]](Path(sys.argv[3]))))
        return
    arguments = read_arguments(__doc__, "speed", ("lengths", "short_clip", "cold_start", "batch", "windows"))
    talks = read_dialogues(arguments.data / "dialogues")
    if not talks:
        raise SystemExit(f"{arguments.data / 'dialogues'}: no conversations (NAME.flac with NAME.json)")
    about = {
        "command": "python benchmarks/speed.py",
        "limit": arguments.limit,
        "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()},
        "targets": TARGETS,
    }
    parts = {
        "lengths": lambda: {str(n): in_process("lengths", talks, n) for n in LENGTHS[: arguments.limit]},
        "short_clip": lambda: in_process("short_clip", talks, SHORT),
        "cold_start": cold_start,
        "batch": lambda: batch(arguments.data / "dev"),
        "windows": lambda: windows(talks[: arguments.limit]),
    }
    measure_parts(arguments, parts, about)


def in_process(part: str, talks: list[Clip], seconds: int) -> dict[str, Any]:
    """Measure a recording of so many seconds in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{seconds}.wav"
        write_wav(path, recording_of(talks, seconds))
        command = [sys.executable, __file__, "--one", part, str(path)]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def recording_of(talks: list[Clip], seconds: int) -> Audio:
    """Conversations one after another, over and over, cut at the length."""
    pieces: list[np.ndarray] = []
    missing = seconds * RATE
    while missing > 0:
        for talk in talks if missing > 0 else ():
            pieces.append(read_mono(talk.path, RATE)[0].samples[:missing])
            missing -= len(pieces[-1])
    return Audio(np.concatenate(pieces), RATE)


def measure(path: Path) -> dict[str, Any]:
    """Encode and decode one recording in this process."""
    memory = PeakMemory()
    memory.start()
    with HybridTokenizer.from_preset(synthesizer="espeak") as tokenizer:
        started = time.perf_counter()
        analysis = tokenizer.analyze(path)
        encoded = time.perf_counter()
        decoded = tokenizer.decode_analysis(analysis)
        finished = time.perf_counter()
    seconds, stages = analysis.summary.seconds, dict(analysis.stage_seconds)
    return {
        "seconds": seconds,
        "x_encode": seconds / (encoded - started),
        "x_recognizer": seconds / stages["recognizer"],
        "x_other_stages": seconds / (sum(stages.values()) - stages["recognizer"]),
        "x_decode": seconds / (finished - encoded),
        "peak_memory_mb": memory.stop() / 1e6,
        "tokens_per_second": analysis.summary.tokens_per_second,
        "encode_stage_seconds": stages,
        "decode_stage_seconds": dict(decoded.stage_seconds),
    }


def short_clip(path: Path) -> dict[str, Any]:
    """Seconds to encode and to decode a clip, all models loaded."""
    with HybridTokenizer.from_preset() as tokenizer:
        ids = tokenizer.encode(path)
        tokenizer.decode(ids)
        return {
            "seconds": SHORT,
            "encode_seconds": spent(lambda: tokenizer.encode(path)),
            "decode_seconds": spent(lambda: tokenizer.decode(ids)),
        }


def cold_start() -> dict[str, Any]:
    """Wall-clock seconds of `hybrid-tok info`, after one run that fills the disk cache."""
    command = [sys.executable, "-m", "hybrid_tok", "info"]

    def run() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    run()
    return {"info_seconds": spent(run)}


def batch(folder: Path) -> dict[str, Any]:
    """Speed of clips one after another and several at a time; both give the same ids."""
    clips = [clip for clip in read_manifest(folder) if clip.source == "librispeech"][:BATCH]
    with HybridTokenizer.from_preset(synthesizer="espeak") as tokenizer:
        recordings = [read_mono(clip.path, RATE)[0] for clip in clips]
        seconds = sum(audio.seconds for audio in recordings)
        tokenizer.decode(tokenizer.encode(recordings[0]))
        started = time.perf_counter()
        alone = [tokenizer.encode(audio) for audio in recordings]
        encoded = time.perf_counter()
        together = tokenizer.encode_batch(recordings)
        batched = time.perf_counter()
        for ids in alone:
            tokenizer.decode(ids)
        decoded = time.perf_counter()
        tokenizer.decode_batch(alone)
        finished = time.perf_counter()
    return {
        "clips": len(clips),
        "seconds": seconds,
        "equal": alone == together,
        "encode": {"one by one": seconds / (encoded - started), "batch": seconds / (batched - encoded)},
        "decode": {"one by one": seconds / (decoded - batched), "batch": seconds / (finished - decoded)},
    }


def windows(talks: list[Clip]) -> dict[str, Any]:
    """Speed and word error rate by the recognizer's rule for windows."""
    detector = SileroDetector()
    recordings = [(audio, detector.detect(audio)) for audio, _ in (read_mono(talk.path, RATE) for talk in talks)]
    results: dict[str, Any] = {}
    for rule in ("segment", "packed"):
        recognizer = WhisperRecognizer(windows=rule)
        recognizer.recognize(*recordings[0])
        started = time.perf_counter()
        words = [recognizer.recognize(audio, speech) for audio, speech in recordings]
        elapsed = time.perf_counter() - started
        judged = [
            judge([word.text for word in found], talk.text or "") for found, talk in zip(words, talks, strict=True)
        ]
        results[rule] = {
            "x_recognizer": sum(audio.seconds for audio, _ in recordings) / elapsed,
            "error_rate": sum(one.errors for one in judged) / sum(one.said for one in judged),
        }
    return results


if __name__ == "__main__":
    main()
