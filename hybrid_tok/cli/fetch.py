"""`hybrid-tok fetch NAME`: download a model into the cache."""

from __future__ import annotations

from typing import Annotated

import typer

from hybrid_tok.cli.progress import download_progress
from hybrid_tok.core.model_fetch import fetch_model


def fetch(
    name: Annotated[str, typer.Argument(help="A model's name; `hybrid-tok info` lists them.")],
) -> None:
    """Download a model, checked against its release. Nothing else downloads."""
    with download_progress(name) as progress:
        folder = fetch_model(name, progress)
    typer.echo(f"{name} is in {folder}", err=True)
