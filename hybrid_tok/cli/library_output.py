"""What C libraries print by themselves: one warning in place of raw lines through the progress bar."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import typer


@contextmanager
def collected_library_output() -> Iterator[None]:
    """Collect what is written to file descriptor 2, while `sys.stderr` goes on to where it went; tell of it at the end.

    Decoders of damaged recordings, such as mpg123, write there whatever they like.
    """
    try:
        shown = os.dup(2)
    except OSError:  # standard error is closed
        yield
        return
    with tempfile.TemporaryFile() as kept, os.fdopen(shown, "w", buffering=1, encoding="utf-8", errors="replace") as to:
        before, sys.stderr = sys.stderr, to
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(shown, 2)
            kept.seek(0)
            _tell(kept.read(1 << 16).decode(errors="replace"))
            sys.stderr = before


_LOG = re.compile(r"\[\d{4}-\d\d-\d\d [\d:,]+ [DIWE] \d+ \d+\] \w+\.cc:\d+: ")
"""A line of the log of Ray's core: what matters of it, Ray raises."""


def _tell(printed: str) -> None:
    lines = [line.strip() for line in printed.splitlines() if line.strip() and not _LOG.match(line)]
    if lines:
        more = f" (and {len(lines) - 1} more lines)" if len(lines) > 1 else ""
        typer.echo(f"hybrid-tok: warning of a library: {lines[0][:200]}{more}", err=True)
