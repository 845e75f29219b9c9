"""Runs systems over the recordings of a suite in several processes, and keeps what is done when it is stopped.

A recording goes through all systems in one process, so that it is recognized once. Each process serves one thread here:
where a system takes its process down, that system has an error for that recording, and a new process goes on. Every row
is appended to a journal beside the results as soon as it is there; the next run with the same target takes from it what
is of the same systems and metrics.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hybrid_tok.bench.bootstrap import Score
from hybrid_tok.bench.measured import DIGITS, FORMAT, VERSION, Measured, MeasuredError, Row
from hybrid_tok.bench.metrics.catalogue import METRICS, Metric
from hybrid_tok.bench.metrics.scored import Judges, Scored
from hybrid_tok.bench.results import rounded
from hybrid_tok.bench.score import ScoreOptions
from hybrid_tok.bench.suites import Entry
from hybrid_tok.bench.systems import Rendering, System, Systems
from hybrid_tok.bench.truth import Truth
from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.core.audio import Audio
from hybrid_tok.core.threads import VARIABLE, thread_count
from hybrid_tok.errors import HybridTokError, OptionsError

LONGEST_WAVEFORM = 120.0
"""Seconds of a recording from which its waveform is not compared, as in Codec-SUPERB."""

_START = 12.0
_LISTENING, _SPEAKING, _UNITS, _PEER = 0.5, 0.7, 0.15, 0.05
_METRIC: Mapping[str, float] = MappingProxyType({"pesq_wb": 0.1, "stoi": 0.03, "f0_correlation": 0.25, "mel": 0.03})
_NETWORK = 0.3
"""Seconds on one of two cores until a process has begun, and per second of a recording: to recognize it once, to speak
a system's words, for its units, for a peer; for a metric, and for one that asks a network."""

