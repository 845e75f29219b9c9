"""Who encodes the batches: this process, or workers on Ray."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hybrid_tok import errors
from hybrid_tok.core.threads import thread_count
from hybrid_tok.corpus.metrics import Metrics
from hybrid_tok.corpus.rows import ShardInfo
from hybrid_tok.corpus.step import EncodeStep
from hybrid_tok.corpus.worker import Job, Report, Task, Worker
from hybrid_tok.errors import (
    BackendError,
    CorpusError,
    GrammarError,
    HybridTokError,
    OptionsError,
    first_line,
    printable,
)


class Engine(Protocol):
    """Encodes batches.

    Attributes:
        every_run: whether a recording that kills its process ends the run (see `Journal`).
        workers, machines: at work; known once `run` has begun.
    """

    every_run: bool
    workers: int
    machines: int

    def run(self, job: Job, tasks: Sequence[Task]) -> Iterator[Report]:
        """A report per batch, in any order."""
        ...


class LocalEngine:
    """One batch after the other in this process.

    Args:
        make_step: what encodes, in place of the job's own.
    """

    every_run = True
    workers = machines = 1

    def __init__(self, make_step: Callable[[], EncodeStep] | None = None) -> None:
        self._make_step = make_step

    def run(self, job: Job, tasks: Sequence[Task]) -> Iterator[Report]:
        """See `Engine`."""
        worker = Worker(job, None if self._make_step is None else self._make_step())
        yield from map(worker, tasks)


@dataclass(frozen=True, slots=True)
class RayOptions:
    """What workers on Ray get.

    Attributes:
        address: of a cluster, "auto" for the one that this machine is part of; None starts Ray on this machine.
        workers: at most; None is as many as the cluster has room for.
        cpus, gpus: of each worker; fractions of a GPU are shared.
        memory: of each worker, in GiB, by which Ray places them.

    Raises:
        OptionsError: a number that makes no worker.
    """

    address: str | None = None
    workers: int | None = None
    cpus: int = 1
    gpus: float = 0.0
    memory: float = 1.5

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise OptionsError(f"--workers must be auto or 1 or more, not {self.workers}")
        if self.cpus < 1:
            raise OptionsError(f"--cpus-per-worker must be 1 or more, not {self.cpus}")
        if self.gpus < 0.0 or not self.memory > 0.0:
            raise OptionsError("--gpus-per-worker cannot be negative, and --memory-per-worker must be above 0")


class RayEngine:
    """Workers in an actor pool of Ray Data, which places them, feeds them and starts them again.

    Ray delivers in any order, and retries a batch whose worker has died without end: what is done and what was tried
    is in the journal, not in Ray.
    """

    every_run = False

    def __init__(self, options: RayOptions) -> None:
        self.options = options
        self.workers = self.machines = 0

    def run(self, job: Job, tasks: Sequence[Task]) -> Iterator[Report]:
        """See `Engine`.

        Raises:
            BackendError: Ray is not installed, or there is no such cluster.
            CorpusError: no worker fits into the cluster, or one cannot go on.
        """
        ray = _import_ray()
        own = self._connect(ray)
        try:
            self.workers, self.machines = self._room(ray, len(tasks))
            try:
                yield from self._reports(ray, job, tasks)
            except ray.exceptions.RayError as error:
                raise _said(error) from None
        finally:
            if own:
                ray.shutdown()

    def _connect(self, ray: Any) -> bool:
        """Connect to the cluster, or start one; whether it is ours to end."""
        if ray.is_initialized():
            return False
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        for name in ("ray", "ray.data"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
        if self.options.address is None:
            options |= {"num_cpus": max(thread_count(), self.options.cpus), "include_dashboard": False}
        else:
            _knock(self.options.address)
        try:
            # Without an address, Ray would join whatever cluster has last run on this machine.
            ray.init(address=self.options.address or "local", **options)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            where = self.options.address or "this machine"
            raise BackendError(f"Ray on {where}: {first_line(error)}") from None
        return True

    def _room(self, ray: Any, tasks: int) -> tuple[int, int]:
        """Workers that have room, and machines."""
        options = self.options
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        most = sum(workers_on(machine, options) for machine in machines)
        if most < 1:
            has = max(machines, key=lambda machine: machine.get("CPU", 0.0), default={})
            raise CorpusError(
                f"no worker with {options.cpus} CPUs, {options.gpus:g} GPUs and {options.memory:g} GiB fits on a "
                f"machine of the cluster; the largest has {has.get('CPU', 0):g} CPUs, {has.get('GPU', 0):g} GPUs and "
                f"{has.get('memory', 0) / 2**30:.1f} GiB: ask for less (--memory-per-worker), or larger machines"
            )
        return min(most, options.workers or most, max(tasks, 1)), len(machines)

    def _reports(self, ray: Any, job: Job, tasks: Sequence[Task]) -> Iterator[Report]:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        blocks = min(len(tasks), 20_000)
        data = ray.data.from_items([asdict(task) for task in tasks], override_num_blocks=blocks).map_batches(
            _RayWorker,
            fn_constructor_args=(job,),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(min_size=1, initial_size=self.workers, max_size=self.workers),
            num_cpus=self.options.cpus,
            num_gpus=self.options.gpus or None,
            memory=round(self.options.memory * 2**30),
        )
        for row in data.iter_rows():
            yield _report_from_json(json.loads(row["report"]))


def workers_on(machine: Mapping[str, float], options: RayOptions) -> int:
    """How many workers have room on a machine with these resources, as Ray names them."""
    needs = {"CPU": float(options.cpus), "memory": options.memory * 2**30, "GPU": options.gpus}
    # 1.0 // 0.1 is 9.
    return min(int(machine.get(name, 0.0) / need + 1e-9) for name, need in needs.items() if need)


class _RayWorker:
    """An actor. What it fails with goes back as a value: Ray would make many lines of it."""

    def __init__(self, job: Job) -> None:
        self._worker: Worker | None = None
        self._fault: HybridTokError | None = None
        self._metrics = Metrics()
        try:
            self._worker = Worker(job)
        except HybridTokError as error:
            self._fault = error

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        reports: list[str] = []
        for shard, number in zip(batch["shard"], batch["batch"], strict=True):
            try:
                reports.append(json.dumps(asdict(self._encode(Task(int(shard), int(number))))))
            except HybridTokError as error:
                reports.append(json.dumps({"fault": str(error), "kind": type(error).__name__}))
        return {"report": np.asarray(reports, object)}

    def _encode(self, task: Task) -> Report:
        if self._worker is None:
            assert self._fault is not None
            raise self._fault
        report = self._worker(task)
        self._metrics.add(report)
        return report


def _knock(address: str) -> None:
    """Ray ends the process, without a word, where nothing answers.

    Raises:
        BackendError: nothing listens at HOST:PORT.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in host:  # auto, and Ray's other kinds of address
        return
    try:
        socket.create_connection((host, int(port)), timeout=10.0).close()
    except OSError as error:
        raise BackendError(f"Ray on {address}: nothing answers ({error.strerror or error})") from None


def _report_from_json(written: dict[str, Any]) -> Report:
    """What a worker has sent.

    Raises:
        HybridTokError: what it failed with.
    """
    if "fault" in written:
        kind = getattr(errors, written["kind"], CorpusError)
        raise (kind if issubclass(kind, HybridTokError) and kind is not GrammarError else CorpusError)(written["fault"])
    shard = written["shard"]
    return Report(
        **{**written, "task": Task(**written["task"]), "shard": None if shard is None else ShardInfo.from_json(shard)}
    )


def _said(error: Exception) -> CorpusError:
    """What Ray fails with, without its traces and colours: the last line has the cause."""
    lines = _COLOURS.sub("", str(error)).strip().splitlines() or [type(error).__name__]
    return CorpusError(f"Ray: {printable(lines[-1].strip()[:300])}")


_COLOURS = re.compile(r"\x1b\[[\d;]*m")


def _import_ray() -> Any:
    try:
        import ray
        import ray.data
    except ImportError:
        raise BackendError(
            "workers on Ray need ray: pip install 'hybrid-tok[corpus]', or give --workers 1 for one process"
        ) from None
    return ray
