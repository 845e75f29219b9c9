"""The `hybrid-tok` command: a thin face on the Python API.

Results go to standard output and to files; messages and progress go to standard error. Anything that is the
input's or the installation's fault ends in one line and exit code 2.
"""

from __future__ import annotations

import functools
import inspect
import json
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hybrid_tok.cli.fetch import fetch
from hybrid_tok.cli.train import train_app
from hybrid_tok.errors import AnnotationWarning, HybridTokError, OptionsError
from hybrid_tok.formats.annotation_files import AnnotationFiles

if TYPE_CHECKING:
    from hybrid_tok.tokenizer import Analysis, HybridTokenizer, Known

app = typer.Typer(
    name="hybrid-tok",
    help="Speech to tokens and back: words as text, everything else as codec units.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(train_app, name="train")
app.command()(fetch)


class Layout(str, Enum):
    hybrid = "hybrid"
    text = "text"
    units = "units"


class Timing(str, Enum):
    locked = "locked"
    free = "free"


class Durations(str, Enum):
    run = "run"
    word = "word"


class ProsodyTokens(str, Enum):
    none = "none"
    word = "word"


class ChannelUse(str, Enum):
    auto = "auto"
    mix = "mix"
    separate = "separate"


Recording = Annotated[str, typer.Argument(help="A recording in any common format; - reads standard input.")]
TokenFile = Annotated[Path, typer.Argument(help="A .hyt file.")]
Language = Annotated[str, typer.Option("--language", help="Voice that speaks the text, e.g. en-us, de, cmn.")]
TextTokenizer = Annotated[
    Path | None, typer.Option("--text-tokenizer", help="An LLM's tokenizer.json or SentencePiece model.")
]

TOKENIZER_OPTIONS: Mapping[str, tuple[Any, Any]] = MappingProxyType(
    {
        "preset": (Annotated[str, typer.Option(help="Choice of backends; `hybrid-tok info` lists them.")], "embedded"),
        "layout": (Annotated[Layout, typer.Option(help="What may be written.")], Layout.hybrid),
        "timing": (Annotated[Timing, typer.Option(help="Exact places and length, or free pace.")], Timing.locked),
        "durations": (Annotated[Durations, typer.Option(help="Locked timing: per text run or word.")], Durations.run),
        "num_codebooks": (Annotated[int | None, typer.Option("--codebooks", help="Units per 20 ms.", min=1)], None),
        "run_length": (Annotated[bool, typer.Option("--run-length", help="Count repeated frames.")], False),
        "rate_weight": (
            Annotated[float | None, typer.Option(help="Cost of a token: 0 is a pure codec, inf pure text.", min=0.0)],
            None,
        ),
        "events": (Annotated[bool, typer.Option(help="Listen for laughter, breath and the like.")], True),
        "diarize": (Annotated[bool, typer.Option(help="Tell speakers apart.")], False),
        "speakers": (Annotated[int | None, typer.Option(help="How many there are, where known.", min=1)], None),
        "channels": (
            Annotated[ChannelUse, typer.Option(help="Tell speakers apart in the mix, or in each channel.")],
            ChannelUse.auto,
        ),
        "voice": (Annotated[bool, typer.Option(help="Write how each speaker sounds: 9 tokens.")], True),
        "prosody": (
            Annotated[ProsodyTokens, typer.Option(help="Pitch, energy and rate of each word: 3 tokens.")],
            ProsodyTokens.none,
        ),
        "language": (Language, "en-us"),
        "recognizer_model": (
            Annotated[str | None, typer.Option("--model", help="Recognizer's model: a size or a folder.")],
            None,
        ),
        "text_tokenizer": (TextTokenizer, None),
    }
)
"""The options of `encode` and `roundtrip`: name of the tokenizer option -> (type and help, default)."""


FILE_OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "words": Annotated[
            Path | None,
            typer.Option(
                "--words", help="Words from elsewhere: WhisperX, whisper.cpp, NeMo, .ctm, .srt, .vtt, .TextGrid."
            ),
        ],
        "transcript": Annotated[Path | None, typer.Option("--transcript", help="Plain text of what is said.")],
        "speakers_from": Annotated[Path | None, typer.Option("--speakers-from", help="Who speaks when: .rttm.")],
        "events_from": Annotated[Path | None, typer.Option("--events-from", help="Vocal events: Audacity labels.")],
    }
)
"""The options that name annotation files."""


