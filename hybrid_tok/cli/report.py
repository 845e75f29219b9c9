"""`hybrid-tok report`: a page to look at and to listen to."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import typer

from hybrid_tok.cli.options import EVERYTHING, takes_a_recording
from hybrid_tok.cli.paths import STANDARD, Force, check_target
from hybrid_tok.cli.progress import stage_progress
from hybrid_tok.cli.voices import VoiceOption, fallbacks, read_voices
from hybrid_tok.errors import OptionsError
from hybrid_tok.formats.annotation_files import AnnotationFiles
from hybrid_tok.options import DECODER_OPTIONS
from hybrid_tok.tokenizer import Decoding, HybridTokenizer
from hybrid_tok.tokens.container import MAGIC, read_file

Content: TypeAlias = Literal["recording", "tokens", "results"]


@takes_a_recording(*EVERYTHING)
def report(
    source: Annotated[
        Path, typer.Argument(help="A recording, a .hyt file, results of `bench run`, or a corpus' report.json.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Default: the source's name, .html; - is standard output.")
    ] = None,
    recording: Annotated[
        Path | None, typer.Option("--recording", help="What the .hyt file was made from, to be shown beside it.")
    ] = None,
    voices: VoiceOption = None,
    force: Force = False,
    *,
    known: AnnotationFiles,
    **options: Any,
) -> None:
    """Make one HTML page of a recording and its tokens, or of results: it needs nothing but a browser."""
    from hybrid_tok.report import write_page

    default = Path("stdin.html") if source == STANDARD else source.with_suffix(".html")
    chosen = read_voices(voices)
    read = (source, *known.paths, *chosen.values(), *((recording,) if recording is not None else ()))
    target = check_target(output or default, read, force)
    with _at_hand(source) as path:
        page = _make_page(path, source, recording, chosen, known, options)
    size = write_page(target, page)
    typer.echo(f"wrote {target} ({size / 1e6:.1f} MB)", err=True)


def _make_page(
    path: Path,
    source: Path,
    recording: Path | None,
    voices: dict[int, str],
    known: AnnotationFiles,
    options: dict[str, Any],
) -> Any:
    """The page of whatever the source holds.

    Raises:
        OptionsError: an option that would be ignored.
    """
    from hybrid_tok.report import corpus_page, file_page, read_json, recording_page, results_page

    content = _content_of(path)
    name = "standard input" if source == STANDARD else source.name
    preset = options.pop("preset")
    given = ["--preset"] * (preset != "default") + [*options, *map(str, known.paths)]
    if content == "results":
        given += ["--recording"] * (recording is not None) + ["--voice"] * bool(voices)
        found = read_json(path, name)
        if isinstance(found, dict) and found.get("format") == "hybrid-tok corpus":
            _refuse(given, name, "the report of a corpus")
            return corpus_page(found, name)
        _refuse(given, name, "results of `bench run`")
        return results_page(path, name)
    if content == "tokens":
        _refuse([option for option in given if option not in DECODER_OPTIONS], name, "a .hyt file")
        file = read_file(path)
        with HybridTokenizer.for_file(file, **options) as tokenizer:
            with stage_progress() as on_progress:
                decoded = tokenizer.decode_file(file, on_progress=on_progress, voices=voices)
            _tell(tokenizer, decoded)
            return file_page(tokenizer, file, decoded, name, recording)
    if recording is not None:
        raise OptionsError(f"{source} is a recording itself: --recording goes with a .hyt file")
    with HybridTokenizer.from_preset(preset, **options) as tokenizer:
        with stage_progress() as on_progress:
            analysis = tokenizer.analyze(path, annotations=known, on_progress=on_progress)
            decoded = tokenizer.decode_analysis(analysis, on_progress=on_progress, voices=voices)
        _tell(tokenizer, decoded)
        return recording_page(tokenizer, path, analysis, decoded, name)


@contextmanager
def _at_hand(source: Path) -> Iterator[Path]:
    """A file that can be read more than once: the source itself, or a copy of standard input."""
    if source != STANDARD:
        yield source
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "stdin"
        copy.write_bytes(sys.stdin.buffer.read())
        yield copy


def _content_of(path: Path) -> Content:
    """What a file holds, by its first bytes; whether it is whole is found when it is read."""
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(MAGIC[:4]) or path.suffix == ".hyt":
        return "tokens"
    return "results" if start.lstrip()[:1] == b"{" or path.suffix == ".json" else "recording"


def _refuse(given: list[str], name: str, what: str) -> None:
    if given:
        raise OptionsError(f"{name} is {what}, where {given[0]} would change nothing: leave it out")


def _tell(tokenizer: HybridTokenizer, decoded: Decoding) -> None:
    for line in fallbacks(decoded.spoken_by, tokenizer.synthesizer_name):
        typer.echo(line, err=True)
