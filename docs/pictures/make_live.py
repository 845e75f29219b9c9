"""Makes docs/pictures/live.svg: `hybrid-tok live` in a terminal emulator, hearing a recording in real time.

    pip install pyte
    python docs/pictures/make_live.py talk.wav docs/pictures/live.svg [options of hybrid-tok live]

The command runs in a pseudo-terminal; what it writes goes to pyte, whose screen, as it last stood with a status line,
is drawn as SVG. It is not run by the tests.
"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path
from typing import IO, Any

import pyte  # pyright: ignore[reportMissingImports]

from hybrid_tok.audio import read_mono

COLUMNS, ROWS = 92, 26
RATE, STEP = 16_000, 1_600
WIDTH, HEIGHT = 8.4, 19.0
"""Of a character, in pixels."""

STYLE = """
.paper { fill: #ffffff; stroke: #d0d7de } .ink { fill: #1f2328 } .inverse { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  .paper { fill: #0d1117; stroke: #3d444d } .ink { fill: #e6edf3 } .inverse { fill: #0d1117 }
}
text { font: 14px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre }
"""


def feed(recording: Path, pipe: IO[bytes]) -> None:
    """Write a recording as fast as it is heard."""
    samples = read_mono(recording, RATE)[0].samples
    data = (samples * 32767).astype("<i2")
    begun = time.monotonic()
    for start in range(0, len(data), STEP):
        time.sleep(max(begun + start / RATE - time.monotonic(), 0))
        pipe.write(data[start : start + STEP].tobytes())
        pipe.flush()
    pipe.close()


def watch(recording: Path, options: list[str]) -> list[list[Any]]:
    """The characters of the screen, row by row, when the status line was last shown."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    command = [sys.executable, "-m", "hybrid_tok", "live", "-", *options]
    environment = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    stream.feed(f"$ ... | {' '.join(['hybrid-tok', 'live', '-', *options])}\r\n".encode())
    assert process.stdin is not None
    threading.Thread(target=feed, args=(recording, process.stdin), daemon=True).start()
    shown: list[list[Any]] = []
    while True:
        try:
            data = os.read(ours, 1 << 16)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        stream.feed(data)
        if any(" heard | " in line for line in screen.display):
            shown = [[screen.buffer[row][column] for column in range(COLUMNS)] for row in range(ROWS)]
    process.wait()
    return shown


def draw(rows: list[list[Any]]) -> Iterator[str]:
    """The lines of the SVG."""
    width, height = COLUMNS * WIDTH + 24, len(rows) * HEIGHT + 24
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img">'
    yield "<title>hybrid-tok live in a terminal: lines with their times, and a status line below them</title>"
    yield f"<style>{STYLE}</style>"
    yield f'<rect class="paper" x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="8"/>'
    for number, row in enumerate(rows):
        column, y = 0, 12 + number * HEIGHT
        for reverse, run in groupby(row, key=lambda one: one.reverse):
            text = "".join(one.data for one in run)
            x, length = 12 + column * WIDTH, len(text) * WIDTH
            column += len(text)
            if reverse:
                yield f'<rect class="ink" x="{x:g}" y="{y:g}" width="{length:g}" height="{HEIGHT:g}"/>'
            if text.strip():
                shown = text.rstrip()
                inside = f'textLength="{len(shown) * WIDTH:g}" xml:space="preserve"'
                kind = "inverse" if reverse else "ink"
                yield f'<text class="{kind}" x="{x:g}" y="{y + 14:g}" {inside}>{escape(shown)}</text>'
    yield "</svg>"


def main() -> None:
    recording, picture, *options = sys.argv[1:]
    rows = watch(Path(recording), options)
    while rows and not "".join(one.data for one in rows[-1]).strip():
        rows.pop()
    Path(picture).write_text("\n".join(draw(rows)) + "\n", "utf-8")


if __name__ == "__main__":
    main()
