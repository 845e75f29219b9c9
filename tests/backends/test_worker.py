"""The worker process and its protocol."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid_tok.backends.protocol import MAX_BODY, Message, ProtocolError, read_message, write_message
from hybrid_tok.backends.worker import Worker
from hybrid_tok.errors import BackendError

ECHO = "backends.echo_worker"


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(ECHO, timeout=30)
    yield worker
    worker.close()


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def ends(pid: int, seconds: float = 10.0) -> bool:
    """Whether a process that was killed is gone soon: a kill is delivered some time after it was sent."""
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


def test_messages_come_back_unchanged() -> None:
    stream = io.BytesIO()
    messages = [Message({"text": "é你😀\n", "n": [1, 2.5, None]}, b"\0\1\2"), Message(), Message(body=b"x" * 100_000)]
    for message in messages:
        write_message(stream, message)
    stream.seek(0)
    assert [read_message(stream) for _ in messages] == messages
    assert read_message(stream) is None


def test_sizes_are_checked_before_anything_is_read() -> None:
    with pytest.raises(ProtocolError, match="too large"):
        read_message(io.BytesIO(struct.pack(">II", 2, MAX_BODY + 1) + b"{}"))
    with pytest.raises(ProtocolError, match="ended after 1 of 2"):
        read_message(io.BytesIO(struct.pack(">II", 2, 0) + b"{"))
    with pytest.raises(ProtocolError, match="ended after 3 of 8"):
        read_message(io.BytesIO(b"abc"))
    with pytest.raises(ProtocolError, match="JSON object"):
        read_message(io.BytesIO(struct.pack(">II", 2, 0) + b"[]"))


def test_every_request_gets_a_process_that_has_handled_none(worker: Worker) -> None:
    answers = [worker.request(Message(body=bytes([i])), "it") for i in range(3)]
    assert [answer.body for answer in answers] == [b"\0", b"\1", b"\2"]
    assert [answer.header["count"] for answer in answers] == [1, 1, 1]
    assert {answer.header["parent"] for answer in answers} == {worker.pid}


def test_failure_is_one_line_and_the_worker_goes_on(worker: Worker) -> None:
    with pytest.raises(BackendError, match=r"^echo worker failed on 1\.00-2\.00 s: cannot do that$"):
        worker.request(Message({"act": "fail"}), "1.00-2.00 s")
    pid = worker.pid
    assert worker.request(Message(), "it").header["parent"] == pid


def test_printing_does_not_break_the_protocol(worker: Worker) -> None:
    assert worker.request(Message({"act": "print"}, b"x"), "it").body == b"x"


def test_death_is_told_with_the_last_words_and_the_next_request_starts_it_again(worker: Worker) -> None:
    first = worker.request(Message(), "it").header["parent"]
    with pytest.raises(BackendError, match=r"died on 'hello': the child that handled a request ended with -9"):
        worker.request(Message({"act": "die"}), "'hello'")
    assert worker.pid is None and not alive(first)
    assert worker.request(Message(), "it").header["parent"] != first


def test_killed_from_outside_the_request_is_made_again(worker: Worker) -> None:
    pid = worker.request(Message(), "it").header["parent"]
    os.kill(pid, 9)
    answer = worker.request(Message(body=b"x"), "it")
    assert answer.header["count"] == 1 and answer.body == b"x" and answer.header["parent"] != pid


def test_a_child_that_outlives_the_worker_is_ended_too() -> None:
    worker = Worker(ECHO, timeout=3)
    first = worker.request(Message(), "it").header
    parent, children = first["parent"], set[int]()

    def kill() -> None:
        while not children:
            found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
            children.update({int(pid) for pid in found} - {first["pid"]})
        os.kill(parent, 9)

    killer = threading.Thread(target=kill)
    killer.start()
    worker.timeout = 1.0
    with pytest.raises(BackendError, match=r"no answer within 1 s"):
        worker.request(Message({"act": "sleep"}), "it")
    killer.join()
    assert ends(parent) and all(map(ends, children))


def test_timeout_ends_the_worker_and_its_child() -> None:
    worker = Worker(ECHO, timeout=3)
    parent = worker.request(Message(), "it").header["parent"]
    worker.timeout = 0.5
    with pytest.raises(BackendError, match=r"no answer within 0\.5 s"):
        worker.request(Message({"act": "sleep"}), "it")
    assert not alive(parent)


def test_a_module_that_does_not_start() -> None:
    with pytest.raises(BackendError, match=r"died on its start: .*No module named"):
        Worker("backends.no_such_worker").request(Message(), "it")


SCRIPT = """
import signal
import sys
from hybrid_tok.backends.protocol import Message
from hybrid_tok.backends.worker import Worker

# A shell starts its background jobs with Ctrl-C ignored, and whatever they start inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
print("main runs")
worker = Worker("backends.echo_worker")
print(worker.request(Message(), "it").header["parent"], flush=True)
if len(sys.argv) > 1:
    worker.request(Message({"act": "sleep"}), "it")
"""


def script(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    return subprocess.Popen(
        [sys.executable, str(path), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def test_a_script_needs_no_main_guard_and_leaves_no_process(tmp_path: Path) -> None:
    out, errors = script(tmp_path).communicate(timeout=60)
    lines = out.splitlines()
    assert errors == "" and lines[0] == "main runs" and len(lines) == 2
    assert not alive(int(lines[1]))


def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    process = script(tmp_path, "sleep")
    assert process.stdout is not None
    process.stdout.readline()
    pid = int(process.stdout.readline())
    time.sleep(0.5)
    process.send_signal(2)
    _, errors = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert not alive(pid)
