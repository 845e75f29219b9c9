"""How fast and how large: encode, decode, each stage, cold start and peak memory, for 10 s to 60 min of audio.

    python benchmarks/speed.py --data ../shared/audio --out benchmarks/results/speed.json

The recordings are the conversations under `--data`/dialogues, one after another until the length is reached. Each
length runs in a process of its own, so that its peak memory (all its worker processes counted, sampled five times
a second) is its own. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from hybrid_tok import Audio, HybridTokenizer, KnownAnnotations
from hybrid_tok.audio import read_mono, write_wav
from hybrid_tok.bench.recordings import read_dialogues

LENGTHS = (10, 60, 600, 3600)
"""Seconds of audio."""

TARGETS = {
    "all stages but the recognizer, x real time": 40.0,
    "recognizer, x real time": 5.0,
    "decode, x real time": 40.0,
    "info cold, seconds": 0.7,
    "peak memory for 60 min, MB": 1500.0,
}


class PeakMemory(threading.Thread):
    """Samples the resident memory of this process and its children, and keeps the highest sum."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._stopped = threading.Event()

    def run(self) -> None:
        process = psutil.Process()
        while not self._stopped.wait(0.2):
            total = 0
            for member in (process, *process.children(recursive=True)):
                try:
                    total += member.memory_info().rss
                except psutil.NoSuchProcess:  # a worker that has just ended
                    continue
            self.peak = max(self.peak, total)

    def stop(self) -> int:
        self._stopped.set()
        self.join()
        return self.peak


def make_recording(data: Path, seconds: int, target: Path) -> None:
    """Conversations one after another, cut at the length, as a 16-bit WAV."""
    pieces: list[np.ndarray] = []
    missing = seconds * 16_000
    recordings = read_dialogues(data / "dialogues")
    if not recordings:
        raise SystemExit(f"{data / 'dialogues'}: no conversations (NAME.flac with NAME.json)")
    while missing > 0:
        for recording in recordings:
            samples = read_mono(recording.path, 16_000)[0].samples[:missing]
            pieces.append(samples)
            missing -= len(samples)
    write_wav(target, Audio(np.concatenate(pieces), 16_000))


def measure(path: Path, recognize: bool) -> dict[str, object]:
    """Encode and decode one recording in this process; without the recognizer everything heard becomes units."""
    memory = PeakMemory()
    memory.start()
    with HybridTokenizer.from_preset("default") as tokenizer:
        started = time.perf_counter()
        analysis = tokenizer.analyze(path, annotations=KnownAnnotations() if recognize else KnownAnnotations(words=()))
        encoded = time.perf_counter()
        decoded = tokenizer.decode_analysis(analysis)
        finished = time.perf_counter()
    peak = memory.stop()
    seconds = analysis.summary.seconds
    stages = dict(analysis.stage_seconds)
    rest = sum(spent for stage, spent in stages.items() if stage != "recognizer")
    return {
        "seconds": seconds,
        "encode_seconds": encoded - started,
        "decode_seconds": finished - encoded,
        "encode_stage_seconds": stages,
        "decode_stage_seconds": dict(decoded.stage_seconds),
        "x_encode": seconds / (encoded - started),
        "x_encode_without_recognizer": seconds / rest,
        "x_recognizer": seconds / stages["recognizer"] if recognize else None,
        "x_decode": seconds / (finished - encoded),
        "peak_memory_mb": peak / 1e6,
        "tokens_per_second": analysis.summary.tokens_per_second,
    }


def cold_start(runs: int = 5) -> dict[str, float]:
    """Wall-clock seconds of `hybrid-tok info` as a process of its own, after one run that fills the disk cache."""
    command = [sys.executable, "-m", "hybrid_tok", "info"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    times: list[float] = []
    for _ in range(runs):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return {"median_seconds": statistics.median(times), "min_seconds": min(times), "max_seconds": max(times)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/audio"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/speed.json"))
    parser.add_argument("--lengths", type=int, nargs="+", default=list(LENGTHS), help="seconds of audio")
    parser.add_argument("--recognize-up-to", type=int, default=3600, help="longer ones without the recognizer, seconds")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)  # the child process: measure this file
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one, arguments.recognize_up_to > 0)))
        return

    results: dict[str, object] = {
        "command": "python benchmarks/speed.py",
        "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()},
        "targets": TARGETS,
        "info_cold_start": cold_start(),
    }
    lengths: dict[str, object] = {}
    results["lengths"] = lengths
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for seconds in arguments.lengths:
            path = Path(folder) / f"{seconds}.wav"
            make_recording(arguments.data, seconds, path)
            recognize = int(seconds <= arguments.recognize_up_to)
            command = [sys.executable, __file__, "--one", str(path), "--recognize-up-to", str(recognize)]
            lengths[str(seconds)] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            print(seconds, json.dumps(lengths[str(seconds)]), flush=True)
            path.unlink()
            arguments.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
