"""The options of commands that make a tokenizer: the fields of `TokenizerOptions`, with their types and defaults."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, TypeAlias, get_type_hints

import typer

from hybrid_tok.formats.annotation_files import AnnotationFiles
from hybrid_tok.options import TokenizerOptions

Command: TypeAlias = Callable[..., None]

_TOKENIZER: Mapping[str, Any] = MappingProxyType(
    {
        "layout": typer.Option(help="What may be written: words and units, words only, or units only."),
        "timing": typer.Option(help="Exact places and length, or the decoder's own pace."),
        "durations": typer.Option(help="In locked timing, a duration per text run or per word."),
        "num_codebooks": typer.Option("--codebooks", help="Units per 20 ms.", min=1),
        "run_length": typer.Option("--run-length", help="Write repeated frames once, with a count."),
        "rate_weight": typer.Option(help="Cost of a token, in words: 0 is a pure codec, inf pure text.", min=0.0),
        "text_tokenizer": typer.Option(help="An LLM's tokenizer.json or SentencePiece model."),
        "model": typer.Option(help="Whisper model: base, tiny.en, a name in the Hugging Face cache, or a folder."),
        "language": typer.Option(help="Language spoken, such as en, de or zh; it is detected if left out."),
        "windows": typer.Option(help="Recognize each speech segment by itself, or as many as fit 30 s (faster)."),
        "events": typer.Option(help="Detect laughter, breath and the like."),
        "diarize": typer.Option(help="Tell speakers apart."),
        "speakers": typer.Option(help="Number of speakers, if known.", min=1),
        "diarize_channels": typer.Option(help="Tell speakers apart in the mix, or in each channel by itself."),
        "voice": typer.Option("--voice-codes/--no-voice", help="Write each speaker's voice code: 17 tokens."),
        "prosody": typer.Option(help="Write pitch, energy and rate of each word: 3 tokens."),
        "speak_as": typer.Option(help="Language that all text is spoken in; by default its own."),
        "synthesizer": typer.Option(help="Who speaks: kokoro sounds human, espeak is fast and robotic."),
        "room_tone": typer.Option(help="Fill what is between units with the noise of the room heard in them."),
        "allow_truncated": typer.Option("--allow-truncated", help="Encode what there is of a damaged recording."),
        "max_seconds": typer.Option(help="Longest audio that is decoded: a few ids may ask for days.", min=0.0),
    }
)

_FILES: Mapping[str, tuple[str, Any]] = MappingProxyType(
    {
        "words_from": (
            "words",
            typer.Option("--words", help="Words: WhisperX, whisper.cpp, NeMo, .ctm, .srt, .vtt or .TextGrid."),
        ),
        "transcript": ("transcript", typer.Option("--transcript", help="Plain text of what is said.")),
        "speakers_from": ("speakers", typer.Option("--speakers-from", help="Speaker turns: .rttm.")),
        "events_from": ("events", typer.Option("--events-from", help="Vocal events: Audacity labels.")),
    }
)
"""Parameter -> field of `AnnotationFiles`, and its option."""


def takes_options(*names: str) -> Callable[[Command], Command]:
    """Give a command these options of `TokenizerOptions`; it receives them as keyword arguments."""
    hints = get_type_hints(TokenizerOptions)
    defaults = {field.name: field.default for field in fields(TokenizerOptions)}
    added = {name: (Annotated[hints[name], _TOKENIZER[name]], defaults[name]) for name in names}
    return lambda command: _extended(command, added)


def takes_all_options(command: Command) -> Command:
    """Give a command the preset, all of `TokenizerOptions`, and the annotation files, which it receives as `known`."""
    files = {name: (Annotated[Path | None, option], None) for name, (_, option) in _FILES.items()}
    preset = {"preset": (Annotated[str, typer.Option(help="Choice of backends; see `hybrid-tok info`.")], "default")}

    @functools.wraps(command)
    def run(**given: Any) -> None:
        known = AnnotationFiles(**{field: given.pop(name) for name, (field, _) in _FILES.items()})
        command(known=known, **given)

    return takes_options(*_TOKENIZER)(_extended(run, {**files, **preset}))


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