def _takes_tokenizer_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the `TOKENIZER_OPTIONS`, which it receives as keyword arguments, and the `FILE_OPTIONS`, which it
    receives as `known`."""

    @functools.wraps(command)
    def run(**given: Any) -> None:
        own = {name: given[name] for name in given if name not in TOKENIZER_OPTIONS and name not in FILE_OPTIONS}
        command(known=_known(given), **own, **_chosen(given))

    own = inspect.signature(command, eval_str=True).parameters.values()
    parameters = [
        parameter for parameter in own if parameter.kind not in (parameter.VAR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    added = {**{name: (annotation, None) for name, annotation in FILE_OPTIONS.items()}, **TOKENIZER_OPTIONS}
    for name, (annotation, default) in added.items():
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)
        )
    vars(run)["__signature__"] = inspect.Signature(parameters)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _chosen(given: Mapping[str, Any]) -> dict[str, Any]:
    """Command-line values as tokenizer options; what was not given is left to the preset."""
    values = {name: given[name] for name in TOKENIZER_OPTIONS if given.get(name) is not None}
    plain = {name: value.value if isinstance(value, Enum) else value for name, value in values.items()}
    return {name: str(value) if isinstance(value, Path) else value for name, value in plain.items()}


def _voices(given: Sequence[str]) -> dict[int, str]:
    """Speakers and the recordings whose voices they get."""
    voices: dict[int, str] = {}
    for one in given:
        speaker, equals, recording = one.partition("=")
        if not (speaker.isascii() and speaker.isdecimal() and equals and recording):
            raise OptionsError(f"--voice takes a speaker and a recording, such as 0=other.wav, not {one!r}")
        if int(speaker) in voices:
            raise OptionsError(f"--voice was given twice for speaker {int(speaker)}; give it once")
        voices[int(speaker)] = recording
    return voices


def _known(given: Mapping[str, Any]) -> AnnotationFiles:
    """The annotation files that were named."""
    return AnnotationFiles(
        words=given["words"],
        transcript=given["transcript"],
        speakers=given["speakers_from"],
        events=given["events_from"],
    )


@app.command()
@_takes_tokenizer_options
def encode(
    recording: Recording,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Default: the recording's name, .hyt")] = None,
    *,
    known: AnnotationFiles,
    **options: Any,
) -> None:
    """Turn a recording into tokens."""
    from hybrid_tok.tokenizer import HybridTokenizer

    target = _target(output or _beside(recording, ".hyt"))
    with HybridTokenizer.from_preset(**options) as tokenizer, _progress() as listen:
        analysis = tokenizer.analyze(recording, annotations=known, listen=listen)
        tokenizer.save(target, analysis)
    _say(f"wrote {target}")
    _say(_figures(analysis))


@app.command()
def decode(
    tokens: TokenFile,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Default: the file's name, .wav")] = None,
    language: Language = "en-us",
    text_tokenizer: TextTokenizer = None,
    voice: Annotated[
        list[str] | None,
        typer.Option("--voice", metavar="K=RECORDING", help="Speak speaker K's text in a recording's voice."),
    ] = None,
) -> None:
    """Speak tokens again: a WAV at the original's rate, exactly as long in locked timing."""
    from hybrid_tok.tokenizer import HybridTokenizer

    target = _target(output or tokens.with_suffix(".wav"))
    chosen = _chosen({"language": language, "text_tokenizer": text_tokenizer})
    voices = _voices(voice or ())
    with HybridTokenizer.for_file(tokens, **chosen) as tokenizer:
        with _progress() as listen:
            audio = tokenizer.decode_file(tokens, listen=listen, voices=voices)
        _write_wav(target, audio)
    _say(f"wrote {target} ({audio.seconds:.2f} s at {audio.sample_rate} Hz)")


@app.command()
@_takes_tokenizer_options
def roundtrip(
    recording: Recording,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder for the results.")] = None,
    *,
    known: AnnotationFiles,
    **options: Any,
) -> None:
    """Encode and decode: NAME.hyt, NAME.roundtrip.wav, a transcript with tags, and a summary."""
    from hybrid_tok.tokenizer import HybridTokenizer

    folder = output if output is not None else _beside(recording, ".hyt").parent
    with HybridTokenizer.from_preset(**options) as tokenizer:
        _roundtrip(tokenizer, recording, folder, _stem(recording), known)


@app.command()
@_takes_tokenizer_options
def annotate(
    recording: Recording,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder for the files.")] = None,
    formats: Annotated[
        str, typer.Option("--format", help="Any of the formats, with commas between.")
    ] = "json,textgrid",
    *,
    known: AnnotationFiles,
    **options: Any,
) -> None:
    """Write what is heard in a recording in the formats that other tools read."""
    from hybrid_tok.core.timeline import frame_to_seconds
    from hybrid_tok.formats import check_formats, write_annotations
    from hybrid_tok.tokenizer import HybridTokenizer

    chosen = check_formats(formats.split(","))
    folder = output if output is not None else _beside(recording, ".hyt").parent
    with HybridTokenizer.from_preset(**options) as tokenizer, _progress() as listen:
        heard = tokenizer.annotate(recording, annotations=known, listen=listen)
    folder.mkdir(parents=True, exist_ok=True)
    for path in write_annotations(heard, folder, _stem(recording), chosen, frame_to_seconds(heard.frames)):
        _say(f"wrote {path}")


