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


def _bar(*columns: Any) -> Any:
    from rich.console import Console
    from rich.progress import Progress as Bar

    return Bar(*columns, console=Console(stderr=True), transient=True)
