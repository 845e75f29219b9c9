"""The `hybrid-tok` command: a thin layer over the Python API.

Results go to standard output and to files; messages and progress go to standard error. Anything that is the
input's or the installation's fault ends in one line and exit code 2.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

from hybrid_tok.audio import write_wav
from hybrid_tok.cli.bench import bench_app
from hybrid_tok.cli.corpus import corpus_app
from hybrid_tok.cli.demo import make_demo
from hybrid_tok.cli.fetch import fetch
from hybrid_tok.cli.info import collect_info, format_info
from hybrid_tok.cli.library_output import collected_library_output
from hybrid_tok.cli.live import live
from hybrid_tok.cli.options import ENCODING, EVERYTHING, LISTENING, takes_a_recording, takes_options
from hybrid_tok.cli.paths import Force, check_target, check_targets
from hybrid_tok.cli.preset import preset
from hybrid_tok.cli.progress import stage_progress
from hybrid_tok.cli.report import report
from hybrid_tok.cli.say import say
from hybrid_tok.cli.train import train_app
from hybrid_tok.cli.turns import turns
from hybrid_tok.cli.voices import VoiceOption, fallbacks, read_voices
from hybrid_tok.core.atomic_write import atomic_write
from hybrid_tok.core.timeline import frame_to_seconds
from hybrid_tok.errors import AnnotationWarning, HybridTokError, OptionsError
from hybrid_tok.formats import check_formats, file_names, write_annotations
from hybrid_tok.formats.annotation_files import AnnotationFiles
from hybrid_tok.options import DECODER_OPTIONS
from hybrid_tok.tokenizer import Analysis, HybridTokenizer, Known
from hybrid_tok.tokens.blocks import stream_of_file
from hybrid_tok.tokens.container import read_file
from hybrid_tok.tokens.render import format_stream, stream_to_json
from hybrid_tok.tokens.summary import transcript

app = typer.Typer(
    name="hybrid-tok",
    help="Speech to tokens and back: words as text, everything else as codec units.",
    epilog="Exit codes: 0 done; 1 a bug; 2 the fault of the input, the options or the installation, in one line; 130 "
    "stopped by Ctrl-C; 141 what read the output has ended.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(bench_app, name="bench")
app.add_typer(corpus_app, name="corpus")
app.add_typer(train_app, name="train")
app.command()(fetch)
app.command()(live)
app.command()(preset)
app.command()(say)
app.command()(report)
app.command()(turns)

Recording = Annotated[str, typer.Argument(help="A recording in any common format; - reads standard input.")]
TokenFile = Annotated[Path, typer.Argument(help="A .hyt file; - reads standard input.")]


@app.command()
@takes_a_recording(*ENCODING)
def encode(
    recording: Recording,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Default: the recording's name, .hyt; - is standard output.")
    ] = None,
    force: Force = False,
    duplex: Annotated[
        bool, typer.Option("--duplex", help="Each channel is one speaker (left: user, right: agent), in blocks.")
    ] = False,
    block: Annotated[float | None, typer.Option("--block", help="Seconds of a block, 0.16; with --duplex.")] = None,
    *,
    known: AnnotationFiles,
    **options: Any,
) -> None:
    """Turn a recording into tokens."""
    if duplex:
        _encode_duplex(recording, output, force, 0.16 if block is None else block, known, options)
        return
    if block is not None:
        raise OptionsError("--block is the length of the blocks that --duplex writes: give both")
    target = check_target(output or _beside(recording, ".hyt"), (recording, *known.paths), force)
    with HybridTokenizer.from_preset(**options) as tokenizer, stage_progress() as on_progress:
        analysis = tokenizer.analyze(recording, annotations=known, on_progress=on_progress)
        tokenizer.save(target, analysis)
    _say(f"wrote {target}")
    _say(_figures(analysis))


def _encode_duplex(
    recording: str, output: Path | None, force: bool, block: float, known: AnnotationFiles, options: Mapping[str, Any]
) -> None:
    """`encode --duplex`."""
    if known.paths:
        raise OptionsError(f"--duplex takes no annotation files: leave {known.paths[0]} out")
    if options.get("diarize") or options.get("diarize_channels") is not None:
        raise OptionsError("--duplex takes each channel for one speaker: leave --diarize and --diarize-channels out")
    target = check_target(output or _beside(recording, ".hyt"), (recording,), force)
    with HybridTokenizer.from_preset(**options) as tokenizer:
        analysis = tokenizer.analyze_channels(recording, block=block)
        tokenizer.save(target, analysis)
    _say(f"wrote {target}")
    for found in analysis.crosstalk:
        _say(f"warning: {found.message}")
    seconds = analysis.source.num_samples / analysis.source.sample_rate
    _say(
        f"{len(analysis.tracks)} channels, {seconds:.2f} s in blocks of {block:g} s: "
        f"{analysis.tokens_per_second:.1f} tokens/s"
    )


@app.command()
@takes_options(*DECODER_OPTIONS)
def decode(
    tokens: TokenFile,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Default: the file's name, .decoded.wav; - is standard output."),
    ] = None,
    voices: VoiceOption = None,
    force: Force = False,
    **options: Any,
) -> None:
    """Turn tokens into a WAV file, at the original's rate and exactly as long in locked timing."""
    chosen = read_voices(voices)
    target = check_target(output or _beside(tokens, ".decoded.wav"), (tokens, *chosen.values()), force)
    file = read_file(tokens)
    with HybridTokenizer.for_file(file, **options) as tokenizer:
        with stage_progress() as on_progress:
            decoded = tokenizer.decode_file(file, on_progress=on_progress, voices=chosen)
        write_wav(target, decoded.audio)
    for line in fallbacks(decoded.spoken_by, tokenizer.synthesizer_name):
        _say(line)
    audio = decoded.audio
    _say(f"wrote {target} ({audio.seconds:.2f} s at {audio.sample_rate} Hz)")


