"""Commands run where there is no network, by a process that writes down each attempt to reach one.

Two nets: an audit hook in every Python process sees attempts from Python, and the counters of a network namespace of
their own, which has no interface that is up, see those of C libraries too.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from hybrid_tok.core.model_cache import cache_folder

_HOOK = """
import os, sys

def forbid(event, args):
    if event.startswith("socket.") or event == "urllib.Request":
        with open(os.environ["NETWORK_LOG"], "a") as log:
            log.write(f"{event} {args!r}\\n")
        raise PermissionError(f"the test forbids {event}")

sys.addaudithook(forbid)
"""
_QUIET = ("CI", "GITHUB_ACTIONS", "ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY")
"""With any of these in the environment onnxruntime reports nothing, so that a test would see nothing."""


@dataclass(frozen=True, slots=True)
class Offline:
    """What became of commands without a network.

    Attributes:
        returncode, output: of the first that failed, or 0; all they printed.
        attempts: calls of Python's that would have used the network.
        packets: connections and datagrams that anything in the namespace has tried.
        left: files in the home folder and the folder for temporary files.
    """

    returncode: int
    output: str
    attempts: tuple[str, ...]
    packets: int
    left: tuple[str, ...]


def run_offline(folder: Path, *commands: Sequence[str | Path]) -> Offline:
    """Run commands one after the other in a folder. Where there are no network namespaces the test is skipped; in CI
    it fails."""
    if subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode != 0:
        missing = "no network namespace can be made here"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    inside, log, counters = folder / "offline", folder / "network.log", folder / "counters"
    for name in ("site", "home", "tmp"):
        (inside / name).mkdir(parents=True)
    (inside / "site" / "sitecustomize.py").write_text(_HOOK)
    script = "\n".join(shlex.join(map(str, command)) for command in commands)
    script = f"set -e\ntrap 'cat /proc/net/snmp /proc/net/snmp6 > {shlex.quote(str(counters))}' EXIT\n{script}\n"
    environment = {name: value for name, value in os.environ.items() if name not in _QUIET} | {
        "PYTHONPATH": str(inside / "site"),
        "NETWORK_LOG": str(log),
        "HOME": str(inside / "home"),
        "TMPDIR": str(inside / "tmp"),
        "HYBRID_TOK_CACHE": str(cache_folder()),
    }
    result = subprocess.run(
        ["unshare", "-rn", "sh", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )
    left = sorted(str(path.relative_to(inside)) for name in ("home", "tmp") for path in (inside / name).rglob("*"))
    attempts = tuple(log.read_text().splitlines()) if log.exists() else ()
    return Offline(result.returncode, result.stdout, attempts, _packets(counters.read_text()), tuple(left))


def _packets(counters: str) -> int:
    """Connections opened, datagrams sent, and packets of either that had no way out."""
    found: dict[str, int] = {}
    lines = counters.splitlines()
    for names, values in pairwise(lines):
        protocol, _, rest = names.partition(":")
        if values.startswith(f"{protocol}:") and rest.split()[0].isalpha():
            found |= {
                f"{protocol}{name}": int(value) for name, value in zip(rest.split(), values.split()[1:], strict=True)
            }
    found |= {line.split()[0]: int(line.split()[1]) for line in lines if line.startswith("Ip6")}
    wanted = ("IpOutNoRoutes", "Ip6OutNoRoutes", "TcpActiveOpens", "UdpOutDatagrams")
    return sum(found[name] for name in wanted)