@app.command()
def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")] = Path("demo"),
    recognize: Annotated[bool, typer.Option(help="Use the recognizer's words, not the script's.")] = False,
) -> None:
    """Speak a short two-voice conversation, and round-trip it. Needs no file."""
    from hybrid_tok.cli.demo import make_demo
    from hybrid_tok.core.annotations import KnownAnnotations
    from hybrid_tok.registry import find_backend
    from hybrid_tok.tokenizer import HybridTokenizer

    synthesizer = find_backend("synthesizer", "espeak")
    recording = make_demo(lambda voice: synthesizer.make(language=voice))
    output.mkdir(parents=True, exist_ok=True)
    source = output / "demo.wav"
    _write_wav(source, recording.audio)
    with HybridTokenizer.from_preset("default") as tokenizer:
        _roundtrip(
            tokenizer,
            str(source),
            output,
            "demo",
            KnownAnnotations() if recognize else KnownAnnotations(words=recording.words),
        )


@app.command()
def show(
    tokens: TokenFile,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: header and stream as JSON.")] = False,
    text_tokenizer: TextTokenizer = None,
) -> None:
    """Print the stream in a .hyt file as a person reads it."""
    from hybrid_tok.tokenizer import HybridTokenizer
    from hybrid_tok.tokens.render import format_stream, stream_to_json

    with HybridTokenizer.for_file(tokens, **_chosen({"text_tokenizer": text_tokenizer})) as tokenizer:
        file = tokenizer.load(tokens)
        stream = tokenizer.vocabulary.decode(file.ids)
    if as_json:
        typer.echo(json.dumps({"header": asdict(file.header), "stream": stream_to_json(stream)}, ensure_ascii=False))
    else:
        typer.echo(format_stream(stream, max_frames=2))


@app.command()
def info(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Presets, backends found and missing, id ranges, fingerprint."""
    from hybrid_tok.cli.info import collect_info, format_info

    collected = collect_info()
    typer.echo(json.dumps(asdict(collected), indent=2) if as_json else format_info(collected))


def _roundtrip(tokenizer: HybridTokenizer, recording: str, folder: Path, name: str, known: Known) -> None:
    """Encode, decode, and write the three files; nothing is written before everything has worked."""
    with _progress() as listen:
        analysis = tokenizer.analyze(recording, annotations=known, listen=listen)
        decoded = tokenizer.decode_analysis(analysis, listen=listen)
    from hybrid_tok.core.atomic_write import atomic_write
    from hybrid_tok.tokens.summary import transcript

    folder.mkdir(parents=True, exist_ok=True)
    text = transcript(analysis.stream)
    tokenizer.save(folder / f"{name}.hyt", analysis)
    _write_wav(folder / f"{name}.roundtrip.wav", decoded.audio)
    with atomic_write(folder / f"{name}.transcript.txt") as file:
        file.write(f"{text}\n".encode())
    typer.echo(text)
    typer.echo()
    typer.echo(_figures(analysis, decoded.stage_seconds))
    typer.echo(f"wrote {folder / name}.hyt, .roundtrip.wav and .transcript.txt")


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


def _write_wav(path: Path, audio: Any) -> None:
    from hybrid_tok.audio import write_wav

    write_wav(path, audio)


def _stem(recording: str) -> str:
    return "stdin" if recording == "-" else Path(recording).stem


def _beside(recording: str, suffix: str) -> Path:
    """The default place of a result: beside the recording; in the current folder for standard input."""
    return Path(f"stdin{suffix}") if recording == "-" else Path(recording).with_suffix(suffix)


def _target(path: Path) -> Path:
    """A path that can be written to, so that an hour of work does not end in an error that a look would have found."""
    if path.is_dir():
        raise OptionsError(f"{path} is a folder: -o takes the name of the file to write")
    if not path.parent.is_dir():
        raise OptionsError(f"{path.parent} is no folder: make it first, or choose another -o")
    return path


def _say(message: str) -> None:
    typer.echo(message, err=True)


@contextmanager
def _progress() -> Iterator[Callable[[str, float, float], None] | None]:
    """A progress bar on a terminal, nothing in a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<16}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def listen(stage: str, done: float, total: float) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield listen


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """A warning as one line, without the place in our code that it came from."""
    _say(f"hybrid-tok: {'' if category is AnnotationWarning else category.__name__ + ': '}{message}")


def main() -> None:
    """Run the command; the one place where errors and warnings become messages, and errors exit codes."""
    warnings.showwarning = _show_warning
    try:
        app()
    except HybridTokError as error:
        _say(f"hybrid-tok: {error}")
        sys.exit(2)
    except OSError as error:
        _say(f"hybrid-tok: {error.filename or 'file'}: {error.strerror or error}")
        sys.exit(2)
    except KeyboardInterrupt:
        _say("hybrid-tok: stopped; nothing half-written")
        sys.exit(130)