@app.command()
@takes_a_recording(*EVERYTHING)
def roundtrip(
    recording: Recording,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder for the results.")] = None,
    voices: VoiceOption = None,
    force: Force = False,
    *,
    known: AnnotationFiles,
    **options: Any,
) -> None:
    """Encode and decode: NAME.hyt, NAME.roundtrip.wav, a transcript with tags, and a summary."""
    folder = output if output is not None else _beside(recording, ".hyt").parent
    chosen = read_voices(voices)
    check_targets(folder, _results(_stem(recording)), (recording, *known.paths, *chosen.values()), force)
    with HybridTokenizer.from_preset(**options) as tokenizer:
        _roundtrip(tokenizer, recording, folder, _stem(recording), known, chosen)


@app.command()
@takes_a_recording(*LISTENING)
def annotate(
    recording: Recording,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder for the files.")] = None,
    formats: Annotated[
        str, typer.Option("--format", help="Any of the formats, with commas between.")
    ] = "json,textgrid",
    force: Force = False,
    *,
    known: AnnotationFiles,
    **options: Any,
) -> None:
    """Write what is heard in a recording in the formats that other tools read."""
    chosen = check_formats(formats.split(","))
    folder = output if output is not None else _beside(recording, ".hyt").parent
    check_targets(folder, file_names(_stem(recording), chosen), (recording, *known.paths), force)
    with HybridTokenizer.from_preset(**options) as tokenizer, stage_progress() as on_progress:
        heard = tokenizer.annotate(recording, annotations=known, on_progress=on_progress)
    folder.mkdir(parents=True, exist_ok=True)
    for path in write_annotations(heard, folder, _stem(recording), chosen, frame_to_seconds(heard.frames)):
        _say(f"wrote {path}")


@app.command()
def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")] = Path("demo"),
) -> None:
    """Synthesize a short conversation of two voices, then encode and decode it. Needs no file; its own are replaced."""
    check_targets(output, ("demo.wav", *_results("demo")), (), force=True)
    output.mkdir(parents=True, exist_ok=True)
    source = output / "demo.wav"
    with HybridTokenizer.from_preset("default") as tokenizer:
        write_wav(source, make_demo(tokenizer))
        _roundtrip(tokenizer, str(source), output, "demo", None)


@app.command()
@takes_options("text_tokenizer", "unit_merges", "codec")
def show(
    tokens: TokenFile,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: header and stream as JSON.")] = False,
    **options: Any,
) -> None:
    """Print the stream in a .hyt file for people to read."""
    file = read_file(tokens)
    with HybridTokenizer.for_file(file, **options) as tokenizer:
        stream = stream_of_file(tokenizer.vocabulary, tokenizer.load(file))
    if as_json:
        typer.echo(json.dumps({"header": asdict(file.header), "stream": stream_to_json(stream)}, ensure_ascii=False))
    else:
        typer.echo(format_stream(stream, max_frames=2))


