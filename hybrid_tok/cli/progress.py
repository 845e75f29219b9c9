"""Progress on a terminal: a bar for long work, and one for a download."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

from hybrid_tok.core.progress import Progress


@contextmanager
def stage_progress() -> Iterator[Callable[[str, float, float], None] | None]:
    """One bar on a terminal, with the stage's name and the time left in it; nothing in a pipe.

    Called with (stage, done, total).
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<16}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with _bar(*columns) as bar:
        task, shown = bar.add_task("", total=None), ""

        def update(stage: str, done: float, total: float) -> None:
            nonlocal shown
            if stage != shown:
                bar.reset(task, description=stage, total=total)
                shown = stage
            bar.update(task, completed=done, total=total)

        yield update


@contextmanager
def download_progress(name: str) -> Iterator[Progress]:
    """A bar on a terminal; in a pipe, a line for each tenth of the bytes."""
    if not sys.stderr.isatty():
        tenths = 0

        def say(done: float, total: float) -> None:
            nonlocal tenths
            if int(10 * done / total) > tenths:
                tenths = int(10 * done / total)
                typer.echo(f"{name}: {done / 1e6:,.0f} of {total / 1e6:,.0f} MB", err=True)

        yield say
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with _bar(*columns) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def row_progress() -> Iterator[Callable[[Any, int, int, float], None]]:
    """A bar on a terminal, with the time left from the first row on; in a pipe, a line for each tenth.

    Called with (row, rows done, rows in all, seconds left); a row with an error is a line of its own.
    """
    if not sys.stderr.isatty():
        shown = 0

        def say(row: Any, done: int, total: int, left: float) -> None:
            nonlocal shown
            if done == 1 or done == total or 10 * done // total > shown:
                shown = 10 * done // total
                typer.echo(f"{done} of {total} done, about {left:.0f} s left", err=True)

        yield say
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with _bar(*columns) as bar:
        task = bar.add_task("estimating", total=None)

        def update(row: Any, done: int, total: int, left: float) -> None:
            minutes, seconds = divmod(round(left), 60)
            bar.update(task, completed=done, total=total, description=f"{minutes}:{seconds:02d} left, {row.recording}")
            if row.error is not None:
                bar.console.print(f"{row.recording}, {row.system}: {row.error}", markup=False)

        yield update


def _bar(*columns: Any) -> Any:
    from rich.console import Console
    from rich.progress import Progress as Bar

    return Bar(*columns, console=Console(stderr=True), transient=True)
