"""A worker for tests: echoes, counts, fails, prints, sleeps and dies on request."""

from __future__ import annotations

import os
import signal
import time

from hybrid_tok.backends.protocol import Handler, Message, serve


def make_handler() -> Handler:
    state = {"count": 0}

    def handle(request: Message) -> Message:
        state["count"] += 1
        act = request.header.get("act", "echo")
        if act == "fail":
            raise ValueError("cannot do that\nsecond line")
        if act == "print":
            os.write(1, b"noise on standard output\n")
        if act == "sleep":
            time.sleep(60)
        if act == "die":
            os.write(2, b"something broke\n")
            os.kill(os.getpid(), signal.SIGKILL)
        return Message({"count": state["count"], "pid": os.getpid(), "parent": os.getppid()}, request.body)

    return handle


if __name__ == "__main__":
    serve(make_handler)