@app.command()
def info(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Presets, backends found and missing, id ranges, fingerprint."""
    collected = collect_info()
    typer.echo(json.dumps(asdict(collected), indent=2) if as_json else format_info(collected))


def _roundtrip(
    tokenizer: HybridTokenizer,
    recording: str,
    folder: Path,
    name: str,
    known: Known,
    voices: Mapping[int, str] = MappingProxyType({}),
) -> None:
    """Encode, decode, and write the three files; nothing is written before everything has worked."""
    with stage_progress() as on_progress:
        analysis = tokenizer.analyze(recording, annotations=known, on_progress=on_progress)
        decoded = tokenizer.decode_analysis(analysis, on_progress=on_progress, voices=voices)

    folder.mkdir(parents=True, exist_ok=True)
    text = transcript(analysis.stream, tokenizer.codec_identity.grid.frame_rate)
    tokens, audio, written = (folder / result for result in _results(name))
    tokenizer.save(tokens, analysis)
    write_wav(audio, decoded.audio)
    with atomic_write(written) as file:
        file.write(f"{text}\n".encode())
    typer.echo(text)
    typer.echo()
    typer.echo(_figures(analysis, decoded.stage_seconds))
    for line in fallbacks(decoded.spoken_by, tokenizer.synthesizer_name):
        typer.echo(line)
    typer.echo(f"wrote {folder / name}.hyt, .roundtrip.wav and .transcript.txt")


def _results(name: str) -> tuple[str, str, str]:
    """The files of a round trip."""
    return f"{name}.hyt", f"{name}.roundtrip.wav", f"{name}.transcript.txt"


def _figures(analysis: Analysis, decode_seconds: Mapping[str, float] | None = None) -> str:
    """The summary: what it cost, what it holds, how long each stage took."""
    summary = analysis.summary
    lines = [
        f"{summary.seconds:.2f} s of audio, {summary.tokens} tokens: {summary.tokens_per_second:.1f} tokens/s, "
        f"{summary.bits_per_second:.0f} bits/s over the whole id space, "
        f"{summary.range_bits_per_second:.0f} over the ranges used",
        f"time as text {summary.text_share:.0%}, units {summary.unit_share:.0%}, silence {summary.silence_share:.0%}; "
        f"{summary.words} words as text",
    ]
    for title, seconds in (("encode", analysis.stage_seconds), ("decode", decode_seconds or {})):
        if seconds:
            stages = ", ".join(
                f"{stage} {spent:.2f} s ({summary.seconds / max(spent, 1e-9):,.0f}x)"
                for stage, spent in seconds.items()
            )
            lines.append(f"{title}: {stages}")
    return "\n".join(lines)


def _stem(recording: str) -> str:
    return "stdin" if recording == "-" else Path(recording).stem


def _beside(source: str | Path, suffix: str) -> Path:
    """The default place of a result: beside what is read; in the current folder for standard input."""
    return Path(f"stdin{suffix}") if str(source) == "-" else Path(source).with_suffix(suffix)


def _say(message: str) -> None:
    typer.echo(message, err=True)


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """A warning as one line, without the place in our code that it came from."""
    _say(f"hybrid-tok: {'' if category is AnnotationWarning else category.__name__ + ': '}{message}")


def run() -> None:
    """Run the command; the one place where errors and warnings become messages, and errors exit codes.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    warnings.showwarning = _show_warning
    with collected_library_output():
        _run()


def _run() -> None:
    try:
        app()
    except SystemExit as ended:
        if ended.code == 130:  # what typer makes of Ctrl-C
            raise KeyboardInterrupt from None
        raise
    except HybridTokError as error:
        _say(f"hybrid-tok: {error}")
        sys.exit(2)
    except OSError as error:
        _say(f"hybrid-tok: {error.filename or 'file'}: {error.strerror or error}")
        sys.exit(2)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"hybrid-tok {version('hybrid-tok')}")
        raise typer.Exit


@app.callback()
def hybrid_tok(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
