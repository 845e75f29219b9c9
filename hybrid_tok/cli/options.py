"""The options of commands that make a tokenizer: the fields of `TokenizerOptions`, with their types and defaults."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import Field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, TypeAlias, get_type_hints

import typer

from hybrid_tok.core.interfaces import STAGES, Stage
from hybrid_tok.core.threads import VARIABLE
from hybrid_tok.errors import OptionsError
from hybrid_tok.formats.annotation_files import AnnotationFiles
from hybrid_tok.options import TokenizerOptions

Command: TypeAlias = Callable[..., None]


def _option(panel: str, *names: str, **settings: Any) -> Any:
    return typer.Option(*names, rich_help_panel=panel, **settings)


_LISTEN, _WRITE, _SPEAK, _KNOWN = "Listening", "What is written", "Speaking", "What is known already"
_WHERE = "Options"

_TOKENIZER: Mapping[str, Any] = MappingProxyType(
    {
        "model": _option(_LISTEN, help="Whisper model: base, tiny.en, a name in the Hugging Face cache, or a folder."),
        "language": _option(_LISTEN, help="Language spoken, such as en, de or zh; it is detected if left out."),
        "windows": _option(_LISTEN, help="Recognize segments of speech, as many as fit 30 s (faster), or short ones."),
        "events": _option(_LISTEN, help="Detect laughter, breath and the like."),
        "diarize": _option(_LISTEN, help="Tell speakers apart."),
        "speakers": _option(_LISTEN, help="Number of speakers, if known.", min=1),
        "diarize_channels": _option(_LISTEN, help="Tell speakers apart in the mix, or in each channel by itself."),
        "allow_truncated": _option(_LISTEN, "--allow-truncated", help="Encode what there is of a damaged recording."),
        "layout": _option(_WRITE, help="What may be written: words and units, words only, or units only."),
        "timing": _option(_WRITE, help="Exact places and length, or the decoder's own pace."),
        "durations": _option(_WRITE, help="In locked timing, a duration per text run or per word."),
        "num_codebooks": _option(_WRITE, "--codebooks", help="Units per frame of the codec.", min=1),
        "event_codebooks": _option(_WRITE, "--event-codebooks", help="Units per frame of laughs and the like.", min=1),
        "run_length": _option(_WRITE, "--run-length", help="Write repeated frames once, with a count."),
        "rate_weight": _option(_WRITE, help="Cost of a token, in words: 0 is a pure codec, inf pure text.", min=0.0),
        "voice": _option(_WRITE, "--voice-codes/--no-voice", help="Write each speaker's voice code: 17 tokens."),
        "prosody": _option(_WRITE, help="Write pitch, energy and rate of each word: 3 tokens."),
        "unit_merges": _option(_WRITE, help="Merged units: the units.json of `hybrid-tok train units`."),
        "text_tokenizer": _option(_WRITE, help="An LLM's tokenizer.json or SentencePiece model."),
        "speak_as": _option(_SPEAK, help="Language that all text is spoken in; by default its own."),
        "room_tone": _option(_SPEAK, help="Fill what is between units with the noise of the room heard in them."),
        "max_seconds": _option(_SPEAK, help="Longest audio that is decoded: a few ids may ask for days.", min=0.0),
        "device": _option(_WHERE, help="Where models compute: cpu, cuda or cuda:N; ids may differ between devices."),
    }
)
_STAGES: Mapping[Stage, str] = MappingProxyType(
    {**dict.fromkeys(STAGES, _LISTEN), "codec": _WRITE, "synthesizer": _SPEAK}
)
"""The panels of `--set STAGE=..`."""

LISTENING = (
    *(name for name, option in _TOKENIZER.items() if option.rich_help_panel in (_LISTEN, _WHERE)),
    *(stage for stage, panel in _STAGES.items() if panel == _LISTEN),
)
"""Options of a command that only annotates."""

ENCODING = (
    *(name for name, option in _TOKENIZER.items() if option.rich_help_panel != _SPEAK),
    *(stage for stage, panel in _STAGES.items() if panel != _SPEAK),
)
"""Options of a command that encodes and does not decode."""

EVERYTHING = (*_TOKENIZER, *STAGES)

_THREADS = typer.Option(
    "--threads",
    help=f"Threads to use; by default {VARIABLE}, or one per processor.",
    min=1,
    max=4096,
    show_default=False,
)

_FILES: Mapping[str, tuple[str, Any]] = MappingProxyType(
    {
        "words_from": (
            "words",
            _option(_KNOWN, "--words", help="Words: WhisperX, whisper.cpp, NeMo, .ctm, .srt, .vtt or .TextGrid."),
        ),
        "transcript": ("transcript", _option(_KNOWN, "--transcript", help="Plain text of what is said.")),
        "speakers_from": ("speakers", _option(_KNOWN, "--speakers-from", help="Speaker turns: .rttm.")),
        "events_from": ("events", _option(_KNOWN, "--events-from", help="Vocal events: Audacity labels.")),
    }
)
"""Parameter -> field of `AnnotationFiles`, and its option."""


def takes_options(*names: str, threads: bool = True) -> Callable[[Command], Command]:
    """Give a command these options of `TokenizerOptions`; it receives those that were given as keyword arguments.

    Args:
        threads: whether it takes `--threads` too.
    """
    stages = [stage for stage in STAGES if stage in names]
    added = {field.name: _parameter(field) for field in fields(TokenizerOptions) if field.name in _TOKENIZER}
    added = {name: added[name] for name in names if name in added}
    if stages:
        added["backends"] = (Annotated[list[str] | None, _set_option(stages)], None)
    if not threads:
        return lambda command: _extended(_with_given(command, stages), added)
    added["threads"] = (Annotated[int | None, _THREADS], None)
    return lambda command: _extended(_with_given(_with_threads(command), stages), added)


def _parameter(option: Field[Any]) -> tuple[Any, None]:
    """An option's type, and None as its default: what is left out is the preset's choice. Help shows the usual one."""
    described = copy(_TOKENIZER[option.name])
    described.show_default = False if option.default in (None, False) else str(option.default)
    if option.default is True:  # a flag
        described.show_default = option.name.replace("_", "-")
    return Annotated[get_type_hints(TokenizerOptions)[option.name] | None, described], None


def _set_option(stages: Sequence[str]) -> Any:
    return typer.Option(
        "--set",
        metavar="STAGE=BACKEND[:MODEL]",
        help=f"Another backend: of {', '.join(stages)}; MODEL is a path or a name in the Hugging Face cache. "
        "See `hybrid-tok info`.",
        show_default=False,
    )


def _with_given(command: Command, stages: Sequence[str]) -> Command:
    """A command that gets only the options that were given; those of `--set` by the names of their stages."""

    @functools.wraps(command)
    def run(*, backends: list[str] | None = None, **given: Any) -> None:
        chosen = {name: value for name, value in given.items() if value is not None or name not in _TOKENIZER}
        command(**chosen, **read_backends(backends or (), stages))

    return run


def read_backends(given: Sequence[str], stages: Sequence[str] = STAGES) -> dict[str, str]:
    """STAGE=BACKEND[:MODEL] as options.

    Raises:
        OptionsError: something else, a stage given twice, or one that is not among `stages`.
    """
    found: dict[str, str] = {}
    for one in given:
        stage, equals, backend = one.partition("=")
        stage = stage.replace("-", "_")
        if not equals or not backend:
            raise OptionsError(f"--set takes STAGE=BACKEND or STAGE=BACKEND:MODEL, such as codec=mimi, not {one!r}")
        if stage not in stages:
            raise OptionsError(f"--set {one}: the stages that can be set here are {', '.join(stages)}")
        if stage in found:
            raise OptionsError(f"--set {stage}=.. was given twice; give it once")
        found[stage] = backend
    return found


def _with_threads(command: Command) -> Command:
    """A command that takes `threads` too, and has everything it loads use as many."""

    @functools.wraps(command)
    def run(*, threads: int | None, **given: Any) -> None:
        if threads is not None:
            os.environ[VARIABLE] = os.environ["OMP_NUM_THREADS"] = str(threads)  # torch reads it when it is imported
        command(**given)

    return run


def takes_a_recording(*names: str) -> Callable[[Command], Command]:
    """Give a command the preset, these options, and the annotation files, which it receives as `known`."""
    files = {name: (Annotated[Path | None, option], None) for name, (_, option) in _FILES.items()}
    preset = {"preset": (Annotated[str, typer.Option(help="Choice of backends, or a preset file.")], "default")}

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(**given: Any) -> None:
            known = AnnotationFiles(**{field: given.pop(name) for name, (field, _) in _FILES.items()})
            command(known=known, **given)

        return takes_options(*names)(_extended(run, {**files, **preset}))

    return decorate


def _extended(command: Command, added: Mapping[str, tuple[Any, Any]]) -> Command:
    """A command with further options, by name with type and default, in place of those it takes by keyword only."""

    @functools.wraps(command)
    def run(**given: Any) -> None:
        command(**given)

    keyword = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.kind not in keyword]
    others = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)
        for name, (annotation, default) in added.items()
    ]
    vars(run)["__signature__"] = inspect.Signature([*own, *others])
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *others)}
    return run
