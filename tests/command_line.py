"""The command, run as users run it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from hybrid_tok.__main__ import main


def run_alone(
    *arguments: str | Path, cwd: Path | None = None, stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run `hybrid-tok` in a process of its own."""
    command = [sys.executable, "-m", "hybrid_tok", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, timeout=300)


def run(
    *arguments: str | Path, cwd: Path | None = None, stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run `hybrid-tok` in this process, with its own standard streams, folder, environment and warnings.

    It does all that the command does but to start an interpreter and import what is imported already, which takes
    longer than most of what is tested.
    """
    command = ["hybrid-tok", *map(str, arguments)]
    with contextlib.ExitStack() as stack:
        given, out, err = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(3))
        given.write(stdin or b"")
        given.seek(0)
        code = 0
        with _streams(given, out, err), _folder(cwd), _as_in_a_new_process(command):
            try:
                main()
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
            except BaseException:
                traceback.print_exc()
                code = 1
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, code, out.read(), err.read())


@contextlib.contextmanager
def _streams(*files: IO[bytes]) -> Iterator[None]:
    """Put files in the place of the standard streams, also for libraries that write past Python."""
    streams = sys.stdin, sys.stdout, sys.stderr
    for stream in streams[1:]:
        stream.flush()
    held = [os.dup(number) for number in range(3)]
    try:
        for number, file in enumerate(files):
            os.dup2(file.fileno(), number)
        # They end with the descriptors, which stay open.
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
    finally:
        sys.stdin, sys.stdout, sys.stderr = streams
        for number, descriptor in enumerate(held):
            os.dup2(descriptor, number)
            os.close(descriptor)


@contextlib.contextmanager
def _folder(path: Path | None) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(path or before)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _as_in_a_new_process(command: list[str]) -> Iterator[None]:
    """Arguments, and Python's own filters of warnings; the environment is put back."""
    arguments, environment = sys.argv, dict(os.environ)
    sys.argv = command
    try:
        with warnings.catch_warnings():
            warnings.resetwarnings()
            for ignored in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
                warnings.simplefilter("ignore", ignored)
            yield
    finally:
        sys.argv = arguments
        os.environ.clear()
        os.environ.update(environment)
