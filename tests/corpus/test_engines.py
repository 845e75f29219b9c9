"""Workers on Ray: the same shards as in one process, whoever dies. Ray runs in a process of its own in each test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from command_line import run

from corpora import UNITS, digests, make_corpus
from dying_workers import ONCE, POISONED
from hybrid_tok.corpus.engines import LocalEngine, RayEngine, RayOptions, _report_from_json, _said, workers_on
from hybrid_tok.corpus.plan import ShardOptions
from hybrid_tok.corpus.rows import ShardInfo
from hybrid_tok.corpus.run import CorpusOptions, encode_corpus
from hybrid_tok.corpus.worker import Report, Task
from hybrid_tok.errors import BackendError, CorpusError, OptionsError

OPTIONS = CorpusOptions(format="parquet", shards=ShardOptions(recordings=4))

SCRIPT = """
import json, pathlib, sys
import ray
from corpora import UNITS
from hybrid_tok.corpus.engines import RayEngine, RayOptions
from hybrid_tok.corpus.plan import ShardOptions
from hybrid_tok.corpus.run import CorpusOptions, encode_corpus

hook = {"worker_process_setup_hook": "dying_workers.install"}
ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR", runtime_env=hook)
options = CorpusOptions(format="parquet", shards=ShardOptions(recordings=4))
seen = []
engine = RayEngine(RayOptions(memory=0.5))
finished = encode_corpus(sys.argv[1], sys.argv[2], UNITS, engine, options, seen.append)
found = {"rows": finished.figures.rows, "failures": finished.failures, "workers": engine.workers,
         "shards": seen[-1].shards_done, "batches": seen[-1].batches_done}
pathlib.Path(sys.argv[3]).write_text(json.dumps(found))
"""


def on_ray(manifest: Path, output: Path, **environment: str) -> dict[str, Any]:
    given = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), **environment}
    found = output.with_suffix(".found.json")  # Ray writes to standard output when it likes
    command = [sys.executable, "-c", SCRIPT, str(manifest), str(output), str(found)]
    done = subprocess.run(command, capture_output=True, timeout=400, env=given)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return json.loads(found.read_text())


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpus"), [0.2 + 0.05 * k for k in range(10)])


@pytest.fixture(scope="module")
def alone(manifest: Path) -> Path:
    """The corpus as one process makes it."""
    output = manifest.parent / "alone"
    encode_corpus(str(manifest), str(output), UNITS, LocalEngine(), OPTIONS)
    return output


@pytest.mark.parametrize("mode", ["well", "unlucky"])
def test_the_shards_are_those_of_one_process_also_if_a_worker_dies(mode: str, manifest: Path, alone: Path) -> None:
    output, mark = manifest.parent / mode, manifest.parent / "died"
    found = on_ray(manifest, output, **({ONCE: str(mark)} if mode == "unlucky" else {}))
    assert found == {"rows": 10, "failures": 0, "workers": 2, "shards": 3, "batches": 3}
    assert digests(output) == digests(alone)
    assert mark.exists() == (mode == "unlucky")


def test_a_recording_that_kills_its_workers_is_set_aside_and_the_run_goes_on(manifest: Path) -> None:
    output = manifest.parent / "poisoned"
    assert on_ray(manifest, output, **{POISONED: "r002"})["rows"] == 9
    (line,) = (output / "errors.jsonl").read_text().splitlines()
    failure = json.loads(line)
    assert (failure["id"], failure["reason"]) == ("audio/r002", "killed")
    assert failure["message"] == "ended the process that encoded it, 2 times"


def test_a_report_goes_through_json() -> None:
    shard = ShardInfo("shard-000001", {"a": (1, "ff")}, 2, 1.5, 7, "f")
    report = Report(Task(1, 2), 2, 1, 1.5, 7, {"load": 0.25}, 0.5, shard)
    assert _report_from_json(json.loads(json.dumps(asdict(report)))) == report


@pytest.mark.parametrize(
    ("machine", "options", "workers"),
    [
        ({"CPU": 8.0, "memory": 12 * 2.0**30}, RayOptions(), 8),
        ({"CPU": 8.0, "memory": 4 * 2.0**30}, RayOptions(), 2),
        ({"CPU": 3.0, "memory": 99 * 2.0**30}, RayOptions(cpus=4), 0),
        ({"CPU": 16.0, "memory": 99 * 2.0**30, "GPU": 1.0}, RayOptions(gpus=0.1), 10),
        ({"CPU": 16.0, "memory": 99 * 2.0**30}, RayOptions(gpus=0.5), 0),
    ],
)
def test_workers_fit_on_a_machine(machine: dict[str, float], options: RayOptions, workers: int) -> None:
    assert workers_on(machine, options) == workers


def test_what_a_worker_fails_with_is_raised_here() -> None:
    with pytest.raises(BackendError, match=r"^no model$"):
        _report_from_json({"fault": "no model", "kind": "BackendError"})
    with pytest.raises(CorpusError, match=r"^position 3$"):
        _report_from_json({"fault": "position 3", "kind": "GrammarError"})


def test_of_what_ray_says_the_cause_is_told() -> None:
    said = _said(RuntimeError("\x1b[36mray::f()\x1b[39m (pid=1)\n  File x\nValueError: odd\x07\n"))
    assert str(said) == "Ray: ValueError: odd\\x07"
    assert str(_said(RuntimeError())) == "Ray: RuntimeError"


@pytest.mark.parametrize(
    ("given", "message"),
    [({"workers": 0}, "--workers"), ({"cpus": 0}, "--cpus-per-worker"), ({"gpus": -1.0}, "--gpus-per-worker")],
)
def test_impossible_workers_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        RayOptions(**given)


def test_without_ray_the_message_has_what_installs_it(monkeypatch: pytest.MonkeyPatch, manifest: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BackendError, match=r"pip install 'hybrid-tok\[corpus\]', or give --workers 1"):
        encode_corpus(str(manifest), str(manifest.parent / "none"), UNITS, RayEngine(RayOptions()), OPTIONS)


def test_no_cluster_at_an_address_is_an_error(manifest: Path) -> None:
    engine = RayEngine(RayOptions(address="127.0.0.1:1"))
    with pytest.raises(BackendError, match=r"Ray on 127\.0\.0\.1:1: nothing answers \("):
        encode_corpus(str(manifest), str(manifest.parent / "none"), UNITS, engine, OPTIONS)


def test_what_is_missing_at_a_worker_is_said_in_one_line(manifest: Path) -> None:
    output = manifest.parent / "missing"
    command = ["corpus", "encode", manifest, "-o", output, "--workers", "2", "--model", manifest.parent / "nowhere"]
    done = run(*command)
    assert done.returncode == 2
    lines = [line for line in done.stderr.decode().splitlines() if line.startswith("hybrid-tok: ")]
    assert len(lines) == 1 and "nowhere" in lines[0], done.stderr.decode()