OnRow = Callable[[Row, int, int, float], None]
"""Called with a new row, rows done, rows in all, and the seconds that are left, by what the rows so far have taken."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What is run.

    Attributes:
        systems: names, as `System.parse` reads them.
        metrics: keys of `METRICS`.
        recognizer: model of the listener that hears decoded speech.
        force_waveform: compare waveforms in free timing too, where they lie elsewhere.
        jobs: processes; None is one per two cores, at least one.
        seed: of the bootstrap.
        score: weights of the hybrid score.
    """

    systems: tuple[str, ...]
    metrics: tuple[str, ...]
    recognizer: str = "base"
    force_waveform: bool = False
    jobs: int | None = None
    seed: int = 0
    score: ScoreOptions = field(default_factory=ScoreOptions)

    def __post_init__(self) -> None:
        for kind, names in (("system", self.systems), ("metric", self.metrics)):
            if not names:
                raise OptionsError(f"no {kind} to run: name one")
            twice = [name for index, name in enumerate(names) if name in names[:index]]
            if twice:
                raise OptionsError(f"the {kind} {twice[0]!r} is named twice")
        for name in self.metrics:
            if name not in METRICS:
                raise OptionsError(f"no metric is called {name!r}; there are: {', '.join(METRICS)}")
        if self.jobs is not None and self.jobs < 1:
            raise OptionsError(f"jobs={self.jobs}: give 1 or more processes")

    @property
    def processes(self) -> int:
        """How many run at a time."""
        return self.jobs or max(1, thread_count() // 2)


def expected_seconds(seconds: float, options: RunOptions) -> float:
    """Roughly how long a run takes, before it has begun: from what each part took on two cores of 2020.

    Args:
        seconds: of all recordings.
    """
    systems = [System.parse(name) for name in options.systems]
    ours = [system for system in systems if system.ours]
    speaking = sum(system.options.get("layout") != "units" for system in ours)
    each = (_LISTENING if speaking else 0.0) + speaking * _SPEAKING + len(ours) * _UNITS
    each += (len(systems) - len(ours)) * _PEER
    metrics = sum(_METRIC.get(name, 0.0 if METRICS[name].cheap else _NETWORK) for name in options.metrics)
    cores = max(options.processes, thread_count()) / 2
    return _START + seconds * (each + len(systems) * metrics) / cores / 2


def run(
    suite: str, folder: Path, entries: Sequence[Entry], out: Path, options: RunOptions, on_row: OnRow | None = None
) -> Measured:
    """Measure all systems on all recordings, write the results to `out`, and return them.

    Errors of a recording or of a system are in the results (`Measured.errors`); the others go on.

    Args:
        suite: its name, for the results.
        folder: what the recordings are from, likewise.

    Raises:
        OptionsError: a system's name is no such name.
        MeasuredError: a journal of other results lies where this one's would.
    """
    for name in options.systems:
        System.parse(name)
    wanted = [(entry.name, system) for entry in entries for system in options.systems]
    journal = out.with_name(f"{out.name}.partial")
    rows = {(row.recording, row.system): row for row in _read_journal(journal, options)}
    rows = {key: rows[key] for key in wanted if key in rows}
    todo = queue.SimpleQueue[tuple[Entry, tuple[str, ...]]]()
    for entry in entries:
        left = tuple(system for system in options.systems if (entry.name, system) not in rows)
        if left:
            todo.put((entry, left))
    if not todo.empty():
        with atomic_write(journal) as start:  # a line that was cut off is left out
            start.write("".join(map(_line, (_header(options), *(row.to_json() for row in rows.values())))).encode())
        with journal.open("a", encoding="utf-8") as file:
            clock = _Clock(len(wanted) - len(rows))
            for row in _in_processes(todo, options):
                file.write(_line(row.to_json()))
                file.flush()
                rows[row.recording, row.system] = row
                if on_row is not None:
                    on_row(row, len(rows), len(wanted), clock.left())
    measured = Measured(
        suite,
        folder.name,
        options.systems,
        options.metrics,
        tuple(rows[key] for key in wanted),
        options.seed,
        options.score,
    )
    measured.save(out)
    journal.unlink(missing_ok=True)
    return measured


class _Clock:
    """Guesses how long a run takes: what is left at the pace so far."""

    def __init__(self, rows: int) -> None:
        self._started, self._rows, self._done = time.monotonic(), rows, 0

    def left(self) -> float:
        self._done += 1
        return (time.monotonic() - self._started) / self._done * (self._rows - self._done)


def _in_processes(todo: queue.SimpleQueue[Any], options: RunOptions) -> Iterator[Row]:
    """Rows as they come, from as many processes as are asked for."""
    done = queue.SimpleQueue[Row | BaseException | None]()
    stop = threading.Event()
    workers = [
        threading.Thread(target=_serve, args=(todo, done, stop, options), daemon=True) for _ in range(options.processes)
    ]
    for worker in workers:
        worker.start()
    try:
        ended = 0
        while ended < len(workers):
            row = done.get()
            if isinstance(row, BaseException):
                raise row
            if row is None:
                ended += 1
            else:
                yield row
    finally:
        stop.set()
        for worker in workers:
            worker.join()


def _serve(
    todo: queue.SimpleQueue[Any], done: queue.SimpleQueue[Any], stop: threading.Event, options: RunOptions
) -> None:
    """Hand recordings to one process until there are none; it is replaced when it dies."""
    process = _start(options)
    try:
        while not stop.is_set():
            try:
                entry, systems = todo.get_nowait()
            except queue.Empty:
                break
            for system in systems:
                if stop.is_set():
                    break
                try:
                    row = process.submit(_measure, entry, system, options).result()
                except BrokenProcessPool:
                    died = "the process died of it (out of memory, or a crash of native code)"
                    row = Row(entry.name, system, "", entry.category, 0.0, error=died)
                    process.shutdown()
                    process = _start(options)
                done.put(row)
        done.put(None)
    except BaseException as error:  # a bug: raised where the rows are read
        done.put(error)
    finally:
        process.shutdown(cancel_futures=True)


def _start(options: RunOptions) -> ProcessPoolExecutor:
    threads = max(1, thread_count() // options.processes)
    # Not forked: threads of libraries that hold locks do not survive it.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=_set_threads, initargs=(threads,))


def _set_threads(threads: int) -> None:
    os.environ[VARIABLE] = str(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)


@cache
def _systems() -> Systems:
    return Systems(keep=1)


@cache
def _judges(recognizer: str) -> Judges:
    return Judges(recognizer)


def _measure(entry: Entry, name: str, options: RunOptions) -> Row:
    """A row, in a process of its own."""
    row = Row(entry.name, name, "", entry.category, 0.0)
    try:
        audio = entry.read()
        truth = entry.truth(audio)
        row = replace(row, seconds=round(audio.seconds, DIGITS), fingerprint=_systems().fingerprint(name))
        rendering = _systems().render(name, entry.name, audio)
        system = System.parse(name)
        scored = _scored(audio, truth, rendering)
        scores = {
            metric: _score(METRICS[metric], scored, system, options, _judges(options.recognizer))
            for metric in options.metrics
        }
        return Row.from_json({**row.to_json(), "scores": rounded(scores, DIGITS)})
    except (HybridTokError, OSError) as error:
        return replace(row, error=str(error))
    except Exception as error:  # of a peer, or of a metric's library: the run goes on
        return replace(row, error=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")


def _scored(audio: Audio, truth: Truth, rendering: Rendering) -> Scored:
    return Scored(
        reference=audio,
        decoded=rendering.audio,
        truth=truth,
        tokens=rendering.tokens,
        bits=rendering.bits,
        counts=rendering.counts,
        analysis=rendering.analysis,
    )


def _score(metric: Metric, scored: Scored, system: System, options: RunOptions, judges: Judges) -> Score | None:
    if metric.locked_only and system.timing == "free" and not options.force_waveform:
        return None
    if metric.group == "waveform" and scored.reference.seconds > LONGEST_WAVEFORM:
        return None
    if not scored.reference.num_samples or not all(scored.has(need) for need in metric.needs):
        return None
    return metric.measure(scored, judges)


def _header(options: RunOptions) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "metrics": list(options.metrics),
        "recognizer": options.recognizer,
        "force_waveform": options.force_waveform,
    }


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False) + "\n"


def _read_journal(path: Path, options: RunOptions) -> list[Row]:
    """Rows of a run that was stopped; its errors are tried again."""
    if not path.is_file():
        return []
    lines = path.read_text("utf-8").splitlines()
    entries: list[Any] = []
    for line in lines:
        with contextlib.suppress(ValueError):  # the last line of a run that was killed
            entries.append(json.loads(line))
    if not entries or entries[0] != _header(options):
        other = "other metrics or another recognizer"
        raise MeasuredError(f"{path} is of a run with {other}: give those, remove it, or choose another --out")
    rows = [Row.from_json(entry) for entry in entries[1:]]
    current = {system: _fingerprint(system) for system in {row.system for row in rows} & {*options.systems}}
    return [row for row in rows if row.error is None and row.fingerprint == current.get(row.system)]


def _fingerprint(system: str) -> str | None:
    try:
        return Systems(keep=1).fingerprint(system)
    except HybridTokError:
        return None
