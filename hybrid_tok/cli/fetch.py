"""`hybrid-tok fetch NAME`: download a model into the cache."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from hybrid_tok.core.model_fetch import fetch_model
from hybrid_tok.core.progress import Progress


def fetch(
    name: Annotated[str, typer.Argument(help="A model's name; `hybrid-tok info` lists them.")],
) -> None:
    """Download a model, checked against its release. Nothing else downloads."""
    with _download_progress(name) as progress:
        folder = fetch_model(name, progress)
    typer.echo(f"{name} is in {folder}", err=True)


@contextmanager
def _download_progress(name: str) -> Iterator[Progress]:
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
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as ProgressBar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with ProgressBar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
