"""How a parent and its worker processes talk: length-prefixed messages over pipes.

A message is two unsigned 32-bit big-endian lengths, a JSON header and a binary body. Sizes are checked before
anything is allocated. Only the standard library is imported, so that a worker starts fast.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any, TypeAlias

MAX_HEADER = 1 << 24
MAX_BODY = 1 << 29
_PREFIX = struct.Struct(">II")


class ProtocolError(Exception):
    """The other side has gone, or says what is no message."""


@dataclass(frozen=True, slots=True)
class Message:
    """A JSON header, and bytes that go with it."""

    header: dict[str, Any] = field(default_factory=dict)
    body: bytes = b""


Handler: TypeAlias = Callable[[Message], Message]


def write_message(stream: IO[bytes], message: Message) -> None:
    """Write a message and flush."""
    header = json.dumps(message.header).encode()
    if len(header) > MAX_HEADER or len(message.body) > MAX_BODY:
        raise ProtocolError(f"message too large: header of {len(header)} bytes, body of {len(message.body)}")
    stream.write(_PREFIX.pack(len(header), len(message.body)) + header + message.body)
    stream.flush()


def read_message(stream: IO[bytes]) -> Message | None:
    """Read a message; None when the stream ends before one begins."""
    prefix = _read_exactly(stream, _PREFIX.size, may_end=True)
    if prefix is None:
        return None
    header_size, body_size = _PREFIX.unpack(prefix)
    if header_size > MAX_HEADER or body_size > MAX_BODY:
        raise ProtocolError(f"message too large: header of {header_size} bytes, body of {body_size}")
    header = json.loads(_read_exactly(stream, header_size) or b"")
    if not isinstance(header, dict):
        raise ProtocolError("a message's header must be a JSON object")
    return Message(header, _read_exactly(stream, body_size) or b"")


def _read_exactly(stream: IO[bytes], size: int, may_end: bool = False) -> bytes | None:
    data = stream.read(size) if size else b""
    if not data and size and may_end:
        return None
    if len(data) < size:
        raise ProtocolError(f"the stream ended after {len(data)} of {size} bytes")
    return data


def serve(make_handler: Callable[[], Handler]) -> None:
    """Answer requests from standard input on standard output until it ends; the worker's main loop.

    The handler is made once. Each request is then handled in a forked child of the process in which no request has
    ever been handled, so that an answer depends on its request alone: espeak-ng keeps state between utterances and
    drifts by some samples. Where the system has no fork, the handler is made again for each request instead.

    A request that fails is answered with {"error": one line}.
    """
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a C library that prints must not print into the protocol
    handler = make_handler()
    write_message(answers, Message({"ready": True}))
    while (request := read_message(requests)) is not None:
        if not hasattr(os, "fork"):
            write_message(answers, _answer(handler, request))
            handler = make_handler()
            continue
        child = os.fork()
        if child == 0:
            status = 1
            try:
                write_message(answers, _answer(handler, request))
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)  # no exit handlers: what was registered belongs to the parent
        _, status = os.waitpid(child, 0)
        if status != 0:
            sys.exit(f"the child that handled a request ended with {os.waitstatus_to_exitcode(status)}")


def _answer(handler: Handler, request: Message) -> Message:
    try:
        return handler(request)
    except Exception as error:
        plain = isinstance(error, ValueError | RuntimeError) and str(error)
        return Message({"error": (str(error) if plain else f"{type(error).__name__}: {error}").splitlines()[0]})
