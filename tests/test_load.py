"""Hundreds of encodes and decodes in one process over four threads: equal results, and nothing that grows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from real_audio import recording

RUNS, WARM, THREADS = 480, 280, 4
AS_TEXT_EVERY = 8
"""One run in so many goes through recognizer and synthesizer, which take ten times as long."""

CLIPS = ("ljspeech/LJ001-0014", "librispeech/1688-142285-0003", "aishell1/BAC009S0150W0020", "ljspeech/LJ001-0004")
CLIP_SECONDS = 1.5
GROWTH = 14 << 20
"""Bytes that the process may grow by after it is warm: the allocator's pools fill until about run 240, and what they
keep then varies by some 5 MB. Of 200 runs it is 73 kB each, less than the samples of one clip."""

_SCRIPT = """
import gc, json, os, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hybrid_tok import HybridTokenizer
from hybrid_tok.audio import read_mono

runs, warm, threads, as_text_every, seconds = json.loads(sys.argv[1])
clips = [read_mono(path)[0].samples[: int(seconds * 16_000)] for path in sys.argv[2:]]
units = HybridTokenizer.from_preset(layout="units")
text = HybridTokenizer.from_preset(layout="text", synthesizer="espeak", events=False)

def work(number):
    tokenizer = text if number % as_text_every == 0 else units
    ids = tokenizer.encode((clips[number // as_text_every % len(clips)], 16_000))
    return ids, tokenizer.decode(ids).samples.tobytes()

def state():
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    tasks = list(Path("/proc/self/task").iterdir())
    return {
        "bytes": pages * os.sysconf("SC_PAGE_SIZE"),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": len(tasks),
        "children": sum(len((task / "children").read_text().split()) for task in tasks),
    }

expected = {number: work(number) for number in range(as_text_every * len(clips))}
wrong, states = 0, []
with ThreadPoolExecutor(threads) as pool:
    for first, end in ((0, warm), (warm, runs)):
        for number, found in zip(range(first, end), pool.map(work, range(first, end))):
            wrong += found != expected[number % len(expected)]
        found = None
        states.append(state())
print(json.dumps({"wrong": wrong, "lengths": [len(ids) for ids, _ in expected.values()], "states": states}))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the process's figures are read from /proc")
def test_hundreds_of_encodes_and_decodes_over_four_threads() -> None:
    clips = [str(recording(f"dev/{clip}.flac")) for clip in CLIPS]
    settings = json.dumps([RUNS, WARM, THREADS, AS_TEXT_EVERY, CLIP_SECONDS])
    result = subprocess.run(
        [sys.executable, "-c", _SCRIPT, settings, *clips],
        env={**os.environ, "HYBRID_TOK_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert min(found["lengths"]) > 5
    assert found["wrong"] == 0
    warm, end = found["states"]
    assert end["descriptors"] == warm["descriptors"]
    assert end["children"] == warm["children"] == 1, "the one process of espeak-ng"
    assert end["threads"] <= warm["threads"]
    assert end["bytes"] - warm["bytes"] < GROWTH, (warm, end)
