"""Lines that scroll up above a status line on a terminal; lines alone in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import typer


class Screen(Protocol):
    """Where lines are shown."""

    def print(self, line: str) -> None:
        """A result: to standard output."""
        ...

    def say(self, line: str) -> None:
        """A message: to standard error."""
        ...


@contextmanager
def open_screen(status: Callable[[], str]) -> Iterator[Screen]:
    """A screen until the end of the block.

    Args:
        status: the status line; on a terminal it is asked for a few times a second, by another thread.
    """
    if sys.stdout is None or not sys.stdout.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    def line() -> Text:
        return Text(status(), style="reverse", no_wrap=True, overflow="ellipsis")

    console = Console()
    together = sys.stderr is not None and sys.stderr.isatty()
    with Live(
        get_renderable=line,
        console=console,
        refresh_per_second=5,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=together,
    ):
        yield _Terminal(console, together)


class _Lines:
    """A pipe or a file: every line as soon as it is there."""

    def print(self, line: str) -> None:
        typer.echo(line)

    def say(self, line: str) -> None:
        typer.echo(line, err=True)


class _Terminal:
    """Lines above the status line.

    Args:
        console: of standard output.
        together: whether messages go to a terminal too.
    """

    def __init__(self, console: Any, together: bool) -> None:
        self._console, self._together = console, together

    def print(self, line: str) -> None:
        self._print(line)

    def say(self, line: str) -> None:
        if self._together:
            self._print(line, style="dim")
        else:
            typer.echo(line, err=True)

    def _print(self, line: str, style: str | None = None) -> None:
        self._console.print(line, style=style, markup=False, highlight=False, emoji=False, soft_wrap=True)
