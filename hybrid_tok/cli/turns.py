"""`hybrid-tok turns`: who talks when in a token file, and how the turns change."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hybrid_tok.cli.options import takes_options
from hybrid_tok.errors import OptionsError, StreamError, printable
from hybrid_tok.tokenizer import HybridTokenizer
from hybrid_tok.tokens.blocks import stream_of_file
from hybrid_tok.tokens.container import read_file
from hybrid_tok.tokens.talk_spurts import Party
from hybrid_tok.tokens.turn_taking import (
    CSV_COLUMNS,
    FactKind,
    TurnTaking,
    TurnTakingOptions,
    fact_rows,
    turn_taking,
    turn_taking_to_json,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

_DEFAULT = TurnTakingOptions()


@takes_options("text_tokenizer", "unit_merges", "codec")
def turns(
    tokens: Annotated[Path, typer.Argument(help="A .hyt file in locked timing; - reads standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs: everything as JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="For programs: what happens, a row each, as CSV.")] = False,
    min_pause: Annotated[
        float, typer.Option(metavar="SECONDS", help="Shorter silences of a speaker are part of talking.")
    ] = _DEFAULT.min_pause,
    max_back_channel: Annotated[
        float, typer.Option(metavar="SECONDS", help="Longer talk is no back-channel.")
    ] = _DEFAULT.max_back_channel,
    min_overlap: Annotated[
        float, typer.Option(metavar="SECONDS", help="Turn changes with less overlap are no interruptions.")
    ] = _DEFAULT.min_overlap,
    max_yield: Annotated[
        float, typer.Option(metavar="SECONDS", help="Who is interrupted stops within this time.")
    ] = _DEFAULT.max_yield,
    **options: Any,
) -> None:
    """Tell who talks when in a .hyt file: turns, pauses, gaps, overlaps, interruptions and back-channels."""
    if as_json and as_csv:
        raise OptionsError("--json and --csv are two forms of the same: give one of them")
    chosen = TurnTakingOptions(
        min_pause=min_pause, max_back_channel=max_back_channel, min_overlap=min_overlap, max_yield=max_yield
    )
    found = _found(tokens, chosen, options)
    if as_json:
        typer.echo(json.dumps(turn_taking_to_json(found), ensure_ascii=False))
    elif as_csv:
        typer.echo(_as_csv(found), nl=False)
    else:
        typer.echo(_as_tables(found), nl=False)


def _found(tokens: Path, chosen: TurnTakingOptions, options: dict[str, Any]) -> TurnTaking:
    """Turn-taking in a file; loads no backend."""
    file = read_file(tokens)
    with HybridTokenizer.for_file(file, **options) as tokenizer:
        stream = stream_of_file(tokenizer.vocabulary, tokenizer.load(file))
        grid = tokenizer.codec_identity.grid
    try:
        return turn_taking(stream, grid, chosen)
    except StreamError as error:
        raise StreamError(f"{tokens}: {error}") from None


def _as_csv(found: TurnTaking) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows(fact_rows(found.facts))
    return text.getvalue()


def _as_tables(found: TurnTaking) -> str:
    """As a person reads it, as wide as the terminal."""
    from rich.console import Console

    console = Console()
    with console.capture() as captured:
        # What is long comes first, so that a terminal shows the figures.
        for table in (_fact_table(found), _kind_table(found), _speaker_table(found)):
            console.print(table, "")
        console.print(*_totals(found), sep="\n", markup=False, highlight=False)
    return captured.get()


def _speaker_table(found: TurnTaking) -> RenderableType:
    titles = (
        *("talk\n(s)", "share", "turns", "mean\n(s)", "words", "words\n/min"),
        *("back-\nchannels", "inter-\nrupts", "cut\noff"),
    )
    rows = (
        (
            _name(one.party, found),
            f"{one.talk_seconds:.2f}",
            f"{one.share:.0%}",
            f"{one.turns}",
            _seconds(one.mean_turn_seconds),
            f"{one.words}",
            "-" if one.words_per_minute is None else f"{one.words_per_minute:.0f}",
            f"{one.back_channels}",
            f"{one.interruptions}",
            f"{one.interrupted}",
        )
        for one in found.speakers
    )
    return _table(("who", *titles), rows, numbers=titles)


_NAMES: dict[FactKind, str] = {
    "overlap_between": "overlap, change",
    "overlap_within": "overlap, inside",
    "back_channel": "back-channel",
}


def _kind_table(found: TurnTaking) -> RenderableType:
    rows = (
        (_NAMES.get(one.kind, one.kind), f"{one.count}", f"{one.seconds:.2f}", _seconds(one.median_seconds))
        for one in found.kinds
    )
    titles = ("count", "together\n(s)", "median\n(s)")
    return _table(("what", *titles), rows, numbers=titles)


def _fact_table(found: TurnTaking) -> RenderableType:
    rows = (
        (
            f"{one.start:.2f}",
            f"{one.end:.2f}",
            _NAMES.get(one.kind, one.kind),
            _name(one.who, found),
            "" if one.whom is None else _name(one.whom, found),
            one.text,
        )
        for one in found.facts
    )
    titles = ("start\n(s)", "end\n(s)")
    return _table((*titles, "what", "who", "whom", "text"), rows, numbers=titles)


def _table(titles: Iterable[str], rows: Iterable[tuple[str, ...]], numbers: Iterable[str]) -> RenderableType:
    """A table; what a file says cannot format it."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    right = set(numbers)
    for title in titles:
        text = title == "text"
        justify = "right" if title in right else "left"
        table.add_column(title, justify=justify, no_wrap=not text, ratio=1 if text else None)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def _totals(found: TurnTaking) -> Iterable[str]:
    yield f"{found.seconds:.2f} s: one talks {found.one:.0%}, nobody {found.none:.0%}, several {found.several:.0%}"
    changes = f"{found.turn_changes} turn changes, {found.turn_changes_per_minute:.1f} a minute"
    offset = found.median_offset_seconds
    yield changes if offset is None else f"{changes}; median offset {offset:+.2f} s (below 0: overlap)"


def _name(party: Party, found: TurnTaking) -> str:
    """A party; its channel only where there are several."""
    channels = {one.party.channel for one in found.speakers}
    return f"ch {party.channel} spk {party.speaker}" if len(channels) > 1 else f"speaker {party.speaker}"


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f}"
