"""The `hybrid-tok` command, also as `python -m hybrid_tok`."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

STOPPED, READER_GONE = 130, 141
"""Exit codes: 128 and the number of the signal that ends other commands there, SIGINT and SIGPIPE."""


def main() -> None:
    """Run the command. Ctrl-C ends it with one line, also while modules are still being imported; a reader of its
    output that has seen enough (`| head -1`) ends it with none.

    SIGPIPE itself stays ignored: a worker that dies must not take this process along.
    """
    try:
        from hybrid_tok.cli.main import run

        try:
            run()
        finally:
            if sys.stdout is not None:  # it was closed by whoever started us
                sys.stdout.flush()  # here, where a broken pipe can still be caught
    except KeyboardInterrupt:
        sys.stderr.write("hybrid-tok: stopped; nothing half-written\n")
        sys.exit(STOPPED)
    except (SystemExit, BrokenPipeError) as ended:
        broken = ended.__context__ if isinstance(ended, SystemExit) else ended  # typer makes an exit code of it
        if not isinstance(broken, BrokenPipeError):
            raise
        _end_quietly(broken)


def _end_quietly(broken: BrokenPipeError) -> None:
    if broken.filename not in (None, "-"):  # a pipe that was named as the output
        with suppress(OSError):
            os.write(2, f"hybrid-tok: {broken.filename}: {broken.strerror}\n".encode())
        sys.exit(2)
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes standard output once more when it ends
    sys.exit(READER_GONE)


if __name__ == "__main__":
    main()
