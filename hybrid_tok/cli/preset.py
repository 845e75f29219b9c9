"""`hybrid-tok preset`: write a choice of backends and options as a file that can be shared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hybrid_tok.cli.options import EVERYTHING, takes_options
from hybrid_tok.cli.paths import Force, check_target
from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.core.interfaces import STAGES
from hybrid_tok.options import LOCAL_OPTIONS
from hybrid_tok.presets import find_preset, format_preset

SHARED = tuple(name for name in EVERYTHING if name not in LOCAL_OPTIONS or name in STAGES)


@takes_options(*SHARED)
def preset(
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")] = Path("hybrid_tok.toml"),
    base: Annotated[str, typer.Option(help="The preset to build on, or a preset file.")] = "default",
    description: Annotated[str, typer.Option(help="What it is for, in a line.")] = "",
    force: Force = False,
    **options: Any,
) -> None:
    """Write a preset file: the backends and options chosen here, with the names and hashes of models and no paths."""
    target = check_target(output, (base,) if base.endswith(".toml") else (), force)
    found = find_preset(base)
    chosen = found.with_options(options)
    found.check(chosen)
    content = format_preset(found, chosen, description or found.description)
    with atomic_write(target) as file:
        file.write(content.encode())
    typer.echo(f"wrote {target}: use it with --preset {target}", err=True)
