"""What a million hours take: simulated from what `benchmarks/corpus.py` has measured on one machine.

    python benchmarks/corpus_size.py --out benchmarks/results/corpus_size.json

Recordings of 8 s on average are drawn with a cost per second of audio from the measured quantiles. Shards, batches and
their order are those of `hybrid_tok.corpus`. Workers take the next batch when they are free. Besides the work itself
there are: the start of a worker; the driver, which plans so many lines and hands out so many batches a second (all of
them measured); a machine that dies now and then and loses its batches; and the end, when the last batches run and the
other workers wait.

The million hours are not drawn recording by recording: batches are, and where there are too many, so many that each
worker gets some hundreds, and the rest of the time is scaled. What each part would take by itself shows where the
bottleneck is: work, driver, reading the audio, writing the tokens.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_tok.bench.results import rounded, to_json

HOURS = 1_000_000
RECORDING = 8.0
"""Seconds."""
CORES = 32
"""Of a machine; a worker has one."""
PRICE = 0.80
"""Dollars per hour of a machine with 32 cores: a spot price of the large clouds' general machines, November 2026."""
MACHINES = (10, 100, 1000)
BATCHES = (120.0, 1200.0)
"""Seconds of audio in a batch."""
AUDIO_RATE = 32_000
"""Bytes a second: 16-bit samples at 16 kHz, the most that a manifest of speech has."""
NETWORK = 1.25e9
"""Bytes a second of a machine: 10 Gbit/s."""
FAILS = 1.0 / 720.0
"""Machines that die per hour: one a month, or spot instances that are taken away."""
MOST = 300
"""Batches that are simulated per worker."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measured", type=Path, default=Path("benchmarks/results/corpus.json"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/corpus_size.json"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    measured = json.loads(arguments.measured.read_text("utf-8"))
    rows = [
        simulate(name, figures, measured["driver"], machines, batch, arguments.seed)
        for name, figures in measured["stages"].items()
        for machines in MACHINES
        for batch in BATCHES
    ]
    result = {
        "command": "python benchmarks/corpus_size.py",
        "hours": HOURS,
        "cores_per_machine": CORES,
        "price_per_machine_hour": PRICE,
        "machines_that_die_per_hour": FAILS,
        "rows": rows,
    }
    arguments.out.write_text(to_json(rounded(result)) + "\n", "utf-8")


def simulate(
    name: str, figures: dict[str, Any], driver: dict[str, float], machines: int, batch_seconds: float, seed: int
) -> dict[str, Any]:
    """A million hours on so many machines."""
    generator = np.random.default_rng(seed)
    driver_rate = driver["batches_per_second"]
    workers = machines * CORES
    per_batch = round(batch_seconds / RECORDING)
    total = round(HOURS * 3600.0 / batch_seconds)
    drawn = min(total, MOST * workers)
    # The mean of a batch's recordings, each with its own cost per second.
    kind = figures["clips of 4 to 14 s"]
    quantiles = np.asarray(kind["quantiles"])
    quantiles = quantiles * kind["work_per_second"] / quantiles.mean()
    costs = np.empty(drawn)
    for start in range(0, drawn, 100_000):
        count = min(100_000, drawn - start)
        places = generator.uniform(0.0, len(quantiles) - 1.0, (count, min(per_batch, 32)))
        costs[start : start + count] = np.interp(places, np.arange(len(quantiles)), quantiles).mean(1) * batch_seconds
    makespan, idle = schedule(costs, workers, driver_rate, float(figures["start_up_seconds"]))
    scale = total / drawn
    end = idle / workers
    busy = (makespan - end) * scale + end
    # A machine that dies loses half a batch per worker, and its start.
    lost = FAILS * machines * (busy / 3600.0) * CORES * (0.5 * float(costs.mean()) + figures["start_up_seconds"])
    busy += lost / workers
    planning = HOURS * 3600.0 / RECORDING / driver["lines_per_second"]
    hours = (busy + planning) / 3600.0
    tokens = HOURS * 3600.0 * kind["tokens_per_second"]
    parts = {
        "work": float(costs.mean()) * total / workers / 3600.0,
        "planning": planning / 3600.0,
        "handing out": total / driver_rate / 3600.0,
        "reading": HOURS * 3600.0 * AUDIO_RATE / (NETWORK * machines) / 3600.0,
        "writing": tokens * 4.0 / (NETWORK * machines) / 3600.0,
    }
    return {
        "system": name,
        "machines": machines,
        "batch_seconds": batch_seconds,
        "hours": hours,
        "machine_hours": hours * machines,
        "dollars": hours * machines * PRICE,
        "bottleneck": max(parts, key=lambda part: parts[part]),
        "hours_if_alone": parts,
        "idle_share": 1.0 - float(costs.mean()) * total / (3600.0 * hours * workers),
        "tokens": tokens,
        "gigabytes_of_tokens": tokens * 4.0 / 1e9,
    }


def schedule(costs: np.ndarray, workers: int, driver_rate: float, start_up: float) -> tuple[float, float]:
    """When the last batch ends, and for how long workers waited for it, all together."""
    free = [start_up] * workers
    heapq.heapify(free)
    handed = start_up
    for cost in costs.tolist():
        handed = max(handed + 1.0 / driver_rate, 0.0)
        begun = max(heapq.heappop(free), handed)
        heapq.heappush(free, begun + cost)
    last = max(free)
    return last, math.fsum(last - one for one in free)


if __name__ == "__main__":
    main()
