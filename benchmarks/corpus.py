"""How corpora are encoded: overhead, stages, what survives kills, and how work spreads over machines.

    python benchmarks/corpus.py --data ../shared/audio --out benchmarks/results/corpus.json

Run it on an otherwise idle machine with two cores. The recordings are made by cutting those of `dev/` and `train/` at
random (seeded) places.

- overhead: clips through the bare loop (`tokenizer.analyze` of each file) and through `encode_corpus` in one process,
  with the same loaded tokenizer, one after the other, three times each; the fastest of each counts.
- stages: seconds of work per second of audio, per stage and in all, with one thread, by model and layout; quantiles
  over the recordings, which the sizing page is simulated from (`benchmarks/corpus_size.py`).
- driver: lines of a manifest that are planned in a second, and batches that Ray Data hands in a second to two workers
  that do nothing with them.
- memory: one process over thousands of clips; resident memory after each tenth.
- kills: clips on two workers. One run is left alone. The other is killed (SIGKILL) at random moments: a worker, one of
  Ray's own processes, or the command. The shards of both are compared by hash. `units` has 10,000 clips of a second,
  `hybrid` 150 of two to six seconds with everything that the default preset does.
- nodes: two Ray nodes of one CPU each, each pinned to its core, against one; and two of which one is killed midway.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile

from hybrid_tok.bench.results import measure_parts, read_arguments
from hybrid_tok.core.manifest import read_manifest
from hybrid_tok.core.timeline import DEFAULT_GRID
from hybrid_tok.corpus.batches import BatchOptions
from hybrid_tok.corpus.engines import LocalEngine
from hybrid_tok.corpus.entries import Entry
from hybrid_tok.corpus.plan import ShardOptions, make_plan
from hybrid_tok.corpus.run import CorpusOptions, Progress, encode_corpus
from hybrid_tok.corpus.sources import read_entries
from hybrid_tok.corpus.step import EncodeStep, TokenizerRecipe
from hybrid_tok.corpus.store import Store

RATE = 16_000
PARTS = ("overhead", "stages", "driver", "memory", "kills_units", "kills_hybrid", "nodes")
UNITS = {"layout": "units", "num_codebooks": 1}
KILLS = 20
TARGETS = {"overhead": 0.05, "two nodes over one": 1.7, "kills that change a shard": 0}
SYSTEMS: dict[str, dict[str, Any]] = {
    "Whisper base": {},
    "Whisper tiny.en": {"model": "tiny.en", "language": "en"},
    "Whisper base, no events, one speaker": {"events": False, "diarize": False},
    "units only": {"layout": "units"},
}


def main() -> None:
    arguments = read_arguments(__doc__, "corpus", PARTS)
    data, limit = arguments.data.resolve(), arguments.limit
    about = {
        "command": "python benchmarks/corpus.py",
        "limit": limit,
        "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()},
        "targets": TARGETS,
    }
    with tempfile.TemporaryDirectory() as folder:
        parts = {
            "overhead": lambda: overhead(data, Path(folder), limit or 60),
            "stages": lambda: stages(data, Path(folder), limit or 24),
            "driver": lambda: driver(Path(folder), limit or 4000),
            "memory": lambda: memory(data, Path(folder), limit or 3000),
            "kills_units": lambda: kills(data, Path(folder), limit or 10_000, (0.6, 1.4), UNITS),
            "kills_hybrid": lambda: kills(data, Path(folder), limit or 150, (2.0, 6.0), {}),
            "nodes": lambda: nodes(data, Path(folder), limit or 240),
        }
        measure_parts(arguments, parts, about)


def make_clips(data: Path, folder: Path, count: int, seconds: tuple[float, float], seed: int) -> Path:
    """A folder of clips, and the manifest about them."""
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "audio").mkdir(parents=True)
    sources = [clip.path for name in ("train", "dev") for clip in _speech(data / name)]
    if not sources:
        raise SystemExit(f"{data}: no recordings")
    generator = random.Random(seed)
    lines: list[str] = []
    read: dict[Path, Any] = {}
    while len(lines) < count:
        path = generator.choice(sources)
        length = generator.uniform(*seconds)
        if path not in read:
            read[path] = soundfile.read(path, dtype="float32")[0]
        samples = read[path]
        wanted = round(length * RATE)
        if len(samples) < wanted:
            continue
        start = generator.randrange(len(samples) - wanted + 1)
        name = f"audio/{len(lines):05d}.wav"
        soundfile.write(folder / name, samples[start : start + wanted], RATE)
        lines.append(json.dumps({"audio_filepath": name, "duration": wanted / RATE}))
    manifest = folder / "manifest.jsonl"
    manifest.write_text("".join(f"{line}\n" for line in lines))
    return manifest


def _speech(folder: Path) -> list[Any]:
    return [clip for clip in read_manifest(folder) if "eval-only" not in clip.name]


def overhead(data: Path, folder: Path, count: int) -> dict[str, Any]:
    """The bare loop against the corpus, in one process with one loaded tokenizer."""
    manifest = make_clips(data, folder / "overhead", count, (2.0, 6.0), seed=1)
    step = EncodeStep(TokenizerRecipe())
    step.setup()
    paths = sorted((manifest.parent / "audio").iterdir())
    loops: list[float] = []
    corpora: list[float] = []
    for turn in range(3):
        begun = time.perf_counter()
        for path in paths:
            step.tokenizer.analyze(path)
        loops.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        encode_corpus(str(manifest), str(folder / f"overhead{turn}"), TokenizerRecipe(), LocalEngine(lambda: step))
        corpora.append(time.perf_counter() - begun)
    return {
        "clips": count,
        "loop_seconds": min(loops),
        "corpus_seconds": min(corpora),
        "overhead": min(corpora) / min(loops) - 1.0,
        "runs": {"loop": loops, "corpus": corpora},
    }


def stages(data: Path, folder: Path, count: int) -> dict[str, Any]:
    """Work per second of audio."""
    manifest = make_clips(data, folder / "stages", count, (4.0, 14.0), seed=2)
    talks = sorted((data / "dialogues").glob("*.flac"))[: max(1, count // 6)]
    found: dict[str, Any] = {}
    for name, options in SYSTEMS.items():
        step = EncodeStep(TokenizerRecipe(options=options))
        step.setup()
        found[name] = {"start_up_seconds": _start_up(options)}
        for kind, entries in (
            ("clips of 4 to 14 s", _entries(manifest)),
            ("conversations", _talks(talks)),
        ):
            step.stage_seconds.clear()
            ratios: list[float] = []
            total = 0.0
            tokens = 0
            for entry in entries:
                begun = time.perf_counter()
                audio, _, analysis = step.analyze(entry)
                ratios.append((time.perf_counter() - begun) / audio.seconds)
                total += audio.seconds
                tokens += len(analysis.ids)
            found[name][kind] = {
                "seconds": total,
                "tokens_per_second": tokens / total,
                "work_per_second": sum(step.stage_seconds.values()) / total,
                "stages": {stage: spent / total for stage, spent in step.stage_seconds.items()},
                "quantiles": np.quantile(ratios, np.linspace(0.0, 1.0, 21)).tolist(),
            }
    return found


def _start_up(options: dict[str, Any]) -> float:
    """Seconds until a new process can encode."""
    code = (
        "from hybrid_tok.corpus.step import EncodeStep, TokenizerRecipe\n"
        f"EncodeStep(TokenizerRecipe(options={options!r})).setup()"
    )
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begun


def driver(folder: Path, count: int) -> dict[str, Any]:
    """Lines of a manifest planned, and batches handed out through Ray Data, in a second."""
    manifest = folder / "plan.jsonl"
    line = {"duration": 8.0, "text": "what was said here, some twenty words of it in a line as they usually are"}
    lines = [json.dumps({"audio_filepath": f"audio/{number}.flac", **line}) for number in range(10 * count)]
    manifest.write_text("\n".join(lines))
    begun = time.perf_counter()
    plan = make_plan(Store(folder / "plan"), read_entries(str(manifest)), ShardOptions(), BatchOptions(), DEFAULT_GRID)
    planned = plan.entries / (time.perf_counter() - begun)
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    items = [{"shard": number, "batch": 0} for number in range(count)]
    data = ray.data.from_items(items, override_num_blocks=count).map_batches(
        _Nothing, batch_size=1, compute=ray.data.ActorPoolStrategy(size=2), num_cpus=1
    )
    rows = iter(data.iter_rows())
    next(rows)
    begun = time.perf_counter()
    done = sum(1 for _ in rows)
    spent = time.perf_counter() - begun
    ray.shutdown()
    return {"batches": done, "batches_per_second": done / spent, "lines_per_second": planned}


class _Nothing:
    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        return batch


def _entries(manifest: Path) -> list[Entry]:
    return [one for one in read_entries(str(manifest)) if isinstance(one, Entry)]


def _talks(paths: Sequence[Path]) -> list[Entry]:
    from hybrid_tok.corpus.entries import AudioPlace

    return [Entry(path.stem, AudioPlace(str(path)), path.name) for path in paths]


def memory(data: Path, folder: Path, count: int) -> dict[str, Any]:
    """Resident memory of one process after each tenth."""
    found: dict[str, Any] = {}
    for name, clips, seconds, options in (
        ("units only", count, (0.6, 1.4), UNITS),
        ("Whisper base", max(10, count // 30), (2.0, 6.0), {}),
    ):
        manifest = make_clips(data, folder / "memory", clips, seconds, seed=3)
        used: list[float] = []

        def note(progress: Progress, used: list[float] = used) -> None:
            while len(used) < 10 * progress.batches_done // progress.batches:
                used.append(psutil.Process().memory_info().rss / 2**20)

        shards = ShardOptions(recordings=200)
        recipe = TokenizerRecipe(options=options)
        output = str(folder / f"memory {name}")
        encode_corpus(str(manifest), output, recipe, LocalEngine(), CorpusOptions(shards=shards), note)
        found[name] = {"clips": clips, "mib_after_each_tenth": used}
    return found


def kills(
    data: Path, folder: Path, count: int, seconds: tuple[float, float], options: dict[str, Any]
) -> dict[str, Any]:
    """A run that is killed again and again against one that is left alone."""
    manifest = make_clips(data, folder / "kills", count, seconds, seed=4)
    command = _command(manifest, options, "--workers", "2", "--shard-recordings", str(max(20, count // 40)))
    whole, broken = folder / "whole", folder / "broken"
    for output in (whole, broken):
        shutil.rmtree(output, ignore_errors=True)
    begun = time.perf_counter()
    subprocess.run([*command, "-o", str(whole)], check=True, capture_output=True)
    alone = time.perf_counter() - begun
    generator = random.Random(5)
    killed: list[str] = []
    runs = 0
    begun = time.perf_counter()
    while True:
        runs += 1
        process = subprocess.Popen(
            [*command, "-o", str(broken)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        while len(killed) < KILLS and process.poll() is None:
            with _suppressed(subprocess.TimeoutExpired):
                process.wait(generator.uniform(0.02, 0.13) * max(alone, 150.0))
            if process.poll() is None:
                killed.append(_kill_one(process.pid, generator))
        _, said = process.communicate()
        _end_group(process.pid)
        if process.returncode == 0:
            break
        if runs > KILLS + 5:
            raise SystemExit(f"run {runs} ended with {process.returncode}: {said.decode()[-500:]}")
    disturbed = time.perf_counter() - begun
    same = _digests(whole) == _digests(broken)
    shutil.rmtree(broken)
    return {
        "clips": count,
        "kills": len(killed),
        "killed": {name: killed.count(name) for name in sorted(set(killed))},
        "runs": runs,
        "shards": len(list(whole.glob("*.tar"))),
        "identical": same,
        "seconds_left_alone": alone,
        "seconds_with_kills": disturbed,
    }


def _kill_one(pid: int, generator: random.Random) -> str:
    """Kill the command, a worker, or a process of Ray; its name."""
    processes = {"command": [psutil.Process(pid)]}
    for child in psutil.Process(pid).children(recursive=True):
        with _suppressed(psutil.Error):
            title = " ".join(child.cmdline()) or child.name()
            if title.startswith("ray::") and "IDLE" not in title:
                processes.setdefault("worker", []).append(child)
            elif "gcs_server" in title or "raylet" in title:
                processes.setdefault("gcs_server" if "gcs_server" in title else "raylet", []).append(child)
    # Mostly workers: what ends the command costs another start.
    names = [name for name in ("worker", "worker", "worker", "command", "raylet", "gcs_server") if name in processes]
    name = generator.choice(names)
    with _suppressed(psutil.Error):
        generator.choice(processes[name]).kill()
    return name


def _end_group(pid: int) -> None:
    """What a killed command has left running."""
    with _suppressed(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    for process in psutil.process_iter(["name", "cmdline"]):
        title = " ".join(process.info["cmdline"] or ())
        if "raylet" in title or "gcs_server" in title or title.startswith("ray::"):
            with _suppressed(psutil.Error):
                process.kill()
    time.sleep(1.0)


def nodes(data: Path, folder: Path, count: int) -> dict[str, Any]:
    """Two nodes against one, and two of which one is killed."""
    manifest = make_clips(data, folder / "nodes", count, (2.0, 6.0), seed=6)
    os.environ["RAY_AUTH_MODE"] = "disabled"  # both nodes are this machine
    command = _command(manifest, {}, "--shard-recordings", str(max(10, count // 20)), "--address", "127.0.0.1:6399")
    found: dict[str, Any] = {"clips": count}
    digests: list[dict[str, str]] = []
    for name, cores, kill in (("one node", 1, False), ("two nodes", 2, False), ("two nodes, one killed", 2, True)):
        output = folder / name
        with _cluster(cores) as started:
            begun = time.perf_counter()
            process = subprocess.Popen([*command, "-o", str(output)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            if kill:
                time.sleep(0.5 * found["two nodes"])
                for child in psutil.Process(started[1].pid).children(recursive=True):
                    with _suppressed(psutil.Error):
                        child.kill()
                started[1].kill()
            _, said = process.communicate()
            found[name] = time.perf_counter() - begun
        if process.returncode:
            raise SystemExit(f"{name}: ended with {process.returncode}: {said.decode()[-500:]}")
        digests.append(_digests(output))
    found["times_one_node"] = found["one node"] / found["two nodes"]
    found["identical"] = digests[0] == digests[1] == digests[2]
    return found


@contextmanager
def _cluster(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Ray nodes on this machine, each pinned to a core."""
    common = ["--num-cpus=1", "--disable-usage-stats", "--block", "--object-store-memory=200000000"]
    started: list[subprocess.Popen[bytes]] = []
    try:
        for number in range(count):
            where = (
                ["--head", "--port=6399", "--include-dashboard=false"] if number == 0 else ["--address=127.0.0.1:6399"]
            )
            started.append(
                subprocess.Popen(
                    ["taskset", "-c", str(number), shutil.which("ray") or "ray", "start", *where, *common],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            )
            time.sleep(12.0)
        yield started
    finally:
        for process in started:
            _end_group(process.pid)
            process.wait()


def _command(manifest: Path, options: dict[str, Any], *more: str) -> list[str]:
    given = [
        part
        for name, value in options.items()
        for part in (f"--{'codebooks' if name == 'num_codebooks' else name.replace('_', '-')}", str(value))
    ]
    return [sys.executable, "-m", "hybrid_tok", "corpus", "encode", str(manifest), *given, *more]


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the shards and of the lists of shards and errors."""
    names = [*sorted(folder.glob("shard-*")), folder / "shards.jsonl", folder / "errors.jsonl"]
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in names}


def _suppressed(*errors: type[BaseException]) -> Any:
    from contextlib import suppress

    return suppress(*errors)


if __name__ == "__main__":
    main()
