"""`hybrid-tok bench ...`: systems measured on any folder of recordings, compared, plotted and exported."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hybrid_tok.cli.paths import Force, check_target
from hybrid_tok.errors import OptionsError

if TYPE_CHECKING:
    from hybrid_tok.bench.measured import Measured, Row

bench_app = typer.Typer(help="Measure systems on a folder of recordings, and compare them.", no_args_is_help=True)

Folder = Annotated[
    Path, typer.Argument(help="A folder of audio, a manifest (JSONL), or a data set saved by `datasets`.")
]
Only = Annotated[list[str] | None, typer.Option("--category", help="Only recordings of this category; repeat it.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many recordings of each category.")]
Results = Annotated[Path, typer.Argument(help="Results of `bench run`.")]

FAILED = 2
"""Exit code of a run in which a recording or a system failed: the others are in the results."""


@bench_app.command("run")
def run_command(
    folder: Folder,
    out: Annotated[Path, typer.Option("-o", "--out", help="The results; a stopped run goes on with the same name.")] = (
        Path("bench.json")
    ),
    suite: Annotated[
        str | None,
        typer.Option(help="speech, nonverbal, dialogue, codec-superb or wesr; by default, what it looks like."),
    ] = None,
    system: Annotated[
        list[str] | None,
        typer.Option(
            help="As in default:layout=units,codebooks=2 or opus:bit_rate=6000; repeat it. Default: the suite's."
        ),
    ] = None,
    metrics: Annotated[str | None, typer.Option(help="Names with commas between them. Default: the suite's.")] = None,
    category: Only = None,
    limit: Limit = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; by default one per two cores.")] = None,
    recognizer: Annotated[str, typer.Option(help="Model of the listener that hears decoded speech.")] = "base",
    score: Annotated[str, typer.Option(help="Weights of the hybrid score, as in words=0.5,speaker=0.25.")] = "",
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    force_waveform: Annotated[
        bool, typer.Option("--force-waveform", help="Compare waveforms in free timing too, where they lie elsewhere.")
    ] = False,
    force: Force = False,
) -> None:
    """Measure systems on recordings, each metric with its 95% interval."""
    from hybrid_tok.bench.run import RunOptions, expected_seconds, run
    from hybrid_tok.bench.score import ScoreOptions
    from hybrid_tok.bench.suites import SUITES, guess_suite, read_suite

    check_target(out, (folder,), force)
    entries = read_suite(folder, limit, tuple(category or ()))
    name = suite or guess_suite(entries)
    if name not in SUITES:
        raise OptionsError(f"no suite is called {name!r}; there are: {', '.join(SUITES)}")
    chosen = SUITES[name]
    measures = _measures(chosen.metrics, metrics)
    options = RunOptions(
        systems=tuple(system) if system else chosen.systems,
        metrics=measures,
        recognizer=recognizer,
        force_waveform=force_waveform,
        jobs=jobs,
        seed=seed,
        score=ScoreOptions.parse(score),
    )
    named = "" if suite else f" (it looks like {name}; --suite says otherwise)"
    known = [seconds for entry in entries if (seconds := entry.seconds) is not None]
    _say(f"{len(entries)} recordings x {len(options.systems)} systems, suite {name}{named}")
    if known:
        total = sum(known) / len(known) * len(entries)
        _say(f"{_duration(total)} of audio, about {_duration(expected_seconds(total, options))} to go")
    with _progress() as on_row:
        measured = run(name, folder, entries, out, options, on_row)
    typer.echo(format_figures(measured))
    _say(f"wrote {out}")
    if measured.errors:
        _say(format_errors(measured.errors, len(measured.rows)))
        raise typer.Exit(FAILED)


@bench_app.command("compare")
def compare_command(
    results: Annotated[list[Path], typer.Argument(help="One or two results of `bench run`.")],
    system: Annotated[
        list[str] | None, typer.Option(help="Two systems to compare, of the first and of the last results.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
) -> None:
    """Who is better, by how much, and how sure: a paired bootstrap over the recordings that both have."""
    from hybrid_tok.bench.comparison import compare_systems, pairs_of
    from hybrid_tok.bench.measured import load

    if len(results) > 2:
        raise OptionsError(f"{len(results)} results were given: compare one or two")
    loaded = [load(path) for path in results]
    found: list[dict[str, Any]] = []
    for first, before, last, after in pairs_of(loaded, tuple(system or ())):
        rows = compare_systems(first, before, last, after, seed)
        if as_json:
            entries = [{**asdict(row), "verdict": row.verdict} for row in rows]
            found.append({"first": before, "second": after, "metrics": entries})
            continue
        names = (str(results[0]), str(results[-1])) if before == after else (before, after)
        typer.echo(f"first: {names[0]}\nsecond: {names[1]}" + (f"\nsystem: {before}" if before == after else ""))
        typer.echo(format_comparison(rows) + "\n")
    if as_json:
        typer.echo(json.dumps(found, indent=1))


@bench_app.command("plot")
def plot_command(
    results: Results,
    output: Annotated[Path, typer.Option("-o", "--output", help="Ends in .svg, .png or .pdf.")],
    metric: Annotated[str, typer.Option(help="What is plotted against the rate.")] = "wer",
    rate: Annotated[str, typer.Option(help="bits_per_second or tokens_per_second.")] = "bits_per_second",
    force: Force = False,
) -> None:
    """Draw a metric of all systems against the bits that it costs."""
    from hybrid_tok.bench.measured import load
    from hybrid_tok.bench.plot import plot

    check_target(output, (results,), force)
    plot(load(results), metric, output, rate)
    _say(f"wrote {output}")


@bench_app.command("export")
def export_command(
    folder: Folder,
    output: Annotated[Path, typer.Option("-o", "--output", help="A new folder.")],
    form: Annotated[str, typer.Option("--format", help="versa or wesr.")],
    system: Annotated[str, typer.Option(help="As in `bench run`.")] = "default",
    category: Only = None,
    limit: Limit = None,
) -> None:
    """Write what a system decodes, or its transcripts with tags, for another evaluation tool."""
    from hybrid_tok.bench.export import export
    from hybrid_tok.bench.suites import Entry, read_suite

    entries = read_suite(folder, limit, tuple(category or ()))
    failed = 0

    def on_entry(entry: Entry, error: str | None) -> None:
        nonlocal failed
        if error is not None:
            failed += 1
            _say(f"{entry.name}: {error}")

    written = export(form, entries, system, output, on_entry)
    _say(f"wrote {output} ({written} of {len(entries)} recordings)")
    if failed:
        raise typer.Exit(FAILED)


def format_figures(measured: Measured) -> str:
    """A table of the figures for a terminal, metrics down, systems across."""
    from hybrid_tok.bench.metrics.catalogue import METRICS
    from hybrid_tok.bench.systems import System

    figures = [measured.figures(name) for name in measured.systems]
    scores = measured.hybrid_scores()
    header = ("", *(System.parse(name).title for name in measured.systems))
    rows: list[Sequence[str]] = [header]
    for metric in measured.metrics:
        if any(metric in one for one in figures):
            values = [one.get(metric) for one in figures]
            rows.append((METRICS[metric].title, *(_interval(one) for one in values)))
    if scores:
        rows.append(("hybrid score", *(_number(scores[s]["value"]) if s in scores else "" for s in measured.systems)))
        parts = next(iter(scores.values()))["parts"]
        for part in parts:
            shown = [_number(scores[s]["parts"][part]["value"]) if s in scores else "" for s in measured.systems]
            rows.append((f"  {part} ({parts[part]['weight']:.0%})", *shown))
    return _table(rows)


def format_comparison(rows: Sequence[Any]) -> str:
    """A table of a comparison, a metric per line."""
    from hybrid_tok.bench.metrics.catalogue import METRICS

    lines: list[Sequence[str]] = [("", "first", "second", "difference", "95% interval", "better", "recordings")]
    for row in rows:
        gap = row.difference
        sure = "" if row.better is None else f"{max(row.better, 1 - row.better):.1%} sure"
        verdict = f"{row.verdict} ({sure})" if row.is_sure else row.verdict
        interval = f"{_number(gap.low)} to {_number(gap.high)}"
        numbers = (_number(gap.first), _number(gap.second), f"{gap.value:+.4g}", interval)
        lines.append((METRICS[row.metric].title, *numbers, verdict, str(gap.recordings)))
    return _table(lines)


def format_errors(errors: Sequence[Row], rows: int) -> str:
    """What failed: each reason once, with the recordings it is of."""
    reasons: dict[tuple[str, str], list[Row]] = {}
    for row in errors:
        reasons.setdefault((row.system, (row.error or "").replace(row.recording, "..")), []).append(row)
    lines = [f"{len(errors)} of {rows} failed; they are in the results with their errors:"]
    for (system, _), alike in reasons.items():
        more = f" and {len(alike) - 1} more" if len(alike) > 1 else ""
        lines.append(f"  {system}: {alike[0].recording}{more}: {alike[0].error}")
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )


def _interval(one: Any) -> str:
    return "" if one is None else f"{_number(one.value)} ({_number(one.low)} to {_number(one.high)})"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) >= 1 else f"{value:.3f}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell; wide tables are turned, one system per line."""
    if len(rows[0]) > 4:
        rows = list(zip(*rows, strict=True))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _measures(suite: Sequence[str], named: str | None) -> tuple[str, ...]:
    """The metrics that were named, or those of a suite that can be measured here."""
    from hybrid_tok.bench.metrics.catalogue import METRICS

    if named is not None:
        names = tuple(one.strip() for one in named.split(",") if one.strip())
        missing = [METRICS[name].missing for name in names if name in METRICS and METRICS[name].missing]
        if missing:
            raise OptionsError(str(missing[0]))
        return names
    for name in suite:
        if METRICS[name].missing is not None:
            _say(f"left out: {METRICS[name].missing}")
    return tuple(name for name in suite if METRICS[name].missing is None)


def _say(message: str) -> None:
    typer.echo(message, err=True)


def _progress() -> Any:
    from hybrid_tok.cli.progress import row_progress

    return row_progress()
