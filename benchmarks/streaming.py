"""How fast streams are: the codec in chunks of 80 ms.

    python benchmarks/streaming.py --data ../shared/audio --out benchmarks/results/streaming.json

Run it on an otherwise idle machine.

- codec_chunks: a minute of the conversations under `--data`/dialogues through the codec's streams, 80 ms a step: times
  real time, and the median and the 95th percentile of a step, the fastest of five runs.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.audio import read_mono
from hybrid_tok.bench.recordings import read_dialogues
from hybrid_tok.bench.results import measure_parts, read_arguments
from hybrid_tok.codec.backend import BuiltinCodec

RATE = 16_000
SECONDS = 60
CHUNK_MS = 80
RUNS = 5
TARGETS = {"codec, chunks of 80 ms, x real time both ways": 20.0}


def main() -> None:
    arguments = read_arguments(__doc__, "streaming", ("codec_chunks",))
    about = {
        "command": "python benchmarks/streaming.py",
        "limit": arguments.limit,
        "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()},
        "targets": TARGETS,
    }
    measure_parts(arguments, {"codec_chunks": lambda: codec_chunks(arguments.data / "dialogues")}, about)


def codec_chunks(folder: Path) -> dict[str, Any]:
    """The codec's two streams, 80 ms a step."""
    talks = read_dialogues(folder)
    if not talks:
        raise SystemExit(f"{folder}: no conversations (NAME.flac with NAME.json)")
    samples = np.concatenate([read_mono(talk.path, RATE)[0].samples for talk in talks])[: SECONDS * RATE]
    codec = BuiltinCodec()
    codes = codec.encode(samples)
    chunk = RATE * CHUNK_MS // 1000
    frames = chunk // codec.hop
    runs = [
        {
            "encode": step_seconds(codec.encoder_stream().push, samples, chunk),
            "decode": step_seconds(codec.decoder_stream().push, codes, frames),
        }
        for _ in range(RUNS)
    ]
    best = {way: min((run[way] for run in runs), key=np.sum) for way in ("encode", "decode")}
    return {"seconds": len(samples) / RATE, "chunk_ms": CHUNK_MS} | {
        way: {
            "x_real_time": len(samples) / RATE / float(steps.sum()),
            "slowest_run_x_real_time": len(samples) / RATE / max(float(run[way].sum()) for run in runs),
            "step_ms_median": 1000 * float(np.median(steps)),
            "step_ms_95": 1000 * float(np.quantile(steps, 0.95)),
        }
        for way, steps in best.items()
    }


def step_seconds(push: Callable[[Any], Any], items: NDArray[Any], size: int) -> NDArray[np.float64]:
    """Seconds that each push of `size` items takes."""
    spent: list[float] = []
    for start in range(0, len(items), size):
        started = time.perf_counter()
        push(items[start : start + size])
        spent.append(time.perf_counter() - started)
    return np.array(spent)


if __name__ == "__main__":
    main()
