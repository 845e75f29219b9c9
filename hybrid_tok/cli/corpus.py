"""`hybrid-tok corpus ...`: manifests of recordings to shards of tokens, and what can be asked about them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hybrid_tok.cli.options import ENCODING, takes_options
from hybrid_tok.errors import OptionsError

if TYPE_CHECKING:
    from hybrid_tok.corpus.engines import Engine
    from hybrid_tok.corpus.run import Progress

corpus_app = typer.Typer(help="Manifests of recordings to shards of tokens, resumable.", no_args_is_help=True)

Folder = Annotated[str, typer.Argument(help="The folder of a corpus: a path, or an address such as s3://bucket/name.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]

FAILED = 2
"""Exit code where recordings could not be encoded, or something is wrong with a corpus."""

_OPTIONS = tuple(name for name in ENCODING if name not in ("diarize_channels", "allow_truncated"))
_LOCAL = ("text_tokenizer", "unit_merges", "codec")
"""Options that may be paths of this machine, which a corpus does not hold."""


@corpus_app.command()
@takes_options(*_OPTIONS, threads=False)
def encode(
    manifest: Annotated[
        str,
        typer.Argument(help="NeMo or lhotse manifest, Shar folder, WebDataset tars, saved `datasets`, or a folder."),
    ],
    output: Annotated[
        str, typer.Option("-o", "--output", help="Folder of the shards; a stopped run goes on with the same command.")
    ],
    format: Annotated[
        str, typer.Option("--format", help="webdataset, shar, parquet, datatrove or megatron.")
    ] = "webdataset",
    kind: Annotated[
        str | None,
        typer.Option(help="Of the manifest: nemo, lhotse, shar, webdataset, datasets or folder.", show_default="found"),
    ] = None,
    workers: Annotated[
        str, typer.Option(help="auto: as many as there is room for, on Ray; 1: this process, without Ray.")
    ] = "auto",
    address: Annotated[
        str | None, typer.Option(help="A Ray cluster; auto is the one this machine is part of. Default: this machine.")
    ] = None,
    cpus_per_worker: Annotated[int, typer.Option(min=1, help="Processors, and threads, of each worker.")] = 1,
    gpus_per_worker: Annotated[float, typer.Option(min=0.0, help="Fraction of a GPU, or GPUs, of each worker.")] = 0.0,
    memory_per_worker: Annotated[float, typer.Option(metavar="GIB", help="By which Ray places workers.")] = 1.5,
    shard_recordings: Annotated[int, typer.Option(min=1, help="Recordings in a shard at most.")] = 1000,
    shard_hours: Annotated[float, typer.Option(help="Hours of audio in a shard at most.")] = 10.0,
    batch_minutes: Annotated[
        float,
        typer.Option(help="Of audio that a worker takes at once, and a kill loses; more on large clusters."),
    ] = 2.0,
    price: Annotated[float | None, typer.Option(help="Of a machine per hour: the report has the costs.")] = None,
    preset: Annotated[str, typer.Option(help="Choice of backends, or a preset file.")] = "default",
    **options: Any,
) -> None:
    """Encode all recordings of a manifest into shards of tokens.

    Kill it at any time: the same command goes on where it was, and the shards are the same in the end.

    Exit code 2 where recordings could not be encoded: errors.jsonl in the folder has each with its reason.
    """
    from hybrid_tok.corpus.batches import BatchOptions
    from hybrid_tok.corpus.plan import ShardOptions
    from hybrid_tok.corpus.run import CorpusOptions, encode_corpus
    from hybrid_tok.corpus.sources import KINDS
    from hybrid_tok.corpus.step import TokenizerRecipe

    if kind is not None and kind not in KINDS:
        raise OptionsError(f"--kind must be {', '.join(KINDS)}, not {kind!r}")
    if options.get("device", "cpu") != "cpu" and not gpus_per_worker and workers != "1":
        raise OptionsError(f"--device {options['device']} needs --gpus-per-worker: Ray hides GPUs from other workers")
    engine = _engine(workers, address, cpus_per_worker, gpus_per_worker, memory_per_worker)
    chosen = CorpusOptions(
        format=format,
        kind=kind,  # pyright: ignore[reportArgumentType]
        shards=ShardOptions(shard_recordings, shard_hours),
        batches=BatchOptions(seconds=60.0 * batch_minutes, recordings=max(1, round(16 * batch_minutes))),
        price=price,
    )
    recipe = TokenizerRecipe(preset, options, cpus_per_worker)
    with _progress() as observe:
        finished = encode_corpus(manifest, output, recipe, engine, chosen, observe)
    figures = finished.figures
    if not finished.encoded:
        typer.echo("nothing was left to encode", err=True)
    typer.echo(
        f"{figures.rows:,} recordings, {figures.hours:.2f} hours, {figures.tokens:,} tokens in {output}; "
        f"{finished.failures:,} failed",
        err=True,
    )
    if finished.failures:
        typer.echo(f"hybrid-tok: {finished.failures:,} entries have no row: see {output}/errors.jsonl", err=True)
        raise typer.Exit(FAILED)


@corpus_app.command()
def status(folder: Folder, as_json: AsJson = False) -> None:
    """How far a corpus is."""
    from hybrid_tok.corpus.status import read_status

    found = read_status(folder)
    if as_json:
        typer.echo(json.dumps(asdict(found)))
        return
    state = "finished" if found.finished else "not planned yet" if found.shards is None else "not finished"
    lines = [f"{folder}: {state}; {found.format}, preset {found.preset}"]
    if found.shards is not None:
        planned = f" of {found.planned_seconds / 3600:.2f}" if found.planned_seconds else ""
        lines.append(f"{found.shards_done} of {found.shards} shards; {found.batches_kept} batches of others are kept")
        entries = "" if found.entries is None else f" of {found.entries:,}"
        lines.append(f"{found.rows:,}{entries} recordings, {found.seconds / 3600:.2f}{planned} hours")
        lines.append(f"{found.tokens:,} tokens")
    lines += [f"failed, {reason}: {count:,}" for reason, count in found.failures.items()]
    typer.echo("\n".join(lines))


@corpus_app.command()
@takes_options(*_LOCAL)
def verify(folder: Folder, as_json: AsJson = False, **options: Any) -> None:
    """Read a corpus again: checksums, counts, ids by the grammar, lengths; each entry is a row or a failure, once.

    Exit code 2 where something is wrong.
    """
    from hybrid_tok.corpus.checking import verify as check

    found = check(folder, options)
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    else:
        for fault in found.faults:
            typer.echo(f"{fault.where}: {fault.message}")
        typer.echo(
            f"{found.shards} shards, {found.rows:,} recordings, {found.seconds / 3600:.2f} hours, {found.tokens:,} "
            f"tokens, {found.failures:,} failures: {f'{len(found.faults)} faults' if found.faults else 'all is well'}"
        )
    if found.faults:
        raise typer.Exit(FAILED)


@corpus_app.command()
def stats(
    folder: Folder,
    as_json: AsJson = False,
    price: Annotated[float | None, typer.Option(help="Of a machine per hour, for the costs.")] = None,
) -> None:
    """Figures of a corpus, as far as it is written: hours, tokens, shares, languages, speakers, events, failures."""
    from hybrid_tok.corpus.run import read_figures

    figures = read_figures(folder, price)
    typer.echo(json.dumps(figures.to_json()) if as_json else figures.to_text())


@corpus_app.command()
def merge(
    folders: Annotated[list[str], typer.Argument(help="Folders of finished corpora of the same tokenizer.")],
    output: Annotated[str, typer.Option("-o", "--output", help="Folder of the merged corpus.")],
    format: Annotated[str | None, typer.Option("--format", help="Another format.", show_default="the first's")] = None,
    shard_recordings: Annotated[
        int | None, typer.Option(min=1, help="Recordings in a shard.", show_default="as they are")
    ] = None,
    single_file: Annotated[
        bool, typer.Option("--single-file", help="One pair of flat files (datatrove, megatron) for all.")
    ] = False,
) -> None:
    """Join corpora into one, or write one in another format."""
    from hybrid_tok.corpus.merging import merge as join

    infos = join(folders, output, format=format, shard_rows=shard_recordings, single_file=single_file)
    rows, tokens = sum(info.rows for info in infos), sum(info.tokens for info in infos)
    typer.echo(f"wrote {len(infos)} shards, {rows:,} recordings, {tokens:,} tokens to {output}", err=True)


def _engine(workers: str, address: str | None, cpus: int, gpus: float, memory: float) -> Engine:
    """Who encodes."""
    from hybrid_tok.corpus.engines import LocalEngine, RayEngine, RayOptions

    if workers != "auto" and not (workers.isascii() and workers.isdigit() and int(workers) > 0):
        raise OptionsError(f"--workers must be auto or 1 or more, not {workers!r}")
    if workers == "1" and address is None:
        if gpus:
            raise OptionsError("--gpus-per-worker is for Ray: with --workers 1, --device cuda is enough")
        return LocalEngine()
    return RayEngine(RayOptions(address, None if workers == "auto" else int(workers), cpus, gpus, memory))


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """A line per shard; on a terminal, a bar below them."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    if not sys.stderr.isatty():

        def say(progress: Progress) -> None:
            if progress.shard is not None:
                typer.echo(_line(progress), err=True)

        yield say
        return
    columns = (BarColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def update(progress: Progress) -> None:
            if progress.shard is not None:
                bar.console.print(_line(progress), markup=False, highlight=False)
            bar.update(task, completed=progress.batches_done, total=progress.batches, description=_describe(progress))

        yield update


def _line(progress: Progress) -> str:
    """A shard, as a line of the log."""
    shard = progress.shard
    assert shard is not None
    return (
        f"{shard.name}: {shard.rows:,} recordings, {shard.seconds / 3600:.2f} hours, {shard.tokens:,} tokens, "
        f"{len(shard.failures)} failed; {progress.shards_done} of {progress.shards} shards, {_describe(progress)}"
    )


def _describe(progress: Progress) -> str:
    """Throughput, what is left, failures, and where the time goes."""
    parts = [f"{progress.hours_per_hour:.1f} hours per hour with {progress.workers} workers"]
    if progress.remaining is not None:
        minutes, seconds = divmod(round(progress.remaining), 60)
        parts.append(f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d} left")
    if progress.failures:
        parts.append(f"{progress.failures:,} failed")
    total = sum(progress.stage_seconds.values())
    shares = sorted(progress.stage_seconds.items(), key=lambda stage: -stage[1])[:3]
    if total:
        parts.append(", ".join(f"{stage} {spent / total:.0%}" for stage, spent in shares))
    return "; ".join(parts)
