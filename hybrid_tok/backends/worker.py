"""A worker process, for libraries that must not run in this one.

Workers are plain subprocesses that speak `protocol` over pipes: unlike those of multiprocessing they never import
the caller's main script again, so that a script needs no `if __name__ == "__main__"`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import IO

from hybrid_tok.backends.protocol import Message, ProtocolError, read_message, write_message
from hybrid_tok.errors import BackendError

_BOOT = """
import runpy, sys
sys.path[:] = [path for path in sys.path if path]
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""
"""Like `python -m`, but without the current folder on the path: whatever lies there must not be imported."""


class _DiedError(BackendError):
    """The process has gone, though there was time left."""


class Worker:
    """One worker process. It is started by the first request, and again by the next one after it has died.

    A request during which it dies is made once more: it may have been killed from outside, such as by a system short of
    memory, and an answer depends on nothing but its request. Threads wait for each other. A forked process leaves its
    parent's worker alone, and starts its own.

    Args:
        module: run as `python -m` would; its main calls `protocol.serve`.
        timeout: seconds a request may take, and so may the start.
    """

    def __init__(self, module: str, timeout: float = 600.0) -> None:
        self.module = module
        self.timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._finalizer: weakref.finalize | None = None
        self._lock = threading.Lock()
        self._owner = os.getpid()

    @property
    def pid(self) -> int | None:
        """Process id while the worker runs."""
        return None if self._process is None else self._process.pid

    def request(self, message: Message, what: str) -> Message:
        """Send a request and wait for its answer.

        Args:
            what: names the request in errors.

        Raises:
            BackendError: the worker failed, died twice, or took longer than `timeout`.
        """
        if self._owner != os.getpid():  # its pipes and its lock are the parent's
            self._owner, self._lock = os.getpid(), threading.Lock()
            self._process = self._errors = None
        with self._lock:
            try:
                answer = self._attempt(message, what)
            except _DiedError:
                answer = self._attempt(message, what)
        if "error" in answer.header:
            raise BackendError(f"{self._short} failed on {what}: {answer.header['error']}")
        return answer

    def close(self) -> None:
        """End the process, with the children it has forked."""
        self._process = self._errors = None
        if self._finalizer is not None:
            self._finalizer()
            self._finalizer = None

    @property
    def _short(self) -> str:
        return self.module.rpartition(".")[2].replace("_", " ")

    def _attempt(self, message: Message, what: str) -> Message:
        process = self._process or self._start()
        return self._guarded(process, lambda: self._exchange(process, message), what)

    def _start(self) -> subprocess.Popen[bytes]:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the worker lives
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        process = subprocess.Popen(
            [sys.executable, "-c", _BOOT, self.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            start_new_session=True,  # Ctrl-C goes to the parent, which then ends the whole group
        )
        self._process = process
        self._finalizer = weakref.finalize(self, _release, process, self._errors, os.getpid())
        assert process.stdout is not None
        stdout = process.stdout
        self._guarded(process, lambda: read_message(stdout), "its start")
        return process

    def _exchange(self, process: subprocess.Popen[bytes], message: Message) -> Message | None:
        assert process.stdin is not None and process.stdout is not None
        write_message(process.stdin, message)
        return read_message(process.stdout)

    def _guarded(self, process: subprocess.Popen[bytes], act: Callable[[], Message | None], what: str) -> Message:
        """Run an exchange; whatever goes wrong, the process is ended, because its pipe may be half-read."""
        late = threading.Event()

        def expire() -> None:
            late.set()
            _end(process)

        timer = threading.Timer(self.timeout, expire)
        timer.daemon = True
        timer.start()
        try:
            answer = act()
            if answer is None:
                raise ProtocolError("it ended without an answer")
            return answer
        except (OSError, ProtocolError, ValueError) as error:
            last_words = self._last_words()
            self.close()
            if late.is_set():
                raise BackendError(f"{self._short} died on {what}: no answer within {self.timeout:g} s") from None
            raise _DiedError(f"{self._short} died on {what}: {last_words or error}") from None
        except BaseException:
            self.close()
            raise
        finally:
            timer.cancel()

    def _last_words(self) -> str:
        """The last line the worker wrote to standard error."""
        if self._errors is None:
            return ""
        self._errors.seek(0)
        lines = self._errors.read()[-4096:].decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker and all it forked, also if it is dead itself. It holds nothing that needs saving."""
    if process.returncode is None:  # not waited for yet, so that its id is still its own
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
        process.wait()


def _release(process: subprocess.Popen[bytes], errors: IO[bytes], owner: int) -> None:
    """End a worker and close what led to it; also run when a `Worker` is forgotten, and when Python exits.

    Args:
        owner: the process that started it; a fork of that process does not end it.
    """
    if os.getpid() == owner:
        _end(process)
    for file in (process.stdin, process.stdout, errors):
        if file is not None:
            with suppress(OSError):
                file.close()
